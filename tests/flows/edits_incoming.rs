//! Edits and redactions on Matrix, and what Rocket.Chat shows of them.

use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::dm::portals;

pub const EVE: &str = "@eve:far.test";

/// Bob gives an event a new text, at a time.
pub fn edit(id: &str, of: &str, text: &str, at: i64) -> Value {
    let mut event = said(id, &format!("* {text}"));
    event["origin_server_ts"] = json!(at);
    event["content"]["m.new_content"] = json!({ "msgtype": "m.text", "body": text });
    event["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": format!("${of}") });
    event
}

pub fn by(mxid: &str, mut event: Value) -> Value {
    event["sender"] = json!(mxid);
    event
}

/// A redaction as rooms of version 11 and later have it.
pub fn redaction(id: &str, of: &str, by: &str) -> Value {
    json!({
        "event_id": format!("${id}"), "type": "m.room.redaction", "sender": by, "room_id": ROOM,
        "origin_server_ts": 1, "content": { "redacts": format!("${of}") },
    })
}

/// The same as earlier versions have it.
fn old_redaction(id: &str, of: &str, by: &str) -> Value {
    json!({
        "event_id": format!("${id}"), "type": "m.room.redaction", "sender": by, "room_id": ROOM,
        "origin_server_ts": 1, "redacts": format!("${of}"), "content": { "reason": "spam" },
    })
}

#[test]
fn an_edit_gives_the_message_its_new_text() {
    let world = bridged();
    for event in [said("1", "first"), edit("2", "1", "second", 20), edit("3", "1", "third", 30)] {
        world.transaction(0, &[event]);
        world.settle();
    }
    assert_eq!(world.shown(), ["third"]);
    let message = world.outside.borrow().messages.last().unwrap().clone();
    assert!(message.edited_at.is_some());
    world.is_all_done();
}

#[test]
fn the_latest_edit_counts_whatever_order_they_come_in() {
    let world = bridged();
    world.transaction(
        0,
        &[
            said("1", "first"),
            edit("b", "1", "latest", 30),
            edit("2", "1", "older", 20),
            edit("a", "1", "as old, but of a smaller id", 30),
            edit("b", "1", "latest", 30),
        ],
    );
    world.settle();
    assert_eq!(world.shown(), ["latest"]);
    world.transaction(0, &[edit("c", "1", "as old, but of a greater id", 30)]);
    world.settle();
    assert_eq!(world.shown(), ["as old, but of a greater id"]);
}

#[test]
fn an_edit_that_comes_before_its_message_waits_for_it() {
    let world = bridged();
    world.transaction(0, &[edit("3", "1", "third", 30), by(EVE, edit("4", "1", "forged", 40))]);
    world.settle();
    assert_eq!(world.shown(), Vec::<String>::new());
    world.transaction(0, &[edit("2", "1", "second", 20), said("1", "first")]);
    world.settle();
    assert_eq!(world.shown(), ["third"]);
    assert!(!world.records().iter().any(|it| matches!(it, Record::Held(_))));
    world.is_all_done();
}

#[test]
fn edits_of_what_never_comes_are_held_in_bounds() {
    let world = bridged();
    for n in 0..60 {
        world.transaction(0, &[edit(&format!("e{n}"), &format!("x{n}"), "new", n)]);
        world.settle();
    }
    let held = |kind: fn(&Record) -> bool| world.records().iter().filter(|it| kind(it)).count();
    assert_eq!(held(|it| matches!(it, Record::Held(_))), 20);
    world.pass(700_000);
    world.transaction(0, &[edit("later", "y", "new", 1)]);
    world.settle();
    assert_eq!(held(|it| matches!(it, Record::Held(_))), 1);
    assert_eq!(world.shown(), Vec::<String>::new());
}

#[test]
fn nobody_edits_what_others_said() {
    let world = bridged();
    let ours = world.say(Some(0), "general", "alice", "ours");
    world.transaction(0, &[said("1", "bob's")]);
    world.settle();
    world.transaction(
        0,
        &[
            by(EVE, edit("2", "1", "forged", 20)),
            edit("3", "event0", "forged", 30),
            by(EVE, said("4", "eve's")),
        ],
    );
    world.settle();
    assert_eq!(world.shown(), ["bob's", "eve's"]);
    let outside = world.outside.borrow();
    assert_eq!(outside.messages.iter().find(|it| it.id == ours.id).unwrap().text, "ours");
}

