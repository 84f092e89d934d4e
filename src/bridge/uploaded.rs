//! Which files of the workspace are files of Matrix that the account for the REST API brought.
//!
//! Kept before Rocket.Chat makes a message of one, and never forgotten: the message is the account's, and nothing else
//! tells that it began on Matrix.

use crate::effect::Effect;
use crate::facts::Message;
use crate::ids::key;
use crate::record::{Link, Record, Uploaded};
use crate::view::{Key, Missing, View};

/// So many bytes get across as they come, by an account for Rocket.Chat's REST API.
pub(super) const LARGEST: u32 = 100 * 1_048_576;

/// The file that an event of Matrix became in a room, if it did.
pub(super) fn of_event<'a>(view: &'a View, room: &str, event: &str) -> Result<Option<&'a Uploaded>, Missing> {
    let all = view.records(&key::link_remote(event))?.iter();
    let all = all.filter_map(|it| if let Record::Uploaded(it) = it { Some(it) } else { None });
    // Two instances that brought it at the same moment settle on the same one.
    Ok(all.filter(|it| it.room == room).min_by_key(|it| &it.file))
}

/// What must be loaded to say whether a message is one of such a file.
pub(super) fn keys(message: &Message) -> impl Iterator<Item = Key> {
    message.files.iter().map(|it| Key::documents(key::uploaded(&it.id)))
}

/// The file from Matrix that a message of a room is, if it is one.
pub(super) fn of_message<'a>(view: &'a View, message: &Message) -> Result<Option<&'a Uploaded>, Missing> {
    view.all(keys(message))?;
    for file in &message.files {
        for record in view.records(&key::uploaded(&file.id))? {
            if let Record::Uploaded(it) = record
                && it.room == message.room
            {
                return Ok(Some(it));
            }
        }
    }
    Ok(None)
}

/// The effect that links the message of such a file to its event.
pub(super) fn link(of: &Uploaded, message: &str, at: i64) -> Effect {
    let link = Link {
        room: of.room.clone(),
        local: message.to_owned(),
        remote: of.event.clone(),
        at,
        by: of.by.clone(),
        ..Link::default()
    };
    Record::Link(link).insert()
}
