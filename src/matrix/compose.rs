//! Making events: what somebody wants to say becomes an event of its room, authorised, hashed and signed.
//!
//! Whatever is made here has passed our own checks on receipt, so that no other server has a reason to refuse it.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#auth-events-selection>,
//! <https://spec.matrix.org/v1.18/server-server-api/#joining-rooms>

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use ruma_common::{OwnedEventId, RoomId, UserId};
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::auth_types_for_event;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::json::Value as Read;
use super::json::{Json, MAX_INTEGER};
use super::key::{SigningKey, VerifyKey};
use super::key_document::Known;
use super::pdu::Pdu;
use super::receipt::{KeyId, Keys, Lacking, Unread, Verdict, judge, read};
use super::resolve::{Events, State};
use super::signature::hash_and_sign;
use super::version::RoomVersion;

/// What is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// Who says it.
    pub sender: &'a UserId,
    /// The event's type.
    pub kind: &'a str,
    /// What of the room's state it sets; nothing for a message.
    pub state_key: Option<&'a str>,
    /// Its content, an object.
    pub content: &'a Value,
    /// The event that it redacts; nothing for any but `m.room.redaction`.
    pub redacts: Option<&'a str>,
    /// When, in milliseconds.
    pub at: i64,
}

/// Where it is said.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The room; nothing for the create event of a room that it gives its name.
    pub room: Option<&'a RoomId>,
    /// The room's version.
    pub version: RoomVersion,
    /// The room's latest events, at most 20.
    pub prev_events: &'a [OwnedEventId],
    /// The greatest depth of those.
    pub depth: i64,
    /// The state after those.
    pub state: &'a State,
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Our server's name.
    pub server: &'a str,
    /// Our key.
    pub key: &'a SigningKey,
}

/// Why no event was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Uncomposed {
    /// These events must be loaded first.
    #[error("{} events are not at hand", .0.len())]
    Lacking(BTreeSet<OwnedEventId>),
    /// The room does not allow it, or it is no event.
    #[error("{0}")]
    Refused(String),
}

/// Makes an event.
pub fn compose<S: Events>(
    draft: &Draft<'_>,
    place: &Place<'_>,
    events: &S,
    signer: Signer<'_>,
) -> Result<Pdu, Uncomposed> {
    let version = place.version;
    let mut event = Map::new();
    event.insert("auth_events".to_owned(), json!(auth_events(draft, place)?));
    event.insert("content".to_owned(), draft.content.clone());
    event.insert("depth".to_owned(), json!(place.depth.saturating_add(1).min(MAX_INTEGER)));
    event.insert("origin_server_ts".to_owned(), json!(draft.at));
    event.insert("prev_events".to_owned(), json!(place.prev_events));
    event.insert("sender".to_owned(), json!(draft.sender));
    event.insert("type".to_owned(), json!(draft.kind));
    if let Some(room) = place.room {
        event.insert("room_id".to_owned(), json!(room));
    }
    if let Some(key) = draft.state_key {
        event.insert("state_key".to_owned(), json!(key));
    }
    if let Some(redacts) = draft.redacts {
        redact(&mut event, version, redacts);
    }
    let pdu = signed(&event.into(), version, signer)?;
    match judge(&pdu, events, place.state, place.state) {
        Ok(Verdict::Accepted) => Ok(pdu),
        Ok(Verdict::Rejected(why) | Verdict::SoftFailed(why)) => Err(Uncomposed::Refused(why)),
        Err(Lacking(lacking)) => Err(Uncomposed::Lacking(lacking)),
    }
}

/// A membership that another server made a template for, because we are not in the room ourselves.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// The room.
    pub room: &'a RoomId,
    /// Its version, as the other server says.
    pub version: RoomVersion,
    /// Whose it is.
    pub user: &'a UserId,
    /// `join`, `leave` or `knock`.
    pub membership: &'a str,
    /// What else its content holds, such as `displayname`.
    pub more: &'a Map<String, Value>,
    /// When, in milliseconds.
    pub at: i64,
}

