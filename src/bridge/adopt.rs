//! Taking up the rooms of an earlier installation: its documents are gone, but the homeserver still has the rooms, and
//! our own user is in them.
//!
//! What was said before is not sent again, and what was shown is not shown again: the portal begins now.

use std::rc::Rc;

use super::portal;
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::ids::{Scope, key};
use crate::policy;
use crate::record::{Entry, Portal, Record, Work};
use crate::view::{Key, Missing, View};

/// Before whatever else waits in the room's journal: it all needs the portal.
const FIRST: i64 = 0;

/// Looks into those of the rooms that we are in and that have no portal.
pub(super) fn found(view: &View, rooms: &[String]) -> Result<Vec<Effect>, Missing> {
    let portals = view.records(key::PORTALS)?;
    let is_portal =
        |room: &str| portals.iter().any(|it| matches!(it, Record::Portal(it) if it.remote == room));
    let mut effects = vec![];
    for room in rooms.iter().filter(|it| !is_portal(it)) {
        let scope = Scope::remote(room);
        let id = format!("adopt:{room}");
        let entry = Entry { id, scope: scope.clone(), at: FIRST, part: 0, work: Work::Adopt };
        effects.push(Record::Entry(Rc::new(entry)).insert());
        effects.push(Effect::Wake { scope, at: view.now });
    }
    Ok(effects)
}

/// What it wants of the network; nothing where the room became a portal meanwhile.
pub(super) fn intent(view: &View, entry: &Entry) -> Result<Option<Intent>, Missing> {
    let Some(room) = entry.scope.remote_room() else { return Ok(None) };
    let is_portal = portal::of_remote(view, room)?.is_some();
    Ok((!is_portal).then(|| Intent::Recognise { room: room.to_owned() }))
}

/// It is known which Rocket.Chat room it was: if that is still there and is nobody else's portal, it goes on.
pub(super) fn recognised(view: &View, entry: &Entry, local: Option<&str>) -> Result<Vec<Effect>, Missing> {
    let (Some(remote), Some(local)) = (entry.scope.remote_room(), local) else { return Ok(vec![]) };
    view.all([Key::Room { id: local.to_owned() }, Key::documents(key::portal_local(local))])?;
    let taken = portal::of_local(view, local)?.filter(|it| it.remote != remote);
    let why = match (view.room(local)?, taken) {
        (None, _) => "the room is not there any more".to_owned(),
        (Some(_), Some(other)) => format!("the room is one with {} by now", other.remote),
        (Some(room), None) => match policy::admits_room(&view.config, room) {
            Ok(()) => return Ok(taken_up(view, remote, &room.name, local)),
            Err(why) => why,
        },
    };
    let text = format!("{remote} was room {local} before, but is not taken up again: {why}");
    Ok(vec![Effect::Log { level: Level::Info, text }])
}

fn taken_up(view: &View, remote: &str, name: &str, local: &str) -> Vec<Effect> {
    let portal = Portal { local: local.to_owned(), remote: remote.to_owned(), since: view.now, dm: None };
    let text = format!("Taken up again from an earlier installation: '{name}' is {remote}.");
    vec![Record::Portal(portal).insert(), Effect::Log { level: Level::Info, text }]
}
