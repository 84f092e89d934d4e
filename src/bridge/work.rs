//! Working off a scope's journal: one entry at a time, in order, by the scope's owner.
//!
//! The stored entry is the continuation. An outcome finds its entry again by the id in its tag; if the entry is
//! gone by then, somebody else finished it and there is nothing left to do.

use super::dm::Achieved;
use super::journal::Journal;
use super::{
    account, adopt, attachment, check, dm, edit, file, incoming, invite, invited, join, ledger, outage,
    outgoing, owner, people, pin, pinned, reaction, reconcile, redaction, waiting,
};
use crate::attachment::{Done, Intent, Move, PersonIntent};
use crate::effect::{Effect, Level, Tag};
use crate::ids::{self, Scope, key};
use crate::input::Answer;
use crate::record::{Entry, Outage, Work};
use crate::view::{Key, Missing, View};

/// How long to wait after the first failure, in milliseconds; doubled each time.
const FIRST_WAIT: i64 = 1_000;

/// The longest wait between two attempts, in milliseconds. After an outage everything flows again within it.
const LONGEST_WAIT: i64 = 30_000;

/// The longest wait that another server may ask of us, in milliseconds.
const LONGEST_ASKED: i64 = 600_000;

/// So often an invitation or a join is tried: a message must not wait for it for long.
const INVITE_ATTEMPTS: u32 = 3;

/// So often what concerns one person is tried before the others have their turn; it is found again later.
pub(super) const PERSON_ATTEMPTS: u32 = 5;

/// So often a file is tried before only its name goes.
const UPLOAD_ATTEMPTS: u32 = 8;

/// Who asks for something while the homeserver is away is answered within so many milliseconds.
const ANSWERED: i64 = 10_000;

/// The step of an entry that has not called anybody yet.
const BEGIN: &str = "begin";

/// Looks for something to do in a scope.
pub(super) fn wake(view: &View, scope: &Scope) -> Result<Vec<Effect>, Missing> {
    view.all([key::INSTANCES, &key::journal(scope), key::OUTAGE].map(Key::documents))?;
    if view.active.as_ref().is_some_and(|it| *scope != Scope::workspace() || it.entry == settings(view)) {
        // The flow under way wakes the scope when it ends.
        return Ok(vec![]);
    }
    if let Some(effects) = owner::hand_over(view, scope)? {
        return Ok(effects);
    }
    if *scope == Scope::workspace() {
        return attach(view, BEGIN, None);
    }
    if *scope == Scope::check() {
        return check::at_start(view);
    }
    if let Some(effect) = reconcile::first(view, scope)? {
        return Ok(vec![effect]);
    }
    let journal = Journal::load(view, scope)?;
    let Some(entry) = journal.entries.first() else {
        let mut effects = journal.sweep();
        effects.extend(ledger::seal(view, scope)?);
        return Ok(effects);
    };
    if let Some(at) = not_before(entry).filter(|it| *it > view.now) {
        return Ok(vec![Effect::Wake { scope: scope.clone(), at }]);
    }
    if let Some(outage) = outage::of(view)?
        && !matches!(entry.work, Work::Events { .. } | Work::Tally { .. })
    {
        return away(view, &journal, entry, &outage);
    }
    Ok(match journal.last_try(entry) {
        Some(retry) => {
            let mut effects = waiting::mark(view, &journal, scope, entry.at, &retry.why);
            effects.push(if retry.due > view.now {
                Effect::Wake { scope: scope.clone(), at: retry.due }
            } else {
                next(entry, retry.part)
            });
            effects
        }
        None => vec![next(entry, 0)],
    })
}

/// When an entry may begin that does not begin at once.
fn not_before(entry: &Entry) -> Option<i64> {
    match &entry.work {
        Work::Missed | Work::Tally { .. } => Some(entry.at),
        Work::Invited { .. } => Some(entry.at.saturating_add(invited::GATHERING)),
        Work::Post { .. }
        | Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Events { .. }
        | Work::Adopt
        | Work::Open(_)
        | Work::Reach(_)
        | Work::Decline(_)
        | Work::Register { .. }
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Pin(_)
        | Work::Pinned(_) => None,
    }
}

