//! Edits and deletions where the workspace is a Matrix server itself.

use matrix_federation::matrix::version::RoomVersion;
use serde_json::{Value, json};

use crate::direct::{BOB, VERSIONS, together};
use crate::world::World;

/// The latest event of a room, as the other server has it.
fn latest(world: &World, room: &str) -> Value {
    serde_json::from_str(&world.graph(room).timeline.last().unwrap().text).unwrap()
}

#[test]
fn edits_and_deletions_go_out_in_the_form_of_the_rooms_version() {
    for version in VERSIONS {
        let (world, room) = together(version);
        let message = world.say(Some(0), "general", "alice", "first, @bob:far.test");
        world.settle();
        let event = world.graph(&room).timeline.last().unwrap().id.to_string();
        world.edit(Some(0), &message.id, "alice", "second, @bob:far.test");
        world.settle();
        let edit = latest(&world, &room);
        assert_eq!(edit["content"]["m.relates_to"]["event_id"], event.as_str());
        assert_eq!(edit["content"]["m.new_content"]["body"].as_str().map(|it| &it[..6]), Some("second"));
        world.delete(Some(0), &message.id, "carol");
        world.settle();
        let redaction = latest(&world, &room);
        assert_eq!(redaction["type"], "m.room.redaction");
        let old = version == RoomVersion::V10;
        assert_eq!(redaction["redacts"].as_str(), old.then_some(event.as_str()), "{version}");
        assert_eq!(redaction["content"]["redacts"].as_str(), (!old).then_some(event.as_str()), "{version}");
        world.agrees(&room);
    }
}

#[test]
fn a_message_edited_or_deleted_while_the_other_server_is_down_comes_out_right() {
    let (world, room) = together(RoomVersion::V12);
    let messages = ["one", "two", "three"].map(|text| world.say(Some(0), "general", "alice", text));
    world.edit(Some(0), &messages[1].id, "alice", "two anew");
    world.delete(Some(0), &messages[2].id, "alice");
    world.settle();
    let heard = world.heard(&room);
    assert_eq!(heard.first().map(String::as_str), Some("one"));
    assert!(!heard.contains(&"three".to_owned()), "{heard:?}");
    assert!(heard.iter().any(|it| it.ends_with("two anew")), "{heard:?}");
    world.agrees(&room);
}

#[test]
fn what_others_said_cannot_be_taken_back_and_whoever_tries_is_told() {
    let (world, room) = together(RoomVersion::V12);
    let said = world.bob_says(&room, "mine");
    world.deliver(0, &[&said]);
    world.settle();
    let id = world.outside.borrow().messages.last().unwrap().id.clone();
    world.delete(Some(0), &id, "alice");
    world.settle();
    assert!(world.whispers().last().unwrap().1.contains("direct mode"), "{:?}", world.whispers());
    world.agrees(&room);
}

#[test]
fn edits_and_redactions_come_in() {
    for version in [RoomVersion::V11, RoomVersion::V12] {
        let (world, room) = together(version);
        let said = world.bob_says(&room, "first");
        let new = json!({
            "msgtype": "m.text", "body": "* second",
            "m.new_content": { "msgtype": "m.text", "body": "second" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": said.id },
        });
        let edit = world.happens(&room, BOB, "m.room.message", None, new);
        world.deliver(0, &[&said, &edit]);
        world.settle();
        assert_eq!(world.shown(), ["second"]);
        let redaction = json!({ "redacts": said.id });
        let redaction = world.happens(&room, BOB, "m.room.redaction", None, redaction);
        world.deliver(0, &[&redaction]);
        world.settle();
        assert_eq!(world.shown(), Vec::<String>::new());
        world.agrees(&room);
    }
}

#[test]
fn only_who_has_the_power_takes_away_what_others_said() {
    const EVE: &str = "@eve:far.test";
    for version in [RoomVersion::V11, RoomVersion::V12] {
        let (world, room) = together(version);
        let invite = world.membership(&room, BOB, EVE, "invite");
        let join = world.membership(&room, EVE, EVE, "join");
        world.deliver(0, &[&invite, &join]);
        world.say(Some(0), "general", "alice", "mine");
        world.settle();
        let event = world.graph(&room).timeline.last().unwrap().id.to_string();
        let redact = |by: &str| {
            let redaction = world.happens(&room, by, "m.room.redaction", None, json!({ "redacts": event }));
            world.deliver(0, &[&redaction]);
            world.settle();
            world.outside.borrow().messages.iter().any(|it| it.text == "mine")
        };
        assert!(redact(EVE), "{version}");
        assert!(!redact(BOB), "{version}");
        world.agrees(&room);
    }
}
