//! A local reaction on its way to Matrix, or one that was taken back.
//!
//! A reaction is judged by who reacts, and stands in the journal behind its message. Which event it became is kept as
//! long as it is there. What hooks lose or mix up is found by comparing: whenever one is done, Rocket.Chat is asked
//! whether it still is as the entry has it.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#event-annotations-and-reactions>

use std::rc::Rc;

use serde_json::json;

use super::journal::Journal;
use super::{encryption, ghost, ledger, outgoing, portal};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, User, UserKind};
use crate::ids::{self, Scope, key};
use crate::puppet;
use crate::record::{Entry, React, Reaction, Record, Work};
use crate::translate;
use crate::view::{Key, Missing, View};

/// Takes a reaction into the journal, if it is one for the other side.
pub(super) fn accept(
    view: &View,
    message: &Message,
    emoji: &str,
    by: &User,
    on: bool,
) -> Result<Vec<Effect>, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(vec![]) };
    // An App's own marks say something to people here only.
    if ghost::is_ghost(by) || by.kind == UserKind::App || !is_bridged(message, portal.since) {
        return Ok(vec![]);
    }
    let (room, message_id) = (message.room.clone(), message.id.clone());
    let react = React { room, message: message_id, emoji: emoji.to_owned(), by: by.clone(), on };
    let entry = entry(view, react, message.at);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), wake])
}

/// Whether Matrix may have a message at all.
pub(super) fn is_bridged(message: &Message, since: i64) -> bool {
    // A file from Matrix has an id of Rocket.Chat's own.
    ghost::is_ghost(&message.sender)
        || ids::event_of(&message.id).is_some()
        || outgoing::is_for_matrix(message, since)
}

/// The journal entry of a reaction to a message that was said at a time, in milliseconds. Each is one of its own: a
/// reaction that is given twice finds the second time that there is nothing to do.
pub(super) fn entry(view: &View, react: React, at: i64) -> Entry {
    Entry {
        id: format!("react:{}:{}:{}:{}", react.message, react.emoji, react.by.id, view.now),
        scope: Scope::local(&react.room),
        at: view.now.max(at),
        part: 3,
        work: Work::React(Box::new(react)),
    }
}

/// If the message that an entry is about was never heard of, because its hook is late or lost: the effects that let it
/// go first. The keys are what else the entry needs.
pub(super) fn first_the_message(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    (room, message): (&str, &str),
    keys: impl Iterator<Item = Key>,
) -> Result<Option<Vec<Effect>>, Missing> {
    view.all(keys)?;
    let Some(portal) = portal::of_local(view, room)? else { return Ok(None) };
    let message = view.message(message)?.filter(|it| outgoing::is_for_matrix(it, portal.since));
    let lost = ledger::without_link(view, journal, message.into_iter())?;
    Ok(lost.first().map(|message| {
        let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
        vec![Record::Entry(Rc::new(outgoing::entry(message))).insert(), wake]
    }))
}

/// What a reaction wants of the network; `None` if nothing any more.
pub(super) fn intent(
    view: &View,
    entry: &Entry,
    react: &React,
    tried: bool,
) -> Result<Option<Intent>, Missing> {
    view.all(needed(view, react))?;
    let Some(portal) = portal::of_local(view, &react.room)? else { return Ok(None) };
    let (room, by, at) = (portal.remote.clone(), react.by.clone(), entry.at);
    let transaction = ids::reaction_transaction(&react.message, &react.emoji, &react.by.id, at);
    let known = known(view, react)?;
    if !react.on {
        return Ok(known.filter(|it| !it.event.is_empty()).map(|it| Intent::Redact {
            room,
            event: it.event,
            is_ours: true,
            by: Some(by),
            reason: "The reaction was taken back on Rocket.Chat".to_owned(),
            transaction,
            at,
        }));
    }
    // Nothing new leaves an encrypted room.
    let is_news = known.is_none() && encryption::suspended(view, &portal)?.is_none();
    let event = ledger::event(view, &react.room, &react.message)?.filter(|_| is_news);
    Ok(event.map(|event| Intent::Send {
        room,
        by,
        event_type: "m.reaction".to_owned(),
        content: json!({ "m.relates_to": {
            "rel_type": "m.annotation",
            "event_id": event,
            "key": translate::reaction_to_matrix(&react.emoji),
        } }),
        transaction,
        at,
        perhaps_sent: tried || outgoing::is_old(view, at),
    }))
}

/// What every reaction needs.
pub(super) fn needed(view: &View, react: &React) -> impl Iterator<Item = Key> {
    let documents =
        [key::portal_local(&react.room), key::link_local(&react.message), key::reactions(&react.message)];
    let message = Key::Message { id: react.message.clone() };
    documents.map(Key::documents).into_iter().chain([message]).chain(puppet::keys(view, &react.by))
}

fn known(view: &View, react: &React) -> Result<Option<Reaction>, Missing> {
    let is_it = |it: &&Reaction| it.emoji == react.emoji && it.by == react.by.username;
    Ok(of_message(view, &react.message)?.find(is_it).cloned())
}

/// The reactions to a message that are there on both sides.
pub(super) fn of_message<'a>(
    view: &'a View,
    message: &str,
) -> Result<impl Iterator<Item = &'a Reaction> + use<'a>, Missing> {
    Ok(all(view.records(&key::reactions(message))?))
}

/// The reactions among some records.
pub(super) fn all(records: &[Record]) -> impl Iterator<Item = &Reaction> {
    records.iter().filter_map(|it| if let Record::Reaction(it) = it { Some(it) } else { None })
}

/// What to keep of a reaction that was brought to Matrix, or taken back there.
pub(super) fn over(view: &View, react: &React, event: &str) -> Result<Vec<Effect>, Missing> {
    view.all(needed(view, react))?;
    let mut effects: Vec<Effect> = match known(view, react)? {
        Some(known) if !react.on => vec![Record::Reaction(known).remove()],
        None if react.on => vec![
            Record::Reaction(Reaction {
                room: react.room.clone(),
                message: react.message.clone(),
                emoji: react.emoji.clone(),
                by: react.by.username.clone(),
                event: event.to_owned(),
            })
            .insert(),
        ],
        Some(_) | None => vec![],
    };
    // Its opposite may have been heard of before.
    if let Some(message) = view.message(&react.message)?
        && message.has_reaction(&react.emoji, &react.by.username) != react.on
        && !effects.is_empty()
        && !event.is_empty()
    {
        let opposite = React { on: !react.on, ..react.clone() };
        effects.push(Record::Entry(Rc::new(entry(view, opposite, message.at))).insert());
    }
    Ok(effects)
}

/// What to do about a reaction that Matrix refused: whoever reacted is told, and it is not tried again.
pub(super) fn refused(view: &View, react: &React, why: &str) -> Result<Vec<Effect>, Missing> {
    let what = if react.on { "is seen here only" } else { "is taken back here, but not on Matrix" };
    let text = format!("Your reaction {} {what}: {why}", react.emoji);
    let mut effects = vec![
        Effect::Notify { room: react.room.clone(), user: react.by.id.clone(), text },
        Effect::Log {
            level: Level::Warn,
            text: format!("A reaction to message {} was refused by Matrix: {why}", react.message),
        },
    ];
    effects.extend(over(view, react, "")?);
    Ok(effects)
}
