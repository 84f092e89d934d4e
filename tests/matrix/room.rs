//! A room of the tests: what people do in it, made by `compose`, or forged where `compose` would refuse.
//!
//! `alice` makes the room; she and `anna` are of `a.org`, everybody else is of a server named after their first letter.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use matrix_federation::matrix::compose::{Draft, Place, Signer, Uncomposed, compose};
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::{SigningKey, VerifyKey};
use matrix_federation::matrix::key_document::Known;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::receipt::{KeyId, Keys, Lacking, Unread, Verdict, judge, read};
use matrix_federation::matrix::resolve::{Events, State};
use matrix_federation::matrix::signature::{hash_and_sign, sign_event};
use matrix_federation::matrix::version::RoomVersion;
use ruma_common::{EventId, OwnedEventId, OwnedRoomId, UserId};
use ruma_state_res::Event as _;
use serde_json::{Value, json};

/// `@bob:b.org` of `bob`.
pub fn user(name: &str) -> String {
    if name.starts_with('@') { name.to_owned() } else { format!("@{name}:{}", server(name)) }
}

pub fn server(name: &str) -> String {
    format!("{}.org", &name[..1])
}

/// A server's key, `ed25519:1`.
pub fn key(server: &str) -> SigningKey {
    SigningKey::named("ed25519:1", &[server.as_bytes()[0]; 32]).unwrap()
}

/// The version of a number.
pub fn version(number: u8) -> RoomVersion {
    RoomVersion::parse(&number.to_string()).unwrap()
}

/// Knows the first key of every server.
pub struct Everybody;

impl Keys for Everybody {
    fn key(&self, id: &KeyId, _time: i64) -> Option<Known> {
        let key = key(id.server.as_str());
        let known = id.key == key.id();
        Some(if known { Known::Key(VerifyKey::parse(&key.public()).unwrap()) } else { Known::Unknown })
    }
}

/// Something that somebody does.
#[derive(Clone, Debug)]
pub struct Act {
    pub sender: String,
    pub kind: &'static str,
    pub key: Option<String>,
    pub content: Value,
}

pub fn act(sender: &str, kind: &'static str, key: Option<&str>, content: Value) -> Act {
    Act { sender: user(sender), kind, key: key.map(str::to_owned), content }
}

pub fn member(sender: &str, target: &str, membership: &str) -> Act {
    act(sender, "m.room.member", Some(&user(target)), json!({ "membership": membership }))
}

pub fn join(who: &str) -> Act {
    member(who, who, "join")
}

pub fn knock(who: &str) -> Act {
    member(who, who, "knock")
}

pub fn leave(who: &str) -> Act {
    member(who, who, "leave")
}

pub fn invite(who: &str, whom: &str) -> Act {
    member(who, whom, "invite")
}

pub fn kick(who: &str, whom: &str) -> Act {
    member(who, whom, "leave")
}

pub fn ban(who: &str, whom: &str) -> Act {
    member(who, whom, "ban")
}

/// A join that somebody else's server authorises.
pub fn restricted_join(who: &str, by: &str) -> Act {
    let mut act = join(who);
    act.content["join_authorised_via_users_server"] = json!(user(by));
    act
}

pub fn message(who: &str) -> Act {
    act(who, "m.room.message", None, json!({ "msgtype": "m.text", "body": "hello" }))
}

pub fn topic(who: &str) -> Act {
    act(who, "m.room.topic", Some(""), json!({ "topic": "tea" }))
}

pub fn rule(who: &str, rule: &str) -> Act {
    act(who, "m.room.join_rules", Some(""), json!({ "join_rule": rule }))
}

/// A change of the power levels in force, as a JSON merge patch: `null` removes.
pub fn levels(who: &str, patch: Value) -> Act {
    act(who, "levels", Some(""), patch)
}

/// The power levels, exactly.
pub fn exactly(who: &str, content: Value) -> Act {
    act(who, "m.room.power_levels", Some(""), content)
}

pub fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut into[name], value);
        }
    }
}

