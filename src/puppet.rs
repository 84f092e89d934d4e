//! Puppets: local users as Matrix users.
//!
//! Which Matrix user a local one is, is settled when it first acts there, and stays: whoever is renamed keeps the id, and
//! whoever takes a name that became free gets another. Every puppet's id is made and understood here only.

use crate::facts::User;
use crate::ids::{self, key};
use crate::record::{Puppet, Record};
use crate::view::{Key, Missing, View, each};

/// What is needed to say which Matrix user a local one is; asked for together with whatever else a step needs.
pub fn keys(view: &View, user: &User) -> [Key; 2] {
    [Key::documents(key::puppet(&user.id)), namesake(view, &user.username)]
}

/// What is needed to say whether a user's name is that of another's puppet.
pub fn namesake(view: &View, username: &str) -> Key {
    Key::documents(key::puppet_name(&view.config.name_for(username)))
}

/// What is needed to say which local user a Matrix user is, for most of them.
pub fn sought(view: &View, mxid: &str) -> Vec<Key> {
    let sought = |name| {
        [Key::documents(key::puppet_name(name)), Key::UserByName { username: ids::from_localpart(name) }]
    };
    view.config.puppet_name(mxid).into_iter().flat_map(sought).collect()
}

/// A local user as a Matrix user.
pub fn mxid(view: &View, user: &User) -> Result<String, Missing> {
    Ok(view.config.puppet(&name(view, user)?))
}

/// The localpart of a local user on Matrix.
pub fn localpart(view: &View, user: &User) -> Result<String, Missing> {
    Ok(view.config.puppet_localpart(&name(view, user)?))
}

/// The local user that a Matrix user is.
pub fn user(view: &View, mxid: &str) -> Result<Option<User>, Missing> {
    let Some(name) = view.config.puppet_name(mxid) else { return Ok(None) };
    view.all(sought(view, mxid))?;
    let namesake = view.user_by_name(&ids::from_localpart(name))?;
    match bearer(view, name)? {
        Some(puppet) if namesake.is_none_or(|it| it.id != puppet.user) => {
            view.user_by_id(&puppet.user).map(Option::<&User>::cloned)
        }
        Some(_) => Ok(namesake.cloned()),
        None => {
            let Some(user) = namesake else { return Ok(None) };
            // Whoever was renamed is still who they were, and nobody by the new name.
            let is_theirs = of(view, &user.id)?.is_none_or(|it| it.name == name);
            Ok(is_theirs.then(|| user.clone()))
        }
    }
}

/// The local users that Matrix users are, of those that are puppets by their ids.
pub fn users<'a>(
    view: &View,
    mxids: impl Iterator<Item = &'a str>,
) -> Result<Vec<(&'a str, Option<User>)>, Missing> {
    let puppets: Vec<&str> = mxids.filter(|it| view.config.puppet_name(it).is_some()).collect();
    view.all(puppets.iter().flat_map(|it| sought(view, it)))?;
    each(puppets, |mxid| Ok((mxid, user(view, mxid)?)))
}

/// What was settled about a local user, by the user's id.
pub fn of(view: &View, user: &str) -> Result<Option<Puppet>, Missing> {
    oldest(view, &key::puppet(user))
}

/// What there is to settle about a local user now.
pub fn new(view: &View, user: &User) -> Result<Puppet, Missing> {
    Ok(Puppet { user: user.id.clone(), name: name(view, user)?, at: view.now })
}

/// The name of a puppet: what was settled, or what would be.
fn name(view: &View, user: &User) -> Result<String, Missing> {
    view.all(keys(view, user))?;
    if let Some(puppet) = of(view, &user.id)? {
        return Ok(puppet.name);
    }
    let name = view.config.name_for(&user.username);
    let is_free = bearer(view, &name)?.is_none();
    Ok(if is_free { name } else { ids::marked_name(&name, &user.id) })
}

fn bearer(view: &View, name: &str) -> Result<Option<Puppet>, Missing> {
    oldest(view, &key::puppet_name(name))
}

fn oldest(view: &View, key: &str) -> Result<Option<Puppet>, Missing> {
    let records = view.records(key)?.iter();
    let puppets = records.filter_map(|it| if let Record::Puppet(it) = it { Some(it) } else { None });
    Ok(puppets.min_by_key(|it| (it.at, &it.name, &it.user)).cloned())
}
