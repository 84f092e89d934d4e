//! A local message on its way to Matrix.
//!
//! A message is judged by its sender: what a ghost says began on Matrix and goes no further.

use std::rc::Rc;

use serde_json::Value;

use super::dm::Achieved;
use super::journal::Journal;
use super::names::Names;
use super::{
    dm, edit, encryption, everyone, file, ghost, ledger, portal, redaction, reply, thread, uploaded,
};
use crate::attachment::Intent;
use crate::effect::{Effect, Level};
use crate::facts::{Message, UserKind};
use crate::ids::{self, Scope};
use crate::puppet;
use crate::record::{Entry, Link, Record, Work};
use crate::translate::{self, Limit, LocalParts, LocalText, MatrixText, Mentions, Parts};
use crate::view::{Key, Missing, View, both};

/// How far back to look for earlier messages whose hook is late or lost, in milliseconds. Hooks overtake each
/// other by milliseconds; what is older is found when portals are compared.
const LOOK_BACK: i64 = 10_000;

/// How many messages that look-back reads at most.
pub(super) const LOOK_BACK_MESSAGES: u32 = 100;

/// A message younger than so many milliseconds, and than this instance, was sent by no other that died since.
const FRESH: i64 = 3_000;

/// How much one message may say on Matrix: events of so many bytes, of which the edit of one still fits into an event (the
/// new text, and a little of it once more), and so many of them.
const LIMIT: Limit = Limit { size: 40 * 1024, parts: 10 };

/// What the id of a message's entry begins with.
const ENTRY: &str = "out:";

/// Takes a message into the journal, if it is one for the other side.
pub(super) fn accept(view: &View, message: &Message) -> Result<Vec<Effect>, Missing> {
    let Some(portal) = portal::of_local(view, &message.room)? else { return dm::first_words(view, message) };
    if let Some(effects) = encryption::accept(view, &portal, message)? {
        return Ok(effects);
    }
    if !is_for_matrix(message, portal.since) {
        return Ok(vec![]);
    }
    Ok(taken_in(view, message).to_vec())
}

/// The effects that take a message into the journal.
pub(super) fn taken_in(view: &View, message: &Message) -> [Effect; 2] {
    let entry = entry(message);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    [Record::Entry(Rc::new(entry)).insert(), wake]
}

/// Whether a message is one for the other side: said by one of ours, and since the room is a portal.
pub(super) fn is_for_matrix(message: &Message, since: i64) -> bool {
    let is_notice = message.sender.kind == UserKind::App && ids::is_derived_message(&message.id);
    message.system.is_none() && message.at >= since && !ghost::is_ghost(&message.sender) && !is_notice
}

/// The journal entry of a message.
pub(super) fn entry(message: &Message) -> Entry {
    Entry {
        // Of the message, not of its edits: however it is read again, it is one entry.
        id: format!("{ENTRY}{}", message.id),
        scope: Scope::local(&message.room),
        at: message.at,
        part: 0,
        work: Work::Post { message: Box::new(message.clone()) },
    }
}

/// What every message of a room needs, whatever it says.
pub(super) fn looked_at(room: &str) -> [Key; 2] {
    [
        Key::Recent { room: room.to_owned(), skip: 0, limit: LOOK_BACK_MESSAGES },
        Key::documents(ids::key::portal_local(room)),
    ]
}

