//! Direct messages, as their people see them.

use matrix_federation::facts::User;
use matrix_federation::input::Input;
use matrix_federation::record::{Portal, Record};
use serde_json::{Value, json};

use crate::conversations::BOB;
use crate::world::{World, person};

pub const DAVE: &str = "@dave:far.test";
pub const ALICE: &str = "@rc_alice:hs.test";
pub const CAROL: &str = "@rc_carol:hs.test";
pub const THEIRS: &str = "!theirs";

pub fn started() -> World {
    let mut world = World::new();
    world.start(None);
    world.settle();
    world
}

pub fn names(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    names.sort();
    names
}

/// The direct message of alice and bob's ghost.
pub fn pair(world: &World) -> String {
    let room = world.outside.borrow().direct(&names(&["alice", "bob:far.test"]));
    room.expect("a direct message of the two").id
}

pub fn portals(world: &World) -> Vec<Portal> {
    world
        .records()
        .into_iter()
        .filter_map(|it| if let Record::Portal(it) = it { Some(it) } else { None })
        .collect()
}

/// Somebody on Matrix opens a room with people of ours; what the homeserver tells of it.
pub fn opened(world: &World, room: &str, by: &str, guests: &[&str], is_direct: bool) -> Vec<Value> {
    let homeserver = &mut world.outside.borrow_mut().homeserver;
    homeserver.joined.insert((room.to_owned(), by.to_owned()));
    let invited = guests.iter().map(|guest| {
        homeserver.invited.push((room.to_owned(), (*guest).to_owned()));
        invitation(room, by, guest, is_direct)
    });
    invited.collect()
}

pub fn invitation(room: &str, by: &str, guest: &str, is_direct: bool) -> Value {
    json!({
        "event_id": format!("$invite-{room}-{guest}"), "type": "m.room.member", "sender": by, "room_id": room,
        "state_key": guest, "content": { "membership": "invite", "is_direct": is_direct },
        "unsigned": { "invite_room_state": [] },
    })
}

pub fn said_in(room: &str, by: &str, body: &str) -> Value {
    json!({
        "event_id": format!("${room}-{by}-{body}"), "type": "m.room.message", "sender": by, "room_id": room,
        "content": { "msgtype": "m.text", "body": body },
    })
}

pub fn member_of(room: &str, mxid: &str, membership: &str) -> Value {
    json!({
        "event_id": format!("${room}-{mxid}-{membership}"), "type": "m.room.member", "sender": mxid,
        "room_id": room, "state_key": mxid, "content": { "membership": membership, "displayname": "Bob" },
    })
}

/// Somebody of Matrix leaves a room.
pub fn leaves(world: &World, room: &str, mxid: &str) {
    {
        let homeserver = &mut world.outside.borrow_mut().homeserver;
        homeserver.joined.remove(&(room.to_owned(), mxid.to_owned()));
        homeserver.invited.retain(|it| *it != (room.to_owned(), mxid.to_owned()));
    }
    world.transaction(0, &[member_of(room, mxid, "leave")]);
    world.settle();
}

/// Alice has opened a direct message with bob.
pub fn with_bob() -> World {
    let world = started();
    world.command(0, "general", "alice", &format!("dm {BOB}"));
    world.settle();
    world
}

pub fn last_notice(world: &World) -> String {
    world.outside.borrow().notices.last().expect("a notice").1.clone()
}

#[test]
fn dm_the_command_opens_a_direct_message() {
    let world = with_bob();
    let room = pair(&world);
    let portal = portals(&world).remove(0);
    assert_eq!(portal.local, room);
    {
        let outside = world.outside.borrow();
        assert!(outside.homeserver.invited.contains(&(portal.remote.clone(), BOB.to_owned())));
        assert!(outside.homeserver.joined.contains(&(portal.remote.clone(), ALICE.to_owned())));
    }
    assert!(
        last_notice(&world).contains("@bob:far.test is among your direct messages"),
        "{}",
        last_notice(&world)
    );
    world.say(Some(0), &room, "alice", "hello");
    world.transaction(0, &[member_of(&portal.remote, BOB, "join"), said_in(&portal.remote, BOB, "hi")]);
    world.settle();
    assert_eq!(world.sent(), ["hello"]);
    assert_eq!(world.shown(), ["hi"]);
}

