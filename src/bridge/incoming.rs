//! A Matrix event on its way to Rocket.Chat.
//!
//! What comes is kept before it is acknowledged; then each room works on its own. An event is known by the id of
//! the message it became.

mod edit;
mod file;
mod kind;
mod large;
pub(in crate::bridge) mod missed;
mod parts;
mod pin;
mod poll;
mod reaction;
mod redaction;
pub(in crate::bridge) mod related;
mod speaker;

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::journal::Journal;
use super::{
    account, attachment, avatar, dm, encryption, everyone, ghost, invited, ledger, link, outage, portal,
    profile, typing, work,
};
use crate::attachment::{Acceptance, Incoming, Likeness};
use crate::effect::{Effect, Level};
use crate::facts::Message;
use crate::ids::{self, Scope, key};
use crate::input::Request;
use crate::record::{Entry, Portal, Record, Work};
use crate::translate::{self, Mentions};
use crate::view::{Key, Missing, View, both};

use speaker::Speaking;

pub(in crate::bridge) use file::outcome;
pub(in crate::bridge) use poll::tally;

/// So often an event is tried before it is put aside.
pub(super) const ATTEMPTS: u32 = 3;

/// After so many failures comes the last attempt.
const LAST_ATTEMPT: u32 = ATTEMPTS - 1;

/// Documents of the journal are kept about this small, in bytes.
const SLICE: usize = 48 * 1024;

/// Among so many of a room's latest messages an event that cannot be shown is named once by each sender.
const SAID_LATELY: u32 = 20;

/// How long events of a room that is not known wait for it, in milliseconds: its portal may be in the making. While
/// somebody is joining it, they wait as long as that takes.
const UNKNOWN_ROOM: i64 = 30_000;

/// Keeps what a request brought, then answers it.
pub(super) fn accept(view: &View, request: &Request) -> Result<Vec<Effect>, Missing> {
    if let Some(effects) = avatar::serve(view, request)? {
        return Ok(effects);
    }
    if let Some(effects) = link::serve(view, request)? {
        return Ok(effects);
    }
    let (keep, rooms, unreadable, typing, reply) = match attachment(view).receive(view, request)? {
        Incoming::Reply { mut keep, reply } => {
            let heard = if reply.status == 200 { outage::heard(view)? } else { None };
            keep.push(Effect::Reply { reply });
            keep.extend(heard);
            return Ok(keep);
        }
        Incoming::Events { keep, rooms, unreadable, typing, reply } => {
            (keep, rooms, unreadable, typing, reply)
        }
    };
    let heard = outage::heard(view)?;
    let typing = typing::show(view, &typing)?;
    let mut effects = keep;
    let mut wakes = vec![];
    for (room, mut events) in rooms {
        let scope = Scope::remote(&room);
        effects.extend(invited::taken_out(view, &scope, &mut events));
        effects.extend(journaled(&scope, view.now, events));
        wakes.push(Effect::Wake { scope, at: view.now });
    }
    if unreadable > 0 {
        let text = format!("{unreadable} events from Matrix could not be read and were passed over.");
        effects.push(Effect::Log { level: Level::Warn, text });
    }
    effects.push(Effect::Reply { reply });
    effects.extend(wakes);
    effects.extend(heard);
    effects.extend(typing);
    Ok(effects)
}

/// Says why a request is refused before its body is read.
pub(super) fn knock(view: &View, request: &Request) -> Result<Vec<Effect>, Missing> {
    Ok(attachment(view).knock(view, request)?.unwrap_or_else(|reply| vec![Effect::Reply { reply }]))
}

/// The effects that put events into a room's journal, in slices, at a time in milliseconds.
pub(super) fn journaled(scope: &Scope, at: i64, events: Vec<String>) -> Vec<Effect> {
    let entries = (0..).zip(slices(events)).map(|(part, events)| {
        let id = entry_id(&events);
        let entry = Entry { id, scope: scope.clone(), at, part, work: Work::Events { events } };
        Record::Entry(Rc::new(entry)).insert()
    });
    entries.collect()
}

