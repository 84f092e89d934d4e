//! `/federation`: what somebody asked for is done, or they are told why not. Only they see the answer.

use super::{dm, invite, join};
use crate::admin::{self, Command};
use crate::config::Mode;
use crate::effect::{Effect, Place};
use crate::facts::{Room, User};
use crate::server;
use crate::view::{Missing, View};

/// Does what somebody asked for, or says why not: in the room, or in the window that they asked in.
pub(super) fn run(
    view: &View,
    user: &User,
    room: &Room,
    words: &[String],
    place: Option<&Place>,
) -> Result<Vec<Effect>, Missing> {
    let command = admin::parse(words);
    let window = place.filter(|it| it.view.is_some() || command == Command::Admin);
    let Some(place) = window.filter(|_| admin::is_administrator(user)) else {
        return done(view, user, room, command);
    };
    let opened_in = place.view.as_deref().map_or(&*room.id, admin::room_of_window);
    let room = Room { id: opened_in.to_owned(), ..room.clone() };
    let effects = done(view, user, &room, command)?;
    Ok(admin::in_window(effects, user, &room.id, place))
}

/// Does it, or says why not.
fn done(view: &View, user: &User, room: &Room, command: Command) -> Result<Vec<Effect>, Missing> {
    let say = |text: String| Effect::Notify { room: room.id.clone(), user: user.id.clone(), text };
    let said = |(mut effects, text): (Vec<Effect>, String)| {
        effects.push(say(text));
        effects
    };
    Ok(match command {
        Command::Help => vec![say(admin::help())],
        Command::Registration
        | Command::Dead
        | Command::Retry
        | Command::RotateKey
        | Command::Admin
        | Command::RotateTokens
        | Command::Export
        | Command::Import { .. }
        | Command::Check
            if !admin::is_administrator(user) =>
        {
            vec![say("Only administrators may do that.".to_owned())]
        }
        Command::Check => vec![
            say("Checking everything; this takes up to 40 seconds.".to_owned()),
            Effect::Check { user: user.id.clone(), room: room.id.clone() },
        ],
        Command::Status | Command::Admin => vec![say(admin::status(view)?)],
        Command::Registration => said(admin::registration(view)?),
        Command::RotateTokens => said(admin::rotate_tokens(view)?),
        Command::Export => said(admin::export(view)?),
        Command::Import { key } => said(admin::import(view, user, room, &key)?),
        Command::Dead => vec![say(admin::dead(view)?)],
        Command::Retry => {
            let mut effects = admin::retry(view)?;
            effects.push(say("Trying again what was put aside.".to_owned()));
            effects
        }
        Command::RotateKey if view.config.mode != Mode::Direct => {
            vec![say("Only in direct mode does this workspace have a key of its own.".to_owned())]
        }
        Command::RotateKey => match server::rotate_key(view)? {
            Ok(mut effects) => {
                effects
                    .push(say("What this workspace sends is signed with a new key from now on.".to_owned()));
                effects
            }
            Err(why) => vec![say(format!("No new key was made: {why}."))],
        },
        Command::Unknown { why } => vec![say(format!("{why}\n{}", admin::help()))],
        Command::Join { remote, via } => {
            join::begin(view, user, room, &remote, &via)?.unwrap_or_else(|why| vec![say(why)])
        }
        Command::Dm { mxids } => dm::begin(view, user, room, &mxids).unwrap_or_else(|why| vec![say(why)]),
        Command::Invite { mxid } => {
            invite::begin(view, user, room, &mxid).unwrap_or_else(|why| vec![say(why)])
        }
    })
}
