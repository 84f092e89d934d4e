//! Ghosts: Matrix users as Rocket.Chat users.
//!
//! A ghost's record is kept before its user is created: whoever finds a user without a record is looking at
//! somebody else's account and must leave it alone, unless this App made it in an earlier installation and its name can
//! be this Matrix user's only.

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
///
/// A name is used only if nobody bears it, or if this user's own ghost does: never one of a person or of another
/// Matrix user.
pub(super) fn ensure(view: &View, mxid: &str, name: &str) -> Result<(String, Vec<Effect>), Missing> {
    view.all(keys(mxid))?;
    for username in ids::ghost_names(mxid) {
        let mut owners = ghosts(view, &key::ghost_name(&username))?;
        owners.sort_by(|a, b| a.mxid.cmp(&b.mxid));
        let bearer = view.user_by_name(&username)?;
        let is_own = owners.first().is_some_and(|it| it.mxid == mxid);
        let create = Effect::CreateUser { username: username.clone(), name: shown(name, mxid) };
        match bearer {
            Some(user) if is_own && is_ghost(user) => return Ok((username, vec![])),
            None if is_own => return Ok((username, vec![create])),
            None if owners.is_empty() => {
                let ghost = Ghost { mxid: mxid.to_owned(), username: username.clone() };
                return Ok((username, vec![Record::Ghost(ghost).insert(), create]));
            }
            Some(user) if owners.is_empty() && is_left_over(user, mxid) => {
                let ghost = Ghost { mxid: mxid.to_owned(), username: username.clone() };
                return Ok((username, vec![Record::Ghost(ghost).insert()]));
            }
            Some(_) | None => {}
        }
    }
    // Three names of which one is a digest of the id: somebody means it. The event fails, and is put aside.
    Ok((String::new(), vec![]))
}

/// What is needed to say who a Matrix user's ghost is; asked for together with whatever else a step needs.
pub(super) fn keys(mxid: &str) -> impl Iterator<Item = Key> {
    let by_name =
        |username: String| [Key::documents(key::ghost_name(&username)), Key::UserByName { username }];
    ids::ghost_names(mxid).into_iter().flat_map(by_name).chain([Key::documents(key::ghost(mxid))])
}

/// Whether a user is the ghost that an earlier installation made of a Matrix user.
fn is_left_over(user: &User, mxid: &str) -> bool {
    user.made_by_us && is_ghost(user) && ids::is_only_ghost_name_of(&user.username, mxid)
}

/// What a ghost is called: the display name, as far as it does no harm, or the id.
pub(super) fn shown(name: &str, mxid: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && !turns_text(*c)).take(100).collect();
    if name.trim().is_empty() { mxid.to_owned() } else { name }
}

/// Whether a character turns the direction of what follows: a name must not run over the rest of its line.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn ghosts(view: &View, key: &str) -> Result<Vec<Ghost>, Missing> {
    let records = view.records(key)?;
    Ok(records
        .iter()
        .filter_map(|it| if let Record::Ghost(it) = it { Some(it.clone()) } else { None })
        .collect())
}
