//! Pins of a room: a list in its state, read and then written with one event more or less.
//!
//! The local user does it, and where they may not or are not there, the App's own user does it for them. Whatever others
//! have pinned stays as it is.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompinned_events>

use serde_json::{Value, json};

use super::answer::{Verdict, judge, retry_unless};
use super::{intent, request};
use crate::attachment::{Done, Move};
use crate::effect::Call;
use crate::facts::User;
use crate::input::Answer;
use crate::puppet;
use crate::view::{Missing, View};

/// Whose pin, and of what.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) room: &'a str,
    pub(super) event: &'a str,
    pub(super) on: bool,
    pub(super) by: &'a User,
}

const LOOK: &str = "look";
const LOOK_AS_BOT: &str = "look-as-bot";
const WRITE: &str = "write";
const WRITE_AS_BOT: &str = "write-as-bot";

/// The first step.
pub(super) fn begin(view: &View, wanted: Wanted<'_>) -> Result<Move, Missing> {
    call(view, LOOK, wanted, request::get(view, &path(wanted)))
}

/// The next step, with the answer to the last one.
pub(super) fn resume(view: &View, wanted: Wanted<'_>, last: &str, answer: &Answer) -> Result<Move, Missing> {
    let look_as_bot = || call(view, LOOK_AS_BOT, wanted, request::get(view, &path(wanted)));
    Ok(match (last, judge(answer)) {
        (LOOK, Verdict::Good(pins)) => write(view, WRITE, wanted, pins)?,
        (LOOK_AS_BOT, Verdict::Good(pins)) => write(view, WRITE_AS_BOT, wanted, pins)?,
        (LOOK, Verdict::Error { code, .. }) if code == "M_NOT_FOUND" => {
            write(view, WRITE, wanted, json!({}))?
        }
        (LOOK_AS_BOT, Verdict::Error { code, .. }) if code == "M_NOT_FOUND" => {
            write(view, WRITE_AS_BOT, wanted, json!({}))?
        }
        (WRITE | WRITE_AS_BOT, Verdict::Good(_)) => Move::done(Done::Plainly),
        (LOOK | WRITE, Verdict::Error { .. }) => look_as_bot()?,
        (_, Verdict::Later { after, why, .. }) => Move::Later { after, why },
        (_, Verdict::Away { why }) => Move::Away { why },
        (_, Verdict::Error { code, text }) => retry_unless(last, &code, &text),
        (_, Verdict::Good(_)) => Move::Again { keep: vec![] },
    })
}

/// Writes the pins with the one that is wanted, or without; it may be so already.
fn write(view: &View, step: &str, wanted: Wanted<'_>, mut pins: Value) -> Result<Move, Missing> {
    let old = pins.get("pinned").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut new: Vec<Value> = old.iter().filter(|it| it.as_str() != Some(wanted.event)).cloned().collect();
    if wanted.on == (new.len() < old.len()) {
        return Ok(Move::done(Done::Plainly));
    }
    new.extend(wanted.on.then(|| Value::from(wanted.event)));
    match pins.as_object_mut() {
        Some(pins) => drop(pins.insert("pinned".to_owned(), Value::Array(new))),
        None => pins = json!({ "pinned": new }),
    }
    call(view, step, wanted, request::put(view, &path(wanted), pins))
}

fn path(Wanted { room, .. }: Wanted<'_>) -> String {
    Call::path(&["rooms", room, "state", "m.room.pinned_events", ""])
}

fn call(view: &View, step: &str, wanted: Wanted<'_>, request: Call) -> Result<Move, Missing> {
    let request = match step {
        LOOK | WRITE => request::with(request, "user_id", &puppet::mxid(view, wanted.by)?),
        _ => request,
    };
    intent::call(view, step, request)
}
