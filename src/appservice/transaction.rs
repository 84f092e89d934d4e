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

use super::{token, users};
use crate::attachment::Incoming;
use crate::effect::Reply;
use crate::input::Request;
use crate::view::{Missing, View};

/// What a request means.
pub(super) fn receive(view: &View, request: &Request) -> Result<Incoming, Missing> {
    Ok(match sender(view, request)? {
        Ok(pair) => answer(view, request)?.keeping(token::heard(view, &pair)?),
        Err(reply) => Incoming::Reply { keep: vec![], reply },
    })
}

/// What a request means of which it is known that it is the homeserver's.
fn answer(view: &View, request: &Request) -> Result<Incoming, Missing> {
    let path = request.uri.split_once('?').map_or(request.uri.as_str(), |(path, _)| path);
    let Some((_, call)) = path.split_once("/_matrix/app/v1/") else { return Ok(unrecognized()) };
    Ok(match (request.method.as_str(), call.split_once('/').unwrap_or((call, ""))) {
        ("PUT", ("transactions", _)) => events(view),
        ("POST", ("ping", "")) => reply(200, "{}".to_owned()),
        ("GET", ("users", mxid)) => users::answer(view, mxid)?,
        ("GET", ("rooms" | "thirdparty", _)) => error(404, "M_NOT_FOUND", "There is no such thing here."),
        (_, ("transactions" | "ping" | "users" | "rooms" | "thirdparty", _)) => {
            error(405, "M_UNRECOGNIZED", "This method is not known here.")
        }
        _ => unrecognized(),
    })
}

/// The refusal of a request that is not the homeserver's.
pub(super) fn refusal(view: &View, request: &Request) -> Result<Option<Reply>, Missing> {
    Ok(sender(view, request)?.err())
}

/// The tokens that a request shows as the homeserver's, or what is answered to anybody else.
fn sender(view: &View, request: &Request) -> Result<Result<token::Pair, Reply>, Missing> {
    let Some(token) = request.authorization.first().and_then(|it| it.strip_prefix("Bearer ")) else {
        let text = "The homeserver's token is missing from the Authorization header.";
        return Ok(Err(matrix_error(401, "M_MISSING_TOKEN", text)));
    };
    let text = "This is not the token of the registration (hs_token).";
    let pair = token::shown_by_homeserver(view, token)?;
    Ok(pair.ok_or_else(|| matrix_error(403, "M_FORBIDDEN", text)))
}

#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    /// Read apart from the events: whatever is wrong with it, they count.
    #[serde(borrow)]
    ephemeral: Option<&'a RawValue>,
    /// The same, as older homeservers call it.
    #[serde(borrow, rename = "de.sorunome.msc2409.ephemeral")]
    early_ephemeral: Option<&'a RawValue>,
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
    let ephemeral = transaction.ephemeral.or(transaction.early_ephemeral);
    Incoming::Events {
        rooms: rooms.into_iter().collect(),
        unreadable,
        typing: ephemeral.map(typing).unwrap_or_default(),
        keep: vec![],
        reply: Reply { status: 200, body: "{}".to_owned() },
    }
}

/// Who types, by room; of several words about a room the last counts. What is not about typing is passed over.
fn typing(ephemeral: &RawValue) -> Vec<(String, Vec<String>)> {
    #[derive(Deserialize)]
    struct Content {
        user_ids: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Typing {
        #[serde(rename = "type")]
        kind: String,
        room_id: String,
        content: Content,
    }
    let all: Vec<&RawValue> = serde_json::from_str(ephemeral.get()).unwrap_or_default();
    let read = all.into_iter().filter_map(|it| serde_json::from_str::<Typing>(it.get()).ok());
    let rooms: BTreeMap<String, Vec<String>> =
        read.filter(|it| it.kind == "m.typing").map(|it| (it.room_id, it.content.user_ids)).collect();
    rooms.into_iter().collect()
}

fn unrecognized() -> Incoming {
    error(404, "M_UNRECOGNIZED", "This path is not known here.")
}

pub(super) fn error(status: u16, code: &str, text: &str) -> Incoming {
    Incoming::Reply { keep: vec![], reply: matrix_error(status, code, text) }
}

fn matrix_error(status: u16, code: &str, text: &str) -> Reply {
    Reply { status, body: serde_json::json!({ "errcode": code, "error": text }).to_string() }
}

fn reply(status: u16, body: String) -> Incoming {
    Incoming::Reply { keep: vec![], reply: Reply { status, body } }
}
