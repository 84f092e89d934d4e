//! What Rocket.Chat tells about its people, rooms and messages.
//!
//! Plain values, taken at one moment; the host fills them in and decides nothing about them.

use serde::{Deserialize, Serialize};

/// The kind of a Rocket.Chat account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum UserKind {
    /// A person.
    User,
    /// An account that speaks for software; ghosts are of this kind.
    Bot,
    /// The account of an App itself.
    App,
    /// Anything else, such as a livechat visitor.
    Other,
}

/// A Rocket.Chat user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Rocket.Chat's id.
    pub id: String,
    /// The name people are mentioned by, without `@`.
    pub username: String,
    /// The display name; may be empty.
    pub name: String,
    /// What kind of account it is.
    pub kind: UserKind,
    /// Role ids, such as `admin`.
    pub roles: Vec<String>,
    /// False once deactivated.
    pub active: bool,
    /// Whether this App made the account, in this or an earlier installation.
    #[serde(default)]
    pub made_by_us: bool,
}

impl User {
    /// Whether this is a person who can be invited and written to.
    pub fn is_reachable(&self) -> bool {
        self.active && self.kind == UserKind::User
    }

    /// What the user is called: the display name, or the username where there is none.
    pub fn shown(&self) -> &str {
        if self.name.is_empty() { &self.username } else { &self.name }
    }
}

/// The kind of a Rocket.Chat room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// A public channel.
    Channel,
    /// A private group.
    Group,
    /// A direct message, of two or more.
    Direct,
    /// Anything else, such as a livechat room.
    Other,
}

/// A Rocket.Chat room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Rocket.Chat's id.
    pub id: String,
    /// What it is called; may be empty for direct messages.
    pub name: String,
    /// What kind of room it is.
    pub kind: RoomKind,
    /// Whether Rocket.Chat's own end-to-end encryption is on.
    pub encrypted: bool,
}

/// A Rocket.Chat message as it stood when a hook or a read handed it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Rocket.Chat's id.
    pub id: String,
    /// The room's id.
    pub room: String,
    /// Who it is by.
    pub sender: User,
    /// The text as typed; empty for a bare file.
    pub text: String,
    /// The text as parsed by Rocket.Chat (`message.md`), as JSON, where there is one.
    pub md: Option<String>,
    /// When it was created, in milliseconds since the epoch.
    pub at: i64,
    /// When it was last edited, in milliseconds since the epoch.
    pub edited_at: Option<i64>,
    /// The type of a system message (`uj`, `r`, `e2e`…); absent for what people write.
    pub system: Option<String>,
    /// The names of files that come with it.
    pub files: Vec<String>,
    /// Whether it was said in a direct message; false where the read did not tell.
    #[serde(default)]
    pub direct: bool,
}

/// The picture that Rocket.Chat shows of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Avatar {
    /// A picture of the user's own.
    Picture {
        /// Differs from that of every other picture the user had before.
        version: String,
    },
    /// None: Rocket.Chat draws the initials.
    Initials,
    /// It cannot be seen just now.
    Unknown,
}
