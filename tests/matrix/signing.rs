//! Hashes, ids and signatures: the specification's examples, and ruma's verdict.

use std::collections::BTreeMap;

use base64::Engine as _;
use matrix_federation::matrix::hash::BASE64;
use matrix_federation::matrix::hash::{content_hash, content_hash_holds, encode, event_id, signed_bytes};
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::{SigningKey, VerifyKey};
use matrix_federation::matrix::redact::{Without, write_redacted};
use matrix_federation::matrix::signature::{hash_and_sign, sign, signatures};
use matrix_federation::matrix::version::RoomVersion;
use proptest::prelude::*;
use ruma_common::CanonicalJsonObject;
use ruma_common::canonical_json::redact;
use serde_json::{Value, json};

use crate::arbitrary;

/// The specification's own key.
pub fn key() -> SigningKey {
    let seed = BASE64.decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").unwrap();
    SigningKey::named("ed25519:1", &seed.try_into().unwrap()).unwrap()
}

/// <https://spec.matrix.org/v1.18/appendices/#cryptographic-test-vectors>
#[test]
fn the_specifications_signed_objects() {
    assert_eq!(key().public(), "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI");
    for (object, signature) in [
        ("{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            r#"{ "one": 1, "two": "Two" }"#,
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
        ),
    ] {
        let signed = sign(Json::parse(object.as_bytes()).unwrap().root(), "domain", &key());
        let signed: Value = serde_json::from_str(&signed).unwrap();
        assert_eq!(signed["signatures"], json!({ "domain": { "ed25519:1": signature } }));
    }
}

/// <https://spec.matrix.org/v1.18/appendices/#event-signing>
#[test]
fn the_specifications_signed_events() {
    let minimal = json!({
        "room_id": "!x:domain", "sender": "@a:domain", "origin": "domain", "origin_server_ts": 1_000_000,
        "signatures": {}, "hashes": {}, "type": "X", "content": {}, "prev_events": [], "auth_events": [],
        "depth": 3, "unsigned": { "age_ts": 1_000_000 },
    });
    let redactable = json!({
        "content": { "body": "Here is the message content" }, "event_id": "$0:domain", "origin": "domain",
        "origin_server_ts": 1_000_000, "type": "m.room.message", "room_id": "!r:domain", "sender": "@u:domain",
        "signatures": {}, "unsigned": { "age_ts": 1_000_000 },
    });
    for (event, hash, signature) in [
        (
            minimal,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
        ),
        (
            redactable,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
        ),
    ] {
        let text = event.to_string();
        let json = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(encode(&content_hash(json.root())), hash);
        assert!(!content_hash_holds(json.root()));
        let signed = hash_and_sign(json.root(), RoomVersion::V6, "domain", &key()).unwrap();
        let json = Json::parse(signed.as_bytes()).unwrap();
        assert!(content_hash_holds(json.root()));
        let all: Vec<_> = signatures(json.root(), "domain").collect();
        assert_eq!(all, [("ed25519:1".to_owned(), signature.to_owned())]);
        assert!(json.root().get("unsigned").is_none());
    }
}

#[test]
fn signatures_of_others_stay() {
    let object =
        r#"{"a":1,"signatures":{"other":{"ed25519:x":"s"},"domain":{"ed25519:0":"t"}},"unsigned":{"b":2}}"#;
    let signed = sign(Json::parse(object.as_bytes()).unwrap().root(), "domain", &key());
    let signed: Value = serde_json::from_str(&signed).unwrap();
    assert_eq!(signed["signatures"]["other"]["ed25519:x"], "s");
    assert_eq!(signed["signatures"]["domain"]["ed25519:0"], "t");
    assert_eq!(signed["unsigned"]["b"], 2);
    let bare = sign(Json::parse(br#"{"a":1}"#).unwrap().root(), "domain", &key());
    let bare: Value = serde_json::from_str(&bare).unwrap();
    assert_eq!(signed["signatures"]["domain"]["ed25519:1"], bare["signatures"]["domain"]["ed25519:1"]);
}

fn object(value: &Value) -> CanonicalJsonObject {
    serde_json::from_value(value.clone()).unwrap()
}

/// What is no event is not made to look like one.
#[test]
fn content_that_is_no_object_stays() {
    let json = Json::parse(br#"{"content":"x","type":"a","x":1}"#).unwrap();
    let mut out = String::new();
    write_redacted(json.root(), RoomVersion::V11, Without::Nothing, &mut out);
    assert_eq!(out, r#"{"content":"x","type":"a"}"#);
}

proptest! {
    #[test]
    fn redactions_hashes_and_ids_are_rumas(event in arbitrary::event()) {
        let text = event.to_string();
        let json = Json::parse(text.as_bytes()).unwrap();
        for version in RoomVersion::ALL {
            let rules = version.rules();
            let mut redacted = String::new();
            write_redacted(json.root(), version, Without::Nothing, &mut redacted);
            let expected = redact(object(&event), &rules.redaction, None).unwrap();
            prop_assert_eq!(&redacted, &serde_json::to_string(&expected).unwrap());
            let id = event_id(&signed_bytes(json.root(), version));
            let hash = ruma_signatures::reference_hash(&object(&event), rules).unwrap();
            prop_assert_eq!(id, format!("${hash}"));
        }
    }

    #[test]
    fn what_we_sign_ruma_believes_until_a_byte_is_changed(event in arbitrary::event(), at in any::<prop::sample::Index>()) {
        let key = key();
        let version = RoomVersion::V11;
        let text = event.to_string();
        let signed = hash_and_sign(Json::parse(text.as_bytes()).unwrap().root(), version, "example.org", &key).unwrap();
        let json = Json::parse(signed.as_bytes()).unwrap();
        let (_, signature) = signatures(json.root(), "example.org").next().unwrap();
        let text = signed_bytes(json.root(), version);
        let theirs = VerifyKey::parse(&key.public()).unwrap();
        prop_assert!(theirs.verify(text.as_bytes(), &signature));
        let mut changed = text.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1;
        prop_assert!(!theirs.verify(&changed, &signature));

        let public = ruma_common::serde::Base64::parse(key.public()).unwrap();
        let set = BTreeMap::from([("ed25519:1".to_owned(), public)]);
        let map = BTreeMap::from([("example.org".to_owned(), set)]);
        let object: CanonicalJsonObject = serde_json::from_str(&signed).unwrap();
        // ruma asks for the signature of whoever authorised a join in events of any type.
        let authorised = event["content"].get("join_authorised_via_users_server").is_some();
        if event["type"] != "m.room.member" && !authorised {
            let verdict = ruma_signatures::verify_event(&map, &object, version.rules());
            prop_assert!(matches!(verdict, Ok(ruma_signatures::Verified::All)), "{:?}", verdict);
        }
    }
}
