//! The journals of scopes at work, kept in memory so that a long one is not read again for every entry.
//!
//! Only the owner of a scope takes entries away, so what it inserts and removes itself keeps the copy true; what
//! others insert is announced by a wake-up, and then the copy is forgotten. It never outlives the scope's queue.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::effect::Effect;
use crate::ids::{Scope, key};
use crate::record::Record;
use crate::view::{Found, Key};

/// Journals by their key.
#[derive(Debug, Default)]
pub(super) struct Cache {
    journals: BTreeMap<Key, Found>,
    changes: u64,
}

impl Cache {
    /// The copy under a key.
    pub(super) fn get(&self, key: &Key) -> Option<&Found> {
        self.journals.get(key)
    }

    /// How often anything changed so far. What was read before a change may lack it.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Keeps a copy, if it is of a journal and nothing has changed since the reading began.
    pub(super) fn keep(&mut self, key: &Key, found: &Found, changes: u64) {
        if changes == self.changes
            && matches!(key, Key::Documents { association } if key::is_journal(association))
        {
            self.journals.insert(key.clone(), found.clone());
        }
    }

    /// Forgets the journal of a scope.
    pub(super) fn forget(&mut self, scope: &Scope) {
        self.changes = self.changes.wrapping_add(1);
        self.journals.remove(&Key::documents(key::journal(scope)));
    }

    /// Makes the copies what the store has become.
    pub(super) fn follow(&mut self, effect: &Effect) {
        self.changes = self.changes.wrapping_add(1);
        if self.journals.is_empty() {
            return;
        }
        if let Effect::Insert { document } = effect {
            for association in &document.associations {
                let Some(Found::Records(records)) =
                    self.journals.get_mut(&Key::documents(association.as_str()))
                else {
                    continue;
                };
                Rc::make_mut(records).extend(Record::parse(&document.body));
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
