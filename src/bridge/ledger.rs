//! The ledger of a portal: which local message became which Matrix event.
//!
//! Links are single documents at first; 64 of them are sealed into one segment, which is still found by each of
//! their ids. The store's index is our index.

use std::collections::BTreeSet;

use super::journal::Journal;
use crate::effect::Effect;
use crate::facts::Message;
use crate::ids::{self, Scope, key};
use crate::record::{Checkpoint, Link, Record, Segment};
use crate::view::{Key, Missing, View};

/// So many links make a segment.
const SEGMENT: usize = 64;

/// The effect that links a message to its event.
pub(super) fn link(message: &Message, event: &str) -> Effect {
    Record::Link(Link {
        room: message.room.clone(),
        local: message.id.clone(),
        remote: event.to_owned(),
        at: message.at,
        hash: ids::digest(&[&message.text]),
    })
    .insert()
}

/// Whether a message was dealt with: sent, or refused for good.
pub(super) fn is_linked(view: &View, message: &str) -> Result<bool, Missing> {
    Ok(!view.records(&key::link_local(message))?.is_empty())
}

/// Those of some messages that are neither linked nor journaled.
pub(super) fn without_link<'a>(
    view: &View,
    journal: &Journal,
    messages: impl Iterator<Item = &'a Message>,
) -> Result<Vec<&'a Message>, Missing> {
    let journaled = |it: &&Message| journal.entry(&super::outgoing::entry(it).id).is_some();
    let candidates: Vec<&Message> = messages.filter(|it| !journaled(it)).collect();
    view.all(candidates.iter().map(|it| Key::documents(key::link_local(&it.id))))?;
    let mut unknown = vec![];
    for message in candidates {
        if !is_linked(view, &message.id)? {
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
    links.sort_by(|a, b| (a.at, &a.local).cmp(&(b.at, &b.local)));
    links.dedup();
    if links.len() < SEGMENT {
        return Ok(vec![]);
    }
    links.truncate(SEGMENT);
    let number = checkpoints.iter().map(|it| it.segment).max().unwrap_or(0).saturating_add(1);
    let removed: BTreeSet<String> = links.iter().map(|it| format!("link:{}", it.local)).collect();
    let mut effects = vec![
        Record::Segment(Segment { room: room.to_owned(), number, links }).insert(),
        Record::Checkpoint(Checkpoint { room: room.to_owned(), segment: number }).insert(),
    ];
    effects.extend(removed.into_iter().map(|id| Effect::Remove { id }));
    effects.extend(checkpoints.into_iter().map(|it| Record::Checkpoint(it).remove()));
    effects.push(Effect::Wake { scope: scope.clone(), at: view.now });
    Ok(effects)
}
