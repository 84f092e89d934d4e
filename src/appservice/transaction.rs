//! What the homeserver sends: transactions, pings, and questions about users and rooms.
//!
//! A transaction is taken apart by room and nothing of it is judged here but its form. What cannot be read at all
//! is refused; one unreadable event among good ones is passed over, because a refused transaction comes again and
//! would hold up everything behind it.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#server-admin-style-api>

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::token;
use crate::attachment::Incoming;
use crate::effect::Reply;
use crate::input::Request;
use crate::view::{Missing, View};

/// What a request means.
pub(super) fn receive(view: &View, request: &Request) -> Result<Incoming, Missing> {
    let Some(token) = request.authorization.first().and_then(|it| it.strip_prefix("Bearer ")) else {
        return Ok(error(
            401,
            "M_MISSING_TOKEN",
            "The homeserver's token is missing from the Authorization header.",
        ));
    };
    let Some(pair) = token::shown_by_homeserver(view, token)? else {
        return Ok(error(403, "M_FORBIDDEN", "This is not the token of the registration (hs_token)."));
    };
    Ok(answer(view, request).keeping(token::heard(view, &pair)?))
}

/// The same for a request of which it is known that it is the homeserver's.
fn answer(view: &View, request: &Request) -> Incoming {
    let path = request.uri.split_once('?').map_or(request.uri.as_str(), |(path, _)| path);
    let Some((_, call)) = path.split_once("/_matrix/app/v1/") else { return unrecognized() };
    match (request.method.as_str(), call.split_once('/').unwrap_or((call, ""))) {
        ("PUT", ("transactions", _)) => events(view),
        ("POST", ("ping", "")) => reply(200, "{}".to_owned()),
        ("GET", ("users" | "rooms" | "thirdparty", _)) => {
            error(404, "M_NOT_FOUND", "There is no such thing here.")
        }
        (_, ("transactions" | "ping" | "users" | "rooms" | "thirdparty", _)) => {
            error(405, "M_UNRECOGNIZED", "This method is not known here.")
        }
        _ => unrecognized(),
    }
}

#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    room_id: Cow<'a, str>,
    #[serde(borrow)]
    sender: Cow<'a, str>,
}

fn events(view: &View) -> Incoming {
    let transaction: Transaction<'_> = match serde_json::from_slice(&view.body) {
        Ok(transaction) => transaction,
        Err(why) if why.is_data() => return error(400, "M_BAD_JSON", "A transaction has a list of events."),
        Err(_) => return error(400, "M_NOT_JSON", "The body is not JSON."),
    };
    let mut rooms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unreadable = 0;
    for event in transaction.events {
        let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(event.get()) else {
            unreadable += 1;
            continue;
        };
        // The homeserver echoes what our own users did.
        if !view.config.is_ours(&envelope.sender) {
            rooms.entry(envelope.room_id.into_owned()).or_default().push(event.get().to_owned());
        }
    }
    Incoming::Events {
        rooms: rooms.into_iter().collect(),
        unreadable,
        keep: vec![],
        reply: Reply { status: 200, body: "{}".to_owned() },
    }
}

fn unrecognized() -> Incoming {
    error(404, "M_UNRECOGNIZED", "This path is not known here.")
}

fn error(status: u16, code: &str, text: &str) -> Incoming {
    let body = serde_json::json!({ "errcode": code, "error": text }).to_string();
    reply(status, body)
}

fn reply(status: u16, body: String) -> Incoming {
    Incoming::Reply { keep: vec![], reply: Reply { status, body } }
}
