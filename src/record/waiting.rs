//! What is kept while messages wait: that the homeserver is away, and who was told of it.

use serde::{Deserialize, Serialize};

use crate::ids::Scope;

/// That the homeserver cannot be reached. The earliest says since when, the latest why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Since when, in milliseconds.
    pub since: i64,
    /// When it was noted, in milliseconds.
    pub at: i64,
    /// Why, in plain words.
    pub why: String,
}

/// That a local message shows its sender that it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The scope whose journal the message waits in.
    pub scope: Scope,
    /// The message's journal entry.
    pub entry: String,
    /// The message.
    pub message: String,
    /// When it was marked, in milliseconds: an instance that came up later marks it once more.
    pub at: i64,
}

/// That somebody was told that their messages wait in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The scope whose journal they wait in.
    pub scope: Scope,
    /// The user's id.
    pub user: String,
}
