//! What Matrix users are known by: display name and picture, as their own servers say.
//!
//! Each room says it of everybody who joined it, at its own time; the newest word counts. Only who speaks before any
//! room said anything is asked for.

use super::{attachment, ghost};
use crate::attachment::Likeness;
use crate::effect::Effect;
use crate::ids::{self, key};
use crate::record::{Profile, Record};
use crate::view::{Missing, View};

/// Longer names than this, in characters, are cut.
const LONGEST_NAME: usize = 255;

/// What is known of a Matrix user.
pub(super) fn known(view: &View, mxid: &str) -> Result<Option<Profile>, Missing> {
    Ok(all(view, mxid)?.max_by_key(|it| it.at).cloned())
}

/// What is known of somebody who speaks, asked for where nothing is; and the effects that keep it.
pub(super) fn of_speaker(
    view: &View,
    mxid: &str,
    at: i64,
) -> Result<(Option<Profile>, Vec<Effect>), Missing> {
    if let Some(known) = known(view, mxid)? {
        return Ok((Some(known), vec![]));
    }
    if ghost::username(view, mxid)?.is_some() {
        return Ok((None, vec![]));
    }
    Ok(match attachment(view).likeness(view, mxid)? {
        Some(likeness) => learn(view, mxid, likeness, at)?,
        None => (None, vec![]),
    })
}

/// Takes in what was said of a Matrix user at a time: what is known now, and the effects that keep it.
pub(super) fn learn(
    view: &View,
    mxid: &str,
    likeness: Likeness,
    at: i64,
) -> Result<(Option<Profile>, Vec<Effect>), Missing> {
    let said = Profile {
        mxid: mxid.to_owned(),
        name: likeness.name.map(|it| it.chars().take(LONGEST_NAME).collect()),
        avatar: likeness.avatar.filter(|it| ids::split_mxc(it).is_some()),
        // A clock that is ahead must not make later words old.
        at: at.min(view.now),
    };
    let known = known(view, mxid)?;
    match known {
        Some(known) if known.at > said.at || (&known.name, &known.avatar) == (&said.name, &said.avatar) => {
            return Ok((Some(known), vec![]));
        }
        _ => {}
    }
    let id = Record::Profile(said.clone()).id();
    let old = all(view, mxid)?.map(|it| Record::Profile(it.clone())).filter(|it| it.id() != id);
    let old: Vec<Effect> = old.map(|it| it.remove()).collect();
    let mut effects = vec![Record::Profile(said.clone()).insert()];
    effects.extend(old);
    Ok((Some(said), effects))
}

/// What a Matrix user is called, if that is known.
pub(super) fn shown(profile: Option<&Profile>) -> Option<String> {
    profile.map(|it| ghost::shown(it.name.as_deref().unwrap_or_default(), &it.mxid))
}

fn all<'v>(view: &'v View, mxid: &str) -> Result<impl Iterator<Item = &'v Profile>, Missing> {
    let records = view.records(&key::ghost(mxid))?.iter();
    Ok(records.filter_map(|it| if let Record::Profile(it) = it { Some(it) } else { None }))
}
