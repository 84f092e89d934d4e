//! The workspace as a Matrix server: what people do, and what they and other servers see.

use std::cell::RefMut;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use matrix_federation::config::Secret;
use matrix_federation::matrix::key_document::KeyDocument;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::seal::open;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::record::{Record, RoomEvent, Standing};
use serde_json::{Value, json};

use crate::other_server::{Graph, Lie, Mood, OtherServer, Saying};
use crate::world::{SECRET, Ticket, World};

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

fn reply(ticket: &Ticket) -> (u16, Value) {
    let reply = ticket.borrow().clone().expect("an answer");
    (reply.status, serde_json::from_str(&reply.body).unwrap())
}

const VERSIONS: [RoomVersion; 3] = [RoomVersion::V10, RoomVersion::V11, RoomVersion::V12];

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
fn banned(version: RoomVersion) -> (World, String, Pdu) {
    let (world, room) = together(version);
    let invite = world.membership(&room, BOB, EVE, "invite");
    let join = world.membership(&room, EVE, EVE, "join");
    world.deliver(0, &[&invite, &join]);
    world.settle();
    let before: Vec<_> = world.graph(&room).heads.iter().cloned().collect();
    let now = world.now();
    let saying = Saying { by: EVE, kind: "m.room.message", state_key: None, content: message("venom") };
    let late = world.far().make(&room, &saying, Some(&before), now);
    // Her server keeps it back, and so it must not count there either.
    let saying = Saying {
        by: BOB,
        kind: "m.room.member",
        state_key: Some(EVE),
        content: json!({ "membership": "ban" }),
    };
    let ban = world.far().make(&room, &saying, Some(&before), now);
    world.graph(&room).heads.remove(&late.id);
    world.deliver(0, &[&ban]);
    world.settle();
    assert_eq!(world.outside.borrow().members, [("general".to_owned(), "bob:far.test".to_owned())]);
    (world, room, late)
}

#[test]
fn what_somebody_banned_says_is_neither_shown_nor_built_upon() {
    for version in VERSIONS {
        let (world, room, late) = banned(version);
        world.deliver(0, &[&late]);
        // Now one that stands behind the ban, authorised by what was before it.
        let mut event: Value = serde_json::from_str(&late.text).unwrap();
        let heads = world.graph(&room).heads.clone();
        event["prev_events"] = json!(heads);
        event["depth"] = json!(late.depth + 1);
        event["content"]["body"] = json!("more venom");
        let forged = world.far().forge(version, &event);
        world.deliver_texts(0, &[forged]);
        world.settle();
        world.say(Some(0), "general", "alice", "peace");
        world.settle();
        let standings: Vec<Standing> =
            world.standings(&room).events.into_values().filter(|it| *it != Standing::Accepted).collect();
        assert_eq!(standings.len(), 2);
        assert!(standings.contains(&Standing::SoftFailed) && standings.contains(&Standing::Rejected));
        assert_eq!(world.shown(), Vec::<String>::new());
        assert_eq!(world.heard(&room), ["peace"]);
        world.agrees(&room);
    }
}

#[test]
fn what_was_changed_on_the_way_is_not_shown() {
    let (world, room) = together(RoomVersion::V11);
    let good = world.bob_says(&room, "good");
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut event: Value = serde_json::from_str(&good.text).unwrap();
        change(&mut event);
        event.to_string()
    };
    // What is signed: the event is another one, which nobody signed.
    let another = altered(&|it| it["depth"] = json!(99));
    let forged = altered(&|it| {
        let signatures = it["signatures"][FAR].as_object_mut().unwrap();
        signatures.values_mut().for_each(|it| *it = json!("A".repeat(86)));
    });
    let unsigned = altered(&|it| it["signatures"] = json!({}));
    let answer = world.deliver_texts(0, &[another, forged, unsigned]);
    world.settle();
    let (status, body) = reply(&answer);
    assert_eq!(status, 200);
    let errors: Vec<&Value> = body["pdus"].as_object().unwrap().values().map(|it| &it["error"]).collect();
    assert!(errors.len() == 2 && errors.iter().all(|it| it.is_string()), "{body}");
    assert_eq!(world.events().len(), world.standings(&room).events.len());
    assert!(!world.standings(&room).events.contains_key(good.id.as_str()));
    // What is only hashed: the event is the same, and nothing of what it says is believed.
    let changed = altered(&|it| it["content"]["body"] = json!("poison"));
    world.deliver_texts(0, &[changed]);
    world.settle();
    assert!(!world.shown().iter().any(|it| it.contains("poison")), "{:?}", world.shown());
    assert_eq!(world.standings(&room).events.get(good.id.as_str()), Some(&Standing::Accepted));
    world.say(Some(0), "general", "alice", "on we go");
    world.settle();
    world.agrees(&room);
}

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
fn a_room_that_we_are_not_in_leaves_no_trace() {
    let (world, _) = together(RoomVersion::V11);
    let other = world.create(RoomVersion::V11, "public");
    let said = world.bob_says(&other, "hello?");
    let before = world.outside.borrow().store.clone();
    let answer = world.deliver(0, &[&said]);
    world.settle();
    assert_eq!(reply(&answer), (200, json!({ "pdus": {} })));
    assert_eq!(world.outside.borrow().store, before);
    assert_eq!(world.shown(), Vec::<String>::new());
}

