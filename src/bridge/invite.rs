//! Making a room a portal, and inviting Matrix users into it.

use std::rc::Rc;

use super::portal;
use crate::attachment::Intent;
use crate::effect::Effect;
use crate::facts::{Room, User};
use crate::ids::{self, Scope};
use crate::policy;
use crate::record::{Entry, Portal, Record, Work};
use crate::view::{Missing, View};

/// Takes an invitation into the room's journal, or says why not.
pub(super) fn begin(view: &View, by: &User, room: &Room, mxid: &str) -> Result<Vec<Effect>, String> {
    policy::admits(&view.config, room, mxid)?;
    let entry = entry(view, by, room, mxid);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    let say =
        Effect::Notify { room: room.id.clone(), user: by.id.clone(), text: format!("Inviting {mxid} …") };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), say, wake])
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
    let portal = Portal { local: room.id.clone(), remote: remote.to_owned(), since: entry.at, dm: None };
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
