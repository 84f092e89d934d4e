//! A pin on Matrix on its way to Rocket.Chat, by the account for the REST API that an administrator gave the App: an App
//! cannot pin by itself.
//!
//! What that account may not pin, or nobody answers for, is said in the room instead.

use super::incoming::related;
use super::journal::Journal;
use super::{account, dm, work};
use crate::effect::{Effect, Level, Tag};
use crate::ids;
use crate::input::Answer;
use crate::record::{Entry, Pinned};
use crate::view::{Missing, View};

/// What an entry wants of Rocket.Chat.
pub(super) fn begin(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    pinned: &Pinned,
) -> Result<Vec<Effect>, Missing> {
    if !view.config.rest {
        return said_instead(view, journal, entry, pinned);
    }
    Ok(vec![Effect::Rest {
        tag: Tag { scope: entry.scope.clone(), entry: entry.id.clone(), step: "pin".to_owned() },
        path: if pinned.on { "chat.pinMessage" } else { "chat.unPinMessage" }.to_owned(),
        body: serde_json::json!({ "messageId": pinned.message }).to_string(),
    }])
}

/// What follows from Rocket.Chat's answer.
pub(super) fn outcome(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    pinned: &Pinned,
    answer: &Answer,
) -> Result<Vec<Effect>, Missing> {
    let attempts = journal.attempts(entry, 0);
    let why = match answer {
        Answer::Response { status: 200, body, .. } if account::is_success(body) => {
            return Ok(journal.finish(view, entry));
        }
        Answer::Response { status: 429, body, .. } => {
            return Ok(journal.put_off(entry, 0, view.now + account::patience(body), "too many requests"));
        }
        Answer::Response { status, body, .. } => format!("{status} {}", account::error(body)),
        Answer::Unreachable { why } => why.clone(),
    };
    let may_pass = match answer {
        Answer::Response { status, .. } => *status >= 500,
        Answer::Unreachable { .. } => true,
    };
    if may_pass && attempts < work::PERSON_ATTEMPTS {
        return Ok(journal.put_off(entry, 0, view.now + work::wait(attempts), &why));
    }
    let text = format!(
        "Rocket.Chat did not pin or unpin message {} for the account that is set: {why}",
        pinned.message
    );
    let mut effects = vec![Effect::Log { level: Level::Warn, text }];
    effects.extend(said_instead(view, journal, entry, pinned)?);
    Ok(effects)
}

fn said_instead(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    pinned: &Pinned,
) -> Result<Vec<Effect>, Missing> {
    let Pinned { room, message, by, on, event } = pinned;
    let verb = if *on { "pinned" } else { "unpinned" };
    let text = format!("📌 `{}` {verb} a message on Matrix", dm::plain(by));
    let text = related::answering(view, room, message, &text)?;
    let id = ids::notice_id(&[event, message, verb]);
    let mut effects = vec![Effect::TellRoom { id, room: room.clone(), text }];
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}
