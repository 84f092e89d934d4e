//! What the homeserver has and never sent, or not to us.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Event, is_shown, journaled, poll};
use crate::attachment::Intent;
use crate::bridge::journal::Journal;
use crate::bridge::{encryption, ledger, portal};
use crate::effect::Effect;
use crate::ids::{self, Scope, key};
use crate::record::{Entry, Record, Work};
use crate::view::{Key, Missing, View};

/// A portal is looked at so many milliseconds after the homeserver found us again: by then it has sent what waited.
const MISSED_AFTER: i64 = 5_000;

/// Portals are looked at one after the other, so many milliseconds apart.
const MISSED_SPREAD: i64 = 50;

/// Events are taken for missed if they are no older than so many milliseconds.
const MISSED_WITHIN: i64 = 600_000;

/// When the homeserver has found us again, it sends what waited. Now and then one transaction is left over (it was
/// made just when the rest went out, and nobody sends it until the next outage), so each portal is looked at once more
/// a little later.
pub(in crate::bridge) fn look_for(view: &View) -> Result<Vec<Effect>, Missing> {
    let mut effects = vec![];
    let mut at = view.now + MISSED_AFTER;
    for record in view.records(key::PORTALS)? {
        let Record::Portal(portal) = record else { continue };
        let scope = Scope::missed(&portal.remote);
        let id = format!("missed:{}", portal.remote);
        let entry = Entry { id, scope: scope.clone(), at, part: 0, work: Work::Missed };
        effects.push(Record::Entry(Rc::new(entry)).insert());
        effects.push(Effect::Wake { scope, at });
        at += MISSED_SPREAD;
    }
    Ok(effects)
}

/// What the look asks for: a room's latest events, as somebody sees them who is in it.
pub(in crate::bridge) fn intent(view: &View, entry: &Entry) -> Result<Option<Intent>, Missing> {
    let Some(room) = entry.scope.matrix_room() else { return Ok(None) };
    let by = portal::of_remote(view, room)?.and_then(|it| it.dm).map(|it| it.by);
    Ok(Some(Intent::Latest { room: room.to_owned(), by }))
}

/// The effect that brings what was said in a Matrix room between the invitation and the joining: the homeserver sends
/// it to nobody.
pub(in crate::bridge) fn first_words(invitation: &Entry, remote: &str) -> Effect {
    let entry = Entry { id: first_words_id(remote), work: Work::Missed, ..invitation.clone() };
    Record::Entry(Rc::new(entry)).insert()
}

fn first_words_id(remote: &str) -> String {
    format!("first-words:{remote}")
}

/// Takes up those of a room's latest events that never came. Only what is young: an older message that is not there
/// was deleted. Of edits and redactions it is known where they come in whether they came before.
pub(in crate::bridge) fn found(
    view: &View,
    entry: &Entry,
    events: &[String],
) -> Result<Vec<Effect>, Missing> {
    let Some(room) = entry.scope.matrix_room() else { return Ok(vec![]) };
    let Some(portal) = portal::of_remote(view, room)? else { return Ok(vec![]) };
    let (since, at) = match &portal.dm {
        // Before what has come since.
        Some(dm) if entry.id == first_words_id(&portal.remote) => (dm.at, entry.at),
        Some(_) | None => (portal.since.max(view.now - MISSED_WITHIN), view.now),
    };
    let young: Vec<(Event, &String)> = events
        .iter()
        .filter_map(|event| Some((serde_json::from_str::<Event>(event).ok()?, event)))
        .filter(|(it, _)| it.at >= since && !view.config.is_ours(&it.sender))
        .filter(|(it, _)| match it.kind.as_str() {
            "m.reaction" => !it.is_pruned(),
            kind => {
                kind == "m.room.redaction"
                    || ((is_shown(kind) || poll::is_about_one(kind)) && !it.is_pruned())
            }
        })
        .collect();
    let scope = Scope::remote(room);
    let known = young.iter().flat_map(|(it, _)| {
        ledger::message_keys(&it.id).into_iter().chain([Key::documents(key::reaction(&it.id))])
    });
    let of_room = [key::journal(&scope), key::portal_local(&portal.local)].map(Key::documents);
    view.all(known.chain(of_room))?;
    let journal = Journal::load(view, &scope)?;
    let works = journal.entries.iter().map(|it| &it.work);
    let events = works.filter_map(|it| if let Work::Events { events } = it { Some(events) } else { None });
    // What came, and waits for its turn or to be tried again.
    let waiting: BTreeSet<String> = events.flatten().filter_map(|it| ids::event_id(it)).collect();
    let mut lost = vec![];
    for (it, event) in young {
        // Of files from Matrix there is a link only.
        let is_known = ledger::of_event(view, &portal.local, &it.id)?.is_some()
            || view.message(&ids::message_id(&it.id))?.is_some()
            || !view.records(&key::reaction(&it.id))?.is_empty()
            || waiting.contains(&it.id)
            || ledger::was_put_aside(view, &it.id)?
            || (it.kind != "m.room.redaction" && encryption::was_suspended(view, &portal, it.at)?);
        if !is_known {
            lost.push(event.clone());
        }
    }
    let mut effects = journaled(&scope, at, lost);
    if !effects.is_empty() {
        effects.push(Effect::Wake { scope, at: view.now });
    }
    Ok(effects)
}
