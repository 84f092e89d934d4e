//! Joining a room of other servers: asking for a template, sending the join, believing the state that comes back.
//!
//! Nothing of that state is believed before it is checked: every event is its servers' own and authorised by what it
//! names, and together they allow our join.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#joining-rooms>

mod state;

use ruma_common::{OwnedUserId, RoomId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::answer::read;
use super::identity::{self, Identity};
use super::route::{Learnt, signed};
use super::{invitation, room};
use crate::attachment::{Done, Move};
use crate::effect::{Call, Effect};
use crate::facts::User;
use crate::ids::key;
use crate::input::Answer;
use crate::matrix::compose::{Membership, fill};
use crate::matrix::name::{ServerName, server_of};
use crate::matrix::pdu::Pdu;
use crate::matrix::version::RoomVersion;
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
    look_up(view, wanted)?;
    if wanted.room.starts_with('#') {
        let Some(server) = server_of(wanted.room) else {
            return Ok(Move::Refused { why: "this is no alias of a Matrix room".to_owned() });
        };
        return ask(
            view,
            &Stage { name: "resolve", server: server.as_str(), room: wanted.room },
            wanted,
            vec![],
        );
    }
    match servers(view, wanted)?.first() {
        Some(server) => ask(view, &Stage { name: "make", server, room: wanted.room }, wanted, vec![]),
        None => Ok(Move::Refused {
            why: "nothing is known of a server that is in this room: name one after the room's id".to_owned(),
        }),
    }
}

