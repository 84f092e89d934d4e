//! Commands, and what administrators see.

use crate::appservice;
use crate::facts::User;
use crate::ids::key;
use crate::record::Record;
use crate::view::{Key, Missing, View};

/// What `/federation` was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say what there is.
    Help,
    /// Say how things stand.
    Status,
    /// Show the registration file.
    Registration,
    /// Federate the room and invite a Matrix user.
    Invite {
        /// The user's id, as typed.
        mxid: String,
    },
    /// Something else.
    Unknown {
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the words after `/federation`.
pub fn parse(words: &[String]) -> Command {
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    match words.as_slice() {
        [] | ["help"] => Command::Help,
        ["status"] => Command::Status,
        ["registration"] => Command::Registration,
        ["invite", mxid] => Command::Invite { mxid: (*mxid).to_owned() },
        ["invite", ..] => Command::Unknown { why: "Name one Matrix user to invite.".to_owned() },
        [other, ..] => Command::Unknown { why: format!("There is no command '{other}'.") },
    }
}

/// The commands, one line each.
pub fn help() -> String {
    "`/federation invite @user:server` brings this room to Matrix and invites somebody
`/federation status` says how the connection stands
`/federation registration` shows administrators the file for the homeserver"
        .to_owned()
}

/// How things stand, in a few lines.
pub fn status(view: &View) -> Result<String, Missing> {
    view.all([key::INSTANCES, key::JOURNALS, key::PORTALS, key::DEAD].map(Key::documents))?;
    let count = |association: &str, is: fn(&Record) -> bool| {
        view.records(association).map(|records| records.iter().filter(|it| is(it)).count())
    };
    let portals = count(key::PORTALS, |it| matches!(it, Record::Portal(_)))?;
    let waiting = count(key::JOURNALS, |it| matches!(it, Record::Entry(_)))?;
    let dead = count(key::DEAD, |it| matches!(it, Record::Dead(_)))?;
    let server = if view.config.is_complete() {
        format!("Homeserver: {} at {}", view.config.server_name, view.config.homeserver())
    } else {
        "Homeserver: not set yet, see the App's settings".to_owned()
    };
    Ok(format!("{server}\nFederated rooms: {portals}\nWaiting: {waiting}\nPut aside after errors: {dead}"))
}

/// The registration file, for administrators only.
pub fn registration(view: &View, user: &User) -> Result<String, Missing> {
    if !user.roles.iter().any(|role| role == "admin") {
        return Ok("Only administrators may see the registration: it holds secrets.".to_owned());
    }
    if !view.config.is_complete() {
        return Ok("Set the homeserver's address and name in the App's settings first.".to_owned());
    }
    Ok(match appservice::registration(view)? {
        Some(yaml) => format!(
            "Save this as `rocketchat-registration.yaml` beside the homeserver, name it there under \
             `app_service_config_files`, and restart the homeserver.\n```yaml\n{yaml}```"
        ),
        None => "The registration is being made; ask again in a moment.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let parse = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse(""), Command::Help);
        assert_eq!(parse("invite  @bob:x.org"), Command::Invite { mxid: "@bob:x.org".to_owned() });
        assert!(matches!(parse("invite"), Command::Unknown { .. }));
        assert!(matches!(parse("dance"), Command::Unknown { why } if why.contains("dance")));
    }
}
