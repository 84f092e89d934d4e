//! What is admitted to federation; so far asked where somebody federates a room or invites.
//!
//! A refusal is a sentence for the person who asked.

use crate::config::Config;
use crate::facts::{Room, RoomKind};
use crate::ids;
use crate::matrix::address::{is_public, parse_address};

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
        return Err(
            "Matrix Federation is not set up yet. An administrator finds it under Administration > Apps."
                .to_owned(),
        );
    }
    if room.encrypted {
        return Err("This room is encrypted by Rocket.Chat, so it cannot be federated.".to_owned());
    }
    match room.kind {
        RoomKind::Channel | RoomKind::Group => Ok(()),
        RoomKind::Direct | RoomKind::Other => Err("Only channels and groups can be federated.".to_owned()),
    }
}