/// If messages before this one were never journaled (their hooks are late, or lost in a crash): the effects that
/// take them in, so that they go first.
pub(super) fn first_the_earlier(
    view: &View,
    journal: &Journal,
    entry: &Entry,
) -> Result<Option<Vec<Effect>>, Missing> {
    let Work::Post { message } = &entry.work else { return Ok(None) };
    view.all(looked_at(&message.room))?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
    let since = portal.since.max(message.at - LOOK_BACK);
    let earlier = view
        .recent(&message.room, 0, LOOK_BACK_MESSAGES)?
        .iter()
        .filter(|it| is_for_matrix(it, since) && (it.at, &it.id) < (message.at, &message.id));
    let all = earlier.clone().chain([&**message]);
    let links = all.map(|it| Key::documents(ids::key::link_local(&it.id)));
    let looked_at = links.chain(uploaded::keys(message)).chain(edit::looked_at(journal, message));
    let looked_at = looked_at.chain(puppet::keys(view, &message.sender));
    with_names(view, message, looked_at)?;
    let unknown = ledger::without_link(view, journal, earlier)?;
    if unknown.is_empty() {
        return Ok(None);
    }
    let mut effects: Vec<Effect> =
        unknown.into_iter().map(|it| Record::Entry(Rc::new(self::entry(it))).insert()).collect();
    effects.push(Effect::Wake { scope: entry.scope.clone(), at: view.now });
    Ok(Some(effects))
}

/// A message as it stands in the journal, with the text that it is to go out with.
pub(super) fn waiting<'a>(journal: &'a Journal, message: &str) -> Option<&'a Message> {
    entries(journal, message).last().map(|it| it.1)
}

/// The entries of a message, in order: more than one while it is being renewed.
fn entries<'a>(journal: &'a Journal, message: &str) -> impl Iterator<Item = (&'a Entry, &'a Message)> {
    journal.entries.iter().filter_map(move |it| {
        let Work::Post { message: posted } = &it.work else { return None };
        (posted.id == message).then_some((&**it, &**posted))
    })
}

/// Whether an entry of a message has been renewed: only one that was never tried is, and it is not tried any more.
pub(super) fn is_renewed(journal: &Journal, entry: &Entry, message: &Message) -> bool {
    entries(journal, &message.id).last().is_some_and(|it| it.0.id != entry.id)
}

/// The entry of a message that has provably never been tried, with its newest text.
pub(super) fn renewed(entry: &Entry, message: &Message, time: i64) -> Entry {
    Entry {
        id: format!("{ENTRY}{}:{time}", message.id),
        work: Work::Post { message: Box::new(message.clone()) },
        ..entry.clone()
    }
}

/// What a message wants of the network; `None` if it was dealt with or has nothing to say.
pub(super) fn intent(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
) -> Result<Option<Intent>, Missing> {
    let needed = [
        Key::documents(ids::key::portal_local(&message.room)),
        Key::documents(ids::key::link_local(&message.id)),
    ];
    let needed = needed.into_iter().chain(uploaded::keys(message));
    with_names(view, message, needed.chain(puppet::keys(view, &message.sender)))?;
    let Some(portal) = portal::of_local(view, &message.room)? else { return Ok(None) };
    let is_held_back =
        !ids::is_derived_message(&message.id) && encryption::was_suspended(view, &portal, message.at)?;
    let is_known = ledger::is_linked(view, &message.id)? || uploaded::of_message(view, message)?.is_some();
    if is_held_back || is_known {
        return Ok(None);
    }
    let part = journal.told_of(entry).len();
    if part < message.files.len() {
        return file::intent(view, journal, entry, message, portal);
    }
    let Some(said) = translated(view, message)? else { return Ok(None) };
    // The first file bears the first part of the text.
    let Some(content) = said.content(part + 1 - message.files.len().max(1)) else { return Ok(None) };
    let is_deleted = redaction::waits(journal, &message.id);
    Ok(Some(Intent::Send {
        room: portal.remote,
        by: message.sender.clone(),
        event_type: "m.room.message".to_owned(),
        content: if is_deleted { redaction::instead() } else { content },
        transaction: ids::part_transaction(&ids::transaction(said_as(entry, message)), part),
        at: message.at,
        perhaps_sent: journal.last_try(entry).is_some() || is_old(view, message.at),
    }))
}

