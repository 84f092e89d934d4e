//! Events of the tests, and a room that holds them and counts who asks.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use matrix_federation::matrix::resolve::{Events, Key, State};
use ruma_common::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
};
use ruma_events::TimelineEventType;
use ruma_state_res::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(crate) struct Pdu {
    pub(crate) event_id: OwnedEventId,
    pub(crate) room_id: Option<OwnedRoomId>,
    pub(crate) sender: OwnedUserId,
    pub(crate) origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(rename = "type")]
    pub(crate) kind: TimelineEventType,
    pub(crate) content: Box<RawValue>,
    pub(crate) state_key: String,
    pub(crate) prev_events: Vec<OwnedEventId>,
    pub(crate) auth_events: Vec<OwnedEventId>,
    #[serde(default)]
    pub(crate) rejected: bool,
}

impl Pdu {
    pub(crate) fn key(&self) -> Key {
        (self.kind.to_string().into(), self.state_key.clone())
    }
}

impl Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        self.room_id.as_deref()
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        Some(&self.state_key)
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        None
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}

#[derive(Clone, Default)]
pub(crate) struct Room {
    pub(crate) pdus: BTreeMap<OwnedEventId, Rc<Pdu>>,
    /// The order of arrival.
    pub(crate) places: BTreeMap<OwnedEventId, u64>,
    /// Whether it is told.
    pub(crate) ordered: bool,
    pub(crate) asked: Cell<usize>,
}

impl Room {
    pub(crate) fn add(&mut self, pdu: Pdu) -> Rc<Pdu> {
        let pdu = Rc::new(pdu);
        self.places.insert(pdu.event_id.clone(), self.places.len() as u64);
        self.pdus.insert(pdu.event_id.clone(), Rc::clone(&pdu));
        pdu
    }

    pub(crate) fn add_all(&mut self, pdus: Vec<Pdu>) {
        for pdu in pdus {
            self.add(pdu);
        }
    }

    /// Everything the event was built on, at any distance.
    pub(crate) fn chain(&self, id: &EventId) -> BTreeSet<OwnedEventId> {
        let mut chain = BTreeSet::new();
        let mut next = vec![id.to_owned()];
        while let Some(id) = next.pop() {
            for auth in &self.pdus[&id].auth_events {
                if chain.insert(auth.clone()) {
                    next.push(auth.clone());
                }
            }
        }
        chain
    }

    pub(crate) fn state(&self, ids: impl IntoIterator<Item = OwnedEventId>) -> State {
        ids.into_iter().map(|id| (self.pdus[&id].key(), id)).collect()
    }
}

impl Events for Room {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.asked.set(self.asked.get() + 1);
        self.pdus.get(id).cloned()
    }

    fn place(&self, id: &EventId) -> Option<u64> {
        if self.ordered { self.places.get(id).copied() } else { None }
    }
}
