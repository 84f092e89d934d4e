//! Our own keys: drawn, sealed, opened to sign, published.
//!
//! Every instance may draw a key when it comes up; the oldest that is not retired signs, all are published. Without
//! the secret of the environment there is no key, and without a key no direct mode.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#publishing-keys>

use std::collections::BTreeMap;

use base64::Engine as _;
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::effect::{Effect, Level};
use crate::ids::key;
use crate::matrix::compose::Signer;
use crate::matrix::hash::BASE64;
use crate::matrix::key::SigningKey;
use crate::matrix::key_document::{OldKey, publish};
use crate::matrix::seal::{nonce, open, seal};
use crate::record::{self, Record, RetiredKey};
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
    Ok(vec![match drawn(view) {
        Ok(key) => Record::SigningKey(key).insert(),
        Err(why) => Effect::Log { level: Level::Error, text: format!("No signing key was made: {why}.") },
    }])
}

/// Draws a new key and retires those that sign so far, which stay published for what they signed; or says why not.
pub fn rotate(view: &View) -> Result<Result<Vec<Effect>, String>, Missing> {
    let old = signing(view)?;
    Ok(drawn(view).map(|key| {
        let retired =
            old.into_iter().map(|it| Record::RetiredKey(RetiredKey { id: it.id, at: view.now }).insert());
        // The new one first: at no time is there none.
        [Record::SigningKey(key).insert()].into_iter().chain(retired).collect()
    }))
}

fn drawn(view: &View) -> Result<record::SigningKey, String> {
    let secret = view.config.secret.as_ref().ok_or_else(no_secret)?;
    let random = Zeroizing::new(<[u8; 64]>::from(
        Sha512::new().chain_update(view.entropy).chain_update(PURPOSE).finalize(),
    ));
    let (seed, rest) = random.split_first_chunk::<32>().ok_or("too few random bytes")?;
    let nonce = rest.first_chunk::<24>().ok_or("too few random bytes")?;
    let key = SigningKey::new(seed);
    let sealed = seal(secret, PURPOSE, nonce, seed).map_err(|why| why.to_string())?;
    Ok(record::SigningKey { id: key.id().to_owned(), public: key.public(), sealed, at: view.now })
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

/// All our keys with their secrets in the open, for an export; or why they cannot be opened.
pub fn reveal(view: &View) -> Result<Result<Vec<Record>, String>, Missing> {
    let mut records = vec![];
    for kept in kept(view)? {
        let Some(secret) = view.config.secret.as_ref() else { return Ok(Err(no_secret())) };
        match open(secret, PURPOSE, &kept.sealed) {
            Ok(seed) => {
                records
                    .push(Record::SigningKey(record::SigningKey { sealed: BASE64.encode(&*seed), ..kept }));
            }
            Err(why) => return Ok(Err(format!("the signing key cannot be opened: {why}"))),
        }
    }
    records
        .extend(view.records(key::SIGNING)?.iter().filter(|it| matches!(it, Record::RetiredKey(_))).cloned());
    Ok(Ok(records))
}

/// A key with its secret in the open as it is to be kept here.
pub fn close(view: &View, revealed: &record::SigningKey) -> Result<record::SigningKey, String> {
    let secret = view.config.secret.as_ref().ok_or_else(no_secret)?;
    let seed = BASE64.decode(&revealed.sealed).map(Zeroizing::new).map_err(|_| "a signing key is damaged")?;
    let sealed =
        seal(secret, PURPOSE, &nonce(&view.entropy, &revealed.id), &seed).map_err(|why| why.to_string())?;
    Ok(record::SigningKey { sealed, ..revealed.clone() })
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::config::{Config, Mode};
    use crate::effect::Document;
    use crate::matrix::key_document::{KeyDocument, Known};
    use crate::secret::Secret;
    use crate::view::{Found, Key};

    fn view(now: i64, documents: &[Document]) -> View {
        let records = documents.iter().filter_map(|it| Record::parse(&it.body)).collect();
        View {
            now,
            entropy: [u8::try_from(now).unwrap(); 32],
            config: Config {
                mode: Mode::Direct,
                server_name: "example.org".to_owned(),
                secret: Some(Secret::new("a secret of more than 24 characters".to_owned())),
                ..Config::default()
            },
            instance: "i".to_owned(),
            started: 0,
            active: None,
            body: vec![],
            loaded: [(Key::documents(key::SIGNING), Found::Records(Rc::new(records)))].into(),
        }
    }

    fn keep(documents: &mut Vec<Document>, effects: Vec<Effect>) {
        documents.extend(effects.into_iter().map(|it| {
            let Effect::Insert { document } = it else { panic!("{it:?}") };
            document
        }));
    }

    #[test]
    fn a_new_key_signs_and_the_old_one_stays_published_for_what_it_signed() {
        let mut documents = vec![];
        let drawn = draw(&view(1, &documents)).unwrap();
        keep(&mut documents, drawn);
        assert_eq!(draw(&view(2, &documents)).unwrap(), []);
        let old = signer(&view(2, &documents)).unwrap().unwrap().key.id().to_owned();
        let rotated = rotate(&view(3, &documents)).unwrap().unwrap();
        keep(&mut documents, rotated);
        let new = signer(&view(4, &documents)).unwrap().unwrap().key.id().to_owned();
        assert_ne!(old, new);

        let text = document(&view(4, &documents)).unwrap().unwrap();
        let published = KeyDocument::read(text.as_bytes(), "example.org", 4).unwrap();
        assert!(matches!(published.at(&new, 100), Known::Key(_)));
        assert!(matches!(published.at(&old, 3), Known::Key(_)));
        assert!(matches!(published.at(&old, 4), Known::Expired));
    }

    #[test]
    fn without_a_secret_or_with_another_nothing_is_signed() {
        let mut documents = vec![];
        let bare = |documents: &[Document]| {
            let mut view = view(1, documents);
            view.config.secret = None;
            view
        };
        assert!(matches!(draw(&bare(&[])).unwrap().as_slice(), [Effect::Log { .. }]));
        let drawn = draw(&view(1, &documents)).unwrap();
        keep(&mut documents, drawn);
        assert!(signer(&bare(&documents)).unwrap().is_err());
        let mut other = view(1, &documents);
        other.config.secret = Some(Secret::new("quite another secret, as long".to_owned()));
        assert!(signer(&other).unwrap().unwrap_err().contains("another secret"));
        assert!(
            documents.iter().all(|it| !it.body.contains(&"01".repeat(16)) && !it.body.contains("AQEBAQEB"))
        );
    }
}
