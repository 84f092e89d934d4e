//! Commands, and what administrators see.

pub mod check;
mod download;
mod export;
mod import;
mod registration;
mod window;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::appservice;
use crate::config::Mode;
use crate::effect::Effect;
use crate::facts::User;
use crate::ids::key;
use crate::record::{Dead, Portal, Record, Work};
use crate::view::{Key, Missing, View};

pub use download::answer as download;
pub use export::offer as export;
pub use import::take as import;
pub use registration::{rotate as rotate_tokens, show as registration};
pub use window::{answered as in_window, room_of as room_of_window};

/// So many lines of a list are shown.
const SHOWN: usize = 10;

/// What `/federation` was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say what there is.
    Help,
    /// Say how things stand.
    Status,
    /// Show the registration file.
    Registration,
    /// List what was put aside after errors.
    Dead,
    /// Try again what was put aside.
    Retry,
    /// Sign with a new key from now on.
    RotateKey,
    /// Find out whether everything works.
    Check,
    /// Federate the room and invite a Matrix user.
    Invite {
        /// The user's id, as typed.
        mxid: String,
    },
    /// Make the room the portal of a Matrix room that is there already.
    Join {
        /// The Matrix room, as typed.
        remote: String,
        /// Servers that are in it, as typed.
        via: Vec<String>,
    },
    /// Open a direct message with Matrix users.
    Dm {
        /// Their ids, as typed.
        mxids: Vec<String>,
    },
    /// Open the administrators' window.
    Admin,
    /// Draw the next tokens for the homeserver.
    RotateTokens,
    /// Offer the installation's identity for download.
    Export,
    /// Take over the identity of an earlier installation.
    Import {
        /// What the file is sealed with, as typed.
        key: String,
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
        ["dead"] => Command::Dead,
        ["retry"] => Command::Retry,
        ["rotate-key"] => Command::RotateKey,
        ["check"] => Command::Check,
        ["admin"] => Command::Admin,
        ["rotate-tokens"] => Command::RotateTokens,
        ["export"] => Command::Export,
        ["import", key] => Command::Import { key: (*key).to_owned() },
        ["import", ..] => Command::Unknown {
            why: "Post the exported file in this room, then type `/federation import` and its key."
                .to_owned(),
        },
        ["invite", mxid] => Command::Invite { mxid: (*mxid).to_owned() },
        ["join", remote, via @ ..] => Command::Join {
            remote: (*remote).to_owned(),
            via: via.iter().map(|it| (*it).to_owned()).collect(),
        },
        ["dm", first, more @ ..] => {
            Command::Dm { mxids: [first].into_iter().chain(more).map(|it| (*it).to_owned()).collect() }
        }
        ["dm"] => Command::Unknown { why: "Name the Matrix users to write to.".to_owned() },
        ["join"] => Command::Unknown { why: "Name the Matrix room to join.".to_owned() },
        ["invite", ..] => Command::Unknown { why: "Name one Matrix user to invite.".to_owned() },
        [other, ..] => Command::Unknown { why: format!("There is no command '{other}'.") },
    }
}

/// The commands, one line each.
pub fn help() -> String {
    "`/federation invite @user:server` brings this room to Matrix and invites somebody
`/federation join !room:server` makes this room one with a Matrix room; servers that are in it may follow
`/federation dm @user:server` opens a direct message with somebody on Matrix; more may follow
`/federation status` says how the connection stands
`/federation check` finds out for administrators whether everything works, and says how to mend what does not
`/federation registration` shows administrators the file for the homeserver
`/federation dead` lists for administrators what was put aside after errors, `/federation retry` tries it again
`/federation rotate-key` lets administrators sign with a new key from now on, in direct mode
`/federation admin` opens a window with all of this for administrators
`/federation rotate-tokens` draws new tokens for the homeserver, for administrators
`/federation export` gives administrators a file with all that makes up this installation, `/federation import KEY` takes it over"
        .to_owned()
}

