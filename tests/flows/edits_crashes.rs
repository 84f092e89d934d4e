//! A crash after each effect of an edit and of a deletion, either way.

use crate::conversations::{BOB, bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::{EVE, by, edit, redaction};
use crate::world::World;

fn with_messages() -> World {
    let world = bridged();
    for text in ["one", "two", "three"] {
        world.say(Some(0), "general", "alice", text);
    }
    world.transaction(0, &[said("1", "theirs"), said("2", "theirs too")]);
    world.settle();
    world
}

/// The local message of such a text.
fn id(world: &World, text: &str) -> String {
    world.outside.borrow().messages.iter().find(|it| it.text == text).expect("the message").id.clone()
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "edits out",
        prepared: with_messages,
        happens: |world, index| {
            world.edit(Some(index), &id(world, "one"), "alice", "one anew");
            world.edit(Some(index), &id(world, "two"), "alice", "two anew");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["one anew", "two anew", "three"]);
            // The homeserver has forgotten the transactions, and the mark of the edit finds it.
            assert_eq!(world.sent().len(), 5);
            world.is_all_done();
        },
    },
    Flow {
        name: "a message, edited at once",
        prepared: bridged,
        happens: |world, index| {
            let message = world.say(Some(index), "general", "carol", "one");
            world.edit(Some(index), &message.id, "carol", "two");
            world.say(Some(index), "general", "carol", "last");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["two", "last"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "deletions out",
        prepared: with_messages,
        happens: |world, index| {
            world.delete(Some(index), &id(world, "one"), "alice");
            world.delete(Some(index), &id(world, "two"), "carol");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["three"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "a message, deleted at once",
        prepared: bridged,
        happens: |world, index| {
            let message = world.say(Some(index), "general", "carol", "secret");
            world.delete(Some(index), &message.id, "carol");
            world.say(Some(index), "general", "carol", "last");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["last"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "edits in",
        prepared: with_messages,
        happens: |_, _| {},
        events: || {
            vec![
                edit("c", "3", "late anew", 30),
                edit("a", "1", "theirs anew", 20),
                edit("b", "1", "theirs at last", 30),
                by(EVE, edit("x", "2", "forged", 40)),
                said("3", "late"),
            ]
        },
        holds: |world| {
            assert_eq!(world.shown(), ["theirs at last", "theirs too", "late anew"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "redactions in",
        prepared: with_messages,
        happens: |_, _| {},
        events: || {
            vec![
                redaction("r1", "1", BOB),
                redaction("r2", "event0", EVE),
                redaction("r3", "3", BOB),
                said("3", "late"),
            ]
        },
        holds: |world| {
            assert_eq!(world.shown(), ["theirs too"]);
            let outside = world.outside.borrow();
            assert!(outside.messages.iter().all(|it| it.text != "one"));
            assert_eq!(outside.homeserver.redacted, []);
            drop(outside);
            world.is_all_done();
        },
    },
];

#[test]
fn every_prefix_of_every_edit_and_deletion_is_a_valid_state() {
    crash_everywhere(FLOWS);
}
