//! A local deletion on its way to Matrix.
//!
//! A deletion is judged by who deletes: what a ghost takes away was taken away on Matrix. It stands in the journal behind
//! its message, which does not go out at all if it has provably never been tried; see `edit::overtaken`.

use std::rc::Rc;

use serde_json::{Value, json};

use super::journal::Journal;
use super::{ghost, ledger, portal};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, User};
use crate::ids::{self, Scope, key};
use crate::puppet;
use crate::record::{Deleted, Entry, Link, Record, Work};
use crate::view::{Key, Missing, View};

/// Takes a deletion into the journal, if it is one for the other side.
pub(super) fn accept(view: &View, message: &Message, by: &User) -> Result<Vec<Effect>, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(vec![]) };
    let from_matrix = ghost::is_ghost(&message.sender);
    let link = if from_matrix { ledger::of(view, &message.id)? } else { None };
    // A file from Matrix has an id of Rocket.Chat's own.
    let event = ids::event_of(&message.id).or_else(|| link.as_ref().map(|it| it.remote.clone()));
    let was_bridged = if from_matrix {
        event.is_some() && !link.as_ref().is_some_and(|it| it.gone)
    } else {
        message.at >= portal.since
    };
    if ghost::is_ghost(by) || message.system.is_some() || !was_bridged {
        return Ok(vec![]);
    }
    let deleted = Deleted {
        room: message.room.clone(),
        message: message.id.clone(),
        at: message.at,
        author: message.sender.username.clone(),
        by: Some(by.clone()),
        event: event.clone().filter(|_| from_matrix && link.is_some()),
    };
    let others = others(view, &deleted)?;
    // Known at once, so that what came from Matrix is not brought again meanwhile.
    let known = from_matrix.then(|| Record::Link(gone(&deleted, link)).insert());
    let entry = entry(view, deleted);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    let entry = Record::Entry(Rc::new(entry)).insert();
    Ok([entry].into_iter().chain(others).chain(known).chain([wake]).collect())
}

/// The effects that delete what else an event of Matrix became, for it goes as a whole: a file with its caption, a long
/// text with all its parts.
fn others(view: &View, deleted: &Deleted) -> Result<Vec<Effect>, Missing> {
    let event = deleted.event.clone().or_else(|| ids::event_of(&deleted.message));
    let (Some(event), Some(by)) = (event.filter(|_| ids::is_ghost_name(&deleted.author)), &deleted.by) else {
        return Ok(vec![]);
    };
    let mut others = ledger::locals(view, &deleted.room, &event)?;
    others.insert(ids::message_id(&event));
    others.remove(&deleted.message);
    let effects = others.into_iter().flat_map(|id| {
        let link = Link {
            room: deleted.room.clone(),
            local: id.clone(),
            remote: event.clone(),
            at: deleted.at,
            gone: true,
            ..Link::default()
        };
        let (room, by) = (deleted.room.clone(), by.username.clone());
        // Known before, for Rocket.Chat tells of this deletion, too.
        [Record::Link(link).insert(), Effect::DeleteMessage { id, room, by }]
    });
    Ok(effects.collect())
}

/// The journal entry of a deletion.
pub(super) fn entry(view: &View, deleted: Deleted) -> Entry {
    Entry {
        id: deleted.event.as_ref().map_or_else(|| entry_id(&deleted.message), |it| format!("redact:{it}")),
        scope: Scope::local(&deleted.room),
        at: view.now.max(deleted.at),
        part: 2,
        work: Work::Redact { deleted: Box::new(deleted) },
    }
}

fn entry_id(message: &str) -> String {
    format!("redact:{message}")
}

/// Whether anything is left of a message: of the first one of a thread Rocket.Chat keeps the place.
pub(super) fn is_there(message: &Message) -> bool {
    message.system.as_deref() != Some("rm")
}

/// Whether the deletion of a message waits.
pub(super) fn waits(journal: &Journal, message: &str) -> bool {
    journal.entry(&entry_id(message)).is_some()
}

