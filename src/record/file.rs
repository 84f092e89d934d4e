//! What is kept of the parts of a message while it is on its way: of its files, and of a text that takes several events.

use serde::{Deserialize, Serialize};

use crate::ids::Scope;

/// What became of one of the parts of a message: its files come first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The scope of the message's entry.
    pub scope: Scope,
    /// The entry.
    pub entry: String,
    /// Which of them; the first is 0.
    pub part: usize,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is on the network, but nobody was told: its address, and its width and height where it has them, such as
    /// `mxc://example.org/abc 640x480`.
    There(String),
    /// So is the smaller picture that Rocket.Chat made of it; empty if it cannot be brought there.
    Thumbnail(String),
    /// It cannot be brought there: why, in plain words.
    Stays(String),
    /// It was told of by this event.
    Told(String),
}

/// A file of Matrix that Rocket.Chat has, by the account for its REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The Rocket.Chat room.
    pub room: String,
    /// Rocket.Chat's id of it.
    pub file: String,
    /// The Matrix event.
    pub event: String,
    /// The username of who sent it.
    pub by: String,
}

impl Carried {
    pub(super) fn id(&self) -> String {
        let fate = match &self.fate {
            Fate::There(_) | Fate::Stays(_) => "carried",
            Fate::Thumbnail(_) => "thumbnail",
            Fate::Told(_) => "told",
        };
        format!("{fate}:{}:{}", self.entry, self.part)
    }
}
