//! Any bytes as an event, and any fields put into a good one and signed: whatever is read stays what it is, and nothing
//! of it is accepted in a room that knows nothing.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::{SigningKey, VerifyKey};
use matrix_federation::matrix::key_document::Known;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::receipt::{KeyId, Keys, Verdict, judge, judge_alone, read, redacted};
use matrix_federation::matrix::resolve::{Events, State};
use matrix_federation::matrix::signature::hash_and_sign;
use matrix_federation::matrix::version::RoomVersion;
use ruma_common::EventId;
use serde_json::{Value, json};

struct Everybody;

impl Keys for Everybody {
    fn key(&self, _: &KeyId, _: i64) -> Option<Known> {
        Some(VerifyKey::parse(&key().public()).map_or(Known::Unknown, Known::Key))
    }
}

struct Nothing;

impl Events for Nothing {
    type Event = Arc<Pdu>;

    fn event(&self, _: &EventId) -> Option<Self::Event> {
        None
    }
}

fn key() -> SigningKey {
    SigningKey::named("ed25519:1", &[7; 32]).expect("a good name")
}

fn check(text: &[u8], version: RoomVersion) {
    let Ok(pdu) = read(text, version, &Everybody) else { return };
    let again = read(pdu.text.as_bytes(), version, &Everybody).expect("what was read can be read");
    assert_eq!((&again.id, &again.text), (&pdu.id, &pdu.text));
    let json = Json::parse(pdu.text.as_bytes()).expect("it was read");
    let less = redacted(json.root(), version).expect("an event without content is an event");
    assert_eq!(less.id, pdu.id);
    let _ = judge_alone(&pdu, &Nothing);
    let verdict = judge(&pdu, &Nothing, &State::new(), &State::new());
    let is_create = pdu.text.contains(r#""type":"m.room.create""#);
    assert!(is_create || verdict != Ok(Verdict::Accepted));
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let version = RoomVersion::ALL[usize::from(*first) % RoomVersion::ALL.len()];
    check(bytes, version);
    let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else { return };
    let mut event = json!({
        "auth_events": [], "content": {}, "depth": 1, "origin_server_ts": 1, "prev_events": [], "room_id": "!r:a.org",
        "sender": "@a:a.org", "state_key": "@a:a.org", "type": "m.room.member",
    });
    event.as_object_mut().expect("an object").extend(fields);
    let text = event.to_string();
    let Ok(json) = Json::parse(text.as_bytes()) else { return };
    let signed = hash_and_sign(json.root(), version, "a.org", &key()).expect("it was read");
    check(signed.as_bytes(), version);
    check(signed.replace("\"content\":{", "\"content\":{\"x\":1,").as_bytes(), version);
});
