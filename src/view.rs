//! What a decision can see: loaded documents and facts, the configuration, the time.
//!
//! A view does not change while one input is decided. What it has not loaded yet it reports as `Missing`; the
//! driver loads that and the decision runs again from the start.

use serde::{Deserialize, Serialize};

use crate::facts::{Message, Room, User};

/// Something that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Key {
    /// Every document that carries an association.
    Documents {
        /// The association.
        association: String,
    },
    /// A room by id.
    Room {
        /// The id.
        id: String,
    },
    /// A user by username.
    UserByName {
        /// The username.
        username: String,
    },
    /// A message by id.
    Message {
        /// The id.
        id: String,
    },
    /// The newest messages of a room, oldest first, without system messages; 100 at most.
    Recent {
        /// The room's id.
        room: String,
        /// How many.
        limit: u8,
    },
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Loaded {
    /// The bodies of the documents.
    Documents {
        /// In no order.
        bodies: Vec<String>,
    },
    /// A room, if there is one.
    Room {
        /// The room.
        room: Option<Room>,
    },
    /// A user, if there is one.
    User {
        /// The user.
        user: Option<User>,
    },
    /// A message, if there is one.
    Message {
        /// The message.
        message: Option<Message>,
    },
    /// Messages, oldest first.
    Messages {
        /// The messages.
        messages: Vec<Message>,
    },
}
