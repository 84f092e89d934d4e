//! A local message on its way to Matrix.
//!
//! A message is judged by its sender: what a ghost says began on Matrix and goes no further.

use std::rc::Rc;

use serde_json::Value;

use super::journal::Journal;
use super::names::Names;
use super::{dm, ghost, ledger, portal};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, UserKind};
use crate::ids::{self, Scope};
use crate::record::{Entry, Record, Work};
use crate::translate;
use crate::view::{Key, Missing, View};

/// How far back to look for earlier messages whose hook is late or lost, in milliseconds. Hooks overtake each
/// other by milliseconds; what is older is found when portals are compared.
const LOOK_BACK: i64 = 10_000;

/// How many messages that look-back reads at most.
const LOOK_BACK_MESSAGES: u32 = 100;

/// A message younger than so many milliseconds, and than this instance, was sent by no other that died since.
const FRESH: i64 = 3_000;

/// Takes a message into the journal, if it is one for the other side.
pub(super) fn accept(view: &View, message: &Message) -> Result<Vec<Effect>, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return dm::first_words(view, message) };
    if !is_for_matrix(message, portal.since) {
        return Ok(vec![]);
    }
    let entry = entry(message);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), wake])
}

/// Whether a message is one for the other side: said by one of ours, and since the room is a portal.
pub(super) fn is_for_matrix(message: &Message, since: i64) -> bool {
    let is_notice = message.sender.kind == UserKind::App && ids::is_derived_message(&message.id);
    message.system.is_none() && message.at >= since && !ghost::is_ghost(&message.sender) && !is_notice
}

/// The journal entry of a message.
pub(super) fn entry(message: &Message) -> Entry {
    Entry {
        // Of the message, not of its edits: however it is read again, it is one entry.
        id: format!("out:{}", message.id),
        scope: Scope::local(&message.room),
        at: message.at,
        part: 0,
        work: Work::Post { message: Box::new(message.clone()) },
    }
}

/// What every message of a room needs, whatever it says.
pub(super) fn looked_at(room: &str) -> [Key; 2] {
    [
        Key::Recent { room: room.to_owned(), skip: 0, limit: LOOK_BACK_MESSAGES },
        Key::documents(ids::key::portal_local(room)),
    ]
}

/// If messages before this one were never journaled (their hooks are late, or lost in a crash): the effects that
/// take them in, so that they go first.
pub(super) fn first_the_earlier(
    view: &View,
    journal: &Journal,
    entry: &Entry,
) -> Result<Option<Vec<Effect>>, Missing> {
    let Work::Post { message } = &entry.work else { return Ok(None) };
    view.all(looked_at(&message.room))?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
    let since = portal.since.max(message.at - LOOK_BACK);
    let earlier = view
        .recent(&message.room, 0, LOOK_BACK_MESSAGES)?
        .iter()
        .filter(|it| is_for_matrix(it, since) && (it.at, &it.id) < (message.at, &message.id));
    let all = earlier.clone().chain([&**message]);
    view.all(all.map(|it| Key::documents(ids::key::link_local(&it.id))))?;
    let unknown = ledger::without_link(view, journal, earlier)?;
    if unknown.is_empty() {
        return Ok(None);
    }
    let mut effects: Vec<Effect> =
        unknown.into_iter().map(|it| Record::Entry(Rc::new(self::entry(it))).insert()).collect();
    effects.push(Effect::Wake { scope: entry.scope.clone(), at: view.now });
    Ok(Some(effects))
}

/// What a message wants of the network; `None` if it was dealt with or has nothing to say.
pub(super) fn intent(view: &View, message: &Message, tried: bool) -> Result<Option<Intent>, Missing> {
    view.all([
        Key::documents(ids::key::portal_local(&message.room)),
        Key::documents(ids::key::link_local(&message.id)),
    ])?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
    if ledger::is_linked(view, &message.id)? {
        return Ok(None);
    }
    let Some(content) = content(view, message)? else { return Ok(None) };
    Ok(Some(Intent::Send {
        room: portal.remote,
        by: message.sender.clone(),
        event_type: "m.room.message".to_owned(),
        content,
        transaction: ids::transaction(&message.id),
        at: message.at,
        perhaps_sent: tried || message.at < view.started.max(view.now - FRESH),
    }))
}

fn content(view: &View, message: &Message) -> Result<Option<Value>, Missing> {
    let md = message.md.as_deref().and_then(|md| serde_json::from_str(md).ok());
    let files = message.files.iter().map(|name| format!("[file: {name}]")).collect::<Vec<_>>().join("\n");
    let text = if message.text.trim().is_empty() { files.as_str() } else { message.text.as_str() };
    if text.is_empty() {
        return Ok(None);
    }
    let names = Names::new(view);
    let content = translate::to_matrix(&translate::LocalText { text, md: md.as_ref() }, &names);
    names.finish()?;
    Ok(Some(content.content()))
}

/// What to keep of a message that was sent.
pub(super) fn sent(message: &Message, event: &str) -> Vec<Effect> {
    vec![ledger::link(message, event)]
}

/// What to keep of a message that has nothing to say: that it was looked at, or it would be found again and again.
pub(super) fn passed_over(view: &View, message: &Message) -> Result<Vec<Effect>, Missing> {
    let linked = ledger::is_linked(view, &message.id)?;
    Ok(if linked { vec![] } else { vec![ledger::link(message, "")] })
}

/// What to do about a message that Matrix refused: its sender is told, and it is not tried again.
pub(super) fn refused(message: &Message, why: &str) -> Vec<Effect> {
    let text = format!("Your message was not delivered to Matrix: {why}");
    vec![
        Effect::Notify { room: message.room.clone(), user: message.sender.id.clone(), text },
        Effect::Log {
            level: Level::Warn,
            text: format!("Message {} was refused by Matrix: {why}", message.id),
        },
        ledger::link(message, ""),
    ]
}