/// The id of the entry that holds these events. A transaction that comes again differs in ages, not in event ids.
fn entry_id(events: &[String]) -> String {
    let ids = events.iter().map(|event| ids::event_id(event).unwrap_or_else(|| event.clone()));
    let ids: Vec<String> = ids.collect();
    format!("in:{}", ids::digest(&ids.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn slices(events: Vec<String>) -> Vec<Vec<String>> {
    let mut slices: Vec<Vec<String>> = vec![];
    let mut size = 0_usize;
    for event in events {
        let length = event.len();
        match slices.last_mut() {
            Some(slice) if size.saturating_add(length) <= SLICE => slice.push(event),
            _ => {
                size = 0;
                slices.push(vec![event]);
            }
        }
        size = size.saturating_add(length);
    }
    slices
}

/// An event as far as it concerns us.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "event_id")]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    sender: String,
    state_key: Option<String>,
    #[serde(default)]
    content: Value,
    /// When it was sent, in milliseconds, as its server says.
    #[serde(default, rename = "origin_server_ts")]
    at: i64,
    /// What a redaction takes away, up to room version 10; from then on its content says so.
    redacts: Option<String>,
    #[serde(default)]
    unsigned: Value,
}

impl Event {
    /// Whether it was redacted, and nothing is left of what it said.
    fn is_pruned(&self) -> bool {
        self.unsigned.get("redacted_because").is_some() || self.content.as_object().is_some_and(Map::is_empty)
    }
}

/// Brings one event of an entry to Rocket.Chat and goes on with the next.
pub(super) fn event(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    events: &[String],
    index: usize,
) -> Result<Vec<Effect>, Missing> {
    let Some(event) = events.get(index) else { return Ok(journal.finish(view, entry)) };
    let Some(room) = entry.scope.remote_room() else { return Ok(journal.finish(view, entry)) };
    let Some(portal) = portal::of_remote(view, room)? else {
        return unknown_room(view, journal, entry, room);
    };
    let mut effects = match attachment(view).accept(view, room, event)? {
        Acceptance::Keep(mut effects) => {
            // What follows from it for Rocket.Chat is decided anew, with all of this kept.
            effects.push(work::next(entry, index));
            return Ok(effects);
        }
        Acceptance::Show(event) => {
            if let Some(effects) = file::carry(view, journal, entry, &portal, &event, (index, false))? {
                return Ok(effects);
            }
            bring(view, journal, entry, &portal, &event, index)?
        }
        Acceptance::Pass(effects) => effects,
    };
    effects.push(work::next(entry, index.saturating_add(1)));
    Ok(effects)
}

/// Brings an event to Rocket.Chat.
fn bring(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    portal: &Portal,
    event: &str,
    index: usize,
) -> Result<Vec<Effect>, Missing> {
    let event = match serde_json::from_str::<Event>(event) {
        Ok(event) => event,
        Err(why) => {
            let text = format!("A Matrix event in {} is malformed and was passed over: {why}", portal.remote);
            return Ok(vec![Effect::Log { level: Level::Warn, text }]);
        }
    };
    match event.kind.as_str() {
        "m.room.member" => member(view, portal, &event),
        "m.room.pinned_events" if event.state_key.as_deref() == Some("") => {
            pin::bring(view, portal, &event, journal.attempts(entry, index))
        }
        _ if event.state_key.is_some() => Ok(vec![]),
        // What was said before may be deleted, whatever has become of the room.
        "m.room.redaction" => redaction::bring(view, journal, portal, &event),
        _ => {
            let standing = encryption::suspended(view, portal);
            let (standing, effects) = both(standing, said(view, journal, entry, portal, &event, index))?;
            Ok(if standing.is_some() { vec![] } else { effects })
        }
    }
}

/// Brings what somebody said, changed or added.
fn said(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    portal: &Portal,
    event: &Event,
    index: usize,
) -> Result<Vec<Effect>, Missing> {
    let attempts = journal.attempts(entry, index);
    match event.kind.as_str() {
        "m.room.message" if translate::replaced(&event.content).is_some() => edit::bring(view, portal, event),
        "m.reaction" => reaction::bring(view, portal, event, attempts),
        kind if poll::is_about_one(kind) => poll::bring(view, journal, portal, event),
        kind if poll::is_start(kind) && translate::replaced(&event.content).is_some() => {
            poll::edited(view, journal, portal, event)
        }
        kind if is_shown(kind) => {
            let manner = file::manner(view, portal, event)?;
            let said = message(view, portal, event, attempts, &manner)?;
            Ok(if poll::is_start(kind) { poll::begun(portal, event, said) } else { said })
        }
        _ => Ok(vec![]),
    }
}

/// Whether events of a kind are shown to people.
fn is_shown(kind: &str) -> bool {
    kind::is_said(kind) || kind::is_unknown(kind)
}

fn message(
    view: &View,
    portal: &Portal,
    event: &Event,
    attempts: u32,
    manner: &file::Manner,
) -> Result<Vec<Effect>, Missing> {
    let id = ids::message_id(&event.id);
    let is_unknown = kind::is_unknown(&event.kind);
    let said_lately = Key::Recent { room: portal.local.clone(), skip: 0, limit: SAID_LATELY };
    view.all(needed(portal, event).chain(is_unknown.then_some(said_lately)))?;
    if event.is_pruned() || ledger::of_event(view, &portal.local, &event.id)?.is_some_and(|it| it.gone) {
        return Ok(vec![]);
    }
    let first = view.message(&id)?;
    if let Some(message) = first
        && !parts::is_broken_off(view, &portal.local, &event.id)?
    {
        let shown = edit::Shown::of(view, portal, &event.id, message)?;
        return edit::catch_up(view, portal, event, &shown);
    }
    if attempts > 0
        && let Some(effects) = encryption::found(view, portal, &event.id)?
    {
        return Ok(effects);
    }
    // Rocket.Chat may not let ghosts call everyone, or may know no threads.
    let calls = attempts == 0 && Mentions::of(&event.content).room;
    let calls = calls && everyone::may_be_called_by(view, portal, &event.sender)?;
    // What the first message was said in is not to be doubted any more: the others are cut in the same places.
    let place = related::place(view, portal, event, attempts < LAST_ATTEMPT || first.is_some());
    let lead = place.as_ref().map_or_else(|_| Ok(String::new()), |it| lead(view, portal, event, it, manner));
    let is_strange = portal.is_strange_to(&event.sender);
    let free = lead.as_ref().map_or(0, |it| parts::length(it)) + if is_strange { dm::NAMED } else { 0 };
    let texts = file::said(view, portal, (&event.kind, calls), &event.content, manner, free);
    let ((place, lead), mut texts) = both(both(place, lead), texts)?;
    if let Some(text) = texts.first_mut() {
        text.insert_str(0, &lead);
    }
    let ids = (1..texts.len()).map(|part| ids::part_id(&event.id, part, None));
    let said: Vec<(String, String)> = std::iter::once(id).chain(ids).zip(texts).collect();
    let further = said.iter().skip(1).map(|(id, _)| id);
    if is_strange {
        let links = further.map(|id| parts::linked(portal, &event.id, id, "", event.at));
        let tell = |(id, text): &(String, String)| dm::of_stranger(portal, id.clone(), &event.sender, text);
        return Ok(links.chain(said.iter().map(tell)).collect());
    }
    view.all(further.clone().map(|id| Key::Message { id: id.clone() }))?;
    let Speaking { sender, alias, avatar, profile, mut effects } =
        speaker::speaking(view, portal, event, attempts)?;
    // A machine's events must not flood the room: what cannot be shown is named once among the latest messages.
    let is_same =
        |it: &Message| it.sender.username == sender && said.iter().any(|(_, text)| *text == it.text);
    if is_unknown && view.recent(&portal.local, 0, SAID_LATELY)?.iter().any(is_same) {
        return Ok(vec![]);
    }
    let shown = edit::Shown { by: &sender, thread: place.thread.clone(), parts: said.clone() };
    let edits = edit::catch_up(view, portal, event, &shown)?;
    let room = portal.local.clone();
    effects.extend(further.map(|id| parts::linked(portal, &event.id, id, &sender, event.at)));
    for (id, text) in said {
        if view.message(&id)?.is_none() {
            let (room, sender, thread) = (room.clone(), sender.clone(), place.thread.clone());
            let (alias, avatar) = (alias.clone(), avatar.clone());
            effects.push(Effect::CreateMessage { id, room, sender, text, alias, avatar, thread });
        }
    }
    effects.extend(edits);
    if let Some(profile) = profile {
        effects.extend(account::follow(view, &profile)?);
    }
    Ok(effects)
}

/// What every message needs that is brought to Rocket.Chat, whatever it says.
fn needed(portal: &Portal, event: &Event) -> impl Iterator<Item = Key> {
    let needed = [
        Key::Message { id: ids::message_id(&event.id) },
        Key::documents(key::link_remote(&event.id)),
        Key::documents(key::held(&portal.remote)),
        Key::documents(key::portal_local(&portal.local)),
        Key::documents(key::SEALS),
    ];
    ghost::keys(&event.sender).chain(needed).chain(related::keys(portal, event))
}

/// What stands before a text: what it answers, and the file that it is the caption of where that stands elsewhere.
fn lead(
    view: &View,
    portal: &Portal,
    event: &Event,
    place: &related::Place,
    manner: &file::Manner,
) -> Result<String, Missing> {
    let lead = place.lead(view, portal);
    let is_apart = matches!(manner, file::Manner::Caption) && place.is_apart();
    let file = if is_apart { file::made(view, portal, &event.id)? } else { None };
    let file = file.map_or_else(|| Ok(String::new()), |it| related::link(view, &portal.local, &it));
    both(lead, file).map(|(lead, file)| lead + &file)
}

fn member(view: &View, portal: &Portal, event: &Event) -> Result<Vec<Effect>, Missing> {
    let Some(user) = event.state_key.as_deref().filter(|it| ids::split_mxid(it).is_some()) else {
        return Ok(vec![]);
    };
    let text = |name: &str| event.content.get(name).and_then(Value::as_str);
    let membership = text("membership").unwrap_or_default();
    let mut learnt = vec![];
    let mut shown = String::new();
    if membership == "join" && !view.config.is_ours(user) {
        view.all(ghost::keys(user))?;
        let [name, avatar] = ["displayname", "avatar_url"].map(|it| text(it).map(str::to_owned));
        let (profile, keep) = profile::learn(view, user, Likeness { name, avatar }, event.at)?;
        shown = profile::shown(profile.as_ref()).unwrap_or_default();
        learnt = keep;
        if let Some(profile) = profile {
            learnt.extend(account::follow(view, &profile)?);
        }
    }
    if let Some(dm) = &portal.dm {
        let change = dm::Change { mxid: user, membership, name: &shown };
        let mut effects = dm::member(view, portal, dm, &change)?;
        effects.extend(learnt);
        return Ok(effects);
    }
    if view.config.is_ours(user) {
        return Ok(vec![]);
    }
    let room = portal.local.clone();
    Ok(match membership {
        "join" => {
            let (username, mut effects) = ghost::ensure(view, user, &shown)?;
            effects.push(Effect::AddMember { room, username });
            effects.extend(learnt);
            effects
        }
        "leave" | "ban" => match ghost::username(view, user)? {
            Some(username) => vec![Effect::RemoveMember { room, username }],
            None => vec![],
        },
        _ => vec![],
    })
}

/// Events of a room that is not known wait a little, then they are let go with one line in the log.
fn unknown_room(view: &View, journal: &Journal, entry: &Entry, room: &str) -> Result<Vec<Effect>, Missing> {
    if view.now < entry.at + UNKNOWN_ROOM || is_being_joined(view, room)? {
        return Ok(vec![Effect::Wake { scope: entry.scope.clone(), at: view.now + 1_000 }]);
    }
    let text = format!("Events of {room} were passed over: the room is not federated here.");
    let mut effects = vec![Effect::Log { level: Level::Info, text }];
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

/// Whether somebody is joining a Matrix room, by an alias perhaps, or has done so since its portal was looked for.
fn is_being_joined(view: &View, room: &str) -> Result<bool, Missing> {
    view.all([key::JOURNALS, key::PORTALS].map(Key::documents))?;
    let entries = view.records(key::JOURNALS)?.iter();
    let mut works = entries.filter_map(|it| if let Record::Entry(it) = it { Some(&it.work) } else { None });
    let may_be = |remote: &str| remote == room || remote.starts_with('#');
    let is_portal = |it: &Record| matches!(it, Record::Portal(it) if it.remote == room);
    Ok(works.any(|it| matches!(it, Work::Join { remote, .. } if may_be(remote)))
        || view.records(key::PORTALS)?.iter().any(is_portal))
}
