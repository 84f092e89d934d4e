//! What a decision can see: loaded documents and facts, the configuration, the time.
//!
//! A view does not change while one input is decided. What it has not loaded yet it reports as `Missing`; the
//! driver loads that and the decision runs again from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::effect::{Call, Tag};
use crate::facts::{Avatar, Message, Room, User};
use crate::input::Answer;
use crate::record::Record;
use crate::runtime::Runtime;

/// Something that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Key {
    /// Every document that carries an association.
    Documents {
        /// The association.
        association: String,
    },
    /// A user by username.
    UserByName {
        /// The username.
        username: String,
    },
    /// A message by id.
    Message {
        /// The id.
        id: String,
    },
    /// The newest messages of a room, oldest first, without system messages.
    Recent {
        /// The room's id.
        room: String,
        /// How many of the newest to leave out.
        skip: u32,
        /// How many at most; Rocket.Chat gives no more than 100.
        limit: u32,
    },
    /// The answer of another server to a request that changes nothing there.
    Fetch {
        /// The request.
        request: Call,
    },
    /// Where the App runs, and what it may do there.
    Runtime,
    /// A setting of the workspace.
    Setting {
        /// Rocket.Chat's id of it.
        id: String,
    },
    /// The direct message of just these people.
    Direct {
        /// Their usernames, sorted.
        members: Vec<String>,
    },
    /// Who is in a room.
    Members {
        /// The room's id.
        room: String,
    },
    /// A room by id.
    Room {
        /// The id.
        id: String,
    },
    /// A room by the short name that it is mentioned by.
    RoomByName {
        /// The name.
        name: String,
    },
    /// The last file that somebody posted in a room.
    PostedFile {
        /// The room's id.
        room: String,
        /// The user's id.
        user: String,
    },
    /// A user by id.
    UserById {
        /// The id.
        id: String,
    },
    /// The picture that Rocket.Chat shows of a user.
    Avatar {
        /// The username.
        username: String,
        /// The version that is known, so that an unchanged picture need not be read.
        known: Option<String>,
    },
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Loaded {
    /// The bodies of the documents.
    Documents {
        /// In no order.
        bodies: Vec<String>,
    },
    /// A user, if there is one.
    User {
        /// The user.
        user: Option<User>,
    },
    /// A message, if there is one.
    Message {
        /// The message.
        message: Option<Box<Message>>,
    },
    /// Messages, oldest first.
    Messages {
        /// The messages.
        messages: Vec<Message>,
    },
    /// How a call ended.
    Answer {
        /// The answer, or why there is none.
        answer: Answer,
    },
    /// Where the App runs.
    Runtime {
        /// What the host tells.
        runtime: Runtime,
    },
    /// A setting of the workspace.
    Setting {
        /// Its value as text; none where there is no such setting.
        value: Option<String>,
    },
    /// A room, if there is one.
    Room {
        /// The room.
        room: Option<Room>,
    },
    /// Some users.
    Users {
        /// The users.
        users: Vec<User>,
    },
    /// A file as text, if there is one.
    File {
        /// The text.
        text: Option<String>,
    },
    /// A user's picture.
    Avatar {
        /// The picture.
        avatar: Avatar,
    },
}

/// What a key led to, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The records among the documents; those that are not known here are passed over.
    Records(Rc<Vec<Record>>),
    /// A user, if there is one.
    User(Option<User>),
    /// A message, if there is one.
    Message(Option<Box<Message>>),
    /// Messages, oldest first.
    Messages(Vec<Message>),
    /// How a call ended.
    Answer(Answer),
    /// Where the App runs.
    Runtime(Runtime),
    /// A setting of the workspace as text, if there is one.
    Setting(Option<String>),
    /// A room, if there is one.
    Room(Option<Room>),
    /// Some users.
    Users(Vec<User>),
    /// A file as text, if there is one.
    File(Option<String>),
    /// A user's picture.
    Avatar(Avatar),
}

impl Loaded {
    /// Reads what was loaded.
    pub fn read(self) -> Found {
        match self {
            Self::Documents { bodies } => {
                Found::Records(Rc::new(bodies.iter().filter_map(|body| Record::parse(body)).collect()))
            }
            Self::User { user } => Found::User(user),
            Self::Message { message } => Found::Message(message),
            Self::Messages { messages } => Found::Messages(messages),
            Self::Answer { answer } => Found::Answer(answer),
            Self::Runtime { runtime } => Found::Runtime(runtime),
            Self::Setting { value } => Found::Setting(value),
            Self::Room { room } => Found::Room(room),
            Self::Users { users } => Found::Users(users),
            Self::File { text } => Found::File(text),
            Self::Avatar { avatar } => Found::Avatar(avatar),
        }
    }
}

/// The keys a decision still needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub Vec<Key>);

/// Answers about several things; what is lacking for any of them is asked for together.
pub fn each<T, A>(
    things: impl IntoIterator<Item = T>,
    answer: impl Fn(T) -> Result<A, Missing>,
) -> Result<Vec<A>, Missing> {
    let (mut answers, mut missing) = (vec![], vec![]);
    for thing in things {
        match answer(thing) {
            Ok(it) => answers.push(it),
            Err(Missing(keys)) => missing.extend(keys),
        }
    }
    if missing.is_empty() { Ok(answers) } else { Err(Missing(missing)) }
}

/// Two answers; what is lacking for either is asked for together.
pub fn both<A, B>(one: Result<A, Missing>, other: Result<B, Missing>) -> Result<(A, B), Missing> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Missing(mut keys)), Err(Missing(more))) => {
            keys.extend(more);
            Err(Missing(keys))
        }
        (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing),
    }
}

