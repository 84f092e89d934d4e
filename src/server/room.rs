//! A room that we are in as a server: its events, its latest events, its state.
//!
//! Each event is a document, and so is each of the room's latest events and each state it ever had; all are only
//! inserted and removed, so that sending and receiving may overlap: what they make at once is a fork, as between two
//! servers.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#pdus>

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruma_common::{EventId, OwnedEventId, OwnedUserId};
use ruma_events::StateEventType;
use ruma_events::room::member::MembershipState;
use ruma_state_res::Event as _;
use ruma_state_res::events::RoomMemberEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::redaction;
use crate::attachment::Acceptance;
use crate::effect::{Effect, Level};
use crate::ids::{self, key};
use crate::matrix::json::{Json, write_edited};
use crate::matrix::pdu::Pdu;
use crate::matrix::receipt::{Verdict, judge};
use crate::matrix::resolve::{self, Events, State, Unresolved, resolve};
use crate::matrix::version::RoomVersion;
use crate::record::{Head, Record, RoomEvent, Snapshot, Standing};
use crate::view::{Key, Missing, View};

/// A room as a view knows it.
pub(super) struct Room<'v> {
    /// Its id.
    pub(super) id: &'v str,
    /// Its version.
    pub(super) version: RoomVersion,
    /// Its latest events.
    pub(super) heads: Vec<&'v Head>,
    view: &'v View,
    stored: BTreeMap<&'v str, &'v RoomEvent>,
    /// What was read of them, with what was made since.
    read: RefCell<BTreeMap<OwnedEventId, Rc<Pdu>>>,
}

impl<'v> Room<'v> {
    /// Loads a room, and some of its events with the states after them; nothing if we are not in it.
    pub(super) fn load(view: &'v View, id: &'v str, events: &[&str]) -> Result<Option<Self>, Missing> {
        let of_room = [key::joined(id), key::heads(id), key::room_state(id)];
        let of_events = events.iter().map(|it| key::event(it));
        view.all(of_events.chain(of_room).map(Key::documents))?;
        let Some(version) = version(view, id)? else { return Ok(None) };
        let state_events = view.records(&key::room_state(id))?.iter();
        let stored = state_events.filter_map(as_event).map(|it| (it.id.as_str(), it)).collect();
        let heads = view.records(&key::heads(id))?.iter();
        let heads: BTreeMap<&str, &Head> = heads
            .filter_map(|it| if let Record::Head(it) = it { Some((it.event.as_str(), it)) } else { None })
            .collect();
        let mut heads: Vec<&Head> = heads.into_values().collect();
        let mut keys: Vec<String> =
            heads.iter().flat_map(|it| [key::event(&it.event), key::snapshot(&it.after)]).collect();
        for event in events {
            let known = view.records(&key::event(event))?.iter().find_map(as_event);
            keys.extend(known.and_then(|it| it.after.as_deref()).map(key::snapshot));
        }
        view.all(keys.into_iter().map(Key::documents))?;
        // A head is kept before its event, which makes it count: without, somebody is at work on it, or died of it.
        let mut is_there = vec![];
        for head in &heads {
            is_there.push(!view.records(&key::event(&head.event))?.is_empty());
        }
        let mut is_there = is_there.into_iter();
        heads.retain(|_| is_there.next().unwrap_or_default());
        Ok(Some(Self { id, version, heads, view, stored, read: RefCell::default() }))
    }

    /// Its state, that after all its latest events; or why there is none, in plain words.
    pub(super) fn current(&self) -> Result<Result<State, String>, Missing> {
        self.resolved(self.heads.iter().map(|it| it.after.as_str()).collect())
    }

    /// The state after the events that an event follows.
    fn before(&self, pdu: &Pdu) -> Result<Result<State, String>, Missing> {
        let mut snapshots = BTreeSet::new();
        for prev in pdu.prev_events() {
            let known = stored(self.view, prev.as_str())?;
            match known.and_then(|it| it.after.as_deref()) {
                Some(after) => snapshots.insert(after),
                None => return Ok(Err(format!("it follows {prev}, which never came"))),
            };
        }
        self.resolved(snapshots)
    }

