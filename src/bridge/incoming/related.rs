//! What a Matrix message answers, and the thread that it is in, in the ways of Rocket.Chat.
//!
//! Rocket.Chat makes a quote of a link at the beginning of a text by itself, if the sender may read where it leads. What
//! is answered but not known here stands in words, as far as the event has them.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#rich-replies>,
//! <https://spec.matrix.org/v1.18/client-server-api/#threading>

use crate::bridge::{ledger, reply};
use crate::facts::{Message, RoomKind};
use crate::record::Portal;
use crate::translate::{self, Relation};
use crate::view::{Key, Missing, View};

use super::Event;

/// So many characters of a message that is not known here are repeated at most by one that answers it.
const LONGEST_TOLD: usize = 500;

/// A message's place here.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The first message of the thread that it is in.
    pub(super) thread: Option<String>,
    /// The message that it answers.
    quoted: Option<String>,
    /// What it answers in words, where that is not known here.
    told: Option<String>,
}

/// What is needed to say where a message belongs, for most of them.
pub(super) fn keys(portal: &Portal, event: &Event) -> Vec<Key> {
    let relation = Relation::of(&event.content);
    let events = relation.thread.into_iter().chain(relation.answered);
    let mut keys: Vec<Key> = events.flat_map(ledger::message_keys).collect();
    if !keys.is_empty() {
        keys.push(Key::Room { id: portal.local.clone() });
    }
    keys
}

/// Where a message belongs; without threads it stands beside them.
pub(super) fn place(view: &View, portal: &Portal, event: &Event, threads: bool) -> Result<Place, Missing> {
    let relation = Relation::of(&event.content);
    let message = |event: Option<&str>| match event {
        Some(event) => ledger::message(view, &portal.local, event),
        None => Ok(None),
    };
    let first = message(relation.thread)?;
    let answered = message(relation.answered)?;
    // Threads here are flat.
    let root = |it: &Message| it.thread.clone().unwrap_or_else(|| it.id.clone());
    let thread = first.filter(|_| threads).map(root);
    let is_answer = thread.is_none() || !relation.is_falling_back;
    let quoted = answered.or(first).filter(|_| is_answer).map(|it| it.id.clone());
    let is_lost = quoted.is_none() && is_answer && (relation.answered.is_some() || relation.thread.is_some());
    let told = translate::fallback(&event.content).filter(|_| is_lost);
    let told = told.map(|it| it.chars().take(LONGEST_TOLD).collect());
    Ok(Place { thread, quoted, told })
}

impl Place {
    /// Whether it is in a thread, or beneath what it answers, and not in the room's main line as any other.
    pub(super) fn is_apart(&self) -> bool {
        self.thread.is_some() || self.quoted.is_some()
    }

    /// What stands before a text to say what it answers.
    pub(super) fn lead(&self, view: &View, portal: &Portal) -> Result<String, Missing> {
        Ok(match (&self.quoted, &self.told) {
            (Some(quoted), _) => link(view, &portal.local, quoted)?,
            (None, Some(told)) => reply::marked(told),
            (None, None) => String::new(),
        })
    }
}

/// A text that answers a message of the same room.
pub(in crate::bridge) fn answering(
    view: &View,
    room: &str,
    message: &str,
    text: &str,
) -> Result<String, Missing> {
    Ok(format!("{}{text}", link(view, room, message)?))
}

pub(super) fn link(view: &View, room: &str, message: &str) -> Result<String, Missing> {
    let Some(site) = view.config.site() else { return Ok(String::new()) };
    let kind = match view.room(room)?.map(|it| it.kind) {
        Some(RoomKind::Channel) => "channel",
        Some(RoomKind::Group) => "group",
        Some(RoomKind::Direct) => "direct",
        Some(RoomKind::Other) | None => return Ok(String::new()),
    };
    Ok(format!("[ ]({site}/{kind}/{room}?msg={message}) "))
}

/// What stands before the text of a message that is shown here to say what it answers: a new text answers the same.
pub(super) fn lead(shown: &str) -> &str {
    let quotes = translate::quotes(shown, None);
    if quotes.ids.is_empty() { "" } else { shown.strip_suffix(&quotes.text).unwrap_or_default() }
}
