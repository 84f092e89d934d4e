//! The checks on receipt: form, signatures, hash, and the outcomes of the rest.

use std::collections::BTreeSet;
use std::rc::Rc;

use base64::Engine as _;
use matrix_federation::matrix::hash::BASE64;
use matrix_federation::matrix::json::{Json, Malformed};
use matrix_federation::matrix::key::{SigningKey, VerifyKey};
use matrix_federation::matrix::key_document::{KeyDocument, Known, OldKey, publish};
use matrix_federation::matrix::name::ServerName;
use matrix_federation::matrix::pdu::{BadPdu, Pdu};
use matrix_federation::matrix::receipt::{
    Dropped, KeyId, Keys, Unread, Unsigned, Verdict, judge, judge_alone, read,
};
use matrix_federation::matrix::signature::{hash_and_sign, sign_event};
use matrix_federation::matrix::version::RoomVersion;
use ruma_common::OwnedEventId;
use ruma_state_res::Event as _;
use serde_json::{Value, json};

use crate::room::{
    Act, Everybody, Room, act, ban, invite, join, key, leave, levels, merge, message, restricted_join, rule,
    topic, user, version,
};

fn dropped(text: &str, version: RoomVersion) -> Result<Pdu, Dropped> {
    read(text.as_bytes(), version, &Everybody).map_err(|why| match why {
        Unread::Dropped(why) => why,
        Unread::Lacking(keys) => panic!("{keys:?}"),
    })
}

/// An event with a field changed, or without it, signed again.
fn changed(room: &Room, event: &Value, patch: &Value) -> Result<Pdu, Dropped> {
    let mut event = event.clone();
    for (name, value) in patch.as_object().unwrap() {
        event[name] = value.clone();
        if value == "absent" {
            event.as_object_mut().unwrap().remove(name);
        }
    }
    dropped(&room.sign(&event, &["a.org"]), room.version)
}

#[test]
fn an_event_has_its_fields() {
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        let event = room.forge(&topic("alice"));
        let ids = |count: usize| Value::from((0..count).map(|n| format!("${n}")).collect::<Vec<_>>());
        let text = |sigil: &str, length: usize| format!("{sigil}{}", "x".repeat(length - sigil.len()));
        let sender = |length: usize| format!("@{}:a.org", "x".repeat(length - 7));
        let own = room.id.clone().unwrap();
        for (patch, bad) in [
            (json!({}), ""),
            (json!({ "auth_events": "absent" }), "auth_events"),
            (json!({ "auth_events": "$a" }), "auth_events"),
            (json!({ "auth_events": [["$a", {}]] }), "auth_events"),
            (json!({ "auth_events": ["a"] }), "auth_events"),
            (json!({ "auth_events": [1] }), "auth_events"),
            (json!({ "auth_events": ids(10) }), ""),
            (json!({ "auth_events": ids(11) }), "auth_events"),
            (json!({ "auth_events": [text("$", 255)] }), ""),
            (json!({ "auth_events": [text("$", 256)] }), "auth_events"),
            (json!({ "prev_events": "absent" }), "prev_events"),
            (json!({ "prev_events": {} }), "prev_events"),
            (json!({ "prev_events": [null] }), "prev_events"),
            (json!({ "prev_events": ["#a"] }), "prev_events"),
            (json!({ "prev_events": ids(20) }), ""),
            (json!({ "prev_events": ids(21) }), "prev_events"),
            (json!({ "prev_events": [text("$", 256)] }), "prev_events"),
            (json!({ "content": "absent" }), "content"),
            (json!({ "content": [] }), "content"),
            (json!({ "content": "x" }), "content"),
            (json!({ "depth": "absent" }), "depth"),
            (json!({ "depth": "1" }), "depth"),
            (json!({ "depth": -1 }), "depth"),
            (json!({ "depth": 0 }), ""),
            (json!({ "depth": 9_007_199_254_740_991_i64 }), ""),
            (json!({ "origin_server_ts": "absent" }), "origin_server_ts"),
            (json!({ "origin_server_ts": "1" }), "origin_server_ts"),
            (json!({ "origin_server_ts": -1 }), "origin_server_ts"),
            (json!({ "origin_server_ts": 0 }), ""),
            (json!({ "sender": "absent" }), "sender"),
            (json!({ "sender": 1 }), "sender"),
            (json!({ "sender": "alice" }), "sender"),
            (json!({ "sender": "@alice" }), "sender"),
            (json!({ "sender": sender(255) }), ""),
            (json!({ "sender": sender(256) }), "sender"),
            (json!({ "type": "absent" }), "type"),
            (json!({ "type": 1 }), "type"),
            (json!({ "type": text("", 255) }), ""),
            (json!({ "type": text("", 256) }), "type"),
            (json!({ "type": "é".repeat(128) }), "type"),
            (json!({ "state_key": "absent" }), ""),
            (json!({ "state_key": null }), "state_key"),
            (json!({ "state_key": 1 }), "state_key"),
            (json!({ "state_key": text("", 255) }), ""),
            (json!({ "state_key": text("", 256) }), "state_key"),
            (json!({ "room_id": "absent" }), "room_id"),
            (json!({ "room_id": 1 }), "room_id"),
            (json!({ "room_id": "r" }), "room_id"),
            (json!({ "room_id": text("!", 255) }), ""),
            (json!({ "room_id": text("!", 256) }), "room_id"),
            (json!({ "room_id": own }), ""),
            (json!({ "unsigned": { "age": 1 } }), ""),
            (json!({ "event_id": "$x" }), ""),
            (json!({ "redacts": 1 }), ""),
            (json!({ "anything": [1, null] }), ""),
        ] {
            let found = changed(&room, &event, &patch);
            let expected = if bad.is_empty() { None } else { Some(bad) };
            let field = match found {
                Ok(_) => None,
                Err(Dropped::Bad(BadPdu::Field(name))) => Some(name),
                Err(other) => panic!("{version}: {patch}: {other:?}"),
            };
            assert_eq!(field, expected, "{version}: {patch}");
        }
    }
}

