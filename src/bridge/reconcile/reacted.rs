//! What hooks lost of reactions: to the newest messages of a portal, those that are shown are held beside those that Matrix
//! has.

use std::collections::BTreeSet;

use super::changed::Newest;
use crate::bridge::journal::Journal;
use crate::bridge::reaction;
use crate::facts::{Message, UserKind};
use crate::ids::{self, key};
use crate::record::{Entry, React, Reaction, Work};
use crate::view::{Key, Missing, View};

/// So many reactions are taken up at most at a time; the others are found when the portal is compared again.
const MOST: usize = 100;

/// A reaction of somebody, and whether it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seen<'a> {
    message: &'a str,
    emoji: &'a str,
    by: &'a str,
    at: i64,
    on: bool,
}

impl Newest<'_> {
    /// The journal entries of reactions that were never heard of, or of which the end was not.
    pub(super) fn reactions(
        &self,
        view: &View,
        journal: &Journal,
        since: i64,
    ) -> Result<Vec<Entry>, Missing> {
        let known: Vec<&Reaction> = reaction::all(view.records(&key::reactions_in(self.room))?).collect();
        let mut news: BTreeSet<Seen<'_>> = BTreeSet::new();
        for message in self.page.iter().filter(|it| reaction::is_bridged(it, since)) {
            let is_known = |it: &Seen<'_>| known.iter().any(|known| is_of(known, it));
            news.extend(shown(message).filter(|it| !is_known(it)));
            let gone = known.iter().filter(|it| it.message == message.id);
            let gone = gone.filter(|it| !message.has_reaction(&it.emoji, &it.by));
            news.extend(gone.map(|it| Seen {
                message: &message.id,
                emoji: &it.emoji,
                by: &it.by,
                at: message.at,
                on: false,
            }));
        }
        news.retain(|it| !waits(journal, it));
        let news: Vec<Seen<'_>> = news.into_iter().take(MOST).collect();
        view.all(news.iter().map(|it| Key::UserByName { username: it.by.to_owned() }))?;
        let mut entries = vec![];
        for Seen { message, emoji, by, at, on } in news {
            // An App marks a message for people here; and who is gone can do nothing any more.
            let Some(user) = view.user_by_name(by)?.filter(|it| it.kind != UserKind::App) else { continue };
            let (room, message) = (self.room.to_owned(), message.to_owned());
            let react = React { room, message, emoji: emoji.to_owned(), by: user.clone(), on };
            entries.push(reaction::entry(view, react, at));
        }
        Ok(entries)
    }
}

/// The reactions of local users that a message shows.
fn shown(message: &Message) -> impl Iterator<Item = Seen<'_>> {
    message.reactions.iter().flat_map(|reaction| {
        let local = reaction.users.iter().filter(|it| !ids::is_ghost_name(it));
        local.map(|by| Seen { message: &message.id, emoji: &reaction.emoji, by, at: message.at, on: true })
    })
}

fn is_of(known: &Reaction, seen: &Seen<'_>) -> bool {
    known.message == seen.message && known.emoji == seen.emoji && known.by == seen.by
}

/// Whether a reaction stands in the journal already.
fn waits(journal: &Journal, seen: &Seen<'_>) -> bool {
    journal.entries.iter().any(|it| {
        let Work::React(react) = &it.work else { return false };
        react.message == seen.message && react.emoji == seen.emoji && react.by.username == seen.by
    })
}
