//! The documents that are kept, each with a version: here is all the truth there is.
//!
//! Documents are inserted and removed, never changed. A record of an unknown kind or version is passed over, so
//! that an older App beside a newer one does no harm.

mod dm;
mod file;
mod instance;
mod ledger;
mod people;
mod pin;
mod poll;
mod server;
mod ticket;
mod tokens;
mod waiting;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::effect::{Document, Effect};
use crate::facts::{Message, Room, User};
use crate::ids::{self, Scope, key};

pub use dm::{Decline, Departed, Dm, Open, Person, Reach};
pub use file::{Carried, Fate, Uploaded};
pub use instance::{Checked, Heartbeat, Poke};
pub use ledger::{Checkpoint, Deleted, Edit, Held, Link, React, Reaction, Segment, Suspended};
pub use people::{Presented, Profile, Puppet, Seal};
pub use pin::{Pin, Pinned};
pub use poll::{Poll, Vote};
pub use server::{
    Head, Invitation, Joined, Made, Remembered, RetiredKey, RoomEvent, SigningKey, Snapshot, Standing,
};
pub use ticket::{Download, Ticket};
pub use tokens::{SealedTokens, Tokens, TokensInUse};
pub use waiting::{Mark, Outage, Told};

/// The version written into every document.
const VERSION: u32 = 1;

/// A kept document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Record {
    /// Work that is not done yet.
    Entry(Rc<Entry>),
    /// A failed attempt at an entry.
    Retry(Retry),
    /// An entry that was given up.
    Dead(Dead),
    /// A room that exists on both sides.
    Portal(Portal),
    /// A Matrix user as a Rocket.Chat user.
    Ghost(Ghost),
    /// A local message and its Matrix event.
    Link(Link),
    /// Links that were sealed together.
    Segment(Segment),
    /// Where the ledger's sealed segments stand.
    Checkpoint(Checkpoint),
    /// A comparison of a portal that came to its end.
    Compared(Compared),
    /// Tokens of the application service.
    Tokens(Tokens),
    /// A sign of life of an instance.
    Heartbeat(Heartbeat),
    /// A scope handed from one instance to another.
    Poke(Poke),
    /// A key that we sign with in direct mode.
    SigningKey(SigningKey),
    /// That such a key signs no more.
    RetiredKey(RetiredKey),
    /// What another server said of itself, kept until it runs out.
    Remembered(Remembered),
    /// An invitation of one of our users.
    Invitation(Invitation),
    /// A room that we are in as a server.
    Joined(Joined),
    /// An event of such a room.
    Event(Box<RoomEvent>),
    /// The state of such a room at some point.
    Snapshot(Snapshot),
    /// One of the latest events of such a room.
    Head(Head),
    /// Events that we made, by what they were made for.
    Made(Made),
    /// An edit that came before what it edits.
    Held(Held),
    /// A reaction that is there on both sides.
    Reaction(Reaction),
    /// That Rocket.Chat encrypts the room of a portal.
    Suspended(Suspended),
    /// What the check said at a start.
    Checked(Checked),
    /// That the homeserver cannot be reached.
    Outage(Outage),
    /// That a local message shows its sender that it waits.
    Mark(Mark),
    /// That somebody was told that their messages wait.
    Told(Told),
    /// That somebody left a Matrix room of a direct message.
    Departed(Departed),
    /// That the homeserver has shown which tokens it knows.
    TokensInUse(TokensInUse),
    /// What may be downloaded once.
    Ticket(Ticket),
    /// A local user as a Matrix user.
    Puppet(Puppet),
    /// What a Matrix user is known by.
    Profile(Profile),
    /// What one side was told of a person of the other.
    Presented(Presented),
    /// A key that addresses of pictures and files are marked with.
    Seal(Seal),
    /// What became of a file of a message on its way.
    Carried(Carried),
    /// A poll on Matrix that is open.
    Poll(Poll),
    /// A vote in such a poll.
    Vote(Vote),
    /// A file of Matrix that Rocket.Chat has, by the account for its REST API.
    Uploaded(Uploaded),
}

/// Work that is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Derived from what is to be done.
    pub id: String,
    /// Whose journal it stands in.
    pub scope: Scope,
    /// Its place in the order of the scope: the time of the thing itself, in milliseconds.
    pub at: i64,
    /// Its place among entries of the same time.
    pub part: u32,
    /// What to do.
    pub work: Work,
}

