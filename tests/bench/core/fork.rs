//! Resolving a forked room: by the kernel, and by ruma called plainly.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruma_common::{EventId, OwnedEventId};
use ruma_state_res::utils::event_id_set::EventIdSet;
use ruma_state_res::{Event as _, StateMap};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::kernel::VERSION;
use crate::matrix::pdu::Pdu;
use crate::matrix::resolve::{Events, Key, State, resolve};

/// A room as it is written down: all its events in the order of their arrival, and the ids of those in each state.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    states: Vec<Vec<OwnedEventId>>,
}

/// A room in memory.
#[derive(Debug)]
pub struct Fork {
    room: Room,
    states: Vec<State>,
    maps: Vec<StateMap<OwnedEventId>>,
    chains: Chains,
    spare: Vec<Chains>,
}

/// The auth chain of each state.
type Chains = Vec<EventIdSet<OwnedEventId>>;

#[derive(Debug)]
struct Room {
    events: BTreeMap<OwnedEventId, (Rc<Pdu>, u64)>,
}

impl Events for Room {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.events.get(id).map(|(pdu, _)| Rc::clone(pdu))
    }

    fn place(&self, id: &EventId) -> Option<u64> {
        self.events.get(id).map(|(_, place)| *place)
    }
}

impl Room {
    fn key(&self, id: &EventId) -> Option<Key> {
        let pdu = self.event(id)?;
        Some((pdu.event_type().to_string().into(), pdu.state_key()?.to_owned()))
    }

    /// The events of a state and all they were built on: what Synapse takes for its auth chain.
    fn chain(&self, state: &State) -> EventIdSet<OwnedEventId> {
        let mut chain: BTreeSet<_> = state.values().cloned().collect();
        let mut next: Vec<_> = chain.iter().cloned().collect();
        while let Some(event) = next.pop().and_then(|id| self.event(&id)) {
            for id in event.auth_events() {
                if chain.insert(id.clone()) {
                    next.push(id.clone());
                }
            }
        }
        chain.into_iter().collect()
    }
}

impl Fork {
    pub fn read(written: &str) -> Option<Self> {
        let written: Written<'_> = serde_json::from_str(written).ok()?;
        let mut room = Room { events: BTreeMap::new() };
        for (place, event) in (0..).zip(&written.events) {
            let pdu = Rc::new(Pdu::read(event.get().as_bytes(), VERSION).ok()?);
            room.events.insert(pdu.id.clone(), (pdu, place));
        }
        let state = |ids: &Vec<OwnedEventId>| -> Option<State> {
            ids.iter().map(|id| Some((room.key(id)?, id.clone()))).collect()
        };
        let states = written.states.iter().map(state).collect::<Option<Vec<_>>>()?;
        let map = |state: &State| state.iter().map(|(key, id)| (key.clone(), id.clone())).collect();
        let maps = states.iter().map(map).collect();
        let chains = states.iter().map(|state| room.chain(state)).collect();
        Some(Self { room, states, maps, chains, spare: vec![] })
    }

    /// Resolves it by the kernel.
    pub fn resolve(&self) -> State {
        resolve(VERSION.rules(), &self.states, &self.room).unwrap_or_default()
    }

    /// Makes ready for one call of ruma, which wants chains of its own.
    pub fn prepare(&mut self) {
        self.spare.push(self.chains.clone());
    }

    /// Resolves it by ruma, with the full states and the full chains at hand.
    pub fn resolve_plainly(&mut self) -> StateMap<OwnedEventId> {
        let rules = VERSION.rules();
        let (Some(version), Some(chains)) = (rules.state_res.v2_rules(), self.spare.pop()) else {
            return StateMap::new();
        };
        let event = |id: &EventId| self.room.events.get(id).map(|(pdu, _)| &**pdu);
        ruma_state_res::resolve(&rules.authorization, version, &self.maps, chains, event, |_| None)
            .unwrap_or_default()
    }
}

/// The ids of a state, sorted, a line each: what two resolutions must agree in.
pub fn ids(state: impl IntoIterator<Item = (Key, OwnedEventId)>) -> String {
    let ids: BTreeSet<_> = state.into_iter().map(|(_, id)| id.to_string()).collect();
    ids.into_iter().collect::<Vec<_>>().join("\n")
}
