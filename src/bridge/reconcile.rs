//! Comparing a portal with what was last bridged, because hooks can be lost for good.
//!
//! The last messages of the room are looked up in the ledger; those that never went out are journaled now.

use std::rc::Rc;

use super::journal::Journal;
use super::{ledger, outgoing, owner, portal};
use crate::effect::Effect;
use crate::ids::{Scope, key};
use crate::record::Record;
use crate::view::{Key, Missing, View};

/// As many messages as Rocket.Chat hands out at once.
const MESSAGES: u8 = 100;

/// Takes up what the hooks of a portal lost.
pub(super) fn compare(view: &View, scope: &Scope) -> Result<Vec<Effect>, Missing> {
    let Some(room) = scope.local_room() else { return Ok(vec![]) };
    if owner::hand_over(view, scope)?.is_some() {
        // The owner compares it when it comes up, or when it sees an instance come or go.
        return Ok(vec![]);
    }
    view.all([
        Key::documents(key::portal_local(room)),
        Key::documents(key::journal(scope)),
        Key::Recent { room: room.to_owned(), limit: MESSAGES },
    ])?;
    let Some(portal) = portal::of_local(view, room)? else { return Ok(vec![]) };
    let journal = Journal::load(view, scope)?;
    let ours = view.recent(room, MESSAGES)?.iter().filter(|it| outgoing::is_for_matrix(it, portal.since));
    let lost = ledger::without_link(view, &journal, ours)?;
    let mut effects: Vec<Effect> =
        lost.into_iter().map(|it| Record::Entry(Rc::new(outgoing::entry(it))).insert()).collect();
    if !effects.is_empty() {
        effects.push(Effect::Wake { scope: scope.clone(), at: view.now });
    }
    Ok(effects)
}
