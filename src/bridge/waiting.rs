//! Messages that wait are marked, and their senders told once: why, since when, and that nothing is to be done.
//!
//! A mark is kept before it is shown, and taken away together with the message's entry. An instance that came up later
//! shows it again, for its predecessor may have died between the two; doing it twice is doing it once.

use std::collections::BTreeSet;

use super::journal::Journal;
use crate::effect::Effect;
use crate::ids::Scope;
use crate::record::{Mark, Record, Told, Work};
use crate::translate;
use crate::view::View;

/// A message is marked when it has waited for so many milliseconds.
const PATIENCE: i64 = 60_000;

/// So many messages of a room bear a mark at most.
const MARKS: usize = 50;

/// The reaction that marks a message.
const HOURGLASS: &str = ":hourglass_flowing_sand:";

/// The effects that mark what has waited long enough, and wake the scope when the next will have.
pub(super) fn mark(view: &View, journal: &Journal, scope: &Scope, since: i64, why: &str) -> Vec<Effect> {
    let mut effects = vec![];
    let mut told: BTreeSet<&str> = journal.told.iter().map(|it| it.user.as_str()).collect();
    let messages = journal
        .entries
        .iter()
        .filter_map(|it| if let Work::Post { message } = &it.work { Some((it, message)) } else { None });
    for (entry, message) in messages.take(MARKS) {
        let shown: Vec<&Mark> = journal.marks_of(&entry.id).collect();
        if shown.iter().any(|it| it.at >= view.started) {
            continue;
        }
        if view.now < message.at + PATIENCE {
            effects.push(Effect::Wake { scope: scope.clone(), at: message.at + PATIENCE });
            break;
        }
        let user = &message.sender.id;
        if told.insert(user) {
            let text = notice(since, why);
            effects.push(Effect::Notify { room: message.room.clone(), user: user.clone(), text });
            effects.push(Record::Told(Told { scope: scope.clone(), user: user.clone() }).insert());
        }
        let (id, entry) = (message.id.clone(), entry.id.clone());
        let mark = Mark { scope: scope.clone(), entry, message: id.clone(), at: view.now };
        effects.push(Record::Mark(mark).insert());
        effects.push(Effect::Mark { message: id, reaction: HOURGLASS.to_owned(), on: true });
        effects.extend(shown.into_iter().map(|it| Record::Mark(it.clone()).remove()));
    }
    effects
}

/// The effects that take a mark away.
pub(super) fn unmark(mark: &Mark) -> [Effect; 2] {
    let off = Effect::Mark { message: mark.message.clone(), reaction: HOURGLASS.to_owned(), on: false };
    [off, Record::Mark(mark.clone()).remove()]
}

fn notice(since: i64, why: &str) -> String {
    let since = translate::moment(since);
    format!(
        "Your messages in this room have been waiting for Matrix since {since}: {why}. \
         Nothing is lost, and nothing needs to be done: they are delivered by themselves, in order, as soon as that is \
         possible."
    )
}
