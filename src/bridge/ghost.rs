//! Ghosts: Matrix users as Rocket.Chat users.
//!
//! A ghost's record is kept before its user is created: whoever finds a user without a record is looking at
//! somebody else's account and must leave it alone.

use crate::effect::Effect;
use crate::facts::{User, UserKind};
use crate::ids::{self, key};
use crate::record::{Ghost, Record};
use crate::view::{Key, Missing, View};

/// Whether a Rocket.Chat user is a ghost: what it does began on Matrix.
pub(super) fn is_ghost(user: &User) -> bool {
    ids::is_ghost_name(&user.username) && user.kind != UserKind::User
}

/// The username of a Matrix user's ghost, if there is one.
pub(super) fn username(view: &View, mxid: &str) -> Result<Option<String>, Missing> {
    Ok(ghosts(view, &key::ghost(mxid))?.into_iter().map(|it| it.username).min())
}

/// The Matrix user whose ghost bears a username.
pub(super) fn mxid(view: &View, username: &str) -> Result<Option<String>, Missing> {
    Ok(ghosts(view, &key::ghost_name(username))?.into_iter().map(|it| it.mxid).min())
}

/// The username of a Matrix user's ghost, and the effects that bring it into being where it is not there yet.
pub(super) fn ensure(view: &View, mxid: &str, name: &str) -> Result<(String, Vec<Effect>), Missing> {
    let names = ids::ghost_names(mxid);
    let keys = names
        .iter()
        .flat_map(|name| [Key::documents(key::ghost_name(name)), Key::UserByName { username: name.clone() }]);
    view.all([Key::documents(key::ghost(mxid))].into_iter().chain(keys))?;
    if let Some(username) = username(view, mxid)? {
        let effects = if view.user_by_name(&username)?.is_some() {
            vec![]
        } else {
            vec![Effect::CreateUser { username: username.clone(), name: shown(name, mxid) }]
        };
        return Ok((username, effects));
    }
    let [plain, marked] = names;
    let username = if is_free(view, &plain)? { plain } else { marked };
    let ghost = Ghost { mxid: mxid.to_owned(), username: username.clone() };
    let mut effects = vec![Record::Ghost(ghost).insert()];
    if view.user_by_name(&username)?.is_none() {
        effects.push(Effect::CreateUser { username: username.clone(), name: shown(name, mxid) });
    }
    Ok((username, effects))
}

fn is_free(view: &View, username: &str) -> Result<bool, Missing> {
    Ok(view.user_by_name(username)?.is_none() && mxid(view, username)?.is_none())
}

fn shown(name: &str, mxid: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    if name.trim().is_empty() { mxid.to_owned() } else { name }
}

fn ghosts(view: &View, key: &str) -> Result<Vec<Ghost>, Missing> {
    let records = view.records(key)?;
    Ok(records
        .iter()
        .filter_map(|it| if let Record::Ghost(it) = it { Some(it.clone()) } else { None })
        .collect())
}
