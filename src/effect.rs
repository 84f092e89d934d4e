//! What may be asked of the host: the store, other servers, Rocket.Chat, a timer, a reply.
//!
//! Effects are an ordered list, and every prefix of it is a valid state: a crash between any two of them
//! loses nothing and doubles nothing.

mod window;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::ids::Scope;

pub use window::{Block, Button, Place, Window};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Put a document into the store. Documents are never changed.
    Insert {
        /// The document.
        document: Document,
    },
    /// Take all documents with this id out of the store.
    Remove {
        /// The document's own id.
        id: String,
    },
    /// Call another server, without waiting; the answer comes back as `Input::Outcome`.
    Call {
        /// What the call is for.
        tag: Tag,
        /// The request.
        request: Call,
    },
    /// Go on with an entry at once: comes back as `Input::Step`. The driver's own, no host sees it.
    Next {
        /// Where it stands.
        tag: Tag,
    },
    /// Wake a scope at a time (milliseconds since the epoch). One that is due is the driver's own.
    Wake {
        /// The scope.
        scope: Scope,
        /// When.
        at: i64,
    },
    /// Compare a portal with what was last bridged. The driver's own, no host sees it.
    Reconcile {
        /// The scope of the portal's local side.
        scope: Scope,
        /// How many of the newest messages were compared already.
        skip: u32,
        /// When the comparison began, in milliseconds; nothing before its first page.
        began: Option<i64>,
    },
    /// Answer the request that is being decided. The driver's own, no host sees it.
    Reply {
        /// The answer.
        reply: Reply,
    },
    /// Create a ghost.
    CreateUser {
        /// Its username; derived, so that a second attempt finds the first.
        username: String,
        /// Its display name.
        name: String,
    },
    /// Create a message.
    CreateMessage {
        /// Its id; derived, so that a second attempt is refused by the database.
        id: String,
        /// The room's id.
        room: String,
        /// The username it is by.
        sender: String,
        /// The text, in Rocket.Chat's Markdown.
        text: String,
        /// What its sender is called, where that is not to be what the account is called.
        alias: Option<String>,
        /// An address, whole or within the workspace, of the picture beside it, where that is not to be the account's.
        avatar: Option<String>,
        /// The first message of the thread that it goes into, if it goes into one.
        thread: Option<String>,
    },
    /// Add a ghost to a room.
    AddMember {
        /// The room's id.
        room: String,
        /// The username.
        username: String,
    },
    /// Take a ghost out of a room.
    RemoveMember {
        /// The room's id.
        room: String,
        /// The username.
        username: String,
    },
    /// Tell one user something in a room that only they see and that is not kept.
    Notify {
        /// The room's id.
        room: String,
        /// The user's id.
        user: String,
        /// What to say, in Rocket.Chat's Markdown.
        text: String,
    },
    /// Write one line into the App's log.
    Log {
        /// How grave it is.
        level: Level,
        /// The line; no secrets.
        text: String,
    },
    /// Give a message a new text. One that is not there is no failure.
    EditMessage {
        /// Its id.
        id: String,
        /// The room's id.
        room: String,
        /// The username of who edits it.
        editor: String,
        /// The text, in Rocket.Chat's Markdown.
        text: String,
    },
    /// Delete a message. One that is not there is no failure.
    DeleteMessage {
        /// Its id.
        id: String,
        /// The room's id.
        room: String,
        /// The username of who deletes it.
        by: String,
    },
    /// Find out whether everything works and tell somebody, beside whatever else is going on. The driver's own, no host
    /// sees it.
    Check {
        /// The user's id.
        user: String,
        /// The room to answer in.
        room: String,
    },
    /// Mark a message with a reaction of the App's own user, or take that away.
    Mark {
        /// The message.
        message: String,
        /// The reaction, such as `:eyes:`.
        reaction: String,
        /// Whether it is to be there.
        on: bool,
    },
    /// React to a message, or take that back. What is so already is no failure.
    React {
        /// The message.
        message: String,
        /// The username of who reacts.
        by: String,
        /// The reaction, such as `:eyes:`.
        emoji: String,
        /// Whether it is to be there.
        on: bool,
    },
    /// Show who of Matrix is typing in a room: these, and nobody else any more.
    Typing {
        /// The room's id.
        room: String,
        /// The names they bear here.
        who: Vec<String>,
    },
    /// Open the direct message of just these people; opened before, it is the same one.
    OpenDirect {
        /// The username of the one who opens it.
        creator: String,
        /// The usernames of all who are in it, sorted.
        members: Vec<String>,
    },
    /// Say something in a room as the App's own user.
    TellRoom {
        /// The message's id; derived, so that it is said once.
        id: String,
        /// The room's id.
        room: String,
        /// What to say, in Rocket.Chat's Markdown.
        text: String,
    },
    /// Say something to somebody in a direct message from the App's own user.
    TellUser {
        /// The message's id; derived, so that it is said once.
        id: String,
        /// The username.
        username: String,
        /// What to say, in Rocket.Chat's Markdown.
        text: String,
    },
    /// Show one user a window: open it, or put it in the place of what is open.
    Show {
        /// The user's id.
        user: String,
        /// Where.
        place: Place,
        /// What.
        window: Window,
    },
    /// Answer the request that is being decided with what a call brings: a picture to be shown, or a file to be saved. The
    /// driver's own, no host sees it.
    Serve {
        /// The request that brings it.
        request: Call,
        /// The name a file is to be saved by; none for a picture.
        name: Option<String>,
    },
    /// Ask something of the workspace's own REST API, by the account that an administrator gave the App, without
    /// waiting; the answer comes back as `Input::Outcome`.
    Rest {
        /// What it is for.
        tag: Tag,
        /// The method of the API, such as `users.update`.
        path: String,
        /// A JSON body.
        body: String,
    },
    /// Carry a file from one place to another, without waiting; the answer of the second, or why the first has none that
    /// can be carried, comes back as `Input::Outcome`. What goes to a user or comes from one is a picture: PNG, JPEG, GIF
    /// or WebP, of 1 MB at most.
    Carry {
        /// What it is for.
        tag: Tag,
        /// Where it is.
        from: FilePlace,
        /// Where it is to be.
        to: FilePlace,
    },
}

