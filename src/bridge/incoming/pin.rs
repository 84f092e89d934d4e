//! Pins of a Matrix room on their way to Rocket.Chat.
//!
//! With an account for the REST API messages are pinned here, too. Without one their sender says it, with the message as
//! a quote: an App cannot pin.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompinned_events>

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::speaker::picture;
use super::{Event, related, speaker};
use crate::bridge::{encryption, ghost, ledger, profile};
use crate::effect::Effect;
use crate::ids::{self, Scope, key};
use crate::record::{Entry, Pinned, Portal, Record, Work};
use crate::view::{Key, Missing, View, each};

/// So many pins of one event are brought; nobody pins more at once.
const MOST: usize = 5;

/// A message that is pinned now, or is not any more.
struct Change<'a> {
    event: &'a str,
    on: bool,
}

/// Brings what was pinned or unpinned.
pub(super) fn bring(
    view: &View,
    portal: &Portal,
    event: &Event,
    attempts: u32,
) -> Result<Vec<Effect>, Missing> {
    let changes = changes(event);
    let id = ids::message_id(&event.id);
    let needed = [
        Key::Message { id: id.clone() },
        Key::Room { id: portal.local.clone() },
        Key::documents(key::portal_local(&portal.local)),
        Key::documents(key::SEALS),
    ];
    let keys = changes.iter().flat_map(|it| ledger::message_keys(it.event));
    view.all(ghost::keys(&event.sender).chain(needed).chain(keys))?;
    let is_said = view.message(&id)?.is_some();
    if changes.is_empty()
        || is_said
        || portal.is_strange_to(&event.sender)
        || encryption::suspended(view, portal)?.is_some()
    {
        return Ok(vec![]);
    }
    let found = each(&changes, |it| Ok((ledger::message(view, &portal.local, it.event)?, it.on)))?;
    let here = found.iter().filter_map(|(message, on)| message.map(|it| (&it.id, *on)));
    if view.config.rest {
        let (scope, at) = (Scope::pins(), view.now);
        let entries = (0..).zip(here).map(|(part, (message, on))| {
            let pinned = Pinned {
                room: portal.local.clone(),
                message: message.clone(),
                by: event.sender.clone(),
                on,
                event: event.id.clone(),
            };
            let id = format!("pinned:{}:{message}", event.id);
            let work = Work::Pinned(Box::new(pinned));
            Record::Entry(Rc::new(Entry { id, scope: scope.clone(), at, part, work })).insert()
        });
        let wake = Effect::Wake { scope: scope.clone(), at };
        return Ok(entries.chain([wake]).collect());
    }
    let mut text = told(&found.iter().map(|(_, on)| *on).collect::<Vec<_>>());
    for (message, _) in here {
        text = related::answering(view, &portal.local, message, &text)?;
    }
    let (profile, mut effects) = profile::of_speaker(view, &event.sender, event.at)?;
    let alias = profile::shown(profile.as_ref());
    let known_as = (event.sender.as_str(), alias.as_deref().unwrap_or_default());
    let (sender, ensured) = speaker::ensured(view, portal, known_as, attempts)?;
    effects.extend(ensured);
    let (room, avatar) = (portal.local.clone(), picture(view, profile.as_ref())?);
    let (alias, avatar) = if attempts == 0 { (alias, avatar) } else { (None, None) };
    effects.push(Effect::CreateMessage { id, room, sender, text, alias, avatar, thread: None });
    Ok(effects)
}

/// What an event changes. Servers say what was pinned before; where one does not, the last pin is the new one.
fn changes(event: &Event) -> Vec<Change<'_>> {
    let now = pins(&event.content);
    let Some(before) = event.unsigned.get("prev_content").map(pins) else {
        return now.last().map(|event| Change { event, on: true }).into_iter().collect();
    };
    let (were, are): (BTreeSet<&str>, BTreeSet<&str>) =
        (before.iter().copied().collect(), now.iter().copied().collect());
    let new = now.iter().filter(|it| !were.contains(*it)).map(|event| Change { event, on: true });
    let old = before.iter().filter(|it| !are.contains(*it)).map(|event| Change { event, on: false });
    new.chain(old).take(MOST).collect()
}

fn pins(content: &Value) -> Vec<&str> {
    let pins = content.get("pinned").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    pins.iter().filter_map(Value::as_str).collect()
}

fn told(changes: &[bool]) -> String {
    let of = |on: bool, verb: &str| match changes.iter().filter(|it| **it == on).count() {
        0 => None,
        1 => Some(format!("{verb} a message")),
        many => Some(format!("{verb} {many} messages")),
    };
    let told: Vec<String> = [of(true, "pinned"), of(false, "unpinned")].into_iter().flatten().collect();
    format!("📌 {}", told.join(" and "))
}
