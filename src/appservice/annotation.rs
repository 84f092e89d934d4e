//! A reaction that the homeserver has already: which event it is.
//!
//! Nobody reacts to an event twice in the same way, and a homeserver refuses the second. It is the same reaction, which an
//! earlier installation of ours sent perhaps.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#avoiding-duplicate-annotations>

use serde_json::Value;

use super::request;
use crate::attachment::Intent;
use crate::effect::Call;
use crate::puppet;
use crate::view::{Missing, View};

/// The step that asks for the reactions to an event.
pub(super) const ASK: &str = "annotations";

/// The error of a second one.
pub(super) const TWICE: &str = "M_DUPLICATE_ANNOTATION";

/// The request for the reactions to the event that a content is a reaction to.
pub(super) fn ask(view: &View, room: &str, content: &Value, mxid: &str) -> Call {
    let of = part(content, "event_id").unwrap_or_default();
    let path = Call::path(&["rooms", room, "relations", of, "m.annotation", "m.reaction"]);
    let url = format!("{}/_matrix/client/v1/{path}", view.config.homeserver());
    let ask = request::with(Call { url, ..request::get(view, "") }, "limit", "100");
    request::with(ask, "user_id", mxid)
}

/// The event that an intent would have made a second time; empty where it is not to be seen.
pub(super) fn sent(view: &View, intent: &Intent, body: &Value) -> Result<String, Missing> {
    let Intent::Send { by, content, .. } = intent else { return Ok(String::new()) };
    let sender = puppet::mxid(view, by)?;
    let text = |event: &Value, name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_it = |event: &&Value| {
        text(event, "sender").as_ref() == Some(&sender)
            && event.get("content").and_then(|it| part(it, "key")) == part(content, "key")
    };
    let events = body.get("chunk").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(events.iter().find(is_it).and_then(|it| text(it, "event_id")).unwrap_or_default())
}

fn part<'a>(content: &'a Value, name: &str) -> Option<&'a str> {
    content.get("m.relates_to")?.get(name)?.as_str()
}
