//! A redaction on Matrix on its way to Rocket.Chat.
//!
//! Whether somebody may redact was judged where the event was taken into the room. What is redacted is remembered: a
//! message that comes late does not appear, and a message of ours that is gone is not taken back once more. All of
//! it holds for the room that the redaction came in: who may redact there has no say elsewhere.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroomredaction>

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::{Event, poll, reaction};
use crate::bridge::journal::Journal;
use crate::bridge::{ghost, ledger, redaction};
use crate::effect::Effect;
use crate::ids::{self, Scope, key};
use crate::record::{Deleted, Link, Portal, Record};
use crate::view::{Key, Missing, View};

/// Brings a redaction to Rocket.Chat.
pub(super) fn bring(
    view: &View,
    journal: &Journal,
    portal: &Portal,
    event: &Event,
) -> Result<Vec<Effect>, Missing> {
    let in_content = event.content.get("redacts").and_then(Value::as_str);
    let Some(of) = in_content.or(event.redacts.as_deref()) else { return Ok(vec![]) };
    let id = ids::message_id(of);
    // All at once, for there is more to come: a decision has few goes.
    let known = [Key::Message { id: id.clone() }, Key::documents(key::link_remote(of))];
    let reaction = Key::documents(key::reaction(of));
    view.all(known.into_iter().chain([reaction]).chain(poll::keys(of)).chain(ghost::keys(&event.sender)))?;
    let link = ledger::of_event(view, &portal.local, of)?
        .unwrap_or_else(|| unknown(portal, id.clone(), of, event.at));
    // Of a file from Matrix, the file and its caption.
    let locals = ledger::locals(view, &portal.local, of)?.into_iter().chain([link.local.clone(), id]);
    let locals: BTreeSet<String> = locals.collect();
    view.all(locals.iter().map(|it| Key::Message { id: it.clone() }))?;
    let mut effects = reaction::take_back(view, of)?;
    effects.extend(poll::take_back(view, journal, portal, of)?);
    if !link.gone {
        effects.extend(others(view, &link, of));
        effects.push(Record::Link(Link { gone: true, mentions: vec![], ..link.clone() }).insert());
    }
    for id in locals {
        let message = view.message(&id)?;
        if message.is_some_and(|it| it.room == portal.local && redaction::is_there(it)) {
            let (by, ghost) = ghost::ensure(view, &event.sender, "")?;
            effects.extend(ghost);
            effects.push(Effect::DeleteMessage { id, room: portal.local.clone(), by });
        }
    }
    Ok(effects)
}

/// The effects that take back the other events of a message of ours: here it is one, and goes as a whole.
fn others(view: &View, link: &Link, of: &str) -> Vec<Effect> {
    let others = link.events().filter(|it| *it != of).map(|event| {
        let (room, message, author) = (link.room.clone(), link.local.clone(), link.by.clone());
        let event = Some(event.to_owned());
        redaction::entry(view, Deleted { room, message, at: link.at, author, by: None, event })
    });
    let mut effects: Vec<Effect> = others.map(|it| Record::Entry(Rc::new(it)).insert()).collect();
    if !effects.is_empty() {
        effects.push(Effect::Wake { scope: Scope::local(&link.room), at: view.now });
    }
    effects
}

/// What is known of an event that has no link: it came from Matrix, or is still to come.
fn unknown(portal: &Portal, local: String, of: &str, at: i64) -> Link {
    Link { room: portal.local.clone(), local, remote: of.to_owned(), at, ..Link::default() }
}
