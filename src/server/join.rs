//! Joining a room of other servers: asking for a template, sending the join, believing the state that comes back.
//!
//! Nothing of that state is believed before it is checked: every event is its servers' own and authorised by what it
//! names, and together they allow our join.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#joining-rooms>

mod state;

use std::collections::BTreeSet;

use ruma_common::{OwnedUserId, RoomId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::answer::read;
use super::identity::{self, Identity};
use super::invitation;
use super::route::{Learnt, signed};
use crate::attachment::{Done, Move};
use crate::effect::{Call, Effect};
use crate::facts::User;
use crate::ids::key;
use crate::input::Answer;
use crate::matrix::compose::{Membership, fill};
use crate::matrix::name::{ServerName, server_of};
use crate::matrix::pdu::Pdu;
use crate::matrix::version::RoomVersion;
use crate::puppet;
use crate::record::{Joined, Made, Record};
use crate::view::{Key, Missing, View};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The room's id or one of its aliases.
    pub(super) room: &'a str,
    /// Who joins.
    pub(super) by: &'a User,
    /// Servers that are in it.
    pub(super) via: &'a [String],
    /// What the join is kept under.
    pub(super) transaction: &'a str,
    /// When it was asked for, in milliseconds.
    pub(super) at: i64,
}

/// Where a join stands: which server is asked, about which room, for what.
struct Stage<'a> {
    name: &'a str,
    server: &'a str,
    room: &'a str,
}

/// The first step.
pub(super) fn begin(view: &View, wanted: &Wanted<'_>) -> Result<Move, Missing> {
    look_up(view, wanted, wanted.room)?;
    if let Some(kept) = kept_join(view, wanted)? {
        return send(view, &kept);
    }
    if wanted.room.starts_with('#') {
        let Some(server) = server_of(wanted.room) else {
            return Ok(Move::Refused { why: "this is no alias of a Matrix room".to_owned() });
        };
        let stage = Stage { name: "resolve", server: server.as_str(), room: wanted.room };
        return ask(view, &stage, wanted);
    }
    match servers(view, wanted)?.first() {
        Some(server) => ask(view, &Stage { name: "make", server, room: wanted.room }, wanted),
        None => Ok(Move::Refused {
            why: "nothing is known of a server that is in this room: name one after the room's id".to_owned(),
        }),
    }
}

/// The next step.
pub(super) fn resume(view: &View, wanted: &Wanted<'_>, step: &str, answer: &Answer) -> Result<Move, Missing> {
    let parts: Vec<&str> = step.splitn(3, ' ').collect();
    let [name, server, room] = parts.as_slice() else { return begin(view, wanted) };
    look_up(view, wanted, room)?;
    let stage = Stage { name, server, room };
    let body = match read(server, answer) {
        Ok(body) => body,
        Err(trouble) => return elsewhere(view, wanted, &stage, *trouble),
    };
    match *name {
        "resolve" => resolved(view, wanted, body),
        "make" => made(view, wanted, &stage, body),
        "send" => sent(view, wanted, &stage, body),
        _ => begin(view, wanted),
    }
}

/// What every step needs, at once; the room may have been wanted by an alias.
fn look_up(view: &View, wanted: &Wanted<'_>, room: &str) -> Result<(), Missing> {
    let keys = [
        key::SIGNING.to_owned(),
        key::made(wanted.transaction),
        key::invitation(wanted.room),
        key::invitation(room),
        key::joined(room),
        key::heads(room),
        key::room_state(room),
    ];
    view.all(keys.map(Key::documents))
}

/// Another server that is in the room may know better.
fn elsewhere(view: &View, wanted: &Wanted<'_>, stage: &Stage<'_>, trouble: Move) -> Result<Move, Missing> {
    let servers = servers(view, wanted)?;
    let next = servers.iter().skip_while(|it| *it != stage.server).nth(1);
    match next {
        Some(server) if stage.name == "make" => ask(view, &Stage { server, ..*stage }, wanted),
        _ => Ok(trouble),
    }
}

fn resolved(view: &View, wanted: &Wanted<'_>, body: &str) -> Result<Move, Missing> {
    #[derive(Deserialize)]
    struct Alias {
        room_id: String,
        servers: Vec<String>,
    }
    match serde_json::from_str::<Alias>(body) {
        Ok(Alias { room_id, servers }) if !servers.is_empty() => {
            let server = servers.iter().find(|it| **it != view.config.server_name).or(servers.first());
            let server = server.map(String::as_str).unwrap_or_default();
            ask(view, &Stage { name: "make", server, room: &room_id }, wanted)
        }
        _ => Ok(Move::Refused { why: "the server of the alias does not say which room it is".to_owned() }),
    }
}

fn made(view: &View, wanted: &Wanted<'_>, stage: &Stage<'_>, body: &str) -> Result<Move, Missing> {
    #[derive(Deserialize)]
    struct Template<'a> {
        room_version: String,
        #[serde(borrow)]
        event: &'a RawValue,
    }
    let refused = |why: String| Ok(Move::Refused { why });
    if let Some(kept) = kept_join(view, wanted)? {
        return send(view, &kept);
    }
    let Ok(template) = serde_json::from_str::<Template<'_>>(body) else {
        return refused(format!("{} answered without a template", stage.server));
    };
    let Some(version) = RoomVersion::parse(&template.room_version) else {
        return refused(format!(
            "the room is of version {}, which is not spoken here",
            template.room_version
        ));
    };
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    let (Ok(room), Ok(user)) =
        (<&RoomId>::try_from(stage.room), OwnedUserId::try_from(puppet::mxid(view, wanted.by)?))
    else {
        return refused("this is no id of a Matrix room".to_owned());
    };
    let shown = wanted.by.shown();
    let membership = Membership {
        room,
        version,
        user: &user,
        membership: "join",
        more: &Map::from_iter([("displayname".to_owned(), json!(shown))]),
        at: wanted.at,
    };
    let Some(mut keep) = joining(view, stage.room, version)? else {
        return refused(format!(
            "{} says that the room is of version {version}, which it is not",
            stage.server
        ));
    };
    match fill(template.event.get(), &membership, identity.signer()) {
        Ok(pdu) => {
            let made = Made {
                transaction: wanted.transaction.to_owned(),
                events: vec![pdu.text.clone()],
                version: version.to_string(),
                after: vec![],
                servers: vec![stage.server.to_owned()],
            };
            keep.push(Record::Made(made).insert());
            Ok(Move::Again { keep })
        }
        Err(why) => refused(why.to_string()),
    }
}

