//! A local message's place on Matrix: the thread that it is in, and what it answers there.
//!
//! Rocket.Chat's threads are flat, and so are those of Matrix: every message names the first one. For clients that know
//! no threads it names the latest one before it as well, as if it answered that.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#threading>

use serde_json::{Value, json};

use super::{ledger, outgoing};
use crate::facts::Message;
use crate::view::{Missing, View, both};

/// A thread on Matrix, as far as it goes.
#[derive(Debug)]
pub(super) struct Thread {
    first: String,
    latest: String,
}

/// The thread that a message is in, if Matrix has it.
pub(super) fn of(view: &View, message: &Message) -> Result<Option<Thread>, Missing> {
    let Some(first) = &message.thread else { return Ok(None) };
    let root = ledger::event(view, &message.room, first);
    let recent = view.recent(&message.room, 0, outgoing::LOOK_BACK_MESSAGES);
    let latest = recent.and_then(|recent| {
        let in_thread = |it: &&Message| it.thread.as_ref() == Some(first);
        let before = |it: &&Message| (it.at, &it.id) < (message.at, &message.id);
        match recent.iter().rev().filter(in_thread).find(before) {
            Some(latest) => ledger::event(view, &message.room, &latest.id),
            None => Ok(None),
        }
    });
    let (root, latest) = both(root, latest)?;
    Ok(root.map(|first| Thread { latest: latest.unwrap_or_else(|| first.clone()), first }))
}

/// What a message relates to.
pub(super) fn relation(thread: Option<&Thread>, answered: Option<String>) -> Option<Value> {
    let answers = |event: String| json!({ "event_id": event });
    match (thread, answered) {
        (None, None) => None,
        (None, Some(event)) => Some(json!({ "m.in_reply_to": answers(event) })),
        (Some(thread), answered) => Some(json!({
            "rel_type": "m.thread",
            "event_id": thread.first,
            "is_falling_back": answered.is_none(),
            "m.in_reply_to": answers(answered.unwrap_or_else(|| thread.latest.clone())),
        })),
    }
}
