//! Intents as requests of the client-server API, made in the name of our own users.
//!
//! A user is registered and brought into a room only when the homeserver says that it is missing: most requests
//! need one step, and there is no record of memberships that could be wrong.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/>,
//! <https://spec.matrix.org/v1.18/application-service-api/#client-server-api-extensions>

use serde_json::{Value, json};

use super::answer::{Verdict, judge, retry_unless};
use super::{annotation, dm, media, person, pin, recognition, request, token};
use crate::attachment::{Done, Intent, Move};
use crate::effect::Call;
use crate::facts::{Room, User};
use crate::ids;
use crate::input::Answer;
use crate::puppet;
use crate::view::{Missing, View};

/// The id the App is registered by.
pub(super) const ID: &str = "rocketchat-federation";

/// Where an event says which transaction it was. A homeserver forgets transaction ids when it is restarted and
/// after half an hour; by this mark a message is found again that was sent before a crash.
const MARK: &str = "chat.rocket.transaction";

/// How long a look for the homeserver may take, in milliseconds: everything waits for it.
const LOOK: u32 = 20_000;

/// The step that tries another pair of tokens, before the pair's name.
const WHO_AM_I: &str = "who-am-i:";

/// So many of a room's latest events are searched for the mark. Messages of a room are sent one after the other, so
/// only what others said since stands before it.
const LATEST: &str = "100";

/// The first step towards an intent.
pub(super) fn begin(view: &View, intent: &Intent) -> Result<Move, Missing> {
    match intent {
        Intent::Attach => match (token::in_use(view)?, token::locked(view)?) {
            // Only somebody who can act changes that; messages wait for it.
            (None, Some(why)) => Ok(Move::Refused { why }),
            (None | Some(_), _) => step(view, "register-bot", intent),
        },
        Intent::CreateRoom { .. } => step(view, "create", intent),
        Intent::Latest { .. } => step(view, "latest", intent),
        Intent::Send { perhaps_sent: true, .. } => step(view, "look", intent),
        Intent::Redact { by: None, .. } => step(view, "as-bot", intent),
        Intent::Join { .. } | Intent::Invite { .. } | Intent::Send { .. } | Intent::Redact { .. } => {
            step(view, "act", intent)
        }
        Intent::Dm(intent) => dm::begin(view, intent),
        Intent::Recognise { .. } => step(view, "mark", intent),
        Intent::Person(intent) => person::begin(view, intent),
        Intent::Upload { by, file } => media::begin(view, by, file),
        Intent::Pin { room, event, on, by } => pin::begin(view, pin::Wanted { room, event, on: *on, by }),
    }
}

