//! Reads events and remembers which were not at hand.
//!
//! Law: a miss is never forgotten, and the count of steps never exceeds its limit.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use ruma_common::{EventId, OwnedEventId};
use ruma_state_res::utils::event_id_map::EventIdMap;

use super::{Events, Unresolved};

/// The events of one resolution.
pub(super) struct Reader<'s, S: Events> {
    events: &'s S,
    /// ruma asks for an event some ten times.
    known: RefCell<EventIdMap<OwnedEventId, S::Event>>,
    lacking: RefCell<BTreeSet<OwnedEventId>>,
    limit: usize,
    steps: Cell<usize>,
}

impl<'s, S: Events> Reader<'s, S> {
    pub(super) fn new(events: &'s S, limit: usize) -> Self {
        Self { events, known: RefCell::default(), lacking: RefCell::default(), limit, steps: Cell::new(0) }
    }

    /// The event; a miss is remembered.
    pub(super) fn read(&self, id: &EventId) -> Option<S::Event> {
        let event = self.peek(id);
        if event.is_none() {
            self.lacking.borrow_mut().insert(id.to_owned());
        }
        event
    }

    /// The event, if it happens to be at hand.
    pub(super) fn peek(&self, id: &EventId) -> Option<S::Event> {
        if let Some(known) = self.known.borrow().get(id) {
            return Some(known.clone());
        }
        let event = self.events.event(id)?;
        self.known.borrow_mut().insert(id.to_owned(), event.clone());
        Some(event)
    }

    /// The lowest place among `ids`, or none if one of them has no place.
    pub(super) fn lowest<'i>(&self, ids: impl Iterator<Item = &'i OwnedEventId>) -> Option<u64> {
        ids.map(|id| self.events.place(id)).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Whether nothing from place `lowest` on can be an auth event of this one, at any distance.
    pub(super) fn stands_before(&self, id: &EventId, lowest: Option<u64>) -> bool {
        lowest.is_some_and(|lowest| self.events.place(id).is_some_and(|place| place <= lowest))
    }

    /// Counts one step of a walk.
    pub(super) fn step(&self) -> Result<(), Unresolved> {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > self.limit {
            return Err(Unresolved::TooLarge { limit: self.limit, of: "events" });
        }
        Ok(())
    }

    pub(super) fn lacks(&self) -> bool {
        !self.lacking.borrow().is_empty()
    }

    pub(super) fn lacking(self) -> BTreeSet<OwnedEventId> {
        self.lacking.into_inner()
    }
}
