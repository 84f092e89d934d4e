//! An event as servers exchange it: read from bytes, checked for its form, and known by its id.
//!
//! What is kept of it is its canonical text without `unsigned`, which nobody signs. The fields that the rules of rooms
//! ask for are read once.
//!
//! Spec: <https://spec.matrix.org/v1.18/rooms/v12/#event-format>,
//! <https://spec.matrix.org/v1.18/client-server-api/#size-limits>

use std::collections::BTreeMap;

use js_int::UInt;
use ruma_common::{MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use ruma_events::TimelineEventType;
use ruma_state_res::Event;
use serde_json::value::RawValue;
use thiserror::Error;

use super::hash;
use super::json::{Json, MAX_INTEGER, Malformed, Value, write_edited};
use super::version::RoomVersion;

/// The most bytes of an event, in canonical JSON with everything it bears. Counted as Synapse counts, which puts an empty
/// `unsigned` into every event and takes out nearly all that others put there.
pub const MAX_BYTES: usize = 65_536;

const NO_UNSIGNED: &str = r#","unsigned":{}"#;

/// The most bytes of an id, a type or a state key.
const MAX_ID: usize = 255;

/// The most events that an event may follow.
const MAX_PREV: usize = 20;

/// The most events that an event may be authorised by.
const MAX_AUTH: usize = 10;

/// Why bytes are no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadPdu {
    /// Not JSON, or not what canonical JSON can hold.
    #[error("it cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Over 64 KiB.
    #[error("it is larger than {MAX_BYTES} bytes")]
    Large,
    /// A field that is missing, of the wrong kind, or out of bounds.
    #[error("it has no good '{0}'")]
    Field(&'static str),
}

/// An event.
#[derive(Clone, Debug)]
pub struct Pdu {
    /// Its id: the hash of what a redaction leaves of it.
    pub id: OwnedEventId,
    /// Its canonical text, without `unsigned`.
    pub text: String,
    /// Its room's id, which a create event from room version 12 on gives rather than bears.
    pub room: OwnedRoomId,
    /// Whether it failed the checks on receipt; it is kept so that others that build on it fail too.
    pub rejected: bool,
    /// Its place in the graph: one more than the greatest of those it follows.
    pub depth: i64,
    version: RoomVersion,
    sender: OwnedUserId,
    kind: TimelineEventType,
    state_key: Option<String>,
    content: Box<RawValue>,
    at: MilliSecondsSinceUnixEpoch,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
}

impl Pdu {
    /// Reads an event of a room of some version. Nothing is believed of it yet but its form.
    pub fn read(bytes: &[u8], version: RoomVersion) -> Result<Self, BadPdu> {
        let json = Json::parse(bytes)?;
        Self::of(json.root(), version)
    }

    /// The event that a text holds.
    pub fn of(event: Value<'_>, version: RoomVersion) -> Result<Self, BadPdu> {
        if !event.is_object() {
            return Err(BadPdu::Field("event"));
        }
        let mut text = String::with_capacity(event.raw().len());
        write_edited(Some(event), &BTreeMap::from([("unsigned", None)]), &mut text);
        if text.len() + NO_UNSIGNED.len() > MAX_BYTES {
            return Err(BadPdu::Large);
        }
        let id = hash::event_id(&hash::signed_bytes(event, version));
        let id = OwnedEventId::try_from(id).map_err(|_| BadPdu::Field("event_id"))?;
        let fields = Fields { event, version };
        let kind = fields.text("type")?.ok_or(BadPdu::Field("type"))?;
        fields.objects()?;
        Ok(Self {
            room: fields.room(&kind, &id)?,
            rejected: false,
            depth: fields.integer("depth")?,
            version,
            sender: fields.sender()?,
            state_key: fields.text("state_key")?,
            content: fields.content()?,
            at: MilliSecondsSinceUnixEpoch(
                UInt::try_from(fields.integer("origin_server_ts")?)
                    .map_err(|_| BadPdu::Field("origin_server_ts"))?,
            ),
            prev_events: fields.events("prev_events", MAX_PREV)?,
            auth_events: fields.auth_events()?,
            redacts: fields.redacts(),
            kind: kind.into(),
            id,
            text,
        })
    }

    /// The room version it was read by.
    pub fn version(&self) -> RoomVersion {
        self.version
    }

    /// When its server says it was made, in milliseconds.
    pub fn at(&self) -> i64 {
        i64::try_from(u64::from(self.at.0)).unwrap_or(MAX_INTEGER)
    }

    /// The events it is authorised by. From room version 12 on the create event is one of them without being named.
    pub fn authorised_by(&self) -> impl Iterator<Item = OwnedEventId> + '_ {
        let create = self.version.names_rooms_by_hash() && self.kind != TimelineEventType::RoomCreate;
        let create = create.then(|| create_event_of(&self.room)).flatten();
        self.auth_events.iter().cloned().chain(create)
    }
}

