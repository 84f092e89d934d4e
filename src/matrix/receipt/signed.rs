//! Who must have signed an event, and whether they have.
//!
//! Of each of them at least one signature must hold, made with a key that counted when the event was made, and none
//! may be false. Other signatures are nobody's business.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#validating-hashes-and-signatures-on-received-events>

use std::collections::BTreeSet;

use ruma_state_res::Event as _;
use thiserror::Error;

use super::key_document::Known;
use super::{Pdu, Unread, Value, hash};
use crate::matrix::name::{ServerName, server_of};
use crate::matrix::signature::signatures;

/// More signatures than this are not looked at in one server's name.
const MOST: usize = 8;

/// Who must have signed what names nobody that could have.
const NOBODY: &str = "whoever authorised it";

/// A key that something was signed with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    /// The server.
    pub server: ServerName,
    /// The key's id.
    pub key: String,
}

/// The keys that are known.
pub trait Keys {
    /// What is known of a key for something that was signed at a time, in milliseconds; nothing before anybody asked
    /// for it. A key that was asked for in vain is `Unknown`.
    fn key(&self, id: &KeyId, time: i64) -> Option<Known>;
}

/// Why an event is not believed to be its servers'.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsigned {
    /// No signature at all.
    #[error("{0} has not signed it")]
    Missing(String),
    /// Only with keys that cannot be had, or that did not count at that time.
    #[error("{0} has signed it only with keys that are not known, or did not count when it was made")]
    Key(String),
    /// A signature that does not hold.
    #[error("a signature of {0} on it does not hold")]
    Forged(String),
}

/// The servers that must have signed an event.
pub fn required_signers(event: Value<'_>, pdu: &Pdu) -> BTreeSet<String> {
    let content = |name: &str| event.get("content").and_then(|it| it.get(name));
    let text = |name: &str| content(name).and_then(Value::as_str).unwrap_or_default();
    let is_member = pdu.event_type().to_string() == "m.room.member";
    let mut signers = BTreeSet::new();
    // An invitation through an identity server is sent by another server than the one of its sender.
    let is_third_party =
        is_member && text("membership") == "invite" && content("third_party_invite").is_some();
    if !is_third_party {
        signers.insert(pdu.sender().server_name().to_string());
    }
    let restricted = pdu.version().rules().signatures.check_join_authorised_via_users_server;
    if is_member && restricted && text("membership") == "join" {
        let by = content("join_authorised_via_users_server");
        let server = |by: Value<'_>| server_of(&by.as_str()?).map(|it| it.as_str().to_owned());
        signers.extend(by.map(|by| server(by).unwrap_or_else(|| NOBODY.to_owned())));
    }
    signers
}

/// Checks the signatures of an event.
pub(super) fn check(event: Value<'_>, pdu: &Pdu, keys: &impl Keys) -> Result<(), Unread> {
    let text = hash::signed_bytes(event, pdu.version());
    let mut lacking = BTreeSet::new();
    for signer in required_signers(event, pdu) {
        match check_one(event, pdu, &text, &signer, keys) {
            Err(Unread::Lacking(keys)) => lacking.extend(keys),
            verdict => verdict?,
        }
    }
    if lacking.is_empty() { Ok(()) } else { Err(Unread::Lacking(lacking)) }
}

fn check_one(event: Value<'_>, pdu: &Pdu, text: &str, signer: &str, keys: &impl Keys) -> Result<(), Unread> {
    let drop = |why: Unsigned| Unread::Dropped(why.into());
    let missing = || drop(Unsigned::Missing(signer.to_owned()));
    let server = ServerName::parse(signer).map_err(|_| missing())?;
    let mut lacking = BTreeSet::new();
    let mut verdict = Err(missing());
    for (key, signature) in signatures(event, signer).take(MOST) {
        let id = KeyId { server: server.clone(), key };
        match keys.key(&id, pdu.at()) {
            None => {
                lacking.insert(id);
            }
            Some(Known::Key(key)) if key.verify(text.as_bytes(), &signature) => verdict = Ok(()),
            Some(Known::Key(_)) => return Err(drop(Unsigned::Forged(signer.to_owned()))),
            Some(Known::Expired | Known::Unknown) if verdict.is_err() => {
                verdict = Err(drop(Unsigned::Key(signer.to_owned())));
            }
            Some(Known::Expired | Known::Unknown) => {}
        }
    }
    if verdict.is_err() && !lacking.is_empty() { Err(Unread::Lacking(lacking)) } else { verdict }
}
