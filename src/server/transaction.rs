//! What other servers ask of us, and what they send.
//!
//! Events are believed to be their servers' before they are kept; what they mean for their room is judged when its
//! turn comes.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#transactions>

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::answer::{error, good};
use super::keys::ServerKeys;
use super::room::{Room, arrived, version};
use super::route::Learnt;
use super::{authentication, identity, invitation};
use crate::attachment::Incoming;
use crate::effect::Reply;
use crate::ids::key;
use crate::input::Request;
use crate::matrix::hash;
use crate::matrix::json::{self, Json, Malformed};
use crate::matrix::name::ServerName;
use crate::matrix::receipt::{self, Unread};
use crate::puppet;
use crate::record::Record;
use crate::view::{Key, Missing, View};

/// The most events of a transaction.
const PDUS: usize = 50;

/// Servers send their own events, signed by themselves and now and then by another that let somebody in. No more than
/// this are asked for their keys because of one transaction.
const SERVERS: usize = 8;

/// The most messages beside events of a transaction.
const EDUS: usize = 100;

/// What a request means.
pub(super) fn receive(view: &View, request: &Request) -> Result<Incoming, Missing> {
    let (path, query) = request.uri.split_once('?').unwrap_or((&request.uri, ""));
    let parts: Option<Vec<String>> = path.split('/').skip(1).map(decoded).collect();
    let Some(parts) = parts else { return Ok(error(400, "M_INVALID_PARAM", "The path is not UTF-8.")) };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["_matrix", "key", "v2", "server", ..]) => Ok(match identity::document(view)? {
            Ok(document) => good(document, vec![]),
            Err(why) => error(503, "M_UNKNOWN", why),
        }),
        ("GET", ["_matrix", "federation", "v1", "version"]) => {
            let server =
                json!({ "name": "Matrix Federation for Rocket.Chat", "version": env!("CARGO_PKG_VERSION") });
            Ok(good(json!({ "server": server }).to_string(), vec![]))
        }
        (_, ["_matrix", "federation", rest @ ..]) => federation(view, request, rest, query),
        _ => Ok(unrecognized()),
    }
}

fn federation(view: &View, request: &Request, rest: &[&str], query: &str) -> Result<Incoming, Missing> {
    if !matches!(rest, ["v1", "send" | "event", _] | ["v2", "invite", _, _] | ["v1", "query", "profile"]) {
        return Ok(unrecognized());
    }
    let learnt = Learnt::default();
    let claims = match authentication::claims(view, request, &learnt)? {
        Ok(claims) => claims,
        Err(refusal) => return Ok(refusal),
    };
    let content = match (view.body.as_slice(), request.method.as_str()) {
        ([], "GET") => None,
        (body, _) => match Json::parse(body) {
            Ok(json) => Some(json),
            Err(why @ Malformed::Syntax(_)) => {
                return Ok(error(400, "M_NOT_JSON", format!("The body is no good: {why}.")));
            }
            Err(why) => return Ok(error(400, "M_BAD_JSON", format!("The body is no good: {why}."))),
        },
    };
    let origin = match claims.origin(request, content.as_ref()) {
        Ok(origin) => origin,
        Err(refusal) => return Ok(refusal),
    };
    let incoming = match (request.method.as_str(), rest) {
        ("PUT", ["v1", "send", _]) => match content.as_ref() {
            Some(content) => events(view, &origin, content.root(), &learnt)?,
            None => error(400, "M_NOT_JSON", "A transaction has a body."),
        },
        ("PUT", ["v2", "invite", room, event]) => invitation::receive(view, &origin, (room, event), &learnt)?,
        ("GET", ["v1", "query", "profile"]) => profile(view, query)?,
        ("GET", ["v1", "event", event]) => one_event(view, &origin, event)?,
        _ => error(405, "M_UNRECOGNIZED", "This method is not known here."),
    };
    Ok(match incoming {
        Incoming::Reply { mut keep, reply } => {
            keep.extend(learnt.effects());
            Incoming::Reply { keep, reply }
        }
        Incoming::Events { rooms, unreadable, typing, mut keep, reply } => {
            keep.extend(learnt.effects());
            Incoming::Events { rooms, unreadable, typing, keep, reply }
        }
    })
}

