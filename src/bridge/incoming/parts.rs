//! What an event says, in as many messages as it takes: Rocket.Chat takes none that is longer than a setting of it.
//!
//! The first has the id derived from the event, and all that relates to the event relates to that one. The others have ids
//! derived from the event and their number, and each a link that was kept before any of them was said: so after a crash it
//! is known which are missing, and a deletion finds them all. Those that a longer edit brings in bear its mark.

use serde_json::Value;

use crate::bridge::ledger;
use crate::bridge::names::Names;
use crate::bridge::redaction;
use crate::effect::Effect;
use crate::ids;
use crate::record::{Link, Portal, Record};
use crate::translate::{self, Limit, Parts, RemoteEvent, RocketChatText};
use crate::view::{Key, Missing, View};

/// So many messages an event may become: more than any does, as long as the workspace takes a page of text.
const MOST: usize = 100;

/// What an event says in Rocket.Chat's words, each part with so many characters left free.
pub(super) fn text(
    view: &View,
    portal: &Portal,
    (kind, may_mention_room): (&str, bool),
    content: &Value,
    free: usize,
) -> Result<Vec<String>, Missing> {
    let remote = RemoteEvent { event_type: kind, content, may_mention_room };
    let (names, limit) = (Names::on_matrix(view, portal), limit(view, free));
    let parts = translate::from_matrix_parts(&remote, &names, limit);
    let texts = texts(parts, limit, || translate::from_matrix(&remote, &names).text);
    names.finish()?;
    Ok(texts)
}

/// The same beside a file that is here: its caption, or the file's name where there is none any more.
pub(super) fn caption(
    view: &View,
    portal: &Portal,
    (kind, may_mention_room): (&str, bool),
    content: &Value,
    free: usize,
) -> Result<Vec<String>, Missing> {
    let remote = RemoteEvent { event_type: kind, content, may_mention_room };
    let (names, limit) = (Names::on_matrix(view, portal), limit(view, free));
    let whole = || translate::caption(&remote, &names).map(|it| it.text).unwrap_or_default();
    let parts = translate::caption_parts(&remote, &names, limit);
    let texts = parts.map(|parts| self::texts(parts, limit, whole));
    names.finish()?;
    texts.map_or_else(|| text(view, portal, (kind, may_mention_room), content, free), Ok)
}

fn texts(parts: Parts<RocketChatText>, limit: Limit, whole: impl Fn() -> String) -> Vec<String> {
    match parts {
        Parts::Messages(texts) => texts.into_iter().map(|it| it.text).collect(),
        // There is something in it that cannot be cut as what it is, such as an endless link.
        Parts::File => chopped(&whole(), limit.size),
    }
}

fn limit(view: &View, free: usize) -> Limit {
    let whole = view.config.message_size;
    // Whatever stands before a text, it is not cut into crumbs.
    Limit { size: whole.saturating_sub(free).max(whole / 2).max(1), parts: MOST }
}

/// How long Rocket.Chat takes a text to be, at most.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text in pieces of so many UTF-16 units; what is more than the most that an event may become is left out, and said
/// to be.
fn chopped(text: &str, size: usize) -> Vec<String> {
    let mut pieces = vec![];
    let (mut piece, mut length) = (String::new(), 0_usize);
    for char in text.chars() {
        if length + char.len_utf16() > size && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        piece.push(char);
        length += char.len_utf16();
    }
    pieces.push(piece);
    if pieces.len() > MOST {
        pieces.truncate(MOST - 1);
        pieces.push("[…]".to_owned());
    }
    pieces
}

/// The ids of the messages after the first that an event was to become, in order.
fn known(view: &View, room: &str, event: &str) -> Result<Vec<String>, Missing> {
    let known = ledger::locals(view, room, event)?.into_iter().filter(|it| ids::is_part(it));
    let known: Vec<String> = known.collect();
    view.all(known.iter().map(|it| Key::Message { id: it.clone() }))?;
    Ok(known)
}

/// The messages after the first that an event is here, with their texts, in order.
pub(super) fn shown(view: &View, room: &str, event: &str) -> Result<Vec<(String, String)>, Missing> {
    let mut shown = vec![];
    for id in known(view, room, event)? {
        if let Some(message) = view.message(&id)?.filter(|it| it.room == room && redaction::is_there(it)) {
            shown.push((id, message.text.clone()));
        }
    }
    Ok(shown)
}

/// Whether an event that was never edited is here in part only: a crash came between.
pub(super) fn is_broken_off(view: &View, room: &str, event: &str) -> Result<bool, Missing> {
    if ledger::of_event(view, room, event)?.is_some_and(|it| it.gone || it.edit.is_some()) {
        return Ok(false);
    }
    for id in known(view, room, event)? {
        if view.message(&id)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The effect that keeps which message a further part of an event is going to be.
pub(super) fn linked(portal: &Portal, event: &str, id: &str, sender: &str, at: i64) -> Effect {
    let link = Link {
        room: portal.local.clone(),
        local: id.to_owned(),
        remote: event.to_owned(),
        at,
        by: sender.to_owned(),
        ..Link::default()
    };
    Record::Link(link).insert()
}
