//! Secrets at rest: sealed under a secret of the workspace's environment that its database does not hold.
//!
//! XChaCha20-Poly1305, the key derived by HKDF-SHA-256 from the secret and the purpose. What was sealed for one purpose opens
//! for no other, and a changed byte opens nothing.
//!
//! Source: RFC 8439, draft-irtf-cfrg-xchacha-03, RFC 5869

use base64::Engine as _;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::hash::BASE64;
use crate::secret::Secret;

/// A secret is at least so many bytes: less could be guessed.
const SHORTEST: usize = 24;

const SALT: &[u8] = b"chat.rocket.matrix-federation.seal.1";

/// Why nothing was sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The secret of the environment is too short.
    #[error("the secret in the App's environment is too short: it needs at least {SHORTEST} characters")]
    Short,
    /// Another secret, another purpose, or a damaged text.
    #[error("what is kept was sealed with another secret, or is damaged")]
    Other,
}

/// Seals something for a purpose. `nonce` is random and never used again.
pub fn seal(secret: &Secret, purpose: &str, nonce: &[u8; 24], plain: &[u8]) -> Result<String, SealError> {
    let sealed = cipher(secret, purpose)?
        .encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad: purpose.as_bytes() })
        .map_err(|_| SealError::Other)?;
    Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
}

/// Opens what was sealed for a purpose.
pub fn open(secret: &Secret, purpose: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let bytes = BASE64.decode(sealed).map_err(|_| SealError::Other)?;
    let (nonce, sealed) = bytes.split_first_chunk::<24>().ok_or(SealError::Other)?;
    cipher(secret, purpose)?
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: purpose.as_bytes() })
        .map(Zeroizing::new)
        .map_err(|_| SealError::Other)
}

/// A nonce for one thing among all that are sealed with the same random bytes.
pub fn nonce(entropy: &[u8; 32], what: &str) -> [u8; 24] {
    let hash = Sha256::new().chain_update(b"nonce").chain_update(entropy).chain_update(what).finalize();
    let mut nonce = [0; 24];
    for (to, from) in nonce.iter_mut().zip(hash) {
        *to = from;
    }
    nonce
}

fn cipher(secret: &Secret, purpose: &str) -> Result<XChaCha20Poly1305, SealError> {
    if secret.expose().len() < SHORTEST {
        return Err(SealError::Short);
    }
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(SALT), secret.expose().as_bytes())
        .expand(purpose.as_bytes(), key.as_mut_slice())
        .map_err(|_| SealError::Other)?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_secret_for_the_same_purpose_only() {
        let good = secret("a secret of more than 24 characters");
        let sealed = seal(&good, "signing key", &[7; 24], b"seed").unwrap();
        assert_eq!(open(&good, "signing key", &sealed).unwrap().as_slice(), b"seed");
        assert_eq!(open(&good, "token", &sealed), Err(SealError::Other));
        let other = secret("another one, of more than 24 too");
        assert_eq!(open(&other, "signing key", &sealed), Err(SealError::Other));
        assert_eq!(open(&good, "signing key", ""), Err(SealError::Other));
        assert!(!sealed.contains("seed"));
    }

    #[test]
    fn a_changed_byte_opens_nothing() {
        let good = secret("a secret of more than 24 characters");
        let sealed = BASE64.decode(seal(&good, "x", &[7; 24], b"seed").unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&good, "x", &BASE64.encode(changed)), Err(SealError::Other));
        }
    }

    #[test]
    fn a_short_secret_seals_nothing() {
        assert_eq!(seal(&secret("short"), "x", &[0; 24], b""), Err(SealError::Short));
    }

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        assert_eq!(format!("{:?}", secret("hunter2")), "Secret(…)");
    }
}
