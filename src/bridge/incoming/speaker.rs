//! Who speaks on Matrix, as somebody who may speak here.

use crate::bridge::{dm, ghost};
use crate::effect::Effect;
use crate::record::Portal;
use crate::view::{Missing, View};

/// The username of who speaks, and what must be done before: who is new, or could not speak before, is brought into the
/// room.
pub(super) fn ensured(
    view: &View,
    portal: &Portal,
    (mxid, name): (&str, &str),
    attempts: u32,
) -> Result<(String, Vec<Effect>), Missing> {
    let (username, mut effects) = ghost::ensure(view, mxid, name)?;
    if attempts > 0 || !effects.is_empty() {
        match &portal.dm {
            Some(dm) => effects = dm::mended(view, dm)?,
            None => {
                effects.push(Effect::AddMember { room: portal.local.clone(), username: username.clone() });
            }
        }
    }
    Ok((username, effects))
}
