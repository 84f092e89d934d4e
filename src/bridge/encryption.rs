//! Rooms that Rocket.Chat encrypts: what is said in them can be read by nobody on the way, so nothing of it is bridged.
//!
//! A portal that becomes encrypted is suspended. Both sides are told once, when it begins and when it ends; Rocket.Chat
//! takes no plain message in such a room, so each of its people is told by themselves. What is said on Matrix meanwhile
//! stays there.

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
        (Some("room_e2e_disabled"), Some(standing)) => Some(resume(view, portal, &standing, message)?),
        (None, Some(standing)) if outgoing::is_for_matrix(message, portal.since) => {
            if view.room(&portal.local)?.is_some_and(|it| !it.encrypted) {
                // Nobody heard of its end: this is the first that is said after it.
                let mut effects = resume(view, portal, &standing, message)?;
                effects.extend(outgoing::taken_in(view, message));
                return Ok(Some(effects));
            }
            Some(vec![Record::Link(ledger::link(message, "")).insert(), held_back(message, &message.sender)])
        }
        (None | Some(_), _) => None,
    })
}

/// The effect that tells somebody that what they wrote stays here.
pub(super) fn held_back(message: &Message, by: &User) -> Effect {
    Effect::Notify { room: message.room.clone(), user: by.id.clone(), text: HELD_BACK.to_owned() }
}

/// Whether a portal is suspended.
pub(super) fn suspended(view: &View, portal: &Portal) -> Result<Option<Suspended>, Missing> {
    Ok(all(view, portal)?.find(|it| it.until.is_none()).cloned())
}

/// Whether a portal was suspended at a time, in milliseconds: what was said then stays where it was said.
pub(super) fn was_suspended(view: &View, portal: &Portal, at: i64) -> Result<bool, Missing> {
    Ok(all(view, portal)?.any(|it| it.at <= at && it.until.is_none_or(|until| at < until)))
}

fn all<'a>(view: &'a View, portal: &Portal) -> Result<impl Iterator<Item = &'a Suspended>, Missing> {
    let records = view.records(&key::portal_local(&portal.local))?.iter();
    Ok(records.filter_map(|it| if let Record::Suspended(it) = it { Some(it) } else { None }))
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
    let suspended = Suspended { local: portal.local.clone(), at: view.now, until: None };
    let mut effects = announce(view, portal, (by, view.now), BEGINS, because).to_vec();
    effects.push(Record::Suspended(suspended).insert());
    effects.extend(people.take(MOST_TOLD).map(|it| Effect::Notify {
        room: portal.local.clone(),
        user: it.id.clone(),
        text: BEGINS.to_owned(),
    }));
    Ok(effects)
}

/// How long it lasted is kept, for what was said meanwhile may be found later; of the last time only.
fn resume(
    view: &View,
    portal: &Portal,
    suspended: &Suspended,
    because: &Message,
) -> Result<Vec<Effect>, Missing> {
    let (room, text) = (portal.local.clone(), ENDS.to_owned());
    let since = suspended.at.to_string();
    let id = ids::notice_id(&[&portal.local, ENDS, &since]);
    // Before what is said after it.
    let told = (&because.sender, because.at.saturating_sub(1));
    let mut effects = announce(view, portal, told, ENDS, &since).to_vec();
    effects.push(Effect::TellRoom { id, room, text });
    let over = Suspended { until: Some(because.at), ..suspended.clone() };
    effects.push(Record::Suspended(over).insert());
    effects.extend(all(view, portal)?.map(|it| Record::Suspended(it.clone()).remove()));
    Ok(effects)
}

/// The effects that tell Matrix, in the name of somebody here and at a time; once for what it is told because of.
fn announce(view: &View, portal: &Portal, (by, at): (&User, i64), text: &str, because: &str) -> [Effect; 2] {
    let message = Message {
        id: ids::notice_id(&[&portal.local, text, "to Matrix", because]),
        room: portal.local.clone(),
        sender: by.clone(),
        text: text.to_owned(),
        md: None,
        at,
        edited_at: None,
        system: None,
        files: vec![],
        direct: portal.dm.is_some(),
        thread: None,
        quotes: vec![],
        reactions: vec![],
        attachments: None,
        blocks: None,
    };
    outgoing::taken_in(view, &message)
}
