//! What is told of people while something does not work: one person's trouble is nobody else's.

use matrix_federation::record::{Record, Work};
use serde_json::{Value, json};

use crate::conversations::said;
use crate::people::{ALICE, beside, is_in, joins, profile, spoken, with_rest};
use crate::world::World;

const FACE: &str = "mxc://far.test/face";

/// Somebody else of far.test joins.
fn eve_joins(id: &str, at: i64, name: &str) -> Value {
    let mut event = joins(id, at, Some(name), None);
    event["sender"] = json!("@eve:far.test");
    event["state_key"] = json!("@eve:far.test");
    event
}

fn log(world: &World, words: &str) -> usize {
    world.outside.borrow().log.iter().filter(|it| it.contains(words)).count()
}

fn called(world: &World, username: &str) -> String {
    world.outside.borrow().users[username].name.clone()
}

#[test]
fn a_picture_that_nobody_brings_keeps_no_other_account_waiting() {
    let world = with_rest();
    world.transaction(0, &[joins("a", 1, Some("Bob"), None), eve_joins("b", 2, "Eve")]);
    world.settle();
    world.transaction(
        0,
        &[joins("c", 3, Some("Bob"), Some("mxc://gone.test/face")), eve_joins("d", 4, "Eva")],
    );
    world.settle();
    assert_eq!(called(&world, "eve:far.test"), "Eva");
    assert_eq!(log(&world, "it answered 504"), 1);
    // It is tried again when its user says something, and shown beside that.
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    assert_eq!(log(&world, "it answered 504"), 2);
    assert!(beside(&world)[0].1.is_some());
}

#[test]
fn what_another_server_answers_is_not_taken_for_done() {
    for (status, body) in [(301, ""), (200, "<html>"), (404, "<html>"), (200, "{}")] {
        let world = with_rest();
        world.transaction(0, &[joins("a", 1, Some("Bob"), None)]);
        world.settle();
        world.outside.borrow_mut().rest_instead.push((status, body.to_owned()));
        world.transaction(0, &[joins("b", 2, Some("Bobby"), None)]);
        world.settle();
        assert_eq!(log(&world, "'Where the App reaches this workspace'"), 1, "{status} {body}");
        let asked = world.outside.borrow().rest.len();
        assert_eq!(asked, 2, "{status} {body}: it is asked for once more");
    }
}

#[test]
fn a_picture_that_the_workspace_refuses_stays_beside_what_is_said() {
    let world = with_rest();
    world.transaction(0, &[joins("a", 1, Some("Bob"), None)]);
    world.settle();
    let refusal = r#"{"success":false,"error":"Changing avatar is not allowed"}"#;
    world.outside.borrow_mut().rest_instead.push((400, refusal.to_owned()));
    world.transaction(0, &[joins("b", 2, Some("Bob"), Some(FACE))]);
    world.settle();
    world.transaction(0, &[said("1", "one"), said("2", "two")]);
    world.settle();
    assert!(beside(&world).iter().all(|it| it.1.is_some()));
    assert_eq!(world.outside.borrow().rest.len(), 1, "it is not tried again before it changes");
    assert_eq!(log(&world, "not allowed"), 1);
}

#[test]
fn what_an_instance_told_whose_clock_was_ahead_is_followed_by_what_is_told_now() {
    let mut world = spoken();
    world.pass(60_000);
    world.change(Some(0), "alice", |it| it.name = "Alice the Second".to_owned());
    world.settle();
    world.kill(0);
    world.outside.borrow_mut().now -= 50_000;
    let fresh = world.start(None);
    world.change(Some(fresh), "alice", |it| it.name = "Alice the Third".to_owned());
    world.for_a_while(5_000);
    assert_eq!(profile(&world, ALICE).0.as_deref(), Some("Alice the Third"));
    let told = world.records().iter().filter(|it| matches!(it, Record::Presented(_))).count();
    assert_eq!(told, 1);
    let calls = world.outside.borrow().homeserver.calls;
    assert!(calls < 100, "told again and again: {calls} calls");
}

#[test]
fn looking_over_everybody_does_not_pile_up_while_the_homeserver_is_away() {
    let world = spoken();
    let second_name = "Alice the Second";
    world.outside.borrow_mut().homeserver.is_away = true;
    world.change(Some(0), "alice", |it| it.name = second_name.to_owned());
    for _ in 0..6 {
        world.pass(600_000);
        world.submit(0, matrix_federation::input::Input::Tick);
        world.for_a_while(60_000);
    }
    let of_people = |it: &Record| matches!(it, Record::Entry(it) if matches!(it.work, Work::People { .. }));
    let waiting = world.records().iter().filter(|it| of_people(it)).count();
    assert!(waiting <= 1, "{waiting}");
    world.outside.borrow_mut().homeserver.is_away = false;
    world.settle();
    assert_eq!(profile(&world, ALICE).0.as_deref(), Some(second_name));
    assert!(!world.records().iter().any(of_people));
}

#[test]
fn one_room_that_cannot_be_left_keeps_nobody_in_the_others() {
    let world = spoken();
    {
        let homeserver = &mut world.outside.borrow_mut().homeserver;
        homeserver.joined.insert(("!a_notices".to_owned(), ALICE.to_owned()));
        homeserver.kept.insert("!a_notices".to_owned());
    }
    world.change(Some(0), "alice", |it| it.active = false);
    world.settle();
    assert!(!is_in(&world, ALICE));
    assert_eq!(log(&world, "!a_notices"), 1);
    assert_eq!(world.outside.borrow().homeserver.left.len(), 1);
}
