//! What is kept of direct messages: their Matrix rooms, who left those, and the work they make.

use serde::{Deserialize, Serialize};

use crate::facts::User;

/// A Matrix user as they are first heard of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub mxid: String,
    /// What they are called; may be empty.
    pub name: String,
}

/// A Matrix room of a direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dm {
    /// When it was asked for, in milliseconds: what is said goes to the newest room.
    pub at: i64,
    /// One of ours who is in it.
    pub by: User,
    /// The ids of all of ours who are in the direct message.
    pub ours: Vec<String>,
    /// The Matrix users who are in it.
    pub people: Vec<String>,
}

/// That somebody left a Matrix room of a direct message; taken away when they come back or are invited again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departed {
    /// The direct message.
    pub local: String,
    /// The Matrix room.
    pub remote: String,
    /// Who, on Matrix.
    pub mxid: String,
}

/// Open a direct message on Rocket.Chat: for a Matrix room that is there, or to make one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Who opens it.
    pub by: User,
    /// The ids of all of ours who are in it.
    pub ours: Vec<String>,
    /// The others.
    pub people: Vec<Person>,
    /// The Matrix room; none if it is to be made.
    pub remote: Option<String>,
    /// When it was asked for, in milliseconds.
    pub at: i64,
    /// The room where whoever asked for it is told.
    pub answer: Option<String>,
}

/// See to it that what is said in a direct message reaches somebody: make its Matrix room, or invite again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The direct message.
    pub room: String,
    /// Who wants to say something.
    pub by: User,
    /// The room where they are told, if they asked for it.
    pub answer: Option<String>,
}

/// Have one of ours turn an invitation down, or leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// Who, on Matrix.
    pub mxid: String,
    /// Why, in plain words.
    pub why: String,
    /// Whether to say so in the room first.
    pub say: bool,
}
