//! The keys of other servers: as they published them, fetched when they are asked for, remembered until they run out.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#retrieving-server-keys>

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::identity;
use super::route::{LOOKUP, Learnt, plain, remembered};
use crate::effect::Call;
use crate::input::Answer;
use crate::matrix::key_document::{KeyDocument, Known};
use crate::matrix::name::ServerName;
use crate::matrix::receipt::{KeyId, Keys};
use crate::view::{Key, Missing, View};

/// A server is not asked again for a key it did not name within so many milliseconds.
const AGAIN: i64 = 60_000;

/// The keys that a view can tell of. What it could not tell is gathered: a verdict made meanwhile is worth nothing.
pub(super) struct ServerKeys<'v> {
    view: &'v View,
    learnt: &'v Learnt,
    documents: RefCell<BTreeMap<String, Rc<Documents>>>,
    /// Each once, however many events ask for it: these are requests to a server that perhaps has no part in this.
    missing: RefCell<BTreeSet<Key>>,
    /// The servers that were asked anew, and how many may be.
    asked: RefCell<BTreeSet<ServerName>>,
    most: usize,
}

/// What a server published: what was remembered, and what it says now if it had to be asked.
struct Documents {
    kept: Option<KeyDocument>,
    fetched: Option<i64>,
    fresh: OnceCell<Option<Rc<KeyDocument>>>,
}

impl<'v> ServerKeys<'v> {
    /// Those of a view.
    pub(super) fn new(view: &'v View, learnt: &'v Learnt) -> Self {
        Self {
            view,
            learnt,
            documents: RefCell::default(),
            missing: RefCell::default(),
            asked: RefCell::default(),
            most: usize::MAX,
        }
    }

    /// No more servers than this are asked anew beside the one who sends: whoever names them may want to trouble them,
    /// or us.
    pub(super) fn at_most(self, most: usize, sender: &ServerName) -> Self {
        self.asked.borrow_mut().insert(sender.clone());
        Self { most: most.saturating_add(1), ..self }
    }

    /// Says what could not be told; then whatever was decided is void.
    pub(super) fn finish(self) -> Result<(), Missing> {
        let missing = self.missing.into_inner();
        if missing.is_empty() { Ok(()) } else { Err(Missing(missing.into_iter().collect())) }
    }

    /// What was looked up beside the keys; where it is not at hand, that is gathered with what lacks of them.
    pub(super) fn or_missing<T>(&self, looked_up: Result<T, Missing>) -> Option<T> {
        looked_up.map_err(|Missing(keys)| self.missing.borrow_mut().extend(keys)).ok()
    }

    fn known(&self, id: &KeyId, time: i64) -> Result<Known, Missing> {
        let documents = self.documents(&id.server)?;
        let kept = documents.kept.as_ref().map_or(Known::Unknown, |it| it.at(&id.key, time));
        let is_recent = documents.fetched.is_some_and(|it| it > self.view.now - AGAIN);
        if matches!(kept, Known::Key(_)) || is_recent || !self.may_ask(&id.server) {
            return Ok(kept);
        }
        if documents.fresh.get().is_none() {
            let _ = documents.fresh.set(self.fetch(&id.server)?.map(Rc::new));
        }
        // A server that cannot be reached still has the keys it had.
        Ok(documents.fresh.get().and_then(Option::as_ref).map_or(kept, |it| it.at(&id.key, time)))
    }

    fn may_ask(&self, server: &ServerName) -> bool {
        let mut asked = self.asked.borrow_mut();
        asked.contains(server) || (asked.len() < self.most && asked.insert(server.clone()))
    }

    fn documents(&self, server: &ServerName) -> Result<Rc<Documents>, Missing> {
        if let Some(known) = self.documents.borrow().get(server.as_str()) {
            return Ok(Rc::clone(known));
        }
        let read = |text: &str, at| KeyDocument::read(text.as_bytes(), server.as_str(), at).ok();
        let (kept, fetched) = if server.as_str() == self.view.config.server_name {
            (identity::document(self.view)?.ok().and_then(|it| read(&it, self.view.now)), Some(self.view.now))
        } else {
            let kept = remembered(self.view, &of(server))?;
            (kept.and_then(|it| read(&it.text, it.at)), kept.map(|it| it.at))
        };
        let documents = Rc::new(Documents { kept, fetched, fresh: OnceCell::new() });
        self.documents.borrow_mut().insert(server.as_str().to_owned(), Rc::clone(&documents));
        Ok(documents)
    }

    fn fetch(&self, server: &ServerName) -> Result<Option<KeyDocument>, Missing> {
        let request = ("GET", "/_matrix/key/v2/server", None);
        let Ok(call) = plain(self.view, server, request, self.learnt)? else { return Ok(None) };
        let call = Call { timeout: LOOKUP, ..call };
        let Answer::Response { status: 200, body, .. } = self.view.fetch(call)? else { return Ok(None) };
        let document = KeyDocument::read(body.as_bytes(), server.as_str(), self.view.now).ok();
        if document.is_some() {
            self.learnt.note(self.view, &of(server), body.clone())?;
        }
        Ok(document)
    }
}

impl Keys for ServerKeys<'_> {
    fn key(&self, id: &KeyId, time: i64) -> Option<Known> {
        self.or_missing(self.known(id, time))
    }
}

fn of(server: &ServerName) -> String {
    format!("keys:{}", server.as_str())
}