/// What to keep of a room that is about to be joined: events may come before the answer to the join does, and are kept
/// from now on. What a server said of a room that we never came into does not count; nothing if we are in the room, and
/// it is of another version.
fn joining(view: &View, room: &str, version: RoomVersion) -> Result<Option<Vec<Effect>>, Missing> {
    let joined = Record::Joined(Joined { room: room.to_owned(), version: version.to_string() });
    let known = view.records(&key::joined(room))?;
    let mut keep = vec![];
    if known.iter().any(|it| *it != joined) {
        if !view.records(&key::heads(room))?.is_empty() {
            return Ok(None);
        }
        keep.push(joined.remove());
    }
    if known.first() != Some(&joined) {
        keep.push(joined.insert());
    }
    Ok(Some(keep))
}

/// Sends a join to the server that made its template. It may have gone out before, and the room may know it already.
fn send(view: &View, kept: &Kept) -> Result<Move, Missing> {
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    let room = kept.join.room.as_str();
    let path = format!("/_matrix/federation/v2/send_join/{}", Call::path(&[room, kept.join.id.as_str()]));
    let stage = Stage { name: "send", server: &kept.server, room };
    call(view, &identity, &stage, ("PUT", &path, Some(&kept.join.text)))
}

fn sent(view: &View, wanted: &Wanted<'_>, stage: &Stage<'_>, body: &str) -> Result<Move, Missing> {
    let Some(Kept { join, version, .. }) = kept_join(view, wanted)? else { return begin(view, wanted) };
    let learnt = Learnt::default();
    Ok(match state::receive(view, stage.room, version, &join, body, &learnt)? {
        Ok(state::Checked { mut keep, members }) => {
            keep.extend(learnt.effects());
            keep.extend(invitation::used(view, stage.room, &wanted.by.username)?);
            Move::Done { done: Done::Joined { room: stage.room.to_owned(), events: members }, keep }
        }
        Err(why) => {
            Move::Refused { why: format!("what {} says of the room is not good: {why}", stage.server) }
        }
    })
}

/// A join that was made before.
struct Kept {
    join: Pdu,
    version: RoomVersion,
    /// The server that made its template.
    server: String,
}

fn kept_join(view: &View, wanted: &Wanted<'_>) -> Result<Option<Kept>, Missing> {
    let mut records = view.records(&key::made(wanted.transaction))?.iter();
    let made = records.find_map(|it| if let Record::Made(it) = it { Some(it) } else { None });
    Ok(made.and_then(|made| {
        let version = RoomVersion::parse(&made.version)?;
        let join = Pdu::read(made.events.last()?.as_bytes(), version).ok()?;
        Some(Kept { join, version, server: made.servers.first()?.clone() })
    }))
}

/// Asks a server.
fn ask(view: &View, stage: &Stage<'_>, wanted: &Wanted<'_>) -> Result<Move, Missing> {
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    if stage.name == "resolve" {
        let path = format!("/_matrix/federation/v1/query/directory?room_alias={}", Call::path(&[stage.room]));
        return call(view, &identity, stage, ("GET", &path, None));
    }
    let user = puppet::mxid(view, wanted.by)?;
    let versions: Vec<String> = RoomVersion::ALL.iter().map(|it| format!("ver={it}")).collect();
    let path = Call::path(&[stage.room, &user]);
    let path = format!("/_matrix/federation/v1/make_join/{path}?{}", versions.join("&"));
    call(view, &identity, stage, ("GET", &path, None))
}

fn call(
    view: &View,
    identity: &Identity,
    stage: &Stage<'_>,
    request: (&str, &str, Option<&str>),
) -> Result<Move, Missing> {
    let Ok(server) = ServerName::parse(stage.server) else {
        return Ok(Move::Refused { why: format!("'{}' is not the name of a Matrix server", stage.server) });
    };
    let learnt = Learnt::default();
    Ok(match signed(view, identity.signer(), &server, request, &learnt)? {
        Ok(request) => {
            let step = format!("{} {} {}", stage.name, stage.server, stage.room);
            Move::Call { step, request, keep: learnt.effects() }
        }
        Err(why) => Move::Refused { why },
    })
}

/// Servers to ask, each once: those that were named, the one that brought an invitation, the one that the room's id
/// names.
fn servers(view: &View, wanted: &Wanted<'_>) -> Result<Vec<String>, Missing> {
    let mut servers = wanted.via.to_vec();
    servers.extend(invitation::via(view, wanted.room, &wanted.by.username)?);
    servers.extend(server_of(wanted.room).map(|it| it.as_str().to_owned()));
    let mut known = BTreeSet::from([view.config.server_name.clone()]);
    servers.retain(|it| known.insert(it.clone()));
    Ok(servers)
}