#[test]
fn requests_are_only_believed_with_a_signature_that_holds() {
    let (world, room) = together(RoomVersion::V11);
    let said = world.bob_says(&room, "hello");
    let now = world.now();
    let (uri, body) = world.far().transaction(std::slice::from_ref(&said.text), now);
    let other_body = body.replace("hello", "hallo");
    let before = world.outside.borrow().store.clone();
    let right = world.far().authorization("rc.test", "PUT", &uri, Some(&body));
    let for_another = world.far().authorization("other.test", "PUT", &uri, Some(&body));
    let elsewhere = world.far().authorization("rc.test", "PUT", "/_matrix/federation/v1/send/x", Some(&body));
    let nobody = OtherServer::new("nobody.test").authorization("rc.test", "PUT", &uri, Some(&body));
    let liar = OtherServer::new("liar.test").authorization("rc.test", "PUT", &uri, Some(&body));
    let liar = liar.replace("liar.test", FAR);
    let get = world.far().authorization("rc.test", "GET", &uri, None);
    for (method, uri, authorization, body, status, code) in [
        ("PUT", &*uri, None, &*body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&*for_another), &body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&elsewhere), &body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&nobody), &body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&liar), &body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some("Bearer x"), &body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&right), &other_body, 401, "M_UNAUTHORIZED"),
        ("PUT", &uri, Some(&right), "{", 400, "M_NOT_JSON"),
        ("PUT", &uri, Some(&right), r#"{"a":1.5}"#, 400, "M_BAD_JSON"),
        ("GET", &uri, Some(&get), "", 405, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/federation/v1/dance", None, "", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/client/v3/sync", None, "", 404, "M_UNRECOGNIZED"),
        ("GET", "/", None, "", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/federation/v1/version", None, "", 200, "Rocket.Chat"),
    ] {
        let ticket = world.ask(0, method, uri, authorization.map(str::to_owned), body);
        world.settle();
        let (answered, text) = reply(&ticket);
        assert_eq!(answered, status, "{method} {uri} {authorization:?}: {text}");
        assert!(text.to_string().contains(code), "{method} {uri}: {text}");
    }
    assert_eq!(world.outside.borrow().store, before);
    let ticket = world.ask(0, "PUT", &uri, Some(right), &body);
    world.settle();
    assert_eq!(reply(&ticket).0, 200);
    assert_eq!(world.shown(), ["hello"]);
}

#[test]
fn only_our_users_can_be_invited_and_only_by_the_server_that_asks() {
    let world = strangers();
    let room = world.create(RoomVersion::V11, "invite");
    world.outside.borrow_mut().users.get_mut("carol").unwrap().active = false;
    for (user, status) in [("@nobody:rc.test", 404), (CAROL, 404), ("@x:other.test", 404), (ALICE, 200)] {
        let ticket = world.invite(0, &room, user);
        world.settle();
        assert_eq!(reply(&ticket).0, status, "{user}");
    }
    let kept =
        |world: &World| world.records().iter().filter(|it| matches!(it, Record::Invitation(_))).count();
    assert_eq!(kept(&world), 1);
    // Another event is no invitation, and an invitation is for its own path only.
    let said = world.bob_says(&room, "come in");
    let ticket = world.send_invitation(0, &room, &said);
    world.settle();
    assert_eq!(reply(&ticket).0, 400);
    assert_eq!(kept(&world), 1);
}

#[test]
fn nothing_is_believed_of_a_room_that_is_not_as_it_should_be() {
    for version in VERSIONS {
        for lie in [Lie::NotInvited, Lie::NoCreate, Lie::ForgedPower, Lie::OtherVersion] {
            let world = strangers();
            let room = world.create(version, "invite");
            world.invite(0, &room, ALICE);
            world.settle();
            world.far().lie = lie;
            world.command(0, "general", "alice", &format!("join {room}"));
            world.settle();
            let last = world.notices().pop().unwrap();
            assert!(last.contains("could not be joined"), "{lie:?}: {last}");
            assert!(world.standings(&room).heads.is_empty(), "{lie:?}");
            assert!(!world.records().iter().any(|it| matches!(it, Record::Portal(_))), "{lie:?}");
            // Whoever was lied to can still be told the truth.
            world.far().lie = Lie::None;
            world.command(0, "general", "alice", &format!("join {room}"));
            world.settle();
            world.say(Some(0), "general", "alice", "at last");
            world.settle();
            assert_eq!(world.heard(&room), ["at last"], "{lie:?}: {:?}", world.notices());
        }
    }
}

