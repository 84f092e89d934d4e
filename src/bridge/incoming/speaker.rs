//! Who speaks on Matrix, as somebody who may speak here.

use super::{Event, LAST_ATTEMPT};
use crate::bridge::{avatar, dm, ghost, presented, profile};
use crate::effect::Effect;
use crate::ids::key;
use crate::record::{Portal, Profile};
use crate::translate;
use crate::view::{Missing, View};

/// Somebody of Matrix as they speak here.
#[derive(Debug)]
pub(super) struct Speaking {
    pub(super) sender: String,
    pub(super) alias: Option<String>,
    pub(super) avatar: Option<String>,
    pub(super) profile: Option<Profile>,
    /// What must be done before.
    pub(super) effects: Vec<Effect>,
}

/// Who says what an event says, after so many failures.
pub(super) fn speaking(
    view: &View,
    portal: &Portal,
    event: &Event,
    attempts: u32,
) -> Result<Speaking, Missing> {
    let (profile, learnt) = profile::of_speaker(view, &event.sender, event.at)?;
    let alias = profile::shown(profile.as_ref());
    let known_as = (event.sender.as_str(), alias.as_deref().unwrap_or_default());
    let (sender, mut effects) = ensured(view, portal, known_as, attempts)?;
    effects.extend(learnt);
    let (name, own) = translate::persona(&event.content).map_or((None, None), |it| (it.name, it.avatar));
    // Who speaks under another name for once is named with both.
    let alias = match (name, alias) {
        (Some(name), Some(usual)) => Some(format!("{name} ({usual})")),
        (name, usual) => name.or(usual),
    };
    // A workspace may have taken from bots the right to name another picture and name: then they speak as they are.
    let avatar = match own {
        Some(own) => avatar::address(view, &own)?,
        None => picture(view, profile.as_ref())?,
    };
    let (alias, avatar) = if attempts < LAST_ATTEMPT { (alias, avatar) } else { (None, None) };
    Ok(Speaking { sender, alias, avatar, profile, effects })
}

/// The address of the picture beside a message, unless the sender's account has that picture itself.
pub(super) fn picture(view: &View, profile: Option<&Profile>) -> Result<Option<String>, Missing> {
    let Some(Profile { mxid, avatar: Some(mxc), .. }) = profile else { return Ok(None) };
    let told = presented::last(view, &key::ghost(mxid))?;
    let has_it = told.avatar.as_ref() == Some(mxc) && !told.refused;
    if has_it { Ok(None) } else { avatar::address(view, mxc) }
}

/// The username of who speaks, and what must be done before: who is new, or could not speak before, is brought into the
/// room.
pub(super) fn ensured(
    view: &View,
    portal: &Portal,
    (mxid, name): (&str, &str),
    attempts: u32,
) -> Result<(String, Vec<Effect>), Missing> {
    let (username, mut effects) = ghost::ensure(view, mxid, name)?;
    if attempts > 0 || !effects.is_empty() {
        match &portal.dm {
            Some(dm) => effects = dm::mended(view, dm)?,
            None => {
                effects.push(Effect::AddMember { room: portal.local.clone(), username: username.clone() });
            }
        }
    }
    Ok((username, effects))
}