#[test]
fn dm_the_command_finds_what_is_there() {
    let world = with_bob();
    world.command(0, "general", "alice", &format!("dm {BOB} {BOB}"));
    world.settle();
    assert_eq!(portals(&world).len(), 1);
    assert_eq!(world.outside.borrow().directs.len(), 1);
    assert!(last_notice(&world).contains("is among your direct messages"));
}

#[test]
fn dm_what_cannot_be_opened_is_said_in_plain_words() {
    let world = started();
    let many: Vec<String> = (0..8).map(|it| format!("@u{it}:far.test")).collect();
    for (words, expected) in [
        ("dm".to_owned(), "Name the Matrix users"),
        ("dm bob".to_owned(), "is not a Matrix user id"),
        (format!("dm {ALICE}"), "own users: write to them here"),
        (format!("dm {}", many.join(" ")), "has room for 8 people, and here are 9"),
        ("dm @x:dead.test".to_owned(), "M_UNKNOWN"),
    ] {
        world.command(0, "general", "alice", &words);
        world.settle();
        assert!(last_notice(&world).contains(expected), "{words}: {}", last_notice(&world));
    }
    world.outside.borrow_mut().refuse_directs = true;
    world.command(0, "general", "alice", &format!("dm {BOB}"));
    world.settle();
    assert!(
        last_notice(&world).contains("could not be opened: error-not-allowed"),
        "{}",
        last_notice(&world)
    );
}

#[test]
fn dm_the_first_words_in_rocketchats_own_make_the_portal() {
    let world = with_bob();
    // Another person's own direct message with the ghost, opened without any command.
    let room = world.outside.borrow_mut().open_direct(&names(&["bob:far.test", "carol"])).unwrap();
    world.say(Some(0), &room, "carol", "one");
    world.say(Some(0), &room, "carol", "two");
    world.settle();
    assert_eq!(world.sent(), ["one", "two"]);
    assert_eq!(world.outside.borrow().homeserver.sent[0].sender, CAROL);
    assert_eq!(portals(&world).len(), 2);
}

#[test]
fn dm_first_words_whose_hook_was_lost_go_out_with_the_next() {
    let world = with_bob();
    let room = world.outside.borrow_mut().open_direct(&names(&["bob:far.test", "carol"])).unwrap();
    world.say(None, &room, "carol", "one");
    world.say(Some(0), &room, "carol", "two");
    world.settle();
    assert_eq!(world.sent(), ["one", "two"]);
}

#[test]
fn dm_between_people_of_ours_stays_here() {
    let world = started();
    let room = world.outside.borrow_mut().open_direct(&names(&["alice", "carol"])).unwrap();
    world.say(Some(0), &room, "alice", "between us");
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
    assert!(world.outside.borrow().notices.is_empty());
}

#[test]
fn dm_first_words_that_cannot_go_out_are_told_and_not_tried_for_ever() {
    let world = started();
    world.command(0, "general", "alice", "dm @x:dead.test");
    world.settle();
    let room = world.outside.borrow().direct(&names(&["alice", "x:dead.test"])).unwrap().id;
    world.say(Some(0), &room, "alice", "one");
    world.say(Some(0), &room, "alice", "two");
    world.settle();
    assert!(
        last_notice(&world).contains("What you wrote was not delivered to Matrix"),
        "{}",
        last_notice(&world)
    );
    let left = world.records().into_iter().filter(|it| matches!(it, Record::Entry(_) | Record::Retry(_)));
    assert_eq!(left.count(), 0);
}

