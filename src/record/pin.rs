//! What is kept of pins on their way, either way.

use serde::{Deserialize, Serialize};

use crate::facts::User;

/// A message that was pinned or unpinned here, to be so on Matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub message: String,
    /// Who did it.
    pub by: User,
    /// Whether it is to be pinned.
    pub on: bool,
}

/// A message that was pinned or unpinned on Matrix, to be so here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The Rocket.Chat room.
    pub room: String,
    /// The Rocket.Chat message.
    pub message: String,
    /// The Matrix user who did it.
    pub by: String,
    /// Whether it is to be pinned.
    pub on: bool,
    /// The event that says so.
    pub event: String,
}
