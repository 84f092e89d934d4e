//! The driver: runs `decide` over a host. The only asynchronous code of the core.
//!
//! One queue a scope: an instance never runs two inputs of a scope at once. What a decision lacks is loaded and
//! the decision made again; then its effects are performed in order. Memory is a cache: a fresh driver goes on from
//! the documents alone.

mod cache;
mod gate;
mod patience;
mod scopes;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use cache::Cache;
use gate::Gate;
use patience::Patience;
use scopes::Scopes;

use crate::bridge::decide;
use crate::config::Config;
use crate::effect::{Call, Effect, FileElsewhere, Level, Picture, Served, Tag};
use crate::ids::Scope;
use crate::input::{Answer, Input};
use crate::policy::admits_address;
use crate::view::{Key, Loaded, Missing, View};

/// No decision needs more passes over documents than this, the last one included: what is needed is asked for in few
/// goes.
const PASSES: usize = 6;

/// No decision asks other servers more often than this: where a server is, with two redirects and two kinds of SRV
/// records, and which keys it has; that of the one who sends, and then of all whose events it sends.
const FETCHES: usize = 12;

/// What the driver stands on. Everything that waits is here.
pub trait Host {
    /// Loads these, in this order.
    fn load(&self, keys: Vec<Key>) -> impl Future<Output = Result<Vec<Loaded>, String>>;
    /// Does this, or says in plain words why not.
    fn perform(&self, effect: Effect) -> impl Future<Output = Result<(), String>>;
    /// The time in milliseconds since the epoch.
    fn now(&self) -> i64;
    /// Fresh random bytes.
    fn entropy(&self) -> [u8; 32];
    /// Told before and after a step of an entry is decided: should the core stop in between, this entry is why.
    fn deciding(&self, _tag: Option<&Tag>) {}
    /// Runs a task beside the others.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>);
}

/// Why there is no decision.
enum Trouble {
    /// The host could not read what was lacking.
    Host(String),
    /// More and more was lacking.
    NoEnd,
}

/// One instance of the core.
pub struct Driver<H> {
    host: H,
    instance: String,
    started: i64,
    memory: RefCell<Memory>,
}

struct Memory {
    config: Config,
    scopes: Scopes,
    cache: Cache,
    gate: Gate,
    patience: Patience,
    bodies: BTreeMap<u32, Vec<u8>>,
    next_body: u32,
    last_now: i64,
}

