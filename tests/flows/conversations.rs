//! What people do, and what they see.

use matrix_federation::input::Answer;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::world::World;

pub const BOB: &str = "@bob:far.test";
pub const ROOM: &str = "!rc_room_general";

pub fn said(id: &str, body: &str) -> Value {
    json!({
        "event_id": format!("${id}"), "type": "m.room.message", "sender": BOB, "room_id": ROOM,
        "content": { "msgtype": "m.text", "body": body },
    })
}

pub fn membership(id: &str, mxid: &str, membership: &str) -> Value {
    json!({
        "event_id": format!("${id}"), "type": "m.room.member", "sender": mxid, "room_id": ROOM,
        "state_key": mxid, "content": { "membership": membership, "displayname": "Bob" },
    })
}

/// A world where one channel is a portal already.
pub fn bridged() -> World {
    let mut world = World::new();
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world
}

#[test]
fn an_invitation_makes_the_room_a_portal() {
    let world = bridged();
    let invited = world.outside.borrow().homeserver.invited.clone();
    assert!(invited.contains(&(ROOM.to_owned(), BOB.to_owned())), "{invited:?}");
    let notices = world.outside.borrow().notices.clone();
    assert!(notices.last().unwrap().1.contains("is invited"), "{notices:?}");
    assert_eq!(world.records().iter().filter(|it| matches!(it, Record::Portal(_))).count(), 1);
}

#[test]
fn what_cannot_be_invited_is_said_in_plain_words() {
    let world = bridged();
    for (words, expected) in [
        ("invite bob", "is not a Matrix user id"),
        ("invite @rc_alice:hs.test", "own users"),
        ("dance", "There is no command 'dance'"),
        ("registration", "Only administrators"),
        ("status", "Federated rooms: 1"),
    ] {
        world.command(0, "general", "alice", words);
        world.settle();
        let notice = world.outside.borrow().notices.last().unwrap().1.clone();
        assert!(notice.contains(expected), "{words}: {notice}");
    }
}

#[test]
fn people_talk_both_ways() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "hello *Matrix*");
    world.transaction(0, &[membership("j", BOB, "join"), said("1", "hello Rocket.Chat")]);
    world.settle();
    assert_eq!(world.sent(), ["hello **Matrix**"]);
    assert_eq!(world.shown(), ["hello Rocket.Chat"]);
    assert_eq!(world.replies(0)[0].status, 200);
    let outside = world.outside.borrow();
    assert_eq!(outside.homeserver.sent[0].sender, "@rc_alice:hs.test");
    assert_eq!(outside.users["bob:far.test"].name, "Bob");
}

#[test]
fn a_stranger_who_speaks_first_is_brought_in() {
    let world = bridged();
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    assert_eq!(world.shown(), ["hello"]);
}

#[test]
fn who_leaves_is_taken_out() {
    let world = bridged();
    world.transaction(0, &[membership("j", BOB, "join")]);
    world.settle();
    assert_eq!(world.outside.borrow().members.len(), 1);
    world.transaction(0, &[membership("l", BOB, "leave")]);
    world.settle();
    assert!(world.outside.borrow().members.is_empty());
}

#[test]
fn nothing_is_echoed() {
    let world = bridged();
    world.transaction(0, &[said("1", "once")]);
    world.settle();
    let ghosts_message = world.outside.borrow().messages[0].clone();
    world.submit(0, matrix_federation::input::Input::MessageSent { message: ghosts_message });
    let mut echo = said("2", "mine");
    echo["sender"] = json!("@rc_alice:hs.test");
    world.transaction(0, &[echo]);
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
    assert_eq!(world.shown(), ["once"]);
}

#[test]
fn a_transaction_that_comes_again_changes_nothing() {
    let world = bridged();
    for age in [1, 1000] {
        let mut event = said("1", "once");
        event["unsigned"] = json!({ "age": age });
        world.transaction(0, &[event]);
        world.settle();
    }
    assert_eq!(world.shown(), ["once"]);
}