/// What signing would put right.
#[test]
fn an_event_bears_hashes_and_signatures() {
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        let signed: Value =
            serde_json::from_str(&room.sign(&room.forge(&topic("alice")), &["a.org"])).unwrap();
        for (name, value) in [
            ("hashes", json!(null)),
            ("hashes", json!([])),
            ("signatures", json!(null)),
            ("signatures", json!("x")),
            ("unsigned", json!([])),
            ("unsigned", json!(null)),
        ] {
            let mut event = signed.clone();
            event[name] = value;
            let found = dropped(&event.to_string(), version).unwrap_err();
            let expected = ["hashes", "signatures", "unsigned"].into_iter().find(|it| *it == name).unwrap();
            assert_eq!(found, Dropped::Bad(BadPdu::Field(expected)));
        }
        for (text, why) in [
            ("", BadPdu::Malformed(Malformed::Syntax(0))),
            ("[]", BadPdu::Field("event")),
            ("null", BadPdu::Field("event")),
            ("\"x\"", BadPdu::Field("event")),
            ("{\"depth\":1.5}", BadPdu::Malformed(Malformed::Fraction(9))),
            ("{\"depth\":9007199254740992}", BadPdu::Malformed(Malformed::Range(9))),
            ("{\"type\":\"a\",\"type\":\"b\"}", BadPdu::Malformed(Malformed::Twice(23))),
        ] {
            assert_eq!(dropped(text, version).unwrap_err(), Dropped::Bad(why), "{text}");
        }
    }
}

