//! What holds for every room: equal to ruma called plainly, whatever the order, and never a result with a hole.

use std::collections::BTreeSet;

use matrix_federation::matrix::resolve::{State, Unresolved, resolve};
use proptest::prelude::*;
use ruma_common::room_version_rules::RoomVersionRules;
use serde_json::json;

use crate::oracle::plain;
use crate::pdu::Room;
use crate::world::{Step, World, steps, user};

const VERSIONS: [RoomVersionRules; 3] = [RoomVersionRules::V10, RoomVersionRules::V11, RoomVersionRules::V12];

fn worlds(steps: &[Step]) -> impl Iterator<Item = World> {
    VERSIONS.iter().map(move |rules| World::after(rules, steps))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_result_is_that_of_ruma_in_any_order(steps in steps(60), turn in 0..4usize) {
        for mut world in worlds(&steps) {
            let expected = plain(&world.rules, &world.sides, &world.room);
            for ordered in [false, true] {
                world.room.ordered = ordered;
                prop_assert_eq!(world.resolve(), Ok(expected.clone()));
            }
            let width = world.sides.len();
            world.sides.rotate_left(turn % width);
            prop_assert_eq!(world.resolve(), Ok(expected.clone()));
            world.sides.reverse();
            prop_assert_eq!(world.resolve(), Ok(expected.clone()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_missing_event_gives_no_result(steps in steps(40), ordered: bool) {
        for mut world in worlds(&steps) {
            world.room.ordered = ordered;
            let whole = world.resolve();
            for id in world.room.places.keys() {
                let mut room = world.room.clone();
                room.pdus.remove(id);
                match resolve(&world.rules, &world.sides, &room) {
                    Err(Unresolved::Lacking(ids)) => prop_assert_eq!(ids, BTreeSet::from([id.clone()])),
                    result => prop_assert_eq!(&result, &whole),
                }
            }
        }
    }

    #[test]
    fn few_calls_load_all_that_is_needed(steps in steps(60), ordered: bool, states_at_hand: bool) {
        for world in worlds(&steps) {
            let whole = world.resolve().unwrap();
            let mut room = Room { places: world.room.places.clone(), ordered, ..Room::default() };
            if states_at_hand {
                let ids = world.sides.iter().flat_map(|side| side.values().cloned());
                room.pdus.extend(ids.map(|id| (id.clone(), world.room.pdus[&id].clone())));
            }
            let mut calls = 1;
            let result = loop {
                match resolve(&world.rules, &world.sides, &room) {
                    Err(Unresolved::Lacking(ids)) => {
                        for id in ids.iter().flat_map(|id| world.room.chain(id)).chain(ids.clone()) {
                            room.pdus.insert(id.clone(), world.room.pdus[&id].clone());
                        }
                    }
                    result => break result,
                }
                calls += 1;
            };
            prop_assert!(calls <= 4, "{calls} calls");
            prop_assert_eq!(result, Ok(whole));
        }
    }
}

/// Two admins fight over the power levels, each on their side.
fn fight(rules: &RoomVersionRules, rounds: usize) -> World {
    let mut world = World::new(rules);
    let mut users = json!({ user(0): 100, user(1): 100 });
    if rules.authorization.explicitly_privilege_room_creators {
        users.as_object_mut().unwrap().remove(&user(0));
    }
    for (round, side) in (0..rounds).flat_map(|round| [(round, 0), (round, 1)]) {
        users[user(2)] = json!(round % 40 + side);
        let (key, content) = (("m.room.power_levels", ""), json!({ "users": users }));
        world.send(side, 0, key, &content, None, 10 + round as u32);
    }
    world
}

#[test]
fn a_chain_of_power_levels_costs_what_it_is_long() {
    for rules in &VERSIONS {
        let asked = |rounds| {
            let world = fight(rules, rounds);
            assert_eq!(world.room.pdus.len(), 8 + 2 * rounds, "every change is allowed");
            let expected = plain(rules, &world.sides, &world.room);
            assert_eq!(resolve(rules, &world.sides, &world.room), Ok(expected));
            world.room.asked.get()
        };
        let (short, long) = (asked(15), asked(60));
        println!("15 changes a side: {short} look-ups, 60: {long}");
        assert!(long < short * 5, "{short} look-ups for 15 changes a side, {long} for 60");
    }
}

#[test]
fn the_usual_fork_asks_for_little_of_the_room() {
    let mut world = World::new(&RoomVersionRules::V11);
    world.sides.truncate(1);
    for who in 5..2000 {
        world.send(0, who, ("m.room.member", &user(who)), &json!({ "membership": "join" }), None, 5);
    }
    world.sides.push(world.sides[0].clone());
    for (side, topic) in [(0, "left"), (1, "right")] {
        world.send(side, 0, ("m.room.topic", ""), &json!({ "topic": topic }), None, 6);
        world.send(side, 0, ("m.room.member", &user(7 + side)), &json!({ "membership": "ban" }), None, 7);
    }
    world.resolve().unwrap();
    assert!(world.room.asked.get() < 400, "{} look-ups", world.room.asked.get());

    // Changes that later ones on the same side replaced are in no state: only their place tells them from the shared.
    for (side, level) in [(0, 10), (0, 20), (1, 30), (1, 40)] {
        let users = json!({ user(0): 100, user(3): level });
        world.send(side, 0, ("m.room.power_levels", ""), &json!({ "users": users }), None, 8);
    }
    world.room.ordered = true;
    world.room.asked.set(0);
    world.resolve().unwrap();
    assert!(world.room.asked.get() < 800, "{} look-ups", world.room.asked.get());
}

#[test]
fn too_many_states_are_refused() {
    let world = World::new(&RoomVersionRules::V11);
    let states: Vec<_> = (0..129)
        .map(|at| {
            State::from([(("m".into(), at.to_string()), world.sides[0].values().next().unwrap().clone())])
        })
        .collect();
    let refused = resolve(&world.rules, &states, &world.room);
    assert_eq!(refused, Err(Unresolved::TooLarge { limit: 128, of: "states" }));
}

#[test]
fn no_states_and_equal_states_need_no_event() {
    let world = World::new(&RoomVersionRules::V11);
    let empty = Room::default();
    assert_eq!(resolve(&world.rules, &[], &empty), Ok(State::new()));
    assert_eq!(resolve(&world.rules, &world.sides, &empty).as_ref(), Ok(&world.sides[0]));
}