impl<H: Host + 'static> Driver<H> {
    /// A driver over a host; `instance` names this run of it and is never used again.
    pub fn new(host: H, instance: String) -> Rc<Self> {
        let memory = Memory {
            config: Config::default(),
            scopes: Scopes::default(),
            cache: Cache::default(),
            gate: Gate::default(),
            patience: Patience::default(),
            bodies: BTreeMap::new(),
            next_body: 0,
            last_now: 0,
        };
        let started = host.now();
        Rc::new(Self { host, instance, started, memory: RefCell::new(memory) })
    }

    /// What the driver stands on.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Takes over the settings.
    pub fn configure(&self, config: Config) {
        self.memory.borrow_mut().config = config;
    }

    /// Whether an address that a socket is connected to may be talked to, where somebody else chose it.
    pub fn admits(&self, address: &str) -> bool {
        admits_address(&self.memory.borrow().config, address)
    }

    /// Takes over the body of a request; the handle goes into the request.
    pub fn put(&self, body: Vec<u8>) -> u32 {
        let mut memory = self.memory.borrow_mut();
        memory.next_body = memory.next_body.wrapping_add(1);
        let handle = memory.next_body;
        memory.bodies.insert(handle, body);
        handle
    }

    /// Decides an input and performs what follows from it. A request gets its answer.
    pub async fn submit(self: Rc<Self>, input: Input) -> Result<Option<Served>, String> {
        match scope_of(&input) {
            None => self.run(None, input).await,
            Some(scope) if scope == Scope::driver() => {
                self.alarm().await;
                Ok(None)
            }
            Some(scope) => {
                if let Input::Outcome { tag, answer } = &input {
                    let (tag, answer) = (tag.clone(), answer.clone());
                    self.answered(&tag, &answer, input).await;
                    return Ok(None);
                }
                if matches!(input, Input::Wake { .. }) {
                    // Another instance may have written into the journal meanwhile.
                    self.memory.borrow_mut().cache.forget(&scope);
                }
                self.enqueue(scope, input).await;
                Ok(None)
            }
        }
    }

    /// Time has come for what waits in memory.
    async fn alarm(self: Rc<Self>) {
        let hooks = self.memory.borrow_mut().patience.hooks();
        for hook in hooks {
            let _ = Rc::clone(&self).run(None, hook).await;
        }
        self.release().await;
    }

    /// A call ended: others may go, and its scope goes on. Those that are turned away look again after it, when it has
    /// noted what it found.
    async fn answered(self: Rc<Self>, tag: &Tag, answer: &Answer, input: Input) {
        let now = self.host.now();
        let turned_away = self.memory.borrow_mut().gate.leave(tag, answer, now);
        Rc::clone(&self).release().await;
        Rc::clone(&self).enqueue(tag.scope.clone(), input).await;
        for tag in turned_away {
            self.memory.borrow_mut().scopes.deactivate(&tag);
            Rc::clone(&self).pass_on(None, &tag.scope, Input::Wake { scope: tag.scope.clone() });
        }
    }

    /// Makes the calls whose turn it is.
    async fn release(self: Rc<Self>) {
        let now = self.host.now();
        let (calls, again) = self.memory.borrow_mut().gate.next(now);
        for (tag, request) in calls {
            if let Err(why) = self.send(&tag, Effect::Call { tag: tag.clone(), request }).await {
                self.memory.borrow_mut().gate.forget(&tag);
                let scope = tag.scope.clone();
                Rc::clone(&self).pass_on(None, &scope, Input::Failed { tag, why });
            }
        }
        if let Some(at) = again {
            let _ = self.host.perform(Effect::Wake { scope: Scope::driver(), at }).await;
        }
    }

    fn queue(&self, tag: Tag, request: Call) {
        let mut memory = self.memory.borrow_mut();
        // What waits for its turn is not lost.
        memory.scopes.activate(&tag, i64::MAX);
        memory.gate.queue(tag, request);
    }

    async fn send(&self, tag: &Tag, effect: Effect) -> Result<(), String> {
        let now = self.host.now();
        self.memory.borrow_mut().scopes.activate(tag, now);
        let sent = self.host.perform(effect).await;
        if sent.is_err() {
            self.memory.borrow_mut().scopes.deactivate(tag);
        }
        sent
    }

    /// Puts an input into its scope's queue, and works the queue off unless somebody else does already.
    async fn enqueue(self: Rc<Self>, scope: Scope, input: Input) {
        let now = self.host.now();
        if !self.memory.borrow_mut().scopes.push(&scope, input, now) {
            return;
        }
        loop {
            // A binding of its own: the borrow must end before anything is awaited.
            let next = self.memory.borrow_mut().scopes.pop(&scope);
            let Some(input) = next else { break };
            let _ = Rc::clone(&self).run(Some(&scope), input).await;
        }
        self.memory.borrow_mut().cache.forget(&scope);
    }

    /// Decides one input and performs the effects in order, up to the first that fails.
    async fn run(self: Rc<Self>, scope: Option<&Scope>, input: Input) -> Result<Option<Served>, String> {
        let effects = match self.decide(scope, &input).await {
            Ok(effects) => effects,
            Err(Trouble::Host(why)) => return self.give_up(scope, &input, why).await,
            Err(Trouble::NoEnd) => {
                return self.fail(scope, &input, "a decision found no end".to_owned()).await;
            }
        };
        let mut reply = None;
        for effect in effects {
            if let Effect::Reply { reply: answer } = effect {
                reply = Some(Served::Reply(answer));
            } else if let Effect::Serve { request, name } = effect {
                reply = Some(match name {
                    Some(name) => Served::File(FileElsewhere { file: request, name }),
                    None => Served::Picture(Picture { picture: request }),
                });
            } else if let Err(why) = Rc::clone(&self).perform(scope, effect).await {
                return self.fail(scope, &input, why).await;
            }
        }
        Ok(reply)
    }

    /// An input could not be carried out: noted with its entry where it has one.
    async fn fail(
        &self,
        scope: Option<&Scope>,
        input: &Input,
        why: String,
    ) -> Result<Option<Served>, String> {
        let Some(tag) = tag_of(input) else { return self.give_up(scope, input, why).await };
        let failed = Input::Failed { tag: tag.clone(), why };
        self.memory.borrow_mut().scopes.push_front(&tag.scope, failed);
        Ok(None)
    }

    /// The host failed at something that nobody decides about: says so, and tries the scope again later.
    async fn give_up(
        &self,
        scope: Option<&Scope>,
        input: &Input,
        why: String,
    ) -> Result<Option<Served>, String> {
        let now = self.host.now();
        let (at, line) = self.memory.borrow_mut().patience.tried(now, &why);
        if let Some(text) = line {
            let _ = self.host.perform(Effect::Log { level: Level::Error, text }).await;
        }
        let is_hook = matches!(input, Input::MessageSent { .. });
        if is_hook {
            self.memory.borrow_mut().patience.remember(input.clone());
        }
        if let Some(scope) = scope.cloned().or_else(|| is_hook.then(Scope::driver)) {
            let _ = self.host.perform(Effect::Wake { scope, at }).await;
        }
        Err(why)
    }

    /// Decides, loading what the decision lacks until it lacks nothing.
    async fn decide(&self, scope: Option<&Scope>, input: &Input) -> Result<Vec<Effect>, Trouble> {
        let mut view = self.view(scope, input);
        let (mut passes, mut fetches) = (0, 0);
        loop {
            let tag = tag_of(input);
            if tag.is_some() {
                self.host.deciding(tag);
            }
            let decided = self.decide_from_memory(input, &mut view);
            if tag.is_some() {
                self.host.deciding(None);
            }
            let keys = match decided {
                Ok(effects) => return Ok(effects),
                Err(Missing(keys)) => keys,
            };
            let is_fetch = keys.iter().all(|it| matches!(it, Key::Fetch { .. }));
            let (count, most) = if is_fetch { (&mut fetches, FETCHES) } else { (&mut passes, PASSES - 1) };
            if *count == most {
                return Err(Trouble::NoEnd);
            }
            *count += 1;
            if scope.is_some() {
                let mut memory = self.memory.borrow_mut();
                for key in &keys {
                    memory.cache.will_read(key);
                }
            }
            let loaded = self.host.load(keys.clone()).await.map_err(Trouble::Host)?;
            for (key, loaded) in keys.into_iter().zip(loaded) {
                let found = loaded.read();
                self.memory.borrow_mut().cache.keep(&key, &found);
                view.know(key, found);
            }
        }
    }

    /// Decides as far as that goes with what is in memory; what is still lacking is not.
    fn decide_from_memory(&self, input: &Input, view: &mut View) -> Result<Vec<Effect>, Missing> {
        loop {
            let Missing(keys) = match decide(input, view) {
                Ok(effects) => return Ok(effects),
                Err(missing) => missing,
            };
            let memory = self.memory.borrow();
            let mut unknown = vec![];
            for key in keys {
                match memory.cache.get(&key) {
                    Some(found) => view.know(key, found.clone()),
                    None => unknown.push(key),
                }
            }
            if !unknown.is_empty() {
                return Err(Missing(unknown));
            }
        }
    }

    fn view(&self, scope: Option<&Scope>, input: &Input) -> View {
        let mut memory = self.memory.borrow_mut();
        // Entries that are made one after the other keep their order by time alone.
        memory.last_now = memory.last_now.saturating_add(1).max(self.host.now());
        let body = if let Input::Request { request } = input {
            memory.bodies.remove(&request.body).unwrap_or_default()
        } else {
            vec![]
        };
        View {
            now: memory.last_now,
            entropy: self.host.entropy(),
            config: memory.config.clone(),
            instance: self.instance.clone(),
            started: self.started,
            active: scope.and_then(|it| memory.scopes.active(it)),
            body,
            loaded: BTreeMap::new(),
        }
    }

    async fn perform(self: Rc<Self>, scope: Option<&Scope>, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Next { tag } => {
                let now = self.host.now();
                let mut memory = self.memory.borrow_mut();
                memory.scopes.activate(&tag, now);
                memory.scopes.push_front(&tag.scope.clone(), Input::Step { tag });
            }
            Effect::Wake { scope: to, at } if at <= self.memory.borrow().last_now => {
                self.pass_on(scope, &to, Input::Wake { scope: to.clone() });
            }
            Effect::Reconcile { scope: to, skip, began } => {
                let input = Input::Reconcile { scope: to.clone(), skip, began };
                if scope == Some(&to) {
                    // Before anything else of the scope: what is found may be older than what waits.
                    self.memory.borrow_mut().scopes.push_front(&to, input);
                } else {
                    self.pass_on(scope, &to, input);
                }
            }
            Effect::Check { user, room } => {
                let this = Rc::clone(&self);
                self.host.spawn(Box::pin(async move {
                    let _ = this.run(None, Input::Check { user, room }).await;
                }));
            }
            // The look for a server waits for nobody: those who would be in the way wait for it.
            Effect::Call { tag, request } if tag.scope == Scope::workspace() => {
                self.send(&tag, Effect::Call { tag: tag.clone(), request }).await?;
            }
            Effect::Call { tag, request } => {
                self.queue(tag, request);
                self.release().await;
            }
            Effect::Rest { ref tag, .. } | Effect::Carry { ref tag, .. } => {
                self.send(&tag.clone(), effect).await?;
            }
            Effect::Insert { .. } | Effect::Remove { .. } => {
                self.host.perform(effect.clone()).await?;
                let mut memory = self.memory.borrow_mut();
                memory.cache.follow(&effect);
                memory.patience.over();
            }
            Effect::Wake { .. }
            | Effect::Reply { .. }
            | Effect::Serve { .. }
            | Effect::CreateUser { .. }
            | Effect::CreateMessage { .. }
            | Effect::EditMessage { .. }
            | Effect::DeleteMessage { .. }
            | Effect::React { .. }
            | Effect::AddMember { .. }
            | Effect::RemoveMember { .. }
            | Effect::OpenDirect { .. }
            | Effect::TellRoom { .. }
            | Effect::TellUser { .. } => self.host.perform(effect).await?,
            // Somebody who cannot be told, because the account is gone, must not hold up the rest; nor what only flits by.
            Effect::Notify { .. }
            | Effect::Log { .. }
            | Effect::Mark { .. }
            | Effect::Typing { .. }
            | Effect::Show { .. } => {
                let _ = self.host.perform(effect).await;
            }
        }
        Ok(())
    }

    /// An input for a scope: for the one at work it joins the queue, another one works beside it.
    fn pass_on(self: Rc<Self>, from: Option<&Scope>, to: &Scope, input: Input) {
        if from == Some(to) {
            let now = self.host.now();
            self.memory.borrow_mut().scopes.push(to, input, now);
        } else {
            // Something came into its journal, by whatever way.
            self.memory.borrow_mut().cache.forget(to);
            let (this, to) = (Rc::clone(&self), to.clone());
            self.host.spawn(Box::pin(this.enqueue(to, input)));
        }
    }
}

