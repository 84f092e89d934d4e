//! The look whether everything works: for whoever asks, and after a start for the log.

use crate::admin::check::{self, Line, State};
use crate::effect::{Effect, Level};
use crate::ids::{Scope, key};
use crate::record::{Checked, Record};
use crate::view::{Missing, View};

/// So many milliseconds after a start: saving a page of settings starts many times, and what is checked must be there.
const SETTLED: i64 = 5_000;

/// Tells whoever asked.
pub(super) fn answer(view: &View, user: &str, room: &str) -> Result<Vec<Effect>, Missing> {
    let text = check::text(&check::lines(view)?);
    Ok(vec![Effect::Notify { room: room.to_owned(), user: user.to_owned(), text }])
}

/// Has a start followed by a look, by whoever owns that.
pub(super) fn soon(view: &View) -> Option<Effect> {
    let wake = Effect::Wake { scope: Scope::check(), at: view.now + SETTLED };
    view.config.is_complete().then_some(wake)
}

/// Writes what does not work into the log, and nothing that this instance has written there the last time.
pub(super) fn at_start(view: &View) -> Result<Vec<Effect>, Missing> {
    let before = view.records(key::CHECKED)?;
    let said = before
        .iter()
        .filter_map(|it| if let Record::Checked(it) = it { Some(it) } else { None })
        .filter(|it| it.instance == view.instance)
        .max_by_key(|it| it.at)
        .map(|it| it.lines.clone())
        .unwrap_or_default();
    let failing: Vec<(Level, String)> = check::lines(view)?.iter().filter_map(for_the_log).collect();
    let lines: Vec<String> = failing.iter().map(|(_, text)| text.clone()).collect();
    if lines == said {
        return Ok(vec![]);
    }
    let mut effects: Vec<Effect> = failing
        .into_iter()
        .filter(|(_, text)| !said.contains(text))
        .map(|(level, text)| Effect::Log { level, text })
        .collect();
    if lines.is_empty() {
        let text = "Check: what did not work before works now.".to_owned();
        effects.push(Effect::Log { level: Level::Info, text });
    }
    let checked = Checked { instance: view.instance.clone(), at: view.now, lines };
    effects.push(Record::Checked(checked).insert());
    effects.extend(before.iter().map(Record::remove));
    Ok(effects)
}

fn for_the_log(line: &Line) -> Option<(Level, String)> {
    let level = match line.state {
        State::Broken => Level::Error,
        State::Warning => Level::Warn,
        State::Well | State::Unknown => return None,
    };
    let Line { name, text, fix, .. } = line;
    Some((level, format!("Check, {name}: {text} {fix}").trim_end().to_owned()))
}
