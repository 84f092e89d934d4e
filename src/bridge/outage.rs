//! When the homeserver is away: rooms wait, and only the workspace's own flow looks for it.
//!
//! Whoever finds it away notes that, and from then on no room knocks. The workspace's flow goes on looking; the first
//! answer it gets ends the outage and wakes everything that waits. A homeserver that says something by itself is
//! looked for at once.

use std::collections::BTreeSet;

use super::attachment;
use crate::effect::{Effect, Level};
use crate::ids::{Scope, key};
use crate::record::{Outage, Record};
use crate::view::{Missing, View};

/// Between two looks for the homeserver, in milliseconds: few at first, and never more than this.
const LOOKS: std::ops::RangeInclusive<i64> = 1_000..=5_000;

/// Rooms are woken one after the other, so many milliseconds apart: the workspace is to have time for other things.
const SPREAD: i64 = 5;

/// What is known of an outage is said again if the reason has become another, but no sooner than this.
const RENEWED: i64 = 60_000;

/// The outage that goes on, if there is one: since when, and why.
pub(super) fn of(view: &View) -> Result<Option<Outage>, Missing> {
    let all = all(view)?;
    let since = all.iter().map(|it| it.since).min();
    Ok(all.into_iter().max_by_key(|it| it.at).zip(since).map(|(it, since)| Outage { since, ..it }))
}

/// A room found the homeserver away: noted and looked into, unless it is known.
pub(super) fn found(view: &View, why: &str) -> Result<Vec<Effect>, Missing> {
    let mut effects = note(view, why)?;
    if of(view)?.is_none() {
        effects.push(look(view.now));
    }
    Ok(effects)
}

/// The workspace's own flow found it away: it looks again in a while.
pub(super) fn goes_on(view: &View, why: &str) -> Result<Vec<Effect>, Missing> {
    let lasted = of(view)?.map_or(0, |it| view.now - it.since);
    let mut effects = note(view, why)?;
    effects.push(look(view.now + lasted.clamp(*LOOKS.start(), *LOOKS.end())));
    Ok(effects)
}

/// The homeserver answers: all that waited goes on.
pub(super) fn ends(view: &View) -> Result<Vec<Effect>, Missing> {
    let outages = all(view)?;
    if outages.is_empty() {
        return Ok(vec![]);
    }
    let entries = view.records(key::JOURNALS)?.iter();
    let scopes: BTreeSet<&Scope> =
        entries.filter_map(|it| if let Record::Entry(it) = it { Some(&it.scope) } else { None }).collect();
    let mut effects: Vec<Effect> = outages.into_iter().map(|it| Record::Outage(it).remove()).collect();
    let times = (0..).map(|n| view.now + n * SPREAD);
    effects.extend(scopes.into_iter().zip(times).map(|(it, at)| Effect::Wake { scope: it.clone(), at }));
    Ok(effects)
}

/// The homeserver said something by itself: if it was away, it is back.
pub(super) fn heard(view: &View) -> Result<Option<Effect>, Missing> {
    if !attachment(view).has_one_door() {
        return Ok(None);
    }
    Ok(of(view)?.map(|_| look(view.now)))
}

fn note(view: &View, why: &str) -> Result<Vec<Effect>, Missing> {
    let known = all(view)?;
    let outage = of(view)?;
    if outage.as_ref().is_some_and(|it| it.why == why || view.now < it.at + RENEWED) {
        return Ok(vec![]);
    }
    let since = outage.map_or(view.now, |it| it.since);
    let text = format!("Not connected to Matrix: {why}. What is said meanwhile waits.");
    let note = Outage { since, at: view.now, why: why.to_owned() };
    let mut effects = vec![Record::Outage(note).insert(), Effect::Log { level: Level::Warn, text }];
    effects.extend(known.into_iter().map(|it| Record::Outage(it).remove()));
    Ok(effects)
}

fn look(at: i64) -> Effect {
    Effect::Wake { scope: Scope::workspace(), at }
}

fn all(view: &View) -> Result<Vec<Outage>, Missing> {
    let records = view.records(key::OUTAGE)?.iter();
    Ok(records.filter_map(|it| if let Record::Outage(it) = it { Some(it.clone()) } else { None }).collect())
}
