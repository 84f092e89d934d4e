//! What becomes of local people, told to Matrix: a new name, a new picture, an end.
//!
//! It happens in a scope of its own, so that no message ever waits for it. Rocket.Chat does not tell an App of
//! everything (of pictures and deactivations it says nothing), so all that have a puppet are looked over now and then.

use std::rc::Rc;

use super::journal::Journal;
use super::{attachment, presented, work};
use crate::attachment::{Done, PersonIntent};
use crate::effect::{Effect, Level};
use crate::facts::{Avatar, User};
use crate::ids::{Scope, key};
use crate::puppet;
use crate::record::{Entry, Presented, Record, Work};
use crate::view::{Key, Missing, View};

/// So many people are looked over at once.
const SLICE: usize = 20;

/// So many people are named in one document.
const PAGE: usize = 1_000;

/// Homeservers cut or refuse names that are longer than this, in characters.
const LONGEST_NAME: usize = 200;

/// Rocket.Chat says that something has become of a user.
pub(super) fn changed(view: &View, user: &str) -> Result<Vec<Effect>, Missing> {
    if puppet::of(view, user)?.is_none() {
        return Ok(vec![]);
    }
    Ok(vec![entry(view, user), wake(view)])
}

/// If a local user acts on Matrix for the first time, or for the first time again: what is to be kept of it before.
pub(super) fn acts(view: &View, by: &User) -> Result<Option<Vec<Effect>>, Missing> {
    view.all(puppet::keys(view, by))?;
    let is_new = puppet::of(view, &by.id)?.is_none();
    let told = presented::last(view, &key::puppet(&by.id))?;
    if !is_new && !told.withdrawn {
        return Ok(None);
    }
    let mut effects = vec![];
    if is_new {
        effects.push(Record::Puppet(puppet::new(view, by)?).insert());
    }
    if told.withdrawn {
        effects.extend(presented::keep(view, Presented { withdrawn: false, ..told })?);
    }
    effects.extend([entry(view, &by.id), wake(view)]);
    Ok(Some(effects))
}

/// The effects that have all who have a puppet looked over.
pub(super) fn look_over(view: &View) -> Result<Vec<Effect>, Missing> {
    let puppets = view.records(key::PUPPETS)?.iter();
    let mut users: Vec<String> = puppets
        .filter_map(|it| if let Record::Puppet(it) = it { Some(it.user.clone()) } else { None })
        .collect();
    users.sort();
    users.dedup();
    let is_look_over =
        |it: &Record| matches!(it, Record::Entry(it) if matches!(it.work, Work::People { .. }));
    // One that waits, for the homeserver perhaps, sees whatever another would.
    let waits = view.records(key::JOURNALS)?.iter().any(is_look_over);
    if users.is_empty() || waits || !view.config.is_complete() {
        return Ok(vec![]);
    }
    let pages = (0..).zip(users.chunks(PAGE)).map(|(part, users)| {
        let work = Work::People { users: users.to_vec() };
        let id = format!("people:{part}");
        Record::Entry(Rc::new(Entry { id, scope: Scope::puppets(), at: view.now, part, work })).insert()
    });
    Ok(pages.chain([wake(view)]).collect())
}

/// Looks over one slice of an entry's people, then the next.
pub(super) fn compare(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    users: &[String],
    index: usize,
) -> Result<Vec<Effect>, Missing> {
    let slice: Vec<&String> = users.iter().skip(index.saturating_mul(SLICE)).take(SLICE).collect();
    if slice.is_empty() {
        return Ok(journal.finish(view, entry));
    }
    let mut missing = vec![];
    let mut effects = vec![];
    for user in slice {
        match intent(view, user) {
            Ok(Some(_)) => effects.push(self::entry(view, user)),
            Ok(None) => {}
            Err(Missing(keys)) => missing.extend(keys),
        }
    }
    view.all(missing)?;
    effects.push(work::next(entry, index.saturating_add(1)));
    Ok(effects)
}

/// What there is to tell of a user next; `None` if Matrix knows all.
pub(super) fn intent(view: &View, user: &str) -> Result<Option<PersonIntent>, Missing> {
    let of = key::puppet(user);
    if !attachment(view).keeps_profiles() {
        return Ok(None);
    }
    view.all([Key::documents(&*of), Key::UserById { id: user.to_owned() }])?;
    let Some(puppet) = puppet::of(view, user)? else { return Ok(None) };
    let told = presented::last(view, &of)?;
    let mxid = view.config.puppet(&puppet.name);
    let user = view.user_by_id(user)?;
    let Some(user) = user.filter(|it| it.active) else {
        let became = if user.is_some() { "deactivated" } else { "deleted" };
        let why = format!("The account on Rocket.Chat was {became}.");
        return Ok((!told.withdrawn).then_some(PersonIntent::Withdraw { mxid, why }));
    };
    let name: String = user.shown().chars().take(LONGEST_NAME).collect();
    if told.name.as_ref() != Some(&name) {
        return Ok(Some(PersonIntent::Name { mxid, name }));
    }
    let of = match view.avatar(&user.username, told.avatar.as_deref())? {
        Avatar::Picture { version } if told.avatar.as_ref() != Some(version) => {
            Some((user.username.clone(), version.clone()))
        }
        Avatar::Initials if told.avatar.is_some() => None,
        Avatar::Picture { .. } | Avatar::Initials | Avatar::Unknown => return Ok(None),
    };
    Ok(Some(PersonIntent::Picture { mxid, of }))
}

/// What to keep of what Matrix was told.
pub(super) fn told(view: &View, user: &str, done: &Done) -> Result<Vec<Effect>, Missing> {
    let told = presented::last(view, &key::puppet(user))?;
    let told = if let Done::Name(name) = done {
        Presented { name: Some(name.clone()), ..told }
    } else if let Done::Picture(version) = done {
        Presented { avatar: version.clone(), ..told }
    } else {
        Presented { withdrawn: true, ..told }
    };
    presented::keep(view, told)
}

/// What Matrix does not want to hear is not said again until it changes.
pub(super) fn refused(view: &View, user: &str, why: &str) -> Result<Vec<Effect>, Missing> {
    let (what, mxid, done) = match intent(view, user)? {
        Some(PersonIntent::Name { mxid, name }) => ("name", mxid, Done::Name(name)),
        Some(PersonIntent::Picture { mxid, of }) => {
            ("picture", mxid, Done::Picture(of.map(|(_, version)| version)))
        }
        Some(PersonIntent::Withdraw { mxid, .. }) => ("rooms", mxid, Done::Plainly),
        None => return Ok(vec![]),
    };
    let mut effects = told(view, user, &done)?;
    let text = format!("Matrix did not take the new {what} of {mxid}: {why}");
    effects.push(Effect::Log { level: Level::Warn, text });
    Ok(effects)
}

/// Each change has an entry of its own, for one that comes while the last is being told must not end with it.
fn entry(view: &View, user: &str) -> Effect {
    let work = Work::Puppet { user: user.to_owned() };
    let id = format!("person:{user}:{}", view.now);
    Record::Entry(Rc::new(Entry { id, scope: Scope::puppets(), at: view.now, part: 0, work })).insert()
}

fn wake(view: &View) -> Effect {
    Effect::Wake { scope: Scope::puppets(), at: view.now }
}
