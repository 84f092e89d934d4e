//! A reaction on Matrix on its way to Rocket.Chat.
//!
//! What Rocket.Chat has an emoji for is a reaction of the ghost. Anything else that people may react with there, such as
//! a word or an image, is said as an answer: nothing is lost. Taken back, either goes.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#event-annotations-and-reactions>

use super::{Event, LAST_ATTEMPT, related, speaker};
use crate::bridge::{ghost, ledger, reaction};
use crate::effect::Effect;
use crate::ids::{self, key};
use crate::record::{Portal, Reaction, Record};
use crate::translate::{self, Key as Sign};
use crate::view::{Key, Missing, View};

/// Brings a reaction to Rocket.Chat.
pub(super) fn bring(
    view: &View,
    portal: &Portal,
    event: &Event,
    attempts: u32,
) -> Result<Vec<Effect>, Missing> {
    let Some((of, sign)) = translate::reaction(&event.content) else { return Ok(vec![]) };
    let known = Key::documents(key::reaction(&event.id));
    let keys = ledger::message_keys(of).into_iter().chain(ledger::message_keys(&event.id));
    view.all(keys.chain([known, Key::Room { id: portal.local.clone() }]).chain(ghost::keys(&event.sender)))?;
    let is_gone = ledger::of_event(view, &portal.local, &event.id)?.is_some_and(|it| it.gone);
    let is_known = reaction::all(view.records(&key::reaction(&event.id))?).next().is_some();
    let is_shown = view.message(&ids::message_id(&event.id))?.is_some();
    if event.is_pruned() || is_gone || is_known || is_shown || portal.is_strange_to(&event.sender) {
        return Ok(vec![]);
    }
    let Some(message) = ledger::message(view, &portal.local, of)? else { return Ok(vec![]) };
    let (by, mut effects) = speaker::ensured(view, portal, (&event.sender, ""), attempts)?;
    let emoji = match sign {
        Sign::Emoji(emoji) => Ok(emoji),
        // Whether the workspace has an emoji of that name shows when it is used.
        Sign::Named(emoji) if attempts < LAST_ATTEMPT => Ok(emoji),
        Sign::Named(text) | Sign::Text(text) => Err(text),
    };
    match emoji {
        Ok(emoji) => {
            effects.push(Effect::React {
                message: message.id.clone(),
                by: by.clone(),
                emoji: emoji.clone(),
                on: true,
            });
            let (room, message) = (portal.local.clone(), message.id.clone());
            let reaction = Reaction { room, message, emoji, by, event: event.id.clone() };
            effects.push(Record::Reaction(reaction).insert());
        }
        Err(text) => effects.push(Effect::CreateMessage {
            id: ids::message_id(&event.id),
            room: portal.local.clone(),
            sender: by,
            text: related::answering(view, &portal.local, &message.id, &format!("reacted with {text}"))?,
            alias: None,
            avatar: None,
            thread: message.thread.clone(),
        }),
    }
    Ok(effects)
}

/// The effects that take a reaction away again, if an event is one that is known here.
pub(super) fn take_back(view: &View, of: &str) -> Result<Vec<Effect>, Missing> {
    let Some(known) = reaction::all(view.records(&key::reaction(of))?).next() else { return Ok(vec![]) };
    let messages =
        [Key::Message { id: known.message.clone() }, Key::documents(key::reactions(&known.message))];
    view.all(messages)?;
    // One person may react with two events that look alike here.
    let is_alike = |it: &&Reaction| it.event != known.event && it.emoji == known.emoji && it.by == known.by;
    let is_last = !reaction::of_message(view, &known.message)?.any(|it| is_alike(&it));
    let is_there = view.message(&known.message)?.is_some_and(|it| it.has_reaction(&known.emoji, &known.by));
    let Reaction { message, emoji, by, .. } = known.clone();
    let off = (is_last && is_there).then_some(Effect::React { message, by, emoji, on: false });
    Ok(off.into_iter().chain([Record::Reaction(known.clone()).remove()]).collect())
}
