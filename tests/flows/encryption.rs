//! Rooms that Rocket.Chat begins to encrypt while they are portals.

use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::json;

use crate::conversations::{bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::reactions::reaction;
use crate::world::World;

/// A system message of a type; the hook of the first instance is called.
fn system(world: &World, kind: &str) {
    let mut message = world.say(None, "general", "alice", "");
    message.system = Some(kind.to_owned());
    world.outside.borrow_mut().messages.last_mut().unwrap().system = message.system.clone();
    world.submit(0, Input::MessageSent { message });
    world.settle();
}

fn seal(world: &World, is_sealed: bool) {
    let mut outside = world.outside.borrow_mut();
    outside.sealed_rooms.retain(|_| false);
    outside.sealed_rooms.extend(is_sealed.then(|| "general".to_owned()));
}

/// A portal that alice is in.
fn peopled() -> World {
    let world = bridged();
    world.outside.borrow_mut().members.push(("general".to_owned(), "alice".to_owned()));
    world.transaction(0, &[said("1", "before")]);
    world.settle();
    world
}

fn is_suspended(record: &Record) -> bool {
    matches!(record, Record::Suspended(it) if it.until.is_none())
}

fn told(world: &World, words: &str) -> usize {
    world.whispers().iter().filter(|it| it.0 == "id-alice" && it.1.contains(words)).count()
}

#[test]
fn a_room_that_becomes_encrypted_is_suspended_and_goes_on_afterwards() {
    let world = peopled();
    seal(&world, true);
    for kind in ["room_e2e_enabled", "e2e", "e2e"] {
        system(&world, kind);
    }
    assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
    assert!(world.sent()[0].contains("encrypts this room"));
    assert_eq!(world.outside.borrow().homeserver.sent[0].content["msgtype"], json!("m.notice"));
    assert_eq!(told(&world, "encrypts this room"), 1);
    // Where the workspace lets people say plain things all the same.
    world.say(Some(0), "general", "alice", "plain");
    world.transaction(0, &[said("2", "meanwhile")]);
    world.settle();
    world.look_over(0);
    assert_eq!((world.sent().len(), told(&world, "was not sent to Matrix")), (1, 1));
    assert_eq!(world.shown(), ["before"]);
    assert_eq!(world.taken_back(), []);

    seal(&world, false);
    system(&world, "room_e2e_disabled");
    world.say(Some(0), "general", "alice", "again");
    world.transaction(0, &[said("3", "again there")]);
    world.settle();
    assert!(world.sent()[1].contains("any more"));
    assert_eq!(world.sent()[2..], ["again"]);
    assert_eq!(world.shown(), ["before", "again there"]);
    assert!(!world.records().iter().any(is_suspended));
    world.look_over(0);
    assert_eq!((world.sent().len(), world.taken_back()), (3, vec![]));
    world.is_all_done();
}

#[test]
fn a_room_whose_encryption_nobody_heard_of_is_found_by_the_next_message() {
    let world = peopled();
    seal(&world, true);
    world.transaction(0, &[said("2", "one"), said("3", "two")]);
    world.settle();
    assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
    assert_eq!(told(&world, "encrypts this room"), 1);
    assert_eq!(world.shown(), ["before"]);
    world.is_all_done();
}

#[test]
fn nothing_goes_any_way_while_a_room_is_suspended() {
    let mut world = peopled();
    let message = world.say(Some(0), "general", "alice", "before it");
    world.settle();
    seal(&world, true);
    system(&world, "room_e2e_enabled");
    let sent = world.sent();
    // Edits, what hooks lost, and what would be said in place of a reaction.
    world.edit(Some(0), &message.id, "alice", "changed");
    world.react(Some(0), &message.id, "alice", ":tada:", true);
    world.say(None, "general", "alice", "the hook was lost");
    let mut event = said("2", "meanwhile");
    event["origin_server_ts"] = json!(world.outside.borrow().now + 1);
    let changed = json!({
        "msgtype": "m.text", "body": "* another", "m.new_content": { "msgtype": "m.text", "body": "another" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": "$1" },
    });
    let mut edit = said("3", "");
    edit["content"] = changed;
    let reacted = reaction("4", "$event0", "no emoji at all");
    world.transaction(0, &[event.clone(), edit, reacted]);
    world.settle();
    world.look_over(0);
    assert_eq!((world.sent(), world.shown()), (sent.clone(), vec!["before".to_owned()]));
    assert_eq!(told(&world, "was not sent to Matrix"), 1);
    assert_eq!((world.taken_back(), world.reactions_on_matrix()), (vec![], vec![]));
    world.is_all_done();

    // Nor when it is found afterwards.
    seal(&world, false);
    system(&world, "room_e2e_disabled");
    world.outside.borrow_mut().homeserver.remote.push(event);
    world.look_over(0);
    world.kill(0);
    world.start(None);
    world.settle();
    assert_eq!(world.sent().len(), sent.len() + 1, "{:?}", world.sent());
    assert_eq!((world.shown(), world.reactions_on_matrix()), (vec!["before".to_owned()], vec![]));
    world.is_all_done();
}

#[test]
fn a_suspension_whose_end_nobody_heard_of_ends_with_the_next_message() {
    let world = peopled();
    seal(&world, true);
    system(&world, "room_e2e_enabled");
    seal(&world, false);
    world.say(Some(0), "general", "alice", "plain again");
    world.transaction(0, &[said("2", "there too")]);
    world.settle();
    assert!(world.sent()[1].contains("any more"));
    assert_eq!(world.sent()[2..], ["plain again"]);
    assert_eq!(world.shown(), ["before", "there too"]);
    assert!(!world.records().iter().any(is_suspended));
    world.is_all_done();
}

#[test]
fn a_crash_while_a_room_is_suspended_leaves_nobody_untold() {
    crash_everywhere(&[Flow {
        name: "suspended",
        prepared: peopled,
        happens: |world, index| {
            seal(world, true);
            let mut message = world.say(None, "general", "alice", "");
            message.system = Some("e2e".to_owned());
            world.outside.borrow_mut().messages.last_mut().unwrap().system = message.system.clone();
            world.submit(index, Input::MessageSent { message });
        },
        events: || vec![said("2", "meanwhile")],
        holds: |world| {
            assert!(world.sent().iter().any(|it| it.contains("encrypts this room")), "{:?}", world.sent());
            assert_eq!(world.shown(), ["before"]);
            assert!(world.records().iter().any(is_suspended));
            world.is_all_done();
        },
    }]);
}