/// Synapse counts an empty `unsigned` into every event, and next to nothing else that stands there.
#[test]
fn an_event_has_at_most_64_kib() {
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        let sized = |size: usize| {
            let event = |body: String| {
                let act = act("alice", "m.room.message", None, json!({ "body": body }));
                room.sign(&room.forge(&act), &["a.org"])
            };
            let without = event(String::new()).len();
            let text = event("x".repeat(size - without - r#","unsigned":{}"#.len()));
            assert_eq!(text.len() + r#","unsigned":{}"#.len(), size);
            text
        };
        assert!(dropped(&sized(65_536), version).is_ok());
        assert_eq!(dropped(&sized(65_537), version).unwrap_err(), Dropped::Bad(BadPdu::Large));
        // Neither space nor `unsigned` is the event's.
        let mut event: Value = serde_json::from_str(&sized(65_536)).unwrap();
        event["unsigned"] = json!({ "prev_content": "x".repeat(1000) });
        assert!(dropped(&serde_json::to_string_pretty(&event).unwrap(), version).is_ok());
    }
}

#[test]
fn rooms_of_version_12_are_named_by_their_create_event() {
    let room = Room::new(RoomVersion::V12);
    let create = room.state_event("m.room.create", "").unwrap();
    assert_eq!(create.room.as_str()[1..], create.id.as_str()[1..]);
    assert_eq!(create.room_id(), None);
    let event = room.forge(&topic("alice"));
    let mut auth = event["auth_events"].as_array().unwrap().clone();
    auth.push(json!(create.id));
    let found = changed(&room, &event, &json!({ "auth_events": auth })).unwrap_err();
    assert_eq!(found, Dropped::Bad(BadPdu::Field("auth_events")));
    assert_eq!(room.judge(&changed(&room, &event, &json!({})).unwrap()), Ok(Verdict::Accepted));

    let create = Room::empty(RoomVersion::V12).forge(&act(
        "alice",
        "m.room.create",
        Some(""),
        json!({ "room_version": "12" }),
    ));
    assert!(changed(&room, &create, &json!({})).is_ok());
    let found = changed(&room, &create, &json!({ "room_id": "!r:a.org" })).unwrap_err();
    assert_eq!(found, Dropped::Bad(BadPdu::Field("room_id")));

    // A room is not named by an event of another kind.
    let mut room = room;
    let other = room.happens(&topic("alice"));
    let mut event = room.forge(&topic("alice"));
    event["room_id"] = json!(format!("!{}", &other.id.as_str()[1..]));
    event["auth_events"] = json!([]);
    let pdu = dropped(&room.sign(&event, &["a.org"]), room.version).unwrap();
    assert!(rejected(&room, &pdu).contains("no `m.room.create` event"));
}

/// Keys of servers: what is known of each, and what was asked for.
type KnownKey = (&'static str, &'static str, State);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Good,
    Expired,
    Unknown,
    Lacking,
}

struct SomeKeys<'a>(&'a [KnownKey]);

impl Keys for SomeKeys<'_> {
    fn key(&self, id: &KeyId, _time: i64) -> Option<Known> {
        let found = self.0.iter().find(|(server, name, _)| id.server.as_str() == *server && id.key == *name);
        match found.map_or(State::Unknown, |it| it.2) {
            State::Good => {
                Some(Known::Key(VerifyKey::parse(&second(&id.server.to_string(), &id.key).public()).unwrap()))
            }
            State::Expired => Some(Known::Expired),
            State::Unknown => Some(Known::Unknown),
            State::Lacking => None,
        }
    }
}

/// A key of a server by its name.
fn second(server: &str, name: &str) -> SigningKey {
    let mut seed = [server.as_bytes()[0]; 32];
    seed[0] = name.as_bytes()[name.len() - 1];
    SigningKey::named(name, &seed).unwrap()
}

