//! What the states of a fork share and what they dispute.
//!
//! Law: an entry is shared when every state has it with the same event; everything else is in conflict.
//!
//! <https://spec.matrix.org/v1.19/rooms/v2/#definitions>

use std::collections::BTreeMap;

use ruma_common::OwnedEventId;
use ruma_state_res::StateMap;

use super::{Key, State};

/// Several states, compared.
pub(super) struct Conflict<'s> {
    states: &'s [State],
    /// For each key in conflict what each state says, in the order of the states.
    entries: BTreeMap<&'s Key, Vec<Option<&'s OwnedEventId>>>,
}

impl<'s> Conflict<'s> {
    /// Walks all states at once, so that what they share is only compared, never copied.
    pub(super) fn between(states: &'s [State]) -> Self {
        let mut cursors: Vec<_> = states.iter().map(|state| state.iter().peekable()).collect();
        let mut entries = BTreeMap::new();
        loop {
            let mut heads = cursors.iter_mut().map(|cursor| cursor.peek().copied());
            let Some(first) = heads.next() else { break };
            if heads.all(|head| head == first) {
                if first.is_none() {
                    break;
                }
                for cursor in &mut cursors {
                    cursor.next();
                }
                continue;
            }
            let lowest = cursors.iter_mut().filter_map(|cursor| cursor.peek().map(|(key, _)| *key)).min();
            let Some(key) = lowest else { break };
            let said = cursors
                .iter_mut()
                .map(|cursor| cursor.next_if(|(it, _)| *it == key).map(|(_, id)| id))
                .collect();
            entries.insert(key, said);
        }
        Self { states, entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many states there are.
    pub(super) fn width(&self) -> usize {
        self.states.len()
    }

    /// The events in conflict, each with what the state of that number says.
    pub(super) fn said(&self) -> impl Iterator<Item = (usize, &'s OwnedEventId)> {
        self.entries
            .values()
            .flat_map(|said| said.iter().enumerate().filter_map(|(at, id)| Some((at, (*id)?))))
    }

    /// The events in conflict; one that several states have comes several times.
    pub(super) fn ids(&self) -> impl Iterator<Item = &'s OwnedEventId> {
        self.said().map(|(_, id)| id)
    }

    /// The event that all states have for this key.
    pub(super) fn shared(&self, key: &Key) -> Option<&'s OwnedEventId> {
        if self.entries.contains_key(key) { None } else { self.states.first()?.get(key) }
    }

    /// The events that all states have.
    pub(super) fn shared_ids(&self) -> impl Iterator<Item = &'s OwnedEventId> {
        let mut disputed = self.entries.keys().copied().peekable();
        self.states.first().into_iter().flatten().filter_map(move |(key, id)| {
            // Both are in order; a key that the first state lacks is passed over.
            while disputed.next_if(|it| *it < key).is_some() {}
            if disputed.peek() == Some(&key) { None } else { Some(id) }
        })
    }

    /// All that is not in conflict.
    pub(super) fn shared_state(&self) -> State {
        let mut state = self.states.first().cloned().unwrap_or_default();
        for key in self.entries.keys() {
            state.remove(*key);
        }
        state
    }

    /// The states as ruma wants them, with no more of the shared entries than `shared`.
    pub(super) fn maps(&self, shared: &State) -> Vec<StateMap<OwnedEventId>> {
        let shared = shared.iter().map(|(key, id)| (key.clone(), id.clone()));
        let mut maps: Vec<StateMap<_>> = self.states.iter().map(|_| shared.clone().collect()).collect();
        for (key, said) in &self.entries {
            for (map, id) in maps.iter_mut().zip(said) {
                if let Some(id) = *id {
                    map.insert((*key).clone(), id.clone());
                }
            }
        }
        maps
    }
}