/// Fills the template of a `make_join`, `make_leave` or `make_knock` answer. Of what the other server put in, only
/// what cannot be known here is taken: where the event stands in the room, and who authorises a restricted join. The room's
/// state is not known here, so that the other server's check has to do.
pub fn fill(template: &str, wanted: &Membership<'_>, signer: Signer<'_>) -> Result<Pdu, Uncomposed> {
    let refused = |why: String| Uncomposed::Refused(format!("the other server's template is no good: {why}"));
    let json = Json::parse(template.as_bytes()).map_err(|why| refused(why.to_string()))?;
    let template = json.root();
    let text = |name: &str| template.get(name).and_then(Read::as_str);
    let content = |name: &str| template.get("content").and_then(|it| it.get(name)).and_then(Read::as_str);
    let expected = [
        ("type", text("type"), "m.room.member"),
        ("room_id", text("room_id"), wanted.room.as_str()),
        ("sender", text("sender"), wanted.user.as_str()),
        ("state_key", text("state_key"), wanted.user.as_str()),
        ("membership", content("membership"), wanted.membership),
    ];
    if let Some((name, ..)) = expected.iter().find(|(_, found, wanted)| found.as_deref() != Some(*wanted)) {
        return Err(refused(format!("its '{name}' is not what was asked for")));
    }
    let mut content_of_ours = wanted.more.clone();
    content_of_ours.insert("membership".to_owned(), json!(wanted.membership));
    if wanted.membership == "join"
        && let Some(by) = content("join_authorised_via_users_server")
    {
        content_of_ours.insert("join_authorised_via_users_server".to_owned(), json!(by));
    }
    let list = |name: &str| -> Vec<String> {
        template
            .get(name)
            .into_iter()
            .flat_map(Read::items)
            .filter_map(|it| it.as_str().map(Into::into))
            .collect()
    };
    let event = json!({
        "auth_events": list("auth_events"),
        "content": content_of_ours,
        "depth": template.get("depth").and_then(Read::as_integer).unwrap_or(1),
        "origin_server_ts": wanted.at,
        "prev_events": list("prev_events"),
        "room_id": wanted.room,
        "sender": wanted.user,
        "state_key": wanted.user,
        "type": "m.room.member",
    });
    signed_only(&event, wanted.version, signer).map_err(|why| refused(why.to_string()))
}

/// Which of the state an event names as its authority.
fn auth_events(draft: &Draft<'_>, place: &Place<'_>) -> Result<Vec<OwnedEventId>, Uncomposed> {
    let content = RawValue::from_string(draft.content.to_string()).map_err(|why| refused(&why))?;
    let kind = TimelineEventType::from(draft.kind);
    let rules = &place.version.rules().authorization;
    let types = auth_types_for_event(&kind, draft.sender, draft.state_key, &content, rules)
        .map_err(|why| refused(&why))?;
    let find = |(kind, key): (StateEventType, String)| place.state.get(&(kind, key)).cloned();
    Ok(types.into_iter().filter_map(find).collect())
}

fn redact(event: &mut Map<String, Value>, version: RoomVersion, redacts: &str) {
    let holder = if version.rules().redaction.content_field_redacts {
        event.get_mut("content").and_then(Value::as_object_mut)
    } else {
        Some(event)
    };
    if let Some(holder) = holder {
        holder.insert("redacts".to_owned(), json!(redacts));
    }
}

/// Hashes, signs, and reads it as another server would.
fn signed(event: &Value, version: RoomVersion, signer: Signer<'_>) -> Result<Pdu, Uncomposed> {
    let pdu = signed_only(event, version, signer)?;
    let own = Own { signer, key: OnceCell::new() };
    match read(pdu.text.as_bytes(), version, &own) {
        Ok(pdu) => Ok(pdu),
        Err(Unread::Dropped(why)) => Err(refused(&why)),
        Err(Unread::Lacking(keys)) => {
            let servers: Vec<&str> = keys.iter().map(|it| it.server.as_str()).collect();
            Err(Uncomposed::Refused(format!("{} would have to sign it", servers.join(", "))))
        }
    }
}

fn signed_only(event: &Value, version: RoomVersion, signer: Signer<'_>) -> Result<Pdu, Uncomposed> {
    let text = event.to_string();
    let json = Json::parse(text.as_bytes()).map_err(|why| refused(&why))?;
    let text = hash_and_sign(json.root(), version, signer.server, signer.key).map_err(|why| refused(&why))?;
    Pdu::read(text.as_bytes(), version).map_err(|why| refused(&why))
}

fn refused(why: &impl ToString) -> Uncomposed {
    Uncomposed::Refused(why.to_string())
}

/// Our own key, as others know it.
struct Own<'a> {
    signer: Signer<'a>,
    key: OnceCell<Option<Rc<VerifyKey>>>,
}

impl Keys for Own<'_> {
    fn key(&self, id: &KeyId, _time: i64) -> Option<Known> {
        let key = self.key.get_or_init(|| VerifyKey::parse(&self.signer.key.public()).ok());
        let is_ours = id.server.as_str() == self.signer.server && id.key == self.signer.key.id();
        is_ours.then(|| key.clone().map_or(Known::Unknown, Known::Key))
    }
}