    /// The one state that follows from several.
    fn resolved(&self, snapshots: BTreeSet<&str>) -> Result<Result<State, String>, Missing> {
        self.view.all(snapshots.iter().map(|it| Key::documents(key::snapshot(it))))?;
        let mut states = vec![];
        for snapshot in snapshots {
            let Some(state) = state_of(self.view, snapshot)? else {
                return Ok(Err("nothing is known of a state that it follows".to_owned()));
            };
            self.load_late(state.values())?;
            states.push(state);
        }
        Ok(match states.as_slice() {
            [] => Err("nothing is known of what it follows".to_owned()),
            [state] => Ok(state.clone()),
            states => match self.one_of(states) {
                Ok(state) => Ok(state),
                Err(why) => {
                    if let Unresolved::Lacking(events) = &why {
                        self.load_late(events)?;
                    }
                    Err(why.to_string())
                }
            },
        })
    }

    /// Resolves states, so many at a time as a resolution takes: whoever forks a room more widely does not end it.
    fn one_of(&self, states: &[State]) -> Result<State, Unresolved> {
        const TOGETHER: usize = 64;
        let rules = self.version.rules();
        let resolved: Vec<State> =
            states.chunks(TOGETHER).map(|some| resolve(rules, some, self)).collect::<Result<_, _>>()?;
        if resolved.len() > 1 {
            self.one_of(&resolved)
        } else {
            Ok(resolved.into_iter().next().unwrap_or_default())
        }
    }

    /// Loads events that came after the room's state was read: what builds on them was read a moment later.
    pub(super) fn load_late<'a>(
        &self,
        events: impl IntoIterator<Item = &'a OwnedEventId>,
    ) -> Result<(), Missing> {
        let read = self.read.borrow();
        let late =
            events.into_iter().filter(|it| !self.stored.contains_key(it.as_str()) && !read.contains_key(*it));
        self.view.all(late.map(|it| Key::documents(key::event(it.as_str()))))
    }

    /// An event as it is kept.
    fn stored(&self, id: &EventId) -> Option<&RoomEvent> {
        if let Some(stored) = self.stored.get(id.as_str()) {
            return Some(stored);
        }
        self.view.records(&key::event(id.as_str())).ok()?.iter().find_map(as_event)
    }

    /// Who is in the room by some state.
    pub(super) fn joined(&self, state: &State) -> BTreeSet<OwnedUserId> {
        let members = state.iter().filter(|((kind, _), _)| *kind == StateEventType::RoomMember);
        let joined = members.filter(|(_, id)| {
            let event = self.event(id);
            event.is_some_and(|it| {
                matches!(RoomMemberEvent::new(&*it).membership(), Ok(MembershipState::Join))
            })
        });
        joined.filter_map(|((_, user), _)| OwnedUserId::try_from(user.as_str()).ok()).collect()
    }

    /// The servers of those who are in the room, but ours.
    pub(super) fn servers(&self, state: &State) -> BTreeSet<String> {
        let servers = self.joined(state).into_iter().map(|it| it.server_name().to_string());
        servers.filter(|it| *it != self.view.config.server_name).collect()
    }

    /// The effects by which events that an event follows are the room's latest no more.
    pub(super) fn followed(&self, pdu: &Pdu) -> Vec<Effect> {
        let follows = |it: &&&Head| pdu.prev_events().any(|prev| prev.as_str() == it.event);
        self.heads.iter().filter(follows).map(|it| Record::Head(Head::clone(it)).remove()).collect()
    }

    /// A state's id, and the effect that keeps it unless it is known to be kept.
    pub(super) fn snapshot(&self, state: &State) -> (String, Option<Effect>) {
        let (id, effect) = snapshot(self.id, state);
        let is_kept = self.heads.iter().any(|it| it.after == id);
        (id, (!is_kept).then_some(effect))
    }

    /// Takes in an event that was made or accepted just now, so that others can build on it.
    pub(super) fn learn(&self, pdu: Rc<Pdu>) {
        self.read.borrow_mut().insert(pdu.id.clone(), pdu);
    }
}

