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
    /// The files that come with it.
    pub files: Vec<File>,
    /// Whether it was said in a direct message; false where the read did not tell.
    #[serde(default)]
    pub direct: bool,
    /// The first message of the thread that it is in, if it is in one.
    #[serde(default)]
    pub thread: Option<String>,
    /// The messages that it quotes, as Rocket.Chat shows them.
    #[serde(default)]
    pub quotes: Vec<Quote>,
    /// How people reacted to it.
    #[serde(default)]
    pub reactions: Vec<Reacted>,
    /// What else is shown below the text, such as an App's or a webhook's cards: attachments that are neither files nor
    /// quotes, as a JSON list, where there are any.
    #[serde(default)]
    pub attachments: Option<String>,
    /// The `UIKit` blocks that it is made of, as a JSON list, where there are any.
    #[serde(default)]
    pub blocks: Option<String>,
}

/// A message as it is quoted by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
pub struct Quote {
    /// The address of the message.
    pub link: String,
    /// What its sender is called.
    pub author: String,
    /// Its text.
    pub text: String,
}

/// One reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
pub struct Reacted {
    /// As Rocket.Chat writes it, such as `:eyes:`.
    pub emoji: String,
    /// The usernames of those who reacted so.
    pub users: Vec<String>,
}

impl Message {
    /// Whether somebody reacted to it in a way.
    pub fn has_reaction(&self, emoji: &str, username: &str) -> bool {
        let mut alike = self.reactions.iter().filter(|it| it.emoji == emoji);
        alike.any(|it| it.users.iter().any(|user| user == username))
    }
}

/// A file of Rocket.Chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Rocket.Chat's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its media type, as Rocket.Chat says; may be empty.
    pub media_type: String,
    /// How large it is, in bytes; 0 where that is not known.
    pub size: i64,
    /// The smaller picture that Rocket.Chat made of it, if it made one.
    #[serde(default)]
    pub thumbnail: Option<Box<File>>,
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
