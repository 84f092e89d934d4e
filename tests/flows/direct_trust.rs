//! The workspace as a Matrix server: what it believes of others, and what it keeps to itself.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use matrix_federation::matrix::key_document::KeyDocument;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::seal::open;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::record::{Record, Standing};
use matrix_federation::secret::Secret;
use serde_json::{Value, json};

use crate::direct::{ALICE, BOB, CAROL, EVE, FAR, VERSIONS, message, reply, strangers, together};
use crate::other_server::{Lie, OtherServer, Saying};
use crate::world::{SECRET, World};

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