fn signed_with(room: &Room, act: &Act, keys: &[(&str, &str)]) -> String {
    let event = room.forge(act).to_string();
    let json = Json::parse(event.as_bytes()).unwrap();
    let mut text = hash_and_sign(json.root(), room.version, "x.org", &key("x.org")).unwrap();
    for (server, name) in keys {
        let more = sign_event(
            Json::parse(text.as_bytes()).unwrap().root(),
            room.version,
            server,
            &second(server, name),
        );
        text = more;
    }
    text
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn all_who_must_have_signed() {
    use State::{Expired, Good, Lacking, Unknown};
    let lacking = |keys: &[(&str, &str)]| {
        let id = |(server, key): &(&str, &str)| KeyId {
            server: ServerName::parse(server).unwrap(),
            key: (*key).to_owned(),
        };
        Err(Unread::Lacking(keys.iter().map(id).collect::<BTreeSet<_>>()))
    };
    let missing = |server: &str| Err(Unread::Dropped(Unsigned::Missing(server.to_owned()).into()));
    let forged = |server: &str| Err(Unread::Dropped(Unsigned::Forged(server.to_owned()).into()));
    let no_key = |server: &str| Err(Unread::Dropped(Unsigned::Key(server.to_owned()).into()));
    let (one, two) = ("ed25519:1", "ed25519:2");
    let third = |signed: Value| {
        let mut act = invite("alice", "bob");
        act.content["third_party_invite"] = signed;
        act
    };
    let with = |mut act: Act, name: &str, value: Value| {
        act.content[name] = value;
        act
    };
    let bob = || restricted_join("mike", "bob");
    // What is said, which keys sign it, what is known of keys, what comes of it; all from a version on.
    let rows = vec![
        (6, topic("alice"), vec![("a.org", one)], vec![("a.org", one, Good)], Ok(())),
        (6, topic("alice"), vec![], vec![("a.org", one, Good)], missing("a.org")),
        (6, topic("alice"), vec![("b.org", one)], vec![("b.org", one, Good)], missing("a.org")),
        (6, topic("alice"), vec![("a.org", one)], vec![], no_key("a.org")),
        (6, topic("alice"), vec![("a.org", one)], vec![("a.org", one, Unknown)], no_key("a.org")),
        (6, topic("alice"), vec![("a.org", one)], vec![("a.org", one, Expired)], no_key("a.org")),
        (6, topic("alice"), vec![("a.org", one)], vec![("a.org", one, Lacking)], lacking(&[("a.org", one)])),
        // Others' signatures are nobody's business, and never asked about.
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("b.org", one)],
            vec![("a.org", one, Good), ("b.org", one, Lacking)],
            Ok(()),
        ),
        // One good one is enough …
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Lacking), ("a.org", two, Good)],
            Ok(()),
        ),
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Good), ("a.org", two, Lacking)],
            Ok(()),
        ),
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Good), ("a.org", two, Expired)],
            Ok(()),
        ),
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Unknown), ("a.org", two, Good)],
            Ok(()),
        ),
        // … and of those that lack, all are asked for.
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Lacking), ("a.org", two, Lacking)],
            lacking(&[("a.org", one), ("a.org", two)]),
        ),
        (
            6,
            topic("alice"),
            vec![("a.org", one), ("a.org", two)],
            vec![("a.org", one, Unknown), ("a.org", two, Lacking)],
            lacking(&[("a.org", two)]),
        ),
        // Whose server authorised a restricted join.
        (
            8,
            bob(),
            vec![("m.org", one), ("b.org", one)],
            vec![("m.org", one, Good), ("b.org", one, Good)],
            Ok(()),
        ),
        (8, bob(), vec![("m.org", one)], vec![("m.org", one, Good)], missing("b.org")),
        (8, bob(), vec![("b.org", one)], vec![("b.org", one, Good)], missing("m.org")),
        (8, bob(), vec![("m.org", one), ("b.org", one)], vec![("m.org", one, Good)], no_key("b.org")),
        (
            8,
            bob(),
            vec![("m.org", one), ("b.org", one)],
            vec![("m.org", one, Lacking), ("b.org", one, Lacking)],
            lacking(&[("m.org", one), ("b.org", one)]),
        ),
        // Only of joins.
        (
            8,
            with(leave("mike"), "join_authorised_via_users_server", json!(user("bob"))),
            vec![("m.org", one)],
            vec![("m.org", one, Good)],
            Ok(()),
        ),
        (
            8,
            with(topic("mike"), "join_authorised_via_users_server", json!(user("bob"))),
            vec![("m.org", one)],
            vec![("m.org", one, Good)],
            Ok(()),
        ),
        // An invitation through a third party comes from any server.
        (6, third(json!({ "signed": {} })), vec![], vec![], Ok(())),
        (6, with(third(json!({})), "membership", json!("join")), vec![], vec![], missing("a.org")),
        (6, with(topic("alice"), "third_party_invite", json!({})), vec![], vec![], missing("a.org")),
        (6, with(topic("alice"), "membership", json!("invite")), vec![], vec![], missing("a.org")),
    ];
    for number in 6..=12_u8 {
        let room = Room::new(version(number));
        for (since, act, keys, known, expected) in &rows {
            if *since <= number {
                let text = signed_with(&room, act, keys);
                let found = read(text.as_bytes(), room.version, &SomeKeys(known)).map(|_| ());
                assert_eq!(found, *expected, "version {number}: {act:?}, {keys:?}, {known:?}");
            }
        }
        // Before 8 nobody need authorise a join.
        let text = signed_with(&room, &bob(), &[("m.org", one)]);
        let found = read(text.as_bytes(), room.version, &SomeKeys(&[("m.org", one, Good)]));
        assert_eq!(found.is_ok(), number < 8);

        // A false one spoils a good one, wherever it stands; and what is of no key in reach cannot.
        for (false_one, others) in [(one, two), (two, one)] {
            let text = signed_with(&room, &topic("alice"), &[("a.org", one), ("a.org", two)]);
            let mut event: Value = serde_json::from_str(&text).unwrap();
            event["signatures"]["a.org"][false_one] = event["signatures"]["x.org"]["ed25519:1"].clone();
            for (state, expected) in
                [(Good, forged("a.org")), (Unknown, Ok(())), (Expired, Ok(())), (Lacking, Ok(()))]
            {
                let known = [("a.org", false_one, state), ("a.org", others, Good)];
                let found = read(event.to_string().as_bytes(), room.version, &SomeKeys(&known)).map(|_| ());
                assert_eq!(found, expected, "{false_one}, {state:?}");
            }
        }
    }
}