#[test]
fn dm_what_rocketchat_encrypts_is_not_taken_for_readable() {
    let world = with_bob();
    let room = world.outside.borrow_mut().open_direct(&names(&["bob:far.test", "carol"])).unwrap();
    let mut message = world.say(None, &room, "carol", "cipher");
    message.system = Some("e2e".to_owned());
    world.submit(0, Input::MessageSent { message });
    world.settle();
    assert!(last_notice(&world).contains("Rocket.Chat encrypts this direct message"));
    assert_eq!(portals(&world).len(), 1);
}

#[test]
fn dm_opened_on_matrix_appears_as_one() {
    let world = started();
    let mut events = opened(&world, THEIRS, BOB, &[ALICE], true);
    events.push(said_in(THEIRS, BOB, "one"));
    world.transaction(0, &events);
    world.transaction(0, &[said_in(THEIRS, BOB, "two")]);
    world.settle();
    assert_eq!(world.shown(), ["one", "two"]);
    let room = pair(&world);
    world.say(Some(0), &room, "alice", "hello");
    world.settle();
    assert_eq!(world.outside.borrow().homeserver.sent[0].room, THEIRS);
    assert!(world.outside.borrow().homeserver.left.is_empty());
}

#[test]
fn dm_what_was_said_before_the_joining_comes_first() {
    let world = started();
    let mut early = said_in(THEIRS, BOB, "one");
    early["origin_server_ts"] = json!(world.outside.borrow().now - 3_600_000);
    let mut events = opened(&world, THEIRS, BOB, &[ALICE], true);
    events[0]["origin_server_ts"] = early["origin_server_ts"].clone();
    world.outside.borrow_mut().homeserver.remote.push(early);
    world.transaction(0, &events);
    world.transaction(0, &[said_in(THEIRS, BOB, "two")]);
    world.settle();
    assert_eq!(world.shown(), ["one", "two"]);
}

#[test]
fn dm_several_rooms_of_one_pair_lead_into_one() {
    let world = with_bob();
    let first = portals(&world).remove(0).remote;
    world.transaction(0, &[member_of(&first, BOB, "join")]);
    world.settle();
    world.transaction(0, &opened(&world, THEIRS, BOB, &[ALICE], true));
    world.settle();
    world.transaction(0, &[said_in(&first, BOB, "in the first"), said_in(THEIRS, BOB, "in the second")]);
    world.settle();
    assert_eq!(world.outside.borrow().directs.len(), 1);
    let mut shown = world.shown();
    shown.sort();
    assert_eq!(shown, ["in the first", "in the second"]);
    let room = pair(&world);
    world.say(Some(0), &room, "alice", "to the newest");
    world.settle();
    leaves(&world, THEIRS, BOB);
    world.say(Some(0), &room, "alice", "to the one that is alive");
    world.settle();
    let sent: Vec<(String, String)> =
        world.outside.borrow().homeserver.sent.iter().map(|it| (it.room.clone(), it.body.clone())).collect();
    assert_eq!(
        sent,
        [(THEIRS.to_owned(), "to the newest".to_owned()), (first, "to the one that is alive".to_owned())]
    );
}

#[test]
fn dm_whoever_left_is_invited_again() {
    let world = with_bob();
    let room = pair(&world);
    let remote = portals(&world).remove(0).remote;
    leaves(&world, &remote, BOB);
    world.say(Some(0), &room, "alice", "come back");
    world.say(Some(0), &room, "alice", "please");
    world.settle();
    assert_eq!(world.sent(), ["come back", "please"]);
    assert!(world.outside.borrow().homeserver.sent.iter().all(|it| it.room == remote));
    assert!(world.outside.borrow().homeserver.invited.contains(&(remote, BOB.to_owned())));
    let told = world.outside.borrow().notices.iter().filter(|it| it.1.contains("is invited again")).count();
    assert_eq!(told, 1);
    assert_eq!(portals(&world).len(), 1);
}

