//! What one side was told of a person of the other, so that it is told again only what has changed.

use crate::effect::Effect;
use crate::record::{Presented, Record};
use crate::view::{Missing, View};

/// What was told last of a puppet or ghost, by its association; nothing yet is a value too.
pub(super) fn last(view: &View, of: &str) -> Result<Presented, Missing> {
    let newest = all(view, of)?.max_by_key(|it| it.at).cloned();
    Ok(newest.unwrap_or_else(|| Presented { of: of.to_owned(), ..Presented::default() }))
}

/// The effects that keep what was told now, in place of what was told before.
pub(super) fn keep(view: &View, now: Presented) -> Result<Vec<Effect>, Missing> {
    let old: Vec<&Presented> = all(view, &now.of)?.collect();
    // Newer than all of them, even where another instance's clock was ahead.
    let newest = old.iter().map(|it| it.at.saturating_add(1)).max();
    let at = newest.map_or(view.now, |it| it.max(view.now));
    let mut effects = vec![Record::Presented(Presented { at, ..now }).insert()];
    effects.extend(old.into_iter().map(|it| Record::Presented(it.clone()).remove()));
    Ok(effects)
}

fn all<'v>(view: &'v View, of: &str) -> Result<impl Iterator<Item = &'v Presented>, Missing> {
    let records = view.records(of)?.iter();
    Ok(records.filter_map(|it| if let Record::Presented(it) = it { Some(it) } else { None }))
}
