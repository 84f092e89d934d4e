//! A workspace in a box that is a Matrix server itself: a store, a Rocket.Chat, a network, and one instance.
//!
//! Nothing waits: what is loaded is there, what is asked of other servers is answered at once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use matrix_federation::config::{Config, Mode};
use matrix_federation::driver::{Driver, Host};
use matrix_federation::effect::{Call, Document, Effect, Reply, Served, Tag};
use matrix_federation::facts::{Avatar, Message, Room, RoomKind, User, UserKind};
use matrix_federation::input::{Answer, Input, Request};
use matrix_federation::matrix::json::Json;
use matrix_federation::matrix::key::SigningKey;
use matrix_federation::matrix::key_document::publish;
use matrix_federation::matrix::name::ServerName;
use matrix_federation::matrix::pdu::Pdu;
use matrix_federation::matrix::signature::hash_and_sign;
use matrix_federation::matrix::version::RoomVersion;
use matrix_federation::matrix::x_matrix::{XMatrix, signed_bytes};
use matrix_federation::record::{Head, Joined, Portal, Record, RoomEvent, Snapshot, Standing};
use matrix_federation::secret::Secret;
use matrix_federation::view::{Key, Loaded};
use ruma_state_res::Event as _;
use serde_json::{Value, json};

pub const US: &str = "us.test";
pub const THEM: &str = "them.test";
pub const ROOM: &str = "!r:them.test";
pub const LOCAL: &str = "GENERAL";

type Task = Pin<Box<dyn Future<Output = ()>>>;

pub struct World {
    pub driver: Rc<Driver<Window>>,
    pub outside: Rc<Outside>,
}

pub struct Outside {
    pub store: RefCell<Vec<Document>>,
    pub messages: RefCell<Vec<String>>,
    pub members: RefCell<Vec<String>>,
    pub log: RefCell<Vec<String>>,
    pub told: RefCell<Vec<String>>,
    pub calls: RefCell<Vec<(Tag, Call)>>,
    pub fetched: RefCell<Vec<String>>,
    /// What other servers answer; nothing means 404.
    pub network: RefCell<BTreeMap<String, Answer>>,
    now: Cell<i64>,
    tasks: RefCell<Vec<Task>>,
}

pub struct Window(Rc<Outside>);

impl World {
    pub fn new() -> Self {
        let outside = Rc::new(Outside {
            store: RefCell::default(),
            messages: RefCell::default(),
            members: RefCell::default(),
            log: RefCell::default(),
            told: RefCell::default(),
            calls: RefCell::default(),
            fetched: RefCell::default(),
            network: RefCell::default(),
            now: Cell::new(1_700_000_000_000),
            tasks: RefCell::default(),
        });
        let driver = Driver::new(Window(Rc::clone(&outside)), "instance".to_owned());
        let world = Self { driver, outside };
        world.configure("");
        world.knows(THEM);
        world.give(Input::Start).unwrap();
        world
    }

    pub fn configure(&self, dns_url: &str) {
        self.driver.configure(Config {
            mode: Mode::Direct,
            server_name: US.to_owned(),
            bot_localpart: "rocketchat".to_owned(),
            secret: Some(Secret::new("a secret of more than 24 characters".to_owned())),
            dns_url: dns_url.to_owned(),
            message_size: 5_000,
            ..Config::default()
        });
    }

    /// A server of this name is on the network, with its keys.
    pub fn knows(&self, server: &str) {
        let until = self.outside.now.get() + 86_400_000;
        let document = publish(server, &[key_of(server)], &[], until).unwrap();
        self.answers(&format!("https://{server}:8448/_matrix/key/v2/server"), 200, &document, None);
    }

    pub fn answers(&self, url: &str, status: u16, body: &str, location: Option<&str>) {
        let (body, location) = (body.to_owned(), location.map(str::to_owned));
        let answer =
            Answer::Response { status, body, retry_after: None, cache_control: None, location, ahead: None };
        self.outside.network.borrow_mut().insert(url.to_owned(), answer);
    }

    /// Gives an input and lets everything run that follows from it.
    pub fn give(&self, input: Input) -> Result<Option<Reply>, String> {
        let ready = |future: Pin<&mut dyn Future<Output = Result<Option<Served>, String>>>| match future
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(it) => it,
            Poll::Pending => panic!("something waits"),
        };
        let reply = ready(pin!(Rc::clone(&self.driver).submit(input)));
        loop {
            let Some(mut task) = self.outside.tasks.borrow_mut().pop() else {
                break reply.map(|it| if let Some(Served::Reply(it)) = it { Some(it) } else { None });
            };
            assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
    }

    /// A call that went out last is answered.
    pub fn outcome(&self, status: u16, body: &Value) {
        let (tag, _) = self.outside.calls.borrow_mut().pop().expect("a call");
        let (body, retry_after, cache_control, location) = (body.to_string(), None, None, None);
        let answer = Answer::Response { status, body, retry_after, cache_control, location, ahead: None };
        self.give(Input::Outcome { tag, answer }).unwrap();
    }

