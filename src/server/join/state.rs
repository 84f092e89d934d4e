//! The state that comes back from a join, checked.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#put_matrixfederationv2send_joinroomideventid>

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruma_common::{EventId, OwnedEventId};
use ruma_events::room::member::MembershipState;
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::Event as _;
use ruma_state_res::events::{RoomCreateEvent, RoomMemberEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::keys::ServerKeys;
use super::super::room;
use super::super::route::Learnt;
use crate::effect::Effect;
use crate::ids::key;
use crate::matrix::pdu::Pdu;
use crate::matrix::receipt::{self, Unread, Verdict, judge, judge_alone};
use crate::matrix::resolve::{Events, State};
use crate::matrix::version::RoomVersion;
use crate::record::{Record, Standing};
use crate::view::{Missing, View};

/// Larger rooms are not joined so far: their state is checked in one go.
const MOST: usize = 2_000;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    state: Vec<&'a RawValue>,
    #[serde(borrow)]
    auth_chain: Vec<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// So many of those who are in a room already are brought to Rocket.Chat at once; others come with what they say.
const MEMBERS: usize = 100;

/// What is believed of an answer to a join.
pub(super) struct Checked {
    /// What to keep.
    pub(super) keep: Vec<Effect>,
    /// The memberships of those who are there already, as events that came.
    pub(super) members: Vec<String>,
}

/// Reads the answer to a join; what is believed of it, or why nothing is.
pub(super) fn receive(
    view: &View,
    room: &str,
    version: RoomVersion,
    join: &Pdu,
    body: &str,
    learnt: &Learnt,
) -> Result<Result<Checked, String>, Missing> {
    let Ok(body) = serde_json::from_str::<Body<'_>>(body) else {
        return Ok(Err("it has no state and auth_chain".to_owned()));
    };
    if body.state.len() + body.auth_chain.len() > MOST {
        return Ok(Err(format!(
            "the room is too large: so far, rooms with up to {MOST} state events can be joined"
        )));
    }
    let keys = ServerKeys::new(view, learnt);
    let read = |it: &&RawValue| match receipt::read(it.get().as_bytes(), version, &keys) {
        Ok(pdu) if pdu.room.as_str() == room && pdu.state_key().is_some() => Some(pdu),
        // What is not a good event of the room is as if it had not come; what builds on it falls with it.
        Ok(_) | Err(Unread::Dropped(_) | Unread::Lacking(_)) => None,
    };
    let state: Vec<Pdu> = body.state.iter().filter_map(read).collect();
    let chain: Vec<Pdu> = body.auth_chain.iter().filter_map(read).collect();
    // In a restricted room, the other server has signed our join too.
    let signed = body.event.and_then(|it| receipt::read(it.get().as_bytes(), version, &keys).ok());
    keys.finish()?;
    let join = signed.filter(|it| it.id == join.id).unwrap_or_else(|| join.clone());
    let state_ids: Vec<OwnedEventId> = state.iter().map(|it| it.id.clone()).collect();
    let mut came = Came::default();
    came.judge(state.into_iter().chain(chain).map(|it| (it.id.clone(), it)).collect());
    came.with(view, room, version, &join, &state_ids)
}

/// The events that came, judged.
#[derive(Default)]
struct Came(BTreeMap<OwnedEventId, Rc<Pdu>>);

impl Came {
    /// Judges events by what they name, each after those that it names. What lacks something is left out, and so is
    /// what names each other in a circle, which no honest events can.
    fn judge(&mut self, mut events: BTreeMap<OwnedEventId, Pdu>) {
        let mut waits: BTreeMap<OwnedEventId, usize> = BTreeMap::new();
        let mut blocks: BTreeMap<OwnedEventId, Vec<OwnedEventId>> = BTreeMap::new();
        for (id, pdu) in &events {
            let first: BTreeSet<OwnedEventId> =
                pdu.authorised_by().filter(|it| events.contains_key(it)).collect();
            waits.insert(id.clone(), first.len());
            for it in first {
                blocks.entry(it).or_default().push(id.clone());
            }
        }
        let mut ready: Vec<OwnedEventId> =
            waits.iter().filter(|(_, count)| **count == 0).map(|(id, _)| id.clone()).collect();
        while let Some(id) = ready.pop() {
            for blocked in blocks.remove(&id).unwrap_or_default() {
                let Some(count) = waits.get_mut(&blocked) else { continue };
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(blocked);
                }
            }
            let Some(mut pdu) = events.remove(&id) else { continue };
            if let Ok(verdict) = judge_alone(&pdu, self) {
                pdu.rejected = verdict != Verdict::Accepted;
                self.0.insert(id, Rc::new(pdu));
            }
        }
    }

    /// The room as it stands with our join.
    fn with(
        &self,
        view: &View,
        room: &str,
        version: RoomVersion,
        join: &Pdu,
        state: &[OwnedEventId],
    ) -> Result<Result<Checked, String>, Missing> {
        let good = || state.iter().filter_map(|id| self.0.get(id)).filter(|it| !it.rejected);
        let before: State = good().map(|it| (key_of(it), it.id.clone())).collect();
        match judge(join, self, &before, &before) {
            Ok(Verdict::Accepted) => {}
            Ok(Verdict::Rejected(why) | Verdict::SoftFailed(why)) => return Ok(Err(why)),
            Err(lacking) => return Ok(Err(format!("{} events are missing", lacking.0.len()))),
        }
        let create = before.get(&(StateEventType::RoomCreate, String::new())).and_then(|id| self.0.get(id));
        if create.and_then(|it| version_of(it)) != Some(version) {
            return Ok(Err(format!("the room is not of version {version}, as it said before")));
        }
        let mut after = before;
        after.insert(key_of(join), join.id.clone());
        let (snapshot, effect) = room::snapshot(room, &after);
        let mut keep = vec![effect];
        let known: BTreeSet<String> = view.records(&key::room_state(room))?.iter().map(Record::id).collect();
        let is_new = |it: &Pdu| !known.contains(&key::event(it.id.as_str()));
        for pdu in self.0.values().filter(|it| is_new(it)) {
            let standing = if pdu.rejected { Standing::Rejected } else { Standing::Accepted };
            keep.push(room::event(room, pdu, standing, None));
        }
        let head = room::head(room, join, snapshot.clone());
        if is_new(join) {
            keep.push(room::event(room, join, Standing::Accepted, Some(snapshot)));
        }
        let old = view.records(&key::heads(room))?.iter();
        keep.push(head.clone().insert());
        keep.extend(old.filter(|it| it.id() != head.id()).map(Record::remove));
        let joined =
            |it: &&Rc<Pdu>| matches!(RoomMemberEvent::new(&***it).membership(), Ok(MembershipState::Join));
        let others = good().filter(|it| *it.event_type() == TimelineEventType::RoomMember).filter(joined);
        let members = others.take(MEMBERS).map(|it| room::arrived(it)).collect();
        Ok(Ok(Checked { keep, members }))
    }
}

impl Events for Came {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.0.get(id).cloned()
    }
}

/// The version that a create event names.
fn version_of(create: &Pdu) -> Option<RoomVersion> {
    let version = RoomCreateEvent::new(create).room_version().ok()?;
    RoomVersion::parse(version.as_str())
}

fn key_of(pdu: &Pdu) -> (StateEventType, String) {
    (StateEventType::from(pdu.event_type().to_string()), pdu.state_key().unwrap_or_default().to_owned())
}
