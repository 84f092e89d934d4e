//! What the bridge wants done about a local user on Matrix, in no room.

/// Something wanted of the network for a puppet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonIntent {
    /// Call it by another name.
    Name {
        /// The puppet.
        mxid: String,
        /// What the user is called now.
        name: String,
    },
    /// Give it the picture of its user.
    Picture {
        /// The puppet.
        mxid: String,
        /// The username, and the version of the picture; none if the puppet is to have no picture any more.
        of: Option<(String, String)>,
    },
    /// Take it out of all its rooms.
    Withdraw {
        /// The puppet.
        mxid: String,
        /// Why, in a sentence for those who stay.
        why: String,
    },
}
