//! What is admitted to federation; so far asked where somebody federates a room or invites.
//!
//! A refusal is a sentence for the person who asked.

use crate::config::Config;
use crate::facts::{Room, RoomKind};
use crate::ids;

/// Whether a Matrix user may be invited into a room.
pub fn admits(config: &Config, room: &Room, mxid: &str) -> Result<(), String> {
    if !config.is_complete() {
        return Err(
            "Matrix Federation is not set up yet. An administrator finds it under Administration > Apps."
                .to_owned(),
        );
    }
    if !ids::is_mxid(mxid) {
        return Err(format!("'{mxid}' is not a Matrix user id. One looks like @alice:example.org"));
    }
    if config.is_ours(mxid) {
        return Err(format!("{mxid} is one of this workspace's own users: invite them here on Rocket.Chat."));
    }
    if room.encrypted {
        return Err("This room is encrypted by Rocket.Chat, so it cannot be federated.".to_owned());
    }
    match room.kind {
        RoomKind::Channel | RoomKind::Group => Ok(()),
        RoomKind::Direct | RoomKind::Other => Err("Only channels and groups can be federated.".to_owned()),
    }
}
