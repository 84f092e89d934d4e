//! Who of Matrix is typing. Shown, and kept nowhere.

use super::{ghost, portal};
use crate::effect::Effect;
use crate::ids::key;
use crate::view::{Key, Missing, View};

/// The effects that show who types in some Matrix rooms: in each these, and nobody else.
pub(super) fn show(view: &View, rooms: &[(String, Vec<String>)]) -> Result<Vec<Effect>, Missing> {
    if !view.config.typing {
        return Ok(vec![]);
    }
    let theirs = |users: &[String]| -> Vec<String> {
        users.iter().filter(|it| !view.config.is_ours(it)).cloned().collect()
    };
    let rooms: Vec<(&String, Vec<String>)> =
        rooms.iter().map(|(room, users)| (room, theirs(users))).collect();
    let users = rooms.iter().flat_map(|(_, users)| users);
    let ghosts = users.map(|it| Key::documents(key::ghost(it)));
    view.all(rooms.iter().map(|(room, _)| Key::documents(key::portal_remote(room))).chain(ghosts))?;
    let mut effects = vec![];
    for (room, users) in rooms {
        let Some(portal) = portal::of_remote(view, room)? else { continue };
        let mut who = vec![];
        for user in users {
            who.extend(ghost::username(view, &user)?);
        }
        effects.push(Effect::Typing { room: portal.local, who });
    }
    Ok(effects)
}