#[test]
fn no_more_than_eight_signatures_of_a_server_are_looked_at() {
    let room = Room::new(RoomVersion::V11);
    let names: Vec<String> = (0..9).map(|n| format!("ed25519:{n}")).collect();
    let keys: Vec<_> = names.iter().map(|it| ("a.org", it.as_str())).collect();
    let text = signed_with(&room, &topic("alice"), &keys);
    let good =
        |name: &'static str| read(text.as_bytes(), room.version, &SomeKeys(&[("a.org", name, State::Good)]));
    assert!(good("ed25519:7").is_ok());
    assert!(good("ed25519:8").is_err());
}

/// A key counts until its document runs out, or until it was retired, by what the event says of its time.
#[test]
fn keys_count_for_their_time() {
    struct Document(KeyDocument);
    impl Keys for Document {
        fn key(&self, id: &KeyId, time: i64) -> Option<Known> {
            Some(self.0.at(&id.key, time))
        }
    }
    let mut room = Room::new(RoomVersion::V11);
    let (current, old) = (second("a.org", "ed25519:1"), second("a.org", "ed25519:2"));
    let retired = OldKey { id: "ed25519:2".to_owned(), public: old.public(), expired: 1_000 };
    let text = publish("a.org", &[current], &[retired], 2_000).unwrap();
    let keys = Document(KeyDocument::read(text.as_bytes(), "a.org", 0).unwrap());
    for (key, at, good) in [
        ("ed25519:1", 2_000, true),
        ("ed25519:1", 2_001, false),
        ("ed25519:2", 1_000, true),
        ("ed25519:2", 1_001, false),
        ("ed25519:3", 1, false),
    ] {
        room.at = at;
        let text = signed_with(&room, &topic("alice"), &[("a.org", key)]);
        let found = read(text.as_bytes(), room.version, &keys).map(|_| ());
        let why = Unread::Dropped(Unsigned::Key("a.org".to_owned()).into());
        assert_eq!(found, if good { Ok(()) } else { Err(why) }, "{key} at {at}");
    }
}

/// What the hash does not cover is taken away, and nothing else changes.
#[test]
fn an_event_whose_hash_does_not_hold_is_redacted() {
    for number in 6..=12_u8 {
        let room = Room::new(version(number));
        for (act, kept) in [
            (message("alice"), json!({})),
            (rule("alice", "public"), json!({ "join_rule": "public" })),
            (levels("alice", json!({ "invite": 7, "notifications": { "room": 1 } })), {
                let mut levels = room.first_levels();
                if number >= 11 {
                    levels["invite"] = json!(7);
                }
                levels
            }),
        ] {
            let good = room.forged(&act).unwrap();
            let mut event: Value = serde_json::from_str(&good.text).unwrap();
            event["content"]["body"] = json!("something else");
            event["anything"] = json!(1);
            let found = dropped(&event.to_string(), room.version).unwrap();
            assert_eq!(found.id, good.id);
            assert_eq!(
                serde_json::from_str::<Value>(found.content().get()).unwrap(),
                kept,
                "version {number}"
            );
            let left: Value = serde_json::from_str(&found.text).unwrap();
            assert_eq!(left["hashes"], event["hashes"]);
            assert_eq!(left["signatures"], event["signatures"]);
            assert_eq!(left.get("anything"), None);
            assert_eq!(room.judge(&found), Ok(Verdict::Accepted));
            // It is what it was: to read it again changes nothing.
            assert_eq!(dropped(&found.text, room.version).unwrap().text, found.text);

            for hash in [json!({}), json!({ "sha256": 1 }), json!({ "sha512": "x" })] {
                let mut event: Value = serde_json::from_str(&good.text).unwrap();
                event["hashes"] = hash;
                // The hash is signed.
                let why = Dropped::Unsigned(Unsigned::Forged("a.org".to_owned()));
                assert_eq!(dropped(&event.to_string(), room.version).unwrap_err(), why);
            }
        }
    }
}