#[test]
fn requests_are_authenticated_and_bad_ones_answered() {
    let world = bridged();
    let token = world.homeserver_token();
    let right = Some(token.as_str());
    let transactions = "/_matrix/app/v1/transactions/1";
    for (method, uri, token, body, status, code) in [
        ("PUT", transactions, None, "{}", 401, "M_MISSING_TOKEN"),
        ("PUT", transactions, Some("wrong"), r#"{"events":[]}"#, 403, "M_FORBIDDEN"),
        ("PUT", transactions, right, "{\"events\":[", 400, "M_NOT_JSON"),
        ("PUT", transactions, right, "{}", 400, "M_BAD_JSON"),
        ("PUT", transactions, right, r#"{"events":{}}"#, 400, "M_BAD_JSON"),
        ("PATCH", transactions, right, "{}", 405, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/app/v1/dance", right, "", 404, "M_UNRECOGNIZED"),
        ("GET", "/", right, "", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/app/v1/users/%40rc_x%3Ahs.test", right, "", 404, "M_NOT_FOUND"),
        ("POST", "/_matrix/app/v1/ping", right, "{}", 200, "{}"),
        ("PUT", "/prefix/_matrix/app/v1/transactions/2?x=y", right, r#"{"events":[]}"#, 200, "{}"),
    ] {
        world.request(0, method, uri, token, body);
        world.settle();
        let reply = world.replies(0).pop().unwrap();
        assert_eq!(reply.status, status, "{method} {uri}: {}", reply.body);
        assert!(reply.body.contains(code), "{method} {uri}: {}", reply.body);
    }
}

#[test]
fn bad_events_do_not_hold_up_good_ones() {
    let world = bridged();
    let mut odd = said("odd", "x");
    odd["content"] = json!([1, 2, 3]);
    let mut unknown = said("unknown", "x");
    unknown["type"] = json!("org.example.dance");
    let mut nobody = said("nobody", "x");
    nobody["sender"] = json!(17);
    let mut no_id = said("x", "x");
    no_id.as_object_mut().unwrap().remove("event_id");
    let mut elsewhere = said("elsewhere", "nobody sees this");
    elsewhere["room_id"] = json!("!unknown:far.test");
    world.transaction(
        0,
        &[
            json!(1),
            json!({}),
            nobody,
            no_id,
            unknown,
            elsewhere,
            said("bad", "REFUSE"),
            said("1", "good"),
            odd,
        ],
    );
    world.settle();
    assert!(world.shown().contains(&"good".to_owned()), "{:?}", world.shown());
    assert!(!world.shown().iter().any(|it| it.contains("REFUSE") || it.contains("nobody")));
    let records = world.records();
    let dead: Vec<_> = records.iter().filter(|it| matches!(it, Record::Dead(_))).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    world.outside.borrow_mut().users.get_mut("carol").unwrap().roles.push("admin".to_owned());
    world.command(0, "general", "carol", "dead");
    world.settle();
    assert!(world.outside.borrow().notices.last().unwrap().1.contains("was not created"));
    world.command(0, "general", "alice", "retry");
    world.settle();
    assert!(world.outside.borrow().notices.last().unwrap().1.contains("Only administrators"));
    assert!(!records.iter().any(|it| matches!(it, Record::Entry(_) | Record::Retry(_))), "{records:?}");
}

#[test]
fn what_was_put_aside_can_be_tried_again() {
    let world = bridged();
    world.outside.borrow_mut().users.get_mut("alice").unwrap().roles.push("admin".to_owned());
    world.outside.borrow_mut().refuse_messages = true;
    world.transaction(0, &[said("bad", "fine after all")]);
    world.settle();
    assert_eq!(world.shown(), Vec::<String>::new());
    world.outside.borrow_mut().refuse_messages = false;
    world.command(0, "general", "alice", "retry");
    world.settle();
    assert_eq!(world.shown(), ["fine after all"]);
    assert!(!world.records().iter().any(|it| matches!(it, Record::Dead(_) | Record::Entry(_))));
}

#[test]
fn a_refused_message_is_told_to_its_sender_and_the_next_goes_on() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "TOO LONG");
    world.say(Some(0), "general", "alice", "short");
    world.settle();
    assert_eq!(world.sent(), ["short"]);
    let (user, text) = world.outside.borrow().notices.last().unwrap().clone();
    assert_eq!(user, "id-alice");
    assert!(text.contains("not delivered") && text.contains("M_TOO_LARGE"), "{text}");
}

#[test]
fn an_outage_delays_and_loses_nothing() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "before");
    world.settle();
    let down = Answer::Unreachable { why: "refused".to_owned() };
    world.outside.borrow_mut().homeserver.instead = vec![down; 12];
    for n in 0..10 {
        world.say(Some(0), "general", "alice", &format!("during {n}"));
    }
    let began = world.outside.borrow().now;
    let mut expected = vec!["before".to_owned()];
    expected.extend((0..10).map(|n| format!("during {n}")));
    world.until(|world| world.sent() == expected);
    // A message found it away; then it was looked for after 1, 1, 2, 4 and then 5 seconds a time.
    let lasted = world.outside.borrow().now - began;
    assert!((38_000..50_000).contains(&lasted), "{lasted}");
}

#[test]
fn the_pace_that_the_homeserver_asks_for_is_kept() {
    let world = bridged();
    let slow = |retry_after| Answer::Response {
        status: 429,
        body: r#"{"errcode":"M_LIMIT_EXCEEDED"}"#.to_owned(),
        retry_after,
        cache_control: None,
        location: None,
        ahead: None,
    };
    world.outside.borrow_mut().homeserver.instead = vec![slow(Some(7_000)), slow(Some(5_000))];
    let began = world.outside.borrow().now;
    world.say(Some(0), "general", "alice", "patience");
    world.until(|world| world.sent() == ["patience"]);
    let lasted = world.outside.borrow().now - began;
    assert!((12_000..12_100).contains(&lasted), "{lasted}");
}

#[test]
fn a_hook_that_overtakes_another_does_not_change_the_order() {
    let world = bridged();
    let first = world.say(None, "general", "alice", "first");
    let second = world.say(Some(0), "general", "carol", "second");
    world.settle();
    assert_eq!(world.sent(), ["first", "second"]);
    for message in [first, second] {
        world.submit(0, matrix_federation::input::Input::MessageSent { message });
    }
    world.settle();
    assert_eq!(world.sent(), ["first", "second"]);
}

#[test]
fn an_invitation_to_a_dead_server_holds_up_nobody() {
    let world = bridged();
    world.command(0, "general", "alice", "invite @bob:dead.test");
    world.say(Some(0), "general", "alice", "meanwhile");
    world.settle();
    assert_eq!(world.sent(), ["meanwhile"]);
    let notices = world.outside.borrow().notices.clone();
    assert!(notices.iter().any(|it| it.1.contains("@bob:dead.test could not be invited")), "{notices:?}");
}

#[test]
fn a_message_with_nothing_to_say_holds_up_nobody() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "");
    world.say(Some(0), "general", "alice", "something");
    world.settle();
    assert_eq!(world.sent(), ["something"]);
}

