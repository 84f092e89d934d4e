//! Direct messages as requests of the client-server API: rooms made and joined, people invited, invitations declined.
//!
//! All of it is done by our own users: the App's own is in no direct message. As elsewhere a user is registered only
//! when the homeserver says that it is missing, and every step may be done twice.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#direct-messaging>

use serde_json::{Value, json};

use super::answer::{Verdict, judge, retry_unless};
use super::intent::{as_puppet, call, named_room};
use super::request;
use crate::attachment::{DmIntent, Done, Move};
use crate::effect::Call;
use crate::ids;
use crate::input::Answer;
use crate::puppet;
use crate::record::Person;
use crate::view::{Missing, View};

/// Whose turn it is while people are invited one after the other, and into which room.
struct Turn<'a> {
    index: usize,
    /// How many are in the room or invited by now.
    reached: usize,
    room: &'a str,
}

impl Turn<'_> {
    fn step(&self, name: &str) -> String {
        format!("{name} {} {} {}", self.index, self.reached, self.room)
    }
}

/// The first step.
pub(super) fn begin(view: &View, intent: &DmIntent) -> Result<Move, Missing> {
    match intent {
        DmIntent::Gather { room, .. } => look(view, intent, &Turn { index: 0, reached: 0, room }),
        DmIntent::Decline { say: true, .. } => step(view, intent, "notice"),
        DmIntent::Register { .. } => step(view, intent, "register"),
        DmIntent::Create { .. } | DmIntent::Meet { .. } | DmIntent::Decline { .. } => {
            step(view, intent, act(intent))
        }
    }
}

/// The next step, with the answer to the last one.
pub(super) fn resume(view: &View, intent: &DmIntent, last: &str, answer: &Answer) -> Result<Move, Missing> {
    let verdict = judge(answer);
    if let [name @ ("look" | "invite"), index, reached, room] = last.splitn(4, ' ').collect::<Vec<_>>()[..] {
        let count = |text: &str| text.parse().unwrap_or_default();
        return gather(
            view,
            intent,
            name,
            &Turn { index: count(index), reached: count(reached), room },
            verdict,
        );
    }
    Ok(match (last, verdict) {
        ("create" | "create-again", Verdict::Good(body)) => named_room(&body, Done::Room),
        ("create" | "create-again", Verdict::Error { code, .. }) if code == "M_ROOM_IN_USE" => {
            step(view, intent, "resolve")?
        }
        // An attempt before made it. Whether it invited everybody is not known.
        ("resolve", Verdict::Good(body)) => match body.get("room_id").and_then(Value::as_str) {
            Some(room) => look(view, intent, &Turn { index: 0, reached: 0, room })?,
            None => named_room(&body, Done::Room),
        },

        ("enter" | "enter-again", Verdict::Good(_)) => step(view, intent, "encryption")?,
        ("encryption", Verdict::Good(_)) => Move::done(Done::Met { encrypted: true, people: vec![] }),
        ("encryption", Verdict::Error { code, .. }) if code == "M_NOT_FOUND" => {
            step(view, intent, "members")?
        }
        ("members", Verdict::Good(body)) => Move::done(Done::Met { encrypted: false, people: people(&body) }),

        ("notice", Verdict::Good(_) | Verdict::Error { .. }) => step(view, intent, "leave")?,
        ("create" | "enter" | "leave", Verdict::Error { code, .. }) if code == "M_FORBIDDEN" => {
            step(view, intent, "register")?
        }
        // Not in the room any more, by this or before: that is what was wanted.
        ("leave" | "leave-again", Verdict::Good(_) | Verdict::Error { .. }) => Move::done(Done::Plainly),
        ("register", Verdict::Good(_)) => registered(view, intent)?,
        ("register", Verdict::Error { code, .. }) if code == "M_USER_IN_USE" => registered(view, intent)?,
        ("name", Verdict::Good(_) | Verdict::Error { .. }) => again(view, intent)?,

        (_, Verdict::Later { after, why, .. }) => Move::Later { after, why },
        (_, Verdict::Away { why }) => Move::Away { why },
        (_, Verdict::Error { code, text }) => retry_unless(last, &code, &text),
        (_, Verdict::Good(_)) => {
            Move::Refused { why: format!("The App does not know its own step '{last}'.") }
        }
    })
}

/// The step that an intent is about.
fn act(intent: &DmIntent) -> &'static str {
    match intent {
        DmIntent::Create { .. } => "create",
        DmIntent::Meet { .. } => "enter",
        DmIntent::Gather { .. } | DmIntent::Decline { .. } | DmIntent::Register { .. } => "leave",
    }
}

fn registered(view: &View, intent: &DmIntent) -> Result<Move, Missing> {
    // Who only declines may be nobody, and is called nothing.
    if matches!(intent, DmIntent::Decline { .. }) { again(view, intent) } else { step(view, intent, "name") }
}

fn again(view: &View, intent: &DmIntent) -> Result<Move, Missing> {
    if matches!(intent, DmIntent::Register { .. }) {
        return Ok(Move::done(Done::Plainly));
    }
    step(view, intent, &format!("{}-again", act(intent)))
}

