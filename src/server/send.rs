//! What our users say in a room becomes its events, and goes to every server that is in it.
//!
//! Events are made once and kept before they go out: what is sent again after a crash is the very same event. Whoever
//! is not in the room yet joins first, invited by one of ours where that is needed.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#put_matrixfederationv1sendtxnid>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use ruma_common::{OwnedEventId, OwnedUserId, RoomId, UserId};
use ruma_events::StateEventType;
use ruma_state_res::Event as _;
use serde_json::{Value, json};

use super::answer::{LARGEST, read};
use super::identity::{self, Identity};
use super::room::{Room, event, head, state_after};
use super::route::{Learnt, signed};
use crate::attachment::{Done, Intent, Move};
use crate::effect::{Call, Effect, Level};
use crate::facts::User;
use crate::ids::{self, key};
use crate::input::Answer;
use crate::matrix::compose::{Draft, Place, Uncomposed, compose};
use crate::matrix::name::ServerName;
use crate::matrix::pdu::Pdu;
use crate::matrix::resolve::State;
use crate::matrix::version::RoomVersion;
use crate::puppet;
use crate::record::{Head, Made, Record, Standing};
use crate::view::{Key, Missing, View};

/// The first step: to the first of the servers.
pub(super) fn begin(view: &View, intent: &Intent) -> Result<Move, Missing> {
    let Some(Said { room, by, event_type, content, redacts, transaction, at }) = said(intent) else {
        return Ok(unknown());
    };
    view.all(
        [
            key::SIGNING.to_owned(),
            key::made(transaction),
            key::joined(room),
            key::heads(room),
            key::room_state(room),
        ]
        .map(Key::documents),
    )?;
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    if let Some(made) = made(view, transaction)? {
        let keep = placed(view, room, made)?;
        return go_on(view, &identity, made, (0, 0), keep);
    }
    let Some(room) = Room::load(view, room, &[])? else {
        return Ok(Move::Refused { why: "this workspace is not in the Matrix room any more".to_owned() });
    };
    let state = match room.current()? {
        Ok(state) => state,
        Err(why) => return Ok(Move::Refused { why }),
    };
    let sender = puppet::mxid(view, by)?;
    let mut making = Making { room: &room, identity: &identity, state, events: vec![], states: vec![], at };
    match making.say(view, (by, &sender), event_type, &content, redacts) {
        Ok(()) => {}
        Err(Uncomposed::Refused(why)) => return Ok(Move::Refused { why }),
        Err(Uncomposed::Lacking(events)) => {
            room.load_late(&events)?;
            return Ok(Move::Refused { why: "the room's history here has a gap".to_owned() });
        }
    }
    Ok(Move::Again { keep: making.kept(transaction) })
}

/// What somebody says, or takes back.
struct Said<'i> {
    room: &'i str,
    by: &'i User,
    event_type: &'i str,
    content: Cow<'i, Value>,
    redacts: Option<&'i str>,
    transaction: &'i str,
    at: i64,
}

fn said(intent: &Intent) -> Option<Said<'_>> {
    match intent {
        Intent::Send { room, by, event_type, content, transaction, at, .. } => {
            let content = Cow::Borrowed(content);
            Some(Said { room, by, event_type, content, redacts: None, transaction, at: *at })
        }
        Intent::Redact { room, event, by: Some(by), transaction, at, .. } => {
            let (event_type, content) = ("m.room.redaction", Cow::Owned(json!({})));
            Some(Said { room, by, event_type, content, redacts: Some(event), transaction, at: *at })
        }
        Intent::Redact { by: None, .. }
        | Intent::Attach
        | Intent::CreateRoom { .. }
        | Intent::Latest { .. }
        | Intent::Join { .. }
        | Intent::Invite { .. }
        | Intent::Dm(_)
        | Intent::Recognise { .. }
        | Intent::Person(_)
        | Intent::Pin { .. }
        | Intent::Upload { .. } => None,
    }
}

/// What is left to keep of events that were made, so that they are the room's latest before they go out.
fn placed(view: &View, room: &str, made: &Made) -> Result<Vec<Effect>, Missing> {
    let Some(version) = RoomVersion::parse(&made.version) else { return Ok(vec![]) };
    let pdus: Vec<Pdu> = made.events.iter().filter_map(|it| Pdu::read(it.as_bytes(), version).ok()).collect();
    view.all(pdus.iter().map(|it| Key::documents(key::event(it.id.as_str()))))?;
    let mut keep = vec![];
    for (pdu, after) in pdus.iter().zip(&made.after) {
        if view.records(&key::event(pdu.id.as_str()))?.is_empty() {
            keep.push(event(room, pdu, Standing::Accepted, Some(after.clone())));
        }
    }
    if let (Some(last), Some(after), false) = (pdus.last(), made.after.last(), keep.is_empty()) {
        // Only the last one is the room's latest. It counts as soon as its event is there, after all the others.
        keep.insert(0, head(room, last, after.clone()).insert());
    }
    for record in view.records(&key::heads(room))? {
        let Record::Head(head) = record else { continue };
        let mut followed = pdus.first().into_iter().flat_map(|it| it.prev_events());
        if followed.any(|it| it.as_str() == head.event) {
            keep.push(record.remove());
        }
    }
    Ok(keep)
}