impl<H> std::fmt::Debug for Driver<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// The scope an input belongs to; without one it is decided at once, beside all others.
fn scope_of(input: &Input) -> Option<Scope> {
    match input {
        Input::Wake { scope } | Input::Reconcile { scope, .. } => Some(scope.clone()),
        Input::Step { tag }
        | Input::Outcome { tag, .. }
        | Input::Failed { tag, .. }
        | Input::Trapped { tag } => Some(tag.scope.clone()),
        Input::Start
        | Input::Tick
        | Input::Stop
        | Input::MessageSent { .. }
        | Input::MessageEdited { .. }
        | Input::MessageDeleted { .. }
        | Input::MessageReacted { .. }
        | Input::MessagePinned { .. }
        | Input::Command { .. }
        | Input::Request { .. }
        | Input::Check { .. }
        | Input::Knock { .. }
        | Input::Download { .. }
        | Input::PersonChanged { .. } => None,
    }
}

/// The entry an input belongs to, if a failure is to be noted there. A failure to note a failure is not.
fn tag_of(input: &Input) -> Option<&Tag> {
    match input {
        Input::Step { tag } | Input::Outcome { tag, .. } => Some(tag),
        Input::Start
        | Input::Tick
        | Input::Stop
        | Input::Wake { .. }
        | Input::Reconcile { .. }
        | Input::Failed { .. }
        | Input::MessageSent { .. }
        | Input::MessageEdited { .. }
        | Input::MessageDeleted { .. }
        | Input::MessageReacted { .. }
        | Input::MessagePinned { .. }
        | Input::Command { .. }
        | Input::Request { .. }
        | Input::Check { .. }
        | Input::Trapped { .. }
        | Input::Knock { .. }
        | Input::Download { .. }
        | Input::PersonChanged { .. } => None,
    }
}
