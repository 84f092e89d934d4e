//! Signatures that are hard to judge, and the documents in which keys are published.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::{Signed, SigningKey, VerifyKey, verify_all};
use matrix_federation::matrix::key_document::{
    BadDocument, KeyDocument, Known, LONGEST, OldKey, notary, publish,
};
use matrix_federation::matrix::signature::sign;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::signing::key;

/// A signature over `text` by the secret scalar `a` of the key `public`, with a torsion point added to `R`.
fn sign_with(a: &Scalar, public: &[u8; 32], r: &Scalar, twist: &EdwardsPoint, text: &[u8]) -> [u8; 64] {
    let big_r = (ED25519_BASEPOINT_POINT * r + twist).compress().to_bytes();
    let k = Sha512::new().chain_update(big_r).chain_update(public).chain_update(text).finalize();
    let s = r + Scalar::from_bytes_mod_order_wide(&k.into()) * a;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&big_r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

/// The order of the curve's large subgroup, to be added to a scalar.
fn plus_order(scalar: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    scalar
        .iter()
        .zip(ORDER)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(b) + carry;
            carry = sum >> 8;
            u8::try_from(sum & 0xff).unwrap()
        })
        .collect()
}

/// Encodings of points that are hard to judge: of small order, not canonical, not on the curve.
fn odd_points() -> Vec<[u8; 32]> {
    let mut points: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|it| it.compress().to_bytes()).collect();
    for low in [0xec_u8, 0xed, 0xee, 0xef, 0xff] {
        for sign in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            bytes[31] = sign;
            points.push(bytes);
        }
    }
    for (low, high) in [(1, 0x80), (2, 0), (0, 0x80)] {
        let mut bytes = [0; 32];
        bytes[0] = low;
        bytes[31] = high;
        points.push(bytes);
    }
    points
}

/// Every pairing of odd keys, odd points and odd scalars, and of keys with a part of small order.
fn hard_cases() -> Vec<([u8; 32], Vec<u8>, [u8; 64])> {
    let mut cases = vec![];
    let (a, r) = (Scalar::from(123_456_789_u64), Scalar::from(987_654_321_u64));
    let mut keys = odd_points();
    keys.extend(EIGHT_TORSION.iter().map(|it| (ED25519_BASEPOINT_POINT * a + it).compress().to_bytes()));
    for public in keys {
        for text in 0..4_u8 {
            for twist in EIGHT_TORSION {
                cases.push((public, vec![text], sign_with(&a, &public, &r, &twist, &[text])));
                cases.push((
                    public,
                    vec![text],
                    sign_with(&Scalar::ZERO, &public, &Scalar::ZERO, &twist, &[text]),
                ));
            }
            for point in odd_points() {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&point);
                cases.push((public, vec![text], signature));
            }
            let mut high = sign_with(&a, &public, &r, &EdwardsPoint::identity(), &[text]);
            let more = plus_order(&high[32..]);
            high[32..].copy_from_slice(&more);
            cases.push((public, vec![text], high));
        }
    }
    cases
}

