//! Polls of Matrix, kept current here: the message that shows one is edited as votes come in.
//!
//! A poll and the votes in it are documents as long as it is open. A vote is kept at once and shown a little later, with
//! all others that came meanwhile, by an entry of the same journal: so nothing comes in between reading the votes and
//! showing them. The end shows the result and lets go all that was kept.
//!
//! Spec: <https://github.com/matrix-org/matrix-spec-proposals/pull/3381>

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Event, parts, related};
use crate::attachment::Deed;
use crate::bridge::journal::Journal;
use crate::bridge::{encryption, everyone, portal, redaction};
use crate::effect::Effect;
use crate::ids::{self, Scope, key};
use crate::record::{Entry, Poll, Portal, Record, Vote, Work};
use crate::translate::{self, poll};
use crate::view::{Key, Missing, View};

/// Votes are shown so many milliseconds after the first that is not shown yet.
const PACE: i64 = 3_000;

/// So many people's votes are counted in one poll.
const MOST_PEOPLE: usize = 1_000;

/// So many votes of one person are kept: whoever takes back the last has voted as before.
const KEPT: usize = 4;

/// Whether events of a kind begin a poll.
pub(super) fn is_start(kind: &str) -> bool {
    matches!(kind, "m.poll.start" | "org.matrix.msc3381.poll.start")
}

/// Whether events of a kind change how a poll stands.
pub(super) fn is_about_one(kind: &str) -> bool {
    matches!(
        kind,
        "m.poll.response" | "org.matrix.msc3381.poll.response" | "m.poll.end" | "org.matrix.msc3381.poll.end"
    )
}

/// The effects that bring a poll, which is kept before its message is made.
pub(super) fn begun(portal: &Portal, event: &Event, message: Vec<Effect>) -> Vec<Effect> {
    let is_new = message.iter().any(|it| matches!(it, Effect::CreateMessage { .. }));
    let poll = is_new.then(|| kept(portal, event, &event.id));
    poll.into_iter().chain(message).collect()
}

fn kept(portal: &Portal, event: &Event, of: &str) -> Effect {
    Record::Poll(Poll {
        event: of.to_owned(),
        room: portal.remote.clone(),
        sender: event.sender.clone(),
        content: event.content.to_string(),
        at: event.at,
    })
    .insert()
}

/// Takes in another form of a poll, by who asks.
pub(super) fn edited(
    view: &View,
    journal: &Journal,
    portal: &Portal,
    event: &Event,
) -> Result<Vec<Effect>, Missing> {
    let Some(of) = translate::replaced(&event.content) else { return Ok(vec![]) };
    let Some(known) = open(view, portal, of)? else { return Ok(vec![]) };
    if known.sender != event.sender || known.at >= event.at {
        return Ok(vec![]);
    }
    let kept = [kept(portal, event, of), Record::Poll(known.clone()).remove()];
    Ok(soon(view, journal, portal, of).into_iter().chain(kept).collect())
}

/// Takes in a vote, or the end of a poll.
pub(super) fn bring(
    view: &View,
    journal: &Journal,
    portal: &Portal,
    event: &Event,
) -> Result<Vec<Effect>, Missing> {
    match (poll::vote(&event.content), poll::ended(&event.content)) {
        (Some((of, answers)), _) => vote(view, journal, portal, event, (of, answers)),
        (None, Some(of)) => end(view, portal, event, of),
        (None, None) => Ok(vec![]),
    }
}

fn vote(
    view: &View,
    journal: &Journal,
    portal: &Portal,
    event: &Event,
    (of, answers): (&str, Vec<String>),
) -> Result<Vec<Effect>, Missing> {
    let is_open = open(view, portal, of)?.is_some();
    let votes = votes(view, of)?;
    let people: BTreeSet<&str> = votes.iter().map(|it| it.sender.as_str()).collect();
    let is_full = people.len() >= MOST_PEOPLE && !people.contains(event.sender.as_str());
    let is_known = votes.iter().any(|it| it.event == event.id);
    if !is_open || is_full || is_known || portal.is_strange_to(&event.sender) {
        return Ok(vec![]);
    }
    let vote = Vote {
        poll: of.to_owned(),
        event: event.id.clone(),
        sender: event.sender.clone(),
        answers,
        at: event.at,
    };
    let mut older: Vec<&Vote> = votes.into_iter().filter(|it| it.sender == event.sender).collect();
    older.sort_by_key(|it| std::cmp::Reverse((it.at, &it.event)));
    let older = older.into_iter().skip(KEPT - 1).map(|it| Record::Vote(it.clone()).remove());
    let soon = soon(view, journal, portal, of).into_iter();
    Ok(soon.chain([Record::Vote(vote).insert()]).chain(older).collect())
}

/// The first end of a poll by somebody who may is its end.
fn end(view: &View, portal: &Portal, event: &Event, of: &str) -> Result<Vec<Effect>, Missing> {
    let Some(poll) = open(view, portal, of)? else {
        // What was left over when this was begun before.
        let is_over = polls(view, of)?.next().is_none();
        return if is_over { forgotten(view, of) } else { Ok(vec![]) };
    };
    if event.sender != poll.sender && !everyone::may(view, portal, &event.sender, Deed::Redact)? {
        return Ok(vec![]);
    }
    let mut effects = shown(view, portal, poll, Some(event.at))?;
    effects.extend(forgotten(view, of)?);
    Ok(effects)
}

