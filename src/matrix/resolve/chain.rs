//! Walks along auth events, from the conflict into the past and no further than it must.
//!
//! Law: a walk visits an event as often as it learns something about it, remembers a miss and goes on, and ends in
//! [`Unresolved::TooLarge`] before memory does.
//!
//! <https://spec.matrix.org/v1.19/rooms/v2/#definitions> and <https://spec.matrix.org/v1.19/rooms/v12/#definitions>

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ruma_common::OwnedEventId;
use ruma_state_res::Event;

use super::conflict::Conflict;
use super::reader::Reader;
use super::{Events, Key, Unresolved};

/// A set of states, one bit for each.
type Mask = u128;

/// The auth difference, less the events in conflict: what stands in the auth chain of some states but not of all.
///
/// An event of a state counts as part of its chain. The specification's words leave it out; Synapse counts it, by
/// starting each chain with the state's own events, and servers must agree. It matters for an event that all states
/// have and only one side has built on: it is not up for dispute.
pub(super) fn difference<S: Events>(
    conflict: &Conflict<'_>,
    reader: &Reader<'_, S>,
) -> Result<BTreeSet<OwnedEventId>, Unresolved> {
    let (bits, all) = bits(conflict.width())?;
    let mut reached = BTreeMap::<OwnedEventId, Mask>::new();
    for (at, id) in conflict.said() {
        *reached.entry(id.clone()).or_default() |= bits.get(at).copied().unwrap_or_default();
    }
    let in_conflict: BTreeSet<_> = conflict.ids().collect();

    // In rings around the conflict, so that most events have met all sides before they are walked from.
    let mut next: VecDeque<_> = reached.keys().cloned().collect();
    while let Some(id) = next.pop_front() {
        reader.step()?;
        let mut mask = reached.get(&id).copied().unwrap_or_default();
        // Where the walk stops nothing is asked for.
        let event = if mask == all { reader.peek(&id) } else { reader.read(&id) };
        let Some(event) = event else { continue };
        if mask != all && !in_conflict.contains(&id) && conflict.shared(&key(&*event)) == Some(&id) {
            mask = all;
            reached.insert(id, all);
        }
        for auth in event.auth_events() {
            match reached.get_mut(auth) {
                Some(known) if *known | mask == *known => continue,
                Some(known) => *known |= mask,
                // What all share leads only to what all share.
                None if mask == all => continue,
                None => {
                    reached.insert(auth.clone(), mask);
                }
            }
            next.push_back(auth.clone());
        }
    }

    let (shared, some): (BTreeMap<_, _>, BTreeMap<_, _>) =
        reached.into_iter().partition(|(_, mask)| *mask == all);
    let mut left: BTreeSet<_> = some.into_keys().filter(|id| !in_conflict.contains(id)).collect();
    // With a hole in the walk this would be a search for the wrong events.
    if !reader.lacks() {
        strike_shared(&mut left, shared.keys().chain(conflict.shared_ids()), reader)?;
    }
    Ok(left)
}

/// Takes out of `left` what is in the auth chain of an event that all states have.
fn strike_shared<'i, S: Events>(
    left: &mut BTreeSet<OwnedEventId>,
    shared: impl Iterator<Item = &'i OwnedEventId>,
    reader: &Reader<'_, S>,
) -> Result<(), Unresolved> {
    let lowest = reader.lowest(left.iter());
    let mut seen = BTreeSet::new();
    let mut next = vec![];
    for root in shared {
        if left.is_empty() {
            break;
        }
        if !reader.stands_before(root, lowest) {
            next.push(root.clone());
        }
        while let Some(id) = next.pop() {
            reader.step()?;
            let Some(event) = reader.read(&id) else { continue };
            for auth in event.auth_events() {
                if !seen.contains(auth) {
                    left.remove(auth);
                    seen.insert(auth.clone());
                    if !reader.stands_before(auth, lowest) {
                        next.push(auth.clone());
                    }
                }
            }
        }
    }
    Ok(())
}

/// The conflicted state subgraph: every event on a way along auth events from one event in conflict to another, and
/// those in conflict themselves.
pub(super) fn subgraph<S: Events>(
    conflict: &Conflict<'_>,
    reader: &Reader<'_, S>,
) -> Result<BTreeSet<OwnedEventId>, Unresolved> {
    let lowest = reader.lowest(conflict.ids());
    let mut cited_by: BTreeMap<_, Vec<_>> = conflict.ids().map(|id| (id.clone(), vec![])).collect();
    let mut between: BTreeSet<_> = cited_by.keys().cloned().collect();

    // Back from the conflict, to everything it was built on …
    let mut next: Vec<_> = between.iter().cloned().collect();
    while let Some(id) = next.pop() {
        if reader.stands_before(&id, lowest) {
            continue;
        }
        reader.step()?;
        let Some(event) = reader.read(&id) else { continue };
        for auth in event.auth_events() {
            let citing = cited_by.entry(auth.clone()).or_insert_with(|| {
                next.push(auth.clone());
                vec![]
            });
            citing.push(id.clone());
        }
    }

    // … and forth again, from what of it is in conflict.
    next.extend(between.iter().cloned());
    while let Some(id) = next.pop() {
        for citing in cited_by.get(&id).into_iter().flatten() {
            if between.insert(citing.clone()) {
                next.push(citing.clone());
            }
        }
    }
    Ok(between)
}

/// A bit for each state, and all of them together.
fn bits(width: usize) -> Result<(Vec<Mask>, Mask), Unresolved> {
    let bits: Vec<Mask> = (0..Mask::BITS).map_while(|at| Mask::checked_shl(1, at)).take(width).collect();
    if bits.len() < width {
        return Err(Unresolved::TooLarge { limit: bits.len(), of: "states" });
    }
    let all = bits.iter().fold(0, |all, bit| all | bit);
    Ok((bits, all))
}

fn key(event: &(impl Event + ?Sized)) -> Key {
    (event.event_type().to_string().into(), event.state_key().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests;
