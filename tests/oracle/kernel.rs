//! The protocol kernel as a program: a line of JSON in, a line of JSON out, so that anything can be asked of it.
//!
//! It remembers the key documents and events that it was shown; an answer is what the kernel says, or `{"error": …}`.
//! What was signed or hashed by others comes and goes as text within the JSON, byte for byte.
//!
//! `echo '{"do":"key-document","server":"a.org","seed":"c2VlZA…","until":0}' | cargo run --quiet --example kernel`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, Write as _};
use std::rc::Rc;

use base64::Engine as _;
use matrix_federation::matrix::compose::{self, Draft, Membership, Place, Signer};
use matrix_federation::matrix::hash::BASE64;
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::SigningKey;
use matrix_federation::matrix::key_document::{KeyDocument, Known, notary, publish};
use matrix_federation::matrix::name::ServerName;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::receipt::{self, KeyId, Keys, Lacking, Unread, Verdict};
use matrix_federation::matrix::resolve::{Events, State, Unresolved, resolve};
use matrix_federation::matrix::signature::hash_and_sign;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::matrix::x_matrix::{XMatrix, signed_bytes};
use ruma_common::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What can be asked for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Ask {
    /// Reads and remembers a server's key document.
    Keys { server: String, document: String, at: i64 },
    /// The body of a query for keys, to a notary.
    NotaryQuery { server: String, key: String, at: i64 },
    /// Reads a server's key document out of the answer of a notary whose own document is remembered.
    NotaryAnswer { server: String, notary: String, answer: String, at: i64 },
    /// Reads and remembers an event: form, signatures, hash.
    Read { version: RoomVersion, event: String },
    /// Judges a remembered event; if it is rejected, that is remembered too.
    Judge { event: OwnedEventId, before: Entries, current: Entries },
    /// Judges a remembered event by nothing but the events it names.
    JudgeAlone { event: OwnedEventId },
    /// The one state that follows from several.
    Resolve { version: RoomVersion, states: Vec<Entries> },
    /// The key document of a server with one key.
    KeyDocument { server: String, seed: Seed, until: i64 },
    /// The `Authorization` header of a request.
    SignRequest {
        origin: String,
        seed: Seed,
        destination: String,
        method: String,
        uri: String,
        content: Option<String>,
    },
    /// Hashes and signs an event as it stands, whether the room allows it or not.
    SignEvent { server: String, seed: Seed, version: RoomVersion, event: String },
    /// Makes the event of a join out of the template that the other server made for it.
    Join {
        server: String,
        seed: Seed,
        version: RoomVersion,
        room: OwnedRoomId,
        user: OwnedUserId,
        template: String,
        at: i64,
    },
    /// Makes an event of a room whose events are remembered.
    Compose { server: String, seed: Seed, version: RoomVersion, place: Where, draft: What },
}

/// A state: type, state key, event.
type Entries = Vec<(String, String, OwnedEventId)>;

/// The 32 bytes of a signing key, in base64.
#[derive(Deserialize)]
struct Seed(String);

#[derive(Deserialize)]
struct Where {
    room: OwnedRoomId,
    prev_events: Vec<OwnedEventId>,
    depth: i64,
    state: Entries,
}

#[derive(Deserialize)]
struct What {
    sender: OwnedUserId,
    kind: String,
    state_key: Option<String>,
    content: Value,
    redacts: Option<String>,
    at: i64,
}

/// What was shown so far.
#[derive(Default)]
struct Memory {
    documents: BTreeMap<String, KeyDocument>,
    /// The ids of the current keys of those.
    key_ids: BTreeMap<String, BTreeSet<String>>,
    events: BTreeMap<OwnedEventId, Rc<Pdu>>,
}

impl Keys for Memory {
    fn key(&self, id: &KeyId, time: i64) -> Option<Known> {
        self.documents.get(id.server.as_str()).map(|document| document.at(&id.key, time))
    }
}

impl Events for Memory {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.events.get(id).cloned()
    }
}