#[test]
fn a_redaction_of_either_form_takes_the_message_away() {
    let world = bridged();
    world.transaction(0, &[said("1", "one"), said("2", "two"), said("3", "three"), said("4", "four")]);
    world.settle();
    world.transaction(0, &[redaction("r1", "1", BOB), old_redaction("r2", "2", EVE)]);
    world.settle();
    assert_eq!(world.shown(), ["three", "four"]);
    // It comes again, and an edit and the message itself come after it.
    world.transaction(0, &[redaction("r1", "1", BOB), edit("e", "1", "anew", 90), said("1", "one")]);
    world.settle();
    assert_eq!(world.shown(), ["three", "four"]);
    world.is_all_done();
}

#[test]
fn a_moderator_on_matrix_takes_away_what_was_said_here() {
    let world = bridged();
    let message = world.say(Some(0), "general", "alice", "spam");
    world.settle();
    world.transaction(0, &[redaction("r", "event0", EVE)]);
    world.settle();
    assert!(world.outside.borrow().messages.is_empty());
    world.submit(
        0,
        matrix_federation::input::Input::MessageDeleted {
            message,
            by: world.outside.borrow().users["eve:far.test"].clone(),
        },
    );
    world.settle();
    assert_eq!(world.taken_back(), []);
    world.is_all_done();
}

#[test]
fn what_is_redacted_before_it_comes_never_appears() {
    let world = bridged();
    let mut pruned = said("2", "");
    pruned["content"] = json!({});
    pruned["unsigned"] = json!({ "redacted_because": redaction("r2", "2", BOB) });
    world.transaction(0, &[redaction("r", "1", BOB)]);
    world.settle();
    world.transaction(0, &[said("1", "late"), edit("e", "1", "later", 9), pruned]);
    world.settle();
    assert_eq!(world.shown(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn a_redaction_of_something_else_changes_nothing() {
    let world = bridged();
    world.transaction(
        0,
        &[
            said("1", "one"),
            redaction("r", "reaction", BOB),
            json!({
                "event_id": "$odd", "type": "m.room.redaction", "sender": BOB, "room_id": ROOM, "content": {},
            }),
        ],
    );
    world.settle();
    assert_eq!(world.shown(), ["one"]);
    world.is_all_done();
}

#[test]
fn what_comes_in_one_room_touches_no_message_of_another() {
    let world = bridged();
    world.command(0, "general", "alice", &format!("dm {BOB}"));
    world.settle();
    let elsewhere = portals(&world).into_iter().find(|it| it.dm.is_some()).expect("a direct message").remote;
    let there = |mut event: Value| {
        event["room_id"] = json!(elsewhere);
        event
    };
    let ours = world.say(Some(0), "general", "alice", "ours");
    world.transaction(0, &[said("1", "bob's"), said("2", "bob's, too")]);
    world.settle();
    let event = world.outside.borrow().homeserver.sent.last().unwrap().event.clone();
    world.transaction(
        0,
        &[
            there(edit("e1", "1", "changed", 20)),
            there(redaction("r1", "1", BOB)),
            there(redaction("r2", event.trim_start_matches('$'), BOB)),
            there(redaction("r3", "late", BOB)),
            there(edit("e2", "late", "changed", 20)),
        ],
    );
    world.settle();
    world.transaction(0, &[said("late", "late"), edit("e3", "2", "bob's anew", 30)]);
    world.settle();
    assert_eq!(world.shown(), ["bob's", "bob's anew", "late"]);
    assert!(world.outside.borrow().messages.iter().any(|it| it.id == ours.id));
    // What the right room says still counts.
    world.transaction(0, &[redaction("r4", "1", BOB), redaction("r5", "late", BOB)]);
    world.settle();
    assert_eq!(world.shown(), ["bob's anew"]);
    world.is_all_done();
}

#[test]
fn what_was_deleted_here_is_not_brought_again() {
    for is_weak in [false, true] {
        let mut world = bridged();
        let now = world.outside.borrow().now;
        let young = |id: &str, text: &str| {
            let mut event = said(id, text);
            event["origin_server_ts"] = json!(now);
            event
        };
        let events = [young("1", "one"), young("2", "two")];
        world.transaction(0, &events);
        world.settle();
        {
            let homeserver = &mut world.outside.borrow_mut().homeserver;
            homeserver.bot_is_weak = is_weak;
            homeserver.remote.extend(events);
            homeserver.remote.push(edit("e", "2", "two anew", now));
            homeserver.remote.push(redaction("r", "3", BOB));
        }
        world.delete(Some(0), "mx-1", "alice");
        world.settle();
        world.kill(0);
        world.start(None);
        world.settle();
        // An edit that the homeserver forgot to send is found in the same way.
        assert_eq!(world.shown(), ["two anew"], "{is_weak}");
    }
}
