//! What somebody may do in a room, and whether they are there, by the room's state as the homeserver tells it at the moment.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompower_levels>,
//! <https://spec.matrix.org/v1.18/rooms/v12/>

use serde_json::Value;

use super::answer::{Verdict, judge};
use super::{request, token};
use crate::attachment::Deed;
use crate::effect::Call;
use crate::facts::User;
use crate::puppet;
use crate::view::{Key, Missing, View};

/// The level that is needed for what only some may, where the room does not say so.
const USUAL: i64 = 50;

/// From this version on, who made a room stands above all levels.
const CREATORS_REIGN: u32 = 12;

/// How long a look at the state may take, in milliseconds.
const TIMEOUT: u32 = 10_000;

/// Whether somebody may do something in a room, as the App's own user or one of ours sees it.
pub(super) fn may(
    view: &View,
    room: &str,
    mxid: &str,
    deed: Deed,
    seen_by: Option<&User>,
) -> Result<bool, Missing> {
    let seen_by = seen_by.map(|user| puppet::mxid(view, user)).transpose()?;
    for viewer in [None, seen_by.as_deref()] {
        let levels = question(view, room, ("m.room.power_levels", ""), viewer)?;
        let create = question(view, room, ("m.room.create", ""), viewer)?;
        let (Some(levels), Some(create)) = (levels, create) else { return Ok(false) };
        view.all([&levels, &create].map(|it| Key::Fetch { request: it.clone() }))?;
        if let Verdict::Good(levels) = judge(view.fetch(levels)?) {
            let is_creator =
                matches!(judge(view.fetch(create)?), Verdict::Good(create) if reigns(&create, mxid));
            return Ok(is_creator || is_enough(&levels, mxid, deed));
        }
        if seen_by.is_none() {
            break;
        }
    }
    Ok(false)
}

/// Whether somebody is in a room or invited, as the App's own user or one of ours sees it; so, too, where nobody of us
/// sees it.
pub(super) fn is_in(view: &View, room: &str, mxid: &str, seen_by: &User) -> Result<bool, Missing> {
    let seen_by = puppet::mxid(view, seen_by)?;
    for viewer in [None, Some(seen_by.as_str())] {
        let Some(question) = question(view, room, ("m.room.member", mxid), viewer)? else { break };
        match judge(view.fetch(question)?) {
            Verdict::Good(member) => {
                let membership = member.get("membership").and_then(Value::as_str);
                return Ok(matches!(membership, Some("join" | "invite")));
            }
            Verdict::Error { code, .. } if code == "M_NOT_FOUND" => return Ok(false),
            Verdict::Error { .. } => {}
            Verdict::Later { .. } | Verdict::Away { .. } => break,
        }
    }
    Ok(true)
}

fn question(
    view: &View,
    room: &str,
    (kind, key): (&str, &str),
    viewer: Option<&str>,
) -> Result<Option<Call>, Missing> {
    let path = Call::path(&["rooms", room, "state", kind, key]);
    let mut question = Call { timeout: TIMEOUT, ..request::get(view, &path) };
    if kind == "m.room.create" {
        question = request::with(question, "format", "event");
    }
    if let Some(viewer) = viewer {
        question = request::with(question, "user_id", viewer);
    }
    token::shown(view, question)
}

/// Whether somebody's level reaches what is needed for something.
fn is_enough(levels: &Value, mxid: &str, deed: Deed) -> bool {
    // Old rooms may have texts for numbers.
    let number = |it: &Value| it.as_i64().or_else(|| it.as_str()?.trim().parse().ok());
    let at = |path: &[&str]| path.iter().try_fold(levels, |it, name| it.get(name)).and_then(number);
    let level = at(&["users", mxid]).or_else(|| at(&["users_default"])).unwrap_or(0);
    let needed = match deed {
        Deed::CallEveryone => at(&["notifications", "room"]),
        Deed::Redact => at(&["redact"]),
    };
    level >= needed.unwrap_or(USUAL)
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
        let may = |levels: &Value, mxid| is_enough(levels, mxid, Deed::CallEveryone);
        let levels = json!({ "users": { "@a:x": 50, "@b:x": "100" }, "users_default": 10 });
        assert!(may(&levels, "@a:x") && may(&levels, "@b:x") && !may(&levels, "@c:x"));
        let open = json!({ "notifications": { "room": 0 }, "redact": 60 });
        assert!(may(&open, "@c:x") && !is_enough(&open, "@c:x", Deed::Redact));
        assert!(!may(&json!({}), "@c:x") && is_enough(&levels, "@a:x", Deed::Redact));
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
