//! The journal of a scope: what is to be done in it, in order, with what became of earlier attempts.
//!
//! Each entry is a document of its own, found by the scope. An entry inserted twice is one entry, because its id
//! is derived from what it asks for.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::waiting;
use crate::effect::{Effect, Level};
use crate::ids::{Scope, key};
use crate::record::{Carried, Entry, Fate, Mark, Record, Retry, Told, Work};
use crate::view::{Missing, View};

/// A journal as it stands.
#[derive(Debug)]
pub(super) struct Journal {
    /// In the order they are to be done.
    pub(super) entries: Vec<Rc<Entry>>,
    retries: Vec<Retry>,
    marks: Vec<Mark>,
    carried: Vec<Carried>,
    /// Who was told that their messages wait.
    pub(super) told: Vec<Told>,
}

impl Journal {
    /// Reads the journal of a scope.
    pub(super) fn load(view: &View, scope: &Scope) -> Result<Self, Missing> {
        let mut entries: BTreeMap<&str, Rc<Entry>> = BTreeMap::new();
        let (mut retries, mut marks, mut told, mut carried) = (vec![], vec![], vec![], vec![]);
        for record in view.records(&key::journal(scope))? {
            if let Record::Entry(entry) = record {
                let known = entries.entry(&entry.id).or_insert_with(|| Rc::clone(entry));
                if entry.at < known.at {
                    *known = Rc::clone(entry);
                }
            } else if let Record::Retry(retry) = record {
                retries.push(retry.clone());
            } else if let Record::Mark(mark) = record {
                marks.push(mark.clone());
            } else if let Record::Told(it) = record {
                told.push(it.clone());
            } else if let Record::Carried(it) = record {
                carried.push(it.clone());
            }
        }
        let mut entries: Vec<Rc<Entry>> = entries.into_values().collect();
        // What is said in a room that nobody here is in yet waits for the answer to the invitation.
        let rank = |it: &Entry| !matches!(it.work, Work::Invited { .. } | Work::Open(_) | Work::Decline(_));
        // They come in the order of their ids, and those of the same moment stay so.
        entries.sort_by_key(|it| (rank(it), it.at, it.part));
        Ok(Self { entries, retries, marks, carried, told })
    }

    /// An entry that is still to be done.
    pub(super) fn entry(&self, id: &str) -> Option<&Rc<Entry>> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The latest failed attempt at a part of an entry, if it failed before.
    pub(super) fn last_try(&self, entry: &Entry) -> Option<&Retry> {
        self.retries
            .iter()
            .filter(|retry| retry.entry == entry.id)
            .max_by_key(|retry| (retry.part, retry.attempts))
    }

    /// How often a part of an entry failed so far.
    pub(super) fn attempts(&self, entry: &Entry, part: usize) -> u32 {
        self.last_try(entry).filter(|retry| retry.part == part).map_or(0, |retry| retry.attempts)
    }

