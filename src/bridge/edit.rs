//! A local edit on its way to Matrix.
//!
//! An edit is judged by its editor, and goes out in the name of the message's sender: Matrix knows no others. It stands
//! in the journal behind its message. Of several that wait the newest goes; and where the message itself waits and has
//! provably never been tried, it goes out with its newest text, as if it had been said so.
//!
//! A text that takes several events is edited event by event: those that are left over are taken back, those that are
//! lacking are sent. Once begun, an edit comes to its end before the next one, for only then all its events are linked.

use std::rc::Rc;

use super::dm::Achieved;
use super::journal::Journal;
use super::{encryption, file, ghost, ledger, outgoing, owner, pin, portal, reaction, reconcile, redaction};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, User};
use crate::ids::{self, Scope, key};
use crate::puppet;
use crate::record::{Edit, Entry, Link, Record, Work};
use crate::translate::Mentions;
use crate::view::{Key, Missing, View};

/// How everyone in a room stands among the mentions of a link.
const EVERYONE: &str = "@room";

/// Takes an edit into the journal, if it is one for the other side.
pub(super) fn accept(view: &View, message: &Message, by: Option<&User>) -> Result<Vec<Effect>, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(vec![]) };
    if ghost::is_ghost(&message.sender) {
        return Ok(by
            .filter(|it| !ghost::is_ghost(it))
            .map(|it| impossible(message, it))
            .into_iter()
            .collect());
    }
    if !outgoing::is_for_matrix(message, portal.since) {
        return Ok(vec![]);
    }
    if encryption::suspended(view, &portal)?.is_some() {
        return Ok(vec![encryption::held_back(message, by.unwrap_or(&message.sender))]);
    }
    let entry = entry(message, by);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), wake])
}

/// Nobody can give the words of a Matrix user another form than they themselves.
fn impossible(message: &Message, by: &User) -> Effect {
    let text = format!(
        "Your edit of what {} said is seen here only: on Matrix, nobody can edit the message of somebody else.",
        message.sender.username
    );
    Effect::Notify { room: message.room.clone(), user: by.id.clone(), text }
}

/// The journal entry of an edit.
pub(super) fn entry(message: &Message, by: Option<&User>) -> Entry {
    let at = time(message);
    Entry {
        id: format!("edit:{}:{at}", message.id),
        scope: Scope::local(&message.room),
        at: at.max(message.at),
        part: 1,
        work: Work::Edit { message: Box::new(message.clone()), by: by.cloned() },
    }
}

/// When a message got the text it has, in milliseconds.
fn time(message: &Message) -> i64 {
    message.edited_at.unwrap_or(message.at)
}

/// The newest text of a message that waits.
fn newest<'a>(journal: &'a Journal, message: &str) -> Option<&'a Message> {
    let edits = journal.entries.iter().filter_map(|it| {
        let Work::Edit { message, .. } = &it.work else { return None };
        Some(&**message)
    });
    edits.filter(|it| it.id == message).max_by_key(|it| time(it))
}

/// If a message or an edit was changed again before its turn came, or its message never went out: what is to be done
/// first, or instead.
pub(super) fn overtaken(
    view: &View,
    journal: &Journal,
    entry: &Entry,
) -> Result<Option<Vec<Effect>>, Missing> {
    match &entry.work {
        Work::Post { message } => overtaken_message(view, journal, entry, message),
        Work::Edit { message, .. } => {
            let is_old = redaction::waits(journal, &message.id)
                || newest(journal, &message.id).is_some_and(|it| time(it) > time(message));
            if is_old && !journal.has_carried(entry) {
                return Ok(Some(journal.finish(view, entry)));
            }
            outgoing::with_names(view, message, needed(view, message))?;
            let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
            if ledger::of(view, &message.id)?.is_some() || !outgoing::is_for_matrix(message, portal.since) {
                return Ok(None);
            }
            // The hook of the message itself is late, or lost: it goes first, with this text.
            let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
            Ok(Some(vec![Record::Entry(Rc::new(outgoing::entry(message))).insert(), wake]))
        }
        Work::React(react) => {
            let keys = reaction::needed(view, react);
            reaction::first_the_message(view, journal, entry, (&react.room, &react.message), keys)
        }
        Work::Pin(pin) => {
            let keys = pin::needed(view, pin);
            reaction::first_the_message(view, journal, entry, (&pin.room, &pin.message), keys)
        }
        Work::Redact { .. }
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
        | Work::Pinned(_) => Ok(None),
    }
}