    pub fn request(
        &self,
        method: &str,
        uri: &str,
        authorization: Vec<String>,
        body: &str,
    ) -> Result<Reply, String> {
        let body = self.driver.put(body.as_bytes().to_vec());
        let request = Request { method: method.to_owned(), uri: uri.to_owned(), authorization, body };
        self.give(Input::Request { request }).map(|it| it.expect("a reply"))
    }

    /// A transaction that a server signed.
    pub fn transaction(&self, server: &str, pdus: &[Value]) -> Result<Reply, String> {
        let body = json!({ "origin": server, "origin_server_ts": 1, "pdus": pdus });
        self.signed(server, "/_matrix/federation/v1/send/1", &body)
    }

    /// A request that a server signed.
    pub fn signed(&self, server: &str, uri: &str, body: &Value) -> Result<Reply, String> {
        let body = body.to_string();
        let content = Json::parse(body.as_bytes()).unwrap().root().canonical();
        let name = |it: &str| ServerName::parse(it).unwrap();
        let text = signed_bytes("PUT", uri, &name(server), &name(US), Some(content.as_bytes()));
        let key = key_of(server);
        let header = XMatrix {
            origin: name(server),
            destination: Some(name(US)),
            key: key.id().to_owned(),
            signature: key.sign(&text),
        };
        self.request("PUT", uri, vec![header.to_string()], &body)
    }

    pub fn keep(&self, record: Record) {
        let Effect::Insert { document } = record.insert() else { unreachable!() };
        self.outside.store.borrow_mut().push(document);
    }

    pub fn records(&self) -> Vec<Record> {
        self.outside.store.borrow().iter().filter_map(|it| Record::parse(&it.body)).collect()
    }

    /// Those of other servers' requests that begin with this.
    pub fn fetched(&self, start: &str) -> usize {
        self.outside.fetched.borrow().iter().filter(|it| it.starts_with(start)).count()
    }

    /// We are in a room of theirs, with alice of ours, `@a` of theirs, and one member each of these servers.
    pub fn in_room(&self, servers: &[String]) -> Graph {
        let (founder, alice) = (format!("@a:{THEM}"), format!("@alice:{US}"));
        let create = made(
            "m.room.create",
            Some(""),
            &founder,
            json!({ "creator": founder, "room_version": "10" }),
            &[],
            &[],
        );
        let join = json!({ "membership": "join" });
        let own = made("m.room.member", Some(&founder), &founder, join.clone(), &[&create], &[&create]);
        let rule = made(
            "m.room.join_rules",
            Some(""),
            &founder,
            json!({ "join_rule": "public" }),
            &[&create, &own],
            &[&own],
        );
        let mut events = vec![create.clone(), own.clone(), rule.clone()];
        let others = servers.iter().map(|it| format!("@b:{it}"));
        for user in others.chain([alice]) {
            let last = events.last().unwrap().clone();
            let auth = [&create, &rule];
            events.push(made("m.room.member", Some(&user), &user, join.clone(), &auth, &[&last]));
        }
        let last = events.last().unwrap().clone();
        for pdu in &events {
            self.keep_event(pdu, (pdu.id == last.id).then(|| "s".to_owned()));
        }
        let state = |it: &Pdu| {
            (it.event_type().to_string(), it.state_key().unwrap_or_default().to_owned(), it.id.to_string())
        };
        self.keep(Record::Snapshot(Snapshot {
            id: "s".to_owned(),
            entries: events.iter().map(state).collect(),
        }));
        self.keep(Record::Head(Head {
            room: ROOM.to_owned(),
            event: last.id.to_string(),
            depth: last.depth,
            after: "s".to_owned(),
        }));
        self.keep(Record::Joined(Joined { room: ROOM.to_owned(), version: "10".to_owned() }));
        self.keep(Record::Portal(Portal {
            local: LOCAL.to_owned(),
            remote: ROOM.to_owned(),
            since: 0,
            dm: None,
        }));
        Graph { create, own, last }
    }

    pub fn keep_event(&self, pdu: &Pdu, after: Option<String>) {
        self.keep(Record::Event(Box::new(RoomEvent {
            id: pdu.id.to_string(),
            room: ROOM.to_owned(),
            text: pdu.text.clone(),
            is_state: pdu.state_key().is_some(),
            standing: Standing::Accepted,
            after,
        })));
    }
}

/// What events of the room build on.
pub struct Graph {
    pub create: Pdu,
    pub own: Pdu,
    pub last: Pdu,
}

impl Graph {
    /// `@a` says something.
    pub fn says(&self, text: &str) -> Value {
        let content = json!({ "msgtype": "m.text", "body": text });
        let founder = format!("@a:{THEM}");
        let pdu = made("m.room.message", None, &founder, content, &[&self.create, &self.own], &[&self.last]);
        serde_json::from_str(&pdu.text).unwrap()
    }
}