/// What an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Work {
    /// Send a local message to Matrix.
    Post {
        /// The message.
        message: Box<Message>,
    },
    /// Federate a room if it is not yet, and invite a Matrix user.
    Invite {
        /// The room.
        room: Room,
        /// Who asked for it.
        by: User,
        /// The Matrix user.
        mxid: String,
    },
    /// Join a Matrix room and make a room its portal.
    Join {
        /// The room that becomes the portal.
        room: Room,
        /// Who asked for it, and joins.
        by: User,
        /// The Matrix room, by its id or one of its aliases.
        remote: String,
        /// Servers that are in it, as far as they are known.
        via: Vec<String>,
    },
    /// Look whether the homeserver has events of a Matrix room that never came, and bring them.
    Missed,
    /// Bring events of a Matrix room to Rocket.Chat.
    Events {
        /// Each event as it came, one JSON text each.
        events: Vec<String>,
    },
    /// Send a local message's new text to Matrix.
    Edit {
        /// The message as it is now.
        message: Box<Message>,
        /// Who edited it; nothing where nobody knows any more.
        by: Option<User>,
    },
    /// Take a message back on Matrix that was deleted here.
    Redact {
        /// The message, as far as that is still of use.
        deleted: Box<Deleted>,
    },
    /// Let Matrix know of a reaction, or that it was taken back.
    React(Box<React>),
    /// Open a direct message on Rocket.Chat.
    Open(Box<Open>),
    /// See to it that what is said in a direct message reaches somebody.
    Reach(Reach),
    /// Answer an invitation of one of ours.
    Invited {
        /// The event as it came, one JSON text.
        event: String,
    },
    /// Have one of ours turn an invitation down, or leave.
    Decline(Decline),
    /// Let the homeserver know one of ours.
    Register {
        /// Who.
        user: User,
    },
    /// Find out which Rocket.Chat room a Matrix room was made for by an earlier installation, and take it up again.
    Adopt,
    /// Tell Matrix what has become of a local user: a new name, a new picture, an end.
    Puppet {
        /// The Rocket.Chat user's id.
        user: String,
    },
    /// Look whether Matrix knows what has become of local users: Rocket.Chat does not tell of everything.
    People {
        /// Their ids.
        users: Vec<String>,
    },
    /// Bring a Matrix user's name and picture to the account of its ghost.
    Ghost {
        /// The Matrix user.
        mxid: String,
    },
    /// Show how a poll stands.
    Tally {
        /// The event that began it.
        poll: String,
    },
    /// Pin a message on Matrix, or unpin it there.
    Pin(Box<Pin>),
    /// Pin a message here, or unpin it.
    Pinned(Box<Pinned>),
}

/// A failed attempt at an entry; the one with the most attempts counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The entry.
    pub entry: String,
    /// The entry's scope.
    pub scope: Scope,
    /// The part of the entry that failed, where it is done in parts.
    pub part: usize,
    /// How often it failed.
    pub attempts: u32,
    /// Not again before this time, in milliseconds.
    pub due: i64,
    /// Why, in plain words.
    pub why: String,
    /// How often in a row the workspace itself did not do what the entry asked for, although it kept this.
    #[serde(default)]
    pub broken: u32,
}

/// An entry that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// The entry as it was.
    pub entry: Entry,
    /// Why, in plain words.
    pub why: String,
    /// When, in milliseconds.
    pub at: i64,
}

/// A room that exists on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    /// The Rocket.Chat room's id.
    pub local: String,
    /// The Matrix room's id.
    pub remote: String,
    /// Messages before this time, in milliseconds, were never meant for the other side.
    pub since: i64,
    /// What else there is to know of a direct message, which may have several Matrix rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dm: Option<Dm>,
}

impl Portal {
    /// Whether a Matrix user is none of those in a direct message, where only they may speak.
    pub fn is_strange_to(&self, mxid: &str) -> bool {
        self.dm.as_ref().is_some_and(|dm| dm.people.iter().all(|it| it != mxid))
    }
}

/// A Matrix user as a Rocket.Chat user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ghost {
    /// The Matrix user.
    pub mxid: String,
    /// The username on Rocket.Chat.
    pub username: String,
}

/// A comparison of a portal that came to its end: all that was said before is journaled or bridged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The Rocket.Chat room.
    pub room: String,
    /// When it began, in milliseconds.
    pub at: i64,
}

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    record: Record,
}

impl Record {
    /// Reads a document's body; `None` if it is of a kind or version that is not known here.
    pub fn parse(body: &str) -> Option<Self> {
        serde_json::from_str::<Versioned>(body).ok().filter(|it| it.v == VERSION).map(|it| it.record)
    }

    /// The effect that keeps this record.
    pub fn insert(self) -> Effect {
        let (id, associations) = self.keys();
        // A record is plain data: writing it as JSON cannot fail.
        let body = serde_json::to_string(&Versioned { v: VERSION, record: self }).unwrap_or_default();
        Effect::Insert { document: Document { id, associations, body } }
    }

    /// The effect that takes this record away again.
    pub fn remove(&self) -> Effect {
        Effect::Remove { id: self.id() }
    }

    /// The document's own id.
    pub fn id(&self) -> String {
        self.keys().0
    }