/// What is needed to tell what becomes of a message that was changed while it waited.
pub(super) fn looked_at(journal: &Journal, message: &Message) -> Vec<Key> {
    if redaction::waits(journal, &message.id) || newest(journal, &message.id).is_some() {
        [key::INSTANCES.to_owned(), key::compared(&message.room)].map(Key::documents).to_vec()
    } else {
        vec![]
    }
}

fn overtaken_message(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
) -> Result<Option<Vec<Effect>>, Missing> {
    if ledger::is_linked(view, &message.id)? {
        // It has gone out already; its hook only came once more.
        return Ok(None);
    }
    if outgoing::is_renewed(journal, entry, message) {
        return Ok(Some(journal.finish(view, entry)));
    }
    let is_deleted = redaction::waits(journal, &message.id);
    let newest = newest(journal, &message.id).filter(|it| time(it) > time(message));
    if !is_deleted && newest.is_none() || !is_untried(view, journal, entry, message)? {
        return Ok(None);
    }
    if is_deleted {
        let gone = Link { gone: true, ..ledger::link(message, "") };
        let mut effects = vec![Record::Link(gone).insert()];
        effects.extend(journal.finish(view, entry));
        return Ok(Some(effects));
    }
    let renewed = newest.map(|newest| outgoing::renewed(entry, newest, time(newest)));
    let mut effects: Vec<Effect> =
        renewed.into_iter().map(|it| Record::Entry(Rc::new(it)).insert()).collect();
    effects.extend(journal.finish(view, entry));
    Ok(Some(effects))
}

/// Whether a message has provably never been tried: not by this instance, which remembers its failures, and not by
/// another, for none was there since it was said. Whenever one comes or goes, all portals are compared.
fn is_untried(view: &View, journal: &Journal, entry: &Entry, message: &Message) -> Result<bool, Missing> {
    Ok(journal.attempts(entry, 0) == 0
        && !journal.has_carried(entry)
        && message.at >= view.started
        && owner::is_alone_since(view, message.at)?
        && reconcile::last(view, &message.room)?.is_none_or(|it| it < message.at))
}

/// What an edit wants of the network next; `None` if nothing any more.
pub(super) fn intent(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
    tried: bool,
) -> Result<Option<Intent>, Missing> {
    view.all(needed(view, message))?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
    // Of a message that is to be deleted nobody reads the rest.
    if encryption::was_suspended(view, &portal, time(message))? || redaction::waits(journal, &message.id) {
        return Ok(None);
    }
    let Some(link) = news(view, message)? else { return Ok(None) };
    let Some(mut said) = file::text(message, outgoing::translated(view, message)?) else { return Ok(None) };
    let part = journal.told_of(entry).len();
    let before = texts(&link, message);
    let at = time(message);
    let (room, by) = (portal.remote, message.sender.clone());
    let transaction = ids::part_transaction(&ids::edit_transaction(&message.id, at), part);
    let content = match (said.texts.get_mut(part), before.get(part)) {
        (None, None) => return Ok(None),
        (None, Some(event)) => {
            return Ok(Some(Intent::Redact {
                room,
                event: event.clone(),
                is_ours: true,
                by: Some(by),
                reason: "The message became shorter on Rocket.Chat".to_owned(),
                transaction,
                at,
            }));
        }
        (Some(text), Some(event)) if part == 0 => {
            file::recaptioned(text.replacing(event, &mentioned(&link)), message, &link)
        }
        (Some(text), Some(event)) => text.replacing(event, &mentioned(&link)),
        // Matrix never heard of this part, or of the message: it was refused, or had nothing to say.
        (Some(text), None) => {
            text.mentions = text.mentions.beyond(&mentioned(&link));
            said.content(part).unwrap_or_default()
        }
    };
    Ok(Some(Intent::Send {
        room,
        by,
        event_type: "m.room.message".to_owned(),
        content,
        transaction,
        at,
        perhaps_sent: tried || outgoing::is_old(view, at),
    }))
}

/// The events that bear the text of a message: the first, and those behind its files.
fn texts(link: &Link, message: &Message) -> Vec<String> {
    let more = link.more.iter().skip(message.files.len().max(1) - 1);
    [&link.remote].into_iter().filter(|it| !it.is_empty()).chain(more).cloned().collect()
}