/// The key of the identity server that vouches for third parties.
fn vouching() -> SigningKey {
    SigningKey::named("ed25519:0", &[200; 32]).unwrap()
}

/// The invitation that a third party's server vouches for, with more in what it signs and signs not.
fn third_party(sender: &str, target: &str, signed: &Value, more: &Value) -> Act {
    let text = signed.to_string();
    let json = Json::parse(text.as_bytes()).unwrap();
    let signed = matrix_federation::matrix::signature::sign(json.root(), "id.org", &vouching());
    let mut invitation =
        json!({ "display_name": "B", "signed": serde_json::from_str::<Value>(&signed).unwrap() });
    merge(&mut invitation, more);
    let mut act = invite(sender, target);
    act.content["third_party_invite"] = invitation;
    act
}

#[test]
fn invitations_through_a_third_party() {
    let good = || json!({ "mxid": user("bob"), "token": "t" });
    let other = SigningKey::new(&[1; 32]).public();
    for number in 6..=12_u8 {
        for (keys, works) in [
            (json!({ "public_key": vouching().public() }), true),
            (json!({ "public_key": other, "public_keys": [{ "public_key": vouching().public() }] }), true),
            (json!({ "public_keys": [{ "public_key": other }] }), false),
            (json!({}), false),
        ] {
            let mut room = Room::new(version(number));
            room.happens(&act("mike", "m.room.third_party_invite", Some("t"), keys));
            let found = room.verdict(&third_party("mike", "bob", &good(), &json!({})));
            assert_eq!(found.is_empty(), works, "{found}");
            assert!(works || found.contains("no signature on third-party invite matches"), "{found}");
        }
        let mut room = Room::new(version(number));
        room.happens(&act(
            "mike",
            "m.room.third_party_invite",
            Some("t"),
            json!({ "public_key": vouching().public() }),
        ));
        for (sender, target, signed, more, why) in [
            ("alice", "bob", good(), json!({}), "sender of `m.room.third_party_invite`"),
            ("mike", "eve", good(), json!({}), "mxid does not match"),
            (
                "mike",
                "bob",
                json!({ "mxid": user("bob"), "token": "u" }),
                json!({}),
                "no `m.room.third_party_invite`",
            ),
            ("mike", "bob", json!({ "mxid": user("bob") }), json!({}), "missing `token`"),
            ("mike", "bob", json!({ "token": "t" }), json!({}), "missing `mxid`"),
            ("mike", "bob", good(), json!({ "signed": null }), "invalid `third_party_invite`"),
            ("mike", "bob", good(), json!({ "signed": { "x": 1 } }), "no signature on third-party"),
            ("mike", "bob", good(), json!({ "signed": { "signatures": null } }), "missing `signatures`"),
        ] {
            let found = room.verdict(&third_party(sender, target, &signed, &more));
            assert!(found.contains(why), "version {number}: {found}");
        }
        // The inviting server need not have signed.
        let event = room.forge(&third_party("mike", "bob", &good(), &json!({})));
        let pdu = dropped(&room.sign(&event, &["x.org"]), room.version).unwrap();
        assert_eq!(room.judge(&pdu), Ok(Verdict::Accepted));
        room.happens(&ban("alice", "bob"));
        assert!(room.verdict(&third_party("mike", "bob", &good(), &json!({}))).contains("banned"));
    }
}

#[test]
fn invitations_that_would_take_minutes_to_check_are_refused() {
    let of = |many: u8, at: fn(u8) -> (String, Value)| (0..many).map(at).collect::<serde_json::Map<_, _>>();
    let key = |at: u8| json!({ "public_key": SigningKey::new(&[at; 32]).public() });
    let signature = |at: u8| (format!("ed25519:{at}"), json!(SigningKey::new(&[at; 32]).sign(b"")));
    let signed = json!({ "mxid": user("bob"), "token": "t" });
    for (keys, signatures, why) in [(200, 200, "too many"), (20, 2, ""), (0, 62, "")] {
        let mut room = Room::new(version(11));
        let keys: Vec<Value> = (0..keys).map(key).collect();
        let keys = json!({ "public_key": vouching().public(), "public_keys": keys });
        room.happens(&act("mike", "m.room.third_party_invite", Some("t"), keys));
        let more = json!({ "signed": { "signatures": { "x.org": of(signatures, signature) } } });
        let found = room.verdict(&third_party("mike", "bob", &signed, &more));
        assert!(if why.is_empty() { found.is_empty() } else { found.contains(why) }, "{found}");
    }
}

