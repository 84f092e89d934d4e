//! A pin of a local user on its way to Matrix, or one that was taken away.
//!
//! A pin is judged by who pins, and stands in the journal behind its message. What is pinned here because it is pinned on
//! Matrix goes nowhere.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompinned_events>

use std::rc::Rc;

use super::{encryption, ghost, ledger, portal, reaction};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, User, UserKind};
use crate::ids::{Scope, key};
use crate::puppet;
use crate::record::{Entry, Pin, Record, Work};
use crate::view::{Key, Missing, View};

/// Takes a pin into the journal, if it is one for the other side.
pub(super) fn accept(view: &View, message: &Message, by: &User, on: bool) -> Result<Vec<Effect>, Missing> {
    let pins = key::journal(&Scope::pins());
    view.all([Key::documents(&*pins), Key::documents(key::portal_local(&message.room))])?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(vec![]) };
    // Asked for by us a moment ago, in the name of the account that the App was given.
    let is_ours = |it: &Record| matches!(it, Record::Entry(it) if matches!(&it.work, Work::Pinned(it) if it.message == message.id && it.on == on));
    let is_echo = view.records(&pins)?.iter().any(is_ours);
    if is_echo
        || ghost::is_ghost(by)
        || by.kind == UserKind::App
        || !reaction::is_bridged(message, portal.since)
        || encryption::suspended(view, &portal)?.is_some()
    {
        return Ok(vec![]);
    }
    let pin = Pin { room: message.room.clone(), message: message.id.clone(), by: by.clone(), on };
    let scope = Scope::local(&message.room);
    let entry = Entry {
        id: format!("pin:{}:{}", message.id, view.now),
        scope: scope.clone(),
        at: view.now.max(message.at),
        part: 3,
        work: Work::Pin(Box::new(pin)),
    };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), Effect::Wake { scope, at: view.now }])
}

/// What every pin needs.
pub(super) fn needed(view: &View, pin: &Pin) -> impl Iterator<Item = Key> {
    let documents = [key::portal_local(&pin.room), key::link_local(&pin.message)].map(Key::documents);
    let message = Key::Message { id: pin.message.clone() };
    documents.into_iter().chain([message]).chain(puppet::keys(view, &pin.by))
}

/// What a pin wants of the network; `None` if Matrix does not have the message.
pub(super) fn intent(view: &View, pin: &Pin) -> Result<Option<Intent>, Missing> {
    view.all(needed(view, pin))?;
    let Some(portal) = portal::of_local(view, &pin.room)? else { return Ok(None) };
    let event = ledger::event(view, &pin.room, &pin.message)?;
    Ok(event.map(|event| Intent::Pin { room: portal.remote, event, on: pin.on, by: pin.by.clone() }))
}

/// What to do about a pin that Matrix refused: whoever pinned is told, and it is not tried again.
pub(super) fn refused(pin: &Pin, why: &str) -> Vec<Effect> {
    let text = if pin.on {
        format!("Your pin is seen here only: {why}")
    } else {
        format!("The message is unpinned here, but not on Matrix: {why}")
    };
    let log = format!("A pin of message {} was refused by Matrix: {why}", pin.message);
    vec![
        Effect::Notify { room: pin.room.clone(), user: pin.by.id.clone(), text },
        Effect::Log { level: Level::Warn, text: log },
    ]
}