/// If a message or its new text is too long for Matrix: why it is refused, for its sender.
pub(super) fn too_long(view: &View, entry: &Entry) -> Result<Option<&'static str>, Missing> {
    let (Work::Post { message } | Work::Edit { message, .. }) = &entry.work else { return Ok(None) };
    let is_edit = matches!(entry.work, Work::Edit { .. });
    let is_news =
        if is_edit { edit::is_waited_for(view, message)? } else { !ledger::is_linked(view, &message.id)? };
    if !is_news {
        return Ok(None);
    }
    let is_too_long = translated(view, message)?.is_some_and(|it| it.texts.is_empty());
    Ok(is_too_long.then_some("it is too long for that; send it as a file, or in several messages"))
}

/// What transaction ids of an entry are made of. Not of the message: what was once made for another text must not go out
/// for this one.
pub(super) fn said_as<'a>(entry: &'a Entry, message: &'a Message) -> &'a str {
    entry.id.strip_prefix(ENTRY).unwrap_or(&message.id)
}

/// Whether another instance may have sent what was said at a time, in milliseconds, and have died since.
pub(super) fn is_old(view: &View, at: i64) -> bool {
    at < view.started.max(view.now - FRESH)
}

/// Makes sure that some keys are loaded, and in the same go whoever is named in a message: a decision has few goes.
pub(super) fn with_names(
    view: &View,
    message: &Message,
    keys: impl IntoIterator<Item = Key>,
) -> Result<(), Missing> {
    both(view.all(keys), translated(view, message)).map(drop)
}

/// A message in the words of Matrix.
#[derive(Debug)]
pub(super) struct Said {
    /// What it says, in as many events as it takes; none if that would be too many.
    pub(super) texts: Vec<MatrixText>,
    /// What it answers, and the thread that it is in: the first event says so.
    pub(super) relation: Option<Value>,
    /// The thread alone, which the others say.
    pub(super) thread: Option<Value>,
    /// Whether the App says it.
    pub(super) is_notice: bool,
}

impl Said {
    /// The content of one of its events.
    pub(super) fn content(&self, part: usize) -> Option<Value> {
        let relation = if part == 0 { &self.relation } else { &self.thread };
        let mut content = related(self.texts.get(part)?.content(), relation.clone());
        if let (true, Some(content)) = (self.is_notice, content.as_object_mut()) {
            content.insert("msgtype".to_owned(), Value::from("m.notice"));
        }
        Some(content)
    }

    /// Whom it mentions, as a link keeps it.
    pub(super) fn mentions(&self) -> Vec<String> {
        let all = self.texts.iter().fold(Mentions::default(), |all, text| all.and(&text.mentions));
        edit::named(all)
    }
}

/// A content that relates to something.
pub(super) fn related(mut content: Value, relation: Option<Value>) -> Value {
    if let (Some(relation), Some(content)) = (relation, content.as_object_mut()) {
        content.insert("m.relates_to".to_owned(), relation);
    }
    content
}

/// What a message relates to, whatever it says.
pub(super) fn relation(view: &View, message: &Message) -> Result<Option<Value>, Missing> {
    let (events, thread) = both(reply::events(view, message), thread::of(view, message))?;
    Ok(thread::relation(thread.as_ref(), events.into_iter().flatten().next_back()))
}

