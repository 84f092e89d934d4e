//! Recognising the rooms of an earlier installation: each bears a mark that says which Rocket.Chat room it is.
//!
//! A mark is believed only if the App's own user wrote it, for this workspace. Rooms from before there were marks are
//! known by their alias, which nobody else may make: its namespace is ours alone.

use serde_json::{Value, json};

use super::request;
use crate::effect::Call;
use crate::facts::Room;
use crate::ids;
use crate::view::View;

/// The type of the state event that is the mark.
const MARK: &str = "chat.rocket.portal";

/// The mark of a Rocket.Chat room, as initial state of its Matrix room.
pub(super) fn mark(view: &View, room: &Room) -> Value {
    let content = json!({ "room": room.id, "workspace": view.config.workspace });
    json!({ "type": MARK, "state_key": "", "content": content })
}

/// The question for a Matrix room's mark, with who wrote it, or for its aliases.
pub(super) fn ask(view: &View, step: &str, room: &str) -> Call {
    if step == "aliases" {
        return request::get(view, &Call::path(&["rooms", room, "aliases"]));
    }
    // The state key is empty.
    let path = format!("{}/", Call::path(&["rooms", room, "state", MARK]));
    request::with(request::get(view, &path), "format", "event")
}

/// The rooms that the App's own user is in.
pub(super) fn rooms(body: &Value) -> Vec<String> {
    let rooms = body.get("joined_rooms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    rooms.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The Rocket.Chat room that a mark names.
pub(super) fn by_mark(view: &View, event: &Value) -> Option<String> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let is_ours = text("/sender") == Some(&view.config.bot())
        && text("/content/workspace") == Some(&view.config.workspace);
    text("/content/room").filter(|_| is_ours).map(str::to_owned)
}

/// The Rocket.Chat room that one of a Matrix room's aliases names.
pub(super) fn by_alias(view: &View, body: &Value) -> Option<String> {
    let aliases = body.get("aliases").and_then(Value::as_array)?;
    let (prefix, server) = (&view.config.user_prefix, &view.config.server_name);
    let mut aliases = aliases.iter().filter_map(Value::as_str);
    aliases.find_map(|it| ids::room_of_alias(prefix, server, it)).map(str::to_owned)
}