/// What frees the inviting server from signing must not be taken away, nor be nothing.
#[test]
fn nobody_invites_in_anothers_name() {
    for number in 6..=12_u8 {
        let room = Room::new(version(number));
        for value in [json!(null), json!([]), json!(1), json!({}), json!({ "signed": {} })] {
            let mut act = invite("alice", "bob");
            act.content["third_party_invite"] = value;
            let event = room.forge(&act);
            let pdu = dropped(&room.sign(&event, &["x.org"]), room.version).unwrap();
            assert!(matches!(room.judge(&pdu), Ok(Verdict::Rejected(_))), "{act:?}");

            // The same with a hash that does not hold, so that it is redacted.
            let mut event: Value = serde_json::from_str(&room.sign(&event, &["x.org"])).unwrap();
            event["content"]["displayname"] = json!("x");
            match dropped(&event.to_string(), room.version) {
                Ok(pdu) => assert!(matches!(room.judge(&pdu), Ok(Verdict::Rejected(_))), "{act:?}"),
                Err(why) => assert_eq!(why, Dropped::Unsigned(Unsigned::Missing("a.org".to_owned()))),
            }
        }
    }
}

fn rejected(room: &Room, pdu: &Pdu) -> String {
    match room.judge(pdu) {
        Ok(Verdict::Rejected(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_names_the_authority_that_it_needs() {
    for number in 6..=12_u8 {
        let mut room = Room::new(version(number));
        let event = room.forge(&topic("mike"));
        let named = event["auth_events"].as_array().unwrap().clone();
        let id = |kind: &str, key: &str| json!(room.state_event(kind, key).unwrap().id);
        let with = |more: Value| {
            let mut named = named.clone();
            named.push(more);
            json!({ "auth_events": named })
        };
        let without =
            |id: &Value| json!({ "auth_events": named.iter().filter(|it| *it != id).collect::<Vec<_>>() });
        let judged = |patch: &Value| {
            rejected(&room, &{
                let mut event = event.clone();
                merge(&mut event, patch);
                dropped(&room.sign(&event, &["m.org"]), room.version).unwrap()
            })
        };
        for (patch, why) in [
            (with(named[0].clone()), "duplicate auth event"),
            (with(id("m.room.join_rules", "")), "unexpected auth event"),
            (with(id("m.room.member", &user("alice"))), "unexpected auth event"),
            (without(&id("m.room.member", &user("mike"))), "membership is not `join`"),
            (without(&id("m.room.power_levels", "")), "enough power"),
            (
                json!({ "auth_events": [] }),
                if number < 12 { "no `m.room.create`" } else { "membership is not" },
            ),
        ] {
            let found = judged(&patch);
            assert!(found.contains(why), "version {number}: {patch}: {found}");
        }
        if number < 12 {
            let found = judged(&without(&id("m.room.create", "")));
            assert!(found.contains("no `m.room.create`"), "{found}");
        }

        // Of another room.
        let mut other = Room::empty(room.version);
        if number < 12 {
            other.id = Some("!other:a.org".try_into().unwrap());
        }
        other.at = 1;
        let mut content = json!({ "room_version": number.to_string() });
        if number < 11 {
            content["creator"] = json!(user("alice"));
        }
        other.happens(&act("alice", "m.room.create", Some(""), content));
        let foreign = other.happens(&join("alice"));
        room.pdus.extend(other.pdus);
        let mut event = room.forge(&topic("alice"));
        let own = json!(room.state_event("m.room.member", &user("alice")).unwrap().id);
        for it in event["auth_events"].as_array_mut().unwrap() {
            if *it == own {
                *it = json!(foreign.id);
            }
        }
        let pdu = dropped(&room.sign(&event, &["a.org"]), room.version).unwrap();
        assert!(rejected(&room, &pdu).contains("not in the same room"));

        // Something that is no state.
        let mut room = Room::new(version(number));
        let said = room.happens(&message("mike"));
        let mut event = room.forge(&topic("mike"));
        event["auth_events"].as_array_mut().unwrap().push(json!(said.id));
        let pdu = dropped(&room.sign(&event, &["m.org"]), room.version).unwrap();
        assert!(rejected(&room, &pdu).contains("has no `state_key`"));

        // Rejected itself.
        for (kind, key) in [
            ("m.room.member", user("mike")),
            ("m.room.power_levels", String::new()),
            ("m.room.create", String::new()),
        ] {
            let mut room = room.clone();
            let id = room.state_event(kind, &key).unwrap().id.clone();
            let mut bad = Pdu::clone(&room.pdus[&id]);
            bad.rejected = true;
            room.pdus.insert(id, Rc::new(bad));
            let pdu = room.forged(&topic("mike")).unwrap();
            assert!(rejected(&room, &pdu).contains("rejected "), "{kind}");
            let alone = judge_alone(&pdu, &room);
            assert!(matches!(alone, Ok(Verdict::Rejected(_))));
        }
    }
}

#[test]
fn there_are_four_outcomes() {
    for number in 6..=12_u8 {
        let room = Room::new(version(number));
        let pdu = room.forged(&topic("mike")).unwrap();
        let mut later = room.clone();
        later.happens(&ban("alice", "mike"));
        let soft = "the room does not allow it any more: sender's membership is not `join`";
        assert_eq!(judge(&pdu, &later, &room.state, &room.state), Ok(Verdict::Accepted));
        assert_eq!(judge(&pdu, &later, &room.state, &later.state), Ok(Verdict::SoftFailed(soft.to_owned())));
        let hard = "the state before it does not allow it: sender's membership is not `join`";
        for current in [&room.state, &later.state] {
            assert_eq!(judge(&pdu, &later, &later.state, current), Ok(Verdict::Rejected(hard.to_owned())));
        }
        // By what it names itself it is good.
        assert_eq!(judge_alone(&pdu, &later), Ok(Verdict::Accepted));
        let pdu = later.forged(&topic("mike")).unwrap();
        let own = "the events it names do not allow it: sender's membership is not `join`";
        assert_eq!(judge(&pdu, &later, &room.state, &room.state), Ok(Verdict::Rejected(own.to_owned())));
        assert_eq!(judge_alone(&pdu, &later), Ok(Verdict::Rejected(own.to_owned())));
    }
}

/// Without an event that was asked for there is no verdict, and what was not asked for changes none.
#[test]
fn what_is_not_at_hand_is_asked_for() {
    for number in 6..=12_u8 {
        let mut room = Room::new(version(number));
        if number >= 8 {
            room.happens(&rule("alice", "restricted"));
        }
        room.happens(&invite("mike", "bob"));
        let mut before = room.clone();
        before.happens(&join("bob"));
        before.happens(&levels("alice", json!({ "ban": 60 })));
        let mut acts = vec![
            topic("mike"),
            message("eve"),
            ban("mike", "bob"),
            join("bob"),
            levels("mike", json!({ "ban": 70 })),
        ];
        if number >= 8 {
            acts.push(restricted_join("eve", "mike"));
        }
        for act in acts {
            let pdu = room.forged(&act).unwrap();
            before.asked.borrow_mut().clear();
            let verdict = judge(&pdu, &before, &room.state, &before.state).unwrap();
            let asked = before.asked.borrow().clone();
            let all: Vec<OwnedEventId> = before.pdus.keys().cloned().collect();
            for id in all {
                let mut less = before.clone();
                less.pdus.remove(&id);
                match judge(&pdu, &less, &room.state, &before.state) {
                    Ok(found) => assert_eq!(found, verdict, "without {id}: {act:?}"),
                    Err(lacking) => assert!(lacking.0.contains(&id) && lacking.0.len() == 1, "{act:?}"),
                }
                assert_eq!(judge(&pdu, &less, &room.state, &before.state).is_err(), asked.contains(&id));
            }
        }
    }
}

/// Padding and stray bits of base64 are read as Synapse reads them.
#[test]
fn hashes_are_read_leniently() {
    let room = Room::new(RoomVersion::V11);
    let text = room.sign(&room.forge(&message("alice")), &["a.org"]);
    let mut event: Value = serde_json::from_str(&text).unwrap();
    let hash = event["hashes"]["sha256"].as_str().unwrap().to_owned();
    for other in [format!("{hash}="), hash.clone(), BASE64.encode([0; 32])] {
        event["hashes"]["sha256"] = json!(other);
        let again = event.to_string();
        let again =
            sign_event(Json::parse(again.as_bytes()).unwrap().root(), room.version, "a.org", &key("a.org"));
        let pdu = dropped(&again, room.version).unwrap();
        assert_eq!(pdu.content().get() != "{}", BASE64.decode(&other) == BASE64.decode(&hash));
    }
}
