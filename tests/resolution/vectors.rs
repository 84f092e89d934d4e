//! The scenarios beside the project: each is resolved event by event along the history, batch by batch, and at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use matrix_federation::matrix::resolve::{State, resolve};
use ruma_common::room_version_rules::RoomVersionRules;
use ruma_common::{OwnedEventId, RoomVersionId};
use serde::Deserialize;

use crate::pdu::{Pdu, Room};

/// The name of the expected state, and the batches that form the scenario.
const BATCHES: &[(&str, &[&str])] = &[
    ("minimal_private_chat", &["bootstrap-private-chat"]),
    ("minimal_public_chat", &["bootstrap-public-chat"]),
    ("origin_server_ts_tiebreak", &["bootstrap-private-chat", "origin-server-ts-tiebreak"]),
    (
        "ban_vs_power_levels",
        &["bootstrap-public-chat", "ban-vs-power-levels-alice", "ban-vs-power-levels-bob"],
    ),
    (
        "topic_vs_power_levels",
        &["bootstrap-public-chat", "topic-vs-power-levels-alice", "topic-vs-power-levels-bob"],
    ),
    (
        "power_levels_admin_vs_mod",
        &["bootstrap-public-chat", "power-levels-admin-vs-mod-alice", "power-levels-admin-vs-mod-bob"],
    ),
    (
        "topic_vs_ban",
        &["bootstrap-public-chat", "topic-vs-ban-common", "topic-vs-ban-alice", "topic-vs-ban-bob"],
    ),
    (
        "join_rules_vs_join",
        &[
            "bootstrap-public-chat",
            "join-rules-vs-join-common",
            "join-rules-vs-join-alice",
            "join-rules-vs-join-ella",
        ],
    ),
    ("concurrent_joins", &["bootstrap-public-chat", "concurrent-joins-charlie", "concurrent-joins-ella"]),
];

/// The name of the expected state, the events, and the states that meet.
const STATES: &[(&str, &str, [&str; 2])] = &[
    ("msc4297_problem_a_state_res_v2_0", "MSC4297-problem-A/pdus-v11", STATES_A),
    ("msc4297_problem_a_state_res_v2_1", "MSC4297-problem-A/pdus-v12", STATES_A),
    ("msc4297_problem_b_state_res_v2_0", "MSC4297-problem-B/pdus-v11", STATES_B),
    ("msc4297_problem_b_state_res_v2_1", "MSC4297-problem-B/pdus-v12", STATES_B),
];
const STATES_A: [&str; 2] = ["MSC4297-problem-A/state-bob", "MSC4297-problem-A/state-charlie"];
const STATES_B: [&str; 2] = ["MSC4297-problem-B/state-eve", "MSC4297-problem-B/state-zara"];

/// The vectors stand beside the project, not in it.
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/state-resolution"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("Skipped: the vectors of state resolution are not beside the project.");
    None
}

fn read<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let text = fs::read_to_string(folder().unwrap().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn expected(name: &str) -> State {
    #[derive(Deserialize)]
    struct Entry {
        r#type: String,
        state_key: String,
        event_id: OwnedEventId,
    }
    let path = folder().unwrap().join(format!("expected/{name}@resolved_state.snap"));
    let text = fs::read_to_string(path).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(text.splitn(3, "---\n").last().unwrap()).unwrap();
    entries.into_iter().map(|it| ((it.r#type.into(), it.state_key), it.event_id)).collect()
}

fn rules(create: &Pdu) -> RoomVersionRules {
    #[derive(Deserialize)]
    struct Content {
        room_version: RoomVersionId,
    }
    let content: Content = serde_json::from_str(create.content.get()).unwrap();
    content.room_version.rules().unwrap()
}

/// A state of one event.
fn alone(pdu: &Pdu) -> State {
    State::from([(pdu.key(), pdu.event_id.clone())])
}

/// Each event is applied to the states of the events before it, and what no event follows meets at the end.
fn along_the_history(rules: &RoomVersionRules, room: &Room) -> State {
    let mut after = BTreeMap::<&OwnedEventId, State>::new();
    while after.len() < room.pdus.len() {
        let next = |pdu: &&Pdu| {
            !after.contains_key(&pdu.event_id) && pdu.prev_events.iter().all(|it| after.contains_key(it))
        };
        let pdu = room.pdus.values().map(|it| &**it).find(next).expect("a history without holes");
        let states: Vec<_> = pdu.prev_events.iter().map(|it| after[it].clone()).collect();
        let before = resolve(rules, &states, room).unwrap();
        let mut proposed = before.clone();
        proposed.extend(alone(pdu));
        after.insert(&pdu.event_id, resolve(rules, &[before, proposed], room).unwrap());
    }
    let followed: BTreeSet<_> = room.pdus.values().flat_map(|pdu| &pdu.prev_events).collect();
    let ends: Vec<_> =
        after.into_iter().filter(|(id, _)| !followed.contains(id)).map(|(_, state)| state).collect();
    resolve(rules, &ends, room).unwrap()
}

#[test]
fn batches_resolve_as_expected() {
    if folder().is_none() {
        return;
    }
    for (name, batches) in BATCHES {
        let batches: Vec<Vec<Pdu>> = batches.iter().map(|it| read(it)).collect();
        let rules = rules(&batches[0][0]);
        let expected = expected(name);

        let (mut room, mut by_batch, mut at_once) = (Room::default(), None, vec![]);
        for batch in batches {
            let states: Vec<_> = batch.iter().map(alone).collect();
            room.add_all(batch);
            at_once.extend(states.clone());
            let states: Vec<_> = by_batch.into_iter().chain(states).collect();
            by_batch = Some(resolve(&rules, &states, &room).unwrap());
        }
        assert_eq!(by_batch.unwrap(), expected, "{name}, by batch");
        assert_eq!(resolve(&rules, &at_once, &room).unwrap(), expected, "{name}, at once");
        assert_eq!(along_the_history(&rules, &room), expected, "{name}, along the history");
    }
}

#[test]
fn states_resolve_as_expected() {
    if folder().is_none() {
        return;
    }
    for (name, pdus, states) in STATES {
        let mut room = Room::default();
        let pdus: Vec<Pdu> = read(pdus);
        let rules = rules(&pdus[0]);
        room.add_all(pdus);
        let states: Vec<_> = states.iter().map(|it| room.state(read::<Vec<_>>(it))).collect();
        assert_eq!(resolve(&rules, &states, &room).unwrap(), expected(name), "{name}");
    }
}