/// Whether an edit is one that Matrix has yet to hear of.
pub(super) fn is_waited_for(view: &View, message: &Message) -> Result<bool, Missing> {
    view.all(needed(view, message))?;
    Ok(news(view, message)?.is_some())
}

/// What every edit needs, whatever it says.
fn needed(view: &View, message: &Message) -> impl Iterator<Item = Key> {
    let kept = [key::portal_local(&message.room), key::link_local(&message.id)].map(Key::documents);
    kept.into_iter().chain(puppet::keys(view, &message.sender))
}

/// The link of a message, if this text is a new one for the other side.
fn news(view: &View, message: &Message) -> Result<Option<Link>, Missing> {
    Ok(ledger::of(view, &message.id)?.filter(|link| is_news(link, message)))
}

/// Whether a message shows something else than was last bridged, and later.
pub(super) fn is_news(link: &Link, message: &Message) -> bool {
    !link.gone
        // The file of somebody of Matrix, whoever posted it here.
        && !ids::is_ghost_name(&link.by)
        && link.edit.as_ref().is_none_or(|it| it.at < time(message))
        && link.hash != ledger::hash(message)
}

/// What follows once a part of an edit is told of, or taken back where there is no event: all, if it was the last.
pub(super) fn achieved(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
    event: &str,
) -> Result<Achieved, Missing> {
    let before = ledger::of(view, &message.id)?.unwrap_or_default();
    let said = file::text(message, outgoing::translated(view, message)?);
    let parts = said.as_ref().map_or(0, |it| it.texts.len());
    let mut told = journal.told_of(entry);
    told.push(event.to_owned());
    if told.len() < parts.max(texts(&before, message).len()) {
        return Ok(Achieved::Part(vec![journal.tell(entry, event)]));
    }
    let mentions = said.map(|it| it.mentions()).unwrap_or_default();
    let link = Link { mentions, ..link(&before, message, told) };
    Ok(Achieved::All(vec![Record::Link(link).insert()]))
}

/// The link of a message, of whose new text so much was told.
fn link(before: &Link, message: &Message, told: Vec<String>) -> Link {
    let edit = Edit { at: time(message), event: told.first().cloned().unwrap_or_default() };
    let mut events = texts(before, message);
    let behind = told.len().min(events.len());
    let known = events.drain(..behind).collect::<Vec<_>>();
    // Of what was there before the event stays, unless it was taken back; what was lacking has a new one.
    let told = told.into_iter().enumerate().filter(|(_, it)| !it.is_empty());
    let told = told.map(|(part, new)| known.get(part).cloned().unwrap_or(new));
    let mut events = told.chain(events).collect::<Vec<_>>().into_iter();
    let remote = events.next().unwrap_or_default();
    let files = before.more.iter().take(message.files.len().max(1) - 1).cloned();
    Link {
        edit: Some(edit),
        more: files.chain(events).collect(),
        media: before.media.clone(),
        ..ledger::link(message, &remote)
    }
}

/// What to keep of an edit that Matrix hears no more of: that it was looked at, or it would be found again and again.
pub(super) fn passed_over(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
) -> Result<Vec<Effect>, Missing> {
    let news = news(view, message)?;
    Ok(news.map(|it| Record::Link(link(&it, message, journal.told_of(entry))).insert()).into_iter().collect())
}

/// What to do about an edit that Matrix refused: the editor is told, and it is not tried again.
pub(super) fn refused(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    (message, by): (&Message, Option<&User>),
    why: &str,
) -> Result<Vec<Effect>, Missing> {
    let user = by.unwrap_or(&message.sender).id.clone();
    let text = format!("Your edit was not delivered to Matrix: {why}");
    let mut effects = vec![
        Effect::Notify { room: message.room.clone(), user, text },
        Effect::Log {
            level: Level::Warn,
            text: format!("An edit of message {} was refused by Matrix: {why}", message.id),
        },
    ];
    effects.extend(passed_over(view, journal, entry, message)?);
    Ok(effects)
}

/// Mentions as a link keeps them.
pub(super) fn named(Mentions { mut users, room }: Mentions) -> Vec<String> {
    users.extend(room.then(|| EVERYONE.to_owned()));
    users
}

fn mentioned(link: &Link) -> Mentions {
    let (everyone, users): (Vec<_>, Vec<_>) = link.mentions.iter().cloned().partition(|it| it == EVERYONE);
    Mentions { users, room: !everyone.is_empty() }
}
