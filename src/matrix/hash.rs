//! An event's two hashes: that of its content, and that of what a redaction leaves, which is its id.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#calculating-the-content-hash-for-an-event>,
//! <https://spec.matrix.org/v1.18/server-server-api/#calculating-the-reference-hash-for-an-event>

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD, URL_SAFE_NO_PAD,
};
use sha2::{Digest as _, Sha256};

use super::json::{ObjectWriter, Value};
use super::redact::{Without, write_redacted};
use super::version::RoomVersion;

/// Base64 as Matrix reads it: with or without padding.
pub const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The hash of all that an event says: `hashes.sha256`.
pub fn content_hash(event: Value<'_>) -> [u8; 32] {
    let mut text = String::with_capacity(event.raw().len());
    let mut object = ObjectWriter::begin(&mut text);
    for (name, value) in event.entries() {
        if !matches!(name.as_ref(), "hashes" | "signatures" | "unsigned") {
            value.write(object.name(&name));
        }
    }
    object.end();
    Sha256::digest(text).into()
}

/// Whether the hash an event bears is that of its content. It is not when somebody redacted it, or lied.
pub fn content_hash_holds(event: Value<'_>) -> bool {
    let borne = event.get("hashes").and_then(|it| it.get("sha256")).and_then(Value::as_str);
    borne.and_then(|it| BASE64.decode(it.as_bytes()).ok()).is_some_and(|it| it == content_hash(event))
}

/// The bytes that servers sign, and that the event's id is the hash of.
pub fn signed_bytes(event: Value<'_>, version: RoomVersion) -> String {
    let mut text = String::with_capacity(event.raw().len());
    write_redacted(event, version, Without::Signatures, &mut text);
    text
}

/// The id of the event that has these signed bytes, with its sigil.
pub fn event_id(signed_bytes: &str) -> String {
    let mut id = String::with_capacity(44);
    id.push('$');
    URL_SAFE_NO_PAD.encode_string(Sha256::digest(signed_bytes), &mut id);
    id
}

/// A hash as it stands in an event.
pub fn encode(hash: &[u8; 32]) -> String {
    STANDARD_NO_PAD.encode(hash)
}
