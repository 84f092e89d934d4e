//! Who of Matrix is typing is shown, and never gets in the way of what is said.

use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::world::World;

fn typing(users: &[&str]) -> Value {
    json!({ "type": "m.typing", "room_id": ROOM, "content": { "user_ids": users } })
}

fn transaction(world: &World, body: &Value) {
    let token = world.homeserver_token();
    world.request(0, "PUT", "/_matrix/app/v1/transactions/7", Some(&token), &body.to_string());
    world.settle();
}

/// A portal where Bob has spoken.
fn known() -> World {
    let world = bridged();
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    world
}

fn shown(world: &World) -> Vec<(String, Vec<String>)> {
    world.outside.borrow().typing.clone()
}

fn general(usernames: &[&str]) -> (String, Vec<String>) {
    ("general".to_owned(), usernames.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn who_types_is_shown_until_they_stop() {
    let world = known();
    for (key, users) in [("ephemeral", vec![BOB]), ("de.sorunome.msc2409.ephemeral", vec![])] {
        transaction(&world, &json!({ "events": [], key: [typing(&users)] }));
    }
    assert_eq!(shown(&world), [general(&["bob:far.test"]), general(&[])]);
    assert!(!world.records().iter().any(|it| matches!(it, Record::Entry(_))), "nothing is kept of it");
}

#[test]
fn of_several_words_about_a_room_the_last_counts() {
    let world = known();
    transaction(&world, &json!({ "events": [], "ephemeral": [typing(&[]), typing(&[BOB])] }));
    assert_eq!(shown(&world), [general(&["bob:far.test"])]);
}

#[test]
fn our_own_people_and_strangers_are_not_shown() {
    let world = known();
    let users = ["@rc_alice:hs.test", "@rocketchat:hs.test", "@nobody:far.test", BOB];
    transaction(&world, &json!({ "events": [], "ephemeral": [typing(&users)] }));
    assert_eq!(shown(&world), [general(&["bob:far.test"])]);
}

#[test]
fn what_is_wrong_with_it_hurts_no_event() {
    let odd = json!({ "type": "m.typing", "room_id": 17, "content": { "user_ids": BOB } });
    let receipt = json!({ "type": "m.receipt", "room_id": ROOM, "content": {} });
    let mut elsewhere = typing(&[BOB]);
    elsewhere["room_id"] = json!("!nowhere:far.test");
    for (n, ephemeral) in
        [json!("none"), json!([odd, receipt, 17, null]), json!([elsewhere]), Value::Null].iter().enumerate()
    {
        let world = known();
        transaction(&world, &json!({ "events": [said("2", "two")], "ephemeral": ephemeral }));
        assert_eq!(world.shown(), ["hello", "two"], "{n}");
        assert_eq!(shown(&world), []);
    }
}

#[test]
fn it_can_be_switched_off() {
    let mut world = World::new();
    world.outside.borrow_mut().config.typing = false;
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    transaction(&world, &json!({ "events": [], "ephemeral": [typing(&[BOB])] }));
    assert_eq!((world.shown(), shown(&world)), (vec!["hello".to_owned()], vec![]));
}
