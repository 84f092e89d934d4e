//! `/federation` and what it sets going: a room is made a portal, and Matrix users are invited into it.

use std::rc::Rc;

use super::{join, portal};
use crate::admin::{self, Command};
use crate::attachment::Intent;
use crate::config::Mode;
use crate::effect::Effect;
use crate::facts::{Room, User};
use crate::ids::{self, Scope};
use crate::policy;
use crate::record::{Entry, Portal, Record, Work};
use crate::server;
use crate::view::{Missing, View};

/// Does what somebody asked for, or says why not.
pub(super) fn command(
    view: &View,
    user: &User,
    room: &Room,
    words: &[String],
) -> Result<Vec<Effect>, Missing> {
    let say = |text: String| Effect::Notify { room: room.id.clone(), user: user.id.clone(), text };
    Ok(match admin::parse(words) {
        Command::Help => vec![say(admin::help())],
        Command::Status => vec![say(admin::status(view)?)],
        Command::Registration | Command::Dead | Command::Retry | Command::RotateKey
            if !admin::is_administrator(user) =>
        {
            vec![say("Only administrators may do that.".to_owned())]
        }
        Command::Registration => vec![say(admin::registration(view)?)],
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
            if let Err(why) = policy::admits_room(&view.config, room) {
                return Ok(vec![say(why)]);
            }
            if let Some(portal) = portal::of_local(view, &room.id)? {
                return Ok(vec![say(format!("This room is one with {} already.", portal.remote))]);
            }
            if let Some(why) = join::fault(&remote) {
                return Ok(vec![say(why)]);
            }
            join::begin(view, user, room, &remote, &via)
        }
        Command::Invite { mxid } => {
            if let Err(why) = policy::admits(&view.config, room, &mxid) {
                return Ok(vec![say(why)]);
            }
            let entry = entry(view, user, room, &mxid);
            let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
            vec![Record::Entry(Rc::new(entry)).insert(), say(format!("Inviting {mxid} …")), wake]
        }
    })
}

fn entry(view: &View, by: &User, room: &Room, mxid: &str) -> Entry {
    Entry {
        id: format!("invite:{}:{}", ids::digest(&[&room.id, mxid]), view.now),
        scope: Scope::local(&room.id),
        at: view.now,
        part: 0,
        work: Work::Invite { room: room.clone(), by: by.clone(), mxid: mxid.to_owned() },
    }
}

/// What an invitation wants of the network next: first a room, then the invitation itself.
pub(super) fn intent(view: &View, room: &Room, by: &User, mxid: &str) -> Result<Intent, Missing> {
    Ok(match portal::of_local(view, &room.id)? {
        None => Intent::CreateRoom { room: room.clone() },
        Some(portal) => Intent::Invite { room: portal.remote, by: by.clone(), mxid: mxid.to_owned() },
    })
}

/// The Matrix room is there: the room is a portal for all that was said since somebody asked for it, and what came
/// from there meanwhile may come in.
pub(super) fn created(view: &View, entry: &Entry, room: &Room, remote: &str) -> Vec<Effect> {
    let portal = Portal { local: room.id.clone(), remote: remote.to_owned(), since: entry.at };
    vec![Record::Portal(portal).insert(), Effect::Wake { scope: Scope::remote(remote), at: view.now }]
}

/// The invitation is out.
pub(super) fn invited(room: &Room, by: &User, mxid: &str) -> Vec<Effect> {
    vec![Effect::Notify {
        room: room.id.clone(),
        user: by.id.clone(),
        text: format!("{mxid} is invited. What is said here now reaches Matrix."),
    }]
}

/// The invitation was refused.
pub(super) fn refused(room: &Room, by: &User, mxid: &str, why: &str) -> Vec<Effect> {
    vec![Effect::Notify {
        room: room.id.clone(),
        user: by.id.clone(),
        text: format!("{mxid} could not be invited: {why}"),
    }]
}