/// What a message says on Matrix; `None` if nothing.
pub(super) fn translated(view: &View, message: &Message) -> Result<Option<Said>, Missing> {
    let portal = portal::of_local(view, &message.room)?;
    let related = both(reply::events(view, message), thread::of(view, message));
    let texts = {
        let events = related.as_ref().map_or(&[][..], |it| &it.0);
        let (own, md) = reply::words(message, events);
        let own = if own.trim().is_empty() { "" } else { &own };
        let [attachments, blocks] = [&message.attachments, &message.blocks].map(|it| list(it.as_deref()));
        let parts = LocalParts {
            text: LocalText { text: own, md: md.as_ref().filter(|_| !own.is_empty()) },
            attachments: &attachments,
            blocks: &blocks,
            // Quotes are no part of these.
            replied: &[],
        };
        let names = Names::here(view, portal.as_ref(), &message.sender);
        let texts = translate::to_matrix_parts(&parts, &names, LIMIT);
        names.finish().map(|()| texts)
    };
    let ((events, thread), texts) = both(related, texts)?;
    let mut texts = match texts {
        Parts::Messages(texts) if texts.is_empty() => return Ok(None),
        Parts::Messages(texts) => texts,
        Parts::File => vec![],
    };
    if texts.iter().any(|it| it.mentions.room) {
        let may = everyone::may_call(view, message)?;
        for text in &mut texts {
            text.mentions.room &= may;
        }
    }
    Ok(Some(Said {
        texts,
        thread: thread::relation(thread.as_ref(), None),
        relation: thread::relation(thread.as_ref(), events.into_iter().flatten().next_back()),
        is_notice: ids::is_derived_message(&message.id),
    }))
}

fn list(json: Option<&str>) -> Vec<Value> {
    json.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default()
}

/// What follows once an event tells of a message: all, if it was the last that it takes.
pub(super) fn achieved(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
    event: &str,
) -> Result<Achieved, Missing> {
    let said = translated(view, message)?;
    let texts = said.as_ref().map_or(0, |it| it.texts.len());
    let mut told = journal.told_of(entry);
    told.push(event.to_owned());
    if told.len() + 1 < message.files.len().max(1) + texts.max(1) {
        return Ok(Achieved::Part(vec![journal.tell(entry, event)]));
    }
    let mentions = said.map(|it| it.mentions()).unwrap_or_default();
    let link = Link { mentions, ..link(journal, entry, message, told) };
    Ok(Achieved::All(vec![Record::Link(link).insert()]))
}

/// The link of a message to the events that tell of it; to none where Matrix does not have it and it is not to be tried
/// again.
fn link(journal: &Journal, entry: &Entry, message: &Message, told: Vec<String>) -> Link {
    let mut told = told.into_iter();
    let link = ledger::link(message, &told.next().unwrap_or_default());
    Link { more: told.collect(), media: file::media(journal, entry), ..link }
}

/// What to keep of a message that has nothing more to say: that it was looked at, or it would be found again and again.
pub(super) fn passed_over(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
) -> Result<Vec<Effect>, Missing> {
    if ledger::is_linked(view, &message.id)? {
        return Ok(vec![]);
    }
    Ok(vec![match uploaded::of_message(view, message)? {
        Some(uploaded) => uploaded::link(uploaded, &message.id, message.at),
        None => Record::Link(link(journal, entry, message, journal.told_of(entry))).insert(),
    }])
}

/// What to do about a message that the App itself cannot send: its sender is told.
pub(super) fn put_aside(message: &Message, why: &str) -> [Effect; 2] {
    let text = format!(
        "Your message could not be sent to Matrix and was put aside: {why}. \
         An administrator can have it tried again with `/federation retry`."
    );
    let log = format!("Message {} could not be sent to Matrix and was put aside: {why}", message.id);
    [
        Effect::Notify { room: message.room.clone(), user: message.sender.id.clone(), text },
        Effect::Log { level: Level::Warn, text: log },
    ]
}

/// What to do about a message that Matrix refused: its sender is told, and it is not tried again.
pub(super) fn refused(journal: &Journal, entry: &Entry, message: &Message, why: &str) -> Vec<Effect> {
    let told = journal.told_of(entry);
    let what = if told.is_empty() {
        "Your message was not delivered to Matrix"
    } else {
        "The rest of your message was not delivered to Matrix"
    };
    vec![
        Effect::Notify {
            room: message.room.clone(),
            user: message.sender.id.clone(),
            text: format!("{what}: {why}"),
        },
        Effect::Log {
            level: Level::Warn,
            text: format!("Message {} was refused by Matrix: {why}", message.id),
        },
        Record::Link(link(journal, entry, message, told)).insert(),
    ]
}