#[test]
fn dm_where_nobody_can_be_invited_again_there_is_a_new_room() {
    let world = with_bob();
    let room = pair(&world);
    let first = portals(&world).remove(0).remote;
    leaves(&world, &first, BOB);
    // Alice, too, is no longer there.
    world.outside.borrow_mut().homeserver.joined.remove(&(first.clone(), ALICE.to_owned()));
    world.say(Some(0), &room, "alice", "hello");
    world.settle();
    let second =
        portals(&world).into_iter().map(|it| it.remote).find(|it| *it != first).expect("a second room");
    assert_eq!(world.outside.borrow().homeserver.sent[0].room, second);
    assert!(world.outside.borrow().homeserver.invited.contains(&(second, BOB.to_owned())));
}

#[test]
fn dm_everything_is_found_again_after_a_restart() {
    let mut world = with_bob();
    let room = pair(&world);
    let remote = portals(&world).remove(0).remote;
    world.kill(0);
    world.pass(20_000);
    let fresh = world.start(None);
    world.settle();
    world.say(Some(fresh), &room, "alice", "still here");
    world.transaction(fresh, &[said_in(&remote, BOB, "me too")]);
    world.settle();
    assert_eq!(world.sent(), ["still here"]);
    assert_eq!(world.shown(), ["me too"]);
    assert_eq!(portals(&world).len(), 1);
}

#[test]
fn dm_of_several_is_one_too() {
    let world = started();
    world.command(0, "general", "alice", &format!("dm {BOB} {DAVE}"));
    world.settle();
    let room = world.outside.borrow().direct(&names(&["alice", "bob:far.test", "dave:far.test"])).unwrap().id;
    let remote = portals(&world).remove(0).remote;
    world.say(Some(0), &room, "alice", "hello both");
    // One of them leaving is no reason to invite anybody.
    leaves(&world, &remote, DAVE);
    world.say(Some(0), &room, "alice", "and again");
    world.settle();
    assert_eq!(world.sent(), ["hello both", "and again"]);
    assert!(!world.outside.borrow().homeserver.invited.contains(&(remote, DAVE.to_owned())));
}

#[test]
fn dm_of_several_opened_on_matrix_has_all_of_ours() {
    let world = started();
    world.transaction(0, &opened(&world, THEIRS, BOB, &[ALICE], true));
    world.transaction(0, &opened(&world, THEIRS, BOB, &[CAROL], true));
    world.settle();
    let room = world.outside.borrow().direct(&names(&["alice", "bob:far.test", "carol"])).unwrap().id;
    let joined = world.outside.borrow().homeserver.joined.clone();
    assert!(
        [ALICE, CAROL].iter().all(|it| joined.contains(&(THEIRS.to_owned(), (*it).to_owned()))),
        "{joined:?}"
    );
    world.say(Some(0), &room, "carol", "hello");
    world.settle();
    assert_eq!(world.sent(), ["hello"]);
    assert_eq!(world.outside.borrow().directs.len(), 1);
}

#[test]
fn dm_a_further_person_is_announced_once_and_heard() {
    let world = started();
    world.transaction(0, &opened(&world, THEIRS, BOB, &[ALICE], true));
    world.settle();
    for _ in 0..2 {
        world.transaction(0, &[member_of(THEIRS, DAVE, "join")]);
        world.settle();
    }
    world.transaction(0, &[said_in(THEIRS, DAVE, "hello")]);
    world.settle();
    let messages = world.outside.borrow().messages.clone();
    let texts: Vec<&str> = messages.iter().map(|it| it.text.as_str()).collect();
    assert!(texts[0].starts_with("`@dave:far.test` has joined on Matrix"), "{texts:?}");
    assert_eq!(texts[1..], ["`@dave:far.test`:\nhello"]);
    // What the App says here is not said on Matrix.
    for message in messages {
        world.submit(0, Input::MessageSent { message });
    }
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
}

