//! A homeserver in a box: just so much of one as the flows need, with the habits that `Synapse` has.

use std::collections::{BTreeMap, BTreeSet};

use matrix_federation::effect::Call;
use matrix_federation::input::Answer;
use serde_json::{Value, json};

/// What was sent into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub event: String,
    pub kind: String,
    pub mark: String,
    pub room: String,
    pub sender: String,
    pub body: String,
    pub content: Value,
    /// When it was said, in milliseconds.
    pub at: i64,
}

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    pub event: String,
    pub by: String,
    pub reason: Option<String>,
}

/// The homeserver.
#[derive(Default)]
pub struct Homeserver {
    pub sent: Vec<Sent>,
    pub redacted: Vec<Redacted>,
    /// Who may take back what others said, besides the App's own user.
    pub moderators: BTreeSet<String>,
    /// The App's own user may do no more than others.
    pub bot_is_weak: bool,
    pub invited: Vec<(String, String)>,
    /// What others said, oldest first.
    pub remote: Vec<Value>,
    /// How many requests reached it, or found it away.
    pub calls: usize,
    /// How many it asked to slow down.
    pub slowed: usize,
    /// Nobody is there.
    pub is_away: bool,
    /// So many messages a second are taken, and ten at once.
    pub rate: Option<i64>,
    /// When the last message that was taken is used up, by the measure of that rate.
    used_up: i64,
    /// What people are known by: display name and picture.
    pub profiles: BTreeMap<String, (Option<String>, Option<String>)>,
    /// Answers to give to those who bring pictures, first come, first served.
    pub pictures_instead: Vec<Answer>,
    /// How often a profile was asked for.
    pub profiles_asked: usize,
    /// Answers to give instead of its own, first come, first served.
    pub instead: Vec<Answer>,
    /// The one token that it knows, where it looks at tokens at all.
    pub token: Option<String>,
    /// The marks of rooms, each as a state event.
    pub marks: BTreeMap<String, Value>,
    /// What it was asked by those who check it, in order.
    pub checked: Vec<String>,
    /// What it tells them instead, by the end of the path.
    pub told: BTreeMap<&'static str, Answer>,
    pub registered: BTreeSet<String>,
    pub aliases: BTreeMap<String, String>,
    pub joined: BTreeSet<(String, String)>,
    /// Who left which room, and why.
    pub left: Vec<(String, String, String)>,
    pub encrypted: BTreeSet<String>,
    /// Rooms that nobody may leave.
    pub kept: BTreeSet<String>,
    /// Files of others, by their ids: how large they are.
    pub media: BTreeMap<String, i64>,
    /// What those who fetch files are told instead, first come, first served.
    pub media_instead: Vec<Answer>,
    /// The addresses that files were fetched from.
    pub fetched: Vec<String>,
    /// The files that were brought, by their ids in Rocket.Chat.
    pub uploaded: Vec<String>,
    /// The largest file that is taken, in bytes.
    pub largest_file: Option<i64>,
    /// What is pinned in rooms: the content of the state event.
    pub pinned: BTreeMap<String, Value>,
    /// Who of ours wrote which pins, in order.
    pub pins: Vec<(String, Value)>,
    transactions: BTreeMap<String, String>,
}

/// So much may an event's content be, in bytes, that the whole of it is no larger than events may be.
const LARGEST_EVENT: usize = 64_000;

const BOT: &str = "@rocketchat:hs.test";

impl Homeserver {
    /// Is started anew: transaction ids are kept in memory only.
    pub fn restart(&mut self) {
        self.transactions.clear();
    }

    /// A private room that the App's own user made, with these users of the App in it.
    pub fn furnish(&mut self, room: &str, users: &[&str]) {
        let users = users.iter().map(|it| format!("@{it}:hs.test"));
        for user in users.chain([BOT.to_owned()]) {
            self.registered.insert(user.clone());
            self.joined.insert((room.to_owned(), user));
        }
    }

