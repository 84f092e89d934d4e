//! Another Matrix server in a box, built from the kernel itself: it holds rooms, and is as good or as bad as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use matrix_federation::effect::Call;
use matrix_federation::input::Answer;
use matrix_federation::matrix::compose::{Draft, Place, Signer, compose};
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::SigningKey;
use matrix_federation::matrix::key_document::{KeyDocument, Known, publish};
use matrix_federation::matrix::name::ServerName;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::receipt::{KeyId, Keys, Verdict, judge, read};
use matrix_federation::matrix::resolve::{Events, State, resolve};
use matrix_federation::matrix::signature::hash_and_sign;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::matrix::x_matrix::{XMatrix, parse_all, signed_bytes};
use ruma_common::{EventId, OwnedEventId, OwnedUserId, RoomId};
use ruma_events::StateEventType;
use ruma_state_res::Event as _;
use serde_json::{Map, Value, json};

/// How a server is today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    Down,
    Failing,
}

/// What it lies about when somebody joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    #[default]
    None,
    /// The state has no invitation.
    NotInvited,
    NoCreate,
    /// One more state event, by somebody of a server that never signed it.
    ForgedMember,
    /// The power levels are not as they were signed.
    ForgedPower,
    /// The room is said to be of version 9.
    OtherVersion,
}

/// A server.
pub struct OtherServer {
    pub name: String,
    pub mood: Mood,
    pub lie: Lie,
    /// Its answers take so many milliseconds.
    pub takes: i64,
    pub rooms: BTreeMap<String, Graph>,
    pub aliases: BTreeMap<String, String>,
    /// All that was asked of it, each a method and a path.
    pub asked: Vec<String>,
    /// All that was sent to it, headers and bodies.
    pub got: Vec<String>,
    /// What others did wrong.
    pub complaints: Vec<String>,
    key: SigningKey,
    transactions: BTreeMap<String, String>,
    sent: usize,
}

/// A room as a server holds it.
pub struct Graph {
    pub id: String,
    pub version: RoomVersion,
    pub heads: BTreeSet<OwnedEventId>,
    /// In the order they came.
    pub timeline: Vec<Rc<Pdu>>,
    events: BTreeMap<OwnedEventId, Rc<Pdu>>,
    after: BTreeMap<OwnedEventId, State>,
}

impl Events for Graph {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.events.get(id).cloned()
    }
}

impl Graph {
    fn new(version: RoomVersion) -> Self {
        Self {
            id: String::new(),
            version,
            heads: BTreeSet::new(),
            timeline: vec![],
            events: BTreeMap::new(),
            after: BTreeMap::new(),
        }
    }

    pub fn current(&self) -> State {
        self.before(&self.heads)
    }

    fn before(&self, prev: &BTreeSet<OwnedEventId>) -> State {
        let states: Vec<State> = prev.iter().map(|it| self.after[it].clone()).collect();
        match states.as_slice() {
            [] => State::new(),
            [state] => state.clone(),
            states => resolve(self.version.rules(), states, self).unwrap(),
        }
    }

    /// Takes in an event, once.
    pub fn take(&mut self, pdu: Pdu) -> Result<(), String> {
        if self.events.contains_key(&pdu.id) {
            return Ok(());
        }
        let prev: BTreeSet<OwnedEventId> = pdu.prev_events().cloned().collect();
        if let Some(lost) = prev.iter().find(|it| !self.after.contains_key(*it)) {
            return Err(format!("{lost} is not known"));
        }
        let before = self.before(&prev);
        match judge(&pdu, self, &before, &self.current()) {
            Ok(Verdict::Accepted) => {}
            other => return Err(format!("{other:?}")),
        }
        self.heads.retain(|it| !prev.contains(it));
        self.heads.insert(pdu.id.clone());
        let mut after = before;
        if let Some(key) = pdu.state_key() {
            after.insert((pdu.event_type().to_string().into(), key.to_owned()), pdu.id.clone());
        }
        self.after.insert(pdu.id.clone(), after);
        let pdu = Rc::new(pdu);
        self.events.insert(pdu.id.clone(), Rc::clone(&pdu));
        self.timeline.push(pdu);
        Ok(())
    }