/// A room, and the events of it that are at hand.
#[derive(Clone)]
pub struct Room {
    pub version: RoomVersion,
    pub id: Option<OwnedRoomId>,
    pub pdus: BTreeMap<OwnedEventId, Rc<Pdu>>,
    pub state: State,
    pub latest: Vec<OwnedEventId>,
    pub depth: i64,
    pub at: i64,
    /// The events that were asked for.
    pub asked: RefCell<BTreeSet<OwnedEventId>>,
}

impl Events for Room {
    type Event = Rc<Pdu>;

    fn event(&self, id: &EventId) -> Option<Rc<Pdu>> {
        self.asked.borrow_mut().insert(id.to_owned());
        self.pdus.get(id).cloned()
    }
}

impl Room {
    /// Nothing yet.
    pub fn empty(version: RoomVersion) -> Self {
        let id = (!version.names_rooms_by_hash()).then(|| "!r:a.org".try_into().unwrap());
        Self {
            version,
            id,
            pdus: BTreeMap::new(),
            state: State::new(),
            latest: vec![],
            depth: 0,
            at: 1_700_000_000_000,
            asked: RefCell::default(),
        }
    }

    /// The create event that says `more` too, and its maker, who has joined.
    pub fn made(version: RoomVersion, more: &Value) -> Self {
        let mut room = Self::empty(version);
        let mut content = json!({ "room_version": version.as_str() });
        if !version.rules().authorization.use_room_create_sender {
            content["creator"] = json!(user("alice"));
        }
        merge(&mut content, more);
        room.say(&act("alice", "m.room.create", Some(""), content)).unwrap();
        room.say(&join("alice")).unwrap();
        room
    }

    /// A room in which `alice` has all power, and `mike`, who has joined, 50.
    pub fn new(version: RoomVersion) -> Self {
        let mut room = Self::made(version, &json!({}));
        room.furnish();
        room
    }

    /// Power levels and a moderator.
    pub fn furnish(&mut self) {
        self.say(&exactly("alice", self.first_levels())).unwrap();
        self.say(&rule("alice", "public")).unwrap();
        self.say(&join("mike")).unwrap();
        self.say(&rule("alice", "invite")).unwrap();
    }

    pub fn first_levels(&self) -> Value {
        let mut users = json!({ user("mike"): 50 });
        if !self.version.rules().authorization.explicitly_privilege_room_creators {
            users[user("alice")] = json!(100);
        }
        json!({ "users": users })
    }

    /// What somebody does with `compose`; it becomes part of the room.
    pub fn say(&mut self, act: &Act) -> Result<Rc<Pdu>, Uncomposed> {
        let pdu = self.compose(act)?;
        Ok(self.take(pdu))
    }

    pub fn compose(&self, act: &Act) -> Result<Pdu, Uncomposed> {
        let act = self.resolved(act);
        let sender: &UserId = act.sender.as_str().try_into().unwrap();
        let draft = Draft {
            sender,
            kind: act.kind,
            state_key: act.key.as_deref(),
            content: &act.content,
            redacts: None,
            at: self.at,
        };
        let place = Place {
            room: self.id.as_deref(),
            version: self.version,
            prev_events: &self.latest,
            depth: self.depth,
            state: &self.state,
        };
        let server = sender.server_name().as_str();
        compose(&draft, &place, self, Signer { server, key: &key(server) })
    }

    /// The same with nobody's leave: an event with the authority that the specification wants, not yet signed.
    pub fn forge(&self, act: &Act) -> Value {
        let act = self.resolved(act);
        let mut wanted = vec![("m.room.power_levels", String::new()), ("m.room.member", act.sender.clone())];
        if !self.version.names_rooms_by_hash() {
            wanted.push(("m.room.create", String::new()));
        }
        let content = |name: &str| act.content[name].as_str();
        if act.kind == "m.room.member" {
            let membership = content("membership").unwrap_or_default();
            wanted.push(("m.room.member", act.key.clone().unwrap_or_default()));
            if ["join", "invite", "knock"].contains(&membership) {
                wanted.push(("m.room.join_rules", String::new()));
            }
            if let Some(token) = act.content["third_party_invite"]["signed"]["token"].as_str() {
                wanted.push(("m.room.third_party_invite", token.to_owned()));
            }
            let restricted = self.version.rules().authorization.restricted_join_rule;
            if let Some(by) = content("join_authorised_via_users_server").filter(|_| restricted) {
                wanted.push(("m.room.member", by.to_owned()));
            }
        }
        let wanted: BTreeSet<_> = wanted.into_iter().map(|(kind, key)| (kind.into(), key)).collect();
        let wanted = if act.kind == "m.room.create" { BTreeSet::new() } else { wanted };
        let auth: Vec<_> = wanted.iter().filter_map(|it| self.state.get(it)).collect();
        let mut event = json!({
            "auth_events": auth, "content": act.content, "depth": self.depth + 1, "origin_server_ts": self.at,
            "prev_events": self.latest, "sender": act.sender, "type": act.kind,
        });
        if let Some(room) = &self.id {
            event["room_id"] = json!(room);
        }
        if let Some(key) = &act.key {
            event["state_key"] = json!(key);
        }
        event
    }

