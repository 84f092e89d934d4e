//! A world in a box for the core alone: a store, a Rocket.Chat, a homeserver or other servers, a clock, and instances
//! over them.
//!
//! Every read and every effect is a point where the scheduler may let somebody else go on, and every effect a point
//! where an instance may die. Nothing waits for real time: when all is quiet, the clock moves to the next timer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use matrix_federation::bridge::decide;
use matrix_federation::config::{Config, Mode};
use matrix_federation::driver::{Driver, Host};
use matrix_federation::effect::{Call, Document, Effect, FilePlace, Reply, Served, Tag, Window as Shown};
use matrix_federation::facts::{Avatar, Message, Reacted, Room, RoomKind, User, UserKind};
use matrix_federation::ids::Scope;
use matrix_federation::input::{Answer, Input, Request};
use matrix_federation::record::Record;
use matrix_federation::runtime::{Listener, Runtime, Transport};
use matrix_federation::secret::Secret;
use matrix_federation::view::{Key, Loaded, Missing, View};

use crate::homeserver::Homeserver;
use crate::other_server::OtherServer;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// All there is outside the core.
pub struct Outside {
    pub now: i64,
    pub store: Vec<Document>,
    pub users: BTreeMap<String, User>,
    pub messages: Vec<Message>,
    pub members: Vec<(String, String)>,
    pub notices: Vec<(String, String)>,
    /// Windows as they were shown, the latest last.
    pub windows: Vec<Shown>,
    pub log: Vec<String>,
    pub homeserver: Homeserver,
    /// Other Matrix servers, by their names.
    pub servers: BTreeMap<String, OtherServer>,
    pub config: Config,
    /// Requests reach the other side at once, and only their answers take their time: an instance that dies meanwhile
    /// does not hear what it has done.
    pub requests_arrive_at_once: bool,
    /// Another App prevents every message.
    pub refuse_messages: bool,
    /// The database takes nothing.
    pub store_fails: bool,
    /// The messages that the App has marked.
    pub marked: Vec<String>,
    /// Who was shown typing, word by word.
    pub typing: Vec<(String, Vec<String>)>,
    /// The versions of people's own pictures, by username.
    pub avatars: BTreeMap<String, String>,
    /// What messages show beside their text, by their ids: a name and the address of a picture.
    pub beside: BTreeMap<String, (Option<String>, Option<String>)>,
    /// What was asked of the workspace's REST API, and the pictures that were brought there.
    pub rest: Vec<(String, String)>,
    /// What the REST API answers instead, first come, first served: status and body.
    pub rest_instead: Vec<(u16, String)>,
    /// Bots may not name another name and picture.
    pub refuse_impersonation: bool,
    /// Rooms that Rocket.Chat encrypts.
    pub sealed_rooms: BTreeSet<String>,
    /// Threads are switched off.
    pub refuse_threads: bool,
    /// Bots may not call everyone.
    pub refuse_calls: bool,
    /// Nobody can be told anything.
    pub refuse_notices: bool,
    /// Rooms that are not there any more.
    pub lost_rooms: BTreeSet<String>,
    /// The last file of each person in each room, by the ids of both.
    pub files: BTreeMap<(String, String), String>,
    /// The files that were not read whole.
    pub streamed: Vec<String>,
    /// The files that the account for the REST API brought, in order: how they are called, and how large they are.
    pub kept: Vec<(String, i64)>,
    /// How large each file is that people posted, by its id.
    pub uploads: BTreeMap<String, i64>,
    pub runtime: Runtime,
    /// Direct messages: their ids and who is in them.
    pub directs: BTreeMap<String, Vec<String>>,
    /// What the App's own user told people.
    pub told: Vec<(String, String)>,
    /// Rooms by the short names that they are mentioned by.
    pub named_rooms: BTreeMap<String, Room>,
    /// How many edits the App made.
    pub edits: usize,
    /// No direct message can be opened.
    pub refuse_directs: bool,
    entropy: u8,
}

/// One instance of the App.
pub struct Instance {
    pub driver: Rc<Driver<Window>>,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    tasks: Vec<Task>,
    calls: Vec<Waiting>,
    timers: BTreeMap<Scope, i64>,
    replies: Vec<Result<Option<Served>, String>>,
    /// How many effects it may still perform before it dies.
    life: Option<usize>,
    dead: bool,
    effects: usize,
}

/// A call whose answer is under way.
struct Waiting {
    tag: Tag,
    asked: Asked,
    /// What was answered, if the request has arrived.
    answer: Option<Answer>,
    /// When the answer arrives, in milliseconds.
    due: i64,
}