/// Goes on with an entry.
pub(super) fn step(view: &View, tag: &Tag) -> Result<Vec<Effect>, Missing> {
    // At once, for there is more to come: a decision has few goes.
    let mut keys = vec![Key::documents(key::journal(&tag.scope))];
    keys.extend(tag.scope.remote_room().map(|it| Key::documents(key::portal_remote(it))));
    keys.extend(tag.scope.local_room().into_iter().flat_map(outgoing::looked_at));
    view.all(keys)?;
    let journal = Journal::load(view, &tag.scope)?;
    match journal.entry(&tag.entry) {
        Some(entry) => advance(view, &journal, entry, &tag.step),
        None => Ok(gone(view, tag)),
    }
}

/// Goes on with an entry whose call was answered.
pub(super) fn outcome(view: &View, tag: &Tag, answer: &Answer) -> Result<Vec<Effect>, Missing> {
    if tag.scope == Scope::workspace() {
        return attach(view, &tag.step, Some(answer));
    }
    let portal = tag.scope.local_room().map(key::portal_local);
    view.all([key::journal(&tag.scope)].into_iter().chain(portal).map(Key::documents))?;
    let journal = Journal::load(view, &tag.scope)?;
    let Some(entry) = journal.entry(&tag.entry) else { return Ok(gone(view, tag)) };
    if let Work::Events { events } = &entry.work {
        return incoming::outcome(view, &journal, entry, events, &tag.step, answer);
    }
    if let Work::Ghost { mxid } = &entry.work {
        return account::outcome(view, &journal, entry, (mxid, &tag.step), answer);
    }
    if let Work::Pinned(pinned) = &entry.work {
        return pinned::outcome(view, &journal, entry, pinned, answer);
    }
    let Some(intent) = intent(view, &journal, entry)? else { return nothing_to_do(view, &journal, entry) };
    let next = attachment(view).resume(view, &intent, &tag.step, answer)?;
    follow(view, &journal, entry, &intent, next)
}

/// The effect that goes on with a part of an entry.
pub(super) fn next(entry: &Entry, index: usize) -> Effect {
    Effect::Next { tag: tag(entry, &part(index)) }
}

fn advance(view: &View, journal: &Journal, entry: &Entry, step: &str) -> Result<Vec<Effect>, Missing> {
    if let Work::Events { events } = &entry.work {
        return incoming::event(view, journal, entry, events, part_of(step));
    }
    if let Work::People { users } = &entry.work {
        return people::compare(view, journal, entry, users, part_of(step));
    }
    if journal.entries.first().is_none_or(|first| first.id != entry.id) {
        // Something earlier came into the journal since this entry was chosen.
        return Ok(vec![Effect::Wake { scope: entry.scope.clone(), at: view.now }]);
    }
    if let Work::Tally { poll } = &entry.work {
        return incoming::tally(view, journal, entry, poll);
    }
    if let Work::Pinned(pinned) = &entry.work {
        return pinned::begin(view, journal, entry, pinned);
    }
    if let Work::Open(open) = &entry.work {
        return dm::open::go_on(view, journal, entry, open);
    }
    if let Some(effects) = outgoing::first_the_earlier(view, journal, entry)? {
        return Ok(effects);
    }
    if let Some(effects) = edit::overtaken(view, journal, entry)? {
        return Ok(effects);
    }
    if let Some(effects) = dm::reach::first(view, entry)? {
        return Ok(effects);
    }
    if let Some(why) = outgoing::too_long(view, entry)? {
        return refused(view, journal, entry, why);
    }
    if let Some(effects) = file::first(view, journal, entry) {
        return Ok(effects);
    }
    if let Work::Ghost { mxid } = &entry.work {
        return account::begin(view, journal, entry, mxid);
    }
    match intent(view, journal, entry)? {
        Some(intent) => {
            if let Some(by) = intent.by()
                && let Some(mut effects) = people::acts(view, by)?
            {
                effects.push(next(entry, 0));
                return Ok(effects);
            }
            let next = attachment(view).begin(view, &intent)?;
            follow(view, journal, entry, &intent, next)
        }
        None => nothing_to_do(view, journal, entry),
    }
}