/// The create event of a room that is named by it.
pub fn create_event_of(room: &RoomId) -> Option<OwnedEventId> {
    OwnedEventId::try_from(format!("${}", room.strip_sigil())).ok()
}

/// An event's fields, as the format of its room version has them.
#[derive(Clone, Copy)]
struct Fields<'a> {
    event: Value<'a>,
    version: RoomVersion,
}

impl Fields<'_> {
    fn text(self, name: &'static str) -> Result<Option<String>, BadPdu> {
        let Some(value) = self.event.get(name) else { return Ok(None) };
        let text = value.as_str().filter(|it| it.len() <= MAX_ID).ok_or(BadPdu::Field(name))?;
        Ok(Some(text.into_owned()))
    }

    fn integer(self, name: &'static str) -> Result<i64, BadPdu> {
        let value = self.event.get(name).and_then(Value::as_integer);
        value.filter(|it| *it >= 0).ok_or(BadPdu::Field(name))
    }

    /// What stands beside what is read of an event must at least be of its kind.
    fn objects(self) -> Result<(), BadPdu> {
        for name in ["hashes", "signatures"] {
            self.event.get(name).filter(|it| it.is_object()).ok_or(BadPdu::Field(name))?;
        }
        if self.event.get("unsigned").is_none_or(Value::is_object) {
            Ok(())
        } else {
            Err(BadPdu::Field("unsigned"))
        }
    }

    fn room(self, kind: &str, id: &OwnedEventId) -> Result<OwnedRoomId, BadPdu> {
        const BAD: BadPdu = BadPdu::Field("room_id");
        let is_named_by_this = kind == "m.room.create" && self.version.names_rooms_by_hash();
        let room = match self.text("room_id")? {
            Some(_) if is_named_by_this => return Err(BAD),
            Some(room) => room,
            None if is_named_by_this => id.as_str().replacen('$', "!", 1),
            None => return Err(BAD),
        };
        OwnedRoomId::try_from(room).map_err(|_| BAD)
    }

    fn sender(self) -> Result<OwnedUserId, BadPdu> {
        let sender = self.text("sender")?.ok_or(BadPdu::Field("sender"))?;
        OwnedUserId::try_from(sender).map_err(|_| BadPdu::Field("sender"))
    }

    fn content(self) -> Result<Box<RawValue>, BadPdu> {
        let content =
            self.event.get("content").filter(|it| it.is_object()).ok_or(BadPdu::Field("content"))?;
        RawValue::from_string(content.canonical()).map_err(|_| BadPdu::Field("content"))
    }

    fn events(self, name: &'static str, most: usize) -> Result<Vec<OwnedEventId>, BadPdu> {
        let array = self.event.get(name).filter(|it| it.is_array()).ok_or(BadPdu::Field(name))?;
        // ruma lets ids be of any length.
        let read = |it: Value<'_>| {
            let id = it.as_str().filter(|it| it.len() <= MAX_ID)?;
            OwnedEventId::try_from(id.into_owned()).ok()
        };
        let events: Vec<OwnedEventId> =
            array.items().take(most + 1).map(read).collect::<Option<_>>().ok_or(BadPdu::Field(name))?;
        if events.len() <= most { Ok(events) } else { Err(BadPdu::Field(name)) }
    }

    fn auth_events(self) -> Result<Vec<OwnedEventId>, BadPdu> {
        let events = self.events("auth_events", MAX_AUTH)?;
        let room = self.event.get("room_id").and_then(Value::as_str).unwrap_or_default();
        let names_create = |it: &OwnedEventId| it.as_str().get(1..) == room.get(1..);
        if self.version.names_rooms_by_hash() && events.iter().any(names_create) {
            return Err(BadPdu::Field("auth_events"));
        }
        Ok(events)
    }

    fn redacts(self) -> Option<OwnedEventId> {
        let holder = if self.version.rules().redaction.content_field_redacts {
            self.event.get("content")?
        } else {
            self.event
        };
        OwnedEventId::try_from(holder.get("redacts")?.as_str()?.into_owned()).ok()
    }
}

impl Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.id
    }

    /// The create event of a room that it gives its name bears none.
    fn room_id(&self) -> Option<&RoomId> {
        let is_create = self.kind == TimelineEventType::RoomCreate;
        (!is_create || !self.version.names_rooms_by_hash()).then_some(&*self.room)
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.at
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        self.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}
