//! Entries that could not be carried out here: tried again, and in the end put aside where people see them.
//!
//! A failure counts only when it could be noted. So a workspace whose database takes nothing counts none, however long
//! that lasts, and what is put aside after all cannot be done although everything else can.

use super::journal::Journal;
use super::work::{self, gone, next, part_of, wait};
use super::{incoming, outgoing};
use crate::effect::{Effect, Level, Tag};
use crate::record::{Dead, Entry, Record, Work};
use crate::view::{Missing, View};

/// So often in a row an entry that goes out may fail here; that takes some eight minutes.
const ATTEMPTS: u32 = 20;

/// So often the core may stop over the same thing; the last time it is put aside.
const TRAPS: u32 = 3;

/// An effect of an entry failed: tries again, and in the end gives that part up, so that the rest can go on.
pub(super) fn failed(view: &View, tag: &Tag, why: &str) -> Result<Vec<Effect>, Missing> {
    again(view, tag, why, incoming::ATTEMPTS, ATTEMPTS)
}

/// The core stopped over an entry and was started anew.
pub(super) fn trapped(view: &View, tag: &Tag) -> Result<Vec<Effect>, Missing> {
    let why = "the App could not cope with it and had to be started anew";
    again(view, tag, why, TRAPS - 1, TRAPS - 1)
}

/// `coming` and `going` say how many failures are borne of an entry of either direction.
fn again(view: &View, tag: &Tag, why: &str, coming: u32, going: u32) -> Result<Vec<Effect>, Missing> {
    let journal = Journal::load(view, &tag.scope)?;
    let Some(entry) = journal.entry(&tag.entry) else { return Ok(gone(view, tag)) };
    let Work::Events { events } = &entry.work else {
        let broken = journal.broken(entry);
        // It stands before what comes in, which must not wait for it.
        let most = if matches!(entry.work, Work::Tally { .. }) { coming } else { going };
        return Ok(if broken < most {
            journal.put_off_broken(entry, 0, view.now + wait(broken), why)
        } else {
            put_aside(view, &journal, entry, why)?
        });
    };
    let index = part_of(&tag.step);
    let attempts = journal.attempts(entry, index);
    if attempts < coming {
        // The first failure is mostly a ghost that is not in the room: at once, and with that mended.
        let pause = if attempts == 0 { 0 } else { wait(attempts) };
        return Ok(journal.put_off(entry, index, view.now + pause, why));
    }
    let event = events.get(index).cloned().into_iter().collect();
    let alone = Entry {
        id: format!("{}:{index}", entry.id),
        work: Work::Events { events: event },
        ..Entry::clone(entry)
    };
    let text = format!(
        "A Matrix event of {} could not be brought to Rocket.Chat and was put aside: {why}. `/federation dead` names it, \
         and `/federation retry` has it tried again.",
        entry.scope.remote_room().unwrap_or_default()
    );
    Ok(vec![
        Record::Dead(Dead { entry: alone, why: why.to_owned(), at: view.now }).insert(),
        Effect::Log { level: Level::Warn, text },
        next(entry, index.saturating_add(1)),
    ])
}

/// An entry that goes out is given up. Whoever asked for it is told, and the next has its turn.
fn put_aside(view: &View, journal: &Journal, entry: &Entry, why: &str) -> Result<Vec<Effect>, Missing> {
    let told = match &entry.work {
        Work::Post { message } => outgoing::put_aside(message, why),
        Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Missed
        | Work::Adopt
        | Work::Events { .. }
        | Work::Open(_)
        | Work::Reach(_)
        | Work::Invited { .. }
        | Work::Decline(_)
        | Work::Register { .. }
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_)
        | Work::Pin(_) => {
            return work::refused(view, journal, entry, why);
        }
    };
    let dead = Dead { entry: entry.clone(), why: why.to_owned(), at: view.now };
    let mut effects = vec![Record::Dead(dead).insert()];
    effects.extend(told);
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}
