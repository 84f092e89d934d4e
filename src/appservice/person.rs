//! What concerns a person and no room: a puppet's name, its picture, its end; a Matrix user's name and picture.
//!
//! A puppet is registered only when the homeserver says that it is missing.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#profiles>,
//! <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

use serde_json::{Value, json};

use super::answer::{Verdict, judge, retry_unless};
use super::{intent, request, token};
use crate::attachment::{Done, Likeness, Move, PersonIntent};
use crate::effect::{Call, FilePlace};
use crate::ids;
use crate::input::Answer;
use crate::view::{Missing, View};

/// Who speaks for the first time waits for the name no longer than so many milliseconds: the user's own server may be
/// away.
const LIKENESS_TIMEOUT: u32 = 5_000;

/// A picture may come from a server far away; so many milliseconds.
const PICTURE_TIMEOUT: u32 = 25_000;

/// The first step towards an intent.
pub(super) fn begin(view: &View, intent: &PersonIntent) -> Result<Move, Missing> {
    match intent {
        PersonIntent::Name { mxid, name: shown } => {
            intent::call(view, &format!("name {shown}"), name(view, mxid, shown))
        }
        PersonIntent::Picture { mxid, of: None } => intent::call(view, "picture", avatar(view, mxid, "")),
        PersonIntent::Picture { mxid, of: Some((username, version)) } => {
            upload(view, "upload", mxid, username, version)
        }
        PersonIntent::Withdraw { mxid, .. } => rooms(view, mxid, ""),
    }
}

/// The next step, with the answer to the last one. A step that belongs to another intent was taken before somebody was
/// renamed once more: it begins again.
pub(super) fn resume(
    view: &View,
    intent: &PersonIntent,
    last: &str,
    answer: &Answer,
) -> Result<Move, Missing> {
    // What it is about goes along: by the time of the answer the user may have another name and picture.
    let (last, about) = last.split_once(' ').unwrap_or((last, ""));
    Ok(match (intent, last, judge(answer)) {
        (_, "name" | "name-again", Verdict::Good(_)) => Move::done(Done::Name(about.to_owned())),
        (_, "picture", Verdict::Good(_)) => {
            Move::done(Done::Picture(Some(about).filter(|it| !it.is_empty()).map(str::to_owned)))
        }
        (PersonIntent::Picture { mxid, .. }, "upload" | "upload-again", Verdict::Good(body)) => {
            match body.get("content_uri").and_then(Value::as_str) {
                Some(uri) => intent::call(view, &format!("picture {about}"), avatar(view, mxid, uri))?,
                None => Move::Later { after: None, why: "the homeserver named no media".to_owned() },
            }
        }
        (PersonIntent::Name { mxid, .. }, "name", Verdict::Error { code, .. })
        | (PersonIntent::Picture { mxid, .. }, "upload" | "picture", Verdict::Error { code, .. })
            if code == "M_FORBIDDEN" =>
        {
            let localpart = ids::split_mxid(mxid).map_or("", |(localpart, _)| localpart);
            intent::call(view, "register", request::register(view, localpart))?
        }
        (_, "register", Verdict::Good(_)) => again(view, intent)?,
        (_, "register", Verdict::Error { code, .. }) if code == "M_USER_IN_USE" => again(view, intent)?,

        (PersonIntent::Withdraw { mxid, why }, "rooms", Verdict::Good(body)) => match next_room(&body, about)
        {
            Some(room) => {
                let leave =
                    request::post(view, &Call::path(&["rooms", room, "leave"]), json!({ "reason": why }));
                let step = format!("leave {room} {about}");
                intent::call(view, &step, request::with(leave, "user_id", mxid))?
            }
            None if about.is_empty() => Move::done(Done::Plainly),
            None => Move::Refused { why: format!("some cannot be left: {about}") },
        },
        // Who is not registered is in no room.
        (PersonIntent::Withdraw { .. }, "rooms", Verdict::Error { .. }) => Move::done(Done::Plainly),
        (PersonIntent::Withdraw { mxid, .. }, "leave", Verdict::Good(_)) => {
            rooms(view, mxid, about.split_once(' ').map_or("", |(_, kept)| kept))?
        }
        // The other rooms are left all the same.
        (PersonIntent::Withdraw { mxid, .. }, "leave", Verdict::Error { .. }) => {
            rooms(view, mxid, about.trim_end())?
        }

        (_, _, Verdict::Later { after, why, .. }) => Move::Later { after, why },
        // It may be the workspace itself that does not hand the picture out: no reason for anybody else to wait.
        (PersonIntent::Picture { .. }, "upload" | "upload-again", Verdict::Away { why }) => {
            Move::Later { after: None, why }
        }
        (_, _, Verdict::Away { why }) => Move::Away { why },
        // What was refused is not wanted any more: what is wanted now may be welcome.
        (_, _, Verdict::Error { .. }) if !is_still_wanted(intent, last, about) => {
            Move::Again { keep: vec![] }
        }
        (_, _, Verdict::Error { code, text }) => retry_unless(last, &code, &text),
        (_, _, Verdict::Good(_)) => Move::Again { keep: vec![] },
    })
}

