//! `/federation join`: a Matrix room that is there already gets its portal.

use std::rc::Rc;

use super::{incoming, portal};
use crate::attachment::Intent;
use crate::effect::Effect;
use crate::facts::{Room, User};
use crate::ids::{self, Scope};
use crate::policy;
use crate::record::{Entry, Portal, Record, Work};
use crate::view::{Missing, View};

/// Takes it into the room's journal, or says why not.
pub(super) fn begin(
    view: &View,
    by: &User,
    room: &Room,
    remote: &str,
    via: &[String],
) -> Result<Result<Vec<Effect>, String>, Missing> {
    if let Err(why) = policy::admits_room(&view.config, room) {
        return Ok(Err(why));
    }
    if let Some(portal) = portal::of_local(view, &room.id)? {
        return Ok(Err(format!("This room is one with {} already.", portal.remote)));
    }
    if !(remote.starts_with(['!', '#']) && (2..=255).contains(&remote.len())) {
        let like = "One looks like !abc:example.org or #name:example.org";
        return Ok(Err(format!("'{remote}' is not a Matrix room. {like}")));
    }
    let entry = Entry {
        id: format!("join:{}:{}", ids::digest(&[&room.id, remote]), view.now),
        scope: Scope::local(&room.id),
        at: view.now,
        part: 0,
        work: Work::Join { room: room.clone(), by: by.clone(), remote: remote.to_owned(), via: via.to_vec() },
    };
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    let say = say(room, by, format!("Joining {remote} …"));
    Ok(Ok(vec![Record::Entry(Rc::new(entry)).insert(), say, wake]))
}

/// What it wants of the network.
pub(super) fn intent(entry: &Entry, by: &User, remote: &str, via: &[String]) -> Intent {
    Intent::Join {
        room: remote.to_owned(),
        by: by.clone(),
        via: via.to_vec(),
        transaction: entry.id.clone(),
        at: entry.at,
    }
}

/// We are in the room: what is said from now on goes both ways.
pub(super) fn joined(
    view: &View,
    entry: &Entry,
    room: &Room,
    by: &User,
    remote: &str,
    events: &[String],
) -> Vec<Effect> {
    let portal = Portal { local: room.id.clone(), remote: remote.to_owned(), since: entry.at, dm: None };
    // Who is there already comes first, by the time of the question.
    let mut effects = incoming::journaled(&Scope::remote(remote), entry.at, events.to_vec());
    effects.push(Record::Portal(portal).insert());
    effects.push(say(room, by, format!("This room is now {remote}. What is said here reaches Matrix.")));
    effects.push(Effect::Wake { scope: Scope::remote(remote), at: view.now });
    effects
}

/// It was refused.
pub(super) fn refused(room: &Room, by: &User, remote: &str, why: &str) -> Vec<Effect> {
    vec![say(room, by, format!("{remote} could not be joined: {why}"))]
}

fn say(room: &Room, user: &User, text: String) -> Effect {
    Effect::Notify { room: room.id.clone(), user: user.id.clone(), text }
}
