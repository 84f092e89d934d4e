//! The same by ruma's crates, called as their documentation says.

use std::collections::BTreeMap;

use ruma_common::serde::Base64;
use ruma_common::{CanonicalJsonObject, room_version_rules::RoomVersionRules};
use ruma_signatures::{
    Ed25519KeyPair, PublicKeyMap, Verified, hash_and_sign_event, reference_hash, verify_event,
};

use super::kernel::KEY;

/// What stands before the seed of a key in PKCS#8.
const PKCS8: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

const RULES: RoomVersionRules = RoomVersionRules::V11;

/// A server.
#[expect(missing_debug_implementations, reason = "it holds a key of somebody else's type")]
pub struct Peer {
    name: String,
    key: Ed25519KeyPair,
    known: PublicKeyMap,
}

impl Peer {
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let document = [PKCS8.as_slice(), seed].concat();
        let version = KEY.trim_start_matches("ed25519:").to_owned();
        let key = Ed25519KeyPair::from_der(&document, version).ok()?;
        let public = Base64::new(key.public_key().to_vec());
        let known = BTreeMap::from([(name.to_owned(), BTreeMap::from([(KEY.to_owned(), public)]))]);
        Some(Self { name: name.to_owned(), key, known })
    }

    pub fn sign(&self, event: &str) -> String {
        let Ok(mut object) = serde_json::from_str::<CanonicalJsonObject>(event) else { return String::new() };
        let signed = hash_and_sign_event(&self.name, &self.key, &mut object, &RULES.redaction);
        signed.ok().and_then(|()| serde_json::to_string(&object).ok()).unwrap_or_default()
    }

    pub fn verify(&self, event: &str) -> bool {
        let Ok(object) = serde_json::from_str::<CanonicalJsonObject>(event) else { return false };
        matches!(verify_event(&self.known, &object, &RULES), Ok(Verified::All))
    }

    pub fn event_id(event: &str) -> String {
        let Ok(object) = serde_json::from_str::<CanonicalJsonObject>(event) else { return String::new() };
        reference_hash(&object, &RULES).map(|hash| format!("${hash}")).unwrap_or_default()
    }
}