fn main() -> io::Result<()> {
    let mut memory = Memory::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let asked = serde_json::from_str(&line?).map_err(|why| format!("this cannot be asked: {why}"));
        let answer = asked.and_then(|ask| memory.answer(ask)).unwrap_or_else(|why| json!({ "error": why }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

impl Memory {
    fn answer(&mut self, ask: Ask) -> Result<Value, String> {
        match ask {
            Ask::Keys { server, document, at } => self.keys(server, &document, at),
            Ask::NotaryQuery { server, key, at } => {
                Ok(json!({ "body": notary::query([(server.as_str(), [key].as_slice())], at) }))
            }
            Ask::NotaryAnswer { server, notary, answer, at } => {
                self.notary_answer(&server, &notary, &answer, at)
            }
            Ask::Read { version, event } => Ok(self.read(version, &event)),
            Ask::Judge { event, before, current } => self.judge(&event, before, current),
            Ask::JudgeAlone { event } => self.judge_alone(&event),
            Ask::Resolve { version, states } => self.resolve(version, states),
            Ask::KeyDocument { server, seed, until } => {
                let key = seed.key()?;
                let id = key.id().to_owned();
                Ok(json!({ "document": publish(&server, &[key], &[], until).map_err(text)?, "key": id }))
            }
            Ask::SignRequest { origin, seed, destination, method, uri, content } => {
                let (origin, destination) = (name(&origin)?, name(&destination)?);
                let key = seed.key()?;
                let content = content.as_deref().map(canonical).transpose()?;
                let bytes = content.as_deref().map(str::as_bytes);
                let signature = key.sign(&signed_bytes(&method, &uri, &origin, &destination, bytes));
                let header =
                    XMatrix { origin, destination: Some(destination), key: key.id().to_owned(), signature };
                Ok(json!({ "authorization": header.to_string(), "content": content }))
            }
            Ask::SignEvent { server, seed, version, event } => {
                let json = Json::parse(event.as_bytes()).map_err(text)?;
                let event = hash_and_sign(json.root(), version, &server, &seed.key()?).map_err(text)?;
                Ok(made(&Pdu::read(event.as_bytes(), version).map_err(text)?))
            }
            Ask::Join { server, seed, version, room, user, template, at } => {
                let wanted = Membership {
                    room: &room,
                    version,
                    user: &user,
                    membership: "join",
                    more: &Map::new(),
                    at,
                };
                let signer = Signer { server: &server, key: &seed.key()? };
                Ok(made(&compose::fill(&template, &wanted, signer).map_err(text)?))
            }
            Ask::Compose { server, seed, version, place, draft } => {
                let signer = Signer { server: &server, key: &seed.key()? };
                let state = state(place.state);
                let place = Place {
                    room: Some(&place.room),
                    version,
                    prev_events: &place.prev_events,
                    depth: place.depth,
                    state: &state,
                };
                Ok(made(&compose::compose(&draft.as_draft(), &place, self, signer).map_err(text)?))
            }
        }
    }

    fn keys(&mut self, server: String, document: &str, at: i64) -> Result<Value, String> {
        let read = KeyDocument::read(document.as_bytes(), &server, at).map_err(text)?;
        let answer = json!({ "valid_until": read.valid_until });
        let value: Value = serde_json::from_str(document).map_err(text)?;
        let ids = value.get("verify_keys").and_then(Value::as_object).into_iter().flatten();
        self.key_ids.insert(server.clone(), ids.map(|(id, _)| id.clone()).collect());
        self.documents.insert(server, read);
        Ok(answer)
    }

    fn notary_answer(&self, server: &str, notary: &str, answer: &str, at: i64) -> Result<Value, String> {
        let document = self.documents.get(notary).ok_or("the notary's own keys are not known")?;
        let ids = self.key_ids.get(notary).into_iter().flatten();
        let keys = ids
            .filter_map(|id| match document.at(id, at) {
                Known::Key(key) => Some((id.clone(), key)),
                Known::Expired | Known::Unknown => None,
            })
            .collect();
        let read = notary::read(answer.as_bytes(), server, at, notary, &keys).map_err(text)?;
        Ok(json!({ "valid_until": read.valid_until }))
    }

    fn read(&mut self, version: RoomVersion, event: &str) -> Value {
        match receipt::read(event.as_bytes(), version, self) {
            Ok(pdu) => {
                let id = pdu.id.clone();
                let answer = json!({ "verdict": "read", "id": id, "text": pdu.text });
                // It may be known already, and then perhaps as rejected.
                self.events.entry(id).or_insert_with(|| Rc::new(pdu));
                answer
            }
            Err(Unread::Dropped(why)) => json!({ "verdict": "dropped", "why": why.to_string() }),
            Err(Unread::Lacking(keys)) => {
                let keys: Vec<_> = keys.iter().map(|it| [it.server.as_str(), &it.key]).collect();
                json!({ "verdict": "lacking", "keys": keys })
            }
        }
    }

    fn judge(&mut self, id: &EventId, before: Entries, current: Entries) -> Result<Value, String> {
        let pdu = self.event(id).ok_or("the event is not known")?;
        let verdict = receipt::judge(&pdu, self, &state(before), &state(current));
        if let Ok(Verdict::Rejected(_)) = verdict {
            let mut rejected = (*pdu).clone();
            rejected.rejected = true;
            self.events.insert(id.to_owned(), Rc::new(rejected));
        }
        verdict_of(verdict)
    }

    fn judge_alone(&self, id: &EventId) -> Result<Value, String> {
        verdict_of(receipt::judge_alone(&*self.event(id).ok_or("the event is not known")?, self))
    }

    fn resolve(&self, version: RoomVersion, states: Vec<Entries>) -> Result<Value, String> {
        let states: Vec<State> = states.into_iter().map(state).collect();
        let resolved = resolve(version.rules(), &states, self).map_err(|why| match why {
            Unresolved::Lacking(ids) => lacking(&ids),
            Unresolved::TooLarge { .. } | Unresolved::Broken(_) => why.to_string(),
        })?;
        let entries: Vec<_> =
            resolved.iter().map(|((kind, key), id)| json!([kind.to_string(), key, id])).collect();
        Ok(json!({ "state": entries }))
    }
}

impl Seed {
    fn key(&self) -> Result<SigningKey, String> {
        let seed = BASE64.decode(&self.0).ok().and_then(|it| <[u8; 32]>::try_from(it).ok());
        Ok(SigningKey::new(&seed.ok_or("a seed is 32 bytes in base64")?))
    }
}

impl What {
    fn as_draft(&self) -> Draft<'_> {
        Draft {
            sender: &self.sender,
            kind: &self.kind,
            state_key: self.state_key.as_deref(),
            content: &self.content,
            redacts: self.redacts.as_deref(),
            at: self.at,
        }
    }
}

fn verdict_of(verdict: Result<Verdict, Lacking>) -> Result<Value, String> {
    match verdict {
        Ok(Verdict::Accepted) => Ok(json!({ "verdict": "accepted" })),
        Ok(Verdict::SoftFailed(why)) => Ok(json!({ "verdict": "soft-failed", "why": why })),
        Ok(Verdict::Rejected(why)) => Ok(json!({ "verdict": "rejected", "why": why })),
        Err(Lacking(ids)) => Err(lacking(&ids)),
    }
}

fn made(pdu: &Pdu) -> Value {
    json!({ "id": pdu.id, "event": pdu.text, "depth": pdu.depth })
}

fn state(entries: Entries) -> State {
    entries.into_iter().map(|(kind, key, id)| ((kind.into(), key), id)).collect()
}

fn lacking(ids: &BTreeSet<OwnedEventId>) -> String {
    let ids: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    format!("these events are not known: {}", ids.join(", "))
}

fn canonical(json: &str) -> Result<String, String> {
    Ok(Json::parse(json.as_bytes()).map_err(text)?.root().canonical())
}

fn name(server: &str) -> Result<ServerName, String> {
    ServerName::parse(server).map_err(text)
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn text(why: impl ToString) -> String {
    why.to_string()
}
