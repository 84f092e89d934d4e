//! Polls of Matrix, kept current on Rocket.Chat.

use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::{EVE, by, redaction};
use crate::homeserver::Homeserver;
use crate::kinds::event;
use crate::world::World;

const NOW: i64 = 1_700_000_000_000;

fn poll(id: &str, kind: &str) -> Value {
    let answers = json!([
        { "m.id": "p", "m.text": [{ "body": "Pizza" }] },
        { "m.id": "s", "m.text": [{ "body": "Soup" }] },
    ]);
    let poll = json!({ "kind": kind, "question": { "m.text": [{ "body": "Lunch?" }] }, "answers": answers });
    at(
        NOW,
        event(id, "m.poll.start", json!({ "m.poll": poll, "m.text": [{ "body": "Lunch? Pizza, Soup" }] })),
    )
}

fn at(at: i64, mut event: Value) -> Value {
    event["origin_server_ts"] = json!(at);
    event
}

fn reference(poll: &str) -> Value {
    json!({ "rel_type": "m.reference", "event_id": format!("${poll}") })
}

/// Somebody votes, so long after the poll began.
fn vote(id: &str, who: &str, answers: &[&str], after: i64) -> Value {
    let content = json!({ "m.relates_to": reference("p"), "m.selections": answers });
    by(who, at(NOW + after, event(id, "m.poll.response", content)))
}

fn end(id: &str, who: &str, after: i64) -> Value {
    let content = json!({ "m.relates_to": reference("p"), "m.poll.end": {}, "m.text": [{ "body": "over" }] });
    by(who, at(NOW + after, event(id, "m.poll.end", content)))
}

fn tell(world: &World, events: &[Value]) {
    world.transaction(0, events);
    world.settle();
}

fn shows(world: &World, expected: &str) {
    assert_eq!(world.shown(), [expected]);
}

fn kept(world: &World) -> usize {
    world.records().iter().filter(|it| matches!(it, Record::Poll(_) | Record::Vote(_))).count()
}

/// How often anybody edited anything.
fn edits(world: &World) -> usize {
    world.outside.borrow().edits
}

#[test]
fn votes_are_shown_as_they_come_and_the_result_at_the_end() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed")]);
    shows(&world, "[poll] Lunch?\n1. Pizza\n2. Soup\nNobody has voted so far. Votes are cast on Matrix.");
    tell(&world, &[vote("1", BOB, &["p"], 1), vote("2", EVE, &["p"], 2)]);
    let two = "[poll] Lunch?\n1. Pizza (2 votes)\n2. Soup (0 votes)\n2 people voted so far. Votes are cast on Matrix.";
    shows(&world, two);
    // The last vote counts, whenever it comes.
    tell(&world, &[vote("4", BOB, &["s"], 4), vote("3", BOB, &["p"], 3)]);
    let moved = "[poll] Lunch?\n1. Pizza (1 vote)\n2. Soup (1 vote)\n2 people voted so far. Votes are cast on Matrix.";
    shows(&world, moved);
    tell(&world, &[end("e", BOB, 10), vote("5", EVE, &["s"], 5)]);
    shows(&world, "[poll, ended] Lunch?\n1. Pizza (1 vote)\n2. Soup (1 vote)\n2 people voted.");
    assert_eq!(kept(&world), 0);
    world.is_all_done();
}

#[test]
fn a_burst_of_votes_is_one_edit() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed")]);
    let voter = |n: i64| vote(&format!("v{n}"), &format!("@v{n}:far.test"), &["s"], n);
    for slice in (0..100).collect::<Vec<_>>().chunks(10) {
        world.transaction(0, &slice.iter().map(|n| voter(*n)).collect::<Vec<_>>());
        world.for_a_while(100);
    }
    world.settle();
    assert!(world.shown()[0].contains("2. Soup (100 votes)"), "{:?}", world.shown());
    assert_eq!(edits(&world), 1);
    // A vote that comes again says nothing new.
    tell(&world, &[voter(7)]);
    assert_eq!(edits(&world), 1);
    assert_eq!(kept(&world), 101);
}

#[test]
fn a_secret_poll_tells_its_result_at_the_end_only() {
    let world = bridged();
    tell(&world, &[poll("p", "m.undisclosed"), vote("1", BOB, &["p"], 1)]);
    let open = world.shown()[0].clone();
    assert!(!open.contains("vote)") && open.contains("1 person voted so far"), "{open}");
    tell(&world, &[end("e", BOB, 2)]);
    assert!(world.shown()[0].contains("1. Pizza (1 vote)"), "{:?}", world.shown());
}

#[test]
fn only_who_asked_or_may_redact_ends_a_poll() {
    let ends = |levels: Value| {
        let world = bridged();
        let told = |body: &Value| Homeserver::response(200, body);
        let mut outside = world.outside.borrow_mut();
        outside.homeserver.told.insert("m.room.power_levels/", told(&levels));
        outside.homeserver.told.insert("m.room.create/", told(&json!({ "room_version": "11" })));
        drop(outside);
        world
    };
    let world = ends(json!({ "users": { EVE: 40 } }));
    tell(&world, &[poll("p", "m.disclosed"), vote("1", BOB, &["p"], 1), end("e", EVE, 2)]);
    assert!(world.shown()[0].starts_with("[poll] "), "{:?}", world.shown());
    // Nor does it hinder what comes after.
    tell(&world, &[vote("2", EVE, &["p"], 3)]);
    assert!(world.shown()[0].contains("(2 votes)"), "{:?}", world.shown());
    let world = ends(json!({ "users": { EVE: 50 } }));
    tell(&world, &[poll("p", "m.disclosed"), vote("1", BOB, &["p"], 1), end("e", EVE, 2)]);
    assert!(world.shown()[0].starts_with("[poll, ended] "), "{:?}", world.shown());
}

