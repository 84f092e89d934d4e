//! Portals: a Rocket.Chat room and a Matrix room that are one.

use crate::ids::key;
use crate::record::{Portal, Record};
use crate::view::{Missing, View};

/// The portal of a Rocket.Chat room.
pub(super) fn of_local(view: &View, room: &str) -> Result<Option<Portal>, Missing> {
    find(view, &key::portal_local(room))
}

/// The portal of a Matrix room.
pub(super) fn of_remote(view: &View, room: &str) -> Result<Option<Portal>, Missing> {
    find(view, &key::portal_remote(room))
}

fn find(view: &View, key: &str) -> Result<Option<Portal>, Missing> {
    let portals =
        view.records(key)?.iter().filter_map(|it| if let Record::Portal(it) = it { Some(it) } else { None });
    // Two instances may have recorded the same portal at once: the first one counts.
    Ok(portals.min_by_key(|it| (it.since, &it.remote)).cloned())
}