/// An event, signed by the server of its sender.
pub fn made(
    kind: &str,
    state_key: Option<&str>,
    sender: &str,
    content: Value,
    auth: &[&Pdu],
    prev: &[&Pdu],
) -> Pdu {
    let ids = |list: &[&Pdu]| list.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    let mut event = json!({
        "auth_events": ids(auth),
        "content": content,
        "depth": prev.iter().map(|it| it.depth).max().unwrap_or(0) + 1,
        "origin_server_ts": 1_700_000_000_000_i64,
        "prev_events": ids(prev),
        "room_id": ROOM,
        "sender": sender,
        "type": kind,
    });
    if let Some(key) = state_key {
        event["state_key"] = json!(key);
    }
    let server = sender.split_once(':').unwrap().1;
    let text = event.to_string();
    let root = Json::parse(text.as_bytes()).unwrap();
    let text = hash_and_sign(root.root(), RoomVersion::V10, server, &key_of(server)).unwrap();
    Pdu::read(text.as_bytes(), RoomVersion::V10).unwrap()
}

pub fn key_of(server: &str) -> SigningKey {
    let mut seed = [7; 32];
    for (at, byte) in server.bytes().take(32).enumerate() {
        seed[at] = byte;
    }
    SigningKey::new(&seed)
}

pub fn person(username: &str) -> User {
    User {
        id: format!("id-{username}"),
        username: username.to_owned(),
        name: String::new(),
        kind: UserKind::User,
        roles: vec!["admin".to_owned()],
        active: true,
        made_by_us: false,
    }
}

pub fn channel(id: &str) -> Room {
    Room { id: id.to_owned(), name: id.to_owned(), kind: RoomKind::Channel, encrypted: false }
}

pub fn message(text: &str) -> Message {
    Message {
        id: "message".to_owned(),
        room: LOCAL.to_owned(),
        sender: person("alice"),
        text: text.to_owned(),
        md: None,
        at: 1_700_000_000_000,
        edited_at: None,
        system: None,
        files: vec![],
        direct: false,
        thread: None,
        quotes: vec![],
        reactions: vec![],
        attachments: None,
        blocks: None,
    }
}

impl Host for Window {
    async fn load(&self, keys: Vec<Key>) -> Result<Vec<Loaded>, String> {
        let load = |key: &Key| match key {
            Key::Documents { association } => {
                let store = self.0.store.borrow();
                let carries = |it: &&Document| it.id == *association || it.associations.contains(association);
                Loaded::Documents { bodies: store.iter().filter(carries).map(|it| it.body.clone()).collect() }
            }
            Key::UserByName { username } => Loaded::User { user: Some(person(username)) },
            Key::Message { id } => {
                let known = self.0.messages.borrow().contains(id);
                Loaded::Message { message: known.then(|| Box::new(message(""))) }
            }
            Key::UserById { id } => Loaded::User { user: Some(person(id.trim_start_matches("id-"))) },
            Key::Avatar { .. } => Loaded::Avatar { avatar: Avatar::Unknown },
            Key::Recent { .. } => Loaded::Messages { messages: vec![] },
            Key::Direct { .. } => Loaded::Room { room: None },
            Key::Members { .. } => Loaded::Users { users: vec![] },
            Key::Room { .. } => Loaded::Room { room: None },
            Key::RoomByName { .. } => Loaded::Room { room: None },
            Key::PostedFile { .. } => Loaded::File { text: None },
            Key::Fetch { request } => {
                self.0.fetched.borrow_mut().push(request.url.clone());
                let known = self.0.network.borrow().get(&request.url).cloned();
                let none = Answer::Response {
                    status: 404,
                    body: String::new(),
                    retry_after: None,
                    cache_control: None,
                    location: None,
                    ahead: None,
                };
                Loaded::Answer { answer: known.unwrap_or(none) }
            }
            Key::Runtime | Key::Setting { .. } => panic!("nobody checks anything here"),
        };
        Ok(keys.iter().map(load).collect())
    }

    async fn perform(&self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Insert { document } => self.0.store.borrow_mut().push(document),
            Effect::Remove { id } => self.0.store.borrow_mut().retain(|it| it.id != id),
            Effect::Call { tag, request } => self.0.calls.borrow_mut().push((tag, request)),
            Effect::CreateMessage { id, .. } => self.0.messages.borrow_mut().push(id),
            Effect::AddMember { username, .. } => self.0.members.borrow_mut().push(username),
            Effect::Log { text, .. } => self.0.log.borrow_mut().push(text),
            Effect::Notify { text, .. } => self.0.told.borrow_mut().push(text),
            _ => {}
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        self.0.now.set(self.0.now.get() + 1);
        self.0.now.get()
    }

    fn entropy(&self) -> [u8; 32] {
        [3; 32]
    }

    fn spawn(&self, task: Task) {
        self.0.tasks.borrow_mut().push(task);
    }
}
