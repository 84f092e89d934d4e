//! The document in which a server publishes its keys, and what is believed of that of another.
//!
//! A key counts for a moment: a current one until the document runs out, and never for more than seven days after it
//! was fetched; an old one up to the moment it was retired.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#retrieving-server-keys>

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;
use thiserror::Error;

use super::json::{Json, Malformed, Value};
use super::key::{BadKey, SigningKey, VerifyKey, is_key_id};
use super::signature::{sign, signatures, signed_bytes};

/// No key is believed longer than this after it was fetched, in milliseconds: seven days.
pub const LONGEST: i64 = 7 * 24 * 60 * 60 * 1000;

/// The most bytes of a document: it is kept, and read again for every event of its server.
const MAX_BYTES: usize = 64 * 1024;

/// More keys than this are not read of one server.
const MOST: usize = 100;

/// A key of ours that signs no more: it is published as long as there are events that it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldKey {
    /// Its id.
    pub id: String,
    /// What others verify with, in base64.
    pub public: String,
    /// Since when it signs no more, in milliseconds.
    pub expired: i64,
}

/// Why a document is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadDocument {
    /// Not JSON.
    #[error("it cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Over 64 KiB.
    #[error("it is larger than {MAX_BYTES} bytes")]
    Large,
    /// Another server's.
    #[error("it is the document of another server")]
    OtherServer,
    /// A field is missing or of the wrong kind.
    #[error("it has no good '{0}'")]
    Field(&'static str),
    /// No signature of a key that it names itself.
    #[error("it is not signed with a key that it names")]
    Unsigned,
    /// A signature does not hold.
    #[error("a signature on it does not hold")]
    Forged,
}

/// The keys of a server.
#[derive(Clone, Debug)]
pub struct KeyDocument {
    /// Until when its current keys are believed, in milliseconds.
    pub valid_until: i64,
    keys: BTreeMap<String, (Rc<VerifyKey>, Option<i64>)>,
}

/// What is known of a key at a moment.
#[derive(Clone, Debug)]
pub enum Known {
    /// It counts.
    Key(Rc<VerifyKey>),
    /// It did not count then: it was retired before, or is of a later time than the document answers for.
    Expired,
    /// It is not in the document.
    Unknown,
}

/// Our own document, signed by all active keys.
pub fn publish(
    server: &str,
    active: &[SigningKey],
    old: &[OldKey],
    valid_until: i64,
) -> Result<String, Malformed> {
    let current: BTreeMap<&str, _> =
        active.iter().map(|it| (it.id(), json!({ "key": it.public() }))).collect();
    let retired: BTreeMap<&str, _> = old
        .iter()
        .map(|it| (it.id.as_str(), json!({ "key": it.public, "expired_ts": it.expired })))
        .collect();
    let mut document = json!({
        "server_name": server,
        "valid_until_ts": valid_until,
        "verify_keys": current,
        "old_verify_keys": retired,
    })
    .to_string();
    for key in active {
        let signed = sign(Json::parse(document.as_bytes())?.root(), server, key);
        document = signed;
    }
    Ok(document)
}

impl KeyDocument {
    /// Reads a server's own document, fetched at a time in milliseconds.
    pub fn read(text: &[u8], server: &str, fetched: i64) -> Result<Self, BadDocument> {
        if text.len() > MAX_BYTES {
            return Err(BadDocument::Large);
        }
        let json = Json::parse(text)?;
        Self::of(json.root(), server, fetched)
    }

    /// What is known of one of its keys for something of a time, in milliseconds.
    pub fn at(&self, key: &str, time: i64) -> Known {
        match self.keys.get(key) {
            None => Known::Unknown,
            Some((key, expired)) if time <= expired.unwrap_or(self.valid_until) => Known::Key(Rc::clone(key)),
            Some(_) => Known::Expired,
        }
    }

