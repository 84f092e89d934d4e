//! The workspace as a Matrix server: what people do, and what they and other servers see.

use std::cell::RefMut;
use std::collections::{BTreeMap, BTreeSet};

use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::record::{Record, RoomEvent, Standing};
use serde_json::{Value, json};

use crate::other_server::{Graph, Mood, OtherServer, Saying};
use crate::world::{Ticket, World};

pub const FAR: &str = "far.test";
pub const BOB: &str = "@bob:far.test";
pub const EVE: &str = "@eve:far.test";
pub const ALICE: &str = "@alice:rc.test";
pub const CAROL: &str = "@carol:rc.test";

/// Our workspace and another server, which have not met.
pub fn strangers() -> World {
    let mut world = World::direct();
    world.outside.borrow_mut().servers.insert(FAR.to_owned(), OtherServer::new(FAR));
    world.start(None);
    world.settle();
    world
}

/// Alice was invited by Bob, and joined.
pub fn together(version: RoomVersion) -> (World, String) {
    let world = strangers();
    let room = world.create(version, "invite");
    world.invite(0, &room, ALICE);
    world.settle();
    world.command(0, "general", "alice", &format!("join {room}"));
    world.settle();
    (world, room)
}

/// How a room stands with us: all that can be told from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standings {
    pub events: BTreeMap<String, Standing>,
    pub heads: BTreeMap<String, BTreeSet<(String, String, String)>>,
}

pub fn message(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

impl World {
    pub fn far(&self) -> RefMut<'_, OtherServer> {
        RefMut::map(self.outside.borrow_mut(), |it| it.servers.get_mut(FAR).unwrap())
    }

    pub fn now(&self) -> i64 {
        self.outside.borrow().now
    }

    pub fn graph(&self, room: &str) -> RefMut<'_, Graph> {
        RefMut::map(self.far(), |it| it.rooms.get_mut(room).unwrap())
    }

    pub fn create(&self, version: RoomVersion, join_rule: &str) -> String {
        let now = self.now();
        self.far().create(version, BOB, join_rule, now)
    }

    /// Something happens in a room of the other server, and we do not hear of it yet.
    pub fn happens(&self, room: &str, by: &str, kind: &str, state_key: Option<&str>, content: Value) -> Pdu {
        let now = self.now();
        self.far().make(room, &Saying { by, kind, state_key, content }, None, now)
    }

    /// Bob says something, and we do not hear of it yet.
    pub fn bob_says(&self, room: &str, text: &str) -> Pdu {
        self.happens(room, BOB, "m.room.message", None, message(text))
    }

    pub fn membership(&self, room: &str, by: &str, whose: &str, membership: &str) -> Pdu {
        self.happens(room, by, "m.room.member", Some(whose), json!({ "membership": membership }))
    }

    /// The other server sends us events.
    pub fn deliver(&self, index: usize, pdus: &[&Pdu]) -> Ticket {
        self.deliver_texts(index, &pdus.iter().map(|it| it.text.clone()).collect::<Vec<_>>())
    }

    pub fn deliver_texts(&self, index: usize, pdus: &[String]) -> Ticket {
        let now = self.now();
        let (uri, body) = self.far().transaction(pdus, now);
        self.ask_as_far(index, "PUT", &uri, Some(&body))
    }

    /// The other server asks something of us.
    pub fn ask_as_far(&self, index: usize, method: &str, uri: &str, body: Option<&str>) -> Ticket {
        let authorization = self.far().authorization("rc.test", method, uri, body);
        self.ask(index, method, uri, Some(authorization), body.unwrap_or_default())
    }

    /// Bob invites one of our users.
    pub fn invite(&self, index: usize, room: &str, user: &str) -> Ticket {
        let pdu = self.membership(room, BOB, user, "invite");
        self.send_invitation(index, room, &pdu)
    }

    pub fn send_invitation(&self, index: usize, room: &str, pdu: &Pdu) -> Ticket {
        let version = self.graph(room).version;
        let uri = matrix_federation::effect::Call::path(&[room, pdu.id.as_str()]);
        let uri = format!("/_matrix/federation/v2/invite/{uri}");
        let body = format!(r#"{{"room_version":"{version}","event":{},"invite_room_state":[]}}"#, pdu.text);
        self.ask_as_far(index, "PUT", &uri, Some(&body))
    }

    /// What was heard at the other server of what we say.
    pub fn heard(&self, room: &str) -> Vec<String> {
        self.graph(room).heard("rc.test")
    }

    pub fn events(&self) -> Vec<RoomEvent> {
        let mut events: BTreeMap<String, RoomEvent> = BTreeMap::new();
        for record in self.records() {
            if let Record::Event(event) = record {
                events.insert(event.id.clone(), *event);
            }
        }
        events.into_values().collect()
    }

    /// How the room stands with us.
    pub fn standings(&self, room: &str) -> Standings {
        let records = self.records();
        let events = self.events().into_iter().filter(|it| it.room == room);
        let snapshot = |wanted: &str| {
            let found = records.iter().find_map(|it| match it {
                Record::Snapshot(it) if it.id == wanted => Some(it.entries.iter().cloned().collect()),
                _ => None,
            });
            found.expect("the snapshot of a head")
        };
        let heads = records.iter().filter_map(|it| match it {
            Record::Head(it) if it.room == room => Some((it.event.clone(), snapshot(&it.after))),
            _ => None,
        });
        Standings { events: events.map(|it| (it.id, it.standing)).collect(), heads: heads.collect() }
    }

    pub fn notices(&self) -> Vec<String> {
        self.outside.borrow().notices.iter().map(|it| it.1.clone()).collect()
    }

    pub fn log(&self) -> Vec<String> {
        self.outside.borrow().log.clone()
    }

    /// Nothing is left to be done, both sides hold the same room, and nobody complains.
    #[track_caller]
    pub fn agrees(&self, room: &str) {
        let ours: BTreeSet<String> = self.standings(room).heads.into_keys().collect();
        let theirs: BTreeSet<String> = self.graph(room).heads.iter().map(ToString::to_string).collect();
        assert_eq!(ours, theirs, "the room's latest events: {:#?}", self.log());
        assert_eq!(self.far().complaints, Vec::<String>::new());
        let left: Vec<Record> = self
            .records()
            .into_iter()
            .filter(|it| matches!(it, Record::Entry(_) | Record::Retry(_) | Record::Dead(_)))
            .collect();
        assert_eq!(left, vec![]);
    }
}