/// The next step.
pub(super) fn resume(view: &View, wanted: &Wanted<'_>, step: &str, answer: &Answer) -> Result<Move, Missing> {
    look_up(view, wanted)?;
    let parts: Vec<&str> = step.splitn(3, ' ').collect();
    let [name, server, room] = parts.as_slice() else { return begin(view, wanted) };
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

/// What every step needs, at once.
fn look_up(view: &View, wanted: &Wanted<'_>) -> Result<(), Missing> {
    let keys = [
        key::SIGNING.to_owned(),
        key::made(wanted.transaction),
        key::invitation(wanted.room),
        key::heads(wanted.room),
    ];
    view.all(keys.map(Key::documents))
}

/// Another server that is in the room may know better.
fn elsewhere(view: &View, wanted: &Wanted<'_>, stage: &Stage<'_>, trouble: Move) -> Result<Move, Missing> {
    let servers = servers(view, wanted)?;
    let next = servers.iter().skip_while(|it| *it != stage.server).nth(1);
    match next {
        Some(server) if stage.name == "make" => ask(view, &Stage { server, ..*stage }, wanted, vec![]),
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
            ask(view, &Stage { name: "make", server, room: &room_id }, wanted, vec![])
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
        (<&RoomId>::try_from(stage.room), OwnedUserId::try_from(view.config.puppet(wanted.by)))
    else {
        return refused("this is no id of a Matrix room".to_owned());
    };
    let shown = if wanted.by.name.is_empty() { &wanted.by.username } else { &wanted.by.name };
    let membership = Membership {
        room,
        version,
        user: &user,
        membership: "join",
        more: &Map::from_iter([("displayname".to_owned(), json!(shown))]),
        at: wanted.at,
    };
    match fill(template.event.get(), &membership, identity.signer()) {
        Ok(pdu) => {
            let made = Made {
                transaction: wanted.transaction.to_owned(),
                events: vec![pdu.text.clone()],
                version: version.to_string(),
                servers: vec![],
            };
            let mut keep = match joining(view, stage, version)? {
                Ok(keep) => keep,
                Err(why) => return refused(why),
            };
            keep.push(Record::Made(made).insert());
            send(view, &identity, stage, &pdu, keep)
        }
        Err(why) => refused(why.to_string()),
    }
}

/// Events may come before the answer to the join does: from now on they are kept. A server that was asked before and
/// gave the room another version was wrong; of a room that we are in, this one is.
fn joining(
    view: &View,
    stage: &Stage<'_>,
    version: RoomVersion,
) -> Result<Result<Vec<Effect>, String>, Missing> {
    let joined = Joined { room: stage.room.to_owned(), version: version.to_string() };
    let joined = Record::Joined(joined);
    Ok(Ok(match room::version(view, stage.room)? {
        None => vec![joined.insert()],
        Some(known) if known == version => vec![],
        Some(known) if !view.records(&key::heads(stage.room))?.is_empty() => {
            return Ok(Err(format!(
                "{} says that the room is of version {version}, but it is of {known}",
                stage.server
            )));
        }
        Some(_) => vec![joined.remove(), joined.insert()],
    }))
}

fn send(
    view: &View,
    identity: &Identity,
    stage: &Stage<'_>,
    pdu: &Pdu,
    keep: Vec<Effect>,
) -> Result<Move, Missing> {
    let path = Call::path(&[stage.room, pdu.id.as_str()]);
    let path = format!("/_matrix/federation/v2/send_join/{path}");
    call(view, identity, &Stage { name: "send", ..*stage }, ("PUT", &path, Some(&pdu.text)), keep)
}

fn sent(view: &View, wanted: &Wanted<'_>, stage: &Stage<'_>, body: &str) -> Result<Move, Missing> {
    let Some((join, version)) = kept_join(view, wanted)? else { return begin(view, wanted) };
    let learnt = Learnt::default();
    Ok(match state::receive(view, stage.room, version, &join, body, &learnt)? {
        Ok(state::Checked { mut keep, members }) => {
            keep.extend(learnt.effects());
            Move::Done { done: Done::Joined { room: stage.room.to_owned(), events: members }, keep }
        }
        Err(why) => {
            Move::Refused { why: format!("what {} says of the room is not good: {why}", stage.server) }
        }
    })
}

/// The join that was made before.
fn kept_join(view: &View, wanted: &Wanted<'_>) -> Result<Option<(Pdu, RoomVersion)>, Missing> {
    let mut records = view.records(&key::made(wanted.transaction))?.iter();
    let made = records.find_map(|it| if let Record::Made(it) = it { Some(it) } else { None });
    Ok(made.and_then(|made| {
        let version = RoomVersion::parse(&made.version)?;
        Some((Pdu::read(made.events.last()?.as_bytes(), version).ok()?, version))
    }))
}

/// Asks a server.
fn ask(view: &View, stage: &Stage<'_>, wanted: &Wanted<'_>, keep: Vec<Effect>) -> Result<Move, Missing> {
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(Move::Later { after: None, why }),
    };
    if stage.name == "resolve" {
        let path = format!("/_matrix/federation/v1/query/directory?room_alias={}", Call::path(&[stage.room]));
        return call(view, &identity, stage, ("GET", &path, None), keep);
    }
    if let Some((join, _)) = kept_join(view, wanted)? {
        // It went out before; the room may know it already.
        return send(view, &identity, stage, &join, keep);
    }
    let user = view.config.puppet(wanted.by);
    let versions: Vec<String> = RoomVersion::ALL.iter().map(|it| format!("ver={it}")).collect();
    let path = Call::path(&[stage.room, &user]);
    let path = format!("/_matrix/federation/v1/make_join/{path}?{}", versions.join("&"));
    call(view, &identity, stage, ("GET", &path, None), keep)
}

fn call(
    view: &View,
    identity: &Identity,
    stage: &Stage<'_>,
    request: (&str, &str, Option<&str>),
    mut keep: Vec<Effect>,
) -> Result<Move, Missing> {
    let Ok(server) = ServerName::parse(stage.server) else {
        return Ok(Move::Refused { why: format!("'{}' is not the name of a Matrix server", stage.server) });
    };
    let learnt = Learnt::default();
    Ok(match signed(view, identity.signer(), &server, request, &learnt)? {
        Ok(request) => {
            keep.extend(learnt.effects());
            Move::Call { step: format!("{} {} {}", stage.name, stage.server, stage.room), request, keep }
        }
        Err(why) => Move::Refused { why },
    })
}

/// Servers to ask: those that were named, the one that brought an invitation, the one that the room's id names.
fn servers(view: &View, wanted: &Wanted<'_>) -> Result<Vec<String>, Missing> {
    let mut servers = wanted.via.to_vec();
    servers.extend(invitation::via(view, wanted.room, &wanted.by.username)?);
    servers.extend(server_of(wanted.room).map(|it| it.as_str().to_owned()));
    servers.retain(|it| *it != view.config.server_name);
    Ok(servers)
}