#[test]
fn a_forged_member_is_as_if_not_there() {
    let world = strangers();
    let room = world.create(RoomVersion::V11, "public");
    world.far().lie = Lie::ForgedMember;
    world.command(0, "general", "alice", &format!("join {room}"));
    world.settle();
    assert_eq!(world.outside.borrow().members, [("general".to_owned(), "bob:far.test".to_owned())]);
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
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
fn seen(world: &World) -> Vec<String> {
    let outside = world.outside.borrow();
    let mut seen: Vec<String> = outside.store.iter().map(|it| format!("{} {}", it.id, it.body)).collect();
    seen.extend(outside.log.iter().cloned());
    seen.extend(outside.notices.iter().map(|it| it.1.clone()));
    seen.extend(outside.servers.values().flat_map(|it| it.got.iter().cloned()));
    drop(outside);
    seen.extend(world.replies(0).into_iter().map(|it| it.body));
    seen
}

#[test]
fn keys_are_published_and_their_secret_is_nowhere_to_be_seen() {
    let (world, room) = together(RoomVersion::V11);
    world.say(Some(0), "general", "carol", "hello");
    let ticket = world.ask(0, "GET", "/_matrix/key/v2/server", None, "");
    let other = world.ask(0, "GET", "/_matrix/key/v2/server/ed25519%3Aany", None, "");
    world.outside.borrow_mut().users.get_mut("alice").unwrap().roles.push("admin".to_owned());
    for words in ["status", "registration", "dead", "dance"] {
        world.command(0, "general", "alice", words);
    }
    world.settle();
    assert_eq!(reply(&ticket).0, 200);
    assert_eq!(reply(&other).1["verify_keys"], reply(&ticket).1["verify_keys"]);
    let (_, document) = reply(&ticket);
    assert!(KeyDocument::read(document.to_string().as_bytes(), "rc.test", world.now()).is_ok());
    let records = world.records();
    let kept: Vec<_> = records
        .iter()
        .filter_map(|it| if let Record::SigningKey(it) = it { Some(it) } else { None })
        .collect();
    assert_eq!(kept.len(), 1);
    let seed = open(&Secret::new(SECRET.to_owned()), "signing key", &kept[0].sealed).unwrap();
    let hex: String = seed.iter().map(|it| format!("{it:02x}")).collect();
    let decimal = seed.iter().map(ToString::to_string).collect::<Vec<_>>();
    let secrets = [
        SECRET.to_owned(),
        STANDARD_NO_PAD.encode(SECRET),
        STANDARD_NO_PAD.encode(&*seed),
        URL_SAFE_NO_PAD.encode(&*seed),
        hex.to_uppercase(),
        hex,
        decimal.join(","),
        decimal.join(", "),
    ];
    let seen = seen(&world);
    assert!(seen.len() > 40 && seen.iter().any(|it| it.contains(&kept[0].sealed)));
    for text in seen {
        assert!(!secrets.iter().any(|it| text.contains(it)), "a secret in {text}");
    }
    world.agrees(&room);
}

#[test]
fn without_the_secret_all_is_refused_in_plain_words_and_no_key_is_kept() {
    for (secret, why) in [(None, "needs a secret"), (Some("too short"), "no key to sign with")] {
        let mut world = World::direct();
        world.outside.borrow_mut().servers.insert(FAR.to_owned(), OtherServer::new(FAR));
        world.outside.borrow_mut().config.secret = secret.map(|it| Secret::new(it.to_owned()));
        world.start(None);
        world.settle();
        let room = world.create(RoomVersion::V11, "public");
        let keys = world.ask(0, "GET", "/_matrix/key/v2/server", None, "");
        let invited = world.invite(0, &room, ALICE);
        world.command(0, "general", "alice", &format!("join {room}"));
        world.settle();
        assert_eq!((reply(&keys).0, reply(&invited).0), (503, 503));
        let last = world.notices().pop().unwrap();
        assert!(last.contains("could not be joined") && last.contains(why), "{last}");
        assert!(world.log().iter().any(|it| it.contains(why)), "{:?}", world.log());
        let kept =
            |it: &Record| matches!(it, Record::SigningKey(_) | Record::Invitation(_) | Record::Portal(_));
        assert!(!world.records().iter().any(kept));
        assert!(world.far().asked.iter().all(|it| !it.contains("_join")), "{:?}", world.far().asked);
    }
}

#[test]
fn with_another_secret_nothing_is_signed_until_the_right_one_is_back() {
    let (mut world, room) = together(RoomVersion::V11);
    world.kill(0);
    world.pass(20_000);
    world.outside.borrow_mut().config.secret =
        Some(Secret::new("quite another secret, long enough".to_owned()));
    let other = world.start(None);
    world.say(Some(other), "general", "alice", "kept");
    let until = world.now() + 60_000;
    world.until(|it| it.now() > until);
    assert_eq!(world.heard(&room), Vec::<String>::new());
    assert!(world.log().iter().any(|it| it.contains("sealed with another secret")), "{:?}", world.log());
    assert_eq!(world.records().iter().filter(|it| matches!(it, Record::SigningKey(_))).count(), 1);
    world.kill(other);
    world.outside.borrow_mut().config.secret = Some(Secret::new(SECRET.to_owned()));
    world.start(None);
    world.settle();
    assert_eq!(world.heard(&room), ["kept"]);
    world.agrees(&room);
}

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
