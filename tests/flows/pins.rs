//! Pins, either way.

use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::kinds::event;
use crate::people::ALICE;
use crate::reactions::talked;
use crate::relations::link;
use crate::world::World;

const BOT: &str = "@rocketchat:hs.test";

impl World {
    /// A local user pins, or takes that away, and the hook of an instance is called.
    fn pin(&self, index: usize, id: &str, name: &str, on: bool) {
        let message = self.local(id);
        let by = self.outside.borrow().users[name].clone();
        self.submit(index, Input::MessagePinned { message, by, on });
    }

    fn pinned(&self) -> Value {
        self.outside.borrow().homeserver.pinned.get(ROOM).map_or(json!(null), |it| it["pinned"].clone())
    }

    fn pins(&self) -> Vec<(String, Value)> {
        self.outside.borrow().homeserver.pins.clone()
    }
}

/// Bob has pinned these, and before it was those.
fn pins(id: &str, now: &[&str], before: Option<&[&str]>) -> Value {
    let mut event = event(id, "m.room.pinned_events", json!({ "pinned": now }));
    event["state_key"] = json!("");
    if let Some(before) = before {
        event["unsigned"] = json!({ "prev_content": { "pinned": before } });
    }
    event
}

fn moderated() -> World {
    let (world, _) = talked();
    world.outside.borrow_mut().homeserver.moderators.insert(ALICE.to_owned());
    world
}

fn with_rest(mut config: matrix_federation::config::Config) -> matrix_federation::config::Config {
    config.rest = true;
    config
}

fn by_rest() -> World {
    let (world, _) = talked();
    let config = with_rest(world.outside.borrow().config.clone());
    world.outside.borrow_mut().config = config.clone();
    world.instances[0].driver.configure(config);
    world
}

fn asked(world: &World) -> Vec<(String, String)> {
    let outside = world.outside.borrow();
    outside.rest.iter().filter(|it| it.0.starts_with("chat.")).cloned().collect()
}

#[test]
fn a_pin_goes_out_and_what_others_pinned_stays() {
    let world = moderated();
    let others = json!({ "pinned": ["$old"], "org.example.more": true });
    world.outside.borrow_mut().homeserver.pinned.insert(ROOM.to_owned(), others);
    let ours = world.outside.borrow().messages[0].id.clone();
    world.pin(0, &ours, "alice", true);
    world.pin(0, "mx-1", "alice", true);
    world.settle();
    assert_eq!(world.pinned(), json!(["$old", "$event0", "$1"]));
    assert_eq!(world.outside.borrow().homeserver.pinned[ROOM]["org.example.more"], true);
    world.pin(0, &ours, "alice", false);
    world.settle();
    assert_eq!(world.pinned(), json!(["$old", "$1"]));
    assert!(world.pins().iter().all(|it| it.0 == ALICE), "{:?}", world.pins());
    // What is so already is not said again.
    world.pin(0, "mx-1", "alice", true);
    world.pin(0, &ours, "alice", false);
    world.settle();
    assert_eq!(world.pins().len(), 3);
    world.is_all_done();
}

#[test]
fn who_may_not_pin_on_matrix_is_helped_by_the_app_or_told() {
    let (world, _) = talked();
    world.pin(0, "mx-1", "carol", true);
    world.settle();
    assert_eq!(world.pins(), [(BOT.to_owned(), json!(["$1"]))]);
    world.outside.borrow_mut().homeserver.bot_is_weak = true;
    world.pin(0, "mx-1", "carol", false);
    world.settle();
    let notice = world.outside.borrow().notices.last().unwrap().clone();
    assert_eq!(notice.0, "id-carol");
    assert!(notice.1.starts_with("The message is unpinned here, but not on Matrix: "), "{}", notice.1);
    world.is_all_done();
}

#[test]
fn a_pin_waits_behind_its_message() {
    let world = moderated();
    world.outside.borrow_mut().homeserver.is_away = true;
    let message = world.say(Some(0), "general", "alice", "later");
    world.pin(0, &message.id, "alice", true);
    world.for_a_while(5_000);
    world.outside.borrow_mut().homeserver.is_away = false;
    world.for_a_while(100_000);
    assert_eq!(world.pinned(), json!(["$event1"]));
    // And behind one whose own hook is late.
    let message = world.say(None, "general", "alice", "latest");
    world.pin(0, &message.id, "alice", true);
    world.settle();
    assert_eq!(world.pinned(), json!(["$event1", "$event2"]));
    world.is_all_done();
}

