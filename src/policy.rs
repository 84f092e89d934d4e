//! What is admitted to federation; so far asked where somebody federates a room or invites.
//!
//! A refusal is a sentence for the person who asked.

use crate::config::Config;
use crate::facts::{Room, RoomKind, User};
use crate::ids;
use crate::matrix::address::{is_public, parse_address};

const NOT_SET_UP: &str =
    "Matrix Federation is not set up yet. An administrator finds it under Administration > Apps.";

/// Whether another server may have us talk to an address, as a socket reports it.
pub fn admits_address(config: &Config, address: &str) -> bool {
    config.private_addresses || parse_address(address).is_some_and(is_public)
}

/// Whether a Matrix user may be invited into a room.
pub fn admits(config: &Config, room: &Room, mxid: &str) -> Result<(), String> {
    if config.is_complete() && !ids::is_mxid(mxid) {
        return Err(format!("'{mxid}' is not a Matrix user id. One looks like @alice:example.org"));
    }
    if config.is_complete() && config.is_ours(mxid) {
        return Err(format!("{mxid} is one of this workspace's own users: invite them here on Rocket.Chat."));
    }
    admits_room(config, room)
}

/// Whether a room may be federated.
pub fn admits_room(config: &Config, room: &Room) -> Result<(), String> {
    if !config.is_complete() {
        return Err(NOT_SET_UP.to_owned());
    }
    if room.encrypted {
        return Err("This room is encrypted by Rocket.Chat, so it cannot be federated.".to_owned());
    }
    match room.kind {
        RoomKind::Channel | RoomKind::Group => Ok(()),
        RoomKind::Direct => {
            Err("A direct message stays among those who are in it. To write to people on Matrix, type \
                                 `/federation dm @user:server`."
                .to_owned())
        }
        RoomKind::Other => Err("Only channels and groups can be federated.".to_owned()),
    }
}

/// Why nobody can be invited who is not there.
pub const NOBODY: &str = "There is no such person on Rocket.Chat, or their account is switched off.";

/// Why the App's own user goes nowhere by invitation.
pub const NO_PERSON: &str =
    "This account belongs to the bridge and joins no rooms; invite somebody of the workspace instead.";

/// Why rooms that Matrix encrypts are not joined.
pub const ENCRYPTED: &str =
    "People on Rocket.Chat cannot read encrypted rooms; start the conversation without encryption.";

/// Why rooms that Rocket.Chat encrypts are not federated.
pub const ENCRYPTED_HERE: &str =
    "Rocket.Chat encrypts this direct message, so nobody on Matrix could read it; switch its encryption off.";

/// Why nobody is taken into a direct message.
pub const FIXED: &str = "Nobody can be added to a conversation on Rocket.Chat; start a new one with everybody who is to be in it.";

/// Why a conversation with nobody is not begun.
pub const ALONE: &str = "Nobody else is in this conversation.";

/// Whether somebody may open a direct message with these Matrix users.
pub fn admits_dm(config: &Config, people: &[String]) -> Result<(), String> {
    if !config.is_complete() {
        return Err(NOT_SET_UP.to_owned());
    }
    for mxid in people {
        if !ids::is_mxid(mxid) {
            return Err(format!("'{mxid}' is not a Matrix user id. One looks like @alice:example.org"));
        }
        if config.is_ours(mxid) {
            return Err(format!(
                "{mxid} is one of this workspace's own users: write to them here on Rocket.Chat."
            ));
        }
    }
    admits_size(config, people.len().saturating_add(1))
}

/// Whether so many people may be in one direct message.
pub fn admits_size(config: &Config, people: usize) -> Result<(), String> {
    let most = config.direct_message_users;
    if people <= most {
        return Ok(());
    }
    Err(format!("A direct message on Rocket.Chat has room for {most} people, and here are {people}."))
}

/// Whether a Matrix user may invite a person of this workspace; so far everybody may.
pub fn admits_invitation(_config: &Config, _sender: &str, _user: &User) -> Result<(), String> {
    Ok(())
}