/// The next step, with the answer to the last one.
pub(super) fn resume(view: &View, intent: &Intent, last: &str, answer: &Answer) -> Result<Move, Missing> {
    if let Some(tried) = last.strip_prefix(WHO_AM_I) {
        return another_pair(view, tried, answer);
    }
    if let (true, Some(pair)) = (is_unknown_token(answer), token::after(view, None)?) {
        return Ok(who_am_i(view, &pair));
    }
    if let Intent::Dm(intent) = intent {
        return dm::resume(view, intent, last, answer);
    }
    if let Intent::Person(intent) = intent {
        return person::resume(view, intent, last, answer);
    }
    if let Intent::Upload { by, file } = intent {
        return media::resume(view, by, file, last, answer);
    }
    if let Intent::Pin { room, event, on, by } = intent {
        return pin::resume(view, pin::Wanted { room, event, on: *on, by }, last, answer);
    }
    let verdict = judge(answer);
    Ok(match (last, verdict) {
        ("register-bot", Verdict::Good(_)) => step(view, "ping", intent)?,
        ("register-bot", Verdict::Error { code, .. }) if code == "M_USER_IN_USE" => {
            step(view, "ping", intent)?
        }
        ("ping", Verdict::Good(_)) => step(view, "rooms", intent)?,
        ("rooms", Verdict::Good(body)) => {
            Move::done(Done::AttachedIn { how: attached(view), rooms: recognition::rooms(&body) })
        }
        // What was before is a matter of its own.
        ("rooms", _) => Move::done(Done::Attached(attached(view))),

        ("mark", Verdict::Good(body)) => Move::done(Done::Recognised(recognition::by_mark(view, &body))),
        ("mark", Verdict::Error { .. }) => step(view, "aliases", intent)?,
        ("aliases", Verdict::Good(body)) => Move::done(Done::Recognised(recognition::by_alias(view, &body))),
        ("aliases", Verdict::Error { .. }) => Move::done(Done::Recognised(None)),

        ("create" | "resolve", Verdict::Good(body)) => named_room(&body, Done::Room),
        ("create", Verdict::Error { code, .. }) if code == "M_ROOM_IN_USE" => step(view, "resolve", intent)?,

        ("latest", Verdict::Good(body)) => Move::done(Done::Events(latest(&body))),

        ("look", Verdict::Good(body)) => match sent_before(view, intent, &body)? {
            Some(event) => Move::done(Done::Event(event)),
            None => step(view, "act", intent)?,
        },
        // The sender is not in the room, and has said nothing there.
        ("look", Verdict::Error { .. }) => step(view, "act", intent)?,

        ("act" | "act-again" | "as-bot", Verdict::Good(body)) => done(intent, &body),
        // They may not, or were never in the room: perhaps the App's own user may.
        ("act", Verdict::Error { .. }) if matches!(intent, Intent::Redact { .. }) => {
            step(view, "as-bot", intent)?
        }
        // The homeserver works, but another one that it needs for this does not.
        ("act" | "act-again", Verdict::Later { code: Some(code), why, .. })
            if matches!(intent, Intent::Invite { .. }) =>
        {
            Move::Refused { why: format!("{why} ({code})") }
        }
        ("act" | "act-again", Verdict::Error { code, .. }) if code == annotation::TWICE => {
            step(view, annotation::ASK, intent)?
        }
        (annotation::ASK, Verdict::Good(body)) => {
            Move::done(Done::Event(annotation::sent(view, intent, &body)?))
        }
        (annotation::ASK, Verdict::Error { .. }) => Move::done(Done::Event(String::new())),
        // Not registered, not in the room, or really not allowed: bring the user in, then ask once more.
        ("act", Verdict::Error { code, .. }) if code == "M_FORBIDDEN" => step(view, "register", intent)?,
        ("register", Verdict::Good(_)) => step(view, "name", intent)?,
        ("register", Verdict::Error { code, .. }) if code == "M_USER_IN_USE" => step(view, "name", intent)?,
        // A missing display name or a standing invitation is no reason not to go on.
        ("name", Verdict::Good(_) | Verdict::Error { .. }) => step(view, "let-in", intent)?,
        ("let-in", Verdict::Good(_) | Verdict::Error { .. }) => step(view, "join", intent)?,
        ("join", Verdict::Good(_)) => step(view, "act-again", intent)?,

        (_, Verdict::Later { after, why, .. }) => Move::Later { after, why },
        (_, Verdict::Away { why }) => Move::Away { why },
        (_, Verdict::Error { code, text }) => retry_unless(last, &code, &text),
        (_, Verdict::Good(_)) => {
            Move::Refused { why: format!("The App does not know its own step '{last}'.") }
        }
    })
}