impl Events for Room<'_> {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        if let Some(known) = self.read.borrow().get(id) {
            return Some(Rc::clone(known));
        }
        let stored = self.stored(id)?;
        let mut pdu = Pdu::read(stored.text.as_bytes(), self.version).ok()?;
        pdu.rejected = stored.standing == Standing::Rejected;
        let pdu = Rc::new(pdu);
        self.learn(Rc::clone(&pdu));
        Some(pdu)
    }
}

/// The version of a room that we are in.
pub(super) fn version(view: &View, room: &str) -> Result<Option<RoomVersion>, Missing> {
    let joined = view
        .records(&key::joined(room))?
        .iter()
        .find_map(|it| if let Record::Joined(it) = it { Some(it) } else { None });
    Ok(joined.and_then(|it| RoomVersion::parse(&it.version)))
}

/// An event of a room on its way through the room's journal: its id is known, its place is not.
#[derive(Deserialize)]
struct Arrived<'a> {
    id: String,
    #[serde(borrow)]
    pdu: &'a RawValue,
}

/// Writes it.
pub(super) fn arrived(pdu: &Pdu) -> String {
    format!("{{\"id\":\"{}\",\"pdu\":{}}}", pdu.id, pdu.text)
}

/// What becomes of an event that is its servers' own: its place in the room is judged, and what follows is kept. Only
/// when all of that is kept is the event shown.
pub(super) fn accept(view: &View, room: &str, text: &str) -> Result<Acceptance, Missing> {
    #[derive(Default, Deserialize)]
    struct Redacts {
        redacts: Option<String>,
    }
    #[derive(Deserialize)]
    struct Named {
        prev_events: Vec<String>,
        redacts: Option<String>,
        #[serde(default)]
        content: Redacts,
    }
    let nothing = || Ok(Acceptance::Pass(vec![]));
    let Ok(Arrived { id, pdu }) = serde_json::from_str::<Arrived<'_>>(text) else { return nothing() };
    let Ok(named) = serde_json::from_str::<Named>(pdu.get()) else { return nothing() };
    let named = named.prev_events.iter().chain(&named.redacts).chain(&named.content.redacts).chain([&id]);
    let events: Vec<&str> = named.map(String::as_str).collect();
    let Some(room) = Room::load(view, room, &events)? else { return nothing() };
    let Ok(pdu) = Pdu::read(pdu.get().as_bytes(), room.version) else { return nothing() };
    if let Some(known) = stored(view, pdu.id.as_str())? {
        return Ok(match known.standing {
            Standing::SoftFailed | Standing::Rejected => Acceptance::Pass(vec![]),
            Standing::Accepted => match room.followed(&pdu) {
                followed if !followed.is_empty() => Acceptance::Keep(followed),
                _ if view.config.is_ours(pdu.sender().as_str()) => Acceptance::Pass(vec![]),
                _ if !counts(view, &room, &pdu)? => Acceptance::Pass(vec![]),
                _ => shown(&pdu).map_or(Acceptance::Pass(vec![]), Acceptance::Show),
            },
        });
    }
    let (before, current) = match (room.before(&pdu)?, room.current()?) {
        (Ok(before), Ok(current)) => (before, current),
        (Err(why), _) | (_, Err(why)) => return Ok(Acceptance::Pass(vec![log(&room, &pdu, &why)])),
    };
    let (standing, why) = match judge(&pdu, &room, &before, &current) {
        Ok(Verdict::Accepted) => (Standing::Accepted, None),
        Ok(Verdict::SoftFailed(why)) => (Standing::SoftFailed, Some(why)),
        Ok(Verdict::Rejected(why)) => (Standing::Rejected, Some(why)),
        Err(lacking) => {
            room.load_late(&lacking.0)?;
            let why = format!("{} of the events that authorise it never came", lacking.0.len());
            return Ok(Acceptance::Pass(vec![log(&room, &pdu, &why)]));
        }
    };
    let mut keep = kept(&room, &pdu, &before, standing);
    keep.extend(why.map(|why| log(&room, &pdu, &why)));
    Ok(Acceptance::Keep(keep))
}

