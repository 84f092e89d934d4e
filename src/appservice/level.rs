//! What somebody may do in a room, by the room's state as the homeserver tells it at the moment.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompower_levels>,
//! <https://spec.matrix.org/v1.18/rooms/v12/>

use serde_json::Value;

use super::answer::{Verdict, judge};
use super::{request, token};
use crate::effect::Call;
use crate::facts::User;
use crate::puppet;
use crate::view::{Key, Missing, View};

/// The level that is needed to call everyone where the room does not say so.
const USUAL: i64 = 50;

/// From this version on, who made a room stands above all levels.
const CREATORS_REIGN: u32 = 12;

/// How long a look at the state may take, in milliseconds.
const TIMEOUT: u32 = 10_000;

/// Whether somebody may call everyone in a room, as the App's own user or one of ours sees it.
pub(super) fn may_call_everyone(
    view: &View,
    room: &str,
    mxid: &str,
    seen_by: Option<&User>,
) -> Result<bool, Missing> {
    let seen_by = seen_by.map(|user| puppet::mxid(view, user)).transpose()?;
    for viewer in [None, seen_by.as_deref()] {
        let levels = question(view, room, "m.room.power_levels", viewer)?;
        let create = question(view, room, "m.room.create", viewer)?;
        let (Some(levels), Some(create)) = (levels, create) else { return Ok(false) };
        view.all([&levels, &create].map(|it| Key::Fetch { request: it.clone() }))?;
        if let Verdict::Good(levels) = judge(view.fetch(levels)?) {
            let is_creator =
                matches!(judge(view.fetch(create)?), Verdict::Good(create) if reigns(&create, mxid));
            return Ok(is_creator || is_enough(&levels, mxid));
        }
        if seen_by.is_none() {
            break;
        }
    }
    Ok(false)
}

fn question(view: &View, room: &str, kind: &str, viewer: Option<&str>) -> Result<Option<Call>, Missing> {
    let path = format!("{}/", Call::path(&["rooms", room, "state", kind]));
    let mut question = Call { timeout: TIMEOUT, ..request::get(view, &path) };
    if kind == "m.room.create" {
        question = request::with(question, "format", "event");
    }
    if let Some(viewer) = viewer {
        question = request::with(question, "user_id", viewer);
    }
    token::shown(view, question)
}

/// Whether somebody's level reaches what is needed to call everyone.
fn is_enough(levels: &Value, mxid: &str) -> bool {
    // Old rooms may have texts for numbers.
    let number = |it: &Value| it.as_i64().or_else(|| it.as_str()?.trim().parse().ok());
    let at = |path: &[&str]| path.iter().try_fold(levels, |it, name| it.get(name)).and_then(number);
    let level = at(&["users", mxid]).or_else(|| at(&["users_default"])).unwrap_or(0);
    level >= at(&["notifications", "room"]).unwrap_or(USUAL)
}

/// Whether somebody made a room in which that puts them above all levels.
fn reigns(create: &Value, mxid: &str) -> bool {
    let content = create.get("content").unwrap_or(create);
    let version = content.get("room_version").and_then(Value::as_str).and_then(|it| it.parse::<u32>().ok());
    let more = content.get("additional_creators").and_then(Value::as_array).map(Vec::as_slice);
    let mut creators = create.get("sender").into_iter().chain(more.unwrap_or_default());
    version.is_some_and(|it| it >= CREATORS_REIGN) && creators.any(|it| it.as_str() == Some(mxid))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_level_is_enough_or_not() {
        let levels = json!({ "users": { "@a:x": 50, "@b:x": "100" }, "users_default": 10 });
        assert!(is_enough(&levels, "@a:x") && is_enough(&levels, "@b:x") && !is_enough(&levels, "@c:x"));
        let open = json!({ "notifications": { "room": 0 } });
        assert!(is_enough(&open, "@c:x"));
        assert!(!is_enough(&json!({}), "@c:x"));
    }

    #[test]
    fn who_made_a_room_of_version_12_stands_above_levels() {
        let create = |version: &str| {
            let content = json!({ "room_version": version, "additional_creators": ["@b:x"] });
            json!({ "sender": "@a:x", "content": content })
        };
        assert!(reigns(&create("12"), "@a:x") && reigns(&create("12"), "@b:x"));
        assert!(!reigns(&create("12"), "@c:x") && !reigns(&create("11"), "@a:x"));
        assert!(!reigns(&json!({ "room_version": "12" }), "@a:x"));
    }
}
