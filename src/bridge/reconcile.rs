//! Comparing a portal with what was last bridged, because hooks can be lost for good.
//!
//! The messages of the room are looked up in the ledger, page by page, back to where the last comparison began; those
//! that never went out are journaled. An instance compares a portal before it sends anything for it: what its
//! predecessor lost is older than what comes now. Edits and deletions of the newest page's messages are found with it,
//! see `changed`, and reactions to them, see `reacted`.

mod changed;
mod reacted;

use std::rc::Rc;

use super::journal::Journal;
use super::{ledger, outgoing, owner, portal};
use crate::effect::Effect;
use crate::ids::{Scope, key};
use crate::record::{Compared, Record};
use crate::view::{Key, Missing, View, both};

/// As many messages as Rocket.Chat hands out at once.
const PAGE: u32 = 100;

/// The next page begins so many messages later: fewer than a page, for messages may be deleted meanwhile.
const STEP: u32 = 90;

/// A comparison looks so many milliseconds further back than to where the last one began.
const MARGIN: i64 = 60_000;

/// The effect that compares a portal from its newest message on.
pub(super) fn begin(scope: &Scope) -> Effect {
    Effect::Reconcile { scope: scope.clone(), skip: 0, began: None }
}

/// If this instance has not compared the portal of a scope yet: the effect that does.
pub(super) fn first(view: &View, scope: &Scope) -> Result<Option<Effect>, Missing> {
    let Some(room) = scope.local_room() else { return Ok(None) };
    view.all([key::portal_local(room), key::compared(room)].map(Key::documents))?;
    let is_due =
        portal::of_local(view, room)?.is_some() && last(view, room)?.is_none_or(|it| it < view.started);
    Ok(is_due.then(|| begin(scope)))
}

/// Takes up what the hooks of a portal lost: one page of it, then the next or, at the end, the journal.
pub(super) fn compare(
    view: &View,
    scope: &Scope,
    skip: u32,
    began: Option<i64>,
) -> Result<Vec<Effect>, Missing> {
    let Some(room) = scope.local_room() else { return Ok(vec![]) };
    if owner::hand_over(view, scope)?.is_some() {
        // The owner compares it when it comes up, or when it sees an instance come or go.
        return Ok(vec![]);
    }
    view.all([
        Key::documents(key::portal_local(room)),
        Key::documents(key::compared(room)),
        Key::documents(key::journal(scope)),
        Key::documents(key::ledger(room)),
        Key::Recent { room: room.to_owned(), skip, limit: PAGE },
    ])?;
    let Some(portal) = portal::of_local(view, room)? else { return Ok(vec![]) };
    let began = began.unwrap_or(view.now);
    let until = last(view, room)?.map_or(portal.since, |it| portal.since.max(it - MARGIN));
    let page = view.recent(room, skip, PAGE)?;
    let journal = Journal::load(view, scope)?;
    let is_full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let ours = page.iter().filter(|it| outgoing::is_for_matrix(it, until));
    let newest = (skip == 0).then(|| {
        let from = page.first().filter(|_| is_full).map_or(portal.since, |oldest| oldest.at);
        changed::Newest { room, page, from: from.max(portal.since), until }
    });
    let keys = newest.as_ref().map(|it| it.keys(view)).transpose()?;
    view.all(
        ours.clone().map(|it| Key::documents(key::link_local(&it.id))).chain(keys.into_iter().flatten()),
    )?;
    let lost = ledger::without_link(view, &journal, ours)?;
    let mut effects: Vec<Effect> =
        lost.into_iter().map(|it| Record::Entry(Rc::new(outgoing::entry(it))).insert()).collect();
    if let Some(newest) = newest {
        let (mut changes, reactions) =
            both(newest.changes(view, &journal), newest.reactions(view, &journal, portal.since))?;
        changes.extend(reactions);
        effects.extend(changes.into_iter().map(|it| Record::Entry(Rc::new(it)).insert()));
    }
    let goes_on = is_full && page.first().is_some_and(|oldest| oldest.at >= until);
    if goes_on {
        let skip = skip.saturating_add(STEP);
        effects.push(Effect::Reconcile { scope: scope.clone(), skip, began: Some(began) });
        return Ok(effects);
    }
    effects.push(Record::Compared(Compared { room: room.to_owned(), at: began }).insert());
    effects.extend(
        all(view, room)?.into_iter().filter(|it| it.at < began).map(|it| Record::Compared(it).remove()),
    );
    effects.push(Effect::Wake { scope: scope.clone(), at: view.now });
    Ok(effects)
}

/// When the last comparison that came to its end began.
pub(super) fn last(view: &View, room: &str) -> Result<Option<i64>, Missing> {
    Ok(all(view, room)?.iter().map(|it| it.at).max())
}

fn all(view: &View, room: &str) -> Result<Vec<Compared>, Missing> {
    let records = view.records(&key::compared(room))?.iter();
    Ok(records.filter_map(|it| if let Record::Compared(it) = it { Some(it.clone()) } else { None }).collect())
}
