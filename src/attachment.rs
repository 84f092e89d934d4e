//! The seam to the network: what the bridge wants done there, and what comes in from there.
//!
//! Homeserver mode (`appservice`) and direct mode (`server`) are its two sides; nothing in `bridge` asks which one
//! is at work. An intent is carried out step by step: a side says what to call next, the answer comes back, and it
//! says what follows. Steps are idempotent, so that after a crash an intent simply begins again.

mod dm;
mod person;

use serde_json::Value;

use crate::effect::{Call, Effect, FilePlace, Reply};
use crate::facts::{File, Room, User};
use crate::input::{Answer, Request};
use crate::record::Person;
use crate::view::{Missing, View};

pub use dm::DmIntent;
pub use person::PersonIntent;

/// Something the bridge wants done on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Make ourselves known, and hear whether the network reaches us.
    Attach,
    /// Make the Matrix room of a Rocket.Chat room; made before, it is found again.
    CreateRoom {
        /// The Rocket.Chat room.
        room: Room,
    },
    /// Read the latest events of a room.
    Latest {
        /// The Matrix room.
        room: String,
        /// The local user who reads them; the App's own where there is none.
        by: Option<User>,
    },
    /// Join a Matrix room that is there already.
    Join {
        /// The Matrix room, by its id or one of its aliases.
        room: String,
        /// The local user who joins.
        by: User,
        /// Servers that are in the room, as far as they are known.
        via: Vec<String>,
        /// Unique across the workspace and derived from what is asked for.
        transaction: String,
        /// When it was asked for, in milliseconds.
        at: i64,
    },
    /// Invite a Matrix user.
    Invite {
        /// The Matrix room.
        room: String,
        /// The local user who invites.
        by: User,
        /// The Matrix user.
        mxid: String,
    },
    /// Send an event as a local user.
    Send {
        /// The Matrix room.
        room: String,
        /// The local user.
        by: User,
        /// The event's type.
        event_type: String,
        /// The event's content.
        content: Value,
        /// Unique across the workspace and derived from what is sent.
        transaction: String,
        /// When it was said, in milliseconds.
        at: i64,
        /// Whether it may have been sent before, by an attempt whose end nobody saw.
        perhaps_sent: bool,
    },
    /// Take an event back.
    Redact {
        /// The Matrix room.
        room: String,
        /// The event.
        event: String,
        /// Whether it is by one of our own users.
        is_ours: bool,
        /// The local user who wants it gone; nothing where only the App itself can act.
        by: Option<User>,
        /// What to say for a reason, where the App itself has to act for them.
        reason: String,
        /// Unique across the workspace and derived from what is taken back.
        transaction: String,
        /// When it was asked for, in milliseconds.
        at: i64,
    },
    /// Pin a message in a room, or unpin it; what others have pinned stays as it is.
    Pin {
        /// The Matrix room.
        room: String,
        /// The event of the message.
        event: String,
        /// Whether it is to be pinned.
        on: bool,
        /// The local user who wants it so; where they may not, the App's own user acts for them.
        by: User,
    },
    /// Something about a direct message or an invitation.
    Dm(DmIntent),
    /// Ask which Rocket.Chat room a Matrix room was made for, by an earlier installation of ours.
    Recognise {
        /// The Matrix room.
        room: String,
    },
    /// Something about a local user on Matrix, in no room.
    Person(PersonIntent),
    /// Bring a file of a local user to the network.
    Upload {
        /// The local user.
        by: User,
        /// The file.
        file: File,
    },
}

impl Intent {
    /// The local user who acts, where one does.
    pub fn by(&self) -> Option<&User> {
        match self {
            Self::Join { by, .. }
            | Self::Invite { by, .. }
            | Self::Send { by, .. }
            | Self::Upload { by, .. } => Some(by),
            Self::Redact { by, .. } => by.as_ref(),
            Self::Dm(intent) => intent.by(),
            Self::Attach
            | Self::CreateRoom { .. }
            | Self::Latest { .. }
            | Self::Recognise { .. }
            | Self::Pin { .. }
            | Self::Person(_) => None,
        }
    }
}

/// What an intent comes to next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Call another server; the answer goes back with the step's name.
    Call {
        /// The step.
        step: String,
        /// The request.
        request: Call,
        /// What to keep before it goes out.
        keep: Vec<Effect>,
    },
    /// This must be kept first; then the intent begins again.
    Again {
        /// What to keep.
        keep: Vec<Effect>,
    },
    /// It is done.
    Done {
        /// What was achieved.
        done: Done,
        /// What to keep of it.
        keep: Vec<Effect>,
    },
    /// It cannot be done now.
    Later {
        /// Not again before so many milliseconds, where the other side said so.
        after: Option<i64>,
        /// Why, in plain words.
        why: String,
    },
    /// It will never be done.
    Refused {
        /// Why, in plain words, for the person who asked for it.
        why: String,
    },
    /// Nothing can be done before the way to the network is found again.
    Away {
        /// Why, in plain words.
        why: String,
    },
    /// Carry a file from one place to another; the answer goes back with the step's name.
    Carry {
        /// The step.
        step: String,
        /// Where it is.
        from: FilePlace,
        /// Where it is to be.
        to: FilePlace,
    },
}

