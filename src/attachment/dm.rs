//! What the bridge wants done about direct messages and invitations.

use crate::facts::User;

/// Something wanted of the network, in the name of a local user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DmIntent {
    /// Make the Matrix room of a direct message; made before, it is found again.
    Create {
        /// The Rocket.Chat room.
        room: String,
        /// The Matrix room that it had before, or nothing.
        before: String,
        /// The local user who makes it.
        by: User,
        /// Whom to invite, on Matrix.
        people: Vec<String>,
    },
    /// Invite those who are not in the Matrix room of a direct message.
    Gather {
        /// The Matrix room.
        room: String,
        /// The local user who invites.
        by: User,
        /// Whom to invite, on Matrix.
        people: Vec<String>,
    },
    /// Join a Matrix room that one was invited into, and see who is there.
    Meet {
        /// The Matrix room.
        room: String,
        /// The local user who joins.
        by: User,
    },
    /// Turn an invitation down, or leave.
    Decline {
        /// The Matrix room.
        room: String,
        /// The user of ours, on Matrix; there may be no such person.
        mxid: String,
        /// Why, in plain words.
        why: String,
        /// Whether to say so in the room first.
        say: bool,
    },
    /// Let the network know a local user, so that they can be invited.
    Register {
        /// Who.
        user: User,
    },
}

impl DmIntent {
    /// The local user who acts, where one does.
    pub(super) fn by(&self) -> Option<&User> {
        match self {
            Self::Create { by, .. } | Self::Gather { by, .. } | Self::Meet { by, .. } => Some(by),
            Self::Register { user } => Some(user),
            Self::Decline { .. } => None,
        }
    }
}
