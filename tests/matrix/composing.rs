//! What is made here: it passes, with us and with ruma; nothing of it can be changed; and no template of another server
//! makes us say what we do not want to.

use std::collections::BTreeMap;

use matrix_federation::matrix::compose::{Membership, Signer, Uncomposed, fill};
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::receipt::{Dropped, Unread, Verdict, read};
use matrix_federation::matrix::signature::hash_and_sign;
use matrix_federation::matrix::version::RoomVersion;
use proptest::prelude::*;
use ruma_common::{CanonicalJsonObject, OwnedRoomId, OwnedUserId};
use ruma_state_res::Event as _;
use serde_json::{Map, Value, json};

use crate::arbitrary;
use crate::room::{
    Act, Everybody, Room, act, ban, exactly, invite, join, key, kick, knock, leave, levels, message, rule,
    topic, user,
};

const PEOPLE: [&str; 4] = ["alice", "mike", "bob", "eve"];

fn versions() -> impl Strategy<Value = RoomVersion> {
    prop::sample::select(RoomVersion::ALL.to_vec())
}

fn people() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PEOPLE.to_vec())
}

/// Whatever people do in rooms; most of it is allowed to some.
fn acts() -> impl Strategy<Value = Act> {
    let rules = prop::sample::select(vec!["public", "invite", "knock", "restricted", "private"]);
    let field =
        prop::sample::select(vec!["ban", "kick", "invite", "redact", "state_default", "events_default"]);
    prop_oneof![
        people().prop_map(join),
        people().prop_map(leave),
        people().prop_map(knock),
        (people(), people()).prop_map(|(who, whom)| invite(who, whom)),
        (people(), people()).prop_map(|(who, whom)| kick(who, whom)),
        (people(), people()).prop_map(|(who, whom)| ban(who, whom)),
        people().prop_map(message),
        people().prop_map(topic),
        (people(), rules).prop_map(|(who, it)| rule(who, it)),
        (people(), field, 0..101_i64).prop_map(|(who, field, level)| levels(who, json!({ field: level }))),
        (people(), people(), 0..101_i64)
            .prop_map(|(who, whom, level)| levels(who, json!({ "users": { user(whom): level } }))),
        (people(), arbitrary::value()).prop_map(|(who, it)| act(
            who,
            "org.example",
            None,
            json!({ "any": it })
        )),
        (people(), any::<String>()).prop_map(|(who, it)| act(who, "org.example", Some(&it), json!({}))),
        (people(), arbitrary::value()).prop_map(|(who, it)| exactly(who, json!({ "users": it }))),
        people().prop_map(|who| act(who, "m.room.redaction", None, json!({ "redacts": "$x" }))),
    ]
}

