//! Files: brought to the homeserver in the name of our own users, and asked for as the App's own user.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

use serde_json::Value;

use super::answer::{Verdict, judge, retry_unless};
use super::{intent, request, token};
use crate::attachment::{Done, Move};
use crate::effect::{Call, FilePlace};
use crate::facts::{File, User};
use crate::ids;
use crate::input::Answer;
use crate::puppet;
use crate::view::{Missing, View};

/// A file may come from a server far away; so many milliseconds.
const TIMEOUT: u32 = 90_000;

/// How long the homeserver may wait for that server, in milliseconds.
const REMOTE_TIMEOUT: &str = "60000";

/// The first step towards an upload.
pub(super) fn begin(view: &View, by: &User, file: &File) -> Result<Move, Missing> {
    if is_large(view, file) {
        // A homeserver that takes less may break the connection off without a word.
        return intent::call(view, "limit-before", limits(view));
    }
    upload(view, "upload", by, file)
}

/// The next step, with the answer to the last one.
pub(super) fn resume(
    view: &View,
    by: &User,
    file: &File,
    last: &str,
    answer: &Answer,
) -> Result<Move, Missing> {
    // Whoever stands before the homeserver may say so in other words.
    if let (Answer::Response { status: 413, .. }, "upload" | "upload-again") = (answer, last) {
        return intent::call(view, "limit", limits(view));
    }
    Ok(match (last, judge(answer)) {
        ("upload" | "upload-again", Verdict::Good(body)) => {
            let number =
                |name: &str| body.get(name).and_then(Value::as_u64).and_then(|it| it.try_into().ok());
            match body.get("content_uri").and_then(Value::as_str) {
                Some(uri) => {
                    Move::done(Done::Media { uri: uri.to_owned(), dimensions: number("w").zip(number("h")) })
                }
                None => Move::Later { after: None, why: "the homeserver named no media".to_owned() },
            }
        }
        ("upload", Verdict::Error { code, .. }) if code == "M_FORBIDDEN" => {
            intent::call(view, "register", request::register(view, &puppet::localpart(view, by)?))?
        }
        ("register", Verdict::Good(_)) => upload(view, "upload-again", by, file)?,
        ("register", Verdict::Error { code, .. }) if code == "M_USER_IN_USE" => {
            upload(view, "upload-again", by, file)?
        }
        ("limit-before", Verdict::Good(body)) => match limit(&body) {
            Some(limit) if limit < file.size => too_large(Some(limit)),
            Some(_) | None => upload(view, "upload", by, file)?,
        },
        ("limit-before", Verdict::Error { .. }) => upload(view, "upload", by, file)?,
        ("limit", Verdict::Good(body)) => too_large(limit(&body)),
        ("limit", Verdict::Error { .. }) => too_large(None),
        (_, Verdict::Later { after, why, .. }) => Move::Later { after, why },
        (_, Verdict::Away { why }) => Move::Away { why },
        (_, Verdict::Error { code, text }) => retry_unless(last, &code, &text),
        (_, Verdict::Good(_)) => Move::Again { keep: vec![] },
    })
}

/// The request that brings a file. Homeservers before Matrix 1.11 know the older way only.
pub(super) fn download(
    view: &View,
    (server, id): (&str, &str),
    older: bool,
) -> Result<Option<Call>, Missing> {
    let version = if older { "media/v3" } else { "client/v1/media" };
    let url = media(view, version, &Call::path(&["download", server, id]));
    let download = Call { url, timeout: TIMEOUT, ..request::get(view, "") };
    token::shown(view, request::with(download, "timeout_ms", REMOTE_TIMEOUT))
}

fn limits(view: &View) -> Call {
    Call { url: media(view, "client/v1/media", "config"), ..request::get(view, "") }
}

fn limit(config: &Value) -> Option<i64> {
    config.get("m.upload.size").and_then(Value::as_i64)
}

fn too_large(limit: Option<i64>) -> Move {
    let limit = limit.map(|it| format!(", only up to {}", ids::size(it))).unwrap_or_default();
    Move::Refused { why: format!("the homeserver does not take files of that size{limit}") }
}

/// Whether a file is one that is handed on as it comes.
fn is_large(view: &View, file: &File) -> bool {
    file.size > i64::from(view.config.largest_file)
}

fn upload(view: &View, step: &str, by: &User, file: &File) -> Result<Move, Missing> {
    let upload = Call { url: media(view, "media/v3", "upload"), ..request::post(view, "", Value::Null) };
    let upload = Call { body: None, timeout: TIMEOUT, ..upload };
    let upload = request::with(upload, "user_id", &puppet::mxid(view, by)?);
    Ok(match token::shown(view, request::with(upload, "filename", &file.name))? {
        Some(request) => Move::Carry {
            step: step.to_owned(),
            from: FilePlace::Upload {
                id: file.id.clone(),
                media_type: ids::media_type(&file.media_type).to_owned(),
                streamed: is_large(view, file).then(|| file.name.clone()),
            },
            to: FilePlace::Server { request },
        },
        None => Move::Later { after: None, why: token::lacking(view)? },
    })
}

fn media(view: &View, version: &str, path: &str) -> String {
    format!("{}/_matrix/{version}/{path}", view.config.homeserver())
}