/// How things stand, in a few lines.
pub fn status(view: &View) -> Result<String, Missing> {
    let keys = [key::INSTANCES, key::JOURNALS, key::PORTALS, key::DEAD, key::OUTAGE, key::TOKENS];
    view.all(keys.map(Key::documents))?;
    let count = |association: &str, is: fn(&Record) -> bool| {
        view.records(association).map(|records| records.iter().filter(|it| is(it)).count())
    };
    let portals = count(key::PORTALS, |it| matches!(it, Record::Portal(it) if it.dm.is_none()))?;
    let dms: BTreeSet<&str> = view.records(key::PORTALS)?.iter().filter_map(dm_room).collect();
    let dms = if dms.is_empty() { String::new() } else { format!(", direct messages: {}", dms.len()) };
    let waiting = count(key::JOURNALS, |it| matches!(it, Record::Entry(it) if is_awaited(&it.work)))?;
    let dead = count(key::DEAD, |it| matches!(it, Record::Dead(_)))?;
    let server = if view.config.mode == Mode::Direct && view.config.is_complete() {
        format!("This workspace is the Matrix server {}", view.config.server_name)
    } else if view.config.is_complete() {
        format!("Homeserver: {} at {}", view.config.server_name, view.config.homeserver())
    } else {
        "Homeserver: not set yet, see the App's settings".to_owned()
    };
    let failed = view.records(key::JOURNALS)?.iter();
    let failed = failed.filter_map(|it| if let Record::Retry(it) = it { Some(it) } else { None });
    let why = match failed.max_by_key(|it| it.due) {
        Some(retry) if waiting > 0 => format!(", because {}", retry.why),
        _ => String::new(),
    };
    let outages = view.records(key::OUTAGE)?.iter();
    let since =
        outages.filter_map(|it| if let Record::Outage(it) = it { Some(it.since) } else { None }).min();
    let away =
        since.map_or_else(String::new, |it| format!(", away for {} min", (view.now - it).max(0) / 60_000));
    let server = match (view.config.mode, appservice::locked_tokens(view)?) {
        (Mode::Homeserver, Some(why)) => format!("{server}\nNot connected: {why}"),
        (Mode::Homeserver | Mode::Direct, _) => server,
    };
    Ok(format!(
        "{server}{away}\nFederated rooms: {portals}{dms}\nWaiting: {waiting}{why}\nPut aside after errors: {dead}"
    ))
}

/// The room of a direct message, by one of its portals.
fn dm_room(record: &Record) -> Option<&str> {
    if let Record::Portal(Portal { local, dm: Some(_), .. }) = record { Some(local) } else { None }
}

/// Whether somebody waits for it; the rest is looking after things.
fn is_awaited(work: &Work) -> bool {
    match work {
        Work::Post { .. }
        | Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Events { .. }
        | Work::Open(_)
        | Work::Reach(_)
        | Work::Invited { .. }
        | Work::Decline(_)
        | Work::Register { .. }
        | Work::Pin(_)
        | Work::Pinned(_) => true,
        Work::Missed
        | Work::Adopt
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. } => false,
    }
}

/// Whether somebody is an administrator of the workspace.
pub fn is_administrator(user: &User) -> bool {
    user.roles.iter().any(|role| role == "admin")
}

/// What was put aside after errors, the newest first.
pub fn dead(view: &View) -> Result<String, Missing> {
    let mut dead = letters(view)?;
    dead.sort_by_key(|it| std::cmp::Reverse(it.at));
    let lines: Vec<String> = dead
        .iter()
        .take(SHOWN)
        .map(|it| format!("{} s ago, {}: {}", (view.now - it.at).max(0) / 1000, it.entry.scope, it.why))
        .collect();
    Ok(match (dead.len(), lines.join("\n")) {
        (0, _) => "Nothing was put aside.".to_owned(),
        (all, lines) if all > SHOWN => format!("{lines}\n… and {} more", all - SHOWN),
        (_, lines) => lines,
    })
}

/// The effects that put everything back into its journal.
pub fn retry(view: &View) -> Result<Vec<Effect>, Missing> {
    let mut effects = vec![];
    for dead in letters(view)? {
        let scope = dead.entry.scope.clone();
        effects.push(Record::Entry(Rc::new(dead.entry.clone())).insert());
        effects.push(Record::Dead(dead).remove());
        effects.push(Effect::Wake { scope, at: view.now });
    }
    Ok(effects)
}

fn letters(view: &View) -> Result<Vec<Dead>, Missing> {
    let records = view.records(key::DEAD)?.iter();
    Ok(records.filter_map(|it| if let Record::Dead(it) = it { Some(it.clone()) } else { None }).collect())
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
