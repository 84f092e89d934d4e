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
    edited(Some(object), [("signatures", None), ("unsigned", None)])
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
    let hashes = object_of("sha256", &quoted(&hash::encode(&content_hash(event))));
    // The redacted event is mostly far shorter than the event, so the hash is put into that.
    let redacted = hash::signed_bytes(event, version);
    let redacted = Json::parse(redacted.as_bytes())?;
    let text = edited(Some(redacted.root()), [("hashes", Some(hashes.clone()))]);
    let signatures = object_of(signer, &object_of(key.id(), &quoted(&key.sign(text.as_bytes()))));
    let edits = [("hashes", Some(hashes)), ("signatures", Some(signatures)), ("unsigned", None)];
    Ok(edited(Some(event), edits))
}

/// An event that is hashed already, with one more signature.
pub fn sign_event(event: Value<'_>, version: RoomVersion, signer: &str, key: &SigningKey) -> String {
    let text = hash::signed_bytes(event, version);
    with_signature(event, signer, key.id(), &key.sign(text.as_bytes()))
}

fn with_signature(object: Value<'_>, signer: &str, key: &str, signature: &str) -> String {
    let all = object.get("signatures");
    let own = edited(all.and_then(|it| it.get(signer)), [(key, Some(quoted(signature)))]);
    edited(Some(object), [("signatures", Some(edited(all, [(signer, Some(own))])))])
}

fn edited<const N: usize>(object: Option<Value<'_>>, edits: [(&str, Option<String>); N]) -> String {
    let added = edits.iter().filter_map(|(_, text)| text.as_ref()).map(|it| it.len() + 32).sum::<usize>();
    let mut out = String::with_capacity(object.map_or(2, |it| it.raw().len()) + added);
    write_edited(object, &BTreeMap::from(edits), &mut out);
    out
}

fn object_of(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + 5);
    let mut object = ObjectWriter::begin(&mut out);
    object.name(name).push_str(value);
    object.end();
    out
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_text(text, &mut out);
    out
}
