//! What is kept of people: which Matrix user a local one is, what a Matrix user is known by, and what the other side was
//! told of either.

use serde::{Deserialize, Serialize};

use crate::ids::{self, key};

/// A local user as a Matrix user: which one is settled once, whatever the user is called later. Of several the oldest
/// counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Puppet {
    /// The Rocket.Chat user's id.
    pub user: String,
    /// The localpart on Matrix, without the prefix.
    pub name: String,
    /// When it was settled, in milliseconds.
    pub at: i64,
}

/// What a Matrix user is known by, as far as we heard; the newest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The Matrix user.
    pub mxid: String,
    /// The display name, if there is one.
    pub name: Option<String>,
    /// The picture's `mxc` address, if there is one.
    pub avatar: Option<String>,
    /// When it came to be, in milliseconds, as its server says.
    pub at: i64,
}

/// What one side was told of a person of the other; the newest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// The association of the puppet or ghost.
    pub of: String,
    /// The display name.
    pub name: Option<String>,
    /// The picture: which version of a local user's, or the `mxc` address of a Matrix user's.
    pub avatar: Option<String>,
    /// Whether that picture was refused, so that it is not said again, and yet not there.
    #[serde(default)]
    pub refused: bool,
    /// Whether a puppet has left its rooms, because its user is no more.
    pub withdrawn: bool,
    /// When, in milliseconds.
    pub at: i64,
}

/// A key that addresses of pictures are marked with, so that nobody else makes such addresses. Several may exist: the
/// oldest is used, all are accepted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The key.
    pub key: String,
    /// When it was drawn, in milliseconds.
    pub at: i64,
}

impl std::fmt::Debug for Seal {
    /// Secrets do not show.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Puppet {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        let found_by = vec![key::puppet(&self.user), key::puppet_name(&self.name), key::PUPPETS.to_owned()];
        (format!("puppet-of:{}:{}", self.user, self.name), found_by)
    }
}

impl Profile {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        (format!("profile:{}:{}", self.mxid, self.at), vec![key::ghost(&self.mxid)])
    }
}

impl Presented {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        (format!("presented:{}:{}", self.of, self.at), vec![self.of.clone()])
    }
}

impl Seal {
    pub(super) fn keys(&self) -> (String, Vec<String>) {
        (format!("seal:{}", ids::digest(&[&self.key])), vec![key::SEALS.to_owned()])
    }
}
