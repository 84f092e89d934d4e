//! ruma called plainly: the full states, the full chains, everything spelt out after the specification.

use std::collections::BTreeSet;

use matrix_federation::matrix::resolve::State;
use ruma_common::OwnedEventId;
use ruma_common::room_version_rules::RoomVersionRules;
use ruma_state_res::StateMap;

use crate::pdu::Room;

pub(crate) fn plain(rules: &RoomVersionRules, states: &[State], room: &Room) -> State {
    let maps: Vec<StateMap<OwnedEventId>> = states
        .iter()
        .map(|state| state.iter().map(|(key, id)| (key.clone(), id.clone())).collect())
        .collect();
    // As in Synapse a state's own events are part of its chain.
    let chains = states
        .iter()
        .map(|state| {
            let behind = state.values().flat_map(|id| room.chain(id)).collect::<BTreeSet<_>>();
            behind.into_iter().chain(state.values().cloned()).collect()
        })
        .collect();
    ruma_state_res::resolve(
        &rules.authorization,
        rules.state_res.v2_rules().unwrap(),
        &maps,
        chains,
        |id| room.pdus.get(id).map(|pdu| &**pdu),
        |conflict| {
            let conflict: BTreeSet<_> = conflict.values().flatten().cloned().collect();
            let behind: BTreeSet<_> = conflict.iter().flat_map(|id| room.chain(id)).collect();
            let between = |id: &OwnedEventId| room.chain(id).iter().any(|it| conflict.contains(it));
            let ways = behind.into_iter().filter(between).collect::<Vec<_>>();
            Some(ways.into_iter().chain(conflict).collect())
        },
    )
    .unwrap()
    .into_iter()
    .collect()
}
