//! The checks on receipt of an event, in the specification's order.
//!
//! An event is dropped, rejected, soft-failed or accepted, and perhaps redacted first; each with its reason in plain
//! words. An event or a key that is not at hand is no reason: it is asked for, and the checks begin again.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#checks-performed-on-receipt-of-a-pdu>

mod rules;
mod signed;

use std::cell::RefCell;
use std::collections::BTreeSet;

use ruma_common::{EventId, OwnedEventId};
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::{Event, check_state_dependent_auth_rules, check_state_independent_auth_rules};
use thiserror::Error;

use super::json::{Json, Value};
use super::pdu::{BadPdu, Pdu, create_event_of};
use super::redact::{Without, write_redacted};
use super::resolve::held::Held;
use super::resolve::{Events, State};
use super::version::RoomVersion;
use super::{hash, key_document};

pub use signed::{KeyId, Keys, Unsigned, required_signers};

/// What becomes of an event that was read and believed to be its servers'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is part of the room.
    Accepted,
    /// It is part of the graph, but neither shown nor built upon: the room has changed since it was made.
    SoftFailed(String),
    /// It has no part in the room, nor has what it authorises; it is remembered for that.
    Rejected(String),
}

/// Why nothing is known of an event: it is as if it had never come.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Dropped {
    /// It is no event.
    #[error("{0}")]
    Bad(#[from] BadPdu),
    /// Not all servers that must have signed it have.
    #[error("{0}")]
    Unsigned(#[from] Unsigned),
}

/// Why an event was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is let go.
    Dropped(Dropped),
    /// These keys must be fetched first.
    Lacking(BTreeSet<KeyId>),
}

/// These events must be loaded first, best with all that authorises them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking(pub BTreeSet<OwnedEventId>);

/// The first three checks, which need no room: the form, the signatures, the hash. An event whose hash does not hold
/// comes back as a redaction leaves it, and then that must be signed too: what a redaction takes away may be what freed
/// the sender's server from signing.
pub fn read(bytes: &[u8], version: RoomVersion, keys: &impl Keys) -> Result<Pdu, Unread> {
    let drop = |why: BadPdu| Unread::Dropped(why.into());
    let json = Json::parse(bytes).map_err(|why| drop(why.into()))?;
    let event = json.root();
    let pdu = Pdu::of(event, version).map_err(drop)?;
    signed::check(event, &pdu, keys)?;
    if hash::content_hash_holds(event) {
        return Ok(pdu);
    }
    let pdu = redacted(event, version).map_err(drop)?;
    let json = Json::parse(pdu.text.as_bytes()).map_err(|why| drop(why.into()))?;
    signed::check(json.root(), &pdu, keys)?;
    Ok(pdu)
}

/// The event as a redaction leaves it; its id stays.
pub fn redacted(event: Value<'_>, version: RoomVersion) -> Result<Pdu, BadPdu> {
    let mut text = String::with_capacity(event.raw().len());
    write_redacted(event, version, Without::Nothing, &mut text);
    Pdu::read(text.as_bytes(), version)
}

/// The other three checks: against what the event names itself, the state before it, and the room's current state.
pub fn judge<S: Events>(pdu: &Pdu, events: &S, before: &State, current: &State) -> Result<Verdict, Lacking> {
    let asked = Asked::new(events);
    let verdict = asked.judge(pdu, before, current);
    let lacking = asked.lacking.into_inner();
    if lacking.is_empty() { Ok(verdict) } else { Err(Lacking(lacking)) }
}

/// Whether an event is authorised by the events that it names, which is all that can be checked of one whose place in
/// the room is not known: of a state or an auth chain that another server sent.
pub fn judge_alone<S: Events>(pdu: &Pdu, events: &S) -> Result<Verdict, Lacking> {
    let asked = Asked::new(events);
    let verdict = asked.by_its_own(pdu).err().map_or(Verdict::Accepted, Verdict::Rejected);
    let lacking = asked.lacking.into_inner();
    if lacking.is_empty() { Ok(verdict) } else { Err(Lacking(lacking)) }
}

/// The events of a room, with a note of those that were asked for in vain: a verdict without them is worth nothing.
struct Asked<'s, S> {
    events: &'s S,
    lacking: RefCell<BTreeSet<OwnedEventId>>,
}

impl<'s, S: Events> Asked<'s, S> {
    fn new(events: &'s S) -> Self {
        Self { events, lacking: RefCell::default() }
    }

    fn judge(&self, pdu: &Pdu, before: &State, current: &State) -> Verdict {
        if let Err(why) = self.by_its_own(pdu) {
            return Verdict::Rejected(why);
        }
        if let Err(why) = self.by_state(pdu, before) {
            return Verdict::Rejected(format!("the state before it does not allow it: {why}"));
        }
        match self.by_state(pdu, current) {
            Err(why) => Verdict::SoftFailed(format!("the room does not allow it any more: {why}")),
            Ok(()) => Verdict::Accepted,
        }
    }

    /// Against the events it names.
    fn by_its_own(&self, pdu: &Pdu) -> Result<(), String> {
        let rules = &pdu.version().rules().authorization;
        rules::check(pdu)?;
        let named: Vec<_> = pdu.authorised_by().filter_map(|id| self.get(&id)).collect();
        check_state_independent_auth_rules(rules, pdu, |id| self.get(id))
            .map_err(|why| format!("the events it names as its authority are not good: {why}"))?;
        let state = |kind: &StateEventType, key: &str| {
            let is_it = |it: &&Held<S::Event>| {
                it.event_type().to_string() == kind.to_string() && it.state_key() == Some(key)
            };
            named.iter().find(is_it).cloned()
        };
        allowed(pdu, state).map_err(|why| format!("the events it names do not allow it: {why}"))
    }

    fn by_state(&self, pdu: &Pdu, state: &State) -> Result<(), String> {
        let create = (StateEventType::RoomCreate, String::new());
        let find = |kind: &StateEventType, key: &str| {
            let id = state.get(&(kind.clone(), key.to_owned())).cloned();
            let is_create = *kind == create.0 && pdu.version().names_rooms_by_hash();
            id.or_else(|| is_create.then(|| create_event_of(&pdu.room)).flatten())
                .and_then(|id| self.get(&id))
        };
        allowed(pdu, find)
    }

    fn get(&self, id: &EventId) -> Option<Held<S::Event>> {
        let event = self.events.event(id);
        if event.is_none() {
            self.lacking.borrow_mut().insert(id.to_owned());
        }
        event.map(Held)
    }
}

/// Whether a state allows an event.
fn allowed<E: Event>(pdu: &Pdu, find: impl Fn(&StateEventType, &str) -> Option<E>) -> Result<(), String> {
    if *pdu.event_type() == TimelineEventType::RoomCreate {
        return Ok(());
    }
    if let Some(create) = find(&StateEventType::RoomCreate, "") {
        rules::check_federation(pdu, &create)?;
    }
    if rules::is_join_by_default(pdu, &find) {
        return Ok(());
    }
    rules::check_effort(pdu, &find)?;
    check_state_dependent_auth_rules(&pdu.version().rules().authorization, pdu, find)
}
