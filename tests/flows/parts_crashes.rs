//! A crash after each effect of a message that takes several, either way.

use std::collections::BTreeSet;

use crate::conversations::{BOB, bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::{edit, redaction};
use crate::files::tells;
use crate::parts::{long, words};
use crate::world::World;

fn with_long_messages() -> World {
    let world = bridged();
    world.say(Some(0), "general", "alice", &words("long", 3_900));
    world.transaction(0, &[long("1", "from", 700)]);
    world.settle();
    world
}

/// The long message of one of ours.
fn ours(world: &World) -> String {
    let outside = world.outside.borrow();
    outside.messages.iter().find(|it| it.sender.username == "alice").unwrap().id.clone()
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "a long message out",
        prepared: bridged,
        happens: |world, index| {
            world.say(Some(index), "general", "alice", &words("long", 3_900));
            world.say(Some(index), "general", "alice", "after");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_as_one(), format!("{} after", words("long", 3_900)));
            world.is_all_done();
        },
    },
    Flow {
        name: "a long message, edited and deleted at once",
        prepared: bridged,
        happens: |world, index| {
            let message = world.say(Some(index), "general", "alice", &words("long", 3_900));
            world.edit(Some(index), &message.id, "alice", &words("edit", 7_600));
            world.delete(Some(index), &message.id, "alice");
            world.say(Some(index), "general", "alice", "after");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["after"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "a long message edited to a longer one",
        prepared: with_long_messages,
        happens: |world, index| {
            world.edit(Some(index), &ours(world), "alice", &words("edit", 7_600));
            world.say(Some(index), "general", "alice", "after");
        },
        events: Vec::new,
        holds: |world| {
            // What is added stands at the end.
            let mut seen = world.seen_on_matrix();
            seen.retain(|it| it != "after");
            assert_eq!(seen.join(" "), words("edit", 7_600));
            world.is_all_done();
        },
    },
    Flow {
        name: "a long message edited to a longer one, and to a short one while that goes out",
        prepared: with_long_messages,
        happens: |world, index| {
            world.edit(Some(index), &ours(world), "alice", &words("edit", 7_600));
            world.edit(Some(index), &ours(world), "alice", "short");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), ["short"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "a long message in",
        prepared: bridged,
        happens: |_, _| {},
        events: || vec![long("1", "from", 1_200), said("2", "after")],
        holds: |world| {
            assert_eq!(world.shown_as_one(), format!("{} after", words("from", 1_200)));
            world.is_all_done();
        },
    },
    Flow {
        name: "a file with a long caption in",
        prepared: || {
            let world = bridged();
            world.outside.borrow_mut().homeserver.media.insert("media1".to_owned(), 10);
            world
        },
        happens: |_, _| {},
        events: || vec![tells("1", "cat.png", &words("look", 700), 10), said("2", "after")],
        holds: |world| {
            assert_eq!(world.brought().join(" "), format!("cat.png {} after", words("look", 700)));
            world.is_all_done();
        },
    },
    Flow {
        name: "a long message in, edited to a longer one, a short one and a long one",
        prepared: with_long_messages,
        happens: |_, _| {},
        events: || {
            vec![
                edit("a", "1", &words("edit", 1_200), 10),
                edit("b", "1", "short", 20),
                edit("c", "1", &words("last", 1_200), 30),
            ]
        },
        holds: |world| {
            assert_eq!(world.shown_as_one(), words("last", 1_200));
            world.is_all_done();
        },
    },
    Flow {
        name: "a part of a long message in, deleted by a moderator",
        prepared: || {
            let world = bridged();
            world.transaction(0, &[long("1", "from", 1_200)]);
            world.settle();
            world.outside.borrow_mut().homeserver.moderators.insert("@rc_carol:hs.test".to_owned());
            world
        },
        happens: |world, index| {
            let part = world.outside.borrow().messages[1].id.clone();
            world.delete(Some(index), &part, "carol");
        },
        events: Vec::new,
        holds: |world| {
            // Where nothing was kept of it, the others stay on both sides.
            let left = if world.taken_back().is_empty() { 2 } else { 0 };
            assert_eq!(world.outside.borrow().messages.len(), left, "{:?}", world.taken_back());
            world.is_all_done();
        },
    },
    Flow {
        name: "long messages redacted on Matrix",
        prepared: with_long_messages,
        happens: |_, _| {},
        events: || vec![redaction("r1", "1", BOB), redaction("r2", "event1", BOB)],
        holds: |world| {
            assert!(world.outside.borrow().messages.is_empty());
            // A homeserver that was started anew is asked once more.
            let taken: BTreeSet<String> = world.taken_back().into_iter().map(|it| it.event).collect();
            assert_eq!(taken, BTreeSet::from(["$event0".to_owned()]));
            world.is_all_done();
        },
    },
];

#[test]
fn whatever_dies_in_between_every_part_is_there_once() {
    crash_everywhere(FLOWS);
}
