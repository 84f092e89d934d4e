//! The walks against their definitions, over events that cite each other at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ruma_common::{EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, RoomId, UserId, user_id};
use ruma_events::TimelineEventType;
use ruma_state_res::Event;
use serde_json::value::RawValue;

use super::{difference, key, subgraph};
use crate::matrix::resolve::conflict::Conflict;
use crate::matrix::resolve::reader::Reader;
use crate::matrix::resolve::{Events, State, Unresolved};

#[derive(Debug)]
struct Node {
    id: OwnedEventId,
    auth: Vec<OwnedEventId>,
    kind: TimelineEventType,
    state_key: String,
    sender: OwnedUserId,
}

impl Event for Node {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.id
    }

    fn room_id(&self) -> Option<&RoomId> {
        None
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        MilliSecondsSinceUnixEpoch(0u32.into())
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        RawValue::NULL
    }

    fn state_key(&self) -> Option<&str> {
        Some(&self.state_key)
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(std::iter::empty())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.auth.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        None
    }

    fn rejected(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct Graph {
    nodes: Vec<Node>,
    ordered: bool,
}

fn id(at: usize) -> OwnedEventId {
    EventId::parse(format!("${at:03}")).unwrap()
}

fn at(id: &EventId) -> usize {
    id.as_str()[1..].parse().unwrap()
}

impl<'g> Events for &'g Graph {
    type Event = &'g Node;

    fn event(&self, id: &EventId) -> Option<&'g Node> {
        self.nodes.get(at(id))
    }

    fn place(&self, id: &EventId) -> Option<u64> {
        self.ordered.then(|| at(id).try_into().unwrap())
    }
}

impl Graph {
    fn chain(&self, ids: impl Iterator<Item = OwnedEventId>) -> BTreeSet<OwnedEventId> {
        let (mut chain, mut next) = (BTreeSet::new(), ids.collect::<Vec<_>>());
        while let Some(id) = next.pop() {
            next.extend(self.nodes[at(&id)].auth.iter().filter(|it| chain.insert((*it).clone())).cloned());
        }
        chain
    }
}

/// Up to 40 events, each citing up to three earlier ones, for five keys; and two to four states of them.
fn forks() -> impl Strategy<Value = (Graph, Vec<State>)> {
    let nodes = prop::collection::vec((0..5u8, prop::collection::vec(0..1000usize, 0..4)), 2..40);
    let states = prop::collection::vec(prop::collection::vec(0..1000usize, 1..6), 2..5);
    // What the states share from the start.
    let shared = prop::collection::vec(0..1000usize, 0..3);
    (nodes, states, shared, any::<bool>()).prop_map(|(nodes, states, shared, ordered)| {
        let nodes: Vec<_> = nodes
            .into_iter()
            .enumerate()
            .map(|(at, (state_key, auth))| Node {
                id: id(at),
                auth: auth.into_iter().filter(|_| at > 0).map(|it| id(it % at.max(1))).collect(),
                kind: "a".into(),
                state_key: state_key.to_string(),
                sender: user_id!("@a:a").to_owned(),
            })
            .collect();
        let state = |said: Vec<usize>| -> State {
            let ids = said.iter().chain(&shared).map(|it| it % nodes.len());
            ids.map(|it| (key(&nodes[it]), id(it))).collect()
        };
        let states = states.into_iter().map(state).collect();
        (Graph { nodes, ordered }, states)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walks_find_what_is_defined((graph, states) in forks()) {
        let events = &graph;
        let conflict = Conflict::between(&states);
        let in_conflict: BTreeSet<_> = conflict.ids().cloned().collect();

        let mut chains = BTreeMap::<_, usize>::new();
        for state in &states {
            let ids: BTreeSet<_> = state.values().cloned().collect();
            for id in ids.union(&graph.chain(ids.iter().cloned())) {
                *chains.entry(id.clone()).or_default() += 1;
            }
        }
        let some = chains.into_iter().filter(|(_, count)| *count < states.len()).map(|(id, _)| id);
        let expected: BTreeSet<_> = some.filter(|id| !in_conflict.contains(id)).collect();
        prop_assert_eq!(difference(&conflict, &Reader::new(&events, 10_000)), Ok(expected));

        let leads = |id: &OwnedEventId| !in_conflict.is_disjoint(&graph.chain([id.clone()].into_iter()));
        let behind = graph.chain(in_conflict.iter().cloned());
        let expected: BTreeSet<_> = behind.into_iter().filter(leads).chain(in_conflict.clone()).collect();
        prop_assert_eq!(subgraph(&conflict, &Reader::new(&events, 10_000)), Ok(expected));
    }
}

#[test]
fn a_walk_ends_before_it_is_too_long() {
    let nodes = (0..100usize).map(|at| Node {
        id: id(at),
        auth: at.checked_sub(1).map(id).into_iter().collect(),
        kind: "a".into(),
        state_key: String::new(),
        sender: user_id!("@a:a").to_owned(),
    });
    let graph = Graph { nodes: nodes.collect(), ordered: false };
    let states = [99, 0].map(|at| State::from([(key(&graph.nodes[at]), id(at))]));
    let conflict = Conflict::between(&states);
    let refused = Err(Unresolved::TooLarge { limit: 50, of: "events" });
    assert_eq!(difference(&conflict, &Reader::new(&&graph, 50)), refused);
    assert_eq!(subgraph(&conflict, &Reader::new(&&graph, 50)), refused);
    assert_eq!(difference(&conflict, &Reader::new(&&graph, 150)).unwrap().len(), 98);
}