/// A step as a move.
fn step(view: &View, name: &str, intent: &Intent) -> Result<Move, Missing> {
    let request = match intent {
        Intent::Attach => attach(view, name),
        Intent::CreateRoom { room } => create(view, name, room),
        Intent::Invite { room, by, mxid } => {
            let invite =
                || request::post(view, &Call::path(&["rooms", room, "invite"]), json!({ "user_id": mxid }));
            as_puppet(view, name, room, by, invite)?
        }
        Intent::Join { room, by, via, .. } => as_puppet(view, name, room, by, || {
            let join = request::post(view, &Call::path(&["join", room]), json!({}));
            via.iter().fold(join, |call, server| request::with(call, "server_name", server))
        })?,
        Intent::Latest { room, by } => backwards(view, room, by.as_ref())?,
        Intent::Send { room, by, .. } if name == "look" => backwards(view, room, Some(by))?,
        Intent::Send { room, by, content, .. } if name == annotation::ASK => {
            annotation::ask(view, room, content, &puppet::mxid(view, by)?)
        }
        Intent::Recognise { room } => recognition::ask(view, name, room),
        Intent::Send { room, by, event_type, content, transaction, at, .. } => {
            let mut content = content.clone();
            if let Some(content) = content.as_object_mut() {
                content.insert(MARK.to_owned(), json!(transaction));
            }
            let send = || {
                let path = Call::path(&["rooms", room, "send", event_type, transaction]);
                request::with(request::put(view, &path, content), "ts", &at.to_string())
            };
            as_puppet(view, name, room, by, send)?
        }
        Intent::Person(intent) => return person::begin(view, intent),
        Intent::Redact { room, event, by, reason, transaction, .. } => {
            redact(view, name, (room, event), by.as_ref(), reason, transaction)?
        }
        Intent::Dm(intent) => return dm::begin(view, intent),
        Intent::Upload { .. } | Intent::Pin { .. } => return begin(view, intent),
    };
    call(view, name, request)
}

/// A request as a move; without tokens there is nothing that could be sent.
pub(super) fn call(view: &View, step: &str, request: Call) -> Result<Move, Missing> {
    Ok(match token::shown(view, request)? {
        Some(request) => Move::Call { step: step.to_owned(), request, keep: vec![] },
        None => Move::Later { after: None, why: token::lacking(view)? },
    })
}

/// Whether the homeserver does not know the token it was shown.
fn is_unknown_token(answer: &Answer) -> bool {
    matches!(answer, Answer::Response { status: 401, .. })
}

/// Asks with another pair who we are: a question that changes nothing.
fn who_am_i(view: &View, pair: &token::Pair) -> Move {
    let request = pair.shown(request::get(view, "account/whoami"));
    Move::Call { step: format!("{WHO_AM_I}{}", pair.id), request, keep: vec![] }
}

/// The homeserver knows the pair that was tried, and the intent begins again with it; or the next one is tried.
fn another_pair(view: &View, tried: &str, answer: &Answer) -> Result<Move, Missing> {
    if is_unknown_token(answer)
        && let Some(pair) = token::after(view, Some(tried))?
    {
        return Ok(who_am_i(view, &pair));
    }
    Ok(match judge(answer) {
        Verdict::Later { after, why, .. } => Move::Later { after, why },
        Verdict::Away { why } => Move::Away { why },
        Verdict::Good(_) | Verdict::Error { .. } => match token::named(view, tried)? {
            Some(pair) => Move::Again { keep: token::known(view, &pair.id)? },
            // Its day is over.
            None => Move::Later { after: None, why: "the tokens were rotated just now".to_owned() },
        },
    })
}

fn attach(view: &View, name: &str) -> Call {
    let request = match name {
        "ping" => request::ping(view, ID),
        "rooms" => request::get(view, "joined_rooms"),
        _ => request::register(view, &view.config.bot_localpart),
    };
    Call { timeout: LOOK, ..request }
}

fn create(view: &View, name: &str, room: &Room) -> Call {
    let localpart = ids::alias_localpart(&view.config.user_prefix, &room.id);
    match name {
        "resolve" => {
            let alias = format!("#{localpart}:{}", view.config.server_name);
            request::get(view, &Call::path(&["directory", "room", &alias]))
        }
        _ => request::post(
            view,
            "createRoom",
            json!({
                "preset": "private_chat",
                "visibility": "private",
                "name": room.name,
                "room_alias_name": localpart,
                "power_level_content_override": { "invite": 0 },
                "initial_state": [recognition::mark(view, room)],
            }),
        ),
    }
}