/// A place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FilePlace {
    /// Another server: a request that brings it, or that it is the body of.
    Server {
        /// The request.
        request: Call,
    },
    /// Beside a user of the workspace.
    User {
        /// The username.
        username: String,
    },
    /// Among the files of the workspace.
    Upload {
        /// Rocket.Chat's id of it.
        id: String,
        /// Its media type, as it may stand in a header.
        media_type: String,
        /// What it is called, where it is too large to be read whole: then it comes by the workspace's web server, by the
        /// account that an administrator gave the App, and is handed on as it comes.
        streamed: Option<String>,
    },
    /// A room of the workspace, where it is to be said. The answer is `{"message": id}`, with the id that Rocket.Chat gave
    /// it; status 422 if the workspace does not take it, and 413 if it is too large.
    Room {
        /// The room's id.
        room: String,
        /// The username it is by.
        sender: String,
        /// What it is called.
        name: String,
        /// How large it may be, in bytes.
        most: u32,
    },
    /// The files of a room of the workspace, of which nothing is said yet: it is handed on as it comes, by the account
    /// that an administrator gave the App. The answer is that of Rocket.Chat's `rooms.media`; status 422 says why the
    /// workspace does not take it, and 413 that it is too large.
    Media {
        /// The room's id.
        room: String,
        /// What it is called.
        name: String,
        /// How large it may be, in bytes.
        most: u32,
    },
}

/// A document of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its own id, an association like the others.
    pub id: String,
    /// Further associations it is found by.
    pub associations: Vec<String>,
    /// Its body, one opaque JSON string.
    pub body: String,
}

/// Where an entry under way stands; comes back with the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The scope it runs in.
    pub scope: Scope,
    /// The journal entry's id.
    pub entry: String,
    /// The step, in the words of the room that takes it.
    pub step: String,
}

/// A request to another server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The method, in capitals.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The whole `Authorization` header. Never logged.
    pub authorization: Option<String>,
    /// How the server is to be met, where the address does not say it: a Matrix server found by discovery.
    pub peer: Option<Peer>,
    /// Whether somebody else chose the address: then the one really connected to must pass `Core.admits`.
    pub guarded: bool,
    /// A JSON body.
    pub body: Option<String>,
    /// How long to wait for the answer, in milliseconds.
    pub timeout: u32,
}

impl Call {
    /// A path of these parts, each percent-encoded but for the unreserved characters of RFC 3986.
    pub fn path(parts: &[&str]) -> String {
        const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let encode = |part: &&str| utf8_percent_encode(part, ENCODED).to_string();
        parts.iter().map(encode).collect::<Vec<_>>().join("/")
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("method", &self.method).field("url", &self.url).finish_non_exhaustive()
    }
}

/// How a Matrix server is met at an address that is not its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The `Host` header.
    pub host: String,
    /// The name in TLS and in the certificate; none where that is the address itself.
    pub sni: Option<String>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// A JSON body.
    pub body: String,
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Served {
    /// An answer of our own.
    Reply(Reply),
    /// A picture that is somewhere else.
    Picture(Picture),
    /// A file that is somewhere else.
    File(FileElsewhere),
}

/// A picture that is somewhere else, for whoever asks for it: PNG, JPEG, GIF or WebP, of 1 MB at most. What is anything
/// else is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
pub struct Picture {
    /// The request that brings it.
    pub picture: Call,
}

/// A file that is somewhere else, for whoever asks for it: to be saved, never to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
pub struct FileElsewhere {
    /// The request that brings it.
    pub file: Call,
    /// What it is called.
    pub name: String,
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Info,
    /// Somebody should look at it some day.
    Warn,
    /// Somebody should look at it now.
    Error,
}