#[test]
fn what_is_pinned_on_matrix_is_said_here() {
    let (world, message) = talked();
    world.transaction(0, &[pins("p1", &["$old", "$event0"], Some(&["$old"]))]);
    world.settle();
    assert_eq!(
        world.shown(),
        ["theirs".to_owned(), format!("[ ]({}) 📌 pinned a message", link(&message.id))]
    );
    world.transaction(0, &[pins("p2", &["$old", "$1"], Some(&["$old", "$event0"]))]);
    world.transaction(
        0,
        &[pins("p3", &["$1", "$unknown"], Some(&["$1"])), pins("p4", &["$1"], Some(&["$1"]))],
    );
    world.settle();
    let both = format!(
        "[ ]({}) [ ]({}) 📌 pinned a message and unpinned a message",
        link(&message.id),
        link("mx-1")
    );
    assert_eq!(world.shown()[2..], [both, "📌 pinned a message".to_owned()]);
    // Who does not say what was before means the last.
    world.transaction(0, &[pins("p5", &["$old", "$1"], None)]);
    world.settle();
    assert_eq!(world.shown()[4], format!("[ ]({}) 📌 pinned a message", link("mx-1")));
    // Our own pins are no news.
    let mut echo = pins("p6", &["$1", "$event0"], Some(&["$1"]));
    echo["sender"] = json!(BOT);
    world.transaction(0, &[echo]);
    world.settle();
    assert_eq!((world.shown().len(), world.pins()), (5, vec![]));
    assert!(asked(&world).is_empty());
}

#[test]
fn with_an_account_for_the_rest_api_messages_are_pinned_here() {
    let world = by_rest();
    world.transaction(0, &[pins("p1", &["$1"], Some(&[])), pins("p2", &[], Some(&["$1"]))]);
    world.settle();
    let body = r#"{"messageId":"mx-1"}"#.to_owned();
    let both = [("chat.pinMessage".to_owned(), body.clone()), ("chat.unPinMessage".to_owned(), body)];
    assert_eq!(asked(&world), both);
    assert_eq!(world.shown(), ["theirs"]);
    world.is_all_done();
}

#[test]
fn what_is_pinned_for_matrix_does_not_come_back() {
    let world = by_rest();
    world
        .outside
        .borrow_mut()
        .rest_instead
        .push((429, r#"{"success":false,"error":"You must wait 9 seconds"}"#.into()));
    world.transaction(0, &[pins("p1", &["$1"], Some(&[]))]);
    world.for_a_while(3_000);
    // Rocket.Chat tells of it before it answers.
    world.pin(0, "mx-1", "alice", true);
    world.settle();
    assert_eq!(world.pins(), []);
    // And afterwards it is so already.
    world.outside.borrow_mut().homeserver.pinned.insert(ROOM.to_owned(), json!({ "pinned": ["$1"] }));
    world.pin(0, "mx-1", "alice", true);
    world.settle();
    assert_eq!((world.pins(), asked(&world).len()), (vec![], 2));
    world.is_all_done();
}

#[test]
fn what_the_account_may_not_pin_is_said() {
    let world = by_rest();
    let refused = (400, r#"{"success":false,"error":"Not Authorized [not-authorized]"}"#.to_owned());
    world.outside.borrow_mut().rest_instead.push(refused);
    world.transaction(0, &[pins("p1", &["$1"], Some(&[]))]);
    world.settle();
    let said = world.outside.borrow().messages.last().unwrap().text.clone();
    assert_eq!(said, format!("[ ]({}) 📌 `{BOB}` pinned a message on Matrix", link("mx-1")));
    assert!(world.outside.borrow().log.iter().any(|it| it.contains("Not Authorized")));
    world.is_all_done();
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "pins out",
        prepared: moderated,
        happens: |world, index| {
            world.pin(index, "mx-1", "alice", true);
            let ours = world.outside.borrow().messages[0].id.clone();
            world.pin(index, &ours, "carol", true);
        },
        events: Vec::new,
        holds: |world| {
            let pinned = world.pinned();
            let pinned: Vec<&str> =
                pinned.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let is_kept = |it: &Record| matches!(it, Record::Entry(_));
            assert!(!world.records().iter().any(is_kept));
            // A hook that is lost in a crash is lost.
            assert!(pinned.len() <= 2 && world.pins().len() <= 2, "{pinned:?}");
        },
    },
    Flow {
        name: "pins in",
        prepared: || talked().0,
        happens: |_, _| {},
        events: || vec![pins("p", &["$1"], Some(&[])), said("2", "there")],
        holds: |world| {
            let line = format!("[ ]({}) 📌 pinned a message", link("mx-1"));
            assert_eq!(world.shown(), ["theirs".to_owned(), line, "there".to_owned()]);
            world.is_all_done();
        },
    },
    Flow {
        name: "pins in by REST",
        prepared: || {
            let mut world = World::new();
            let config = with_rest(world.outside.borrow().config.clone());
            world.outside.borrow_mut().config = config;
            world.start(None);
            world.settle();
            world.command(0, "general", "alice", &format!("invite {BOB}"));
            world.transaction(0, &[said("1", "theirs")]);
            world.settle();
            world
        },
        happens: |_, _| {},
        events: || vec![pins("p", &["$1"], Some(&[]))],
        holds: |world| {
            // What is pinned already Rocket.Chat does not pin again.
            let asked = asked(world);
            assert!(!asked.is_empty() && asked.iter().all(|it| it.0 == "chat.pinMessage"), "{asked:?}");
            world.is_all_done();
        },
    },
];

#[test]
fn every_prefix_of_a_pin_is_a_valid_state() {
    crash_everywhere(FLOWS);
}

#[test]
fn a_room_that_is_no_portal_keeps_its_pins() {
    let world = bridged();
    let message = world.say(Some(0), "lobby", "alice", "nobody else hears");
    world.pin(0, &message.id, "alice", true);
    world.settle();
    assert_eq!(world.pins(), []);
    world.is_all_done();
}