/// The effects that keep an event, with the state after it; one that is accepted becomes one of the room's latest. The
/// event comes last: with it, all of this counts.
fn kept(room: &Room<'_>, pdu: &Pdu, before: &State, standing: Standing) -> Vec<Effect> {
    let (after, effect) = if standing == Standing::Rejected {
        room.snapshot(before)
    } else {
        room.snapshot(&state_after(pdu, before))
    };
    let mut keep: Vec<Effect> = effect.into_iter().collect();
    if standing == Standing::Accepted {
        keep.push(head(room.id, pdu, after.clone()).insert());
    }
    keep.push(event(room.id, pdu, standing, Some(after)));
    keep
}

/// The state after an event.
pub(super) fn state_after(pdu: &Pdu, before: &State) -> State {
    let mut state = before.clone();
    if let Some(state_key) = pdu.state_key() {
        let kind = StateEventType::from(pdu.event_type().to_string());
        state.insert((kind, state_key.to_owned()), pdu.id.clone());
    }
    state
}

/// An event as one of the room's latest.
pub(super) fn head(room: &str, pdu: &Pdu, after: String) -> Record {
    Record::Head(Head { room: room.to_owned(), event: pdu.id.to_string(), depth: pdu.depth, after })
}

/// The effect that keeps an event.
pub(super) fn event(room: &str, pdu: &Pdu, standing: Standing, after: Option<String>) -> Effect {
    Record::Event(Box::new(RoomEvent {
        id: pdu.id.to_string(),
        room: room.to_owned(),
        text: pdu.text.clone(),
        is_state: pdu.state_key().is_some(),
        standing,
        after,
    }))
    .insert()
}

/// A state's id, and the effect that keeps it.
pub(super) fn snapshot(room: &str, state: &State) -> (String, Effect) {
    let entries: Vec<(String, String, String)> =
        state.iter().map(|((kind, key), id)| (kind.to_string(), key.clone(), id.to_string())).collect();
    let parts: Vec<&str> = entries.iter().flat_map(|(kind, key, id)| [kind.as_str(), key, id]).collect();
    let id = ids::digest(&[&[room], parts.as_slice()].concat());
    let effect = Record::Snapshot(Snapshot { id: id.clone(), entries }).insert();
    (id, effect)
}

fn state_of(view: &View, snapshot: &str) -> Result<Option<State>, Missing> {
    let mut records = view.records(&key::snapshot(snapshot))?.iter();
    let snapshot = records.find_map(|it| if let Record::Snapshot(it) = it { Some(it) } else { None });
    Ok(snapshot.map(|snapshot| {
        let mut state = State::new();
        for (kind, key, id) in &snapshot.entries {
            if let Ok(id) = OwnedEventId::try_from(id.as_str()) {
                let key: resolve::Key = (StateEventType::from(kind.as_str()), key.clone());
                state.insert(key, id);
            }
        }
        state
    }))
}

/// An event as clients see it: with its id.
fn shown(pdu: &Pdu) -> Option<String> {
    let json = Json::parse(pdu.text.as_bytes()).ok()?;
    let mut text = String::with_capacity(pdu.text.len() + 64);
    write_edited(
        Some(json.root()),
        &BTreeMap::from([("event_id", Some(format!("\"{}\"", pdu.id)))]),
        &mut text,
    );
    Some(text)
}

fn log(room: &Room<'_>, pdu: &Pdu, why: &str) -> Effect {
    let text =
        format!("Event {} of {} by {} was not taken into the room: {why}.", pdu.id, room.id, pdu.sender());
    Effect::Log { level: Level::Warn, text }
}

/// Whether an event that was accepted says anything: a redaction may not.
fn counts(view: &View, room: &Room<'_>, pdu: &Pdu) -> Result<bool, Missing> {
    let after = stored(view, pdu.id.as_str())?.and_then(|it| it.after.as_deref());
    let state = after.map(|it| state_of(view, it)).transpose()?.flatten().unwrap_or_default();
    redaction::counts(view, room, pdu, &state)
}

/// An event that was kept. One that came again with the state of a room, by a second join, is there twice.
pub(super) fn stored<'v>(view: &'v View, event: &str) -> Result<Option<&'v RoomEvent>, Missing> {
    let events = view.records(&key::event(event))?.iter().filter_map(as_event);
    Ok(events.max_by_key(|it| it.after.is_some()))
}

fn as_event(record: &Record) -> Option<&RoomEvent> {
    if let Record::Event(it) = record { Some(it) } else { None }
}