    /// The marks that an entry's message bears.
    pub(super) fn marks_of(&self, entry: &str) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(move |it| it.entry == entry)
    }

    /// Where one of the files of an entry's message is, as far as that is settled.
    pub(super) fn fate(&self, entry: &Entry, part: usize) -> Option<&Fate> {
        self.fates(entry, part).find(|it| matches!(it, Fate::There(_) | Fate::Stays(_)))
    }

    /// Where the smaller picture of such a file is, as far as that is settled.
    pub(super) fn thumbnail(&self, entry: &Entry, part: usize) -> Option<&str> {
        self.fates(entry, part)
            .find_map(|it| if let Fate::Thumbnail(it) = it { Some(it.as_str()) } else { None })
    }

    fn fates(&self, entry: &Entry, part: usize) -> impl Iterator<Item = &Fate> {
        self.carried_of(entry).filter(move |it| it.part == part).map(|it| &it.fate)
    }

    /// The events that tell of an entry's message so far, in order; of an edit there is none for a part that was taken
    /// back.
    pub(super) fn told_of(&self, entry: &Entry) -> Vec<String> {
        let told: BTreeMap<usize, &String> = self
            .carried_of(entry)
            .filter_map(|it| if let Fate::Told(event) = &it.fate { Some((it.part, event)) } else { None })
            .collect();
        told.into_values().cloned().collect()
    }

    /// The effect that notes which event tells of the next part of an entry's message.
    pub(super) fn tell(&self, entry: &Entry, event: &str) -> Effect {
        let part = self.told_of(entry).len();
        let (scope, entry) = (entry.scope.clone(), entry.id.clone());
        Record::Carried(Carried { scope, entry, part, fate: Fate::Told(event.to_owned()) }).insert()
    }

    /// Whether anything became of an entry's message so far.
    pub(super) fn has_carried(&self, entry: &Entry) -> bool {
        self.carried_of(entry).next().is_some()
    }

    fn carried_of(&self, entry: &Entry) -> impl Iterator<Item = &Carried> {
        self.carried.iter().filter(move |it| it.entry == entry.id)
    }

    /// The effects that end an entry and let the scope go on with the next.
    pub(super) fn finish(&self, view: &View, entry: &Entry) -> Vec<Effect> {
        let mut effects = vec![Effect::Remove { id: entry.id.clone() }];
        effects.extend(self.forget_tries(entry));
        effects.extend(self.carried_of(entry).map(|it| Record::Carried(it.clone()).remove()));
        effects.extend(self.marks_of(&entry.id).flat_map(waiting::unmark));
        effects.push(Effect::Wake { scope: entry.scope.clone(), at: view.now });
        effects
    }

    /// The effects that note a failed attempt and let the scope sleep until the next.
    pub(super) fn put_off(&self, entry: &Entry, part: usize, due: i64, why: &str) -> Vec<Effect> {
        self.note(entry, part, due, why, 0)
    }

    /// The same where the workspace itself did not do what the entry asked for.
    pub(super) fn put_off_broken(&self, entry: &Entry, part: usize, due: i64, why: &str) -> Vec<Effect> {
        self.note(entry, part, due, why, self.broken(entry).saturating_add(1))
    }

    /// The effects that end an entry for now: whatever noticed that it is wanted will notice again.
    pub(super) fn give_up(&self, view: &View, entry: &Entry, what: &str, why: &str) -> Vec<Effect> {
        let mut effects = vec![Effect::Log { level: Level::Warn, text: format!("{what}: {why}") }];
        effects.extend(self.finish(view, entry));
        effects
    }

    /// How often in a row the workspace did not do what an entry asked for.
    pub(super) fn broken(&self, entry: &Entry) -> u32 {
        self.last_try(entry).map_or(0, |retry| retry.broken)
    }

    fn note(&self, entry: &Entry, part: usize, due: i64, why: &str, broken: u32) -> Vec<Effect> {
        let retry = Retry {
            entry: entry.id.clone(),
            scope: entry.scope.clone(),
            part,
            attempts: self.attempts(entry, part).saturating_add(1),
            due,
            why: why.to_owned(),
            broken,
        };
        let mut effects = vec![Record::Retry(retry).insert()];
        effects.extend(self.forget_tries(entry));
        effects.push(Effect::Wake { scope: entry.scope.clone(), at: due });
        effects
    }

    /// The effects that take away what became of entries, once all are gone.
    pub(super) fn sweep(&self) -> Vec<Effect> {
        let gone = |entry: &str| self.entry(entry).is_none();
        let retries = self.retries.iter().filter(|it| gone(&it.entry));
        let mut effects: Vec<Effect> = retries.map(|it| Record::Retry(it.clone()).remove()).collect();
        let carried = self.carried.iter().filter(|it| gone(&it.entry));
        effects.extend(carried.map(|it| Record::Carried(it.clone()).remove()));
        effects.extend(self.marks.iter().filter(|it| gone(&it.entry)).flat_map(waiting::unmark));
        effects.extend(self.told.iter().map(|it| Record::Told(it.clone()).remove()));
        effects
    }

    fn forget_tries(&self, entry: &Entry) -> impl Iterator<Item = Effect> {
        self.retries
            .iter()
            .filter(|retry| retry.entry == entry.id)
            .map(|retry| Record::Retry(retry.clone()).remove())
    }
}
