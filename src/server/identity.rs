//! Our own keys: drawn, sealed, opened to sign, published.
//!
//! Every instance may draw a key when it comes up; the oldest that is not retired signs, all are published. Without
//! the secret of the environment there is no key, and without a key no direct mode.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#publishing-keys>

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

use crate::effect::{Effect, Level};
use crate::ids::key;
use crate::matrix::compose::Signer;
use crate::matrix::key::SigningKey;
use crate::matrix::key_document::{OldKey, publish};
use crate::matrix::seal::{open, seal};
use crate::record::{self, Record};
use crate::view::{Missing, View};

/// What a key is sealed for.
const PURPOSE: &str = "signing key";

/// The published document is believed for so many milliseconds: a day.
const VALID: i64 = 24 * 60 * 60 * 1000;

/// Our server's name and the key that signs.
#[derive(Debug)]
pub(super) struct Identity {
    server: String,
    key: SigningKey,
}

impl Identity {
    /// As the one who signs.
    pub(super) fn signer(&self) -> Signer<'_> {
        Signer { server: &self.server, key: &self.key }
    }
}

/// Draws a key where there is none that signs.
pub(super) fn draw(view: &View) -> Result<Vec<Effect>, Missing> {
    if !view.config.is_complete() || !signing(view)?.is_empty() {
        return Ok(vec![]);
    }
    let say = |text: String| vec![Effect::Log { level: Level::Error, text }];
    let Some(secret) = &view.config.secret else { return Ok(say(no_secret())) };
    let mut random: [u8; 64] =
        Sha512::new().chain_update(view.entropy).chain_update(PURPOSE).finalize().into();
    let (seed, nonce) = random.split_at(32);
    let (mut seed, nonce) =
        (Zeroizing::new(<[u8; 32]>::try_from(seed).unwrap_or_default()), nonce.first_chunk::<24>());
    let drawn = SigningKey::new(&seed);
    let sealed = seal(secret, PURPOSE, nonce.unwrap_or(&[0; 24]), seed.as_slice());
    seed.zeroize();
    random.zeroize();
    Ok(match sealed {
        Ok(sealed) => vec![
            Record::SigningKey(record::SigningKey {
                id: drawn.id().to_owned(),
                public: drawn.public(),
                sealed,
                at: view.now,
            })
            .insert(),
        ],
        Err(why) => say(format!("No key was made: {why}.")),
    })
}

/// The one who signs, or why there is none, in plain words.
pub(super) fn signer(view: &View) -> Result<Result<Identity, String>, Missing> {
    let signing = signing(view)?;
    let Some(kept) = signing.first() else {
        let missing = "there is no key to sign with yet".to_owned();
        return Ok(Err(if view.config.secret.is_none() { no_secret() } else { missing }));
    };
    Ok(opened(view, kept).map(|key| Identity { server: view.config.server_name.clone(), key }))
}

/// The document that publishes our keys, signed by all that sign.
pub(super) fn document(view: &View) -> Result<Result<String, String>, Missing> {
    let mut active = vec![];
    for kept in signing(view)? {
        match opened(view, &kept) {
            Ok(key) => active.push(key),
            Err(why) => return Ok(Err(why)),
        }
    }
    if active.is_empty() {
        return Ok(Err(no_secret()));
    }
    let old = retired(view)?;
    let document = publish(&view.config.server_name, &active, &old, view.now.saturating_add(VALID));
    Ok(document.map_err(|why| why.to_string()))
}

fn opened(view: &View, kept: &record::SigningKey) -> Result<SigningKey, String> {
    let secret = view.config.secret.as_ref().ok_or_else(no_secret)?;
    let seed = open(secret, PURPOSE, &kept.sealed)
        .map_err(|why| format!("the signing key cannot be opened: {why}"))?;
    let seed =
        Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| "the signing key is damaged")?);
    SigningKey::named(&kept.id, &seed).map_err(|why| why.to_string())
}

fn no_secret() -> String {
    "direct mode needs a secret in the App's environment to keep its signing key safe; set it and restart Rocket.Chat \
     (see the README)"
        .to_owned()
}

/// The keys that sign, the oldest first.
fn signing(view: &View) -> Result<Vec<record::SigningKey>, Missing> {
    let retired = retirements(view)?;
    let mut keys = kept(view)?;
    keys.retain(|it| !retired.contains_key(&it.id));
    keys.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    Ok(keys)
}

/// The keys that sign no more.
fn retired(view: &View) -> Result<Vec<OldKey>, Missing> {
    let retired = retirements(view)?;
    let keys = kept(view)?.into_iter();
    let old =
        keys.filter_map(|it| Some(OldKey { expired: *retired.get(&it.id)?, id: it.id, public: it.public }));
    Ok(old.collect())
}

fn kept(view: &View) -> Result<Vec<record::SigningKey>, Missing> {
    let records = view.records(key::SIGNING)?.iter();
    Ok(records
        .filter_map(|it| if let Record::SigningKey(it) = it { Some(it.clone()) } else { None })
        .collect())
}

/// Since when keys are retired, by their ids.
fn retirements(view: &View) -> Result<BTreeMap<String, i64>, Missing> {
    let mut retired = BTreeMap::new();
    for record in view.records(key::SIGNING)? {
        if let Record::RetiredKey(it) = record {
            let at = retired.entry(it.id.clone()).or_insert(it.at);
            *at = it.at.min(*at);
        }
    }
    Ok(retired)
}