/// What a decision can see. It stays the same for all passes of one input.
#[derive(Clone, Debug)]
pub struct View {
    /// The time in milliseconds since the epoch; no two inputs of an instance see the same.
    pub now: i64,
    /// Random bytes, drawn for this input.
    pub entropy: [u8; 32],
    /// The settings.
    pub config: Config,
    /// This instance.
    pub instance: String,
    /// When this instance came up, in milliseconds since the epoch.
    pub started: i64,
    /// The entry under way in the input's scope, where there is one.
    pub active: Option<Tag>,
    /// The body of the request that is being decided.
    pub body: Vec<u8>,
    /// What was loaded so far.
    pub loaded: BTreeMap<Key, Found>,
}

impl View {
    /// Makes sure that all these are loaded, so that a step asks once for everything it needs.
    pub fn all(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), Missing> {
        let mut missing = BTreeSet::new();
        // One by one: a set that is collected sorts its keys first, and the code for that is large.
        missing.extend(keys.into_iter().filter(|key| !self.loaded.contains_key(key)));
        if missing.is_empty() { Ok(()) } else { Err(Missing(missing.into_iter().collect())) }
    }

    /// The records that carry an association.
    pub fn records(&self, association: &str) -> Result<&[Record], Missing> {
        Ok(if let Found::Records(records) = self.get(Key::documents(association))? { records } else { &[] })
    }

    /// A Rocket.Chat user.
    pub fn user_by_name(&self, username: &str) -> Result<Option<&User>, Missing> {
        let found = self.get(Key::UserByName { username: username.to_owned() })?;
        Ok(if let Found::User(user) = found { user.as_ref() } else { None })
    }

    /// A Rocket.Chat user, by id.
    pub fn user_by_id(&self, id: &str) -> Result<Option<&User>, Missing> {
        let found = self.get(Key::UserById { id: id.to_owned() })?;
        Ok(if let Found::User(user) = found { user.as_ref() } else { None })
    }

    /// The picture that Rocket.Chat shows of a user, of whom a version is known or none.
    pub fn avatar(&self, username: &str, known: Option<&str>) -> Result<&Avatar, Missing> {
        let key = Key::Avatar { username: username.to_owned(), known: known.map(str::to_owned) };
        Ok(if let Found::Avatar(avatar) = self.get(key)? { avatar } else { &Avatar::Unknown })
    }

    /// A Rocket.Chat message.
    pub fn message(&self, id: &str) -> Result<Option<&Message>, Missing> {
        let found = self.get(Key::Message { id: id.to_owned() })?;
        Ok(if let Found::Message(message) = found { message.as_deref() } else { None })
    }

    /// The newest messages of a Rocket.Chat room after the first few, oldest first.
    pub fn recent(&self, room: &str, skip: u32, limit: u32) -> Result<&[Message], Missing> {
        let found = self.get(Key::Recent { room: room.to_owned(), skip, limit })?;
        Ok(if let Found::Messages(messages) = found { messages } else { &[] })
    }

    /// The answer of another server to a request that changes nothing there. No answer is a value too.
    pub fn fetch(&self, request: Call) -> Result<&Answer, Missing> {
        const NONE: &Answer = &Answer::Unreachable { why: String::new() };
        let found = self.get(Key::Fetch { request })?;
        Ok(if let Found::Answer(answer) = found { answer } else { NONE })
    }

    /// Where the App runs, and what it may do there; none where the host does not tell.
    pub fn runtime(&self) -> Result<Option<&Runtime>, Missing> {
        Ok(if let Found::Runtime(runtime) = self.get(Key::Runtime)? { Some(runtime) } else { None })
    }

    /// A setting of the workspace, as text.
    pub fn setting(&self, id: &str) -> Result<Option<&str>, Missing> {
        let found = self.get(Key::Setting { id: id.to_owned() })?;
        Ok(if let Found::Setting(value) = found { value.as_deref() } else { None })
    }

    /// The direct message of just these people.
    pub fn direct(&self, members: &[String]) -> Result<Option<&Room>, Missing> {
        let found = self.get(Key::Direct { members: members.to_vec() })?;
        Ok(if let Found::Room(room) = found { room.as_ref() } else { None })
    }

    /// Who is in a Rocket.Chat room.
    pub fn members(&self, room: &str) -> Result<&[User], Missing> {
        let found = self.get(Key::Members { room: room.to_owned() })?;
        Ok(if let Found::Users(users) = found { users } else { &[] })
    }

    /// A Rocket.Chat room.
    pub fn room(&self, id: &str) -> Result<Option<&Room>, Missing> {
        let found = self.get(Key::Room { id: id.to_owned() })?;
        Ok(if let Found::Room(room) = found { room.as_ref() } else { None })
    }

    /// A Rocket.Chat room, by the short name that it is mentioned by.
    pub fn room_by_name(&self, name: &str) -> Result<Option<&Room>, Missing> {
        let found = self.get(Key::RoomByName { name: name.to_owned() })?;
        Ok(if let Found::Room(room) = found { room.as_ref() } else { None })
    }

    /// The last file that somebody posted in a room, as text.
    pub fn posted_file(&self, room: &str, user: &str) -> Result<Option<&str>, Missing> {
        let found = self.get(Key::PostedFile { room: room.to_owned(), user: user.to_owned() })?;
        Ok(if let Found::File(text) = found { text.as_deref() } else { None })
    }

    /// Takes in what a key led to.
    pub fn know(&mut self, key: Key, found: Found) {
        self.loaded.insert(key, found);
    }

    fn get(&self, key: Key) -> Result<&Found, Missing> {
        self.loaded.get(&key).ok_or_else(|| Missing(vec![key]))
    }
}

impl Key {
    /// The documents that carry an association.
    pub fn documents(association: impl Into<String>) -> Self {
        Self::Documents { association: association.into() }
    }
}
