//! An edit on Matrix on its way to Rocket.Chat.
//!
//! Only its sender may edit a message; a homeserver does not see to that, so it is judged here. Of several edits the
//! latest counts, by its time and then by its id, in whatever order they come. One that comes before its message is held
//! for it, not for ever and not without number.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#validity-of-replacement-events>

use super::{Event, file, parts, related};
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
            change(view, portal, &held, link.as_ref(), &Shown::of(view, portal, of, message)?)
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
    if is_old(held, link) {
        return Ok(vec![]);
    }
    let content = serde_json::from_str(&held.content).unwrap_or_default();
    let sender = ghost::username(view, &held.sender)?.filter(|it| *it == link.by);
    let (Some(sender), true) = (sender, translate::has_caption(&content)) else { return Ok(vec![]) };
    let texts = file::said(view, portal, ("m.room.message", false), &content, &file::Manner::Caption, 0)?;
    let made = made(portal, held, &sender, &texts);
    let mut effects = rewritten(portal, held, texts, &Shown { by: &sender, thread: None, parts: vec![] });
    effects.push(made);
    Ok(effects)
}

/// Whether a message is by the ghost of a Matrix user.
fn is_senders(view: &View, message: &Message, mxid: &str) -> Result<bool, Missing> {
    Ok(ghost::is_ghost(&message.sender)
        && ghost::username(view, mxid)?.is_some_and(|it| it == message.sender.username))
}

/// What an event is here, or is about to be.
pub(super) struct Shown<'a> {
    /// The username it is by.
    pub(super) by: &'a str,
    /// The first message of the thread that it is in.
    pub(super) thread: Option<String>,
    /// Its messages with their texts, in order.
    pub(super) parts: Vec<(String, String)>,
}

impl<'a> Shown<'a> {
    /// An event that is here, by its first message.
    pub(super) fn of(
        view: &View,
        portal: &Portal,
        event: &str,
        message: &'a Message,
    ) -> Result<Self, Missing> {
        let mut parts = vec![(message.id.clone(), message.text.clone())];
        parts.extend(parts::shown(view, &portal.local, event)?);
        Ok(Self { by: &message.sender.username, thread: message.thread.clone(), parts })
    }

    /// The text of the first message.
    fn first(&self) -> &str {
        self.parts.first().map_or("", |it| &it.1)
    }
}

/// Applies the latest of those edits of a message that came before it, and lets go all of them.
pub(super) fn catch_up(
    view: &View,
    portal: &Portal,
    event: &Event,
    shown: &Shown<'_>,
) -> Result<Vec<Effect>, Missing> {
    let held = held_for(view, portal, event)?;
    let mut effects = match latest(&held, event) {
        Some(latest) => {
            change(view, portal, latest, ledger::of_event(view, &portal.local, &event.id)?.as_ref(), shown)?
        }
        None => vec![],
    };
    effects.extend(held.into_iter().map(|it| Record::Held(it).remove()));
    Ok(effects)
}

/// The same for a file that is here without a caption.
pub(super) fn catch_up_caption(view: &View, portal: &Portal, event: &Event) -> Result<Vec<Effect>, Missing> {
    let held = held_for(view, portal, event)?;
    let link = ledger::of_event(view, &portal.local, &event.id)?;
    let mut effects = match (latest(&held, event), link) {
        (Some(latest), Some(link)) => caption(view, portal, latest, &link)?,
        (None, _) | (_, None) => vec![],
    };
    effects.extend(held.into_iter().map(|it| Record::Held(it).remove()));
    Ok(effects)
}

fn held_for(view: &View, portal: &Portal, event: &Event) -> Result<Vec<Held>, Missing> {
    let mut held = all_held(view, &portal.remote)?;
    held.retain(|it| it.of == event.id);
    Ok(held)
}

fn latest<'a>(held: &'a [Held], event: &Event) -> Option<&'a Held> {
    held.iter().filter(|it| it.sender == event.sender).max_by_key(|it| &it.edit)
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
    if link.is_some_and(|it| it.gone || is_old(held, it)) {
        return Ok(vec![]);
    }
    let content = serde_json::from_str(&held.content).unwrap_or_default();
    let manner = file::edited(view, portal, (&held.of, &content), shown.first())?;
    let lead = related::lead(shown.first());
    let kind = ("m.room.message", false);
    let mut texts = file::said(view, portal, kind, &content, &manner, parts::length(lead))?;
    texts.first_mut().into_iter().for_each(|it| it.insert_str(0, lead));
    let made = made(portal, held, shown.by, &texts);
    let mut effects = rewritten(portal, held, texts, shown);
    effects.push(made);
    Ok(effects)
}

/// Whether an edit is none that comes after what is known.
fn is_old(held: &Held, link: &Link) -> bool {
    link.edit.as_ref().is_some_and(|known| *known >= held.edit)
}

/// The effect that remembers an edit that was made.
fn made(portal: &Portal, held: &Held, by: &str, texts: &[String]) -> Effect {
    let link = Link {
        room: portal.local.clone(),
        local: ids::message_id(&held.of),
        remote: held.of.clone(),
        at: held.edit.at,
        hash: ids::digest(&texts.iter().map(String::as_str).collect::<Vec<_>>()),
        by: by.to_owned(),
        edit: Some(held.edit.clone()),
        ..Link::default()
    };
    Record::Link(link).insert()
}

/// The effects that give an event's messages these texts: more of them where they are lacking, fewer where they are left
/// over. What is so already is left alone.
fn rewritten(portal: &Portal, held: &Held, texts: Vec<String>, shown: &Shown<'_>) -> Vec<Effect> {
    let mut effects = vec![];
    let by = || shown.by.to_owned();
    let left_over = shown.parts.iter().skip(texts.len()).map(|(id, _)| id.clone());
    for (part, text) in texts.into_iter().enumerate() {
        let room = portal.local.clone();
        match shown.parts.get(part) {
            Some((_, old)) if *old == text => {}
            Some((id, _)) => {
                effects.push(Effect::EditMessage { id: id.clone(), room, editor: by(), text });
            }
            None => {
                let id = if part == 0 {
                    ids::message_id(&held.of)
                } else {
                    let id = ids::part_id(&held.of, part, Some(&held.edit.event));
                    effects.push(parts::linked(portal, &held.of, &id, shown.by, held.edit.at));
                    id
                };
                let (sender, thread) = (by(), shown.thread.clone());
                let (alias, avatar) = (None, None);
                effects.push(Effect::CreateMessage { id, room, sender, text, alias, avatar, thread });
            }
        }
    }
    effects.extend(left_over.map(|id| Effect::DeleteMessage { id, room: portal.local.clone(), by: by() }));
    effects
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