/// The next step: to the next of the servers.
pub(super) fn resume(view: &View, intent: &Intent, step: &str, answer: &Answer) -> Result<Move, Missing> {
    let Some(Said { transaction, .. }) = said(intent) else { return Ok(unknown()) };
    let (Some(made), Some((at, reached))) = (made(view, transaction)?, progress(step)) else {
        return begin(view, intent);
    };
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    let server = made.servers.get(at).map(String::as_str).unwrap_or_default();
    let next = at.saturating_add(1);
    let trouble = match read(server, answer) {
        Ok(body) => {
            let complaints = complaints(server, body, made.events.len());
            return go_on(view, &identity, made, (next, reached.saturating_add(1)), complaints);
        }
        Err(trouble) => *trouble,
    };
    match trouble {
        Move::Later { after, why } if next == made.servers.len() && reached == 0 => {
            Ok(Move::Later { after, why })
        }
        Move::Later { why, .. } | Move::Refused { why } | Move::Away { why } => {
            go_on(view, &identity, made, (next, reached), vec![left_out(&why)])
        }
        other @ (Move::Call { .. } | Move::Again { .. } | Move::Done { .. } | Move::Carry { .. }) => {
            Ok(other)
        }
    }
}

fn left_out(why: &str) -> Effect {
    let text = format!("A message did not reach one of the servers of its room: {why}");
    Effect::Log { level: Level::Warn, text }
}

/// To the server at a place in the list; behind the last, it is done.
fn go_on(
    view: &View,
    identity: &Identity,
    made: &Made,
    (at, reached): (usize, usize),
    mut keep: Vec<Effect>,
) -> Result<Move, Missing> {
    let Some(server) = made.servers.get(at) else {
        let version = RoomVersion::parse(&made.version);
        let event =
            made.events.last().zip(version).and_then(|(text, it)| Pdu::read(text.as_bytes(), it).ok());
        let done = event.map_or(Done::Plainly, |it| Done::Event(it.id.to_string()));
        return Ok(Move::Done { done, keep });
    };
    let learnt = Learnt::default();
    let request = match ServerName::parse(server) {
        Ok(name) => request(view, identity, made, &name, &learnt)?,
        Err(why) => Err(why.to_string()),
    };
    match request {
        Ok(request) => {
            keep.extend(learnt.effects());
            Ok(Move::Call { step: format!("to {at} {reached}"), request, keep })
        }
        // Called all the same, so that each server is a decision of its own: one that looked up many would find no end.
        Err(why) => {
            keep.push(left_out(&why));
            keep.extend(learnt.effects());
            Ok(Move::Call { step: format!("to {at} {reached}"), request: nowhere(), keep })
        }
    }
}

/// A call that reaches nobody.
fn nowhere() -> Call {
    Call {
        method: "PUT".to_owned(),
        url: String::new(),
        authorization: None,
        peer: None,
        guarded: true,
        body: None,
        timeout: 0,
    }
}

fn request(
    view: &View,
    identity: &Identity,
    made: &Made,
    server: &ServerName,
    learnt: &Learnt,
) -> Result<Result<Call, String>, Missing> {
    let id = ids::digest(&[&made.transaction, server.as_str()]);
    let path = format!("/_matrix/federation/v1/send/{}", Call::path(&[&id]));
    let body = format!(
        "{{\"origin\":{},\"origin_server_ts\":{},\"pdus\":[{}]}}",
        json!(view.config.server_name),
        view.now,
        made.events.join(",")
    );
    signed(view, identity.signer(), server, ("PUT", &path, Some(&body)), learnt)
}

/// What a server has against single events, of which it got so many.
fn complaints(server: &str, body: &str, most: usize) -> Vec<Effect> {
    let body = if body.len() <= LARGEST { body } else { "" };
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let errors = body.get("pdus").and_then(Value::as_object).into_iter().flatten();
    let errors = errors.filter_map(|(id, it)| Some((id, it.get("error")?.as_str()?)));
    let log = |(id, why): (&String, &str)| Effect::Log {
        level: Level::Warn,
        text: format!("{server} did not accept {id}: {why}"),
    };
    errors.take(most).map(log).collect()
}

fn progress(step: &str) -> Option<(usize, usize)> {
    let (at, reached) = step.strip_prefix("to ")?.split_once(' ')?;
    Some((at.parse().ok()?, reached.parse().ok()?))
}

