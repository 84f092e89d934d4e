//! What is kept of polls on Matrix as long as they are open: what is asked, and who votes for what.

use serde::{Deserialize, Serialize};

use crate::ids::key;

/// A poll; an edit of it is another one with the same event, and the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The event that began it.
    pub event: String,
    /// The Matrix room.
    pub room: String,
    /// Who asks.
    pub sender: String,
    /// The event's content, as JSON.
    pub content: String,
    /// When, in milliseconds, as its server says.
    pub at: i64,
}

/// A vote; of one person's in a poll the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The event that began the poll.
    pub poll: String,
    /// The event that is the vote.
    pub event: String,
    /// Whose it is.
    pub sender: String,
    /// The ids of the answers; none takes back what was voted before.
    pub answers: Vec<String>,
    /// When, in milliseconds, as its server says.
    pub at: i64,
}

impl Poll {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        (format!("poll:{}:{}", self.event, self.at), vec![key::poll(&self.event)])
    }
}

impl Vote {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        (key::vote(&self.event), vec![key::poll(&self.poll)])
    }
}
