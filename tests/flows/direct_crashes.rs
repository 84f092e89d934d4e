//! A crash after each effect of each flow of direct mode: in the end everything is there once, under the same event
//! ids, and the room stands as if nothing had happened.

use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::record::Record;
use serde_json::json;

use crate::direct::{ALICE, BOB, CAROL, EVE, FAR, Standings, strangers, together};
use crate::world::{Outside, World};

/// A flow: what happens, and what must be true in the end.
struct Flow {
    name: &'static str,
    prepared: fn() -> (World, String),
    happens: fn(&World, usize),
    /// Events that the other server sends again until they are acknowledged.
    events: fn(&World, &str) -> Vec<Pdu>,
    holds: fn(&World, &str),
}

fn invited() -> (World, String) {
    let world = strangers();
    let room = world.create(RoomVersion::V11, "invite");
    world.invite(0, &room, ALICE);
    world.settle();
    (world, room)
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "join",
        prepared: invited,
        happens: |world, index| {
            let room = world.far().rooms.keys().next().unwrap().clone();
            world.command(index, "general", "alice", &format!("join {room} {FAR}"));
        },
        events: |_, _| vec![],
        holds: |world, room| {
            assert_eq!(world.graph(room).membership(ALICE).as_deref(), Some("join"));
            assert_eq!(world.outside.borrow().members, [("general".to_owned(), "bob:far.test".to_owned())]);
            assert!(world.records().iter().any(|it| matches!(it, Record::Portal(_))));
        },
    },
    Flow {
        name: "messages out",
        prepared: || together(RoomVersion::V12),
        happens: |world, index| {
            world.say(Some(index), "general", "alice", "one");
            world.say(Some(index), "general", "alice", "two");
        },
        events: |_, _| vec![],
        holds: |world, room| assert_eq!(world.heard(room), ["one", "two"]),
    },
    Flow {
        name: "a message by somebody who has to be invited and to join first",
        prepared: || together(RoomVersion::V11),
        happens: |world, index| {
            world.say(Some(index), "general", "carol", "hello");
        },
        events: |_, _| vec![],
        holds: |world, room| {
            assert_eq!(world.heard(room), ["hello"]);
            assert_eq!(world.graph(room).membership(CAROL).as_deref(), Some("join"));
        },
    },
    Flow {
        name: "a message in",
        prepared: || together(RoomVersion::V11),
        happens: |_, _| {},
        events: |world, room| vec![world.bob_says(room, "one"), world.bob_says(room, "two")],
        holds: |world, _| assert_eq!(world.shown(), ["one", "two"]),
    },
    Flow {
        name: "state in",
        prepared: || together(RoomVersion::V11),
        happens: |_, _| {},
        events: |world, room| {
            vec![
                world.happens(room, BOB, "m.room.topic", Some(""), json!({ "topic": "tea" })),
                world.membership(room, BOB, EVE, "invite"),
                world.membership(room, EVE, EVE, "join"),
            ]
        },
        holds: |world, _| assert_eq!(world.outside.borrow().members.len(), 2),
    },
    Flow {
        name: "a fork of the state in, and a message that merges it",
        prepared: || {
            let (world, room) = together(RoomVersion::V11);
            let before = world.graph(&room).heads.clone();
            let left = world.happens(&room, BOB, "m.room.topic", Some(""), json!({ "topic": "tea" }));
            // It goes out a little later, beside the other branch.
            world.graph(&room).heads = before;
            world.deliver(0, &[&left]);
            world.settle();
            (world, room)
        },
        happens: |_, _| {},
        events: |world, room| {
            vec![world.happens(room, BOB, "m.room.topic", Some(""), json!({ "topic": "coffee" }))]
        },
        holds: |world, room| {
            world.outside.borrow_mut().now = 1_700_002_000_000;
            world.say(Some(world.instances.len() - 1), "general", "alice", "so?");
            world.settle();
            assert_eq!(world.heard(room), ["so?"]);
        },
    },
];

/// How it all stands in the end; the times are those of a moment that is the same in every run.
fn run(flow: &Flow, life: Option<usize>, variant: usize) -> (Option<Standings>, bool) {
    let (mut world, room) = (flow.prepared)();
    world.outside.borrow_mut().requests_arrive_at_once = variant % 2 == 1;
    world.kill(0);
    world.pass(20_000);
    let index = world.start(Some(10_000));
    world.settle();
    world.kill(index);
    world.pass(20_000);
    // How many effects coming up takes by itself.
    let quiet = world.effects(index);
    let doomed = world.start(life.map(|it| quiet + it));
    world.settle();
    world.outside.borrow_mut().now = 1_700_001_000_000;
    let pdus = (flow.events)(&world, &room);
    let pdus: Vec<&Pdu> = pdus.iter().collect();
    (flow.happens)(&world, doomed);
    let ticket = (!pdus.is_empty()).then(|| world.deliver(doomed, &pdus));
    world.settle();
    let survived = !world.is_dead(doomed);
    if survived {
        world.spare(doomed);
    } else {
        if variant < 2 {
            world.pass(20_000);
        }
        let fresh = world.start(None);
        world.settle();
        if ticket.is_some_and(|it| it.borrow().is_none()) {
            // Not acknowledged: the other server sends it again.
            world.deliver(fresh, &pdus);
            world.settle();
        }
    }
    let is_asked_for = |outside: &Outside| outside.store.iter().any(|it| it.id.starts_with("portal"));
    if flow.name == "join" && !is_asked_for(&world.outside.borrow()) {
        // Before the first effect nothing is kept: Rocket.Chat shows the command as failed.
        assert_eq!(life, Some(0), "the join is lost");
        return (None, survived);
    }
    (flow.holds)(&world, &room);
    world.agrees(&room);
    (Some(world.standings(&room)), survived)
}

#[test]
fn every_prefix_of_every_flow_leaves_the_room_as_it_should_be() {
    for flow in FLOWS {
        let (undisturbed, _) = run(flow, None, 0);
        for variant in 0..4 {
            let mut lives = 0;
            loop {
                let (standings, survived) = run(flow, Some(lives), variant);
                if let Some(standings) = standings {
                    assert_eq!(Some(&standings), undisturbed.as_ref(), "{}, after {lives}", flow.name);
                }
                if survived {
                    break;
                }
                lives += 1;
            }
            println!("{}: a crash after each of {lives} effects, variant {variant}", flow.name);
            assert!(lives > 4, "{} has hardly any effects", flow.name);
        }
    }
}
