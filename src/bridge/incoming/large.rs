//! A large file on Matrix on its way to Rocket.Chat: handed on as it comes, by the account for the REST API.
//!
//! Rocket.Chat keeps the file at first, and says by which id; that is kept here before the message is asked for. So after
//! a crash the message is known by its file, and a hook that tells of it is known to tell nothing new. The message is by
//! the account, and its text says for whom; it stands in its thread.

use serde_json::{Value, json};

use super::file::{self, Manner};
use super::speaker::Speaking;
use super::{Event, related};
use crate::bridge::journal::Journal;
use crate::bridge::{dm, uploaded, work};
use crate::effect::{Call, Effect, FilePlace, Level, Tag};
use crate::facts::Message;
use crate::input::Answer;
use crate::record::{Entry, Portal};
use crate::translate;
use crate::view::{Missing, View};

/// The steps of such a file, as they stand in tags.
const LARGE: &str = " large";
const CONFIRM: &str = " large-confirm";

/// The workspace's setting for the largest file that it takes, in bytes.
const LARGEST: &str = "FileUpload_MaxFileSize";

/// So often Rocket.Chat is asked for the message of a file that it has.
const PATIENCE: u32 = 8;

/// Rocket.Chat allows so few calls a minute that one waits so many milliseconds.
const PAUSE: i64 = 60_000;

pub(super) fn is_large(step: &str) -> bool {
    step.contains(LARGE)
}

pub(super) fn is_confirming(step: &str) -> bool {
    step.ends_with(CONFIRM)
}

/// How large a file may be that is handed on as it comes, in bytes; nothing where there is no account for that.
pub(super) fn most(view: &View) -> Result<Option<u32>, Missing> {
    if !view.config.rest {
        return Ok(None);
    }
    let allowed: Option<u32> = view.setting(LARGEST)?.and_then(|it| it.parse().ok()).filter(|it| *it > 0);
    Ok(Some(allowed.unwrap_or(uploaded::LARGEST).min(uploaded::LARGEST)))
}

/// The effects that bring such a file, or that go on after it.
pub(super) fn carry(
    view: &View,
    portal: &Portal,
    (entry, index, older): (&Entry, usize, bool),
    event: &Event,
    (name, most): (String, u32),
    request: Call,
    by: Speaking,
) -> Result<Vec<Effect>, Missing> {
    let mut effects = by.effects;
    let tag = |step: &str| {
        let step = format!("part-{index}{step}{}", if older { " older" } else { "" });
        Tag { scope: entry.scope.clone(), entry: entry.id.clone(), step }
    };
    let Some(uploaded) = uploaded::of_event(view, &portal.local, &event.id)? else {
        let room = portal.local.clone();
        effects.push(Effect::Carry {
            tag: tag(LARGE),
            from: FilePlace::Server { request },
            to: FilePlace::Media { room, name, most },
        });
        return Ok(effects);
    };
    let is_its = |it: &&Message| it.files.iter().any(|file| file.id == uploaded.file);
    if let Some(message) = view.recent(&portal.local, 0, file::LATEST)?.iter().find(is_its) {
        return Ok(vec![uploaded::link(uploaded, &message.id, view.now), work::next(entry, index)]);
    }
    let place = related::place(view, portal, event, true)?;
    // One that takes more than a message is refused, and said beside a link.
    let caption = if translate::has_caption(&event.content) {
        file::said(view, portal, (&event.kind, false), &event.content, &Manner::Caption, 0)?.join("\n")
    } else {
        String::new()
    };
    let name = by.alias.map(|it| format!("**{}** ", dm::clean(&it))).unwrap_or_default();
    let said = format!("{name}(`{}`) sent: {caption}", dm::plain(&event.sender));
    let mut body = json!({ "msg": format!("{}{said}", place.lead(view, portal)?) });
    if let (Some(thread), Some(body)) = (place.thread, body.as_object_mut()) {
        body.insert("tmid".to_owned(), json!(thread));
    }
    effects.push(Effect::Rest {
        tag: Tag { step: format!("part-{index}{CONFIRM}"), ..tag("") },
        path: format!("rooms.mediaConfirm/{}/{}", portal.local, uploaded.file),
        body: body.to_string(),
    });
    Ok(effects)
}

/// What follows when Rocket.Chat was asked for the message of such a file; or why it stays a link.
pub(super) fn confirmed(
    view: &View,
    journal: &Journal,
    (entry, index, portal): (&Entry, usize, &Portal),
    event: &Event,
    answer: &Answer,
) -> Result<Result<Vec<Effect>, String>, Missing> {
    let attempts = journal.attempts(entry, index);
    let later = |pause: i64, why: &str| journal.put_off(entry, index, view.now + pause, why);
    let (status, body) = match answer {
        Answer::Response { status, body, .. } => {
            (*status, serde_json::from_str::<Value>(body).unwrap_or_default())
        }
        Answer::Unreachable { why } => (503, json!({ "error": why })),
    };
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    let why = format!("Rocket.Chat does not take it: {}", text("/error").unwrap_or("no reason was given"));
    if let (200, Some(message)) = (status, text("/message/_id"))
        && let Some(uploaded) = uploaded::of_event(view, &portal.local, &event.id)?
    {
        return Ok(Ok(vec![uploaded::link(uploaded, message, view.now), work::next(entry, index)]));
    }
    // It may have made the message nevertheless: that is looked for first.
    let is_passing = status == 429 || status == 200 || status >= 500;
    Ok(if is_passing && attempts < PATIENCE {
        Ok(later(if status == 429 { PAUSE } else { work::wait(attempts) }, &why))
    } else {
        Err(why)
    })
}

/// That such a file became a link, and why, for the log.
pub(super) fn logged(event: &Event, why: &str) -> Effect {
    let text = format!("A large file of {} became a link: {why}", event.sender);
    Effect::Log { level: Level::Warn, text }
}
