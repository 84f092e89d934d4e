//! A crash after each effect of each flow: a fresh instance goes on from the documents, and in the end everything
//! is there once.

use serde_json::Value;

use crate::conversations::{BOB, ROOM, bridged, membership, said};
use crate::world::World;

/// A flow: what happens, and what must be true in the end.
pub struct Flow {
    pub name: &'static str,
    pub prepared: fn() -> World,
    pub happens: fn(&World, usize),
    /// Events that the homeserver sends again until they are acknowledged.
    pub events: fn() -> Vec<Value>,
    pub holds: fn(&World),
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "invite, then speak",
        prepared: || {
            let mut world = World::new();
            world.start(None);
            world.settle();
            world
        },
        happens: |world, index| world.command(index, "general", "alice", &format!("invite {BOB}")),
        events: Vec::new,
        holds: |world| {
            let outside = world.outside.borrow();
            let bob = (ROOM.to_owned(), BOB.to_owned());
            let invitations = outside.homeserver.invited.iter().filter(|it| **it == bob).count();
            // Before the first effect nothing is kept: Rocket.Chat shows the command as failed.
            assert!(
                invitations == 1 || outside.store.iter().all(|it| !it.id.starts_with("invite")),
                "invited"
            );
        },
    },
    Flow {
        name: "a first message out",
        prepared: bridged,
        happens: |world, index| {
            world.say(Some(index), "general", "carol", "one");
            world.say(Some(index), "general", "carol", "two");
        },
        events: Vec::new,
        holds: |world| assert_eq!(world.sent(), ["one", "two"]),
    },
    Flow {
        name: "a refused message out",
        prepared: bridged,
        happens: |world, index| {
            world.say(Some(index), "general", "alice", "TOO LONG");
            world.say(Some(index), "general", "alice", "fine");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.sent(), ["fine"]);
            assert!(world.outside.borrow().notices.iter().any(|it| it.1.contains("M_TOO_LARGE")));
        },
    },
    Flow {
        name: "messages in",
        prepared: bridged,
        happens: |_, _| {},
        events: || vec![membership("j", BOB, "join"), said("1", "one"), said("2", "two")],
        holds: |world| {
            assert_eq!(world.shown(), ["one", "two"]);
            assert_eq!(world.outside.borrow().members.len(), 1);
        },
    },
    Flow {
        name: "sealing the ledger",
        prepared: || {
            let world = bridged();
            for n in 0..63 {
                world.say(Some(0), "general", "alice", &format!("{n}"));
            }
            world.settle();
            world
        },
        happens: |world, index| {
            world.say(Some(index), "general", "alice", "63");
        },
        events: Vec::new,
        holds: |world| {
            let expected: Vec<String> = (0..64).map(|it| it.to_string()).collect();
            assert_eq!(world.sent(), expected);
        },
    },
    Flow {
        name: "a rename and a picture",
        prepared: || {
            let world = bridged();
            world.say(Some(0), "general", "alice", "hello");
            world.settle();
            world
        },
        happens: |world, index| {
            world.outside.borrow_mut().avatars.insert("alice".to_owned(), "face".to_owned());
            world.change(Some(index), "alice", |it| it.name = "Alicia".to_owned());
        },
        events: Vec::new,
        holds: |world| {
            let profile = world.outside.borrow().homeserver.profiles["@rc_alice:hs.test"].clone();
            assert_eq!(profile, (Some("Alicia".to_owned()), Some("mxc://hs.test/face".to_owned())));
        },
    },
    Flow {
        name: "an end",
        prepared: || {
            let world = bridged();
            world.say(Some(0), "general", "alice", "hello");
            world.settle();
            world
        },
        happens: |world, index| world.change(Some(index), "alice", |it| it.active = false),
        events: Vec::new,
        holds: |world| assert!(!world.outside.borrow().homeserver.is_in(ROOM, "@rc_alice:hs.test")),
    },
    Flow {
        name: "an account that follows its profile",
        prepared: || {
            let mut world = World::new();
            world.outside.borrow_mut().config.rest = true;
            world.start(None);
            world.settle();
            world.command(0, "general", "alice", &format!("invite {BOB}"));
            world.transaction(0, &[membership("j", BOB, "join"), said("0", "zero")]);
            world.settle();
            world
        },
        happens: |_, _| {},
        events: || {
            let mut join = membership("k", BOB, "join");
            join["origin_server_ts"] = serde_json::json!(1);
            join["content"] = serde_json::json!({
                "membership": "join", "displayname": "Bobby", "avatar_url": "mxc://far.test/face",
            });
            vec![join, said("1", "one")]
        },
        holds: |world| {
            let outside = world.outside.borrow();
            assert_eq!(outside.users["bob:far.test"].name, "Bobby");
            assert!(outside.rest.iter().any(|it| it.0 == "picture of bob:far.test"));
        },
    },
];

#[test]
fn every_prefix_of_every_flow_is_a_valid_state() {
    crash_everywhere(FLOWS);
}

/// Lets an instance die after each effect of each flow, and another go on.
#[allow(clippy::print_stdout, reason = "figures of a test")]
pub fn crash_everywhere(flows: &[Flow]) {
    for (flow, at_once) in flows.iter().flat_map(|flow| [(flow, false), (flow, true)]) {
        let mut runs = 0;
        loop {
            let mut world = (flow.prepared)();
            world.kill(0);
            world.pass(20_000);
            let index = world.start(Some(10_000));
            world.settle();
            world.kill(index);
            world.pass(20_000);
            // How many effects coming up takes by itself.
            let quiet = world.effects(index);
            let doomed = world.start(Some(quiet + runs));
            world.settle();
            (flow.happens)(&world, doomed);
            let events = (flow.events)();
            if !events.is_empty() {
                world.transaction(doomed, &events);
            }
            world.settle();
            let survived = !world.is_dead(doomed);
            if !survived {
                // The homeserver was restarted too, and has forgotten which transactions it had.
                world.outside.borrow_mut().homeserver.restart();
                if !at_once {
                    world.pass(20_000);
                }
                let fresh = world.start(None);
                world.settle();
                if !events.is_empty() {
                    // Not acknowledged, or the acknowledgement was lost: the homeserver sends it again.
                    world.transaction(fresh, &events);
                    world.settle();
                }
            }
            (flow.holds)(&world);
            runs += 1;
            if survived {
                break;
            }
        }
        println!("{}: a crash after each of {} effects, at once: {at_once}", flow.name, runs - 1);
        assert!(runs > 4, "{} has hardly any effects", flow.name);
    }
}
