//! What is kept of messages: which event each became, which of its texts is bridged, and that it is gone.

use serde::{Deserialize, Serialize};

use crate::facts::User;
use crate::ids::{self, key};

/// A message and its Matrix event, as it was at some time: an edit and a deletion are links of their own, and of those
/// of one message the latest counts. Of messages that came from Matrix only edits and deletions need a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub local: String,
    /// The Matrix event; empty where the message was refused and is not to be tried again.
    pub remote: String,
    /// The message's time, in milliseconds.
    pub at: i64,
    /// A digest of the text that was bridged.
    pub hash: String,
    /// The username of who said it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Whom the text mentions, as Matrix users; `@room` for everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Which edit the text is of; nothing for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
    /// Whether the message was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Further events of the same message: one for each file after the first, then those of a text that takes several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// The file of a local message whose event bears the text, as `Fate::There` has it; behind a `|` its smaller picture.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media: String,
}

impl Link {
    /// All events of the message.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        [&self.remote].into_iter().chain(&self.more).map(String::as_str).filter(|it| !it.is_empty())
    }

    pub(super) fn keys(&self) -> (String, Vec<String>) {
        let mut found_by = vec![key::ledger(&self.room), key::link_local(&self.local)];
        found_by.extend(self.events().map(key::link_remote));
        let id = match (self.gone, &self.edit) {
            (true, _) => format!("link:{}:{}:gone", self.room, self.local),
            (false, Some(edit)) => format!("link:{}:{}:{}", self.local, edit.at, edit.event),
            (false, None) => format!("link:{}", self.local),
        };
        (id, found_by)
    }
}

/// Which edit of a message; the greater is the later one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edit {
    /// When it was made, in milliseconds.
    pub at: i64,
    /// The Matrix event that says so.
    pub event: String,
}

/// A reaction that is there on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub message: String,
    /// As Rocket.Chat writes it, such as `:eyes:`.
    pub emoji: String,
    /// The username of who reacted.
    pub by: String,
    /// The Matrix event; empty where Matrix does not have it and it is not to be tried again.
    pub event: String,
}

impl Reaction {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        let id = match self.event.as_str() {
            "" => format!("reaction:{}:{}:{}", self.message, self.emoji, self.by),
            event => key::reaction(event),
        };
        let mut found_by = vec![key::reactions(&self.message)];
        // Of those from Matrix nothing is compared.
        found_by.extend((!ids::is_ghost_name(&self.by)).then(|| key::reactions_in(&self.room)));
        (id, found_by)
    }
}

/// A reaction to bring to Matrix, or to take back there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct React {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub message: String,
    /// As Rocket.Chat writes it, such as `:eyes:`.
    pub emoji: String,
    /// Who.
    pub by: User,
    /// Whether it is to be there.
    pub on: bool,
}

/// That nothing of a portal goes either way, because Rocket.Chat encrypts its room, or that nothing did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// The Rocket.Chat room.
    pub local: String,
    /// Since when, in milliseconds.
    pub at: i64,
    /// Until when, in milliseconds, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// Links that were sealed together, found by each of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The Rocket.Chat room.
    pub room: String,
    /// Its number; the first is 1.
    pub number: u64,
    /// The links, oldest first.
    pub links: Vec<Link>,
}

/// Where a ledger's sealed segments stand; the one with the highest number counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The Rocket.Chat room.
    pub room: String,
    /// The number of the newest segment.
    pub segment: u64,
}

/// An edit that came before what it edits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The Matrix room.
    pub room: String,
    /// The event it edits.
    pub of: String,
    /// Who sent it.
    pub sender: String,
    /// Which edit it is.
    pub edit: Edit,
    /// Its content, as JSON.
    pub content: String,
    /// When it came, in milliseconds.
    pub at: i64,
}

/// A message that is gone from Rocket.Chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub message: String,
    /// The message's time, in milliseconds.
    pub at: i64,
    /// The username of its sender.
    pub author: String,
    /// Who deleted it; nothing where nobody knows any more.
    pub by: Option<User>,
    /// The event to take back, where it is not the first of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}