/// If an event that is taken back is a vote or a poll: the effects that follow from that.
pub(super) fn take_back(
    view: &View,
    journal: &Journal,
    portal: &Portal,
    of: &str,
) -> Result<Vec<Effect>, Missing> {
    view.all(keys(of))?;
    let mut known = view.records(&key::vote(of))?.iter();
    let vote = known.find_map(|it| if let Record::Vote(it) = it { Some(it) } else { None });
    if let Some(vote) = vote
        && open(view, portal, &vote.poll)?.is_some()
    {
        let gone = Record::Vote(vote.clone()).remove();
        return Ok(soon(view, journal, portal, &vote.poll).into_iter().chain([gone]).collect());
    }
    if open(view, portal, of)?.is_some() { forgotten(view, of) } else { Ok(vec![]) }
}

/// What is needed to say whether an event is a vote or a poll.
pub(super) fn keys(event: &str) -> [Key; 2] {
    [key::vote(event), key::poll(event)].map(Key::documents)
}

/// Shows how a poll stands, when its entry has its turn.
pub(in crate::bridge) fn tally(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    of: &str,
) -> Result<Vec<Effect>, Missing> {
    let portal = match entry.scope.remote_room() {
        Some(room) => portal::of_remote(view, room)?,
        None => None,
    };
    let mut effects = vec![];
    if let Some(portal) = portal
        && let Some(poll) = open(view, &portal, of)?
    {
        effects = shown(view, &portal, poll, None)?;
    }
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

/// The entry that shows how a poll stands, unless it waits already. It is kept before what it shows: it has its turn
/// after that, and a crash in between leaves nothing untold.
fn soon(view: &View, journal: &Journal, portal: &Portal, of: &str) -> Option<Effect> {
    let id = format!("tally:{of}");
    let waits = journal.entry(&id).is_some();
    let (scope, at) = (Scope::remote(&portal.remote), view.now + PACE);
    let work = Work::Tally { poll: of.to_owned() };
    (!waits).then(|| Record::Entry(Rc::new(Entry { id, scope, at, part: 0, work })).insert())
}

/// The effects that have a poll's message say how it stands; once it has ended, those votes count that came before.
fn shown(view: &View, portal: &Portal, poll: &Poll, ended: Option<i64>) -> Result<Vec<Effect>, Missing> {
    let id = ids::message_id(&poll.event);
    view.all([Key::Message { id: id.clone() }, Key::documents(key::portal_local(&portal.local))])?;
    let Some(message) = view.message(&id)?.filter(|it| it.room == portal.local && redaction::is_there(it))
    else {
        return Ok(vec![]);
    };
    if encryption::suspended(view, portal)?.is_some() {
        return Ok(vec![]);
    }
    let mut votes = votes(view, &poll.event)?;
    votes.retain(|it| ended.is_none_or(|end| it.at <= end));
    votes.sort_by_key(|it| (it.at, &it.event));
    let votes: Vec<(String, Vec<String>)> =
        votes.into_iter().map(|it| (it.sender.clone(), it.answers.clone())).collect();
    let content = serde_json::from_str(&poll.content).unwrap_or_default();
    let shown = poll::shown(&content, &votes, ended.is_some());
    let text = format!("{}{shown}", related::lead(&message.text));
    let (room, editor) = (portal.local.clone(), message.sender.username.clone());
    // A poll that is shown in several messages stays as it was begun.
    let is_whole = parts::length(&text) <= view.config.message_size;
    let edit = (is_whole && text != message.text).then_some(Effect::EditMessage { id, room, editor, text });
    Ok(edit.into_iter().collect())
}

/// The effects that let go what was kept of a poll: first the poll, so that no half of the votes is ever shown.
fn forgotten(view: &View, of: &str) -> Result<Vec<Effect>, Missing> {
    let polls = polls(view, of)?.map(|it| Record::Poll(it.clone()).remove());
    let votes = votes(view, of)?.into_iter().map(|it| Record::Vote(it.clone()).remove());
    Ok(polls.chain(votes).collect())
}

/// A poll of a room that is open.
fn open<'v>(view: &'v View, portal: &Portal, of: &str) -> Result<Option<&'v Poll>, Missing> {
    Ok(polls(view, of)?.filter(|it| it.room == portal.remote).max_by_key(|it| it.at))
}

fn polls<'v>(view: &'v View, of: &str) -> Result<impl Iterator<Item = &'v Poll> + use<'v>, Missing> {
    let records = view.records(&key::poll(of))?.iter();
    Ok(records.filter_map(|it| if let Record::Poll(it) = it { Some(it) } else { None }))
}

/// The votes in a poll, each once.
fn votes<'v>(view: &'v View, of: &str) -> Result<Vec<&'v Vote>, Missing> {
    let records = view.records(&key::poll(of))?.iter();
    let mut votes: Vec<&Vote> =
        records.filter_map(|it| if let Record::Vote(it) = it { Some(it) } else { None }).collect();
    votes.sort_by_key(|it| &it.event);
    votes.dedup_by_key(|it| &it.event);
    Ok(votes)
}
