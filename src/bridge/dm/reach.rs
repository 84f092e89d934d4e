//! Seeing to it that what is said in a direct message reaches somebody: it gets a Matrix room where it has none, those
//! who left are invited again, and where that cannot be done there is a new room.

use std::rc::Rc;

use super::REACHES_BACK;
use crate::attachment::DmIntent;
use crate::bridge::journal::Journal;
use crate::bridge::portal::{self, Conversation, Standing};
use crate::bridge::{ghost, ledger, work};
use crate::effect::Effect;
use crate::facts::{User, UserKind};
use crate::ids::{Scope, key};
use crate::puppet;
use crate::record::{Departed, Dm, Entry, Portal, Reach, Record, Work};
use crate::view::{Key, Missing, View, each};

/// If nobody would hear what a message says: the effects that see to it first.
pub(in crate::bridge) fn first(view: &View, entry: &Entry) -> Result<Option<Vec<Effect>>, Missing> {
    let Work::Post { message } = &entry.work else { return Ok(None) };
    let is_needed = match portal::conversation(view, &message.room)? {
        Some(conversation) => conversation.standing != Standing::Alive,
        None => message.direct && portal::of_local(view, &message.room)?.is_none(),
    };
    if !is_needed {
        return Ok(None);
    }
    let reach = Reach { room: message.room.clone(), by: message.sender.clone(), answer: None };
    let reach = Entry {
        id: format!("reach:{}", message.id),
        // Before the message.
        at: entry.at.saturating_sub(1),
        work: Work::Reach(reach),
        ..entry.clone()
    };
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(Some(vec![Record::Entry(Rc::new(reach)).insert(), wake]))
}

/// What is wanted of the network; `None` once somebody is there.
pub(super) fn intent(view: &View, reach: &Reach) -> Result<Option<DmIntent>, Missing> {
    look_up(view, reach)?;
    let before = match portal::conversation(view, &reach.room)? {
        Some(Conversation { standing: Standing::Alive, .. }) => return Ok(None),
        Some(Conversation { standing: Standing::Deserted, portal, dm }) => {
            return Ok(Some(DmIntent::Gather { room: portal.remote, by: dm.by, people: dm.people }));
        }
        Some(Conversation { standing: Standing::Closed, portal, .. }) => portal.remote,
        None => String::new(),
    };
    let mut people = ghosts(view, reach)?;
    if people.is_empty() {
        return Ok(None);
    }
    let others = ours(view, reach)?.into_iter().filter(|it| it.id != reach.by.id);
    people.extend(each(others, |it| puppet::mxid(view, it))?);
    Ok(Some(DmIntent::Create { room: reach.room.clone(), before, by: reach.by.clone(), people }))
}

/// Its Matrix room is there.
pub(super) fn created(
    view: &View,
    entry: &Entry,
    reach: &Reach,
    people: &[String],
    remote: &str,
) -> Result<Vec<Effect>, Missing> {
    look_up(view, reach)?;
    let dm = Dm {
        at: entry.at,
        by: reach.by.clone(),
        ours: ours(view, reach)?.into_iter().map(|it| it.id.clone()).collect(),
        people: people.iter().filter(|it| !view.config.is_ours(it)).cloned().collect(),
    };
    let portal = Portal {
        local: reach.room.clone(),
        remote: remote.to_owned(),
        since: entry.at - REACHES_BACK,
        dm: Some(dm),
    };
    Ok(vec![Record::Portal(portal).insert(), Effect::Wake { scope: Scope::remote(remote), at: view.now }])
}

/// Those who had left are invited again.
pub(super) fn gathered(
    view: &View,
    reach: &Reach,
    remote: &str,
    people: &[String],
) -> Result<Vec<Effect>, Missing> {
    let text =
        format!("{} had left this conversation on Matrix and is invited again.", super::listed(people));
    let say = Effect::Notify { room: reach.room.clone(), user: reach.by.id.clone(), text };
    let gone = portal::departed(view, &reach.room)?.into_iter().filter(|it| it.remote == remote);
    let mut effects = vec![say];
    effects.extend(gone.map(|it| Record::Departed(it.clone()).remove()));
    Ok(effects)
}

/// Somebody is there: whoever asked for it is told.
pub(super) fn reached(view: &View, reach: &Reach) -> Result<Vec<Effect>, Missing> {
    let Some(room) = &reach.answer else { return Ok(vec![]) };
    let names = view.members(&reach.room)?.iter().filter(|it| ghost::is_ghost(it));
    let names: Vec<String> = names.map(|it| format!("@{}", it.username)).collect();
    let text = format!(
        "Your conversation with {} is among your direct messages: what you write there reaches Matrix.",
        names.join(", ")
    );
    Ok(vec![Effect::Notify { room: room.clone(), user: reach.by.id.clone(), text }])
}

/// It cannot be done. Where those who left could not be invited again, a new room is made; else whoever wants to say
/// something is told, and nothing waits any more.
pub(in crate::bridge) fn refused(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    reach: &Reach,
    why: &str,
) -> Result<Vec<Effect>, Missing> {
    if let Some(Conversation { standing: Standing::Deserted, portal, dm }) =
        portal::conversation(view, &reach.room)?
    {
        let (local, mxid) = (reach.room.clone(), puppet::mxid(view, &dm.by)?);
        let closed = Record::Departed(Departed { local, remote: portal.remote, mxid });
        return Ok(vec![closed.insert(), work::next(entry, 0)]);
    }
    let (room, text) = match &reach.answer {
        Some(room) => (room, format!("The direct message could not be opened on Matrix: {why}")),
        None => (&reach.room, format!("What you wrote was not delivered to Matrix: {why}")),
    };
    let mut effects = vec![Effect::Notify { room: room.clone(), user: reach.by.id.clone(), text }];
    for entry in &journal.entries {
        if let Work::Post { message } = &entry.work {
            effects.push(Record::Link(ledger::link(message, "")).insert());
            effects.push(Effect::Remove { id: entry.id.clone() });
        }
    }
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

fn look_up(view: &View, reach: &Reach) -> Result<(), Missing> {
    let kept = [Key::documents(key::portal_local(&reach.room)), Key::Members { room: reach.room.clone() }];
    view.all(kept.into_iter().chain(puppet::keys(view, &reach.by)))
}

/// The Matrix users in a direct message.
fn ghosts(view: &View, reach: &Reach) -> Result<Vec<String>, Missing> {
    let ghosts: Vec<&User> = view.members(&reach.room)?.iter().filter(|it| ghost::is_ghost(it)).collect();
    view.all(ghosts.iter().map(|it| Key::documents(key::ghost_name(&it.username))))?;
    let mut people = vec![];
    for ghost in ghosts {
        people.extend(ghost::mxid(view, &ghost.username)?);
    }
    people.sort();
    Ok(people)
}

/// The people of this workspace in a direct message.
fn ours<'a>(view: &'a View, reach: &Reach) -> Result<Vec<&'a User>, Missing> {
    let is_ours = |it: &&User| it.kind == UserKind::User;
    Ok(view.members(&reach.room)?.iter().filter(is_ours).collect())
}
