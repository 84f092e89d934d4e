//! The journals of scopes at work, kept in memory so that a long one is not read again for every entry.
//!
//! Only the owner of a scope takes entries away, so what it inserts and removes itself keeps the copy true; what
//! others insert is announced by a wake-up, and then the copy is forgotten. It never outlives the scope's queue.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::effect::Effect;
use crate::ids::{Scope, key};
use crate::record::Record;
use crate::view::{Found, Key};

/// Journals by their key.
#[derive(Debug, Default)]
pub(super) struct Cache {
    journals: BTreeMap<Key, Found>,
    /// Journals that are being read, and that nothing was put into meanwhile.
    reading: BTreeSet<Key>,
}

impl Cache {
    /// The copy under a key.
    pub(super) fn get(&self, key: &Key) -> Option<&Found> {
        self.journals.get(key)
    }

    /// Notes that a key is about to be read.
    pub(super) fn will_read(&mut self, key: &Key) {
        if matches!(key, Key::Documents { association } if key::is_journal(association)) {
            self.reading.insert(key.clone());
        }
    }

    /// Keeps what was read, if it is a journal and nothing was put into it since the reading began.
    pub(super) fn keep(&mut self, key: &Key, found: &Found) {
        if self.reading.remove(key) {
            self.journals.insert(key.clone(), found.clone());
        }
    }

    /// Forgets the journal of a scope.
    pub(super) fn forget(&mut self, scope: &Scope) {
        let key = Key::documents(key::journal(scope));
        self.reading.remove(&key);
        self.journals.remove(&key);
    }

    /// Makes the copies what the store has become.
    pub(super) fn follow(&mut self, effect: &Effect) {
        if let Effect::Insert { document } = effect {
            for association in &document.associations {
                let key = Key::documents(association.as_str());
                self.reading.remove(&key);
                if let Some(Found::Records(records)) = self.journals.get_mut(&key) {
                    Rc::make_mut(records).extend(Record::parse(&document.body));
                }
            }
        } else if let Effect::Remove { id } = effect {
            for found in self.journals.values_mut() {
                if let Found::Records(records) = found
                    && records.iter().any(|it| it.id() == *id)
                {
                    Rc::make_mut(records).retain(|it| it.id() != *id);
                }
            }
        }
    }
}