/// What libsodium says, and with it Synapse; ed25519-dalek's strict verdict says it too, but for canonical keys.
fn strict_verdict(public: &[u8; 32], text: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(public) else { return false };
    let is_canonical = key.to_edwards().compress().to_bytes() == *public;
    is_canonical && key.verify_strict(text, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

#[test]
fn the_verdict_on_hard_cases_is_the_strict_one_alone_and_together() {
    let cases = hard_cases();
    let expected: Vec<bool> =
        cases.iter().map(|(public, text, it)| strict_verdict(public, text, it)).collect();
    let good = expected.iter().filter(|it| **it).count();
    assert!(good > 0 && good < cases.len() / 2, "{good} of {}", cases.len());

    let fresh = |public: &[u8; 32]| VerifyKey::new(*public).ok();
    let alone: Vec<bool> = cases
        .iter()
        .map(|(public, text, it)| fresh(public).is_some_and(|key| key.verify(text, &BASE64.encode(it))))
        .collect();
    assert_eq!(alone, expected);

    // Known keys come with their tables after a few uses; four rounds make sure of them.
    for _ in 0..4 {
        let readable: Vec<_> = cases
            .iter()
            .zip(&expected)
            .filter_map(|((public, text, it), expected)| {
                let key = VerifyKey::parse(&BASE64.encode(public)).ok()?;
                Some((key, text, BASE64.encode(it), *expected))
            })
            .collect();
        let all: Vec<Signed<'_>> =
            readable.iter().map(|(key, text, it, _)| Signed { text, signature: it, key }).collect();
        assert_eq!(verify_all(&all), readable.iter().map(|it| it.3).collect::<Vec<bool>>());
    }
    let unreadable = cases.iter().zip(&expected).filter(|((public, ..), _)| fresh(public).is_none());
    assert!(unreadable.clone().count() > 100);
    assert!(unreadable.clone().all(|(_, expected)| !expected));
}

proptest! {
    #[test]
    fn together_and_alone_and_dalek_say_the_same(
        seeds in prop::collection::vec(any::<[u8; 32]>(), 1..5),
        choices in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 9]>(), 0..4_u8, any::<[u8; 64]>()), 1..40)
    ) {
        let keys: Vec<SigningKey> = seeds.iter().map(SigningKey::new).collect();
        let signed: Vec<_> = choices.iter().map(|(choice, text, what, noise)| {
            let key = choice.get(&keys);
            let mut signature = BASE64.decode(key.sign(text)).unwrap();
            match what {
                0 => signature[usize::from(noise[0]) % 64] ^= 1 << (noise[1] % 8),
                1 => signature.copy_from_slice(noise),
                _ => {}
            }
            let public: [u8; 32] = BASE64.decode(key.public()).unwrap().try_into().unwrap();
            let dalek = strict_verdict(&public, text, signature.as_slice().try_into().unwrap());
            (VerifyKey::parse(&key.public()).unwrap(), text, BASE64.encode(signature), dalek)
        }).collect();
        let all: Vec<Signed<'_>> = signed.iter().map(|(key, text, it, _)| Signed { text: *text, signature: it, key }).collect();
        let expected: Vec<bool> = signed.iter().map(|it| it.3).collect();
        prop_assert_eq!(verify_all(&all), expected.clone());
        prop_assert_eq!(all.iter().map(|it| it.key.verify(it.text, it.signature)).collect::<Vec<bool>>(), expected);
    }

    #[test]
    fn reading_documents_never_panics(value in crate::arbitrary::value(), text in any::<String>()) {
        let _ = KeyDocument::read(text.as_bytes(), "s", 0);
        let _ = KeyDocument::read(value.to_string().as_bytes(), "s", 0);
        let document = json!({ "server_name": "s", "valid_until_ts": 1, "verify_keys": value.clone(),
            "old_verify_keys": value.clone(), "signatures": { "s": value } });
        let _ = KeyDocument::read(document.to_string().as_bytes(), "s", 0);
    }
}

#[test]
fn keys_are_named_after_themselves_and_show_no_secret() {
    let (one, other) = (SigningKey::new(&[1; 32]), SigningKey::new(&[2; 32]));
    assert_ne!(one.id(), other.id());
    assert_eq!(one.id(), SigningKey::new(&[1; 32]).id());
    let shown = format!("{one:?}");
    assert!(
        shown.contains(one.id()) && !shown.contains("[1, 1") && !shown.contains(&BASE64.encode([1; 32])),
        "{shown}"
    );
    // What others verify with is no secret.
    let known = VerifyKey::parse(&one.public()).unwrap();
    assert_eq!(format!("{known:?}"), format!("VerifyKey(\"{}\")", one.public()));
    for bad in ["ed25519:", "ed25519:a b", "ed25519:a:b", "rsa:1", "", "ed25519:é"] {
        assert!(SigningKey::named(bad, &[1; 32]).is_err(), "{bad}");
    }
    for bad in
        ["", "!!!", "AAAA", &BASE64.encode([0; 32]), &BASE64.encode([255; 32]), &BASE64.encode([1; 33])]
    {
        assert!(VerifyKey::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn our_document_is_signed_by_all_active_keys_and_tells_old_ones() {
    let (one, two) = (SigningKey::new(&[1; 32]), SigningKey::new(&[2; 32]));
    let old =
        OldKey { id: "ed25519:old".to_owned(), public: SigningKey::new(&[3; 32]).public(), expired: 500 };
    let (id, other) = (one.id().to_owned(), two.id().to_owned());
    let text = publish("s", &[one, two], &[old], 10_000).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["signatures"]["s"].as_object().unwrap().len(), 2);

    let read = KeyDocument::read(text.as_bytes(), "s", 0).unwrap();
    assert_eq!(read.valid_until, 10_000);
    for (key, time, counts) in [
        (id.as_str(), 10_000, Some(true)),
        (&id, 10_001, Some(false)),
        (&other, 0, Some(true)),
        ("ed25519:old", 500, Some(true)),
        ("ed25519:old", 501, Some(false)),
        ("ed25519:none", 0, None),
    ] {
        let known = match read.at(key, time) {
            Known::Key(_) => Some(true),
            Known::Expired => Some(false),
            Known::Unknown => None,
        };
        assert_eq!(known, counts, "{key} at {time}");
    }
}

#[test]
fn no_key_counts_longer_than_a_week_after_it_was_fetched() {
    assert_eq!(LONGEST, 604_800_000);
    let text = publish("s", &[key()], &[], i64::from(u32::MAX) * 1_000).unwrap();
    assert_eq!(KeyDocument::read(text.as_bytes(), "s", 1_000).unwrap().valid_until, 1_000 + LONGEST);
}

#[test]
fn documents_that_are_not_the_servers_own_are_not_believed() {
    let good = publish("s", &[key()], &[], 10).unwrap();
    let edited = |edit: fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&good).unwrap();
        edit(&mut value);
        KeyDocument::read(value.to_string().as_bytes(), "s", 0).unwrap_err()
    };
    assert_eq!(KeyDocument::read(good.as_bytes(), "t", 0).unwrap_err(), BadDocument::OtherServer);
    assert_eq!(edited(|it| it["valid_until_ts"] = json!(11)), BadDocument::Forged);
    assert_eq!(edited(|it| it["signatures"] = json!({})), BadDocument::Unsigned);
    assert_eq!(edited(|it| it["signatures"]["s"] = json!({ "ed25519:x": "AAAA" })), BadDocument::Unsigned);
    assert_eq!(edited(|it| it["valid_until_ts"] = json!("x")), BadDocument::Field("valid_until_ts"));
    assert_eq!(edited(|it| it["verify_keys"] = json!([])), BadDocument::Field("verify_keys"));
    assert_eq!(
        edited(|it| it["verify_keys"]["ed25519:1"]["key"] = json!(BASE64.encode([0; 32]))),
        BadDocument::Unsigned
    );
    let other = format!("{{\"key\":\"{}\"}}", SigningKey::new(&[9; 32]).public());
    let mut value: Value = serde_json::from_str(&good).unwrap();
    value["verify_keys"]["ed25519:1"] = serde_json::from_str(&other).unwrap();
    assert_eq!(KeyDocument::read(value.to_string().as_bytes(), "s", 0).unwrap_err(), BadDocument::Forged);
}

