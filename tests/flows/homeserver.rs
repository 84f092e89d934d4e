//! A homeserver in a box: just so much of one as the flows need, with the habits that `Synapse` has.

use std::collections::{BTreeMap, BTreeSet};

use matrix_federation::effect::Call;
use matrix_federation::input::Answer;
use serde_json::{Value, json};

/// What was sent into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub event: String,
    pub mark: String,
    pub room: String,
    pub sender: String,
    pub body: String,
}

/// The homeserver.
#[derive(Default)]
pub struct Homeserver {
    pub sent: Vec<Sent>,
    pub invited: Vec<(String, String)>,
    /// What others said, oldest first.
    pub remote: Vec<Value>,
    /// Answers to give instead of its own, first come, first served.
    pub instead: Vec<Answer>,
    /// The one token that it knows, where it looks at tokens at all.
    pub token: Option<String>,
    /// The marks of rooms, each as a state event.
    pub marks: BTreeMap<String, Value>,
    registered: BTreeSet<String>,
    aliases: BTreeMap<String, String>,
    joined: BTreeSet<(String, String)>,
    transactions: BTreeMap<String, String>,
}

const BOT: &str = "@rocketchat:hs.test";

impl Homeserver {
    /// Is started anew: transaction ids are kept in memory only.
    pub fn restart(&mut self) {
        self.transactions.clear();
    }

    /// Answers a request of the App.
    pub fn answer(&mut self, call: &Call) -> Answer {
        if let Some(known) = &self.token
            && call.authorization.as_deref() != Some(&format!("Bearer {known}"))
        {
            return refusal(401, "M_UNKNOWN_TOKEN");
        }
        if !self.instead.is_empty() {
            return self.instead.remove(0);
        }
        let (path, query) = call.url.split_once('?').unwrap_or((&call.url, ""));
        let path = path.strip_prefix("http://hs.test/_matrix/client/").expect("a client-server path");
        let parts: Vec<String> = path.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let user = query
            .split('&')
            .find_map(|it| it.strip_prefix("user_id="))
            .map_or_else(|| BOT.to_owned(), decode);
        let body: Value = call.body.as_deref().map_or(Value::Null, |it| serde_json::from_str(it).unwrap());
        match self.route(&parts, &user, &body) {
            Ok(body) => response(200, &body),
            Err((status, code)) => refusal(status, code),
        }
    }

    fn route(&mut self, path: &[&str], user: &str, body: &Value) -> Result<Value, (u16, &'static str)> {
        let forbidden = Err((403, "M_FORBIDDEN"));
        if user != BOT && !self.registered.contains(user) {
            return forbidden;
        }
        let target = body["user_id"].as_str().unwrap_or_default().to_owned();
        let joined = |room: &str, user: &str| self.joined.contains(&(room.to_owned(), user.to_owned()));
        match *path {
            ["v3", "register"] => {
                let user = format!("@{}:hs.test", body["username"].as_str().unwrap());
                if self.registered.insert(user) { Ok(json!({})) } else { Err((400, "M_USER_IN_USE")) }
            }
            ["v1", "appservice", _, "ping"] | ["v3", "profile", _, _] => Ok(json!({})),
            ["v3", "createRoom"] => {
                let alias = body["room_alias_name"].as_str().unwrap().to_owned();
                if self.aliases.contains_key(&alias) {
                    return Err((400, "M_ROOM_IN_USE"));
                }
                let room = format!("!{alias}");
                self.aliases.insert(alias, room.clone());
                if let Some(mark) = body["initial_state"][0].as_object() {
                    let mut mark = Value::Object(mark.clone());
                    mark["sender"] = json!(user);
                    self.marks.insert(room.clone(), mark);
                }
                self.joined.insert((room.clone(), user.to_owned()));
                Ok(json!({ "room_id": room }))
            }
            ["v3", "account", "whoami"] => Ok(json!({ "user_id": user })),
            ["v3", "joined_rooms"] => {
                let rooms = self.joined.iter().filter(|it| it.1 == user).map(|it| it.0.clone());
                Ok(json!({ "joined_rooms": rooms.collect::<Vec<_>>() }))
            }
            ["v3", "rooms", room, "state", "chat.rocket.portal", ""] => {
                self.marks.get(room).cloned().ok_or((404, "M_NOT_FOUND"))
            }
            ["v3", "rooms", room, "aliases"] => {
                let aliases =
                    self.aliases.iter().filter(|it| it.1 == room).map(|it| format!("#{}:hs.test", it.0));
                Ok(json!({ "aliases": aliases.collect::<Vec<_>>() }))
            }
            ["v3", "directory", "room", alias] => {
                let localpart = alias.trim_start_matches('#').split(':').next().unwrap();
                self.aliases
                    .get(localpart)
                    .map_or(Err((404, "M_NOT_FOUND")), |it| Ok(json!({ "room_id": it })))
            }
            ["v3", "rooms", room, "invite"] => {
                if !joined(room, user) || joined(room, &target) {
                    return forbidden;
                }
                if target.ends_with(":dead.test") {
                    return Err((502, "M_UNKNOWN"));
                }
                let invitation = (room.to_owned(), target);
                if !self.invited.contains(&invitation) {
                    self.invited.push(invitation);
                }
                Ok(json!({}))
            }
            ["v3", "join", room] => {
                if !self.invited.contains(&(room.to_owned(), user.to_owned())) && !joined(room, user) {
                    return forbidden;
                }
                self.joined.insert((room.to_owned(), user.to_owned()));
                Ok(json!({ "room_id": room }))
            }
            ["v3", "rooms", room, "send", _, transaction] => {
                if !joined(room, user) {
                    return forbidden;
                }
                if body["body"].as_str().is_some_and(|it| it.contains("TOO LONG")) {
                    return Err((413, "M_TOO_LARGE"));
                }
                // The transaction id counts for the whole appservice, not for each of its users.
                let next = format!("$event{}", self.sent.len());
                let event = self.transactions.entry(transaction.to_owned()).or_insert_with(|| next.clone());
                if *event == next {
                    self.sent.push(Sent {
                        event: next,
                        mark: body["chat.rocket.transaction"].as_str().unwrap().to_owned(),
                        room: room.to_owned(),
                        sender: user.to_owned(),
                        body: body["body"].as_str().unwrap().to_owned(),
                    });
                }
                Ok(json!({ "event_id": event }))
            }
            ["v3", "rooms", room, "messages"] => {
                if !joined(room, user) {
                    return forbidden;
                }
                let latest = self.sent.iter().rev().filter(|it| it.room == room).take(100).map(|it| {
                    json!({
                        "event_id": it.event, "type": "m.room.message", "sender": it.sender,
                        "content": { "body": it.body, "chat.rocket.transaction": it.mark },
                    })
                });
                let remote = self.remote.iter().rev().filter(|it| it["room_id"] == room).cloned();
                Ok(json!({ "chunk": latest.chain(remote).collect::<Vec<_>>() }))
            }
            _ => panic!("the homeserver does not know {path:?}"),
        }
    }
}

fn refusal(status: u16, code: &str) -> Answer {
    response(status, &json!({ "errcode": code, "error": "no" }))
}

fn response(status: u16, body: &Value) -> Answer {
    Answer::Response {
        status,
        body: body.to_string(),
        retry_after: None,
        cache_control: None,
        location: None,
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