pub fn reply(ticket: &Ticket) -> (u16, Value) {
    let reply = ticket.borrow().clone().expect("an answer");
    (reply.status, serde_json::from_str(&reply.body).unwrap())
}

pub const VERSIONS: [RoomVersion; 3] = [RoomVersion::V10, RoomVersion::V11, RoomVersion::V12];

#[test]
fn people_meet_and_talk_both_ways() {
    for version in VERSIONS {
        let world = strangers();
        let room = world.create(version, "invite");
        let invited = world.invite(0, &room, ALICE);
        world.settle();
        let (status, body) = reply(&invited);
        assert_eq!(status, 200, "{body}");
        assert!(body["event"]["signatures"]["rc.test"].is_object(), "{body}");
        world.command(0, "general", "alice", &format!("join {room}"));
        world.settle();
        assert!(
            world.notices().last().unwrap().contains("What is said here reaches Matrix"),
            "{:?}",
            world.notices()
        );
        assert_eq!(world.graph(&room).membership(ALICE).as_deref(), Some("join"));
        assert_eq!(world.outside.borrow().members, [("general".to_owned(), "bob:far.test".to_owned())]);
        world.say(Some(0), "general", "alice", "hello *Matrix*");
        world.settle();
        let answer = world.bob_says(&room, "hello Rocket.Chat");
        world.deliver(0, &[&answer]);
        world.settle();
        world.say(Some(0), "general", "alice", "how are you?");
        world.settle();
        assert_eq!(world.heard(&room), ["hello **Matrix**", "how are you?"]);
        assert_eq!(world.shown(), ["hello Rocket.Chat"]);
        world.agrees(&room);
    }
}

#[test]
fn a_public_room_is_joined_by_its_alias_or_by_way_of_a_server() {
    for version in VERSIONS {
        for by_alias in [true, false] {
            let world = strangers();
            let room = world.create(version, "public");
            world.far().aliases.insert("#tea:far.test".to_owned(), room.clone());
            let wanted = if by_alias { "#tea:far.test".to_owned() } else { format!("{room} {FAR}") };
            world.command(0, "general", "alice", &format!("join {wanted}"));
            world.settle();
            world.say(Some(0), "general", "alice", "hello");
            world.settle();
            assert_eq!(world.heard(&room), ["hello"]);
            world.agrees(&room);
        }
    }
}

#[test]
fn who_speaks_is_brought_into_the_room_first() {
    for (version, rule) in VERSIONS.into_iter().flat_map(|it| [(it, "invite"), (it, "public")]) {
        let world = strangers();
        let room = world.create(version, rule);
        world.invite(0, &room, ALICE);
        world.settle();
        world.command(0, "general", "alice", &format!("join {room}"));
        world.settle();
        for text in ["one", "two"] {
            world.say(Some(0), "general", "carol", text);
            world.settle();
        }
        assert_eq!(world.graph(&room).membership(CAROL).as_deref(), Some("join"));
        assert_eq!(world.heard(&room), ["one", "two"]);
        world.agrees(&room);
    }
}

