//! Direct mode against those who mean no good: what one request may cost, and what it may not bring about.

#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "tests")]
#![allow(clippy::as_conversions, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests")]

mod world;

use matrix_federation::effect::Call;
use matrix_federation::input::Input;
use matrix_federation::record::{Head, Record, Snapshot};
use serde_json::{Value, json};
use world::{ROOM, THEM, US, World, channel, key_of, made, message, person};

/// A server's keys, as they are asked for.
fn keys(server: &str) -> String {
    format!("https://{server}:8448/_matrix/key")
}

#[test]
fn what_a_transaction_taught_is_remembered() {
    let world = World::new();
    let graph = world.in_room(&[]);
    for text in ["one", "two", "three"] {
        assert_eq!(world.transaction(THEM, &[graph.says(text)]).unwrap().status, 200);
    }
    assert_eq!(world.outside.messages.borrow().len(), 3, "{:?}", world.outside.log);
    assert_eq!((world.fetched(&keys(THEM)), world.fetched("https://them.test/.well-known")), (1, 1));
}

#[test]
fn a_server_is_asked_once_however_many_events_name_it() {
    let world = World::new();
    let graph = world.in_room(&[]);
    let forged = |at: usize| {
        let mut event = graph.says(&format!("{at}"));
        let signatures: Value = (0..8).map(|it| (format!("ed25519:{it}"), json!("AAAA"))).collect();
        event["sender"] = json!("@x:victim.test");
        event["signatures"] = json!({ "victim.test": signatures });
        event
    };
    let pdus: Vec<Value> = (0..50).map(forged).collect();
    assert_eq!(world.transaction(THEM, &pdus).unwrap().status, 200);
    let asked = world.outside.fetched.borrow();
    let asked: Vec<&String> = asked.iter().filter(|it| it.contains("victim.test")).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn few_servers_are_asked_however_many_are_named() {
    let world = World::new();
    let graph = world.in_room(&[]);
    let forged = |at: usize| {
        let mut event = graph.says(&format!("{at}"));
        let server = format!("v{at}.test");
        event["sender"] = json!(format!("@x:{server}"));
        event["signatures"] = json!({ server: { "ed25519:1": "AAAA" } });
        event
    };
    let pdus: Vec<Value> = (0..49).map(forged).chain([graph.says("hello")]).collect();
    assert_eq!(world.transaction(THEM, &pdus).unwrap().status, 200);
    assert_eq!(world.fetched("https://v"), 16);
    assert_eq!(world.outside.messages.borrow().len(), 1, "{:?}", world.outside.log);
}

#[test]
fn an_event_that_came_again_with_a_rooms_state_keeps_its_place() {
    let world = World::new();
    let graph = world.in_room(&[]);
    world.keep_event(&graph.last, None);
    world.outside.store.borrow_mut().reverse();
    assert_eq!(world.transaction(THEM, &[graph.says("hello")]).unwrap().status, 200);
    assert_eq!(world.outside.messages.borrow().len(), 1, "{:?}", world.outside.log);
}

#[test]
fn an_invitation_that_comes_again_is_kept_once() {
    let world = World::new();
    let invite = json!({ "membership": "invite" });
    let user = format!("@alice:{US}");
    for _ in 0..3 {
        let pdu = made("m.room.member", Some(&user), &format!("@a:{THEM}"), invite.clone(), &[], &[]);
        let event: Value = serde_json::from_str(&pdu.text).unwrap();
        let body = json!({ "room_version": "10", "event": event, "invite_room_state": [] });
        let path = Call::path(&[ROOM, pdu.id.as_str()]);
        let reply = world.signed(THEM, &format!("/_matrix/federation/v2/invite/{path}"), &body).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let invitations = world.records().into_iter().filter(|it| matches!(it, Record::Invitation(_)));
    assert_eq!(invitations.count(), 1);
}

#[test]
fn what_was_deleted_or_left_is_not_brought_back_by_sending_it_again() {
    let world = World::new();
    let graph = world.in_room(&["gone.test".to_owned()]);
    world.knows("gone.test");
    let said = graph.says("something");
    let user = "@b:gone.test";
    let joined = made(
        "m.room.member",
        Some(user),
        user,
        json!({ "membership": "join", "displayname": "x" }),
        &[&graph.create],
        &[&graph.last],
    );
    world.keep_event(&joined, Some("s".to_owned()));
    world.transaction(THEM, std::slice::from_ref(&said)).unwrap();
    world.outside.messages.borrow_mut().clear();
    world.outside.members.borrow_mut().clear();
    let joined: Value = serde_json::from_str(&joined.text).unwrap();
    let reply = world.transaction(THEM, &[said, joined]).unwrap();
    assert_eq!(reply.status, 200);
    assert!(!reply.body.contains("error"), "{}", reply.body);
    assert!(world.outside.messages.borrow().is_empty());
    assert!(world.outside.members.borrow().is_empty());
}

#[test]
fn the_longest_ways_of_two_servers_are_not_too_long() {
    let world = World::new();
    world.configure("https://dns.test/q");
    let graph = world.in_room(&["far.test".to_owned()]);
    world.knows("far.test");
    for server in [THEM, "far.test"] {
        let start = format!("https://{server}/.well-known/matrix/server");
        world.answers(&start, 302, "", Some(&format!("https://www.{server}/second")));
        world.answers(&format!("https://www.{server}/second"), 302, "", Some("/third"));
        let body = json!({ "m.server": server }).to_string();
        world.answers(&format!("https://www.{server}/third"), 200, &body, None);
    }
    let user = "@b:far.test";
    let content = json!({ "msgtype": "m.text", "body": "hello" });
    let theirs = made("m.room.message", None, user, content, &[&graph.create], &[&graph.last]);
    let theirs: Value = serde_json::from_str(&theirs.text).unwrap();
    let reply = world.transaction(THEM, &[graph.says("hello"), theirs]).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(world.outside.messages.borrow().len(), 1, "{:?}", world.outside.log);
    assert_eq!(world.fetched("https://www.far.test/third"), 1);
}

#[test]
fn a_strangers_body_is_not_read() {
    let world = World::new();
    let uri = "/_matrix/federation/v1/send/1";
    let header = format!(r#"X-Matrix origin="{THEM}",destination="{US}",key="ed25519:no",sig="AAAA""#);
    for authorization in [vec![], vec![header]] {
        assert_eq!(world.request("PUT", uri, authorization, "no JSON").unwrap().status, 401);
    }
    let header =
        format!(r#"X-Matrix origin="{THEM}",destination="{US}",key="{}",sig="AAAA""#, key_of(THEM).id());
    assert_eq!(world.request("PUT", uri, vec![header], "no JSON").unwrap().status, 400);
}

#[test]
fn a_room_outlives_being_forked_more_widely_than_can_be_resolved_at_once() {
    let world = World::new();
    let graph = world.in_room(&[]);
    let records = world.records();
    let entries = records.iter().find_map(|it| match it {
        Record::Snapshot(it) => Some(it.entries.clone()),
        _ => None,
    });
    for at in 0..140 {
        let user = format!("@a:{THEM}");
        let content = json!({ "membership": "join", "displayname": format!("{at}") });
        let fork =
            made("m.room.member", Some(&user), &user, content, &[&graph.create, &graph.own], &[&graph.last]);
        let mut entries = entries.clone().unwrap();
        entries.retain(|(kind, key, _)| (kind.as_str(), key) != ("m.room.member", &user));
        entries.push(("m.room.member".to_owned(), user, fork.id.to_string()));
        let after = format!("s{at}");
        world.keep_event(&fork, Some(after.clone()));
        world.keep(Record::Snapshot(Snapshot { id: after.clone(), entries }));
        let (room, event) = (ROOM.to_owned(), fork.id.to_string());
        world.keep(Record::Head(Head { room, event, depth: fork.depth, after }));
    }
    assert_eq!(world.transaction(THEM, &[graph.says("hello")]).unwrap().status, 200);
    assert_eq!(world.outside.messages.borrow().len(), 1, "{:?}", world.outside.log);
}

#[test]
fn a_message_passes_by_all_servers_that_are_nowhere() {
    let world = World::new();
    let servers: Vec<String> = (0..20).map(|at| format!("n{at}.test")).collect();
    world.in_room(&servers);
    for server in &servers {
        let url = format!("https://{server}/.well-known/matrix/server");
        world.answers(&url, 200, r#"{"m.server":"127.1"}"#, None);
    }
    world.give(Input::MessageSent { message: message("hello") }).unwrap();
    for _ in 0..servers.len() {
        let (tag, call) = world.outside.calls.borrow_mut().pop().expect("a call");
        if call.url.contains(THEM) {
            world.outside.calls.borrow_mut().push((tag, call));
            return world.outcome(200, &json!({ "pdus": {} }));
        }
        let answer = matrix_federation::input::Answer::Unreachable { why: "no address".to_owned() };
        world.give(Input::Outcome { tag, answer }).unwrap();
    }
    assert!(world.outside.calls.borrow().iter().any(|(_, it)| it.url.contains(THEM)));
}

#[test]
fn a_server_that_lies_about_a_rooms_version_spoils_no_later_join() {
    let world = World::new();
    world.knows("liar.test");
    let join = |room: &str, server: &str| {
        let words = ["join", ROOM, server].map(str::to_owned).to_vec();
        world
            .give(Input::Command { user: person("alice"), room: channel(room), words, place: None })
            .unwrap();
    };
    let template = |version: &str| {
        let user = format!("@alice:{US}");
        json!({ "room_version": version, "event": {
            "type": "m.room.member", "room_id": ROOM, "sender": user, "state_key": user, "depth": 3,
            "content": { "membership": "join" }, "prev_events": ["$p"], "auth_events": ["$a"],
        } })
    };
    let versions = || {
        let records = world.records();
        let versions = records.iter().filter_map(|it| match it {
            Record::Joined(it) => Some(it.version.clone()),
            _ => None,
        });
        versions.collect::<Vec<_>>()
    };
    join("GENERAL", "liar.test");
    world.outcome(200, &template("6"));
    assert_eq!(versions(), ["6"]);
    world.outcome(403, &json!({ "errcode": "M_FORBIDDEN", "error": "no" }));
    join("GENERAL", THEM);
    world.outcome(200, &template("10"));
    assert_eq!(versions(), ["10"]);
    // Of a room that we are in nobody is believed any more.
    world.outcome(403, &json!({ "errcode": "M_FORBIDDEN", "error": "no" }));
    world.in_room(&[]);
    join("OTHER", "liar.test");
    world.outcome(200, &template("6"));
    assert!(versions().iter().all(|it| it == "10"), "{:?}", versions());
}
