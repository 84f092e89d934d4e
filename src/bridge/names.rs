//! Who is who on the other side, and who is in the room, asked by the translation while it runs.
//!
//! A translation made while a name was not loaded is thrown away: the misses are gathered here and asked for.
//!
//! Nobody keeps a record of who is in a Matrix room. Of a local user it counts whether they are in the room here; of a
//! Matrix user whom somebody here mentions, the homeserver is asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{attachment, ghost, portal};
use crate::facts::{Room, RoomKind, User};
use crate::ids;
use crate::puppet;
use crate::record::Portal;
use crate::translate;
use crate::view::{Key, Missing, View};

/// So many names are looked up for one message; further ones stay text.
const MOST: usize = 100;

/// The names a translation may ask for.
#[derive(Debug)]
pub(super) struct Names<'a> {
    view: &'a View,
    portal: Option<&'a Portal>,
    /// Who says it here.
    by: Option<&'a User>,
    asked: RefCell<BTreeSet<String>>,
    /// The local users that were found, by the Matrix users that they are.
    ours: RefCell<BTreeMap<String, User>>,
    missing: RefCell<Vec<Key>>,
}

impl<'a> Names<'a> {
    /// Names in what somebody says here.
    pub(super) fn here(view: &'a View, portal: Option<&'a Portal>, by: &'a User) -> Self {
        Self { by: Some(by), ..Self::of(view, portal) }
    }

    /// Names in what is said on Matrix.
    pub(super) fn on_matrix(view: &'a View, portal: &'a Portal) -> Self {
        Self::of(view, Some(portal))
    }

    fn of(view: &'a View, portal: Option<&'a Portal>) -> Self {
        let (asked, ours, missing) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { view, portal, by: None, asked, ours, missing }
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

    /// Whether there is still room for a look at this one.
    fn is_within(&self, name: &str) -> bool {
        let mut asked = self.asked.borrow_mut();
        asked.contains(name) || asked.len() < MOST && asked.insert(name.to_owned())
    }

    fn members(&self) -> Option<Key> {
        self.portal.map(|it| Key::Members { room: it.local.clone() })
    }
}

/// A room, if it is a public channel: what others there are is for those who are in them.
fn public(room: Option<&Room>) -> Option<Room> {
    room.filter(|it| it.kind == RoomKind::Channel).cloned()
}

impl translate::Names for Names<'_> {
    fn matrix_user(&self, username: &str) -> Option<(String, String)> {
        if !self.is_within(username) {
            return None;
        }
        let is_ghost = ids::is_ghost_name(username);
        let by_name = Key::UserByName { username: username.to_owned() };
        let namesake = puppet::namesake(self.view, username);
        // Whether they are in the room is asked next.
        let members = self.members().filter(|_| !is_ghost);
        self.note(self.view.all([by_name, namesake].into_iter().chain(members)).map(Some));
        let user = self.note(self.view.user_by_name(username).map(Option::<&User>::cloned));
        if is_ghost {
            let mxid = self.note(ghost::mxid(self.view, username))?;
            let name = user.map_or_else(|| mxid.clone(), |it| it.name);
            return Some((mxid, name));
        }
        let user = user.filter(|it| it.active)?;
        let mxid = self.note(puppet::mxid(self.view, &user).map(Some))?;
        let name = user.shown().to_owned();
        self.ours.borrow_mut().insert(mxid.clone(), user);
        Some((mxid, name))
    }

    fn rocketchat_username(&self, mxid: &str) -> Option<String> {
        if !self.is_within(mxid) {
            return None;
        }
        match self.view.config.puppet_name(mxid) {
            Some(_) => {
                self.note(self.view.all(self.members()).map(Some));
                let user = self.note(puppet::user(self.view, mxid))?;
                let username = user.username.clone();
                self.ours.borrow_mut().insert(mxid.to_owned(), user);
                Some(username)
            }
            None => self.note(ghost::username(self.view, mxid)),
        }
    }

    fn is_here(&self, mxid: &str) -> bool {
        let Some(portal) = self.portal else { return true };
        if let Some(user) = self.ours.borrow().get(mxid) {
            let members = self.note(self.view.members(&portal.local).map(Some)).unwrap_or_default();
            return members.iter().any(|it| it.id == user.id);
        }
        let Some(by) = self.by else { return true };
        let is_in = attachment(self.view).is_in(self.view, &portal.remote, mxid, by);
        self.note(is_in.map(Some)).unwrap_or(true)
    }

    fn matrix_room(&self, channel: &str) -> Option<(String, String)> {
        let named = format!("#{channel}");
        if !self.is_within(&named) {
            return None;
        }
        let found = self.view.room_by_name(channel);
        let room = self.note(found.map(public))?;
        let portal = self.note(portal::of_local(self.view, &room.id))?;
        Some((portal.remote, named))
    }

    fn rocketchat_channel(&self, room: &str) -> Option<String> {
        if !self.is_within(room) {
            return None;
        }
        let config = &self.view.config;
        let portal = match ids::room_of_alias(&config.user_prefix, &config.server_name, room) {
            Some(local) => portal::of_local(self.view, local),
            None => portal::of_remote(self.view, room),
        };
        let portal = self.note(portal)?;
        let found = self.view.room(&portal.local);
        let room = self.note(found.map(public))?;
        // Rooms are mentioned by their short name, and may be called otherwise.
        let is_short = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        Some(room.name).filter(|it| it.chars().all(is_short))
    }

    fn via(&self) -> Option<&str> {
        Some(&self.view.config.server_name)
    }
}