    /// Signs an event with the first keys of these servers.
    pub fn sign(&self, event: &Value, servers: &[&str]) -> String {
        let text = event.to_string();
        let json = Json::parse(text.as_bytes()).unwrap();
        let (first, others) = servers.split_first().unwrap();
        let mut text = hash_and_sign(json.root(), self.version, first, &key(first)).unwrap();
        for server in others {
            let more =
                sign_event(Json::parse(text.as_bytes()).unwrap().root(), self.version, server, &key(server));
            text = more;
        }
        text
    }

    /// A forged event, signed by all who should, as it is read.
    pub fn forged(&self, act: &Act) -> Result<Pdu, Unread> {
        let event = self.forge(act);
        let by = event["content"]["join_authorised_via_users_server"].as_str();
        let mut servers: Vec<&str> = [event["sender"].as_str(), by]
            .into_iter()
            .filter_map(|it| Some(it?.split_once(':')?.1))
            .collect();
        servers.dedup();
        read(self.sign(&event, &servers).as_bytes(), self.version, &Everybody)
    }

    /// Against the state as it is.
    pub fn judge(&self, pdu: &Pdu) -> Result<Verdict, Lacking> {
        judge(pdu, self, &self.state, &self.state)
    }

    /// An event becomes part of the room, whatever may be thought of it.
    pub fn take(&mut self, pdu: Pdu) -> Rc<Pdu> {
        let pdu = Rc::new(pdu);
        self.id.get_or_insert_with(|| pdu.room.clone());
        if let Some(key) = pdu.state_key() {
            self.state.insert((pdu.event_type().to_string().into(), key.to_owned()), pdu.id.clone());
        }
        self.latest = vec![pdu.id.clone()];
        self.depth = pdu.depth;
        self.at += 1_000;
        self.pdus.insert(pdu.id.clone(), Rc::clone(&pdu));
        pdu
    }

    pub fn state_event(&self, kind: &str, key: &str) -> Option<&Rc<Pdu>> {
        self.pdus.get(self.state.get(&(kind.into(), key.to_owned()))?)
    }

    /// `levels` is what becomes of the power levels in force.
    fn resolved(&self, act: &Act) -> Act {
        let mut act = act.clone();
        if act.kind == "levels" {
            act.kind = "m.room.power_levels";
            let current = self.state_event(act.kind, "");
            let mut content =
                current.map_or(json!({}), |it| serde_json::from_str(it.content().get()).unwrap());
            merge(&mut content, &act.content);
            act.content = content;
        }
        act
    }
}

impl Room {
    /// What the room says to something that somebody does: nothing where it is accepted, else why not.
    pub fn verdict(&self, act: &Act) -> String {
        let verdict = match self.forged(act) {
            Ok(pdu) => self.judge(&pdu),
            Err(Unread::Dropped(why)) => return format!("dropped: {why}"),
            Err(Unread::Lacking(keys)) => return format!("lacking: {keys:?}"),
        };
        match verdict {
            Ok(Verdict::Accepted) => String::new(),
            Ok(Verdict::Rejected(why)) => why,
            other => format!("{other:?}"),
        }
    }

    /// Something that the room allows, also where other servers must sign it.
    pub fn happens(&mut self, act: &Act) -> Rc<Pdu> {
        assert_eq!(self.verdict(act), "", "{act:?} in version {}", self.version);
        let pdu = self.forged(act).unwrap();
        self.take(pdu)
    }
}