#[test]
fn dm_somebody_of_ours_cannot_come_in_later() {
    let world = started();
    world.transaction(0, &opened(&world, THEIRS, BOB, &[ALICE], true));
    world.settle();
    world.transaction(0, &opened(&world, THEIRS, BOB, &[CAROL], true));
    world.settle();
    let left = world.outside.borrow().homeserver.left.clone();
    assert!(
        matches!(&left[..], [(_, who, why)] if who == CAROL && why.contains("Nobody can be added")),
        "{left:?}"
    );
}

#[test]
fn dm_an_invitation_to_a_room_is_told_and_not_answered() {
    let world = started();
    let mut events = opened(&world, "!tea", BOB, &[ALICE], false);
    events[0]["unsigned"]["invite_room_state"] = json!([
        { "type": "m.room.name", "state_key": "", "content": { "name": "@all *Tea*\n\u{202e}" } },
        { "type": "m.room.canonical_alias", "state_key": "", "content": { "alias": "#tea:far.test" } },
    ]);
    for _ in 0..2 {
        world.transaction(0, &events);
        world.settle();
    }
    let outside = world.outside.borrow();
    let told: Vec<&str> =
        outside.messages.iter().filter(|it| it.room == "app:alice").map(|it| it.text.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("`@bob:far.test` invites you to the Matrix room "), "{told:?}");
    assert!(told[0].contains("`/federation join !tea far.test`"), "{told:?}");
    assert!(!told[0].contains("@all") && !told[0].contains('\n'), "{told:?}");
    assert!(outside.homeserver.left.is_empty());
    assert!(!outside.homeserver.joined.contains(&("!tea".to_owned(), ALICE.to_owned())));
}

#[test]
fn dm_what_cannot_be_honoured_is_declined_with_a_reason() {
    type Change = fn(&World, &mut Vec<Value>);
    let cases: [(&str, &str, Change); 6] = [
        ("@rc_nobody:hs.test", "no such person", |_, _| {}),
        ("@rocketchat:hs.test", "belongs to the bridge", |_, _| {}),
        (ALICE, "switched off", |world, _| {
            world.outside.borrow_mut().users.get_mut("alice").unwrap().active = false;
        }),
        (ALICE, "cannot read encrypted rooms", |_, events| {
            let encryption = json!({ "type": "m.room.encryption", "state_key": "", "content": {} });
            events[0]["unsigned"]["invite_room_state"] = json!([encryption]);
        }),
        (ALICE, "cannot read encrypted rooms", |world, _| {
            world.outside.borrow_mut().homeserver.encrypted.insert(THEIRS.to_owned());
        }),
        (ALICE, "has room for 8 people, and here are 12", |world, _| {
            for n in 0..10 {
                let place = (THEIRS.to_owned(), format!("@u{n}:far.test"));
                world.outside.borrow_mut().homeserver.joined.insert(place);
            }
        }),
    ];
    for (guest, expected, change) in cases {
        for is_direct in [true, false] {
            let world = started();
            let mut events = opened(&world, THEIRS, BOB, &[guest], is_direct);
            change(&world, &mut events);
            world.transaction(0, &events);
            world.settle();
            let outside = world.outside.borrow();
            let left = &outside.homeserver.left;
            // Whether a room is encrypted or large is seen only from within.
            let is_seen_later = expected.contains("12") || !outside.homeserver.encrypted.is_empty();
            if is_seen_later && !is_direct {
                assert!(left.is_empty() && outside.told.len() == 1, "{expected}: {left:?}");
                continue;
            }
            assert!(
                matches!(&left[..], [(_, who, why)] if who == guest && why.contains(expected)),
                "{left:?}"
            );
            let said = outside.homeserver.sent.iter().filter(|it| it.body.contains(expected)).count();
            assert_eq!(said, usize::from(is_seen_later), "{expected}");
            assert!(outside.directs.is_empty());
        }
    }
}

