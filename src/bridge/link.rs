//! Links to files on Matrix that are too large to become files here, or that Rocket.Chat does not take.
//!
//! Whoever opens one gets the file from the homeserver, to be saved. The address carries when it ends and a mark that
//! only we can make, so that nobody fetches anything else through us, or this one for ever.

use percent_encoding::percent_decode_str;

use super::{attachment, avatar};
use crate::effect::{Call, Effect, Reply};
use crate::ids;
use crate::input::Request;
use crate::view::{Missing, View};

/// A link is good for so many milliseconds: thirty days.
const VALID: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Rocket.Chat's endpoints carry so many bytes at most; our own listener has no such limit.
const ENDPOINTS: i64 = 16 * 1_048_576;

/// Rocket.Chat's words for a file that can be had by a link, or why it cannot.
pub(super) fn to(
    view: &View,
    of: (&str, &str),
    name: &str,
    size: Option<i64>,
) -> Result<Result<String, String>, Missing> {
    let base = &view.config.pictures;
    let by_rocketchat = base.contains("/api/apps/");
    if by_rocketchat && size.is_some_and(|it| it > ENDPOINTS) {
        return Ok(Err(
            "it is too large to be fetched by way of Rocket.Chat; an administrator can have browsers reach the App's \
             listener itself, by the setting 'Where browsers reach the App's listener'"
                .to_owned(),
        ));
    }
    let (Some(seal), false) = (avatar::seal(view)?, base.is_empty()) else {
        return Ok(Err(
            "an administrator has yet to say how browsers reach it, in the setting 'Where browsers reach the App's \
             listener'"
                .to_owned(),
        ));
    };
    let until = (view.now + VALID).to_string();
    let mark = mark(&seal.key, of, &until, name);
    let path = Call::path(&["file", of.0, of.1, &until, name, &mark]);
    Ok(Ok(format!("{base}/{path}")))
}

/// If a request is for a file: the effects that answer it.
pub(super) fn serve(view: &View, request: &Request) -> Result<Option<Vec<Effect>>, Missing> {
    let path = request.uri.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let [before @ .., "file", server, media, until, name, shown] = parts.as_slice() else { return Ok(None) };
    if request.method != "GET" || before.contains(&"_matrix") {
        return Ok(None);
    }
    let [server, media, name] =
        [server, media, name].map(|it| percent_decode_str(it).decode_utf8_lossy().into_owned());
    let of = (server.as_str(), media.as_str());
    let is_ours = avatar::is_marked(view, shown, |key| mark(key, of, until, &name))?;
    let refused = |status, error: &str| {
        let body = serde_json::json!({ "errcode": "M_NOT_FOUND", "error": error }).to_string();
        vec![Effect::Reply { reply: Reply { status, body } }]
    };
    if !is_ours || ids::split_mxc(&format!("mxc://{server}/{media}")).is_none() {
        return Ok(Some(refused(404, "There is no such file here.")));
    }
    if until.parse::<i64>().is_ok_and(|it| it < view.now) {
        let error = "This link has run out after thirty days. Ask its sender to send the file again.";
        return Ok(Some(refused(410, error)));
    }
    Ok(Some(match attachment(view).media(view, of, false)? {
        Some(request) => vec![Effect::Serve { request, name: Some(ids::file_name(&name)) }],
        None => refused(404, "Files cannot be fetched here."),
    }))
}

fn mark(key: &str, (server, media): (&str, &str), until: &str, name: &str) -> String {
    avatar::mark(key, &["file", server, media, until, name])
}