/// What goes out in the place of a message that was deleted meanwhile, but perhaps was sent before: its event must be
/// known to be taken back, and nobody else need read it.
pub(super) fn instead() -> Value {
    json!({
        "msgtype": "m.notice",
        "body": "This message was deleted before it was sent.",
        "m.mentions": {},
    })
}

/// What a deletion wants of the network; `None` if Matrix never had the message, or has it no more.
pub(super) fn intent(view: &View, entry: &Entry, deleted: &Deleted) -> Result<Option<Intent>, Missing> {
    let mut keys = vec![
        Key::documents(key::portal_local(&deleted.room)),
        Key::documents(key::link_local(&deleted.message)),
    ];
    match &deleted.by {
        Some(by) => keys.extend(puppet::keys(view, by)),
        None => keys.push(Key::UserByName { username: deleted.author.clone() }),
    }
    view.all(keys)?;
    let Some(portal) = portal::of_local(view, &deleted.room)? else { return Ok(None) };
    let from_matrix = ids::event_of(&deleted.message);
    let is_ours = !ids::is_ghost_name(&deleted.author);
    let link = ledger::of(view, &deleted.message)?;
    // What is said of the first event holds for the others.
    let link = link.filter(|it| !it.remote.is_empty() && (!it.gone || deleted.event.is_some()));
    let event = deleted.event.clone().or(from_matrix).or_else(|| link.map(|it| it.remote));
    let Some(event) = event else { return Ok(None) };
    let by = match &deleted.by {
        Some(by) => Some(by.clone()),
        None => view.user_by_name(&deleted.author)?.filter(|it| it.active && is_ours).cloned(),
    };
    let reason = match &deleted.by {
        Some(by) => format!("Deleted on Rocket.Chat by {}", by.username),
        None => "Deleted on Rocket.Chat".to_owned(),
    };
    Ok(Some(Intent::Redact {
        room: portal.remote,
        event,
        is_ours,
        by,
        reason,
        transaction: ids::redaction_transaction(deleted.event.as_deref().unwrap_or(&deleted.message)),
        at: entry.at,
    }))
}

/// What to keep of a deletion that is over: that the message is gone, whatever comes of it late.
pub(super) fn over(view: &View, deleted: &Deleted) -> Result<Vec<Effect>, Missing> {
    let link = ledger::of(view, &deleted.message)?;
    Ok(match link {
        Some(link) if link.gone => vec![],
        link => {
            // Each of the other files is an event of its own.
            let more = link.iter().flat_map(|it| &it.more).map(|event| {
                let deleted = Deleted { event: Some(event.clone()), ..deleted.clone() };
                Record::Entry(Rc::new(entry(view, deleted))).insert()
            });
            let mut effects: Vec<Effect> = more.collect();
            // Those that a crash left.
            effects.extend(others(view, deleted)?);
            effects.push(Record::Link(gone(deleted, link)).insert());
            effects
        }
    })
}

fn gone(deleted: &Deleted, link: Option<Link>) -> Link {
    let unknown = || Link {
        room: deleted.room.clone(),
        local: deleted.message.clone(),
        remote: ids::event_of(&deleted.message).unwrap_or_default(),
        at: deleted.at,
        by: deleted.author.clone(),
        ..Link::default()
    };
    Link { gone: true, mentions: vec![], ..link.unwrap_or_else(unknown) }
}

/// What to do about a deletion that Matrix refused: whoever deleted is told, and it is not tried again.
pub(super) fn refused(view: &View, deleted: &Deleted, why: &str) -> Result<Vec<Effect>, Missing> {
    let text = format!("The message is deleted here, but not on Matrix: {why}");
    let tell = |by: &User| Effect::Notify { room: deleted.room.clone(), user: by.id.clone(), text };
    let mut effects: Vec<Effect> = deleted.by.as_ref().map(tell).into_iter().collect();
    effects.push(Effect::Log {
        level: Level::Warn,
        text: format!("The deletion of message {} was refused by Matrix: {why}", deleted.message),
    });
    effects.extend(over(view, deleted)?);
    Ok(effects)
}
