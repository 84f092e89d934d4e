//! How fast it is: `cargo test --release --test resolution -- --ignored --nocapture speed`.

#![allow(clippy::disallowed_types, reason = "it measures")]

use std::time::{Duration, Instant};

use matrix_federation::matrix::resolve::resolve;
use ruma_common::room_version_rules::RoomVersionRules;
use serde_json::json;

use crate::world::{World, user};

fn room(rules: &RoomVersionRules, members: usize) -> World {
    let mut world = World::new(rules);
    world.sides.truncate(1);
    for who in 5..members {
        world.send(0, who, ("m.room.member", &user(who)), &json!({ "membership": "join" }), None, 5);
    }
    world.sides.push(world.sides[0].clone());
    world
}

/// About ten changes a side; with `levels` of the power levels.
fn fork(rules: &RoomVersionRules, members: usize, levels: u32) -> World {
    let mut world = room(rules, members);
    for side in 0..2usize {
        let bias = side as u32;
        for round in 0..levels {
            let mut users = json!({ user(1): 50, user(3): 10 * round + bias });
            if !rules.authorization.explicitly_privilege_room_creators {
                users[user(0)] = json!(100);
            }
            world.send(side, 0, ("m.room.power_levels", ""), &json!({ "users": users }), None, 10 + round);
        }
        world.send(side, 0, ("m.room.topic", ""), &json!({ "topic": side }), None, 20 + bias);
        for who in 0..3 {
            let banned = user(10 + 3 * side + who);
            world.send(side, 1, ("m.room.member", &banned), &json!({ "membership": "ban" }), None, 30);
            let (joined, content) = (members + 3 * side + who, json!({ "membership": "join" }));
            world.send(side, joined, ("m.room.member", &user(joined)), &content, None, 30);
        }
    }
    world
}

/// Everybody has done something on both sides.
fn chaos(rules: &RoomVersionRules, members: usize) -> World {
    let mut world = room(rules, members);
    for side in 0..2 {
        for who in 0..members {
            let content = json!({ "membership": "join", "displayname": format!("{side}") });
            world.send(side, who, ("m.room.member", &user(who)), &content, None, 10 + who as u32 % 7);
        }
    }
    world
}

fn measure(name: &str, mut world: World) {
    for ordered in [false, true] {
        world.room.ordered = ordered;
        let (start, mut times) = (Instant::now(), 0u32);
        while times < 3 || start.elapsed() < Duration::from_secs(1) {
            resolve(&world.rules, &world.sides, &world.room).unwrap();
            times += 1;
        }
        let each = start.elapsed() / times;
        world.room.asked.set(0);
        resolve(&world.rules, &world.sides, &world.room).unwrap();
        println!(
            "{name}, {}: {each:?} ({:.0}/s), {} look-ups",
            if ordered { "places known" } else { "no places" },
            1.0 / each.as_secs_f64(),
            world.room.asked.get(),
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for (version, rules) in [("v11", RoomVersionRules::V11), ("v12", RoomVersionRules::V12)] {
        for members in [1_000, 10_000] {
            measure(&format!("{version} fork of {members}, one change of levels"), fork(&rules, members, 1));
            measure(
                &format!("{version} fork of {members}, three changes of levels"),
                fork(&rules, members, 3),
            );
            measure(&format!("{version} all of {members} changed"), chaos(&rules, members));
        }
    }
}