#[test]
fn a_notary_answers_with_what_it_was_asked_and_both_must_have_signed() {
    let notarys = SigningKey::new(&[5; 32]);
    let document = publish("s", &[key()], &[], 10).unwrap();
    let answer = notary::answer(&[document], "notary", &notarys).unwrap();
    let keys = BTreeMap::from([(notarys.id().to_owned(), VerifyKey::parse(&notarys.public()).unwrap())]);
    let none = BTreeMap::new();
    let read = |text: &str, server, keys| notary::read(text.as_bytes(), server, 0, "notary", keys);
    assert_eq!(read(&answer, "s", &keys).unwrap().valid_until, 10);
    assert_eq!(read(&answer, "t", &keys).unwrap_err(), BadDocument::OtherServer);
    assert_eq!(read(&answer, "s", &none).unwrap_err(), BadDocument::Unsigned);
    assert_eq!(read("{}", "s", &keys).unwrap_err(), BadDocument::Field("server_keys"));

    // A notary cannot make up a key for somebody.
    let forged = json!({ "server_name": "s", "valid_until_ts": 10, "verify_keys": { "ed25519:1": { "key": notarys.public() } } });
    let forged = forged.to_string();
    let forged = sign(Json::parse(forged.as_bytes()).unwrap().root(), "notary", &notarys);
    assert_eq!(
        read(&format!("{{\"server_keys\":[{forged}]}}"), "s", &keys).unwrap_err(),
        BadDocument::Unsigned
    );

    let wanted = ["ed25519:1".to_owned()];
    let query: Value = serde_json::from_str(&notary::query([("s", wanted.as_slice())], 7)).unwrap();
    assert_eq!(query, json!({ "server_keys": { "s": { "ed25519:1": { "minimum_valid_until_ts": 7 } } } }));
}

#[test]
fn a_document_that_is_too_large_is_not_read() {
    use matrix_federation::matrix::key::SigningKey;
    use matrix_federation::matrix::key_document::{BadDocument, KeyDocument, publish};
    let text = publish("a.org", &[SigningKey::new(&[1; 32])], &[], 9).unwrap();
    let read = |length: usize| {
        KeyDocument::read((text.clone() + &" ".repeat(length - text.len())).as_bytes(), "a.org", 0)
    };
    assert!(read(64 * 1024).is_ok());
    assert_eq!(read(64 * 1024 + 1).unwrap_err(), BadDocument::Large);
}
