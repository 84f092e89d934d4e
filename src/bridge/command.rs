//! `/federation`: what somebody asked for is done, or they are told why not. Only they see the answer.

use super::{dm, invite, join};
use crate::admin::{self, Command};
use crate::config::Mode;
use crate::effect::Effect;
use crate::facts::{Room, User};
use crate::server;
use crate::view::{Missing, View};

/// Does what somebody asked for, or says why not.
pub(super) fn run(view: &View, user: &User, room: &Room, words: &[String]) -> Result<Vec<Effect>, Missing> {
    let say = |text: String| Effect::Notify { room: room.id.clone(), user: user.id.clone(), text };
    Ok(match admin::parse(words) {
        Command::Help => vec![say(admin::help())],
        Command::Status => vec![say(admin::status(view)?)],
        Command::Registration | Command::Dead | Command::Retry | Command::RotateKey | Command::Check
            if !admin::is_administrator(user) =>
        {
            vec![say("Only administrators may do that.".to_owned())]
        }
        Command::Registration => vec![say(admin::registration(view)?)],
        Command::Check => vec![
            say("Checking everything; this takes up to 40 seconds.".to_owned()),
            Effect::Check { user: user.id.clone(), room: room.id.clone() },
        ],
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