fn ruma_believes(text: &str, version: RoomVersion) -> Result<(), String> {
    let keys = ["a.org", "b.org", "e.org", "m.org"].map(|it| {
        let public = ruma_common::serde::Base64::parse(key(it).public()).unwrap();
        (it.to_owned(), BTreeMap::from([("ed25519:1".to_owned(), public)]))
    });
    let event: CanonicalJsonObject = serde_json::from_str(text).unwrap();
    match ruma_signatures::verify_event(&keys.into(), &event, version.rules()) {
        Ok(ruma_signatures::Verified::All) => Ok(()),
        other => Err(format!("{other:?}: {text}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whoever does what: it is made exactly when it would be taken of another server, and then ruma believes it too.
    #[test]
    fn what_is_made_is_taken(version in versions(), acts in prop::collection::vec(acts(), 1..25)) {
        let mut room = Room::new(version);
        for act in acts {
            let verdict = room.verdict(&act);
            match room.say(&act) {
                Ok(pdu) => {
                    prop_assert_eq!(&verdict, "", "{:?}", act);
                    let again = read(pdu.text.as_bytes(), version, &Everybody).unwrap();
                    prop_assert_eq!((&again.id, &again.text), (&pdu.id, &pdu.text));
                    prop_assert_eq!(ruma_believes(&pdu.text, version), Ok(()));
                }
                Err(Uncomposed::Refused(_)) => prop_assert_ne!(verdict, ""),
                Err(Uncomposed::Lacking(lacking)) => prop_assert!(false, "{:?}", lacking),
            }
        }
    }
}

/// What a changed event may be at most: `original` is what it was made of.
///
/// Either it is nothing, or it is unsigned, or it is the same event: with the same text, as redacted, or with changes in
/// `signatures` alone, that of the sender's server still holding.
fn is_no_forgery(changed: &[u8], original: &Pdu) -> Result<(), String> {
    let Ok(found) = read(changed, original.version(), &Everybody) else { return Ok(()) };
    let bare = |text: &str| {
        let mut event: Value = serde_json::from_str(text).unwrap();
        event.as_object_mut().unwrap().remove("signatures");
        event
    };
    let redacted = {
        let json = Json::parse(original.text.as_bytes()).unwrap();
        matrix_federation::matrix::receipt::redacted(json.root(), original.version()).unwrap()
    };
    let same = bare(&found.text) == bare(&original.text) || bare(&found.text) == bare(&redacted.text);
    if found.id == original.id && same { Ok(()) } else { Err(format!("{}\n{}", original.text, found.text)) }
}

/// Each bit of an event in turn, of each kind of event and each room version.
#[test]
fn no_bit_of_an_event_can_be_changed() {
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        for act in [message("alice"), levels("alice", json!({ "invite": 7 })), invite("alice", "bob")] {
            let pdu = room.forged(&act).unwrap();
            let mut bytes = pdu.text.clone().into_bytes();
            // Every bit in one version; in the others one of each byte.
            let bits = if version == RoomVersion::V11 { 0..8_usize } else { 0..1 };
            for at in 0..bytes.len() {
                for bit in bits.clone() {
                    let bit = if bits.len() == 1 { at % 8 } else { bit };
                    bytes[at] ^= 1 << bit;
                    is_no_forgery(&bytes, &pdu).unwrap();
                    bytes[at] ^= 1 << bit;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_part_of_an_event_can_be_changed(
        version in versions(),
        act in prop::sample::select(vec![message("alice"), topic("alice"), join("alice"), rule("alice", "public")]),
        path in prop::sample::select(vec![
            "/content", "/content/body", "/content/membership", "/content/join_rule", "/content/third_party_invite",
            "/sender", "/type", "/room_id", "/state_key", "/depth", "/origin_server_ts", "/prev_events", "/auth_events",
            "/hashes", "/hashes/sha256", "/origin", "/membership", "/redacts", "/event_id", "/signatures/a.org",
            "/signatures/b.org", "/unsigned", "/anything",
        ]),
        value in arbitrary::value(),
        to_object in any::<bool>(),
    ) {
        let pdu = Room::new(version).forged(&act).unwrap();
        let mut event: Value = serde_json::from_str(&pdu.text).unwrap();
        let value = if to_object { json!({ "ed25519:1": value }) } else { value };
        let (parent, name) = path.rsplit_once('/').unwrap();
        if let Some(parent) = event.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.insert(name.to_owned(), value);
        }
        is_no_forgery(event.to_string().as_bytes(), &pdu).unwrap();
    }

    #[test]
    fn reading_anything_as_an_event_never_panics(
        version in versions(),
        event in arbitrary::event(),
        value in arbitrary::value(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = read(&bytes, version, &Everybody);
        let _ = read(value.to_string().as_bytes(), version, &Everybody);
        let text = event.to_string();
        let _ = read(text.as_bytes(), version, &Everybody);
        // Signed it is read, and judged, by any room.
        let json = Json::parse(text.as_bytes()).unwrap();
        let text = hash_and_sign(json.root(), version, "example.org", &key("example.org")).unwrap();
        match read(text.as_bytes(), version, &Everybody) {
            Ok(pdu) => {
                let room = Room::empty(version);
                prop_assert!(!matches!(room.judge(&pdu), Ok(Verdict::Accepted)));
            }
            Err(Unread::Dropped(Dropped::Bad(_) | Dropped::Unsigned(_))) => {}
            Err(Unread::Lacking(keys)) => prop_assert!(false, "{:?}", keys),
        }
    }
}

fn wanted<'a>(
    room: &'a OwnedRoomId,
    user: &'a OwnedUserId,
    membership: &'a str,
    more: &'a Map<String, Value>,
    version: RoomVersion,
) -> Membership<'a> {
    Membership { room, version, user, membership, more, at: 5 }
}

fn template(room: &str) -> Value {
    json!({
        "auth_events": ["$a"], "content": { "membership": "join" }, "depth": 7, "origin_server_ts": 3,
        "prev_events": ["$p"], "room_id": room, "sender": user("bob"), "state_key": user("bob"),
        "type": "m.room.member",
    })
}

fn filled(template: &Value, membership: &str, version: RoomVersion) -> Result<Value, String> {
    let room: OwnedRoomId = "!r:a.org".try_into().unwrap();
    let user: OwnedUserId = user("bob").try_into().unwrap();
    let more = json!({ "displayname": "Bob" });
    let wanted = wanted(&room, &user, membership, more.as_object().unwrap(), version);
    match fill(&template.to_string(), &wanted, Signer { server: "b.org", key: &key("b.org") }) {
        Ok(pdu) => Ok(serde_json::from_str(&pdu.text).unwrap()),
        Err(Uncomposed::Refused(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn of_a_template_only_the_place_is_taken() {
    for version in RoomVersion::ALL {
        let mut hostile = template("!r:a.org");
        hostile["content"] = json!({
            "membership": "join", "displayname": "Mallory", "avatar_url": "mxc://x/y", "third_party_invite": {},
            "join_authorised_via_users_server": user("alice"), "reason": "x", "is_direct": true,
        });
        for name in
            ["redacts", "event_id", "unsigned", "signatures", "hashes", "origin", "membership", "prev_state"]
        {
            hostile[name] = json!({ "x": 1 });
        }
        hostile["origin"] = json!("a.org");
        let event = filled(&hostile, "join", version).unwrap();
        let by = user("alice");
        let expected =
            json!({ "membership": "join", "displayname": "Bob", "join_authorised_via_users_server": by });
        assert_eq!(event["content"], expected);
        let mut names: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "auth_events",
                "content",
                "depth",
                "hashes",
                "origin_server_ts",
                "prev_events",
                "room_id",
                "sender",
                "signatures",
                "state_key",
                "type"
            ]
        );
        assert_eq!((&event["depth"], &event["origin_server_ts"]), (&json!(7), &json!(5)));
        assert_eq!((&event["auth_events"], &event["prev_events"]), (&json!(["$a"]), &json!(["$p"])));
        assert_eq!(event["signatures"].as_object().unwrap().len(), 1);
        assert_ne!(event["hashes"], hostile["hashes"]);

        // Nobody else authorises a leave or a knock.
        for membership in ["leave", "knock"] {
            hostile["content"]["membership"] = json!(membership);
            let event = filled(&hostile, membership, version).unwrap();
            assert_eq!(event["content"], json!({ "membership": membership, "displayname": "Bob" }));
        }
    }
}

#[test]
fn templates_of_something_else_are_refused() {
    for version in RoomVersion::ALL {
        let good = template("!r:a.org");
        assert!(filled(&good, "join", version).is_ok());
        for (path, value, why) in [
            ("/type", json!("m.room.message"), "'type'"),
            ("/type", json!(null), "'type'"),
            ("/room_id", json!("!other:a.org"), "'room_id'"),
            ("/sender", json!(user("eve")), "'sender'"),
            ("/state_key", json!(user("eve")), "'state_key'"),
            ("/state_key", json!(""), "'state_key'"),
            ("/content/membership", json!("leave"), "'membership'"),
            ("/content", json!([]), "'membership'"),
            ("/depth", json!(-1), "'depth'"),
            ("/auth_events", json!(["a"]), "'auth_events'"),
            ("/auth_events", json!(["$a"; 11].to_vec()), "'auth_events'"),
            ("/prev_events", json!(["$p"; 21].to_vec()), "'prev_events'"),
            ("/prev_events", json!([format!("${}", "p".repeat(255))]), "'prev_events'"),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(path).unwrap() = value;
            let found = filled(&bad, "join", version).unwrap_err();
            assert!(
                found.starts_with("the other server's template is no good") && found.contains(why),
                "{found}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_template_makes_us_say_what_we_do_not_want(
        version in versions(),
        path in prop::sample::select(vec![
            "", "/type", "/room_id", "/sender", "/state_key", "/content", "/content/membership",
            "/content/join_authorised_via_users_server", "/depth", "/auth_events", "/prev_events", "/hashes",
            "/signatures", "/unsigned", "/redacts", "/origin_server_ts", "/event_id",
        ]),
        value in arbitrary::value(),
    ) {
        let mut template = template("!r:a.org");
        if let Some((parent, name)) = path.rsplit_once('/') {
            let parent = template.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.insert(name.to_owned(), value);
        } else {
            template = value;
        }
        if let Ok(event) = filled(&template, "join", version) {
            let mut content = event["content"].clone();
            let by = content.as_object_mut().unwrap().remove("join_authorised_via_users_server");
            prop_assert!(by.is_none_or(|it| it.is_string()));
            prop_assert_eq!(content, json!({ "membership": "join", "displayname": "Bob" }));
            prop_assert_eq!(&event["sender"], &json!(user("bob")));
            prop_assert_eq!(&event["state_key"], &json!(user("bob")));
            prop_assert_eq!(&event["room_id"], &json!("!r:a.org"));
            prop_assert_eq!(&event["type"], &json!("m.room.member"));
            prop_assert_eq!(&event["origin_server_ts"], &json!(5));
            let signers = event["signatures"].as_object().unwrap();
            prop_assert_eq!(signers.keys().collect::<Vec<_>>(), vec!["b.org"]);
        }
    }
}

#[test]
fn what_is_not_ours_to_say_is_not_made() {
    use matrix_federation::matrix::compose::{Draft, Place, compose};
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        let sender: OwnedUserId = user("mike").try_into().unwrap();
        let make = |server: &str,
                    kind: &str,
                    state_key: Option<&str>,
                    content: &Value,
                    redacts: Option<&str>,
                    at: i64| {
            let draft = Draft { sender: &sender, kind, state_key, content, redacts, at };
            let place = Place {
                room: room.id.as_deref(),
                version,
                prev_events: &room.latest,
                depth: room.depth,
                state: &room.state,
            };
            compose(&draft, &place, &room, Signer { server, key: &key(server) })
        };
        let refused = |made: Result<Pdu, Uncomposed>| match made {
            Err(Uncomposed::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        let body = json!({ "body": "hi" });
        assert!(make("m.org", "m.room.message", None, &body, None, 1).is_ok());
        assert!(
            refused(make("b.org", "m.room.message", None, &body, None, 1))
                .contains("m.org has not signed it")
        );
        assert!(refused(make("m.org", "m.room.message", None, &json!([]), None, 1)).contains("'content'"));
        assert!(
            refused(make("m.org", "m.room.message", None, &json!({ "a": 1.5 }), None, 1))
                .contains("not an integer")
        );
        assert!(
            refused(make("m.org", "m.room.message", None, &body, None, -1)).contains("'origin_server_ts'")
        );
        let long = json!({ "body": "x".repeat(65_536) });
        assert!(refused(make("m.org", "m.room.message", None, &long, None, 1)).contains("larger than"));
        assert!(refused(make("m.org", "m.room.member", None, &body, None, 1)).contains("`state_key`"));
        let authorised = json!({ "membership": "join", "join_authorised_via_users_server": user("alice") });
        let key = user("mike");
        let join = make("m.org", "m.room.member", Some(&key), &authorised, None, 1);
        if version >= RoomVersion::V8 {
            assert!(refused(join).contains("a.org has not signed it"));
        } else {
            assert!(join.is_ok());
        }

        let redaction = make("m.org", "m.room.redaction", None, &json!({}), Some("$x"), 1).unwrap();
        let event: Value = serde_json::from_str(&redaction.text).unwrap();
        let (inside, outside) = (event["content"].get("redacts"), event.get("redacts"));
        let x = json!("$x");
        let expected = if version >= RoomVersion::V11 { (Some(&x), None) } else { (None, Some(&x)) };
        assert_eq!((inside, outside), expected);
        assert_eq!(redaction.redacts().unwrap().as_str(), "$x");
    }
}

#[test]
fn what_lacks_is_asked_for_before_anything_is_made() {
    for version in RoomVersion::ALL {
        let room = Room::new(version);
        let mut less = room.clone();
        let id = room.state_event("m.room.member", &user("mike")).unwrap().id.clone();
        less.pdus.remove(&id);
        assert_eq!(less.compose(&topic("mike")).unwrap_err(), Uncomposed::Lacking([id].into()));
        assert!(less.compose(&topic("alice")).is_ok());
    }
}