#[test]
fn votes_after_the_end_and_votes_elsewhere_do_not_count() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed"), vote("1", BOB, &["p"], 1)]);
    // By its own server's clock it was cast after the end.
    tell(&world, &[vote("2", EVE, &["s"], 30), end("e", BOB, 20), vote("3", EVE, &["s"], 3)]);
    shows(&world, "[poll, ended] Lunch?\n1. Pizza (1 vote)\n2. Soup (0 votes)\n1 person voted.");
    let mut elsewhere = vote("4", EVE, &["s"], 4);
    elsewhere["room_id"] = json!("!elsewhere:far.test");
    tell(&world, &[elsewhere, end("f", BOB, 40)]);
    assert_eq!(kept(&world), 0);
    assert!(world.shown()[0].contains("1 person voted."));
}

#[test]
fn who_takes_a_vote_back_has_voted_as_before() {
    let world = bridged();
    let votes = [vote("1", BOB, &["p"], 1), vote("2", BOB, &["s"], 2)];
    tell(&world, &[poll("p", "m.disclosed"), votes[0].clone(), votes[1].clone()]);
    assert!(world.shown()[0].contains("2. Soup (1 vote)"));
    tell(&world, &[redaction("r", "2", BOB)]);
    assert!(world.shown()[0].contains("1. Pizza (1 vote)"), "{:?}", world.shown());
    tell(&world, &[redaction("q", "1", BOB)]);
    assert!(world.shown()[0].contains("Nobody has voted"), "{:?}", world.shown());
    // Of one person so many are kept, and no more.
    for n in 10..30 {
        tell(&world, &[vote(&n.to_string(), BOB, &["s"], n)]);
    }
    assert_eq!(kept(&world), 5);
    tell(&world, &[redaction("s", "p", BOB)]);
    assert_eq!((kept(&world), world.shown()), (0, vec![]));
}

#[test]
fn a_poll_that_is_edited_asks_something_else() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed")]);
    let mut edit = poll("2", "m.disclosed");
    edit["content"]["m.poll"]["question"] = json!({ "m.text": [{ "body": "Dinner?" }] });
    let new = edit["content"].clone();
    edit["content"]["m.new_content"] = new;
    edit["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$p" });
    tell(&world, &[by(EVE, at(NOW + 1, edit.clone()))]);
    assert!(world.shown()[0].contains("Lunch?"));
    tell(&world, &[at(NOW + 2, edit), vote("1", BOB, &["p"], 3)]);
    assert_eq!(world.shown().len(), 1);
    assert!(world.shown()[0].starts_with("[poll] Dinner?\n1. Pizza (1 vote)"), "{:?}", world.shown());
}

#[test]
fn people_beyond_number_do_not_fill_the_store() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed")]);
    let votes: Vec<Value> =
        (0..1_010).map(|n| vote(&format!("v{n}"), &format!("@v{n}:far.test"), &["p"], n)).collect();
    tell(&world, &votes);
    assert_eq!(kept(&world), 1_001);
    assert!(world.shown()[0].contains("1. Pizza (1000 votes)"), "{:?}", world.shown());
}

#[test]
fn what_the_app_edits_goes_nowhere() {
    let world = bridged();
    tell(&world, &[poll("p", "m.disclosed"), vote("1", BOB, &["p"], 1)]);
    let message = world.outside.borrow().messages.last().unwrap().clone();
    assert!(message.edited_at.is_some());
    let by = Some(message.sender.clone());
    world.submit(0, Input::MessageEdited { message, by });
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
    world.is_all_done();
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "a poll",
        prepared: bridged,
        happens: |_, _| {},
        events: || {
            vec![
                poll("p", "m.disclosed"),
                vote("1", BOB, &["p"], 1),
                vote("2", EVE, &["p"], 2),
                vote("3", BOB, &["s"], 3),
                vote("4", EVE, &["s"], 4),
                redaction("r", "4", EVE),
                end("e", BOB, 9),
                said("5", "thanks"),
            ]
        },
        holds: |world| {
            let result = "[poll, ended] Lunch?\n1. Pizza (1 vote)\n2. Soup (1 vote)\n2 people voted.";
            assert_eq!(world.shown(), [result, "thanks"]);
            assert_eq!(kept(world), 0);
            assert_eq!(ROOM, "!rc_room_general");
            world.is_all_done();
        },
    },
    Flow {
        name: "votes",
        prepared: || {
            let world = bridged();
            tell(&world, &[poll("p", "m.disclosed")]);
            world
        },
        happens: |_, _| {},
        events: || vec![vote("1", BOB, &["p"], 1), vote("2", EVE, &["p"], 2), vote("3", BOB, &["s"], 3)],
        holds: |world| {
            let now = world.shown();
            assert!(now[0].contains("1. Pizza (1 vote)\n2. Soup (1 vote)"), "{now:?}");
            world.is_all_done();
        },
    },
];

#[test]
fn every_prefix_of_a_poll_is_a_valid_state() {
    crash_everywhere(FLOWS);
}