    /// Whether somebody is in a room.
    pub fn is_in(&self, room: &str, user: &str) -> bool {
        self.joined.contains(&(room.to_owned(), user.to_owned()))
    }

    /// Takes a picture in that came as the body of a request.
    pub fn take_picture(&mut self, call: &Call, version: &str) -> Answer {
        assert!(call.url.starts_with("http://hs.test/_matrix/media/v3/upload?user_id="), "{}", call.url);
        if self.is_away {
            return Answer::Unreachable { why: "refused".to_owned() };
        }
        if !self.pictures_instead.is_empty() {
            return self.pictures_instead.remove(0);
        }
        let mxid = decode(call.url.split_once('=').unwrap().1);
        if self.registered.contains(&mxid) {
            Self::response(200, &json!({ "content_uri": format!("mxc://hs.test/{version}") }))
        } else {
            Self::response(403, &json!({ "errcode": "M_FORBIDDEN", "error": "no" }))
        }
    }

    /// Takes a file in that came as the body of a request.
    pub fn take_file(&mut self, call: &Call, id: &str, size: i64) -> Answer {
        assert!(call.url.starts_with("http://hs.test/_matrix/media/v3/upload?user_id="), "{}", call.url);
        if self.is_away {
            return Answer::Unreachable { why: "refused".to_owned() };
        }
        if size > self.largest_file.unwrap_or(i64::MAX) {
            return Self::response(413, &json!({ "errcode": "M_TOO_LARGE", "error": "no" }));
        }
        let mxid = decode(call.url.split_once('=').unwrap().1.split('&').next().unwrap());
        if !self.registered.contains(&mxid) {
            return Self::response(403, &json!({ "errcode": "M_FORBIDDEN", "error": "no" }));
        }
        self.uploaded.push(id.to_owned());
        Self::response(200, &json!({ "content_uri": format!("mxc://hs.test/{id}"), "w": 3, "h": 2 }))
    }

    /// Hands a file out, or says why not.
    pub fn give_file(&mut self, call: &Call) -> Result<i64, Answer> {
        if self.is_away {
            return Err(Answer::Unreachable { why: "refused".to_owned() });
        }
        self.fetched.push(call.url.clone());
        if !self.media_instead.is_empty() {
            return Err(self.media_instead.remove(0));
        }
        let id = call.url.split('?').next().unwrap().rsplit('/').next().unwrap();
        let missing = || Self::response(404, &json!({ "errcode": "M_NOT_FOUND", "error": "no such media" }));
        self.media.get(id).copied().ok_or_else(missing)
    }