#[test]
fn a_fork_is_merged_by_what_is_said_next() {
    let (world, room) = together(RoomVersion::V11);
    let before: Vec<_> = world.graph(&room).heads.iter().cloned().collect();
    let now = world.now();
    let saying = |text| Saying { by: BOB, kind: "m.room.message", state_key: None, content: message(text) };
    let left = world.far().make(&room, &saying("left"), Some(&before), now);
    let right = world.far().make(&room, &saying("right"), Some(&before), now + 1);
    world.deliver(0, &[&left, &right]);
    world.settle();
    assert_eq!(world.standings(&room).heads.len(), 2);
    world.say(Some(0), "general", "alice", "both");
    world.settle();
    let merge = world.graph(&room).timeline.last().cloned().unwrap();
    let follows: Value = serde_json::from_str(&merge.text).unwrap();
    let follows: BTreeSet<String> = serde_json::from_value(follows["prev_events"].clone()).unwrap();
    assert_eq!(follows, BTreeSet::from([left.id.to_string(), right.id.to_string()]));
    assert_eq!(world.shown(), ["left", "right"]);
    world.agrees(&room);
}

#[test]
fn a_fork_of_the_state_comes_out_alike_on_both_sides() {
    for version in VERSIONS {
        let (world, room) = together(version);
        let before: Vec<_> = world.graph(&room).heads.iter().cloned().collect();
        let now = world.now();
        let topic = |text: &str| Saying {
            by: BOB,
            kind: "m.room.topic",
            state_key: Some(""),
            content: json!({ "topic": text }),
        };
        let left = world.far().make(&room, &topic("tea"), Some(&before), now);
        let right = world.far().make(&room, &topic("coffee"), Some(&before), now + 1);
        world.deliver(0, &[&right]);
        world.deliver(0, &[&left]);
        world.settle();
        world.say(Some(0), "general", "alice", "well?");
        world.settle();
        world.agrees(&room);
        let theirs = world.graph(&room).current();
        let theirs: BTreeSet<(String, String, String)> =
            theirs.into_iter().map(|((kind, key), id)| (kind.to_string(), key, id.to_string())).collect();
        assert_eq!(world.standings(&room).heads.into_values().collect::<Vec<_>>(), [theirs]);
    }
}

/// Eve is in the room, and is banned; she said something before that nobody has heard of.
#[test]
fn what_comes_again_changes_nothing_and_what_comes_early_comes_again() {
    let (world, room) = together(RoomVersion::V12);
    let (one, two) = (world.bob_says(&room, "one"), world.bob_says(&room, "two"));
    for _ in 0..2 {
        world.deliver(0, &[&two, &one]);
        world.settle();
    }
    for _ in 0..3 {
        world.deliver(0, &[&one, &two]);
        world.settle();
    }
    assert_eq!(world.shown(), ["one", "two"]);
    world.agrees(&room);
}

#[test]
fn a_server_that_is_down_is_not_asked_again_and_again() {
    for (mood, why) in [(Mood::Down, "cannot be reached"), (Mood::Failing, "answered 500")] {
        let world = strangers();
        let room = world.create(RoomVersion::V11, "public");
        // The same server three times over: named, by the invitation, and by the room's id.
        world.invite(0, &room, ALICE);
        world.settle();
        world.far().mood = mood;
        world.far().asked.clear();
        world.command(0, "general", "alice", &format!("join {room} {FAR}"));
        world.settle();
        let last = world.notices().pop().unwrap();
        assert!(last.contains("could not be joined") && last.contains(why), "{last}");
        let asked = world.far().asked.iter().filter(|it| it.contains("make_join")).count();
        assert_eq!(asked, 4, "once, and three times again");
    }
}

#[test]
fn another_server_of_the_room_is_asked_where_one_is_down() {
    let world = strangers();
    let room = world.create(RoomVersion::V12, "public");
    world.command(0, "general", "alice", &format!("join {room} gone.test {FAR}"));
    world.settle();
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
    assert_eq!(world.heard(&room), ["hello"]);
    // It went down between the template and the join: the one that made the template is asked again.
    let room = world.create(RoomVersion::V12, "public");
    world.command(0, "random", "alice", &format!("join {room} gone.test {FAR}"));
    world.until(|it| it.far().asked.last().unwrap().contains("make_join"));
    world.far().mood = Mood::Failing;
    world.until(|it| it.far().asked.iter().filter(|it| it.contains("send_join")).count() == 3);
    world.far().mood = Mood::Well;
    world.settle();
    world.say(Some(0), "random", "alice", "hello again");
    world.settle();
    assert_eq!(world.heard(&room), ["hello again"], "{:?}", world.notices());
    world.agrees(&room);
}

