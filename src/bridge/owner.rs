//! Who may decide: each scope has one owner among the live instances, found by rendezvous hashing.
//!
//! Overlap when an instance dies or comes up is harmless, because ids are derived and documents are only inserted;
//! order is kept within an owner's term.

use std::collections::BTreeSet;

use crate::effect::Effect;
use crate::ids::{self, Scope, key};
use crate::record::{Heartbeat, Poke, Record};
use crate::view::{Missing, View};

/// An instance without a sign of life for so many milliseconds is taken for dead.
const LEASE: i64 = 8_000;

/// All signs of life in the store.
pub(super) fn heartbeats(view: &View) -> Result<Vec<Heartbeat>, Missing> {
    let records = view.records(key::INSTANCES)?;
    Ok(records
        .iter()
        .filter_map(|it| if let Record::Heartbeat(it) = it { Some(it.clone()) } else { None })
        .collect())
}

/// The instances that are alive, this one always among them.
///
/// Of the others only those count that gave a sign of life since this one came up: mostly it comes up because its
/// predecessor died a moment ago, and nobody else is there. One that does live is heard within a beat.
pub(super) fn live(view: &View) -> Result<BTreeSet<String>, Missing> {
    let since = view.started.max(view.now - LEASE);
    let alive = heartbeats(view)?.into_iter().filter(|it| it.at > since).map(|it| it.instance);
    Ok(alive.chain([view.instance.clone()]).collect())
}

/// Whether an instance was given up since a time. It may have come and gone unseen, with hooks that it lost.
pub(super) fn died_since(view: &View, time: i64) -> Result<bool, Missing> {
    let live = live(view)?;
    let given_up =
        |it: &Heartbeat| (time..=view.now).contains(&(it.at + LEASE)) && !live.contains(&it.instance);
    Ok(heartbeats(view)?.iter().any(given_up))
}

/// Whether no other instance gave a sign of life since a time, nor was still held to be alive then.
pub(super) fn is_alone_since(view: &View, time: i64) -> Result<bool, Missing> {
    let heartbeats = heartbeats(view)?;
    Ok(heartbeats.iter().all(|it| it.instance == view.instance || it.at < time - LEASE))
}

/// The instance that owns a scope.
fn of(view: &View, scope: &Scope) -> Result<String, Missing> {
    let heaviest = live(view)?.into_iter().max_by_key(|it| ids::digest(&[it, &scope.to_string()]));
    Ok(heaviest.unwrap_or_else(|| view.instance.clone()))
}

/// If another instance owns the scope: the effects that hand the work to it.
pub(super) fn hand_over(view: &View, scope: &Scope) -> Result<Option<Vec<Effect>>, Missing> {
    let owner = of(view, scope)?;
    if owner == view.instance {
        return Ok(None);
    }
    let id = format!("poke:{owner}:{scope}");
    Ok(Some(vec![Record::Poke(Poke { to: owner, scope: scope.clone(), id }).insert()]))
}
