//! Rooms that Rocket.Chat encrypts: what is said in them can be read by nobody on the way, so nothing of it is bridged.
//!
//! A portal that becomes encrypted is suspended. Both sides are told once, when it begins and when it ends; Rocket.Chat
//! takes no plain message in such a room, so each of its people is told by themselves. What is said on Matrix meanwhile
//! stays there.

use std::rc::Rc;

use super::{everyone, ledger, outgoing};
use crate::effect::Effect;
use crate::facts::{Message, User, UserKind};
use crate::ids::{self, key};
use crate::record::{Portal, Record, Suspended};
use crate::view::{Missing, View};

/// So many people of a room are told at most.
const MOST_TOLD: usize = 100;

const BEGINS: &str = "Rocket.Chat encrypts this room from now on. What is said in it does not reach Matrix, and what is \
                      said on Matrix does not reach Rocket.Chat, until the encryption is switched off.";

const ENDS: &str = "Rocket.Chat does not encrypt this room any more: what is said in it reaches Matrix again, and the \
                    other way round. What was said meanwhile stays where it was said.";

const HELD_BACK: &str = "Your message was not sent to Matrix: this room is encrypted, and suspended on Matrix until the \
                         encryption is switched off.";

/// What follows from a message in a portal, if it tells that the room is encrypted now, or not any more, or comes while
/// it is.
pub(super) fn accept(
    view: &View,
    portal: &Portal,
    message: &Message,
) -> Result<Option<Vec<Effect>>, Missing> {
    let standing = suspended(view, portal)?;
    Ok(match (message.system.as_deref(), standing) {
        (Some("e2e" | "room_e2e_enabled"), None) => {
            Some(suspend(view, portal, &message.sender, &message.id)?)
        }
        (Some("room_e2e_disabled"), Some(standing)) => Some(resume(view, portal, &standing, &message.sender)),
        (None, Some(_)) if outgoing::is_for_matrix(message, portal.since) => {
            let (room, user) = (message.room.clone(), message.sender.id.clone());
            let tell = Effect::Notify { room, user, text: HELD_BACK.to_owned() };
            Some(vec![Record::Link(ledger::link(message, "")).insert(), tell])
        }
        (None | Some(_), _) => None,
    })
}

/// Whether a portal is suspended.
pub(super) fn suspended(view: &View, portal: &Portal) -> Result<Option<Suspended>, Missing> {
    let mut records = view.records(&key::portal_local(&portal.local))?.iter();
    Ok(records.find_map(|it| if let Record::Suspended(it) = it { Some(it.clone()) } else { None }))
}

/// The effects that suspend a portal whose room is found to be encrypted, where an event could not be brought there.
pub(super) fn found(view: &View, portal: &Portal, event: &str) -> Result<Option<Vec<Effect>>, Missing> {
    if !view.room(&portal.local)?.is_some_and(|it| it.encrypted) {
        return Ok(None);
    }
    let witness = everyone::witness(view, portal)?;
    witness.map(|by| suspend(view, portal, by, event)).transpose()
}

/// It is suspended last of what matters, so that a crash in between has both sides told all the same; `because` of what
/// it is found once more then.
fn suspend(view: &View, portal: &Portal, by: &User, because: &str) -> Result<Vec<Effect>, Missing> {
    let people = view.members(&portal.local)?.iter().filter(|it| it.kind == UserKind::User);
    let suspended = Suspended { local: portal.local.clone(), at: view.now };
    let mut effects = announce(view, portal, by, BEGINS, because).to_vec();
    effects.push(Record::Suspended(suspended).insert());
    effects.extend(people.take(MOST_TOLD).map(|it| Effect::Notify {
        room: portal.local.clone(),
        user: it.id.clone(),
        text: BEGINS.to_owned(),
    }));
    Ok(effects)
}

fn resume(view: &View, portal: &Portal, suspended: &Suspended, by: &User) -> Vec<Effect> {
    let (room, text) = (portal.local.clone(), ENDS.to_owned());
    let since = suspended.at.to_string();
    let id = ids::notice_id(&[&portal.local, ENDS, &since]);
    let mut effects = announce(view, portal, by, ENDS, &since).to_vec();
    effects.push(Effect::TellRoom { id, room, text });
    effects.push(Record::Suspended(suspended.clone()).remove());
    effects
}

/// The effects that tell Matrix, in the name of somebody here; once for what it is told because of.
fn announce(view: &View, portal: &Portal, by: &User, text: &str, because: &str) -> [Effect; 2] {
    let message = Message {
        id: ids::notice_id(&[&portal.local, text, "to Matrix", because]),
        room: portal.local.clone(),
        sender: by.clone(),
        text: text.to_owned(),
        md: None,
        at: view.now,
        edited_at: None,
        system: None,
        files: vec![],
        direct: portal.dm.is_some(),
        thread: None,
        quotes: vec![],
        reactions: vec![],
    };
    let entry = outgoing::entry(&message);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    [Record::Entry(Rc::new(entry)).insert(), wake]
}