#[test]
fn what_is_said_while_a_slow_server_answers_the_join_is_not_lost() {
    let world = strangers();
    let room = world.create(RoomVersion::V11, "public");
    world.outside.borrow_mut().requests_arrive_at_once = true;
    world.far().takes = 55_000;
    world.command(0, "general", "alice", &format!("join {room}"));
    world.until(|it| it.graph(&room).membership(ALICE).is_some());
    // The other server has her in the room, and goes on; its answer is still to come.
    let meanwhile = world.bob_says(&room, "welcome!");
    world.deliver(0, &[&meanwhile]);
    world.settle();
    world.far().takes = 0;
    let later = world.bob_says(&room, "are you there?");
    world.deliver(0, &[&later]);
    world.settle();
    world.say(Some(0), "general", "alice", "now I am");
    world.settle();
    assert_eq!(world.shown(), ["welcome!", "are you there?"]);
    world.agrees(&room);
}

#[test]
fn an_outage_delays_what_is_said_and_loses_nothing() {
    for mood in [Mood::Down, Mood::Failing] {
        let (world, room) = together(RoomVersion::V11);
        world.far().mood = mood;
        for n in 0..3 {
            world.say(Some(0), "general", "alice", &format!("{n}"));
        }
        let until = world.now() + 120_000;
        world.until(|it| it.now() >= until);
        assert_eq!(world.heard(&room), Vec::<String>::new());
        world.far().mood = Mood::Well;
        world.settle();
        assert_eq!(world.heard(&room), ["0", "1", "2"]);
        world.agrees(&room);
    }
}

#[test]
fn keys_of_other_servers_are_fetched_once() {
    let (world, room) = together(RoomVersion::V11);
    // A day later they have run out.
    world.pass(30 * 3_600_000);
    world.far().asked.clear();
    for n in 0..5 {
        let said = world.bob_says(&room, &format!("{n}"));
        world.deliver(0, &[&said]);
        world.settle();
    }
    assert_eq!(world.shown().len(), 5);
    let fetched = world.far().asked.iter().filter(|it| it.contains("/key/v2/server")).count();
    assert_eq!(fetched, 1, "{:?}", world.far().asked);
}

/// Wherever something of ours can be seen: the store, the log, notices, answers, and what is sent.
#[test]
fn two_instances_are_one_server() {
    let mut world = World::direct();
    world.outside.borrow_mut().servers.insert(FAR.to_owned(), OtherServer::new(FAR));
    // Both come up at once, and each draws a key.
    let (one, two) = (world.start(None), world.start(None));
    world.settle();
    let room = world.create(RoomVersion::V12, "invite");
    for (index, user) in [(one, ALICE), (two, CAROL)] {
        let ticket = world.invite(index, &room, user);
        world.settle();
        assert_eq!(reply(&ticket).0, 200);
    }
    let keys = [one, two].map(|it| world.ask(it, "GET", "/_matrix/key/v2/server", None, ""));
    world.settle();
    let [first, second] = keys.map(|it| reply(&it).1["verify_keys"].clone());
    assert_eq!(first, second);
    world.command(two, "general", "alice", &format!("join {room}"));
    world.settle();
    for (index, text) in [(one, "one"), (two, "two"), (one, "three")] {
        world.say(Some(index), "general", "carol", text);
        world.settle();
        let said = world.bob_says(&room, text);
        world.deliver(index, &[&said]);
        for index in [one, two] {
            world.submit(index, matrix_federation::input::Input::Tick);
        }
        world.settle();
    }
    assert_eq!(world.heard(&room), ["one", "two", "three"]);
    assert_eq!(world.shown(), ["one", "two", "three"]);
    world.agrees(&room);
}

#[test]
fn whoever_has_to_be_brought_in_is_invited_once() {
    let (world, room) = together(RoomVersion::V11);
    world.say(Some(0), "general", "carol", "hello");
    world.settle();
    let dave = crate::world::person("dave");
    world.outside.borrow_mut().users.insert("dave".to_owned(), dave);
    world.say(Some(0), "general", "dave", "hello too");
    world.settle();
    let invitations = world.graph(&room).timeline.iter().filter(|it| it.text.contains("\"invite\"")).count();
    // The room's rule, Alice by Bob, Carol and Dave by Alice.
    assert_eq!(invitations, 4);
    assert_eq!(world.heard(&room), ["hello", "hello too"]);
    world.agrees(&room);
}