    fn of(document: Value<'_>, server: &str, fetched: i64) -> Result<Self, BadDocument> {
        if document.get("server_name").and_then(Value::as_str).as_deref() != Some(server) {
            return Err(BadDocument::OtherServer);
        }
        let until = document.get("valid_until_ts").and_then(Value::as_integer);
        let valid_until =
            until.ok_or(BadDocument::Field("valid_until_ts"))?.min(fetched.saturating_add(LONGEST));
        let current = document.get("verify_keys").filter(|it| it.is_object());
        let current = current.ok_or(BadDocument::Field("verify_keys"))?;
        let mut keys = BTreeMap::new();
        if let Some(old) = document.get("old_verify_keys") {
            for (id, entry) in old.entries().take(MOST) {
                let expired = entry.get("expired_ts").and_then(Value::as_integer);
                if let (Ok(key), Some(expired)) = (read_key(&id, entry), expired) {
                    keys.insert(id.into_owned(), (key, Some(expired)));
                }
            }
        }
        let mut named = BTreeMap::new();
        for (id, entry) in current.entries().take(MOST) {
            if let Ok(key) = read_key(&id, entry) {
                named.insert(id.into_owned(), key);
            }
        }
        verify(document, server, &named)?;
        keys.extend(named.into_iter().map(|(id, key)| (id, (key, None))));
        Ok(Self { valid_until, keys })
    }
}

fn read_key(id: &str, entry: Value<'_>) -> Result<Rc<VerifyKey>, BadKey> {
    let key = entry.get("key").and_then(Value::as_str).ok_or(BadKey::Encoding)?;
    if is_key_id(id) { VerifyKey::parse(&key) } else { Err(BadKey::Name) }
}

/// Whether an object is signed by one of these keys, and by none of them falsely.
fn verify(
    object: Value<'_>,
    signer: &str,
    keys: &BTreeMap<String, Rc<VerifyKey>>,
) -> Result<(), BadDocument> {
    let text = signed_bytes(object);
    let mut is_signed = false;
    for (id, signature) in signatures(object, signer) {
        let Some(key) = keys.get(&id) else { continue };
        if !key.verify(text.as_bytes(), &signature) {
            return Err(BadDocument::Forged);
        }
        is_signed = true;
    }
    if is_signed { Ok(()) } else { Err(BadDocument::Unsigned) }
}

/// Asking a notary, that is another server, for the keys of servers that cannot be reached, and answering as one.
///
/// Spec: <https://spec.matrix.org/v1.18/server-server-api/#querying-keys-through-another-server>
pub mod notary {
    use super::{
        BTreeMap, BadDocument, Json, KeyDocument, Malformed, Rc, SigningKey, Value, VerifyKey, sign,
    };
    use serde_json::json;

    /// The body of `POST /_matrix/key/v2/query` for keys of servers that must count at a time, in milliseconds.
    pub fn query<'a>(wanted: impl IntoIterator<Item = (&'a str, &'a [String])>, time: i64) -> String {
        let servers: BTreeMap<&str, BTreeMap<&str, _>> = wanted
            .into_iter()
            .map(|(server, keys)| {
                let wanted = |key| (key, json!({ "minimum_valid_until_ts": time }));
                (server, keys.iter().map(String::as_str).map(wanted).collect())
            })
            .collect();
        json!({ "server_keys": servers }).to_string()
    }

    /// The answer to such a query: the documents as their servers published them, each signed by us too.
    pub fn answer(documents: &[String], notary: &str, key: &SigningKey) -> Result<String, Malformed> {
        let mut signed = vec![];
        for document in documents {
            signed.push(sign(Json::parse(document.as_bytes())?.root(), notary, key));
        }
        Ok(format!("{{\"server_keys\":[{}]}}", signed.join(",")))
    }

    /// Reads the document of a server out of a notary's answer, fetched at a time in milliseconds. Both the notary and the server must have signed it.
    pub fn read(
        text: &[u8],
        server: &str,
        fetched: i64,
        notary: &str,
        keys: &BTreeMap<String, Rc<VerifyKey>>,
    ) -> Result<KeyDocument, BadDocument> {
        let json = Json::parse(text)?;
        let documents = json.root().get("server_keys").ok_or(BadDocument::Field("server_keys"))?;
        let is_its =
            |it: &Value<'_>| it.get("server_name").and_then(Value::as_str).as_deref() == Some(server);
        let mut found = Err(BadDocument::OtherServer);
        for document in documents.items().filter(is_its) {
            found = super::verify(document, notary, keys)
                .and_then(|()| KeyDocument::of(document, server, fetched));
            if found.is_ok() {
                break;
            }
        }
        found
    }
}