    /// Who is in it or not.
    pub fn membership(&self, user: &str) -> Option<String> {
        let id = self.current().get(&(StateEventType::RoomMember, user.to_owned())).cloned()?;
        let content: Value = serde_json::from_str(self.events[&id].content().get()).unwrap();
        Some(content["membership"].as_str().unwrap().to_owned())
    }

    /// What was said by users of a server, in the order it came.
    pub fn heard(&self, server: &str) -> Vec<String> {
        let said = self.timeline.iter().filter(|it| {
            it.event_type().to_string() == "m.room.message" && it.sender().server_name() == server
        });
        said.map(|it| {
            let content: Value = serde_json::from_str(it.content().get()).unwrap();
            content["body"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
    }
}

/// Something to be said, and where.
pub struct Saying<'a> {
    pub by: &'a str,
    pub kind: &'a str,
    pub state_key: Option<&'a str>,
    pub content: Value,
}

impl OtherServer {
    pub fn new(name: &str) -> Self {
        let mut seed = [7; 32];
        seed[..name.len().min(32)].copy_from_slice(&name.as_bytes()[..name.len().min(32)]);
        Self {
            name: name.to_owned(),
            mood: Mood::Well,
            lie: Lie::None,
            takes: 0,
            rooms: BTreeMap::new(),
            aliases: BTreeMap::new(),
            asked: vec![],
            got: vec![],
            complaints: vec![],
            key: SigningKey::new(&seed),
            transactions: BTreeMap::new(),
            sent: 0,
        }
    }

    fn signer(&self) -> Signer<'_> {
        Signer { server: &self.name, key: &self.key }
    }

    /// Makes a room by one of its users, with such a rule for joining.
    pub fn create(&mut self, version: RoomVersion, by: &str, join_rule: &str, now: i64) -> String {
        let mut graph = Graph::new(version);
        let own_id = format!("!room{}:{}", self.rooms.len(), self.name);
        let create = json!({ "room_version": version.as_str(), "creator": by });
        let levels = if version.names_rooms_by_hash() { json!({}) } else { json!({ by: 100 }) };
        let levels = json!({ "users": levels, "events": {}, "ban": 50, "kick": 50 });
        if !version.names_rooms_by_hash() {
            graph.id = own_id;
        }
        for (kind, key, content) in [
            ("m.room.create", "", create),
            ("m.room.member", by, json!({ "membership": "join", "displayname": "Bob" })),
            ("m.room.power_levels", "", levels),
            ("m.room.join_rules", "", json!({ "join_rule": join_rule })),
        ] {
            let saying = Saying { by, kind, state_key: Some(key), content };
            let pdu = self.compose(&graph, &saying, None, now).unwrap();
            graph.id = pdu.room.to_string();
            graph.take(pdu).unwrap();
        }
        let id = graph.id.clone();
        self.rooms.insert(id.clone(), graph);
        id
    }

    fn compose(
        &self,
        graph: &Graph,
        saying: &Saying<'_>,
        prev: Option<&[OwnedEventId]>,
        now: i64,
    ) -> Result<Pdu, String> {
        let prev = prev.map_or_else(|| graph.heads.clone(), |it| it.iter().cloned().collect());
        let depth = prev.iter().map(|it| graph.events[it].depth).max().unwrap_or(0);
        let sender = OwnedUserId::try_from(saying.by).unwrap();
        let draft = Draft {
            sender: &sender,
            kind: saying.kind,
            state_key: saying.state_key,
            content: &saying.content,
            redacts: None,
            at: now,
        };
        let place = Place {
            room: (!graph.id.is_empty()).then(|| <&RoomId>::try_from(graph.id.as_str()).unwrap()),
            version: graph.version,
            prev_events: &prev.iter().cloned().collect::<Vec<_>>(),
            depth,
            state: &graph.before(&prev),
        };
        compose(&draft, &place, graph, self.signer()).map_err(|why| why.to_string())
    }

    /// Makes an event that follows the room's latest, or others, and takes it in.
    pub fn make(&mut self, room: &str, saying: &Saying<'_>, prev: Option<&[OwnedEventId]>, now: i64) -> Pdu {
        let pdu = self.compose(&self.rooms[room], saying, prev, now).unwrap();
        self.rooms.get_mut(room).unwrap().take(pdu.clone()).unwrap();
        pdu
    }

    /// Makes whatever event, by the rules or not, and keeps it to itself.
    pub fn forge(&self, version: RoomVersion, event: &Value) -> String {
        let text = event.to_string();
        hash_and_sign(Json::parse(text.as_bytes()).unwrap().root(), version, &self.name, &self.key).unwrap()
    }

    /// The `Authorization` header of a request to a server.
    pub fn authorization(&self, to: &str, method: &str, uri: &str, body: Option<&str>) -> String {
        let origin = ServerName::parse(&self.name).unwrap();
        let destination = ServerName::parse(to).unwrap();
        let content = body.map(|it| Json::parse(it.as_bytes()).unwrap().root().canonical());
        let text = signed_bytes(method, uri, &origin, &destination, content.as_deref().map(str::as_bytes));
        let (key, signature) = (self.key.id().to_owned(), self.key.sign(&text));
        XMatrix { origin, destination: Some(destination), key, signature }.to_string()
    }

    /// A transaction of events.
    pub fn transaction(&mut self, pdus: &[String], now: i64) -> (String, String) {
        self.sent += 1;
        let uri = format!("/_matrix/federation/v1/send/{}", self.sent);
        let body =
            format!(r#"{{"origin":"{}","origin_server_ts":{now},"pdus":[{}]}}"#, self.name, pdus.join(","));
        (uri, body)
    }

    /// Answers a request. `keys` is what the other side publishes.
    pub fn answer(&mut self, call: &Call, keys: Option<&str>, now: i64) -> Answer {
        let rest = call.url.strip_prefix("https://").unwrap();
        let uri = &rest[rest.find('/').unwrap()..];
        self.got.push(format!("{:?} {:?} {uri}", call.authorization, call.body));
        self.asked.push(format!("{} {uri}", call.method));
        let response = |status, body: Value| Answer::Response {
            status,
            body: body.to_string(),
            retry_after: None,
            cache_control: None,
            location: None,
            ahead: None,
        };
        match self.mood {
            Mood::Well => {}
            Mood::Down => return Answer::Unreachable { why: "refused".to_owned() },
            Mood::Failing => return response(500, json!({ "errcode": "M_UNKNOWN", "error": "oh dear" })),
        }
        match self.route(call, uri, keys, now) {
            Ok(body) => response(200, body),
            Err((status, why)) => {
                if status != 404 {
                    self.complaints.push(format!("{} {uri}: {why}", call.method));
                }
                response(status, json!({ "errcode": "M_FORBIDDEN", "error": why }))
            }
        }
    }

    fn route(
        &mut self,
        call: &Call,
        uri: &str,
        keys: Option<&str>,
        now: i64,
    ) -> Result<Value, (u16, String)> {
        let nothing = || (404, "nothing there".to_owned());
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let rest = match parts.as_slice() {
            [".well-known", ..] => return Err(nothing()),
            ["_matrix", "key", "v2", "server"] => {
                let key = SigningKey::named(self.key.id(), self.key.seed()).unwrap();
                let document = publish(&self.name, &[key], &[], now + 86_400_000).unwrap();
                return Ok(serde_json::from_str(&document).unwrap());
            }
            ["_matrix", "federation", rest @ ..] => rest,
            _ => return Err(nothing()),
        };
        let forbidden = |why: &str| (403, why.to_owned());
        let ours = self.verified(call, uri, keys, now).map_err(|why| (401, why))?;
        match (call.method.as_str(), rest) {
            ("GET", ["v1", "query", "directory"]) => {
                let alias = decode(query.strip_prefix("room_alias=").unwrap());
                let room = self.aliases.get(&alias).ok_or_else(nothing)?;
                Ok(json!({ "room_id": room, "servers": ["rc.test", self.name] }))
            }
            ("GET", ["v1", "make_join", room, user]) => {
                let graph = self.rooms.get(*room).ok_or_else(nothing)?;
                let version = graph.version.as_str();
                if !query.split('&').any(|it| it == format!("ver={version}")) {
                    return Err((400, "M_INCOMPATIBLE_ROOM_VERSION".to_owned()));
                }
                let state = graph.current();
                let power = (StateEventType::RoomPowerLevels, String::new());
                let rules = (StateEventType::RoomJoinRules, String::new());
                let member = (StateEventType::RoomMember, (*user).to_owned());
                let create = (StateEventType::RoomCreate, String::new());
                let named = [power, rules, member].into_iter();
                let named = named.chain((!graph.version.names_rooms_by_hash()).then_some(create));
                let auth: Vec<_> = named.filter_map(|it| state.get(&it)).collect();
                let depth = graph.heads.iter().map(|it| graph.events[it].depth).max().unwrap();
                let claimed = if self.lie == Lie::OtherVersion { "9" } else { version };
                Ok(json!({ "room_version": claimed, "event": {
                    "type": "m.room.member", "room_id": room, "sender": user, "state_key": user,
                    "content": { "membership": "join" }, "origin": self.name, "origin_server_ts": now,
                    "auth_events": auth, "prev_events": graph.heads, "depth": depth + 1,
                }}))
            }
            ("PUT", ["v2", "send_join", room, event]) => {
                let graph = self.rooms.get_mut(*room).ok_or_else(nothing)?;
                let pdu = read(call.body.as_deref().unwrap().as_bytes(), graph.version, &ours)
                    .map_err(|why| forbidden(&format!("{why:?}")))?;
                if pdu.id.as_str() != *event || pdu.room.as_str() != *room {
                    return Err(forbidden("another event"));
                }
                let (id, text) = (pdu.id.clone(), pdu.text.clone());
                graph.take(pdu).map_err(|why| forbidden(&why))?;
                Ok(self.room_before(room, &id, &text))
            }
            ("PUT", ["v1", "send", transaction]) => {
                if let Some(known) = self.transactions.get(*transaction) {
                    return Ok(serde_json::from_str(known).unwrap());
                }
                let body: Value = serde_json::from_str(call.body.as_deref().unwrap()).unwrap();
                let mut results = Map::new();
                for pdu in body["pdus"].as_array().unwrap() {
                    let room = pdu["room_id"].as_str().unwrap();
                    let graph = self.rooms.get_mut(room).ok_or_else(nothing)?;
                    let pdu = read(pdu.to_string().as_bytes(), graph.version, &ours)
                        .map_err(|why| forbidden(&format!("{why:?}")))?;
                    let id = pdu.id.to_string();
                    let taken = graph.take(pdu);
                    if let Err(why) = &taken {
                        self.complaints.push(format!("{id}: {why}"));
                    }
                    results.insert(id, taken.map_or_else(|why| json!({ "error": why }), |()| json!({})));
                }
                let answer = json!({ "pdus": results });
                self.transactions.insert((*transaction).to_owned(), answer.to_string());
                Ok(answer)
            }
            other => panic!("another server does not know {other:?}"),
        }
    }

    /// The answer to a join: the room as it stood before, truly or not.
    fn room_before(&self, room: &str, join: &EventId, text: &str) -> Value {
        let graph = &self.rooms[room];
        let prev = graph.events[join].prev_events().cloned().collect();
        let mut state: BTreeSet<OwnedEventId> = graph.before(&prev).into_values().collect();
        let mut chain = BTreeSet::new();
        let mut open: Vec<OwnedEventId> = state.iter().cloned().collect();
        while let Some(id) = open.pop() {
            for auth in graph.events[&id].authorised_by() {
                if chain.insert(auth.clone()) {
                    open.push(auth);
                }
            }
        }
        let kind = |id: &OwnedEventId| graph.events[id].event_type().to_string();
        let is_invite = |id: &OwnedEventId| {
            kind(id) == "m.room.member" && graph.events[id].content().get().contains("invite")
        };
        match self.lie {
            Lie::NotInvited => state.retain(|it| !is_invite(it)),
            Lie::NoCreate => {
                state.retain(|it| kind(it) != "m.room.create");
                chain.retain(|it| kind(it) != "m.room.create");
            }
            _ => {}
        }
        let text_of = |id: &OwnedEventId| -> Value {
            let mut event: Value = serde_json::from_str(&graph.events[id].text).unwrap();
            if self.lie == Lie::ForgedPower && kind(id) == "m.room.power_levels" {
                event["content"]["users_default"] = json!(100);
            }
            event
        };
        let mut state: Vec<Value> = state.iter().map(text_of).collect();
        if self.lie == Lie::ForgedMember {
            let bob =
                graph.timeline.iter().find(|it| it.event_type().to_string() == "m.room.member").unwrap();
            let mut event: Value = serde_json::from_str(&bob.text).unwrap();
            event["sender"] = json!("@mallory:victim.test");
            event["state_key"] = json!("@mallory:victim.test");
            state.push(serde_json::from_str(&self.forge(graph.version, &event)).unwrap());
        }
        json!({
            "state": state,
            "auth_chain": chain.iter().map(text_of).collect::<Vec<_>>(),
            "event": serde_json::from_str::<Value>(text).unwrap(),
            "origin": self.name,
            "members_omitted": false,
        })
    }

    /// Whoever asks must have signed for us, with a key that is published.
    fn verified(&self, call: &Call, uri: &str, keys: Option<&str>, now: i64) -> Result<Published, String> {
        let header = call.authorization.as_deref().ok_or("not signed")?;
        let [it] = parse_all(&[header]).map_err(|why| why.to_string())?.try_into().map_err(|_| "many")?;
        let us = ServerName::parse(&self.name).unwrap();
        if it.destination.as_ref() != Some(&us) {
            return Err("for another server".to_owned());
        }
        let document = KeyDocument::read(keys.unwrap().as_bytes(), it.origin.as_str(), now)
            .map_err(|why| why.to_string())?;
        let own = KeyDocument::read(
            publish(
                &self.name,
                &[SigningKey::named(self.key.id(), self.key.seed()).unwrap()],
                &[],
                now + 86_400_000,
            )
            .unwrap()
            .as_bytes(),
            &self.name,
            now,
        )
        .unwrap();
        let content = call.body.as_deref().map(|it| Json::parse(it.as_bytes()).unwrap().root().canonical());
        let text = signed_bytes(&call.method, uri, &it.origin, &us, content.as_deref().map(str::as_bytes));
        match document.at(&it.key, now) {
            Known::Key(key) if key.verify(&text, &it.signature) => {}
            other => return Err(format!("signed with {other:?}")),
        }
        Ok(Published(BTreeMap::from([(it.origin.as_str().to_owned(), document), (self.name.clone(), own)])))
    }
}

struct Published(BTreeMap<String, KeyDocument>);

impl Keys for Published {
    fn key(&self, id: &KeyId, time: i64) -> Option<Known> {
        Some(self.0.get(id.server.as_str()).map_or(Known::Unknown, |it| it.at(&id.key, time)))
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
