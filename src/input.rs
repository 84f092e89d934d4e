//! What can happen: hooks, transactions, commands, timers, and the outcomes of effects.
//!
//! An input is a value; whatever it needs beyond itself, a decision reads from the view.

use serde::{Deserialize, Serialize};

use crate::effect::{Place, Tag};
use crate::facts::{Message, Room, User};
use crate::ids::Scope;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Input {
    /// This instance came up, or its settings changed: attach to the network and look for work left behind.
    Start,
    /// A few seconds have passed: give a sign of life, look for work handed over.
    Tick,
    /// This instance is going down in good order: hand its scopes over.
    Stop,
    /// A scope may have work to do: a timer ran out, or something was put into its journal.
    Wake {
        /// The scope.
        scope: Scope,
    },
    /// A portal should be compared with what was last bridged; see `bridge::reconcile`.
    Reconcile {
        /// The scope of the portal's local side.
        scope: Scope,
        /// How many of the newest messages were compared already.
        skip: u32,
        /// When the comparison began, in milliseconds; nothing before its first page.
        began: Option<i64>,
    },
    /// The next part of an entry that is under way.
    Step {
        /// Where it stands.
        tag: Tag,
    },
    /// A call to another server ended.
    Outcome {
        /// What the call was for.
        tag: Tag,
        /// How it ended.
        answer: Answer,
    },
    /// An effect of an entry could not be performed.
    Failed {
        /// The entry.
        tag: Tag,
        /// What the host said.
        why: String,
    },
    /// A message was created in Rocket.Chat.
    MessageSent {
        /// The message.
        message: Message,
    },
    /// Somebody used `/federation`.
    Command {
        /// Who.
        user: User,
        /// Where.
        room: Room,
        /// The words after the command.
        words: Vec<String>,
        /// Where a window can be shown to them, where there is such a place.
        place: Option<Place>,
    },
    /// Another server called us. The body was handed over before, see `Core.put`.
    Request {
        /// The request.
        request: Request,
    },
    /// A message was edited in Rocket.Chat.
    MessageEdited {
        /// The message as it is now.
        message: Message,
        /// Who edited it, as far as Rocket.Chat says.
        by: Option<User>,
    },
    /// A message was deleted in Rocket.Chat.
    MessageDeleted {
        /// The message as it was.
        message: Message,
        /// Who deleted it.
        by: User,
    },
    /// Somebody reacted to a message in Rocket.Chat, or took that back.
    MessageReacted {
        /// The message as it is now.
        message: Message,
        /// The reaction, such as `:eyes:`.
        emoji: String,
        /// Who.
        by: User,
        /// Whether it is there now.
        on: bool,
    },
    /// Somebody pinned a message in Rocket.Chat, or unpinned it.
    MessagePinned {
        /// The message.
        message: Message,
        /// Who.
        by: User,
        /// Whether it is pinned now.
        on: bool,
    },
    /// Somebody wants to know whether everything works; see `admin::check`.
    Check {
        /// The user's id.
        user: String,
        /// The room to answer in.
        room: String,
    },
    /// The core stopped over an entry, and this is the instance that was made after it.
    Trapped {
        /// Where the entry stood.
        tag: Tag,
    },
    /// Another server is about to send a large body: nothing of it is read yet. A reply refuses it.
    Knock {
        /// The request, without its body.
        request: Request,
    },
    /// Somebody's browser asks for what can be downloaded with a ticket; the reply's body is the file.
    Download {
        /// The ticket.
        ticket: String,
    },
    /// A local user is called something else, was deactivated, or is gone: what has become of them is to be seen.
    PersonChanged {
        /// The user's id.
        user: String,
    },
}

/// A request to the App's listener or endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path with its query, percent-encoded, exactly as sent.
    pub uri: String,
    /// The `Authorization` headers, in order: a request between servers may be signed by several keys.
    pub authorization: Vec<String>,
    /// The body, as put into the core before.
    pub body: u32,
}

/// How a call to another server ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// An HTTP answer, whatever its status.
    Response {
        /// The HTTP status.
        status: u16,
        /// The body as text.
        body: String,
        /// The `Retry-After` header in milliseconds, where there is one.
        retry_after: Option<i64>,
        /// The `Cache-Control` header, where there is one.
        cache_control: Option<String>,
        /// The `Location` header, where there is one: redirects are not followed by the host.
        location: Option<String>,
        /// How far the other side's clock was ahead of ours when the answer came, in milliseconds, by its `Date` header.
        ahead: Option<i64>,
    },
    /// No answer: refused, timed out, broken off.
    Unreachable {
        /// Why, in plain words and without secrets.
        why: String,
    },
}

impl Answer {
    /// Where it asks us to slow down: for how long, in milliseconds, if it says so.
    pub fn slow_down(&self) -> Option<Option<i64>> {
        let Self::Response { status: 429, body, retry_after, .. } = self else { return None };
        let in_body = || {
            let body = serde_json::from_str::<serde_json::Value>(body).ok()?;
            body.get("retry_after_ms")?.as_i64()
        };
        Some(retry_after.or_else(in_body))
    }
}
