//! What is kept of direct mode: our keys, the rooms that we are in as a server, and what others said of themselves.

use serde::{Deserialize, Serialize};

/// A key that we sign with in direct mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    /// What others verify with, in base64.
    pub public: String,
    /// The secret, sealed.
    pub sealed: String,
    /// When it was drawn, in milliseconds; the oldest that is not retired is used.
    pub at: i64,
}

/// That a key signs no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKey {
    /// Its id.
    pub id: String,
    /// Since when, in milliseconds.
    pub at: i64,
}

/// What another server said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What it is: `delegation` or `keys`, and the server.
    pub of: String,
    /// What was said.
    pub text: String,
    /// When it was heard, in milliseconds.
    pub at: i64,
}

/// An invitation of one of our users into a Matrix room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The Matrix room.
    pub room: String,
    /// Our user's username.
    pub username: String,
    /// The Matrix user who invited.
    pub by: String,
    /// The server that brought it: it is in the room.
    pub via: String,
    /// When, in milliseconds.
    pub at: i64,
}

/// A room that we are in as a server, or are about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The Matrix room.
    pub room: String,
    /// Its version.
    pub version: String,
}

/// What the checks on receipt made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It is part of the room.
    Accepted,
    /// It is part of the graph, but not built upon.
    SoftFailed,
    /// It has no part in the room.
    Rejected,
}

/// An event of a room that we are in as a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomEvent {
    /// Its id.
    pub id: String,
    /// The Matrix room.
    pub room: String,
    /// Its canonical text.
    pub text: String,
    /// Whether it is a state event: those of a room are loaded together, because they authorise each other.
    pub is_state: bool,
    /// What the checks made of it.
    pub standing: Standing,
    /// The snapshot of the state after it; nothing for one that came with a state and whose place is not known.
    pub after: Option<String>,
}

/// The state of a room at some point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// A digest of the room and the entries.
    pub id: String,
    /// Each the type, the state key and the event.
    pub entries: Vec<(String, String, String)>,
}

/// One of the latest events of a room: none is known that follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The Matrix room.
    pub room: String,
    /// The event.
    pub event: String,
    /// Its depth.
    pub depth: i64,
    /// The snapshot of the state after it.
    pub after: String,
}

/// Events that we made, by what they were made for: made once, however often they are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What they were made for.
    pub transaction: String,
    /// Their canonical texts, in order; the last is what was asked for.
    pub events: Vec<String>,
    /// Their room's version.
    pub version: String,
    /// The snapshot of the state after each of them, as far as the state is known.
    pub after: Vec<String>,
    /// The servers that they go to.
    pub servers: Vec<String>,
}
