//! The ledger of a portal: which local message became which Matrix event.
//!
//! Links are single documents at first; 64 of them are sealed into one segment, which is still found by each of
//! their ids. The store's index is our index. An edit or a deletion is one more link of the message, and the latest
//! of them counts, wherever it stands.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::journal::Journal;
use super::redaction;
use crate::effect::Effect;
use crate::facts::Message;
use crate::ids::{self, Scope, key};
use crate::record::{Checkpoint, Edit, Link, Record, Segment};
use crate::view::{Key, Missing, View};

/// So many links make a segment.
const SEGMENT: usize = 64;

/// The link of a message to its event.
pub(super) fn link(message: &Message, event: &str) -> Link {
    Link {
        room: message.room.clone(),
        local: message.id.clone(),
        remote: event.to_owned(),
        at: message.at,
        hash: hash(message),
        by: message.sender.username.clone(),
        edit: message.edited_at.map(|at| Edit { at, event: event.to_owned() }),
        ..Link::default()
    }
}

/// What all that a message shows is compared by.
pub(super) fn hash(message: &Message) -> String {
    let parts = [Some(&message.text), message.attachments.as_ref(), message.blocks.as_ref()];
    ids::digest(&parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>())
}

/// The latest link of a message of Rocket.Chat.
pub(super) fn of(view: &View, message: &str) -> Result<Option<Link>, Missing> {
    find(view, &key::link_local(message), |it| it.local == message)
}

/// The latest link of an event of Matrix with a room of Rocket.Chat. What another Matrix room says of that event made
/// links with another room: they count for nothing here. Nor do those that only say which further messages it became.
pub(super) fn of_event(view: &View, room: &str, event: &str) -> Result<Option<Link>, Missing> {
    find(view, &key::link_remote(event), |it| {
        it.room == room && !ids::is_part(&it.local) && it.events().any(|known| known == event)
    })
}

/// All messages of a room of Rocket.Chat that links know of an event: of a file from Matrix, the file and its caption; of a
/// long text, its further parts.
pub(super) fn locals(view: &View, room: &str, event: &str) -> Result<BTreeSet<String>, Missing> {
    let links = view.records(&key::link_remote(event))?.iter().flat_map(links);
    Ok(links.filter(|it| it.room == room && it.remote == event).map(|it| it.local.clone()).collect())
}

/// The event that a message of a room is, if Matrix has it.
pub(super) fn event(view: &View, room: &str, message: &str) -> Result<Option<String>, Missing> {
    if let Some(event) = ids::event_of(message) {
        let is_there = view.message(message)?.is_some_and(|it| it.room == room);
        return Ok(is_there.then_some(event));
    }
    let link = of(view, message)?.filter(|it| it.room == room && !it.gone);
    Ok(link.map(|it| it.remote).filter(|it| !it.is_empty()))
}

/// The message that an event of a room is, if Rocket.Chat has it.
pub(super) fn message<'a>(view: &'a View, room: &str, event: &str) -> Result<Option<&'a Message>, Missing> {
    view.all(message_keys(event))?;
    let local = of_event(view, room, event)?.map_or_else(|| ids::message_id(event), |it| it.local);
    Ok(view.message(&local)?.filter(|it| it.room == room && redaction::is_there(it)))
}

/// What is needed to say which message an event is, for most of them.
pub(super) fn message_keys(event: &str) -> [Key; 2] {
    [Key::documents(key::link_remote(event)), Key::Message { id: ids::message_id(event) }]
}

fn find(view: &View, key: &str, is_it: impl Fn(&Link) -> bool) -> Result<Option<Link>, Missing> {
    let links = view.records(key)?.iter().flat_map(links).filter(|it| is_it(it));
    Ok(links.max_by_key(|it| (it.gone, &it.edit)).cloned())
}

/// The links that a record holds.
pub(super) fn links(record: &Record) -> &[Link] {
    if let Record::Link(link) = record {
        std::slice::from_ref(link)
    } else if let Record::Segment(segment) = record {
        &segment.links
    } else {
        &[]
    }
}

/// Whether a message was dealt with: sent, or refused for good.
pub(super) fn is_linked(view: &View, message: &str) -> Result<bool, Missing> {
    let mut records = view.records(&key::link_local(message))?.iter();
    Ok(records.any(|it| !matches!(it, Record::Dead(_))))
}

/// Whether an event was put aside.
pub(super) fn was_put_aside(view: &View, event: &str) -> Result<bool, Missing> {
    Ok(view.records(&key::link_remote(event))?.iter().any(|it| matches!(it, Record::Dead(_))))
}

/// Whether a message is accounted for: dealt with, or put aside.
fn is_known(view: &View, message: &str) -> Result<bool, Missing> {
    Ok(!view.records(&key::link_local(message))?.is_empty())
}

/// Those of some messages that are neither linked, nor put aside, nor journaled.
pub(super) fn without_link<'a>(
    view: &View,
    journal: &Journal,
    messages: impl Iterator<Item = &'a Message>,
) -> Result<Vec<&'a Message>, Missing> {
    let journaled = |it: &&Message| super::outgoing::waiting(journal, &it.id).is_some();
    let candidates: Vec<&Message> = messages.filter(|it| !journaled(it)).collect();
    view.all(candidates.iter().map(|it| Key::documents(key::link_local(&it.id))))?;
    let mut unknown = vec![];
    for message in candidates {
        if !is_known(view, &message.id)? {
            unknown.push(message);
        }
    }
    Ok(unknown)
}

/// Seals the oldest links of an idle portal once there are enough of them.
pub(super) fn seal(view: &View, scope: &Scope) -> Result<Vec<Effect>, Missing> {
    let Some(room) = scope.local_room() else { return Ok(vec![]) };
    let mut links: Vec<Link> = vec![];
    let mut checkpoints: Vec<Checkpoint> = vec![];
    for record in view.records(&key::ledger(room))? {
        if let Record::Link(link) = record {
            links.push(link.clone());
        } else if let Record::Checkpoint(checkpoint) = record {
            checkpoints.push(checkpoint.clone());
        }
    }
    links.sort_by(|a, b| order(a).cmp(&order(b)));
    links.dedup();
    if links.len() < SEGMENT {
        return Ok(vec![]);
    }
    links.truncate(SEGMENT);
    let number = checkpoints.iter().map(|it| it.segment).max().unwrap_or(0).saturating_add(1);
    let removed: BTreeSet<String> = links.iter().map(|it| Record::Link(it.clone()).id()).collect();
    links.dedup_by(|later, latest| later.local == latest.local);
    let mut effects = vec![
        Record::Segment(Segment { room: room.to_owned(), number, links }).insert(),
        Record::Checkpoint(Checkpoint { room: room.to_owned(), segment: number }).insert(),
    ];
    effects.extend(removed.into_iter().map(|id| Effect::Remove { id }));
    effects.extend(checkpoints.into_iter().map(|it| Record::Checkpoint(it).remove()));
    effects.push(Effect::Wake { scope: scope.clone(), at: view.now });
    Ok(effects)
}

/// Links in the order of their messages; of the same message the one that counts is the first.
fn order(link: &Link) -> (i64, &str, Reverse<(bool, Option<&Edit>)>) {
    (link.at, &link.local, Reverse((link.gone, link.edit.as_ref())))
}
