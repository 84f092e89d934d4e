//! What a message means: Rocket.Chat <-> Matrix content.
//!
//! Law: pure and total. Any text of either side has a translation, made in linear time, which reads on the other side
//! as it was meant; what the other side has no form for stands there in readable words. It knows no room and no store:
//! who is who is asked of [`Names`].
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>
//!
//! ```text
//! Rocket.Chat md    -> md               -+
//! Rocket.Chat text  -> markdown_read     +              +- html_write, body      -> Matrix content
//! attachments, blocks -> attachment, uikit +-> document -+     (split: one message or several)
//! Matrix content    -> content, html_read -+            +- markdown_write, guard -> Rocket.Chat text
//! ```

mod attachment;
mod autolink;
mod body;
mod clean;
mod content;
mod document;
mod edit;
mod emoji;
mod file;
mod guard;
mod html_bound;
mod html_read;
mod html_write;
mod inline_part;
mod inline_read;
mod link;
mod local;
mod markdown_read;
mod markdown_write;
mod md;
mod moment;
mod persona;
mod pictograph;
mod place;
pub mod poll;
mod quiet;
mod quote;
mod relation;
mod remote;
mod script;
mod split;
mod uikit;

use serde_json::{Value, json};

pub use content::newest;
pub use edit::replaced;
pub use file::has_caption;
pub use html_write::escaped;
pub use local::{to_matrix, to_matrix_parts};
pub use persona::{Persona, persona};
pub use quote::{Quotes, linked, quotes};
pub use relation::{Key, Relation, fallback, reaction, reaction_to_matrix};
pub use remote::{caption, caption_parts, from_matrix, from_matrix_parts};

/// What is said at the end of a text that was too long to be read as a whole.
const CUT: &str = " […]";

/// Who and what is known on both sides; asked by name, never told.
pub trait Names {
    /// The Matrix user (id, display name) that a Rocket.Chat username means, local user or ghost.
    fn matrix_user(&self, rocketchat_username: &str) -> Option<(String, String)>;

    /// The Rocket.Chat username that a Matrix user goes by, local user or ghost.
    fn rocketchat_username(&self, mxid: &str) -> Option<String>;

    /// Whether a Matrix user is in the room; a mention of somebody who is not stays text.
    fn is_here(&self, _mxid: &str) -> bool {
        true
    }

    /// The Matrix room (alias or id, text of the pill) that a Rocket.Chat channel is.
    fn matrix_room(&self, _rocketchat_channel: &str) -> Option<(String, String)> {
        None
    }

    /// The Rocket.Chat channel that a Matrix room (alias or id) is.
    fn rocketchat_channel(&self, _room: &str) -> Option<String> {
        None
    }

    /// A server that is in such rooms, for those who want to go there.
    fn via(&self) -> Option<&str> {
        None
    }
}

/// A message of Rocket.Chat, as Rocket.Chat hands it over.
#[derive(Debug, Clone, Copy)]
pub struct LocalText<'a> {
    /// `message.text`: Rocket.Chat Markdown.
    pub text: &'a str,
    /// `message.md`: the same, parsed by Rocket.Chat; without it the text is parsed here.
    pub md: Option<&'a Value>,
}

/// All that a message of Rocket.Chat shows, files apart.
#[derive(Debug, Clone, Copy)]
pub struct LocalParts<'a> {
    /// What is written.
    pub text: LocalText<'a>,
    /// `message.attachments`, as the Apps-Engine has them or as they are stored. Uploads in it are passed over.
    pub attachments: &'a [Value],
    /// `message.blocks`.
    pub blocks: &'a [Value],
    /// The messages whose quotes are left out, for it is told otherwise that they are answered; see [`quotes`].
    pub replied: &'a [String],
}

/// How long a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// For Matrix the bytes of the content, for Rocket.Chat `Message_MaxAllowedSize`.
    pub size: usize,
    /// How many messages it may become.
    pub parts: usize,
}

/// What becomes of a long message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts<T> {
    /// Messages, in their order: one if it was not long, none if it shows nothing.
    Messages(Vec<T>),
    /// It is too long for that and should go as a file of text.
    File,
}

/// A message for Matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixText {
    /// Whether it tells what its sender does (`m.emote`) rather than says (`m.text`).
    pub emote: bool,
    /// The plain text.
    pub body: String,
    /// The HTML, where there is any formatting.
    pub formatted_body: Option<String>,
    /// Whom it mentions.
    pub mentions: Mentions,
}

/// Whom a message mentions (`m.mentions`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Matrix users, by id, each once.
    pub users: Vec<String>,
    /// Everyone in the room.
    pub room: bool,
}

impl MatrixText {
    /// The content of an `m.room.message` event; `m.mentions` is always there, so that nobody is mentioned by accident.
    pub fn content(&self) -> Value {
        let mut mentions = json!({});
        if !self.mentions.users.is_empty() {
            mentions = json!({ "user_ids": self.mentions.users });
        }
        if self.mentions.room
            && let Some(mentions) = mentions.as_object_mut()
        {
            mentions.insert("room".to_owned(), Value::Bool(true));
        }
        let msgtype = if self.emote { "m.emote" } else { "m.text" };
        let mut content = json!({ "msgtype": msgtype, "body": self.body, "m.mentions": mentions });
        if let (Some(html), Some(content)) = (&self.formatted_body, content.as_object_mut()) {
            content.insert("format".to_owned(), json!("org.matrix.custom.html"));
            content.insert("formatted_body".to_owned(), json!(html));
        }
        content
    }
}

/// An event of Matrix.
#[derive(Debug, Clone, Copy)]
pub struct RemoteEvent<'a> {
    /// `m.room.message`, `m.sticker`, …
    pub event_type: &'a str,
    /// Its content, which may be anything.
    pub content: &'a Value,
    /// Whether its sender may reach everyone in the room: `@room` becomes `@all` only then, and only where
    /// `m.mentions` means it.
    pub may_mention_room: bool,
}

/// What kind of message an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something said.
    Text,
    /// Something done; the text is in italics, as `/me` makes it.
    Emote,
    /// Something said by a machine.
    Notice,
    /// An image; the text names it and holds its caption, as with all files.
    Image,
    /// A file.
    File,
    /// Sound or a voice message.
    Audio,
    /// A video.
    Video,
    /// A place.
    Location,
    /// A sticker.
    Sticker,
    /// A question with answers to choose from.
    Poll,
    /// An encrypted event: a placeholder.
    Encrypted,
    /// Anything else, named in the text.
    Unknown,
}

/// A message for Rocket.Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocketChatText {
    /// Rocket.Chat Markdown; never empty.
    pub text: String,
    /// What kind of message it is.
    pub kind: Kind,
    /// Whom the sender meant to mention (`m.mentions`), known here or not.
    pub mentions: Mentions,
}

/// A moment in milliseconds, as people write it.
pub fn moment(at: i64) -> String {
    moment::written(at.div_euclid(1000), 'f')
}
