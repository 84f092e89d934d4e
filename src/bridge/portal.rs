//! Portals: a Rocket.Chat room and a Matrix room that are one.
//!
//! Of an ordinary room there is one portal. A direct message may have several Matrix rooms, because people on Matrix
//! may open one with the same person again and again: all of them lead into it, and what is said here goes to the
//! newest that is alive.

use std::collections::BTreeMap;

use crate::ids::key;
use crate::puppet;
use crate::record::{Departed, Dm, Portal, Record};
use crate::view::{Missing, View, each};

/// The portal of a Rocket.Chat room, of a direct message the one that it speaks through.
pub(super) fn of_local(view: &View, room: &str) -> Result<Option<Portal>, Missing> {
    Ok(match conversation(view, room)? {
        Some(conversation) => Some(conversation.portal),
        None => find(view, &key::portal_local(room))?,
    })
}

/// The portal of a Matrix room.
pub(super) fn of_remote(view: &View, room: &str) -> Result<Option<Portal>, Missing> {
    find(view, &key::portal_remote(room))
}

fn find(view: &View, key: &str) -> Result<Option<Portal>, Missing> {
    // Two instances may have recorded the same portal at once: the first one counts.
    Ok(portals(view, key)?.min_by_key(|it| (it.since, &it.remote)).cloned())
}

fn portals<'a>(view: &'a View, key: &str) -> Result<impl Iterator<Item = &'a Portal>, Missing> {
    let records = view.records(key)?.iter();
    Ok(records.filter_map(|it| if let Record::Portal(it) = it { Some(it) } else { None }))
}

/// How a Matrix room of a direct message stands; the best is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Ours are not in it any more.
    Closed,
    /// All the others have left.
    Deserted,
    /// Somebody is there to read.
    Alive,
}

/// A direct message, and the Matrix room that it speaks through.
#[derive(Debug)]
pub(super) struct Conversation {
    /// With the earliest time since which anything was meant for the other side.
    pub(super) portal: Portal,
    pub(super) dm: Dm,
    pub(super) standing: Standing,
}

/// The conversation in a direct message, if it has a Matrix room.
pub(super) fn conversation(view: &View, room: &str) -> Result<Option<Conversation>, Missing> {
    let key = key::portal_local(room);
    let Some(since) = portals(view, &key)?.map(|it| it.since).min() else { return Ok(None) };
    // The same room may have been recorded twice: its first record counts.
    let mut rooms: BTreeMap<&str, (&Portal, &Dm)> = BTreeMap::new();
    for portal in portals(view, &key)? {
        let Some(dm) = &portal.dm else { return Ok(None) };
        let known = rooms.entry(&portal.remote).or_insert((portal, dm));
        if dm.at < known.1.at {
            *known = (portal, dm);
        }
    }
    let gone = departed(view, room)?;
    let rooms: Vec<(&Portal, &Dm)> = rooms.into_values().collect();
    let ranked = each(rooms, |(portal, dm)| Ok((standing(view, portal, dm, &gone)?, portal, dm)))?;
    let best = ranked.into_iter().max_by_key(|(standing, portal, dm)| (*standing, dm.at, &portal.remote));
    Ok(best.map(|(standing, portal, dm)| Conversation {
        portal: Portal { since, ..portal.clone() },
        dm: dm.clone(),
        standing,
    }))
}

/// Who left which Matrix room of a direct message.
pub(super) fn departed<'a>(view: &'a View, room: &str) -> Result<Vec<&'a Departed>, Missing> {
    let records = view.records(&key::portal_local(room))?.iter();
    Ok(records.filter_map(|it| if let Record::Departed(it) = it { Some(it) } else { None }).collect())
}

fn standing(view: &View, portal: &Portal, dm: &Dm, gone: &[&Departed]) -> Result<Standing, Missing> {
    let is_gone = |mxid: &String| gone.iter().any(|it| it.remote == portal.remote && it.mxid == *mxid);
    // Whose id it is must be known only where one of ours has left.
    let ours_left = gone.iter().any(|it| it.remote == portal.remote && view.config.is_ours(&it.mxid));
    Ok(if ours_left && is_gone(&puppet::mxid(view, &dm.by)?) {
        Standing::Closed
    } else if dm.people.iter().all(is_gone) {
        Standing::Deserted
    } else {
        Standing::Alive
    })
}
