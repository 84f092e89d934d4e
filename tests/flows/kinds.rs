//! What is said on Matrix in other ways than by a text, as Rocket.Chat shows it.

use serde_json::{Value, json};

use crate::conversations::{bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::{EVE, by};
use crate::people::{beside, joins};

/// An event of any kind.
pub fn event(id: &str, kind: &str, content: Value) -> Value {
    let mut event = said(id, "");
    event["type"] = json!(kind);
    event["content"] = content;
    event
}

fn message(id: &str, content: Value) -> Value {
    event(id, "m.room.message", content)
}

#[test]
fn whatever_is_said_can_be_read() {
    let world = bridged();
    let place = json!({ "msgtype": "m.location", "body": "geo:48.85,2.29", "geo_uri": "geo:48.85,2.29" });
    let notice = json!({
        "msgtype": "m.server_notice", "body": "Too many people.", "server_notice_type": "m.server_notice.usage_limit_reached",
        "admin_contact": "mailto:admin@example.org",
    });
    world.transaction(
        0,
        &[
            message("1", json!({ "msgtype": "m.emote", "body": "waves" })),
            message("2", json!({ "msgtype": "m.notice", "body": "from a machine" })),
            message("3", place),
            message("4", notice),
            // A sticker whose picture nobody has an address of.
            event("5", "m.sticker", json!({ "body": "a cat" })),
            event("6", "m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x" })),
            event("7", "m.call.invite", json!({ "call_id": "1", "offer": {} })),
        ],
    );
    world.settle();
    assert_eq!(
        world.shown(),
        [
            "_waves_",
            "from a machine",
            "[location]\n\nhttps://www.openstreetmap.org/?mlat=48.85&mlon=2.29#map=16/48.85/2.29",
            "[notice from the homeserver]\nToo many people.\n\nContact: admin@example.org",
            "[sticker: a cat]",
            "[encrypted message: it cannot be read here]",
            "[call, which can be answered on Matrix only]",
        ]
    );
}

#[test]
fn what_nobody_knows_is_named_and_what_says_nothing_is_not() {
    let world = bridged();
    let mut state = event("8", "org.example.dance", json!({ "steps": 3 }));
    state["state_key"] = json!("");
    world.transaction(
        0,
        &[
            event("1", "org.example.dance", json!({ "steps": 1 })),
            event("2", "org.example.dance", json!({ "body": "a *step*" })),
            event("3", "org.example.dance", json!({ "m.text": [{ "body": "another" }] })),
            event("4", "m.call.candidates", json!({ "call_id": "1" })),
            event("5", "m.key.verification.start", json!({ "method": "m.sas.v1" })),
            event("6", "m.beacon", json!({ "m.location": { "uri": "geo:1,2" } })),
            event("7", "m.poll.response", json!({ "m.selections": ["a"] })),
            state,
        ],
    );
    world.settle();
    assert_eq!(
        world.shown(),
        [
            "[event of type org.example.dance, which cannot be shown here]",
            "[org.example.dance]\na \\*step\\*",
            "[org.example.dance]\nanother",
        ]
    );
}

#[test]
fn machines_that_send_what_nobody_knows_do_not_flood_the_room() {
    let world = bridged();
    let step = |id: usize| event(&format!("{id}"), "org.example.dance", json!({ "steps": id }));
    let mut events: Vec<Value> = (0..50).map(step).collect();
    events.push(by(EVE, step(50)));
    events.push(step(51));
    events.push(event("52", "org.example.song", json!({ "notes": 7 })));
    events.extend((60..80).map(|id| said(&format!("{id}"), &format!("{id}"))));
    events.push(step(80));
    world.transaction(0, &events);
    world.settle();
    let shown = world.shown();
    let named: Vec<&String> = shown.iter().filter(|it| it.contains("of type")).collect();
    let of = |kind: &str| format!("[event of type org.example.{kind}, which cannot be shown here]");
    assert_eq!(named, [&of("dance"), &of("dance"), &of("song"), &of("dance")]);
    assert_eq!(shown.last(), Some(&of("dance")));
}

#[test]
fn a_message_may_have_a_name_and_a_picture_of_its_own() {
    let world = bridged();
    let profile = |profile: Value| json!({ "msgtype": "m.text", "body": "hi", "com.beeper.per_message_profile": profile });
    let cat = json!({ "id": "cat", "displayname": "The cat", "avatar_url": "mxc://far.test/cat" });
    let dog = json!({ "id": "dog", "displayname": "The dog" });
    let broken = json!({ "id": "x", "avatar_url": "mxc://far.test/../x" });
    world.transaction(
        0,
        &[
            joins("j", 1, Some("Bob"), Some("mxc://far.test/face")),
            message("1", profile(cat)),
            message("2", profile(dog)),
            message("3", profile(broken)),
            said("4", "as ever"),
        ],
    );
    world.settle();
    let shown = beside(&world);
    let names: Vec<&str> = shown.iter().map(|it| it.0.as_deref().unwrap()).collect();
    assert_eq!(names, ["The cat (Bob)", "The dog (Bob)", "Bob", "Bob"]);
    let address = |index: usize| shown[index].1.clone().unwrap_or_default();
    assert!(address(0).starts_with("https://pictures.rc.test/avatar/far.test/cat/"), "{}", address(0));
    assert!(address(1).contains("/face/") && address(3).contains("/face/"));
    assert_eq!(address(2), "");
    let path = address(0).strip_prefix("https://pictures.rc.test").unwrap().to_owned();
    world.request(0, "GET", &path, None, "");
    world.settle();
    assert!(matches!(world.served(0), matrix_federation::effect::Served::Picture(_)));
}

const FLOWS: &[Flow] = &[Flow {
    name: "unknown kinds in",
    prepared: bridged,
    happens: |_, _| {},
    events: || {
        let step = |id: &str| event(id, "org.example.dance", json!({ "steps": id }));
        vec![step("1"), step("2"), said("3", "between"), step("4")]
    },
    holds: |world| {
        let shown = world.shown();
        assert_eq!(shown, ["[event of type org.example.dance, which cannot be shown here]", "between"]);
        world.is_all_done();
    },
}];

#[test]
fn every_prefix_of_unknown_kinds_is_a_valid_state() {
    crash_everywhere(FLOWS);
}
