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
    pub registered: BTreeSet<String>,
    pub aliases: BTreeMap<String, String>,
    pub joined: BTreeSet<(String, String)>,
    /// Who left which room, and why.
    pub left: Vec<(String, String, String)>,
    pub encrypted: BTreeSet<String>,
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
        let (status, body) = match self.route(&parts, &user, &body) {
            Ok(body) => (200, body),
            Err((status, code)) => (status, json!({ "errcode": code, "error": "no" })),
        };
        Answer::Response {
            status,
            body: body.to_string(),
            retry_after: None,
            cache_control: None,
            location: None,
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
                self.joined.insert((room.clone(), user.to_owned()));
                for guest in body["invite"].as_array().into_iter().flatten() {
                    let guest = guest.as_str().unwrap().to_owned();
                    // The room is made all the same.
                    if guest.ends_with(":dead.test") {
                        return Err((502, "M_UNKNOWN"));
                    }
                    self.invited.push((room.clone(), guest));
                }
                Ok(json!({ "room_id": room }))
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
                        mark: body["chat.rocket.transaction"].as_str().unwrap_or_default().to_owned(),
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
            ["v3", "rooms", room, "leave"] => {
                let place = (room.to_owned(), user.to_owned());
                let was_invited = self.invited.contains(&place);
                self.invited.retain(|it| *it != place);
                if !self.joined.remove(&place) && !was_invited {
                    return forbidden;
                }
                let reason = body["reason"].as_str().unwrap_or_default().to_owned();
                self.left.push((place.0, place.1, reason));
                Ok(json!({}))
            }
            ["v3", "rooms", room, "state", "m.room.encryption", ""] => {
                if !joined(room, user) {
                    return forbidden;
                }
                if self.encrypted.contains(room) { Ok(json!({})) } else { Err((404, "M_NOT_FOUND")) }
            }
            ["v3", "rooms", room, "members"] => {
                if !joined(room, user) {
                    return forbidden;
                }
                let member = |membership: &'static str| {
                    move |(_, mxid): &(String, String)| {
                        let content = json!({ "membership": membership, "displayname": "" });
                        json!({ "type": "m.room.member", "state_key": mxid, "content": content })
                    }
                };
                let joined = self.joined.iter().filter(|it| it.0 == room).map(member("join"));
                let is_open = |it: &&(String, String)| it.0 == room && !self.joined.contains(*it);
                let invited = self.invited.iter().filter(is_open).map(member("invite"));
                Ok(json!({ "chunk": joined.chain(invited).collect::<Vec<_>>() }))
            }
            ["v3", "rooms", room, "state", "m.room.member", mxid] => {
                if !joined(room, user) {
                    return forbidden;
                }
                let place = (room.to_owned(), mxid.to_owned());
                if body.is_null() {
                    return if self.joined.contains(&place) {
                        Ok(json!({ "membership": "join" }))
                    } else if self.invited.contains(&place) {
                        Ok(json!({ "membership": "invite" }))
                    } else {
                        Err((404, "M_NOT_FOUND"))
                    };
                }
                if mxid.ends_with(":dead.test") {
                    return Err((502, "M_UNKNOWN"));
                }
                assert_eq!(body["is_direct"], true, "an invitation to a direct message");
                self.invited.push(place);
                Ok(json!({ "event_id": "$invitation" }))
            }
            _ => panic!("the homeserver does not know {path:?}"),
        }
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
