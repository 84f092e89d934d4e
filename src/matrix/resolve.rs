//! State resolution: one state out of several, the same on every server, by ruma.
//!
//! Law: a result computed without an event that was asked for is thrown away. ruma takes an event it cannot fetch for
//! one that is not there and answers `Ok` with a wrong state; here it is [`Unresolved::Lacking`], naming all that is
//! known to lack.
//!
//! ruma is given the conflict only: what differs between the states, what only some of them were built on, and those
//! entries of the rest which the authorisation rules ask for. All events are taken to be of one room; the checks on
//! receipt see to that.
//!
//! <https://spec.matrix.org/v1.19/rooms/v2/#state-resolution> and <https://spec.matrix.org/v1.19/rooms/v12/#state-resolution>

mod chain;
mod conflict;
pub(super) mod held;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use ruma_common::room_version_rules::{AuthorizationRules, RoomVersionRules};
use ruma_common::{EventId, OwnedEventId};
use ruma_events::StateEventType;
use ruma_state_res::utils::event_id_set::EventIdSet;
use ruma_state_res::{Event, StateMap, auth_types_for_event};

use self::conflict::Conflict;
use self::held::Held;
use self::reader::Reader;

/// What an entry of the state is about: the event's type and its state key.
pub type Key = (StateEventType, String);

/// The state of a room at some point: the event that is in force for each key.
pub type State = BTreeMap<Key, OwnedEventId>;

/// The most events a resolution may walk over; a room forked wider than this is an attack or a ruin.
const LIMIT: usize = 1 << 18;

/// Where the events of the room are found.
pub trait Events {
    /// A pointer to an event, cheap to clone: `&Pdu`, `Rc<Pdu>`.
    type Event: Clone + Deref<Target: Event<Id = OwnedEventId>>;

    /// The event, if it is at hand.
    fn event(&self, id: &EventId) -> Option<Self::Event>;

    /// The event's place in some order of the room in which every event stands after all its auth events, if one is
    /// kept: the order of arrival is one, the claimed depth is not. It is known without the event at hand.
    ///
    /// It changes no result. It spares the search behind each entry the states share, which is nearly all of them.
    fn place(&self, _id: &EventId) -> Option<u64> {
        None
    }
}

/// Why there is no resolved state.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Load these and call again: with their whole auth chains four calls are enough.
    #[error("{} events are not at hand", .0.len())]
    Lacking(BTreeSet<OwnedEventId>),
    /// Refuse: the fork cannot be resolved in bounded memory.
    #[error("the room is forked too widely to resolve: more than {limit} {of}")]
    TooLarge {
        /// How many are allowed.
        limit: usize,
        /// Of what.
        of: &'static str,
    },
    /// Refuse: the room's version or an event breaks the rules of resolution.
    #[error("the state cannot be resolved: {0}")]
    Broken(String),
}

/// The one state that follows from `states`, whatever their order.
pub fn resolve<S: Events>(
    rules: &RoomVersionRules,
    states: &[State],
    events: &S,
) -> Result<State, Unresolved> {
    let Some(version) = rules.state_res.v2_rules() else {
        return Err(Unresolved::Broken("its algorithm is older than version 2".to_owned()));
    };
    let conflict = Conflict::between(states);
    let mut resolved = conflict.shared_state();
    if conflict.is_empty() {
        return Ok(resolved);
    }

    let reader = Reader::new(events, LIMIT);
    let mut disputed = chain::difference(&conflict, &reader)?;
    if version.consider_conflicted_state_subgraph {
        disputed.extend(chain::subgraph(&conflict, &reader)?);
    }
    let consulted = if version.begin_iterative_auth_checks_with_empty_state_map {
        State::new()
    } else {
        consulted(&rules.authorization, &conflict, &disputed, &reader)
    };

    let answer = ruma_state_res::resolve(
        &rules.authorization,
        version,
        &conflict.maps(&consulted),
        // ruma only looks for what is not in every chain.
        vec![disputed.iter().cloned().collect(), EventIdSet::new()],
        |id| reader.read(id).map(Held),
        // It is in `disputed`.
        |_| Some(EventIdSet::new()),
    );
    if reader.lacks() {
        // ruma stops at the first it cannot do without; the others are asked for here, to be loaded together.
        for event in conflict.ids().chain(&disputed).filter_map(|id| reader.read(id)) {
            for auth in event.auth_events() {
                reader.read(auth);
            }
        }
        return Err(Unresolved::Lacking(reader.lacking()));
    }
    let answer: StateMap<_> = answer.map_err(|error| Unresolved::Broken(error.to_string()))?;
    for (key, id) in answer {
        resolved.entry(key).or_insert(id);
    }
    Ok(resolved)
}

/// The shared entries that the resolution of the conflict looks at: what authorises a disputed event, and the power
/// levels that order them.
fn consulted<S: Events>(
    rules: &AuthorizationRules,
    conflict: &Conflict<'_>,
    disputed: &BTreeSet<OwnedEventId>,
    reader: &Reader<'_, S>,
) -> State {
    let mut keys = BTreeSet::from([(StateEventType::RoomPowerLevels, String::new())]);
    for event in conflict.ids().chain(disputed).filter_map(|id| reader.read(id)) {
        // A malformed event needs nothing: ruma passes over it.
        keys.extend(
            auth_types_for_event(
                event.event_type(),
                event.sender(),
                event.state_key(),
                event.content(),
                rules,
            )
            .unwrap_or_default(),
        );
    }
    keys.into_iter().filter_map(|key| conflict.shared(&key).cloned().map(|id| (key, id))).collect()
}