/// A transaction: each event is read, and those that are good go to their rooms.
fn events(
    view: &View,
    origin: &ServerName,
    transaction: json::Value<'_>,
    learnt: &Learnt,
) -> Result<Incoming, Missing> {
    let list = |name: &str| transaction.get(name).into_iter().flat_map(json::Value::items);
    if list("pdus").count() > PDUS || list("edus").count() > EDUS {
        return Ok(error(
            400,
            "M_TOO_LARGE",
            format!("A transaction has at most {PDUS} events and {EDUS} others."),
        ));
    }
    let room_of = |it: json::Value<'_>| {
        it.get("room_id").and_then(json::Value::as_str).map(std::borrow::Cow::into_owned)
    };
    view.all(list("pdus").filter_map(room_of).map(|room| Key::documents(key::joined(&room))))?;
    let keys = ServerKeys::new(view, learnt).at_most(SERVERS, origin);
    let mut results = Map::new();
    let mut rooms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unreadable = 0;
    for pdu in list("pdus") {
        let Some(room) = room_of(pdu) else {
            unreadable += 1;
            continue;
        };
        let Some(version) = version(view, &room)? else { continue };
        // What came before is not shown again, or anybody could bring back who left and what was deleted.
        let id = hash::event_id(&hash::signed_bytes(pdu, version));
        if keys.or_missing(view.records(&key::event(&id))).is_some_and(|it| !it.is_empty()) {
            results.insert(id, json!({}));
            continue;
        }
        match receipt::read(pdu.raw().as_bytes(), version, &keys) {
            Ok(pdu) => {
                results.insert(pdu.id.to_string(), json!({}));
                rooms.entry(room).or_default().push(arrived(&pdu));
            }
            Err(Unread::Lacking(_)) => {}
            Err(Unread::Dropped(why)) => {
                unreadable += 1;
                results.insert(id, json!({ "error": why.to_string() }));
            }
        }
    }
    keys.finish()?;
    let reply = Reply { status: 200, body: json!({ "pdus": results }).to_string() };
    Ok(Incoming::Events {
        rooms: rooms.into_iter().collect(),
        unreadable,
        typing: vec![],
        keep: vec![],
        reply,
    })
}

fn profile(view: &View, query: &str) -> Result<Incoming, Missing> {
    let parameter = |name: &str| {
        query
            .split('&')
            .filter_map(|it| it.split_once('='))
            .find(|(it, _)| *it == name)
            .and_then(|(_, it)| decoded(it))
    };
    let user = parameter("user_id").filter(|it| view.config.puppet_name(it).is_some());
    let Some(mxid) = user else {
        return Ok(error(404, "M_NOT_FOUND", "That user is not of this server."));
    };
    let Some(user) = puppet::user(view, &mxid)?.filter(|it| it.active) else {
        return Ok(error(404, "M_NOT_FOUND", "There is no such user here."));
    };
    let name = user.shown();
    let wanted = parameter("field").is_none_or(|it| it == "displayname");
    let profile = if wanted { json!({ "displayname": name }) } else { json!({}) };
    Ok(good(profile.to_string(), vec![]))
}

/// One event, for a server that is in its room.
fn one_event(view: &View, origin: &ServerName, event: &str) -> Result<Incoming, Missing> {
    let missing = || error(404, "M_NOT_FOUND", "There is no such event here.");
    let known = view
        .records(&key::event(event))?
        .iter()
        .find_map(|it| if let Record::Event(it) = it { Some(it) } else { None });
    let Some(known) = known else { return Ok(missing()) };
    let Some(room) = Room::load(view, &known.room, &[])? else { return Ok(missing()) };
    let servers = room.current()?.map(|state| room.servers(&state)).unwrap_or_default();
    if !servers.contains(origin.as_str()) {
        return Ok(error(403, "M_FORBIDDEN", "Your server is not in the room of that event."));
    }
    let body = format!(
        "{{\"origin\":{},\"origin_server_ts\":{},\"pdus\":[{}]}}",
        Value::from(view.config.server_name.as_str()),
        view.now,
        known.text
    );
    Ok(good(body, vec![]))
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn unrecognized() -> Incoming {
    error(404, "M_UNRECOGNIZED", "This path is not known here.")
}