/// What an instance may ask for without waiting.
enum Asked {
    Call(Call),
    Rest(String, String),
    Carry(FilePlace, FilePlace),
}

/// The end of a request to an instance, once it has come.
pub type Ticket = Rc<RefCell<Option<Reply>>>;

/// What an instance sees of the outside.
pub struct Window {
    outside: Rc<RefCell<Outside>>,
    inner: Rc<RefCell<Inner>>,
}

/// The world.
pub struct World {
    pub outside: Rc<RefCell<Outside>>,
    pub instances: Vec<Instance>,
    born: usize,
}

impl World {
    pub fn new() -> Self {
        Self::with(config())
    }

    /// A world whose workspace is a Matrix server itself.
    pub fn direct() -> Self {
        let secret = Some(Secret::new(SECRET.to_owned()));
        let server_name = "rc.test".to_owned();
        let Config { largest_file, message_size, .. } = config();
        let mode = Mode::Direct;
        Self::with(Config { mode, server_name, secret, largest_file, message_size, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let outside = Outside::new(config);
        let world = Self { outside: Rc::new(RefCell::new(outside)), instances: vec![], born: 0 };
        for name in ["alice", "carol"] {
            world.outside.borrow_mut().users.insert(name.to_owned(), person(name));
        }
        world
    }

    /// Brings an instance up after one that stopped over an entry.
    pub fn born_after_a_trap(&mut self, tag: &Tag) -> usize {
        let index = self.make(None);
        self.submit(index, Input::Trapped { tag: tag.clone() });
        self.submit(index, Input::Start);
        index
    }

    /// Brings an instance up; it dies after so many effects, if that is said.
    pub fn start(&mut self, life: Option<usize>) -> usize {
        let index = self.make(life);
        self.submit(index, Input::Start);
        index
    }

    fn make(&mut self, life: Option<usize>) -> usize {
        self.born += 1;
        let inner = Rc::new(RefCell::new(Inner { life, ..Inner::default() }));
        let window = Window { outside: Rc::clone(&self.outside), inner: Rc::clone(&inner) };
        let driver = Driver::new(window, format!("instance-{}", self.born));
        driver.configure(self.outside.borrow().config.clone());
        self.instances.push(Instance { driver, inner });
        self.instances.len() - 1
    }

    /// Gives an input to an instance, beside whatever it is doing.
    pub fn submit(&self, index: usize, input: Input) {
        let instance = &self.instances[index];
        let driver = Rc::clone(&instance.driver);
        instance.inner.borrow_mut().tasks.push(Box::pin(async move {
            let _ = driver.submit(input).await;
        }));
    }

    /// A local user says something: the message is there, and the hook of an instance is called.
    pub fn say(&self, index: Option<usize>, room: &str, name: &str, text: &str) -> Message {
        let message = self.outside.borrow_mut().say(room, name, text);
        if let Some(index) = index {
            self.submit(index, Input::MessageSent { message: message.clone() });
        }
        message
    }

    pub fn command(&self, index: usize, room: &str, name: &str, words: &str) {
        let user = self.outside.borrow().users[name].clone();
        let words = words.split(' ').map(str::to_owned).collect();
        self.submit(index, Input::Command { user, room: channel(room), words, place: None });
    }

    /// The homeserver sends a request.
    pub fn request(&self, index: usize, method: &str, uri: &str, token: Option<&str>, body: &str) {
        self.ask(index, method, uri, token.map(|it| format!("Bearer {it}")), body);
    }

    /// Somebody sends a request, with such an `Authorization` header.
    pub fn ask(
        &self,
        index: usize,
        method: &str,
        uri: &str,
        authorization: Option<String>,
        body: &str,
    ) -> Ticket {
        let body = self.instances[index].driver.put(body.as_bytes().to_vec());
        let authorization = authorization.into_iter().collect();
        let request = Request { method: method.to_owned(), uri: uri.to_owned(), authorization, body };
        self.input(index, Input::Request { request })
    }

    /// Gives an input to an instance that gives a reply to it.
    pub fn input(&self, index: usize, input: Input) -> Ticket {
        let instance = &self.instances[index];
        let (driver, inner) = (Rc::clone(&instance.driver), Rc::clone(&instance.inner));
        let ticket = Ticket::default();
        let kept = Rc::clone(&ticket);
        instance.inner.borrow_mut().tasks.push(Box::pin(async move {
            let reply = driver.submit(input).await;
            *kept.borrow_mut() = reply.clone().ok().flatten().and_then(own);
            inner.borrow_mut().replies.push(reply);
        }));
        ticket
    }

    /// Somebody is about to send a large body, with such an `Authorization` header.
    pub fn knock(&self, index: usize, uri: &str, authorization: &str) -> Ticket {
        let request = Request {
            method: "PUT".to_owned(),
            uri: uri.to_owned(),
            authorization: vec![authorization.to_owned()],
            body: 0,
        };
        let driver = Rc::clone(&self.instances[index].driver);
        let ticket = Ticket::default();
        let kept = Rc::clone(&ticket);
        self.instances[index].inner.borrow_mut().tasks.push(Box::pin(async move {
            *kept.borrow_mut() = driver.submit(Input::Knock { request }).await.unwrap().and_then(own);
        }));
        ticket
    }

    /// The homeserver sends these events, with the right token.
    pub fn transaction(&self, index: usize, events: &[serde_json::Value]) {
        let token = self.homeserver_token();
        let body = serde_json::json!({ "events": events }).to_string();
        self.request(index, "PUT", "/_matrix/app/v1/transactions/1", Some(&token), &body);
    }

    pub fn replies(&self, index: usize) -> Vec<Reply> {
        let inner = self.instances[index].inner.borrow();
        inner.replies.iter().filter_map(|it| own(it.clone().unwrap().unwrap())).collect()
    }

    /// The last answer to a request, whatever it is.
    pub fn served(&self, index: usize) -> Served {
        self.instances[index].inner.borrow().replies.last().unwrap().clone().unwrap().unwrap()
    }

    /// Something becomes of a person, and the hook of an instance is called.
    pub fn change(&self, index: Option<usize>, name: &str, change: impl Fn(&mut User)) {
        let user = {
            let mut outside = self.outside.borrow_mut();
            let mut user = outside.users.remove(name).unwrap();
            change(&mut user);
            outside.users.insert(user.username.clone(), user.clone());
            outside.rename(name, &user.username);
            user.id
        };
        if let Some(index) = index {
            self.submit(index, Input::PersonChanged { user });
        }
    }

    /// Lets ten minutes pass: all is looked over.
    pub fn look_over(&self, index: usize) {
        self.pass(600_000);
        self.submit(index, Input::Tick);
        self.settle();
    }

    pub fn homeserver_token(&self) -> String {
        let records = self.records();
        let tokens =
            records.iter().filter_map(|it| if let Record::Tokens(it) = it { Some(it) } else { None });
        tokens.min_by_key(|it| (it.at, it.pair())).unwrap().homeserver.expose().to_owned()
    }

    pub fn records(&self) -> Vec<Record> {
        self.outside.borrow().store.iter().filter_map(|it| Record::parse(&it.body)).collect()
    }

    /// What Matrix got of a room, in order.
    pub fn sent(&self) -> Vec<String> {
        self.outside.borrow().homeserver.sent.iter().map(|it| it.body.clone()).collect()
    }

    /// What Rocket.Chat shows of what came from Matrix, in order.
    pub fn shown(&self) -> Vec<String> {
        let outside = self.outside.borrow();
        outside.messages.iter().filter(|it| it.id.starts_with("mx-")).map(|it| it.text.clone()).collect()
    }

    pub fn effects(&self, index: usize) -> usize {
        self.instances[index].inner.borrow().effects
    }

    pub fn is_dead(&self, index: usize) -> bool {
        self.instances[index].inner.borrow().dead
    }

    /// It dies after so many more effects.
    pub fn condemn(&self, index: usize, life: usize) {
        self.instances[index].inner.borrow_mut().life = Some(life);
    }

    /// It is to die after so many more effects.
    pub fn doom(&self, index: usize, life: usize) {
        self.instances[index].inner.borrow_mut().life = Some(life);
    }

    /// Takes back that it is to die.
    pub fn spare(&self, index: usize) {
        self.instances[index].inner.borrow_mut().life = None;
    }

    pub fn kill(&self, index: usize) {
        self.instances[index].inner.borrow_mut().die();
    }

    pub fn pass(&self, milliseconds: i64) {
        self.outside.borrow_mut().now += milliseconds;
    }

    /// Lets everything run until nothing is left to do; the clock moves as it must.
    pub fn settle(&self) {
        for _ in 0..50_000 {
            if !self.one_round() {
                let next = self.instances.iter().filter_map(|it| it.inner.borrow().next_timer()).min();
                let Some(at) = next else { return };
                let mut outside = self.outside.borrow_mut();
                outside.now = outside.now.max(at);
            }
        }
        let outside = self.outside.borrow();
        let asked: Vec<_> = outside.servers.values().flat_map(|it| it.asked.iter().rev().take(5)).collect();
        panic!("the world found no rest: {:?} {asked:?}", outside.log);
    }

    /// Lets everything run for so many milliseconds.
    pub fn for_a_while(&self, milliseconds: i64) {
        let end = self.outside.borrow().now + milliseconds;
        loop {
            if self.one_round() {
                continue;
            }
            let next = self.instances.iter().filter_map(|it| it.inner.borrow().next_timer()).min();
            let mut outside = self.outside.borrow_mut();
            outside.now = outside.now.max(next.filter(|it| *it <= end).unwrap_or(end));
            if outside.now >= end {
                return;
            }
        }
    }

    /// Lets everything run until something is true; the clock moves as it must.
    pub fn until(&self, is_true: impl Fn(&Self) -> bool) {
        for _ in 0..200_000 {
            if is_true(self) {
                return;
            }
            if !self.one_round() {
                let next = self.instances.iter().filter_map(|it| it.inner.borrow().next_timer()).min();
                let mut outside = self.outside.borrow_mut();
                outside.now = outside.now.max(next.expect("something still to happen"));
            }
        }
        panic!("it never became true: {:?}", self.outside.borrow().log);
    }

    /// Lets so much time go by, with all that happens meanwhile.
    pub fn live(&self, milliseconds: i64) {
        let until = self.outside.borrow().now + milliseconds;
        while self.outside.borrow().now < until {
            if !self.one_round() {
                let next = self.instances.iter().filter_map(|it| it.inner.borrow().next_timer()).min();
                let mut outside = self.outside.borrow_mut();
                outside.now = outside.now.max(next.unwrap_or(until).min(until));
            }
        }
    }

    /// Everybody takes a turn; false if nobody had anything to do now.
    fn one_round(&self) -> bool {
        let mut busy = false;
        for index in 0..self.instances.len() {
            busy |= self.run_task(index, 0) || self.answer_call(index, 0) || self.fire_timer(index);
        }
        busy
    }

    /// One random thing happens.
    pub fn random_turn(&self, dice: &mut impl FnMut(usize) -> usize) -> bool {
        let index = dice(self.instances.len());
        match dice(4) {
            0 | 1 => self.run_task(index, dice(16)),
            2 => self.answer_call(index, dice(16)),
            _ => self.fire_timer(index),
        }
    }

    fn run_task(&self, index: usize, which: usize) -> bool {
        let inner = &self.instances[index].inner;
        let mut task = {
            let mut inner = inner.borrow_mut();
            if inner.tasks.is_empty() {
                return false;
            }
            let which = which % inner.tasks.len();
            inner.tasks.remove(which)
        };
        let done = task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        let mut inner = inner.borrow_mut();
        if !done && !inner.dead {
            inner.tasks.push(task);
        }
        if inner.dead {
            inner.die();
        }
        true
    }

    fn answer_call(&self, index: usize, which: usize) -> bool {
        let now = self.outside.borrow().now;
        let Waiting { tag, asked, answer, .. } = {
            let mut inner = self.instances[index].inner.borrow_mut();
            let due: Vec<usize> = (0..inner.calls.len()).filter(|it| inner.calls[*it].due <= now).collect();
            if due.is_empty() {
                return false;
            }
            inner.calls.remove(due[which % due.len()])
        };
        let answer = answer.unwrap_or_else(|| self.outside.borrow_mut().reach(&asked));
        self.submit(index, Input::Outcome { tag, answer });
        true
    }

    fn fire_timer(&self, index: usize) -> bool {
        let now = self.outside.borrow().now;
        let due = {
            let mut inner = self.instances[index].inner.borrow_mut();
            let due = inner.timers.iter().find(|(_, at)| **at <= now).map(|(scope, _)| scope.clone());
            due.inspect(|scope| {
                inner.timers.remove(scope);
            })
        };
        due.map(|scope| self.submit(index, Input::Wake { scope })).is_some()
    }
}

impl Inner {
    fn next_timer(&self) -> Option<i64> {
        self.timers.values().copied().chain(self.calls.iter().map(|it| it.due)).min()
    }

    fn die(&mut self) {
        self.dead = true;
        self.tasks.clear();
        self.calls.clear();
        self.timers.clear();
    }
}

impl Outside {
    fn new(config: Config) -> Self {
        Self {
            now: 1_700_000_000_000,
            store: vec![],
            users: BTreeMap::new(),
            messages: vec![],
            members: vec![],
            notices: vec![],
            log: vec![],
            homeserver: Homeserver::default(),
            servers: BTreeMap::new(),
            config,
            requests_arrive_at_once: false,
            refuse_messages: false,
            store_fails: false,
            windows: vec![],
            lost_rooms: BTreeSet::new(),
            files: BTreeMap::new(),
            streamed: vec![],
            kept: vec![],
            uploads: BTreeMap::new(),
            directs: BTreeMap::new(),
            refuse_directs: false,
            told: Vec::default(),
            marked: vec![],
            typing: vec![],
            avatars: BTreeMap::new(),
            beside: BTreeMap::new(),
            rest: vec![],
            rest_instead: vec![],
            refuse_impersonation: false,
            refuse_notices: false,
            refuse_threads: false,
            sealed_rooms: BTreeSet::new(),
            refuse_calls: false,
            runtime: runtime(),
            edits: 0,
            named_rooms: BTreeMap::new(),
            entropy: 0,
        }
    }

    pub fn say(&mut self, room: &str, name: &str, text: &str) -> Message {
        self.now += 1;
        let message = Message {
            // Of the time, for messages may be deleted.
            id: format!("{room}message{}", self.now),
            room: room.to_owned(),
            sender: self.users[name].clone(),
            text: text.to_owned(),
            md: None,
            at: self.now,
            edited_at: None,
            system: None,
            files: vec![],
            direct: self.directs.contains_key(room),
            thread: None,
            quotes: vec![],
            reactions: vec![],
            attachments: None,
            blocks: None,
        };
        self.messages.push(message.clone());
        message
    }

    /// The answer to a question of the App. One to the homeserver is no part of any flow.
    fn fetch(&mut self, call: &Call) -> Answer {
        if call.url.starts_with("https://hs.test/") || !call.url.starts_with("https://") {
            self.homeserver.tell(call)
        } else {
            self.answer(call)
        }
    }

    /// What comes of something that was asked for.
    fn reach(&mut self, asked: &Asked) -> Answer {
        let (status, body) = match asked {
            Asked::Call(call) => return self.answer(call),
            Asked::Carry(FilePlace::User { username }, FilePlace::Server { request }) => {
                let Some(version) = self.avatars.get(username) else {
                    return response(404, r#"{"errcode":"M_NOT_FOUND","error":"no picture"}"#.to_owned());
                };
                return self.homeserver.take_picture(request, version);
            }
            Asked::Carry(FilePlace::Server { request }, _) if request.url.contains("/gone.test/") => {
                return Answer::Unreachable { why: "it answered 504".to_owned() };
            }
            Asked::Carry(FilePlace::Server { request }, FilePlace::User { username }) => {
                self.rest.push((format!("picture of {username}"), request.url.clone()));
                (200, r#"{"success":true}"#.to_owned())
            }
            Asked::Carry(FilePlace::Upload { id, streamed, .. }, FilePlace::Server { request }) => {
                self.streamed.extend(streamed.clone());
                let size = self.uploads.get(id).copied();
                return match size {
                    Some(size) => self.homeserver.take_file(request, id, size),
                    None => response(404, r#"{"errcode":"M_NOT_FOUND","error":"it is gone"}"#.to_owned()),
                };
            }
            Asked::Carry(FilePlace::Server { request }, FilePlace::Room { room, sender, name, most }) => {
                let size = match self.homeserver.give_file(request) {
                    Ok(size) if size > i64::from(*most) => {
                        return response(413, r#"{"errcode":"M_TOO_LARGE","error":"too large"}"#.to_owned());
                    }
                    Ok(size) => size,
                    Err(answer) => return answer,
                };
                let member = self.members.contains(&(room.clone(), sender.clone()));
                if !member || name.contains("BLOCKED") || self.sealed_rooms.contains(room) {
                    return response(422, r#"{"error":"error-invalid-file-type"}"#.to_owned());
                }
                let id = self.posted(room, sender, name, size);
                return response(200, format!(r#"{{"message":"{id}"}}"#));
            }
            Asked::Carry(FilePlace::Server { request }, FilePlace::Media { name, most, .. }) => {
                match self.homeserver.give_file(request) {
                    Ok(size) if size > i64::from(*most) => (413, r#"{"error":"too large"}"#.to_owned()),
                    Ok(_) if name.contains("BLOCKED") => (422, r#"{"error":"not in the room"}"#.to_owned()),
                    Ok(size) => {
                        self.kept.push((name.clone(), size));
                        (200, format!(r#"{{"file":{{"_id":"kept{}"}},"success":true}}"#, self.kept.len() - 1))
                    }
                    Err(answer) => return answer,
                }
            }
            Asked::Carry(..) => panic!("no such way"),
            Asked::Rest(path, body) => {
                self.rest.push((path.clone(), body.clone()));
                let is_refused = self.rest_instead.first().is_some_and(|it| it.0 == 400);
                let body = match path.strip_prefix("rooms.mediaConfirm/").filter(|_| !is_refused) {
                    Some(what) => self.confirm(what, body),
                    None => r#"{"success":true}"#.to_owned(),
                };
                (200, body)
            }
        };
        let (status, body) =
            if self.rest_instead.is_empty() { (status, body) } else { self.rest_instead.remove(0) };
        if let (Asked::Rest(path, asked), true) = (asked, body.contains("\"success\":true"))
            && path == "users.update"
        {
            let asked: serde_json::Value = serde_json::from_str(asked).unwrap();
            let user = self.users.values_mut().find(|it| asked["userId"] == it.id.as_str()).unwrap();
            user.name = asked["data"]["name"].as_str().unwrap().to_owned();
        }
        response(status, body)
    }

    /// The answer to a request of the App.
    fn answer(&mut self, call: &Call) -> Answer {
        let Some(rest) = call.url.strip_prefix("https://") else {
            return self.homeserver.answer(call, self.now);
        };
        let name = rest.split(['/', ':']).next().unwrap();
        // Whoever fetches our keys may get them from any instance.
        let keys = call.authorization.is_some().then(|| self.our_keys());
        match self.servers.get_mut(name) {
            Some(server) => server.answer(call, keys.as_deref(), self.now),
            None => Answer::Unreachable { why: format!("there is no {name}") },
        }
    }

    /// The document of our keys, as one more instance would answer.
    fn our_keys(&mut self) -> String {
        let (method, uri) = ("GET".to_owned(), "/_matrix/key/v2/server".to_owned());
        let request = Request { method, uri, authorization: vec![], body: 0 };
        let mut view = View {
            now: self.now,
            entropy: [0; 32],
            config: self.config.clone(),
            instance: "another".to_owned(),
            started: self.now,
            active: None,
            body: vec![],
            loaded: BTreeMap::new(),
        };
        let effects = loop {
            match decide(&Input::Request { request: request.clone() }, &view) {
                Ok(effects) => break effects,
                Err(Missing(keys)) => {
                    for key in keys {
                        let found = self.load(&key).read();
                        view.know(key, found);
                    }
                }
            }
        };
        effects
            .into_iter()
            .find_map(|it| if let Effect::Reply { reply } = it { Some(reply.body) } else { None })
            .unwrap()
    }

    fn load(&mut self, key: &Key) -> Loaded {
        match key {
            Key::Documents { association } => {
                let carries = |it: &&Document| it.id == *association || it.associations.contains(association);
                Loaded::Documents {
                    bodies: self.store.iter().filter(carries).map(|it| it.body.clone()).collect(),
                }
            }
            Key::UserByName { username } => Loaded::User { user: self.users.get(username).cloned() },
            Key::UserById { id } => {
                Loaded::User { user: self.users.values().find(|it| it.id == *id).cloned() }
            }
            Key::Avatar { username, .. } => Loaded::Avatar {
                avatar: self
                    .avatars
                    .get(username)
                    .map_or(Avatar::Initials, |version| Avatar::Picture { version: version.clone() }),
            },
            Key::Message { id } => Loaded::Message {
                message: self.messages.iter().find(|it| it.id == *id).cloned().map(Box::new),
            },
            Key::Recent { room, skip, limit } => {
                let in_room = self.messages.iter().filter(|it| it.room == *room && it.system.is_none());
                let mut messages: Vec<Message> = in_room.cloned().collect();
                messages.sort_by_key(|it| it.at);
                messages.truncate(messages.len().saturating_sub(*skip as usize));
                let page = messages.len().saturating_sub((*limit).min(100) as usize);
                Loaded::Messages { messages: messages.split_off(page) }
            }
            Key::Fetch { request } => Loaded::Answer { answer: self.fetch(request) },
            Key::Runtime => Loaded::Runtime { runtime: self.runtime.clone() },
            Key::Setting { .. } => Loaded::Setting { value: Some("104857600".to_owned()) },
            Key::Direct { members } => Loaded::Room { room: self.direct(members) },
            Key::Room { id } => Loaded::Room {
                room: (!self.lost_rooms.contains(id)).then(|| {
                    let named = self.named_rooms.values().find(|it| it.id == *id).cloned();
                    let room = named.unwrap_or_else(|| channel(id));
                    Room { encrypted: self.sealed_rooms.contains(id), ..room }
                }),
            },
            Key::RoomByName { name } => Loaded::Room {
                room: self.named_rooms.get(name).map(|it| Room { name: name.clone(), ..it.clone() }),
            },
            Key::PostedFile { room, user } => {
                Loaded::File { text: self.files.get(&(room.clone(), user.clone())).cloned() }
            }
            Key::Members { room } => Loaded::Users { users: self.members_of(room) },
        }
    }

    fn perform(&mut self, effect: Effect) -> Result<(), String> {
        // The driver's cap on passes: whatever comes over it is noted with its entry, or in the log.
        if let Effect::Insert { document: Document { body: text, .. } } | Effect::Log { text, .. } = &effect {
            assert!(!text.contains("found no end"), "{text}");
        }
        match effect {
            Effect::Insert { .. } | Effect::Remove { .. } if self.store_fails => {
                return Err("no space left on the database's disk".to_owned());
            }
            Effect::Insert { document } => self.store.push(document),
            Effect::Remove { id } => self.store.retain(|it| it.id != id),
            Effect::CreateUser { username, name } => {
                if self.users.contains_key(&username) {
                    return Err(format!("The username {username} is taken"));
                }
                let user = User { kind: UserKind::Bot, name, made_by_us: true, ..person(&username) };
                self.users.insert(username, user);
            }
            Effect::CreateMessage { id, room, sender, text, alias, avatar, thread } => {
                let sender = self.users.get(&sender).cloned().ok_or("Invalid sender")?;
                let member = self.members.contains(&(room.clone(), sender.username.clone()));
                if !member
                    || self.messages.iter().any(|it| it.id == id)
                    || text.contains("REFUSE")
                    || text.encode_utf16().count() > MESSAGE_SIZE
                    || self.refuse_messages
                    || self.sealed_rooms.contains(&room)
                    || (self.refuse_threads && thread.is_some())
                    || (self.refuse_calls && text.contains("@all"))
                    || (self.refuse_impersonation && (alias.is_some() || avatar.is_some()))
                {
                    return Err("The message was not created".to_owned());
                }
                self.now += 1;
                self.beside.insert(id.clone(), (alias, avatar));
                let (at, md, edited_at, system) = (self.now, None, None, None);
                self.messages.push(Message {
                    id,
                    room,
                    sender,
                    text,
                    md,
                    at,
                    edited_at,
                    system,
                    files: vec![],
                    direct: false,
                    thread,
                    quotes: vec![],
                    reactions: vec![],
                    attachments: None,
                    blocks: None,
                });
            }
            Effect::EditMessage { id, editor, text, .. } => {
                assert!(text.encode_utf16().count() <= MESSAGE_SIZE, "an edit is too long");
                let editor = self.users.get(&editor).cloned().ok_or("Invalid editor")?;
                self.edits += 1;
                self.edit(&id, &editor, &text);
            }
            Effect::DeleteMessage { id, by, .. } => {
                let by = self.users.get(&by).cloned().ok_or("Invalid user")?;
                self.delete(&id, &by);
            }
            Effect::AddMember { room, username } => {
                if !self.users.contains_key(&username) {
                    return Err("Invalid user".to_owned());
                }
                if !self.members.contains(&(room.clone(), username.clone())) {
                    self.members.push((room, username));
                }
            }
            Effect::RemoveMember { room, username } => {
                self.members.retain(|it| *it != (room.clone(), username.clone()));
            }
            Effect::Notify { .. } if self.refuse_notices => return Err("There is no such user".to_owned()),
            Effect::Notify { user, text, .. } => self.notices.push((user, text)),
            Effect::Log { text, .. } => self.log.push(text),
            Effect::Show { window, .. } => self.windows.push(window),
            Effect::React { message, by, emoji, on } => {
                let is_ghost = by.contains(':');
                let member = |room: &String| !is_ghost || self.members.contains(&(room.clone(), by.clone()));
                let message = self.messages.iter_mut().find(|it| it.id == message);
                let message = message.filter(|it| member(&it.room)).ok_or("Not allowed")?;
                if emoji == ":blobcat:" {
                    return Err("Invalid emoji provided.".to_owned());
                }
                // As the server has it: what is taken away without being there is added.
                let is_there = message.has_reaction(&emoji, &by);
                assert!(on || is_there, "{by} never reacted with {emoji}");
                set_reaction(message, &emoji, &by, on);
            }
            Effect::Mark { message, on, .. } => {
                self.marked.retain(|it| *it != message);
                self.marked.extend(on.then_some(message));
            }
            Effect::Typing { room, who } => self.typing.push((room, who)),
            Effect::OpenDirect { creator, members } => {
                assert!(members.contains(&creator));
                if self.refuse_directs {
                    return Err("error-not-allowed".to_owned());
                }
                self.open_direct(&members)?;
            }
            Effect::TellRoom { id, room, text } => self.tell(id, room, text),
            Effect::TellUser { id, username, text } => {
                self.told.push((username.clone(), text.clone()));
                self.tell(id, format!("app:{username}"), text);
            }
            other => return Err(format!("not for the host: {other:?}")),
        }
        Ok(())
    }
}

impl Host for Window {
    async fn load(&self, keys: Vec<Key>) -> Result<Vec<Loaded>, String> {
        pause().await;
        let loaded = keys.iter().map(|key| self.outside.borrow_mut().load(key)).collect();
        // What was read may be old when it arrives.
        pause().await;
        Ok(loaded)
    }

    async fn perform(&self, effect: Effect) -> Result<(), String> {
        pause().await;
        if self.inner.borrow().life == Some(0) {
            self.inner.borrow_mut().dead = true;
            return std::future::pending().await;
        }
        {
            let mut inner = self.inner.borrow_mut();
            inner.effects += 1;
            inner.life = inner.life.map(|it| it - 1);
        }
        match effect {
            Effect::Call { tag, request } => self.ask(tag, Asked::Call(request)),
            Effect::Rest { tag, path, body } => self.ask(tag, Asked::Rest(path, body)),
            Effect::Carry { tag, from, to } => self.ask(tag, Asked::Carry(from, to)),
            Effect::Wake { scope, at } => {
                let mut inner = self.inner.borrow_mut();
                let at = inner.timers.get(&scope).map_or(at, |it| at.min(*it));
                inner.timers.insert(scope, at);
            }
            other => self.outside.borrow_mut().perform(other)?,
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        let mut outside = self.outside.borrow_mut();
        outside.now += 1;
        outside.now
    }

    fn entropy(&self) -> [u8; 32] {
        let mut outside = self.outside.borrow_mut();
        outside.entropy = outside.entropy.wrapping_add(1);
        [outside.entropy; 32]
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        self.inner.borrow_mut().tasks.push(task);
    }
}

impl Window {
    /// Asks for something whose answer comes later.
    fn ask(&self, tag: Tag, asked: Asked) {
        let mut outside = self.outside.borrow_mut();
        let answer = outside.requests_arrive_at_once.then(|| outside.reach(&asked));
        let due = outside.now + outside.servers.values().map(|it| it.takes).max().unwrap_or(0);
        self.inner.borrow_mut().calls.push(Waiting { tag, asked, answer, due });
    }
}

/// Gives a message a reaction, or takes it away.
pub fn set_reaction(message: &mut Message, emoji: &str, by: &str, on: bool) {
    let mut users: BTreeMap<String, Vec<String>> =
        message.reactions.drain(..).map(|it| (it.emoji, it.users)).collect();
    let of_emoji = users.entry(emoji.to_owned()).or_default();
    of_emoji.retain(|it| it != by);
    of_emoji.extend(on.then(|| by.to_owned()));
    users.retain(|_, it| !it.is_empty());
    message.reactions = users.into_iter().map(|(emoji, users)| Reacted { emoji, users }).collect();
}

fn response(status: u16, body: String) -> Answer {
    Answer::Response { status, body, retry_after: None, cache_control: None, location: None, ahead: None }
}

/// An answer of the App's own.
fn own(served: Served) -> Option<Reply> {
    if let Served::Reply(reply) = served { Some(reply) } else { None }
}

/// Lets somebody else go on.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// So many UTF-16 units may a message of Rocket.Chat have.
pub const MESSAGE_SIZE: usize = 5_000;

/// What the App's environment holds.
pub const SECRET: &str = "a long secret that nobody is ever to see";

pub fn config() -> Config {
    Config {
        homeserver_url: "http://hs.test".to_owned(),
        server_name: "hs.test".to_owned(),
        user_prefix: "rc_".to_owned(),
        bot_localpart: "rocketchat".to_owned(),
        appservice_url: "http://app.test:3300".to_owned(),
        typing: true,
        direct_message_users: 8,
        pictures: "https://pictures.rc.test".to_owned(),
        endpoints: "https://rc.test/api/apps/public/app".to_owned(),
        message_size: MESSAGE_SIZE,
        largest_file: 8 * 1_048_576,
        ..Config::default()
    }
}

fn runtime() -> Runtime {
    Runtime {
        name: "Node.js 24.1.0".to_owned(),
        open: true,
        transport: Transport::Own,
        listener: Listener::Listening { host: "0.0.0.0".to_owned(), port: 3300 },
        variable: "RC_APPS_X_SECRET".to_owned(),
    }
}

pub fn person(username: &str) -> User {
    User {
        id: format!("id-{username}"),
        username: username.to_owned(),
        name: username.to_uppercase(),
        kind: UserKind::User,
        roles: vec!["user".to_owned()],
        active: true,
        made_by_us: false,
    }
}

pub fn channel(id: &str) -> Room {
    Room { id: id.to_owned(), name: format!("channel {id}"), kind: RoomKind::Channel, encrypted: false }
}
