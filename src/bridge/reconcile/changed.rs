//! What hooks lost of edits and deletions: of the newest messages of a portal, as many as Rocket.Chat hands out at once.
//!
//! A message edited since the last comparison is held beside the text that was bridged. A message whose link is open or
//! in the newest segment, and one that still waits, must be there; whether it is gone is asked of the message itself, for
//! no more of them than make a page. Of messages from Matrix nothing is compared: what is said there is kept until it is
//! done.

use std::collections::{BTreeMap, BTreeSet};

use crate::bridge::journal::Journal;
use crate::bridge::{edit, ledger, outgoing, redaction};
use crate::facts::Message;
use crate::ids::{self, key};
use crate::record::{Deleted, Entry, Link, Record, Work};
use crate::view::{Key, Missing, View};

/// So many messages at most are asked whether they are gone.
const MOST_ASKED: usize = 100;

/// The newest messages of a portal.
pub(super) struct Newest<'a> {
    /// The Rocket.Chat room.
    pub(super) room: &'a str,
    /// The messages, oldest first.
    pub(super) page: &'a [Message],
    /// All messages since this time, in milliseconds, are on the page.
    pub(super) from: i64,
    /// What was edited before this time, in milliseconds, was compared already.
    pub(super) until: i64,
}

impl Newest<'_> {
    /// What must be loaded to compare them, besides the ledger.
    pub(super) fn keys(&self, view: &View) -> Result<Vec<Key>, Missing> {
        let links = self.edited().map(|it| Key::documents(key::link_local(&it.id)));
        let reactions = Key::documents(key::reactions_in(self.room));
        Ok(links.chain(self.segment(view)?.map(Key::documents)).chain([reactions]).collect())
    }

    /// The journal entries of what was changed and never heard of.
    pub(super) fn changes(&self, view: &View, journal: &Journal) -> Result<Vec<Entry>, Missing> {
        let mut changes = self.deleted(view, journal)?;
        for message in self.edited() {
            let link = ledger::of(view, &message.id)?;
            let is_news = match (&link, outgoing::waiting(journal, &message.id)) {
                (Some(link), _) => edit::is_news(link, message),
                (None, Some(waiting)) => ledger::hash(waiting) != ledger::hash(message),
                (None, None) => false,
            };
            if is_news {
                changes.push(edit::entry(message, None));
            }
        }
        Ok(changes)
    }

    fn edited(&self) -> impl Iterator<Item = &Message> {
        self.page.iter().filter(|it| {
            outgoing::is_for_matrix(it, self.from) && it.edited_at.is_some_and(|at| at >= self.until)
        })
    }

    fn deleted(&self, view: &View, journal: &Journal) -> Result<Vec<Entry>, Missing> {
        let there: BTreeSet<&str> = self.page.iter().map(|it| it.id.as_str()).collect();
        let mut expected: Vec<Deleted> = self.linked(view)?;
        expected.extend(journal.entries.iter().filter_map(|it| {
            let Work::Post { message } = &it.work else { return None };
            (!ids::is_derived_message(&message.id))
                .then(|| self.deletion(&message.id, message.at, &message.sender.username))
        }));
        expected.retain(|it| {
            it.at >= self.from
                && !there.contains(it.message.as_str())
                && !redaction::waits(journal, &it.message)
        });
        expected.truncate(MOST_ASKED);
        view.all(expected.iter().map(|it| Key::Message { id: it.message.clone() }))?;
        let mut deleted = vec![];
        for expected in expected {
            if view.message(&expected.message)?.is_none_or(|it| !redaction::is_there(it)) {
                deleted.push(redaction::entry(view, expected));
            }
        }
        Ok(deleted)
    }

    /// The messages of the latest links that are not known to be gone.
    fn linked(&self, view: &View) -> Result<Vec<Deleted>, Missing> {
        let mut links: BTreeMap<&str, &Link> = BTreeMap::new();
        let segment = self.segment(view)?.map(|it| view.records(&it)).transpose()?.unwrap_or_default();
        for link in view.records(&key::ledger(self.room))?.iter().chain(segment).flat_map(ledger::links) {
            let latest = links.entry(&link.local).or_insert(link);
            if (link.gone, &link.edit) > (latest.gone, &latest.edit) {
                *latest = link;
            }
        }
        let is_expected = |it: &&Link| {
            !it.gone
                && !it.remote.is_empty()
                && !ids::is_derived_message(&it.local)
                && !ids::is_ghost_name(&it.by)
        };
        Ok(links
            .into_values()
            .filter(is_expected)
            .map(|it| self.deletion(&it.local, it.at, &it.by))
            .collect())
    }

    fn deletion(&self, message: &str, at: i64, author: &str) -> Deleted {
        let (room, message, author) = (self.room.to_owned(), message.to_owned(), author.to_owned());
        Deleted { room, message, at, author, by: None, event: None }
    }

    /// Where the newest segment of the ledger stands.
    fn segment(&self, view: &View) -> Result<Option<String>, Missing> {
        let records = view.records(&key::ledger(self.room))?.iter();
        let numbers = records.filter_map(|it| {
            let Record::Checkpoint(checkpoint) = it else { return None };
            Some(checkpoint.segment)
        });
        Ok(numbers.max().map(|number| key::segment(self.room, number)))
    }
}
