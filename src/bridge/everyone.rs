//! Who may do what only some may: on either side only whoever has the right to on Matrix, as to call everyone in a room.
//!
//! Rocket.Chat judges for itself who may here.

use super::{attachment, portal};
use crate::attachment::Deed;
use crate::facts::{Message, User, UserKind};
use crate::puppet;
use crate::record::Portal;
use crate::view::{Missing, View};

/// Whether the sender of a message may call everyone who is in its room on Matrix.
pub(super) fn may_call(view: &View, message: &Message) -> Result<bool, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(false) };
    let mxid = puppet::mxid(view, &message.sender)?;
    attachment(view).may(view, &portal.remote, &mxid, Deed::CallEveryone, Some(&message.sender))
}

/// Whether a Matrix user may call everyone who is in a portal.
pub(super) fn may_be_called_by(view: &View, portal: &Portal, mxid: &str) -> Result<bool, Missing> {
    may(view, portal, mxid, Deed::CallEveryone)
}

/// Whether a Matrix user may do something in a portal.
pub(super) fn may(view: &View, portal: &Portal, mxid: &str, deed: Deed) -> Result<bool, Missing> {
    let seen_by = witness(view, portal)?;
    attachment(view).may(view, &portal.remote, mxid, deed, seen_by)
}

/// One of ours who is in a portal, and sees what the App's own user may not.
pub(super) fn witness<'a>(view: &'a View, portal: &'a Portal) -> Result<Option<&'a User>, Missing> {
    Ok(match &portal.dm {
        Some(dm) => Some(&dm.by),
        None => view.members(&portal.local)?.iter().find(|it| it.kind == UserKind::User && it.active),
    })
}
