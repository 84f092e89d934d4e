//! A crash after each effect of what makes direct messages: a fresh instance goes on from the documents, and in the
//! end everything is there once.

use serde_json::Value;

use crate::conversations::BOB;
use crate::dm::{ALICE, THEIRS, names, opened, pair, portals, said_in, started, with_bob};
use crate::world::World;

struct Flow {
    name: &'static str,
    prepared: fn() -> World,
    happens: fn(&World, usize),
    /// Events that the homeserver sends again until they are acknowledged.
    events: fn(&World) -> Vec<Value>,
    holds: fn(&World),
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "the command",
        prepared: started,
        happens: |world, index| world.command(index, "general", "alice", &format!("dm {BOB}")),
        events: |_| vec![],
        holds: |world| {
            // Before the first effect nothing is kept: Rocket.Chat shows the command as failed.
            let outside = world.outside.borrow();
            assert!(outside.directs.len() <= 1 && outside.homeserver.aliases.len() <= 1);
            assert_eq!(outside.directs.len(), outside.homeserver.aliases.len());
            let invited = outside.homeserver.invited.iter().filter(|it| it.1 == BOB).count();
            assert_eq!(invited, outside.directs.len());
        },
    },
    Flow {
        name: "the first words",
        prepared: || {
            let world = with_bob();
            world.outside.borrow_mut().open_direct(&names(&["bob:far.test", "carol"])).unwrap();
            world
        },
        happens: |world, index| {
            let room = world.outside.borrow().direct(&names(&["bob:far.test", "carol"])).unwrap().id;
            world.say(Some(index), &room, "carol", "one");
            // The hook of one of them is not lost.
            let living = if world.is_dead(index) { None } else { Some(index) };
            world.say(living, &room, "carol", "two");
        },
        events: |_| vec![],
        holds: |world| {
            let sent = world.sent();
            assert!(sent == ["one", "two"] || (sent.is_empty() && portals(world).len() == 1), "{sent:?}");
        },
    },
    Flow {
        name: "opened on Matrix",
        prepared: started,
        happens: |_, _| {},
        events: |world| {
            let mut events = opened(world, THEIRS, BOB, &[ALICE], true);
            events.push(said_in(THEIRS, BOB, "one"));
            events
        },
        holds: |world| {
            assert_eq!(world.shown(), ["one"]);
            assert_eq!(world.outside.borrow().directs.len(), 1);
            assert!(world.outside.borrow().homeserver.left.is_empty());
            let remotes: std::collections::BTreeSet<String> =
                portals(world).into_iter().map(|it| it.remote).collect();
            assert_eq!(remotes.len(), 1);
        },
    },
    Flow {
        name: "declined",
        prepared: || {
            let world = started();
            world.outside.borrow_mut().homeserver.encrypted.insert(THEIRS.to_owned());
            world
        },
        happens: |_, _| {},
        events: |world| {
            if world.outside.borrow().homeserver.left.is_empty() {
                opened(world, THEIRS, BOB, &[ALICE], true)
            } else {
                vec![]
            }
        },
        holds: |world| {
            assert_eq!(world.outside.borrow().homeserver.left.len(), 1);
            assert!(world.outside.borrow().directs.is_empty());
        },
    },
    Flow {
        name: "told",
        prepared: started,
        happens: |_, _| {},
        events: |world| opened(world, "!tea", BOB, &[ALICE], false),
        holds: |world| {
            let outside = world.outside.borrow();
            assert_eq!(outside.messages.iter().filter(|it| it.room == "app:alice").count(), 1);
        },
    },
    Flow {
        name: "invited again",
        prepared: || {
            let world = with_bob();
            let remote = portals(&world).remove(0).remote;
            crate::dm::leaves(&world, &remote, BOB);
            world
        },
        happens: |world, index| {
            let room = pair(world);
            world.say(Some(index), &room, "alice", "come back");
        },
        events: |_| vec![],
        holds: |world| {
            assert_eq!(world.sent(), ["come back"]);
            let remote = portals(world).remove(0).remote;
            let outside = world.outside.borrow();
            let invited =
                outside.homeserver.invited.iter().filter(|it| **it == (remote.clone(), BOB.to_owned()));
            assert_eq!(invited.count(), 1);
        },
    },
];

#[test]
fn dm_every_prefix_is_a_valid_state() {
    for flow in FLOWS {
        let mut runs = 0;
        loop {
            let mut world = (flow.prepared)();
            world.kill(0);
            world.pass(20_000);
            let index = world.start(Some(10_000));
            world.settle();
            world.kill(index);
            world.pass(20_000);
            let quiet = world.effects(index);
            let doomed = world.start(Some(quiet + runs));
            world.settle();
            (flow.happens)(&world, doomed);
            let events = (flow.events)(&world);
            if !events.is_empty() {
                world.transaction(doomed, &events);
            }
            world.settle();
            let survived = !world.is_dead(doomed);
            if !survived {
                world.outside.borrow_mut().homeserver.restart();
                world.pass(20_000);
                let fresh = world.start(None);
                world.settle();
                let events = (flow.events)(&world);
                if !events.is_empty() {
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
        println!("{}: a crash after each of {} effects", flow.name, runs - 1);
        assert!(runs > 4, "{} has hardly any effects", flow.name);
    }
}
