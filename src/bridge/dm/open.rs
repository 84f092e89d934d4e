//! Opening a direct message on Rocket.Chat. It is the one of just these people, however often it is opened.

use std::rc::Rc;

use super::{Members, REACHES_BACK};
use crate::bridge::journal::Journal;
use crate::bridge::{incoming, work};
use crate::effect::Effect;
use crate::ids::Scope;
use crate::policy;
use crate::puppet;
use crate::record::{Decline, Dm, Entry, Open, Portal, Reach, Record, Work};
use crate::view::{Missing, View};

/// Opens it; once it is there, it becomes a portal, or is to be given a Matrix room.
pub(in crate::bridge) fn go_on(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    open: &Open,
) -> Result<Vec<Effect>, Missing> {
    let Some(members) = super::members(view, &open.by, &open.ours, &open.people)? else {
        return work::refused(view, journal, entry, policy::NOBODY);
    };
    let Members { creator, usernames, mut effects } = members;
    let Some(room) = view.direct(&usernames)? else {
        effects.push(Effect::OpenDirect { creator, members: usernames });
        effects.push(work::next(entry, 0));
        return Ok(effects);
    };
    effects.extend(match &open.remote {
        _ if room.encrypted => refused(view, entry, open, policy::ENCRYPTED_HERE)?,
        // What was said before on either side, and went nowhere, is looked for.
        Some(remote) => vec![
            portal(entry, open, &room.id, remote),
            incoming::missed::first_words(entry, remote),
            Effect::Wake { scope: Scope::local(&room.id), at: view.now },
        ],
        None => reach(view, entry, open, &room.id),
    });
    effects.extend(journal.finish(view, entry));
    Ok(effects)
}

/// It could not be opened: whoever asked for it is told.
pub(super) fn refused(view: &View, entry: &Entry, open: &Open, why: &str) -> Result<Vec<Effect>, Missing> {
    if let Some(room) = &open.answer {
        let text = format!("The direct message could not be opened: {why}");
        return Ok(vec![Effect::Notify { room: room.clone(), user: open.by.id.clone(), text }]);
    }
    let decline = Work::Decline(Decline {
        mxid: puppet::mxid(view, &open.by)?,
        why: format!("This conversation could not be opened on Rocket.Chat: {why}"),
        say: true,
    });
    let entry = Entry { id: format!("decline:{}", entry.id), work: decline, ..entry.clone() };
    Ok(vec![Record::Entry(Rc::new(entry)).insert()])
}

fn portal(entry: &Entry, open: &Open, local: &str, remote: &str) -> Effect {
    Record::Portal(Portal {
        local: local.to_owned(),
        remote: remote.to_owned(),
        since: entry.at - REACHES_BACK,
        dm: Some(Dm {
            at: open.at,
            by: open.by.clone(),
            ours: open.ours.clone(),
            people: open.people.iter().map(|it| it.mxid.clone()).collect(),
        }),
    })
    .insert()
}

fn reach(view: &View, entry: &Entry, open: &Open, room: &str) -> Vec<Effect> {
    let reach = Reach { room: room.to_owned(), by: open.by.clone(), answer: open.answer.clone() };
    let scope = Scope::local(room);
    let entry = Entry {
        id: format!("reach:{}", entry.id),
        scope: scope.clone(),
        at: entry.at,
        part: 0,
        work: Work::Reach(reach),
    };
    vec![Record::Entry(Rc::new(entry)).insert(), Effect::Wake { scope, at: view.now }]
}