pub(super) fn as_puppet(
    view: &View,
    name: &str,
    room: &str,
    user: &User,
    act: impl FnOnce() -> Call,
) -> Result<Call, Missing> {
    let mxid = puppet::mxid(view, user)?;
    let as_user = |call| request::with(call, "user_id", &mxid);
    Ok(match name {
        "register" => request::register(view, &puppet::localpart(view, user)?),
        "name" => person::name(view, &mxid, user.shown()),
        "let-in" => request::post(view, &Call::path(&["rooms", room, "invite"]), json!({ "user_id": mxid })),
        "join" => as_user(request::post(view, &Call::path(&["join", room]), json!({}))),
        _ => as_user(act()),
    })
}

/// A redaction by the user who wants it, or by the App's own user, who says for whom.
fn redact(
    view: &View,
    name: &str,
    (room, event): (&str, &str),
    by: Option<&User>,
    reason: &str,
    transaction: &str,
) -> Result<Call, Missing> {
    let path = |transaction: &str| Call::path(&["rooms", room, "redact", event, transaction]);
    Ok(match by.filter(|_| name != "as-bot") {
        Some(by) => request::with(
            request::put(view, &path(transaction), json!({})),
            "user_id",
            &puppet::mxid(view, by)?,
        ),
        // Transaction ids count for all our users together.
        None => request::put(view, &path(&format!("{transaction}-bot")), json!({ "reason": reason })),
    })
}

pub(super) fn named_room(body: &Value, done: impl FnOnce(String) -> Done) -> Move {
    match body.get("room_id").and_then(Value::as_str) {
        Some(id) => Move::done(done(id.to_owned())),
        None => Move::Later { after: None, why: "the homeserver named no room".to_owned() },
    }
}

fn attached(view: &View) -> String {
    format!("Connected to the homeserver of {}: it answers, and it reaches us.", view.config.server_name)
}

fn done(intent: &Intent, body: &Value) -> Move {
    if matches!(intent, Intent::Join { .. }) {
        return named_room(body, |room| Done::Joined { room, events: vec![] });
    }
    match (intent, body.get("event_id").and_then(Value::as_str)) {
        (Intent::Send { .. }, Some(id)) => Move::done(Done::Event(id.to_owned())),
        (Intent::Send { .. }, None) => {
            Move::Later { after: None, why: "the homeserver named no event".to_owned() }
        }
        _ => Move::done(Done::Plainly),
    }
}

/// A room's latest events, as one of ours sees them, or else the App's own user.
fn backwards(view: &View, room: &str, by: Option<&User>) -> Result<Call, Missing> {
    let latest = request::get(view, &Call::path(&["rooms", room, "messages"]));
    let latest = request::with(request::with(latest, "dir", "b"), "limit", LATEST);
    Ok(match by {
        Some(user) => request::with(latest, "user_id", &puppet::mxid(view, user)?),
        None => latest,
    })
}

fn latest(body: &Value) -> Vec<String> {
    let chunk = body.get("chunk").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    chunk.iter().rev().map(Value::to_string).collect()
}

/// The event of an intent, if it is among a room's latest.
fn sent_before(view: &View, intent: &Intent, body: &Value) -> Result<Option<String>, Missing> {
    let Intent::Send { by, transaction, .. } = intent else { return Ok(None) };
    let sender = puppet::mxid(view, by)?;
    let text = |event: &Value, name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_it = |event: &&Value| {
        let mark = event.get("content").and_then(|content| text(content, MARK));
        mark.as_ref() == Some(transaction) && text(event, "sender").as_ref() == Some(&sender)
    };
    let chunk = body.get("chunk").and_then(Value::as_array);
    let event = chunk.and_then(|it| it.iter().find(is_it));
    Ok(event.and_then(|it| text(it, "event_id")))
}