#[test]
fn dm_one_that_rocketchat_does_not_open_is_declined() {
    let world = started();
    world.outside.borrow_mut().refuse_directs = true;
    world.transaction(0, &opened(&world, THEIRS, BOB, &[ALICE], true));
    world.settle();
    let left = world.outside.borrow().homeserver.left.clone();
    assert!(
        matches!(&left[..], [(_, _, why)] if why.contains("could not be opened on Rocket.Chat")),
        "{left:?}"
    );
}

#[test]
fn dm_the_homeserver_hears_who_exists() {
    let world = started();
    world.outside.borrow_mut().users.get_mut("carol").unwrap().active = false;
    let token = world.homeserver_token();
    for (mxid, status) in
        [(ALICE, 200), (CAROL, 404), ("@rc_nobody:hs.test", 404), ("@rocketchat:hs.test", 404)]
    {
        let uri = format!("/_matrix/app/v1/users/{}", mxid.replace('@', "%40").replace(':', "%3A"));
        world.request(0, "GET", &uri, Some(&token), "");
        world.settle();
        assert_eq!(world.replies(0).last().unwrap().status, status, "{mxid}");
    }
    assert!(world.outside.borrow().homeserver.registered.contains(ALICE));
    assert!(!world.outside.borrow().homeserver.registered.contains(CAROL));
}

#[test]
fn dm_the_portal_of_an_ordinary_room_is_its_oldest() {
    let world = crate::conversations::bridged();
    let later = Portal { remote: "!later".to_owned(), since: i64::MAX, ..portals(&world).remove(0) };
    let matrix_federation::effect::Effect::Insert { document } = Record::Portal(later).insert() else {
        panic!()
    };
    world.outside.borrow_mut().store.push(document);
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
    assert_eq!(world.outside.borrow().homeserver.sent[0].room, crate::conversations::ROOM);
}

#[test]
fn dm_goes_on_after_a_rename_whoever_takes_the_name() {
    let world = with_bob();
    let (room, remote) = (pair(&world), portals(&world).remove(0).remote);
    world.change(Some(0), "alice", |it| it.username = "alicia".to_owned());
    let other = User { id: "id-other".to_owned(), ..person("alice") };
    world.outside.borrow_mut().users.insert("alice".to_owned(), other);
    // Rocket.Chat refuses his words, because he is not in it any more; it is opened for him again.
    world.outside.borrow_mut().members.retain(|it| *it != (room.clone(), "bob:far.test".to_owned()));
    world.transaction(0, &[said_in(&remote, BOB, "hi")]);
    world.settle();
    assert_eq!(world.shown(), ["hi"]);
    assert_eq!(world.outside.borrow().directs.len(), 1);
    // She may be invited into the same room again, and that is no other's.
    leaves(&world, &remote, ALICE);
    world.transaction(0, &opened(&world, &remote, BOB, &[ALICE], true));
    world.settle();
    assert!(world.outside.borrow().homeserver.joined.contains(&(remote, ALICE.to_owned())));
}

#[test]
fn dm_nobody_is_reached_by_the_new_name_of_who_was_renamed() {
    let world = with_bob();
    world.change(Some(0), "alice", |it| it.username = "alicia".to_owned());
    world.settle();
    let alicia = "@rc_alicia:hs.test";
    world.transaction(0, &opened(&world, THEIRS, BOB, &[alicia], true));
    world.settle();
    let left = world.outside.borrow().homeserver.left.clone();
    assert!(
        left.iter()
            .any(|(room, mxid, why)| room == THEIRS && mxid == alicia && why.contains("no such person")),
        "{left:?}"
    );
    assert!(!world.outside.borrow().homeserver.joined.contains(&(THEIRS.to_owned(), ALICE.to_owned())));
}