    /// The document's own id, and what else it is found by.
    fn keys(&self) -> (String, Vec<String>) {
        match self {
            Self::Entry(it) => (it.id.clone(), found_by_scope(&it.scope)),
            Self::Retry(it) => {
                (format!("retry:{}:{}:{}", it.entry, it.part, it.attempts), found_by_scope(&it.scope))
            }
            Self::Dead(it) => {
                // What was given up is known, or it would be taken for something that was lost on the way.
                let mut found_by = vec![key::DEAD.to_owned()];
                if let Work::Post { message } = &it.entry.work {
                    found_by.push(key::link_local(&message.id));
                }
                if let Work::Events { events } = &it.entry.work {
                    found_by.extend(
                        events.iter().filter_map(|it| ids::event_id(it)).map(|it| key::link_remote(&it)),
                    );
                }
                (format!("dead:{}", it.entry.id), found_by)
            }
            Self::Portal(it) => {
                (key::portal_local(&it.local), vec![key::portal_remote(&it.remote), key::PORTALS.to_owned()])
            }
            Self::Ghost(it) => {
                (key::ghost(&it.mxid), vec![key::ghost_name(&it.username), key::GHOSTS.to_owned()])
            }
            Self::Link(it) => it.keys(),
            Self::Segment(it) => {
                let local = it.links.iter().map(|link| key::link_local(&link.local));
                let remote = it.links.iter().flat_map(Link::events);
                let found_by = local.chain(remote.map(key::link_remote)).collect();
                (key::segment(&it.room, it.number), found_by)
            }
            Self::Checkpoint(it) => {
                (format!("checkpoint:{}:{}", it.room, it.segment), vec![key::ledger(&it.room)])
            }
            Self::Compared(it) => (format!("compared:{}:{}", it.room, it.at), vec![key::compared(&it.room)]),
            Self::Tokens(it) => {
                let form = if it.sealed.is_some() { "sealed-tokens" } else { "tokens" };
                (format!("{form}:{}", it.pair()), vec![key::TOKENS.to_owned()])
            }
            Self::Heartbeat(it) => {
                (format!("heartbeat:{}:{}", it.instance, it.at), vec![key::INSTANCES.to_owned()])
            }
            Self::Poke(it) => (it.id.clone(), vec![key::pokes(&it.to)]),
            Self::SigningKey(it) => (format!("signing-key:{}", it.id), vec![key::SIGNING.to_owned()]),
            Self::RetiredKey(it) => (format!("retired-key:{}", it.id), vec![key::SIGNING.to_owned()]),
            Self::Remembered(it) => {
                (format!("remembered:{}:{}", it.of, it.at), vec![key::remembered(&it.of)])
            }
            Self::Invitation(it) => {
                let id = format!("invitation:{}:{}", it.room, it.username);
                (id, vec![key::INVITATIONS.to_owned(), key::invitation(&it.room)])
            }
            Self::Joined(it) => (key::joined(&it.room), vec![]),
            Self::Event(it) => {
                (key::event(&it.id), it.is_state.then(|| key::room_state(&it.room)).into_iter().collect())
            }
            Self::Snapshot(it) => (key::snapshot(&it.id), vec![]),
            Self::Head(it) => (format!("head:{}", it.event), vec![key::heads(&it.room)]),
            Self::Made(it) => (key::made(&it.transaction), vec![]),
            Self::Held(it) => (format!("held:{}", it.edit.event), vec![key::held(&it.room)]),
            Self::Reaction(it) => it.keys(),
            Self::Suspended(it) => {
                let until = it.until.map_or_else(String::new, |until| format!(":{until}"));
                (format!("suspended:{}:{}{until}", it.local, it.at), vec![key::portal_local(&it.local)])
            }
            Self::Checked(it) => {
                (format!("checked:{}:{}", it.instance, it.at), vec![key::CHECKED.to_owned()])
            }
            Self::Outage(it) => (format!("outage:{}", it.at), vec![key::OUTAGE.to_owned()]),
            Self::Mark(it) => (format!("mark:{}:{}", it.message, it.at), vec![key::journal(&it.scope)]),
            Self::Told(it) => (format!("told:{}:{}", it.scope, it.user), vec![key::journal(&it.scope)]),
            // Found with the portals of the direct message, because it says which of them is alive.
            Self::Departed(it) => {
                let id = format!("departed:{}:{}", it.remote, it.mxid);
                (id, vec![key::portal_local(&it.local), key::portal_remote(&it.remote)])
            }
            Self::TokensInUse(it) => {
                (format!("tokens-in-use:{}:{}", it.pair, it.at), vec![key::TOKENS.to_owned()])
            }
            Self::Ticket(it) => (format!("ticket:{}", it.digest), vec![key::TICKETS.to_owned()]),
            Self::Puppet(it) => it.keys(),
            Self::Profile(it) => it.keys(),
            Self::Presented(it) => it.keys(),
            Self::Seal(it) => it.keys(),
            Self::Carried(it) => (it.id(), found_by_scope(&it.scope)),
            Self::Poll(it) => it.keys(),
            Self::Vote(it) => it.keys(),
            Self::Uploaded(it) => (key::uploaded(&it.file), vec![key::link_remote(&it.event)]),
        }
    }
}

fn found_by_scope(scope: &Scope) -> Vec<String> {
    vec![key::journal(scope), key::JOURNALS.to_owned()]
}
