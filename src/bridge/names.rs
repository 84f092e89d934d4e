//! Who is who on the other side, asked by the translation while it runs.
//!
//! A translation made while a name was not loaded is thrown away: the misses are gathered here and asked for.

use std::cell::RefCell;

use super::ghost;
use crate::facts::User;
use crate::ids;
use crate::puppet;
use crate::translate;
use crate::view::{Key, Missing, View};

/// The names a translation may ask for.
#[derive(Debug)]
pub(super) struct Names<'a> {
    view: &'a View,
    missing: RefCell<Vec<Key>>,
}

impl<'a> Names<'a> {
    /// Names as the view knows them.
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, missing: RefCell::default() }
    }

    /// Says what could not be answered; then the translation's result is void.
    pub(super) fn finish(self) -> Result<(), Missing> {
        self.view.all(self.missing.into_inner())
    }

    fn note<T>(&self, found: Result<Option<T>, Missing>) -> Option<T> {
        found.unwrap_or_else(|Missing(keys)| {
            self.missing.borrow_mut().extend(keys);
            None
        })
    }
}

impl translate::Names for Names<'_> {
    fn matrix_user(&self, username: &str) -> Option<(String, String)> {
        let by_name = Key::UserByName { username: username.to_owned() };
        let namesake = puppet::namesake(self.view, username);
        self.note(self.view.all([by_name, namesake]).map(Some));
        let user = self.note(self.view.user_by_name(username).map(Option::<&User>::cloned));
        if ids::is_ghost_name(username) {
            let mxid = self.note(ghost::mxid(self.view, username))?;
            let name = user.map_or_else(|| mxid.clone(), |it| it.name);
            return Some((mxid, name));
        }
        let user = user.filter(|it| it.active)?;
        let mxid = self.note(puppet::mxid(self.view, &user).map(Some))?;
        Some((mxid, user.shown().to_owned()))
    }

    fn rocketchat_username(&self, mxid: &str) -> Option<String> {
        match self.view.config.puppet_name(mxid) {
            Some(_) => self.note(puppet::user(self.view, mxid)).map(|it| it.username),
            None => self.note(ghost::username(self.view, mxid)),
        }
    }
}