/// What was achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing that has an id.
    Plainly,
    /// The workspace is on the network: how, in a sentence for the log.
    Attached(String),
    /// An event of this id.
    Event(String),
    /// A Matrix room of this id.
    Room(String),
    /// We are in a Matrix room.
    Joined {
        /// Its id.
        room: String,
        /// Events of its state that are to come in like any others: who is there already.
        events: Vec<String>,
    },
    /// These events, oldest first, one JSON text each.
    Events(Vec<String>),
    /// We are in a Matrix room, and know who is.
    Met {
        /// Whether what is said there is encrypted; then nobody looked who is there.
        encrypted: bool,
        /// Who is in it or invited.
        people: Vec<Person>,
    },
    /// The workspace is on the network, and its own user is in rooms there.
    AttachedIn {
        /// How, in a sentence for the log.
        how: String,
        /// The Matrix rooms.
        rooms: Vec<String>,
    },
    /// A Matrix room was made for this Rocket.Chat room, or for none of ours.
    Recognised(Option<String>),
    /// A file has this `mxc` address.
    Media {
        /// The address.
        uri: String,
        /// Width and height in pixels, of what has them.
        dimensions: Option<(u32, u32)>,
    },
    /// A puppet is called this.
    Name(String),
    /// A puppet has the picture of this version, or none.
    Picture(Option<String>),
}

/// What a Matrix user is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// The display name, if there is one.
    pub name: Option<String>,
    /// The picture's `mxc` address, if there is one.
    pub avatar: Option<String>,
}

impl Move {
    /// Done, with nothing to keep.
    pub fn done(done: Done) -> Self {
        Self::Done { done, keep: vec![] }
    }
}

/// What a request from the network means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Events to be brought to Rocket.Chat, by room, in order; the reply is due once they are kept.
    Events {
        /// A Matrix room and its events, one JSON text each.
        rooms: Vec<(String, Vec<String>)>,
        /// How many events were passed over because they could not be read at all.
        unreadable: usize,
        /// Matrix rooms and everybody who types there now.
        typing: Vec<(String, Vec<String>)>,
        /// What else to keep before answering.
        keep: Vec<Effect>,
        /// What the sender is told.
        reply: Reply,
    },
    /// Nothing to bring to Rocket.Chat.
    Reply {
        /// What to keep before answering.
        keep: Vec<Effect>,
        /// The answer.
        reply: Reply,
    },
}

impl Incoming {
    /// The same, with more to keep before anything else.
    #[must_use]
    pub fn keeping(mut self, mut more: Vec<Effect>) -> Self {
        match &mut self {
            Self::Events { keep, .. } | Self::Reply { keep, .. } => {
                more.append(keep);
                *keep = more;
            }
        }
        self
    }
}

/// What becomes of an event that came in, when its room's turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// This must be kept of it first; then it is asked for again.
    Keep(Vec<Effect>),
    /// It is to be brought to Rocket.Chat: the event as clients see it, one JSON text.
    Show(String),
    /// It is not. What is to be done instead, such as a line in the log.
    Pass(Vec<Effect>),
}

/// What only some may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Call everyone who is there.
    CallEveryone,
    /// Take back what others said.
    Redact,
}

/// One way of being on the network.
pub trait Attachment {
    /// Whether all goes by way of one server, which may be away as a whole.
    fn has_one_door(&self) -> bool;

    /// Whether names and pictures are kept there for everybody to see, apart from rooms.
    fn keeps_profiles(&self) -> bool;

    /// What must be kept before there is anything to attach with: tokens, keys.
    fn prepare(&self, view: &View) -> Result<Vec<Effect>, Missing>;

    /// The first step towards an intent.
    fn begin(&self, view: &View, intent: &Intent) -> Result<Move, Missing>;

    /// The next step, with the answer to the last one.
    fn resume(&self, view: &View, intent: &Intent, step: &str, answer: &Answer) -> Result<Move, Missing>;

    /// What a request means. It is authenticated here.
    fn receive(&self, view: &View, request: &Request) -> Result<Incoming, Missing>;

    /// Whether a request may come in with a large body: what to keep of the question, or the refusal. Whether the body
    /// is its sender's is only known once it is read.
    fn knock(&self, view: &View, request: &Request) -> Result<Result<Vec<Effect>, Reply>, Missing>;

    /// What becomes of an event that `receive` gave, in the order of its room.
    fn accept(&self, view: &View, room: &str, event: &str) -> Result<Acceptance, Missing>;

    /// What a Matrix user is known by, as far as that can be asked for now.
    fn likeness(&self, view: &View, mxid: &str) -> Result<Option<Likeness>, Missing>;

    /// Whether a Matrix user may do something in a room, as one of ours sees it who is perhaps there; not where that
    /// cannot be seen.
    fn may(
        &self,
        view: &View,
        room: &str,
        mxid: &str,
        deed: Deed,
        seen_by: Option<&User>,
    ) -> Result<bool, Missing>;

    /// Whether a Matrix user is in a room or invited, as one of ours sees it who is perhaps there; so, too, where that
    /// cannot be seen.
    fn is_in(&self, view: &View, room: &str, mxid: &str, seen_by: &User) -> Result<bool, Missing>;

    /// The request that brings a file, by the newer way or the older; none if files cannot be asked for.
    fn media(&self, view: &View, of: (&str, &str), older: bool) -> Result<Option<Call>, Missing>;

    /// The request that brings a picture of another server, about so many pixels wide; none if that cannot be asked for.
    fn picture(&self, view: &View, of: (&str, &str), size: u32) -> Result<Option<Call>, Missing>;
}
