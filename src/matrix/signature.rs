//! Signatures of objects: what is signed, and where the signatures stand.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#signing-json>

use std::collections::BTreeMap;

use super::hash::{self, content_hash};
use super::json::{Json, Malformed, ObjectWriter, Value, write_edited, write_text};
use super::key::{SigningKey, is_key_id};
use super::version::RoomVersion;

/// What the signatures of an object are of.
pub fn signed_bytes(object: Value<'_>) -> String {
    let mut text = String::with_capacity(object.raw().len());
    write_edited(Some(object), &BTreeMap::from([("signatures", None), ("unsigned", None)]), &mut text);
    text
}

/// The signatures an object bears in somebody's name: the ids of the keys, and the signatures in base64. Those by
/// unknown algorithms are passed over.
pub fn signatures<'a>(object: Value<'a>, signer: &str) -> impl Iterator<Item = (String, String)> + use<'a> {
    let own = object.get("signatures").and_then(|it| it.get(signer));
    own.into_iter().flat_map(Value::entries).filter_map(|(id, signature)| {
        is_key_id(&id).then(|| Some((id.into_owned(), signature.as_str()?.into_owned()))).flatten()
    })
}

/// An object with one more signature, canonically. Those it bears already stay.
pub fn sign(object: Value<'_>, signer: &str, key: &SigningKey) -> String {
    with_signature(object, signer, key.id(), &key.sign(signed_bytes(object).as_bytes()))
}

/// An event with its content hash and our signature, canonically; what stood in `unsigned` and under other hashes or
/// signatures is gone.
pub fn hash_and_sign(
    event: Value<'_>,
    version: RoomVersion,
    signer: &str,
    key: &SigningKey,
) -> Result<String, Malformed> {
    let mut hashes = String::with_capacity(60);
    let mut object = ObjectWriter::begin(&mut hashes);
    write_text(&hash::encode(&content_hash(event)), object.name("sha256"));
    object.end();
    let mut text = String::with_capacity(event.raw().len() + 200);
    let edits = BTreeMap::from([("hashes", Some(hashes)), ("signatures", None), ("unsigned", None)]);
    write_edited(Some(event), &edits, &mut text);
    let event = Json::parse(text.as_bytes())?;
    Ok(sign_event(event.root(), version, signer, key))
}

/// An event that is hashed already, with one more signature.
pub fn sign_event(event: Value<'_>, version: RoomVersion, signer: &str, key: &SigningKey) -> String {
    let text = hash::signed_bytes(event, version);
    with_signature(event, signer, key.id(), &key.sign(text.as_bytes()))
}

fn with_signature(object: Value<'_>, signer: &str, key: &str, signature: &str) -> String {
    let quoted = |text: &str| {
        let mut out = String::with_capacity(text.len() + 2);
        write_text(text, &mut out);
        out
    };
    let edited = |object: Option<Value<'_>>, name: &str, text: String| {
        let mut out = String::new();
        let edits = BTreeMap::from([(name, Some(text))]);
        write_edited(object, &edits, &mut out);
        out
    };
    let all = object.get("signatures");
    let own = edited(all.and_then(|it| it.get(signer)), key, quoted(signature));
    edited(Some(object), "signatures", edited(all, signer, own))
}
