//! The life of an instance: coming up, giving signs of life, taking over what others left, going down.

use std::collections::BTreeSet;

use super::{attachment, avatar, check, outage, owner, people, reconcile};
use crate::effect::{Effect, Level};
use crate::ids::{Scope, key};
use crate::record::{Heartbeat, Record};
use crate::view::{Key, Missing, View};

/// A sign of life is given every so many milliseconds.
const BEAT: i64 = 2_500;

/// All portals are looked over every so many milliseconds, whether or not anything seems lost.
const LOOK_OVER: i64 = 600_000;

/// A dead instance's last sign of life is kept for so many milliseconds.
const FORGET: i64 = 60_000;

/// Comes up: draws tokens where there are none, attaches to the network, and takes up all that is left to do.
pub(super) fn start(view: &View) -> Result<Vec<Effect>, Missing> {
    view.all(
        [key::TOKENS, key::INSTANCES, key::JOURNALS, key::PORTALS, key::PUPPETS, key::SEALS]
            .map(Key::documents),
    )?;
    let mut effects = attachment(view).prepare(view)?;
    effects.extend(avatar::draw(view)?);
    effects.extend(beat(view)?);
    effects.extend(attach(view));
    if !view.config.is_complete() {
        let text = "Not connected to Matrix yet: fill in the App's settings.";
        effects.push(Effect::Log { level: Level::Info, text: text.to_owned() });
    }
    effects.extend(take_up(view)?);
    effects.extend(check::soon(view));
    Ok(effects)
}

/// Gives a sign of life and takes up scopes that were handed over; all of them when an instance came or went, and
/// now and then in any case.
pub(super) fn tick(view: &View) -> Result<Vec<Effect>, Missing> {
    let pokes_key = key::pokes(&view.instance);
    view.all([Key::documents(key::INSTANCES), Key::documents(&*pokes_key)])?;
    let own =
        owner::heartbeats(view)?.into_iter().filter(|it| it.instance == view.instance).max_by_key(|it| it.at);
    let (changed, look_over) = match &own {
        Some(own) => (
            own.live != owner::live(view)? || owner::died_since(view, own.at)?,
            own.at.div_euclid(LOOK_OVER) != view.now.div_euclid(LOOK_OVER),
        ),
        None => (true, true),
    };
    let mut effects = vec![];
    if changed || look_over {
        view.all([key::JOURNALS, key::PORTALS, key::OUTAGE, key::TOKENS, key::PUPPETS].map(Key::documents))?;
        effects.extend(attachment(view).prepare(view)?);
    }
    if changed || look_over || own.is_none_or(|it| it.at <= view.now - BEAT) {
        effects.extend(beat(view)?);
    }
    if changed || look_over {
        effects.extend(take_up(view)?);
    }
    // A timer that was lost must not leave the homeserver away for ever.
    if changed || look_over && outage::of(view)?.is_some() {
        effects.extend(attach(view));
    }
    for record in view.records(&pokes_key)? {
        let Record::Poke(poke) = &record else { continue };
        effects.push(Effect::Wake { scope: poke.scope.clone(), at: view.now });
        effects.push(record.remove());
    }
    Ok(effects)
}

/// Goes down: without a sign of life, its scopes pass to the others at once.
pub(super) fn stop(view: &View) -> Result<Vec<Effect>, Missing> {
    let heartbeats = owner::heartbeats(view)?.into_iter();
    Ok(heartbeats
        .filter(|it| it.instance == view.instance)
        .map(|it| Record::Heartbeat(it).remove())
        .collect())
}

/// The new sign of life, and an end to old ones.
fn beat(view: &View) -> Result<Vec<Effect>, Missing> {
    let beat = Heartbeat { instance: view.instance.clone(), at: view.now, live: owner::live(view)? };
    let outdated =
        |it: &Heartbeat| it.at < view.now && (it.instance == view.instance || it.at < view.now - FORGET);
    let old = owner::heartbeats(view)?.into_iter().filter(outdated).map(|it| Record::Heartbeat(it).remove());
    Ok([Record::Heartbeat(beat).insert()].into_iter().chain(old).collect())
}

/// Whoever owns the workspace's scope attaches it to the network.
fn attach(view: &View) -> Option<Effect> {
    let wake = Effect::Wake { scope: Scope::workspace(), at: view.now };
    view.config.is_complete().then_some(wake)
}

/// Every scope with work left is woken, every portal compared; those of other owners pass on by themselves.
fn take_up(view: &View) -> Result<Vec<Effect>, Missing> {
    let mut scopes = BTreeSet::new();
    for record in view.records(key::JOURNALS)? {
        if let Record::Entry(entry) = record {
            scopes.insert(entry.scope.clone());
        }
    }
    // The comparison first: what a hook lost may be older than what is journaled.
    let mut effects = vec![];
    for record in view.records(key::PORTALS)? {
        if let Record::Portal(portal) = record {
            effects.push(reconcile::begin(&Scope::local(&portal.local)));
        }
    }
    effects.extend(scopes.into_iter().map(|scope| Effect::Wake { scope, at: view.now }));
    effects.extend(people::look_over(view)?);
    Ok(effects)
}
