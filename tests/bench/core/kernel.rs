//! Signing, verifying and hashing of events, from text to text.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;

use crate::matrix::hash::{BASE64, content_hash, content_hash_holds, encode, event_id, signed_bytes};
use crate::matrix::json::{Json, Value};
use crate::matrix::key::{Signed, SigningKey, VerifyKey, verify_all};
use crate::matrix::key_document::Known;
use crate::matrix::name::{ServerName, server_of};
use crate::matrix::receipt::{KeyId, Keys, read};
use crate::matrix::signature::{hash_and_sign, signatures};
use crate::matrix::version::RoomVersion;

/// The room version of everything that is measured.
pub const VERSION: RoomVersion = RoomVersion::V11;

/// The key id of every server.
pub const KEY: &str = "ed25519:1";

/// A server: its own key, and those of others that it knows.
#[derive(Debug)]
pub struct Kernel {
    name: String,
    key: SigningKey,
    known: BTreeMap<String, Rc<VerifyKey>>,
    publics: BTreeMap<String, [u8; 32]>,
}

impl Keys for Kernel {
    fn key(&self, id: &KeyId, _time: i64) -> Option<Known> {
        self.known.get(id.server.as_str()).cloned().map(Known::Key)
    }
}

impl Kernel {
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let key = SigningKey::named(KEY, seed).ok()?;
        let public = key.public();
        let mut kernel =
            Self { name: name.to_owned(), key, known: BTreeMap::new(), publics: BTreeMap::new() };
        kernel.learn(name, &public)?;
        Some(kernel)
    }

    /// Takes over the public key of a server.
    pub fn learn(&mut self, server: &str, public: &str) -> Option<()> {
        self.known.insert(server.to_owned(), VerifyKey::parse(public).ok()?);
        self.publics.insert(server.to_owned(), BASE64.decode(public).ok()?.try_into().ok()?);
        Some(())
    }

    pub fn public(&self) -> String {
        self.key.public()
    }

    /// Reads an event, hashes its content, signs it, and writes it.
    pub fn sign(&self, event: &str) -> String {
        let signed = |json: Json<'_>| hash_and_sign(json.root(), VERSION, &self.name, &self.key);
        Json::parse(event.as_bytes()).and_then(signed).unwrap_or_default()
    }

    /// Reads an event and checks its server's signature and the hash of its content.
    pub fn verify(&self, event: &str) -> bool {
        let Ok(json) = Json::parse(event.as_bytes()) else { return false };
        let text = signed_bytes(json.root(), VERSION);
        Self::signature(json.root()).is_some_and(|(server, signature)| {
            let key = self.known.get(server.as_str());
            key.is_some_and(|key| key.verify(text.as_bytes(), &signature)) && content_hash_holds(json.root())
        })
    }

    /// The same by a key that was never seen before.
    pub fn verify_by_new_key(&self, event: &str) -> bool {
        let Ok(json) = Json::parse(event.as_bytes()) else { return false };
        let text = signed_bytes(json.root(), VERSION);
        Self::signature(json.root()).is_some_and(|(server, signature)| {
            let key = self.publics.get(server.as_str()).and_then(|it| VerifyKey::new(*it).ok());
            key.is_some_and(|key| key.verify(text.as_bytes(), &signature)) && content_hash_holds(json.root())
        })
    }

    /// The first three checks on receipt: the form of all fields, the id, all signatures, the hash.
    pub fn receive(&self, event: &str) -> bool {
        read(event.as_bytes(), VERSION, self).is_ok()
    }

    /// How many of these events, a line each, have a good signature and a good hash.
    pub fn verify_many(&self, events: &[u8]) -> usize {
        let read: Vec<_> = events.split(|it| *it == b'\n').filter_map(|it| Json::parse(it).ok()).collect();
        let parts: Vec<_> = read
            .iter()
            .filter_map(|json| {
                let (server, signature) = Self::signature(json.root())?;
                let key = self.known.get(server.as_str())?;
                Some((json.root(), signed_bytes(json.root(), VERSION), key, signature))
            })
            .collect();
        let signed: Vec<_> = parts
            .iter()
            .map(|(_, text, key, signature)| Signed { text: text.as_bytes(), signature, key })
            .collect();
        let verdicts = verify_all(&signed);
        parts.iter().zip(verdicts).filter(|((event, ..), good)| *good && content_hash_holds(*event)).count()
    }

    pub fn content_hash(event: &str) -> String {
        Json::parse(event.as_bytes()).map(|json| encode(&content_hash(json.root()))).unwrap_or_default()
    }

    pub fn event_id(event: &str) -> String {
        let id = |json: Json<'_>| event_id(&signed_bytes(json.root(), VERSION));
        Json::parse(event.as_bytes()).map(id).unwrap_or_default()
    }

    /// The server of the sender, and its signature.
    fn signature(event: Value<'_>) -> Option<(ServerName, String)> {
        let server = server_of(&event.get("sender")?.as_str()?)?;
        let (_, signature) = signatures(event, server.as_str()).find(|(id, _)| id == KEY)?;
        Some((server, signature))
    }
}