    /// Answers a request of the App.
    pub fn answer(&mut self, call: &Call, now: i64) -> Answer {
        self.calls += 1;
        if self.is_away {
            return Answer::Unreachable { why: "refused".to_owned() };
        }
        if let Some(wait) = self.too_fast(call, now) {
            self.slowed += 1;
            return Answer::Response {
                status: 429,
                body: json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": wait }).to_string(),
                retry_after: None,
                cache_control: None,
                location: None,
                ahead: None,
            };
        }
        if let Some(known) = &self.token
            && call.authorization.as_deref() != Some(&format!("Bearer {known}"))
        {
            return Self::response(401, &json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "no" }));
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
        let at = query.split('&').find_map(|it| it.strip_prefix("ts=")).map_or(0, |it| it.parse().unwrap());
        let (status, body) = match self.route(&parts, &user, at, &body) {
            Ok(body) => (200, body),
            Err((status, code)) => (status, json!({ "errcode": code, "error": "no" })),
        };
        Answer::Response {
            status,
            body: body.to_string(),
            retry_after: None,
            cache_control: None,
            location: None,
            ahead: None,
        }
    }

    /// Answers a question by which it is found out whether everything works.
    pub fn tell(&mut self, call: &Call) -> Answer {
        let path = call.url.split('?').next().unwrap();
        self.checked.push(format!("{} {path}", call.method));
        if let Some((_, answer)) = self.told.iter().find(|(end, _)| path.ends_with(*end)) {
            return answer.clone();
        }
        if path.contains("/profile/") || path.contains("/state/m.room.member/") {
            // Of no interest to those who look what a check asks.
            self.checked.pop();
            let (calls, answer) = (self.calls, self.answer(call, 0));
            self.calls = calls;
            return answer;
        }
        let body = match path.rsplit('/').next().unwrap() {
            "versions" => json!({ "versions": ["r0.6.1", "v1.11", "v1.12"] }),
            "version" => json!({ "server": { "name": "Box", "version": "1.0" } }),
            "whoami" => json!({ "user_id": BOT }),
            "config" => json!({ "m.upload.size": 104_857_600 }),
            "search" => json!({ "limited": false, "results": [{ "user_id": "@rc_alice:hs.test" }] }),
            "register" | "ping" => json!({}),
            _ => return Answer::Unreachable { why: format!("its name is not known: {path}") },
        };
        Self::response(200, &body)
    }

    /// An answer in JSON.
    pub fn response(status: u16, body: &Value) -> Answer {
        Answer::Response {
            status,
            body: body.to_string(),
            retry_after: None,
            cache_control: None,
            location: None,
            ahead: Some(0),
        }
    }

    pub fn is_redacted(&self, event: &str) -> bool {
        self.redacted.iter().any(|it| it.event == event)
    }

    /// How long to wait, if a message comes faster than the rate allows.
    fn too_fast(&mut self, call: &Call, now: i64) -> Option<i64> {
        let interval = 1000 / self.rate.filter(|_| call.url.contains("/send/"))?;
        let used_up = self.used_up.max(now) + interval;
        let wait = used_up - now - 10 * interval;
        if wait > 0 {
            return Some(wait);
        }
        self.used_up = used_up;
        None
    }

    fn route(
        &mut self,
        path: &[&str],
        user: &str,
        at: i64,
        body: &Value,
    ) -> Result<Value, (u16, &'static str)> {
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
            ["v1", "appservice", _, "ping"] => Ok(json!({})),
            ["v1", "media", "config"] => Ok(json!({ "m.upload.size": self.largest_file })),
            ["v3", "profile", mxid, field] => {
                assert_eq!(mxid, user);
                let profile = self.profiles.entry(mxid.to_owned()).or_default();
                let value = body[field].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
                if field == "displayname" {
                    profile.0 = value
                } else {
                    profile.1 = value
                }
                Ok(json!({}))
            }
            ["v3", "profile", mxid] => {
                self.profiles_asked += 1;
                let profile = self.profiles.get(mxid).ok_or((404, "M_NOT_FOUND"))?;
                Ok(json!({ "displayname": profile.0, "avatar_url": profile.1 }))
            }
            ["v3", "joined_rooms"] => {
                let rooms = self.joined.iter().filter(|it| it.1 == user).map(|it| &it.0);
                Ok(json!({ "joined_rooms": rooms.collect::<Vec<_>>() }))
            }
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
            ["v3", "account", "whoami"] => Ok(json!({ "user_id": user })),
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
            ["v3", "rooms", room, "send", kind, transaction] => {
                if !joined(room, user) {
                    return forbidden;
                }
                if body["body"].as_str().is_some_and(|it| it.contains("TOO LONG"))
                    || body.to_string().len() > LARGEST_EVENT
                {
                    return Err((413, "M_TOO_LARGE"));
                }
                let relates = |content: &Value, name: &str| content["m.relates_to"][name].clone();
                let is_alike = |it: &&Sent| {
                    it.kind == "m.reaction"
                        && it.sender == user
                        && it.mark != body["chat.rocket.transaction"]
                        && ["event_id", "key"]
                            .iter()
                            .all(|name| relates(&it.content, name) == relates(body, name))
                };
                let alike = self.sent.iter().filter(is_alike);
                if kind == "m.reaction" && alike.into_iter().any(|it| !self.is_redacted(&it.event)) {
                    return Err((400, "M_DUPLICATE_ANNOTATION"));
                }
                // The transaction id counts for the whole appservice, not for each of its users.
                let next = format!("$event{}", self.sent.len());
                let event = self.transactions.entry(transaction.to_owned()).or_insert_with(|| next.clone());
                if *event == next {
                    self.sent.push(Sent {
                        event: next,
                        kind: kind.to_owned(),
                        mark: body["chat.rocket.transaction"].as_str().unwrap_or_default().to_owned(),
                        room: room.to_owned(),
                        sender: user.to_owned(),
                        body: body["body"].as_str().unwrap_or_default().to_owned(),
                        content: body.clone(),
                        at,
                    });
                }
                Ok(json!({ "event_id": event }))
            }
            ["v3", "rooms", room, "redact", event, transaction] => {
                let said_by = self.sent.iter().find(|it| it.event == event).map(|it| it.sender.as_str());
                let is_moderator = self.moderators.contains(user) || user == BOT && !self.bot_is_weak;
                if !joined(room, user) && user != BOT || said_by != Some(user) && !is_moderator {
                    return forbidden;
                }
                let next = format!("$redaction{}", self.redacted.len());
                let redaction =
                    self.transactions.entry(transaction.to_owned()).or_insert_with(|| next.clone());
                if *redaction == next {
                    let reason = body["reason"].as_str().map(str::to_owned);
                    self.redacted.push(Redacted { event: event.to_owned(), by: user.to_owned(), reason });
                }
                Ok(json!({ "event_id": redaction }))
            }
            ["v3", "rooms", room, "messages"] => {
                if !joined(room, user) {
                    return forbidden;
                }
                let latest = self.sent.iter().rev().filter(|it| it.room == room).take(100).map(|it| {
                    json!({
                        "event_id": it.event, "type": it.kind, "sender": it.sender,
                        "content": if self.is_redacted(&it.event) { json!({}) } else { it.content.clone() },
                    })
                });
                let remote = self.remote.iter().rev().filter(|it| it["room_id"] == room).cloned().map(|it| {
                    if self.is_redacted(it["event_id"].as_str().unwrap()) { pruned(it) } else { it }
                });
                Ok(json!({ "chunk": latest.chain(remote).collect::<Vec<_>>() }))
            }
            ["v1", "rooms", room, "relations", of, "m.annotation", "m.reaction"] => {
                let reactions = self.sent.iter().filter(|it| it.room == room && it.kind == "m.reaction");
                let reactions = reactions.filter(|it| {
                    it.content["m.relates_to"]["event_id"] == of && !self.is_redacted(&it.event)
                });
                let shown = reactions
                    .map(|it| json!({ "event_id": it.event, "sender": it.sender, "content": it.content }));
                Ok(json!({ "chunk": shown.collect::<Vec<_>>() }))
            }
            ["v3", "rooms", room, "leave"] if self.kept.contains(room) => {
                Err((403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"))
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
            ["v3", "rooms", room, "state", "m.room.pinned_events", ""] => {
                if !joined(room, user) || !body.is_null() && user == BOT && self.bot_is_weak {
                    return forbidden;
                }
                if body.is_null() {
                    return self.pinned.get(room).cloned().ok_or((404, "M_NOT_FOUND"));
                }
                if user != BOT && !self.moderators.contains(user) {
                    return forbidden;
                }
                self.pins.push((user.to_owned(), body["pinned"].clone()));
                self.pinned.insert(room.to_owned(), body.clone());
                Ok(json!({ "event_id": format!("$pins{}", self.pins.len()) }))
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

fn pruned(mut event: Value) -> Value {
    event["content"] = json!({});
    event["unsigned"] = json!({ "redacted_because": {} });
    event
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
