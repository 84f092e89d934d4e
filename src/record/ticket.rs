//! What may be downloaded once, by whoever bears the ticket.

use serde::{Deserialize, Serialize};

/// What may be downloaded once, by whoever bears the ticket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// A digest of the ticket: the store does not hold what opens the door.
    pub digest: String,
    /// Not after this time, in milliseconds.
    pub until: i64,
    /// What it is for.
    pub what: Download,
}

/// What can be downloaded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Download {
    /// The registration.
    Registration,
    /// The installation's identity.
    Export {
        /// The key that the file is to be sealed with, sealed under the ticket.
        key: String,
    },
}

impl std::fmt::Debug for Ticket {
    /// Secrets do not show.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("until", &self.until).finish_non_exhaustive()
    }
}
