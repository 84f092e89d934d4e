//! What is kept of the App itself: the instances of it that are up, and what they found.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Scope;

/// A sign of life of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The instance.
    pub instance: String,
    /// When, in milliseconds.
    pub at: i64,
    /// The instances that were alive in its eyes, itself among them. When that changes, scopes change hands.
    pub live: BTreeSet<String>,
}

/// A scope handed from one instance to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poke {
    /// The instance that is to take it up.
    pub to: String,
    /// The scope.
    pub scope: Scope,
    /// The document's own id, to take it away by.
    pub id: String,
}

/// What the check found at a start and wrote into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The instance that looked.
    pub instance: String,
    /// When, in milliseconds.
    pub at: i64,
    /// The lines, so that none is said twice in a row.
    pub lines: Vec<String>,
}