#[test]
fn who_cannot_be_told_holds_up_nobody() {
    let world = bridged();
    world.outside.borrow_mut().refuse_notices = true;
    world.say(Some(0), "general", "alice", "TOO LONG");
    world.say(Some(0), "general", "alice", "short");
    world.settle();
    assert_eq!(world.sent(), ["short"]);
}

#[test]
fn what_was_said_while_the_app_was_off_is_found_however_much_it_is() {
    let mut world = bridged();
    world.say(Some(0), "general", "alice", "before");
    world.settle();
    world.kill(0);
    let mut expected = vec!["before".to_owned()];
    for n in 0..450 {
        // Two in three are others' messages, which count among those that Rocket.Chat hands out.
        let text = format!("off {n}");
        let who = if n % 3 == 0 { "alice" } else { "bob:far.test" };
        if who == "alice" {
            expected.push(text.clone());
        } else {
            let bob = matrix_federation::facts::User {
                kind: matrix_federation::facts::UserKind::Bot,
                ..crate::world::person(who)
            };
            world.outside.borrow_mut().users.insert(who.to_owned(), bob);
        }
        world.say(None, "general", who, &text);
    }
    let fresh = world.start(None);
    world.say(Some(fresh), "general", "alice", "after");
    world.settle();
    expected.push("after".to_owned());
    assert_eq!(world.sent(), expected);
}

#[test]
fn what_the_homeserver_forgot_to_send_is_found() {
    let mut world = bridged();
    world.transaction(0, &[said("1", "came")]);
    world.settle();
    world.kill(0);
    let now = world.outside.borrow().now;
    for (id, body, at) in
        [("0", "deleted long ago", now - 3_600_000), ("1", "came", now), ("2", "forgotten", now)]
    {
        let mut event = said(id, body);
        event["origin_server_ts"] = json!(at);
        world.outside.borrow_mut().homeserver.remote.push(event);
    }
    world.start(None);
    world.settle();
    assert_eq!(world.shown(), ["came", "forgotten"]);
}

#[test]
fn events_of_a_room_in_the_making_wait_for_it() {
    let mut world = World::new();
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.transaction(0, &[said("1", "early bird")]);
    world.settle();
    assert_eq!(world.shown(), ["early bird"]);
}

#[test]
fn a_name_that_is_taken_is_never_anothers() {
    let world = bridged();
    let stranger = crate::world::person("bob:far.test");
    world.outside.borrow_mut().users.insert("bob:far.test".to_owned(), stranger);
    for (names, event) in [(2, "1"), (3, "2")] {
        world.transaction(0, &[said(event, "hello")]);
        world.settle();
        let sender = world.outside.borrow().messages.last().unwrap().sender.clone();
        assert_eq!(sender.kind, matrix_federation::facts::UserKind::Bot, "{sender:?}");
        assert!(sender.username.starts_with("bob-") && sender.username.ends_with(":far.test"), "{sender:?}");
        // Now the second name is taken over by a person as well.
        world
            .outside
            .borrow_mut()
            .users
            .insert(sender.username.clone(), crate::world::person(&sender.username));
        assert_eq!(world.shown().len(), names - 1);
    }
}