fn made<'v>(view: &'v View, transaction: &str) -> Result<Option<&'v Made>, Missing> {
    let mut records = view.records(&key::made(transaction))?.iter();
    Ok(records.find_map(|it| if let Record::Made(it) = it { Some(it) } else { None }))
}

fn unknown() -> Move {
    Move::Refused { why: "the App does not know its own step".to_owned() }
}

/// Events that are made one after the other.
struct Making<'r> {
    room: &'r Room<'r>,
    identity: &'r Identity,
    state: State,
    events: Vec<Rc<Pdu>>,
    /// The state after each.
    states: Vec<State>,
    at: i64,
}

impl Making<'_> {
    /// Somebody says something; who is not in the room joins first.
    fn say(
        &mut self,
        view: &View,
        (by, sender): (&User, &str),
        kind: &str,
        content: &Value,
        redacts: Option<&str>,
    ) -> Result<(), Uncomposed> {
        let user = user_id(sender)?;
        let Some(why) = refusal(self.make(&user, kind, None, content, redacts))? else { return Ok(()) };
        let member = (StateEventType::RoomMember, user.to_string());
        if self.joined().contains(&user) {
            return Err(why);
        }
        let shown = by.shown();
        let join = json!({ "membership": "join", "displayname": shown });
        if refusal(self.make(&user, "m.room.member", Some(&member.1), &join, None))?.is_some() {
            let invite = json!({ "membership": "invite", "displayname": shown });
            let mut is_invited = false;
            for host in self.joined().into_iter().filter(|it| view.config.is_ours(it.as_str())) {
                if refusal(self.make(&host, "m.room.member", Some(&member.1), &invite, None))?.is_none() {
                    is_invited = true;
                    break;
                }
            }
            if !is_invited {
                return Err(why);
            }
            self.make(&user, "m.room.member", Some(&member.1), &join, None)?;
        }
        self.make(&user, kind, None, content, redacts)
    }

    fn make(
        &mut self,
        by: &UserId,
        kind: &str,
        state_key: Option<&str>,
        content: &Value,
        redacts: Option<&str>,
    ) -> Result<(), Uncomposed> {
        let room = <&RoomId>::try_from(self.room.id).map_err(|why| Uncomposed::Refused(why.to_string()))?;
        let (prev_events, depth) = self.latest();
        let draft = Draft { sender: by, kind, state_key, content, redacts, at: self.at };
        let place = Place {
            room: Some(room),
            version: self.room.version,
            prev_events: &prev_events,
            depth,
            state: &self.state,
        };
        let pdu = Rc::new(compose(&draft, &place, self.room, self.identity.signer())?);
        self.room.learn(Rc::clone(&pdu));
        self.state = state_after(&pdu, &self.state);
        self.states.push(self.state.clone());
        self.events.push(pdu);
        Ok(())
    }

    /// The events that the next one follows, and the greatest depth of them.
    fn latest(&self) -> (Vec<OwnedEventId>, i64) {
        /// An event may follow no more.
        const MOST: usize = 20;
        if let Some(last) = self.events.last() {
            return (vec![last.id.clone()], last.depth);
        }
        let mut heads: Vec<&Head> = self.room.heads.clone();
        heads.sort_by_key(|it| std::cmp::Reverse(it.depth));
        let depth = heads.first().map_or(0, |it| it.depth);
        let ids = heads.iter().take(MOST).filter_map(|it| OwnedEventId::try_from(it.event.as_str()).ok());
        (ids.collect(), depth)
    }

    /// Who is in the room.
    fn joined(&self) -> BTreeSet<OwnedUserId> {
        self.room.joined(&self.state)
    }

    /// What to keep of what was made. From then on it is what was made, whoever looks: the events find their place in
    /// the room only when that is read again.
    fn kept(&self, transaction: &str) -> Vec<Effect> {
        let (mut keep, mut after) = (vec![], vec![]);
        for state in &self.states {
            let (id, effect) = self.room.snapshot(state);
            keep.extend(effect);
            after.push(id);
        }
        let made = Made {
            transaction: transaction.to_owned(),
            events: self.events.iter().map(|it| it.text.clone()).collect(),
            version: self.room.version.to_string(),
            after,
            servers: self.room.servers(&self.state).into_iter().collect(),
        };
        keep.push(Record::Made(made).insert());
        keep
    }
}

/// That an event was refused; another may not be. What is only lacking is no refusal.
fn refusal(made: Result<(), Uncomposed>) -> Result<Option<Uncomposed>, Uncomposed> {
    match made {
        Ok(()) => Ok(None),
        Err(lacking @ Uncomposed::Lacking(_)) => Err(lacking),
        Err(refused @ Uncomposed::Refused(_)) => Ok(Some(refused)),
    }
}

fn user_id(text: &str) -> Result<OwnedUserId, Uncomposed> {
    OwnedUserId::try_from(text).map_err(|why| Uncomposed::Refused(why.to_string()))
}
