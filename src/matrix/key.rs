//! Ed25519 keys: signing with one's own, verifying with those of others.
//!
//! A signature is believed exactly when libsodium believes it, as Synapse does: the key is a canonical encoding of a
//! point that is not of small order, the scalar is below the order, the point `R` is not of small order, and
//! `R = sB - kA` to the byte. One at a time or many together, with tables or without, the verdict is the same.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#signing-details>, RFC 8032

mod verify;

use std::fmt;

use base64::Engine as _;
use ed25519_dalek::Signer as _;
use thiserror::Error;

use super::hash::BASE64;

pub use verify::{Signed, VerifyKey, verify_all};

/// The only algorithm there is.
const ALGORITHM: &str = "ed25519:";

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadKey {
    /// Not 32 bytes in base64.
    #[error("it is not 32 bytes in base64")]
    Encoding,
    /// Not a point of the curve, or one that anybody can sign for.
    #[error("it is no point of the curve that a signature could be trusted of")]
    Weak,
    /// Not `ed25519:` and a version.
    #[error("it is not named 'ed25519:' and a version of letters, digits and underscores")]
    Name,
}

/// A key of one's own. It shows its id only, and is wiped when it is dropped.
pub struct SigningKey {
    id: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A key of these random bytes. Its version is derived from it, so that no two keys share an id: other servers
    /// refuse for good a key that took the id of another.
    pub fn new(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let version = key.verifying_key().as_bytes().first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        Self { id: format!("{ALGORITHM}{version:016x}"), key }
    }

    /// A key that already has a name.
    pub fn named(id: &str, seed: &[u8; 32]) -> Result<Self, BadKey> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        if is_key_id(id) { Ok(Self { id: id.to_owned(), key }) } else { Err(BadKey::Name) }
    }

    /// Its id, such as `ed25519:a1b2c3`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret itself, for the one who seals it.
    pub fn seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// What others verify with, in unpadded base64.
    pub fn public(&self) -> String {
        BASE64.encode(self.key.verifying_key().as_bytes())
    }

    /// The signature of a text, in unpadded base64.
    pub fn sign(&self, text: &[u8]) -> String {
        BASE64.encode(self.key.sign(text).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether a text names a key: `ed25519:` and a version.
pub fn is_key_id(id: &str) -> bool {
    id.strip_prefix(ALGORITHM).is_some_and(|version| {
        !version.is_empty()
            && id.len() <= 255
            && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