/// An entry that wants nothing of the network ends.
fn nothing_to_do(view: &View, journal: &Journal, entry: &Entry) -> Result<Vec<Effect>, Missing> {
    let mut effects = match &entry.work {
        Work::Post { message } => outgoing::passed_over(view, journal, entry, message)?,
        Work::Edit { message, .. } => edit::passed_over(view, journal, entry, message)?,
        Work::Redact { deleted } => redaction::over(view, deleted)?,
        Work::React(react) => reaction::over(view, react, "")?,
        Work::Open(_) | Work::Reach(_) | Work::Invited { .. } | Work::Decline(_) | Work::Register { .. } => {
            dm::settled(view, entry)?
        }
        Work::Join { .. }
        | Work::Invite { .. }
        | Work::Missed
        | Work::Events { .. }
        | Work::Adopt
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pin(_)
        | Work::Pinned(_) => vec![],
    };
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

/// What an entry wants of the network next; `None` if nothing any more.
fn intent(view: &View, journal: &Journal, entry: &Entry) -> Result<Option<Intent>, Missing> {
    let tried = journal.last_try(entry).is_some();
    match &entry.work {
        Work::Post { message } => outgoing::intent(view, journal, entry, message),
        Work::Edit { message, .. } => edit::intent(view, journal, entry, message, tried),
        Work::Redact { deleted } => redaction::intent(view, entry, deleted),
        Work::React(react) => reaction::intent(view, entry, react, tried),
        Work::Invite { room, by, mxid } => invite::intent(view, room, by, mxid).map(Some),
        Work::Join { by, remote, via, .. } => Ok(Some(join::intent(entry, by, remote, via))),
        Work::Missed => incoming::missed::intent(view, entry),
        Work::Open(_) | Work::Reach(_) | Work::Invited { .. } | Work::Decline(_) | Work::Register { .. } => {
            dm::intent(view, entry)
        }
        Work::Adopt => adopt::intent(view, entry),
        Work::Puppet { user } => Ok(people::intent(view, user)?.map(Intent::Person)),
        Work::Pin(pin) => pin::intent(view, pin),
        Work::Events { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_) => Ok(None),
    }
}

fn follow(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    intent: &Intent,
    next: Move,
) -> Result<Vec<Effect>, Missing> {
    Ok(match next {
        Move::Call { step, request, mut keep } => {
            keep.push(Effect::Call { tag: tag(entry, &step), request });
            keep
        }
        Move::Again { mut keep } => {
            keep.push(self::next(entry, 0));
            keep
        }
        Move::Later { why, .. }
            if matches!(intent, Intent::Invite { .. } | Intent::Join { .. })
                && journal.attempts(entry, 0) >= INVITE_ATTEMPTS =>
        {
            refused(view, journal, entry, &why)?
        }
        Move::Later { why, .. }
            if matches!(intent, Intent::Person(_)) && journal.attempts(entry, 0) >= PERSON_ATTEMPTS =>
        {
            journal.give_up(view, entry, "What became of a local user is not told to Matrix for now", &why)
        }
        // The others of the room wait for it, and its homeserver is there: so often it was found again.
        Move::Later { after: None, why } | Move::Away { why }
            if matches!(intent, Intent::Upload { .. }) && journal.attempts(entry, 0) >= UPLOAD_ATTEMPTS =>
        {
            file::stays(journal, entry, &why)
        }
        Move::Later { after, why } => {
            let pause = after
                .map_or_else(|| wait(journal.attempts(entry, 0)), |it| it.clamp(FIRST_WAIT, LONGEST_ASKED));
            journal.put_off(entry, 0, view.now + pause, &why)
        }
        Move::Away { why } => {
            let due = view.now + wait(journal.attempts(entry, 0));
            let mut effects = journal.put_off(entry, 0, due, &why);
            effects.extend(outage::found(view, &why)?);
            effects
        }
        Move::Done { done, mut keep } => {
            keep.extend(achieved(view, journal, entry, intent, &done)?);
            keep
        }
        Move::Refused { why } if matches!(intent, Intent::Upload { .. }) => file::stays(journal, entry, &why),
        Move::Refused { why } => refused(view, journal, entry, &why)?,
        Move::Carry { step, from, to } => vec![Effect::Carry { tag: tag(entry, &step), from, to }],
    })
}

/// What an entry does while the homeserver is away: it waits, and shows that it does; a question gets its answer.
fn away(view: &View, journal: &Journal, entry: &Entry, outage: &Outage) -> Result<Vec<Effect>, Missing> {
    if !matches!(entry.work, Work::Invite { .. } | Work::Join { .. }) {
        return Ok(waiting::mark(view, journal, &entry.scope, outage.since, &outage.why));
    }
    let at = entry.at.max(outage.since) + ANSWERED;
    if view.now < at {
        return Ok(vec![Effect::Wake { scope: entry.scope.clone(), at }]);
    }
    refused(view, journal, entry, &outage.why)
}

/// Whoever asked for it is told; the next entry's turn.
pub(super) fn refused(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    why: &str,
) -> Result<Vec<Effect>, Missing> {
    if let Work::Reach(reach) = &entry.work {
        return dm::reach::refused(view, journal, entry, reach, why);
    }
    let mut effects = match &entry.work {
        Work::Post { message } => outgoing::refused(journal, entry, message, why),
        Work::Edit { message, by } => edit::refused(view, journal, entry, (message, by.as_ref()), why)?,
        Work::Redact { deleted } => redaction::refused(view, deleted, why)?,
        Work::React(react) => reaction::refused(view, react, why)?,
        Work::Invite { room, by, mxid } => invite::refused(room, by, mxid, why),
        Work::Join { room, by, remote, .. } => join::refused(room, by, remote, why),
        Work::Open(_) | Work::Reach(_) | Work::Invited { .. } | Work::Decline(_) | Work::Register { .. } => {
            dm::refused(view, entry, why)?
        }
        Work::Puppet { user } => people::refused(view, user, why)?,
        Work::Pin(pin) => pin::refused(pin, why),
        Work::Missed
        | Work::Events { .. }
        | Work::Adopt
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_) => vec![],
    };
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

fn achieved(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    intent: &Intent,
    done: &Done,
) -> Result<Vec<Effect>, Missing> {
    let achieved = match (&entry.work, intent, done) {
        (Work::Post { message }, Intent::Upload { .. }, Done::Media { uri, dimensions }) => {
            Achieved::Part(file::brought(journal, entry, message, uri, *dimensions))
        }
        (Work::Post { message }, Intent::Send { .. }, Done::Event(event)) => {
            outgoing::achieved(view, journal, entry, message, event)?
        }
        (Work::Edit { message, .. }, Intent::Send { .. }, Done::Event(event)) => {
            edit::achieved(view, journal, entry, message, event)?
        }
        (Work::Edit { message, .. }, Intent::Redact { .. }, Done::Plainly | Done::Event(_)) => {
            edit::achieved(view, journal, entry, message, "")?
        }
        (Work::React(react), Intent::Send { .. }, Done::Event(event))
        | (Work::React(react), Intent::Redact { event, .. }, Done::Plainly | Done::Event(_)) => {
            Achieved::All(reaction::over(view, react, event)?)
        }
        (Work::Redact { deleted }, _, Done::Plainly | Done::Event(_)) => {
            Achieved::All(redaction::over(view, deleted)?)
        }
        (Work::Pin(_), _, Done::Plainly) => Achieved::All(vec![]),
        (Work::Invite { .. }, Intent::CreateRoom { room }, Done::Room(remote)) => {
            Achieved::Part(invite::created(view, entry, room, remote))
        }
        (Work::Invite { room, by, mxid }, Intent::Invite { .. }, Done::Plainly) => {
            Achieved::All(invite::invited(room, by, mxid))
        }
        (Work::Puppet { user }, Intent::Person(PersonIntent::Withdraw { .. }), Done::Plainly)
        | (Work::Puppet { user }, _, Done::Name(_) | Done::Picture(_)) => {
            Achieved::Part(people::told(view, user, done)?)
        }
        (Work::Join { room, by, .. }, _, Done::Joined { room: remote, events }) => {
            Achieved::All(join::joined(view, entry, room, by, remote, events))
        }
        (Work::Adopt, _, Done::Recognised(room)) => {
            Achieved::All(adopt::recognised(view, entry, room.as_deref())?)
        }
        (Work::Missed, _, Done::Events(events)) => {
            Achieved::All(incoming::missed::found(view, entry, events)?)
        }
        (_, Intent::Dm(intent), done) => dm::achieved(view, entry, intent, done)?,
        // Somebody else was quicker, or the answer says less than it should: the entry looks again.
        _ => Achieved::Part(vec![]),
    };
    Ok(match achieved {
        Achieved::All(mut effects) => {
            effects.extend(journal.finish(view, entry));
            effects
        }
        Achieved::Part(mut effects) => {
            effects.push(next(entry, 0));
            effects
        }
    })
}

/// The workspace's own flow: it has no entry, its continuation is the settings.
fn attach(view: &View, step: &str, answer: Option<&Answer>) -> Result<Vec<Effect>, Missing> {
    if !view.config.is_complete() {
        return Ok(vec![]);
    }
    let network = attachment(view);
    let next = match answer {
        None => network.begin(view, &Intent::Attach)?,
        Some(answer) => network.resume(view, &Intent::Attach, step, answer)?,
    };
    let log = |level, text: String| Effect::Log { level, text };
    let is_back = answer.is_some() && !matches!(next, Move::Away { .. });
    let mut effects = if is_back { outage::ends(view)? } else { vec![] };
    effects.extend(match next {
        Move::Call { step, request, mut keep } => {
            let tag = Tag { scope: Scope::workspace(), entry: settings(view), step };
            keep.push(Effect::Call { tag, request });
            keep
        }
        Move::Again { mut keep } => {
            keep.push(Effect::Wake { scope: Scope::workspace(), at: view.now });
            keep
        }
        Move::Carry { .. } => vec![],
        Move::Done { done, mut keep } => {
            keep.extend(incoming::missed::look_for(view)?);
            if let Done::AttachedIn { rooms, .. } = &done {
                keep.extend(adopt::found(view, rooms)?);
            }
            if let Done::Attached(text) | Done::AttachedIn { how: text, .. } = done {
                keep.push(log(Level::Info, text));
            }
            keep
        }
        Move::Later { after, why } => {
            let again = view.now + after.unwrap_or(LONGEST_WAIT).clamp(FIRST_WAIT, LONGEST_ASKED);
            vec![
                log(Level::Warn, format!("Not connected to Matrix: {why}")),
                Effect::Wake { scope: Scope::workspace(), at: again },
            ]
        }
        Move::Refused { why } => vec![log(Level::Error, format!("Not connected to Matrix: {why}"))],
        Move::Away { why } => outage::goes_on(view, &why)?,
    });
    Ok(effects)
}

/// The settings as a mark: an answer that was asked for under others is not this flow's.
fn settings(view: &View) -> String {
    ids::digest(&[&format!("{:?}", view.config)])
}

/// The entry of a tag was finished meanwhile: the scope may go on.
pub(super) fn gone(view: &View, tag: &Tag) -> Vec<Effect> {
    vec![Effect::Wake { scope: tag.scope.clone(), at: view.now }]
}

fn tag(entry: &Entry, step: &str) -> Tag {
    Tag { scope: entry.scope.clone(), entry: entry.id.clone(), step: step.to_owned() }
}

fn part(index: usize) -> String {
    format!("part-{index}")
}

pub(super) fn part_of(step: &str) -> usize {
    let part = step.strip_prefix("part-").and_then(|it| it.split(' ').next());
    part.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// How long to wait after so many failures: 1, 2, 4 … 30 seconds.
pub(super) fn wait(attempts: u32) -> i64 {
    2_i64.saturating_pow(attempts.min(16)).saturating_mul(FIRST_WAIT).min(LONGEST_WAIT)
}
