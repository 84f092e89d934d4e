//! An edit on Matrix on its way to Rocket.Chat.
//!
//! Only its sender may edit a message; a homeserver does not see to that, so it is judged here. Of several edits the
//! latest counts, by its time and then by its id, in whatever order they come. One that comes before its message is held
//! for it, not for ever and not without number.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#validity-of-replacement-events>

use super::{Event, file, related};
use crate::bridge::{ghost, ledger, redaction};
use crate::effect::Effect;
use crate::facts::Message;
use crate::ids::{self, key};
use crate::record::{Edit, Held, Link, Portal, Record};
use crate::translate;
use crate::view::{Key, Missing, View};

/// So many edits of a room are held at most.
const MOST_HELD: usize = 20;

/// No edit is held for longer than so many milliseconds.
const HELD_FOR: i64 = 600_000;

/// Brings an edit to Rocket.Chat.
pub(super) fn bring(view: &View, portal: &Portal, event: &Event) -> Result<Vec<Effect>, Missing> {
    let Some(of) = translate::replaced(&event.content) else { return Ok(vec![]) };
    let id = ids::message_id(of);
    view.all([
        Key::Message { id: id.clone() },
        Key::documents(key::link_remote(of)),
        Key::documents(key::ghost(&event.sender)),
        Key::documents(key::held(&portal.remote)),
    ])?;
    let held = Held {
        room: portal.remote.clone(),
        of: of.to_owned(),
        sender: event.sender.clone(),
        edit: Edit { at: event.at, event: event.id.clone() },
        content: event.content.to_string(),
        at: view.now,
    };
    let link = ledger::of_event(view, &portal.local, of)?;
    match (view.message(&id)?, link) {
        (Some(message), link)
            if message.room == portal.local
                && is_senders(view, message, &event.sender)?
                && redaction::is_there(message) =>
        {
            change(view, portal, &held, link.as_ref(), &Shown::from(message))
        }
        // A file that had no caption until now.
        (None, Some(link)) if !link.gone && file::is_here(view, portal, of)? => {
            caption(view, portal, &held, &link)
        }
        // Deleted, or said by one of ours, by somebody else or elsewhere.
        (Some(_), _) | (None, Some(_)) => Ok(vec![]),
        (None, None) => hold(view, held),
    }
}

/// The effects that say the caption that a file was given later, by who sent it.
fn caption(view: &View, portal: &Portal, held: &Held, link: &Link) -> Result<Vec<Effect>, Missing> {
    let content = serde_json::from_str(&held.content).unwrap_or_default();
    let sender = ghost::username(view, &held.sender)?.filter(|it| *it == link.by);
    let (Some(sender), true) = (sender, translate::has_caption(&content)) else { return Ok(vec![]) };
    let text = file::said(view, portal, ("m.room.message", false), &content, &file::Manner::Caption)?;
    let (id, room) = (ids::message_id(&held.of), portal.local.clone());
    let create = Effect::CreateMessage { id, room, sender, text, alias: None, avatar: None, thread: None };
    Ok(vec![create])
}

/// Whether a message is by the ghost of a Matrix user.
fn is_senders(view: &View, message: &Message, mxid: &str) -> Result<bool, Missing> {
    Ok(ghost::is_ghost(&message.sender)
        && ghost::username(view, mxid)?.is_some_and(|it| it == message.sender.username))
}

/// A message as Rocket.Chat shows it, or is about to.
pub(super) struct Shown<'a> {
    /// The username it is by.
    pub(super) by: &'a str,
    /// Its text.
    pub(super) text: &'a str,
}

impl<'a> From<&'a Message> for Shown<'a> {
    fn from(message: &'a Message) -> Self {
        Self { by: &message.sender.username, text: &message.text }
    }
}

/// Applies the latest of those edits of a message that came before it, and lets go all of them.
pub(super) fn catch_up(
    view: &View,
    portal: &Portal,
    event: &Event,
    shown: &Shown<'_>,
) -> Result<Vec<Effect>, Missing> {
    let held: Vec<Held> =
        all_held(view, &portal.remote)?.into_iter().filter(|it| it.of == event.id).collect();
    let latest = held.iter().filter(|it| it.sender == event.sender).max_by_key(|it| &it.edit);
    let mut effects = match latest {
        Some(latest) => {
            change(view, portal, latest, ledger::of_event(view, &portal.local, &event.id)?.as_ref(), shown)?
        }
        None => vec![],
    };
    effects.extend(held.into_iter().map(|it| Record::Held(it).remove()));
    Ok(effects)
}

/// The effects of an edit, if it is later than what is known. It is kept after it was made: begun once more after a
/// crash, it changes nothing.
fn change(
    view: &View,
    portal: &Portal,
    held: &Held,
    link: Option<&Link>,
    shown: &Shown<'_>,
) -> Result<Vec<Effect>, Missing> {
    if link.is_some_and(|it| it.gone || it.edit.as_ref().is_some_and(|known| *known >= held.edit)) {
        return Ok(vec![]);
    }
    let content = serde_json::from_str(&held.content).unwrap_or_default();
    let manner = file::edited(view, portal, (&held.of, &content), shown.text)?;
    let text = file::said(view, portal, ("m.room.message", false), &content, &manner)?;
    let text = related::kept(shown.text, text);
    let (id, room, editor) = (ids::message_id(&held.of), portal.local.clone(), shown.by.to_owned());
    let link = Link {
        room: room.clone(),
        local: id.clone(),
        remote: held.of.clone(),
        at: held.edit.at,
        hash: ledger::hash(&text),
        by: editor.clone(),
        edit: Some(held.edit.clone()),
        ..Link::default()
    };
    let is_new = text != shown.text;
    let edit = is_new.then_some(Effect::EditMessage { id, room, editor, text });
    Ok(edit.into_iter().chain([Record::Link(link).insert()]).collect())
}

/// The effects that hold an edit, and let go what was held for too long or is too much.
fn hold(view: &View, held: Held) -> Result<Vec<Effect>, Missing> {
    let mut others = all_held(view, &held.room)?;
    others.retain(|it| it.edit.event != held.edit.event);
    others.sort_by_key(|it| std::cmp::Reverse(it.at));
    let is_young = |it: &Held| it.at >= view.now - HELD_FOR;
    let kept = others.iter().take(MOST_HELD.saturating_sub(1)).take_while(|it| is_young(it)).count();
    let mut effects = vec![Record::Held(held).insert()];
    effects.extend(others.into_iter().skip(kept).map(|it| Record::Held(it).remove()));
    Ok(effects)
}

fn all_held(view: &View, room: &str) -> Result<Vec<Held>, Missing> {
    let records = view.records(&key::held(room))?.iter();
    Ok(records.filter_map(|it| if let Record::Held(it) = it { Some(it.clone()) } else { None }).collect())
}