fn is_still_wanted(intent: &PersonIntent, last: &str, about: &str) -> bool {
    match (intent, last) {
        (PersonIntent::Name { name, .. }, "name" | "name-again") => name == about,
        (PersonIntent::Picture { of, .. }, "upload" | "upload-again" | "picture") => {
            of.as_ref().map_or("", |(_, version)| version) == about
        }
        (PersonIntent::Withdraw { .. }, "rooms" | "leave") | (_, "register") => true,
        _ => false,
    }
}

/// The request that gives a puppet its display name.
pub(super) fn name(view: &View, mxid: &str, shown: &str) -> Call {
    let path = Call::path(&["profile", mxid, "displayname"]);
    request::with(request::put(view, &path, json!({ "displayname": shown })), "user_id", mxid)
}

/// What a Matrix user is known by.
pub(super) fn likeness(view: &View, mxid: &str) -> Result<Option<Likeness>, Missing> {
    let question = request::get(view, &Call::path(&["profile", mxid]));
    let question = Call { timeout: LIKENESS_TIMEOUT, ..question };
    let Some(question) = token::shown(view, question)? else { return Ok(None) };
    Ok(match judge(view.fetch(question)?) {
        Verdict::Good(body) => {
            let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(Likeness { name: text("displayname"), avatar: text("avatar_url") })
        }
        Verdict::Later { .. } | Verdict::Away { .. } | Verdict::Error { .. } => None,
    })
}

/// The request that brings a picture of another server, as the App's own user may see it.
pub(super) fn picture(
    view: &View,
    (server, media): (&str, &str),
    size: u32,
) -> Result<Option<Call>, Missing> {
    let path = Call::path(&["thumbnail", server, media]);
    let thumbnail = Call {
        url: format!("{}/_matrix/client/v1/media/{path}", view.config.homeserver()),
        timeout: PICTURE_TIMEOUT,
        ..request::get(view, "")
    };
    let size = size.to_string();
    let thumbnail = request::with(request::with(thumbnail, "width", &size), "height", &size);
    token::shown(view, request::with(thumbnail, "method", "crop"))
}

fn avatar(view: &View, mxid: &str, uri: &str) -> Call {
    let path = Call::path(&["profile", mxid, "avatar_url"]);
    request::with(request::put(view, &path, json!({ "avatar_url": uri })), "user_id", mxid)
}

fn upload(view: &View, step: &str, mxid: &str, username: &str, version: &str) -> Result<Move, Missing> {
    let url = format!("{}/_matrix/media/v3/upload", view.config.homeserver());
    let media = Call { url, ..request::post(view, "", Value::Null) };
    let media = request::with(Call { body: None, ..media }, "user_id", mxid);
    Ok(match token::shown(view, media)? {
        Some(request) => Move::Carry {
            step: format!("{step} {version}"),
            from: FilePlace::User { username: username.to_owned() },
            to: FilePlace::Server { request },
        },
        None => Move::Later { after: None, why: token::lacking(view)? },
    })
}

/// What was refused because the puppet was not registered.
fn again(view: &View, intent: &PersonIntent) -> Result<Move, Missing> {
    match intent {
        PersonIntent::Name { mxid, name: shown } => {
            intent::call(view, &format!("name-again {shown}"), name(view, mxid, shown))
        }
        PersonIntent::Picture { mxid, of: Some((username, version)) } => {
            upload(view, "upload-again", mxid, username, version)
        }
        PersonIntent::Picture { of: None, .. } => Ok(Move::done(Done::Picture(None))),
        PersonIntent::Withdraw { .. } => Ok(Move::Again { keep: vec![] }),
    }
}

/// The rooms that a puppet is in; they are asked for anew after each that it has left. `kept` are those that it cannot
/// leave, with spaces between them.
fn rooms(view: &View, mxid: &str, kept: &str) -> Result<Move, Missing> {
    let joined = request::with(request::get(view, "joined_rooms"), "user_id", mxid);
    intent::call(view, &format!("rooms {kept}"), joined)
}

fn next_room<'a>(body: &'a Value, kept: &str) -> Option<&'a str> {
    let mut joined = body.get("joined_rooms")?.as_array()?.iter().filter_map(Value::as_str);
    joined.find(|room| kept.split(' ').all(|it| it != *room))
}