/// Goes on inviting. Somebody who cannot be invited is no reason not to talk to the others.
fn gather(
    view: &View,
    intent: &DmIntent,
    name: &str,
    turn: &Turn<'_>,
    verdict: Verdict,
) -> Result<Move, Missing> {
    let next = |reached: usize| Turn { index: turn.index.saturating_add(1), reached, room: turn.room };
    match (name, verdict) {
        ("look", Verdict::Good(body)) if is_there(&body) => {
            look(view, intent, &next(turn.reached.saturating_add(1)))
        }
        ("look", Verdict::Good(_)) => step(view, intent, &turn.step("invite")),
        ("look", Verdict::Error { code, .. }) if code == "M_NOT_FOUND" => {
            step(view, intent, &turn.step("invite"))
        }
        ("invite", Verdict::Good(_)) => look(view, intent, &next(turn.reached.saturating_add(1))),
        // The homeserver works, but another one that it needs for this does not.
        ("invite", Verdict::Error { code, text: why } | Verdict::Later { code: Some(code), why, .. }) => {
            let next = next(turn.reached);
            if next.index >= invited(intent).len() && next.reached == 0 {
                return Ok(Move::Refused { why: format!("{why} ({code})") });
            }
            look(view, intent, &next)
        }
        (_, Verdict::Later { after, why, .. }) => Ok(Move::Later { after, why }),
        (_, Verdict::Away { why }) => Ok(Move::Away { why }),
        (_, Verdict::Error { code, text }) => Ok(retry_unless(name, &code, &text)),
        (_, Verdict::Good(_)) => Ok(Move::done(Done::Plainly)),
    }
}

/// Looks how the next one stands in the room; at the end it is done.
fn look(view: &View, intent: &DmIntent, turn: &Turn<'_>) -> Result<Move, Missing> {
    if turn.index < invited(intent).len() {
        return step(view, intent, &turn.step("look"));
    }
    Ok(Move::done(match intent {
        DmIntent::Create { .. } => Done::Room(turn.room.to_owned()),
        DmIntent::Gather { .. }
        | DmIntent::Meet { .. }
        | DmIntent::Decline { .. }
        | DmIntent::Register { .. } => Done::Plainly,
    }))
}

fn invited(intent: &DmIntent) -> &[String] {
    if let DmIntent::Create { people, .. } | DmIntent::Gather { people, .. } = intent { people } else { &[] }
}

fn is_there(member: &Value) -> bool {
    matches!(member.get("membership").and_then(Value::as_str), Some("join" | "invite"))
}

fn people(body: &Value) -> Vec<Person> {
    let chunk = body.get("chunk").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let person = |event: &Value| {
        let content = event.get("content").filter(|it| is_there(it))?;
        let name = content.get("displayname").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Person { mxid: event.get("state_key")?.as_str()?.to_owned(), name })
    };
    chunk.iter().filter_map(person).collect()
}

/// A step as a move.
fn step(view: &View, intent: &DmIntent, name: &str) -> Result<Move, Missing> {
    let request = match intent {
        DmIntent::Create { room, before, by, people } => {
            let alias = ids::dm_alias_localpart(&view.config.user_prefix, room, before);
            as_puppet(view, name, "", by, || match name {
                "resolve" => {
                    let alias = format!("#{alias}:{}", view.config.server_name);
                    request::get(view, &Call::path(&["directory", "room", &alias]))
                }
                "create" | "create-again" => create(view, &alias, people),
                _ => member(view, intent, name),
            })?
        }
        DmIntent::Gather { by, .. } => as_puppet(view, name, "", by, || member(view, intent, name))?,
        DmIntent::Meet { room, by } => as_puppet(view, name, room, by, || match name {
            "encryption" => {
                request::get(view, &Call::path(&["rooms", room, "state", "m.room.encryption", ""]))
            }
            "members" => {
                let members = request::get(view, &Call::path(&["rooms", room, "members"]));
                request::with(members, "not_membership", "leave")
            }
            _ => request::post(view, &Call::path(&["join", room]), json!({})),
        })?,
        DmIntent::Register { user } => {
            let localpart = puppet::localpart(view, user)?;
            as_puppet(view, name, "", user, || request::register(view, &localpart))?
        }
        DmIntent::Decline { room, mxid, why, .. } => decline(view, name, (room, mxid), why),
    };
    call(view, name, request)
}

fn create(view: &View, alias: &str, people: &[String]) -> Call {
    let body = json!({
        "preset": "trusted_private_chat",
        "visibility": "private",
        "is_direct": true,
        "invite": people,
        "room_alias_name": alias,
        // The alias is there to find the room again. Named by it, clients would call the room so.
        "initial_state": [{ "type": "m.room.canonical_alias", "state_key": "", "content": {} }],
    });
    request::post(view, "createRoom", body)
}

/// How one of those to be invited stands in the room, or that they are invited.
fn member(view: &View, intent: &DmIntent, name: &str) -> Call {
    let mut parts = name.splitn(4, ' ');
    let is_invite = parts.next() == Some("invite");
    let index: usize = parts.next().and_then(|it| it.parse().ok()).unwrap_or_default();
    let room = parts.nth(1).unwrap_or_default();
    let mxid = invited(intent).get(index).map(String::as_str).unwrap_or_default();
    let path = Call::path(&["rooms", room, "state", "m.room.member", mxid]);
    if is_invite {
        // An invitation by its own endpoint cannot say that it is to a direct message.
        request::put(view, &path, json!({ "membership": "invite", "is_direct": true }))
    } else {
        request::get(view, &path)
    }
}

fn decline(view: &View, name: &str, (room, mxid): (&str, &str), why: &str) -> Call {
    let as_user = |call| request::with(call, "user_id", mxid);
    match name {
        "register" => {
            let localpart = ids::split_mxid(mxid).map(|it| it.0).unwrap_or_default();
            request::register(view, localpart)
        }
        "notice" => {
            let transaction = format!("decline-{}", ids::digest(&[room, mxid]));
            let path = Call::path(&["rooms", room, "send", "m.room.message", &transaction]);
            as_user(request::put(view, &path, json!({ "msgtype": "m.notice", "body": why })))
        }
        _ => as_user(request::post(view, &Call::path(&["rooms", room, "leave"]), json!({ "reason": why }))),
    }
}
