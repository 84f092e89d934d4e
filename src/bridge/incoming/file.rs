//! A file on Matrix on its way to Rocket.Chat.
//!
//! Rocket.Chat makes the message of a file by itself, in the room's main line and under an id of its own, which is linked
//! to the event as soon as it is known. The caption is a message beneath, under the id derived from the event; in a thread,
//! or as an answer, it leads to the file. After a crash in between, the file is looked for among the room's latest
//! messages: by the same ghost, of the same name, and linked to nothing. What cannot become a file here becomes a text
//! that names it, with a link where that helps.

use serde_json::Value;

use super::speaker::speaking;
use super::{ATTEMPTS, Event, edit, large, message, needed, parts, related};
use crate::bridge::journal::Journal;
use crate::bridge::{attachment, encryption, ghost, ledger, link, outage, portal, uploaded, work};
use crate::effect::{Effect, FilePlace, Tag};
use crate::facts::Message;
use crate::ids::{self, key, size};
use crate::input::Answer;
use crate::record::{Entry, Link, Portal, Record, Uploaded};
use crate::translate;
use crate::view::{Key, Missing, View, both};

/// Among so many of a room's latest messages a file is looked for that was brought before a crash.
pub(super) const LATEST: u32 = 100;

/// Clocks of the workspace and its database may differ by so many milliseconds.
const MARGIN: i64 = 5_000;

/// So often the homeserver is asked for a file that it does not hand out in time.
const PATIENCE: u32 = 8;

/// A failure of the workspace is mostly a ghost that is not in the room: once more, with that mended.
const REFUSALS: u32 = 1;

/// How a file's event is told of in words.
pub(super) enum Manner {
    /// As any other event.
    Plain,
    /// The file is here, and only its caption is to be said, or where it is.
    Caption,
    /// By a link, because of this.
    Linked(String),
    /// By its name, because of this.
    Named(String),
}

/// A file that an event tells of.
struct File<'a> {
    /// Its server and its id there.
    of: (&'a str, &'a str),
    name: String,
    size: Option<i64>,
}

/// If an event tells of a file that can be carried: the effects that do so, or that go on after it.
pub(super) fn carry(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    portal: &Portal,
    event: &str,
    (index, older): (usize, bool),
) -> Result<Option<Vec<Effect>>, Missing> {
    let Ok(event) = serde_json::from_str::<Event>(event) else { return Ok(None) };
    let Some(file) = file(&event.kind, &event.content) else { return Ok(None) };
    if portal.is_strange_to(&event.sender) || event.state_key.is_some() || event.is_pruned() {
        return Ok(None);
    }
    let id = ids::message_id(&event.id);
    let latest = Key::Recent { room: portal.local.clone(), skip: 0, limit: LATEST };
    view.all(needed(portal, &event).chain([latest]))?;
    let is_gone = ledger::of_event(view, &portal.local, &event.id)?.is_some_and(|it| it.gone);
    if is_gone || view.message(&id)?.is_some() || encryption::suspended(view, portal)?.is_some() {
        return Ok(None);
    }
    let attempts = journal.attempts(entry, index);
    if is_here(view, portal, &event.id)? {
        let is_whole = uploaded::of_event(view, &portal.local, &event.id)?.is_some();
        let is_apart = related::place(view, portal, &event, true)?.is_apart();
        if !is_whole && (is_apart || translate::has_caption(&event.content)) {
            return Ok(None);
        }
        let mut effects = edit::catch_up_caption(view, portal, &event)?;
        effects.push(work::next(entry, index.saturating_add(1)));
        return Ok(Some(effects));
    }
    let fits = file.size.is_none_or(|it| it <= i64::from(view.config.largest_file));
    let by = both(speaking(view, portal, &event, attempts), large::most(view));
    let (request, (by, most)) = both(attachment(view).media(view, file.of, older), by)?;
    let streams = |most: &u32| !fits && file.size.is_some_and(|it| it <= i64::from(*most));
    if let (Some(most), Some(request)) = (most.filter(streams), &request) {
        let (whose, what) = ((entry, index, older), (file.name, most));
        return large::carry(view, portal, whose, &event, what, request.clone(), by).map(Some);
    }
    let (Some(request), true) = (request, fits) else {
        let manner = if fits {
            Manner::Named("files of other servers cannot be fetched here so far".to_owned())
        } else {
            Manner::Linked(too_large(view)?)
        };
        return told(view, portal, &event, (entry, index, attempts), &manner).map(Some);
    };
    let (sender, mut effects) = (by.sender, by.effects);
    if let Some(message) = left_over(view, portal, entry, &sender, &file)? {
        return Ok(Some(vec![linked(portal, &event, &message, &sender, view.now), work::next(entry, index)]));
    }
    let step = format!("part-{index}{}", if older { " older" } else { "" });
    let (room, name, most) = (portal.local.clone(), file.name, view.config.largest_file);
    effects.push(Effect::Carry {
        tag: Tag { scope: entry.scope.clone(), entry: entry.id.clone(), step },
        from: FilePlace::Server { request },
        to: FilePlace::Room { room, sender, name, most },
    });
    Ok(Some(effects))
}

/// What follows when a file was carried, or was not.
pub(in crate::bridge) fn outcome(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    events: &[String],
    step: &str,
    answer: &Answer,
) -> Result<Vec<Effect>, Missing> {
    let index = work::part_of(step);
    let again = || Ok(vec![work::next(entry, index)]);
    let Some(room) = entry.scope.remote_room() else { return again() };
    let (Some(portal), Some(text)) = (portal::of_remote(view, room)?, events.get(index)) else {
        return again();
    };
    let Ok(event) = serde_json::from_str::<Event>(text) else { return again() };
    let attempts = journal.attempts(entry, index);
    let later = |pause: i64, why: &str| journal.put_off(entry, index, view.now + pause, why);
    let told = |manner: &Manner| told(view, &portal, &event, (entry, index, attempts), manner);
    let linked_because = |why: String| {
        let log = large::is_large(step).then(|| large::logged(&event, &why));
        Ok(told(&Manner::Linked(why))?.into_iter().chain(log).collect())
    };
    let named = |why: &str| {
        let why = format!("it could not be fetched: {why}");
        if large::is_large(step) { linked_because(why) } else { told(&Manner::Named(why)) }
    };
    if large::is_confirming(step) {
        return match large::confirmed(view, journal, (entry, index, &portal), &event, answer)? {
            Ok(effects) => Ok(effects),
            Err(why) => linked_because(why),
        };
    }
    let (status, body) = match answer {
        Answer::Response { status, body, .. } => {
            (*status, serde_json::from_str::<Value>(body).unwrap_or_default())
        }
        Answer::Unreachable { why } => {
            view.all([Key::documents(key::OUTAGE)])?;
            let mut effects = later(work::wait(attempts), why);
            if attempts >= ATTEMPTS {
                effects.extend(outage::found(view, why)?);
            }
            let is_away = attempts < PATIENCE || outage::of(view)?.is_some();
            return if is_away { Ok(effects) } else { named(why) };
        }
    };
    let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let why = format!(
        "{} ({})",
        said("error"),
        if said("errcode").is_empty() { status.to_string() } else { said("errcode").to_owned() }
    );
    match status {
        200 => {
            let unknown = format!("file-of:{}", event.id);
            let message = body.get("message").and_then(Value::as_str).unwrap_or(&unknown);
            let (speaker, _) = ghost::ensure(view, &event.sender, "")?;
            if let Some(file) = body.pointer("/file/_id").and_then(Value::as_str) {
                let (room, file, event) = (portal.local, file.to_owned(), event.id);
                let uploaded = Record::Uploaded(Uploaded { room, file, event, by: speaker });
                return Ok(vec![uploaded.insert(), work::next(entry, index)]);
            }
            if large::is_large(step) {
                return linked_because("Rocket.Chat names no file".to_owned());
            }
            Ok(vec![linked(&portal, &event, message, &speaker, view.now), work::next(entry, index)])
        }
        429 => Ok(later(answer.slow_down().flatten().unwrap_or_else(|| work::wait(attempts)), &why)),
        404 | 405 if !step.ends_with(" older") && matches!(said("errcode"), "" | "M_UNRECOGNIZED") => {
            Ok(carry(view, journal, entry, &portal, text, (index, true))?
                .unwrap_or_else(|| vec![work::next(entry, index)]))
        }
        422 if attempts < REFUSALS && !large::is_large(step) => Ok(later(0, &why)),
        _ if !matches!(status, 413 | 422) && attempts < ATTEMPTS => Ok(later(work::wait(attempts), &why)),
        413 => linked_because(too_large(view)?),
        422 => linked_because(format!("Rocket.Chat does not take it: {}", said("error"))),
        _ => named(&why),
    }
}

/// The effects that tell of an event in a manner, and go on after it.
fn told(
    view: &View,
    portal: &Portal,
    event: &Event,
    (entry, index, attempts): (&Entry, usize, u32),
    manner: &Manner,
) -> Result<Vec<Effect>, Missing> {
    let mut effects = message(view, portal, event, attempts, manner)?;
    effects.push(work::next(entry, index.saturating_add(1)));
    Ok(effects)
}

/// How an event is told of that is brought in the ordinary way: of a file that is here, only the caption is left.
pub(super) fn manner(view: &View, portal: &Portal, event: &Event) -> Result<Manner, Missing> {
    let is_file = file(&event.kind, &event.content).is_some();
    Ok(if is_file && is_here(view, portal, &event.id)? {
        Manner::Caption
    } else if event.content.get("file").is_some_and(Value::is_object) {
        Manner::Named("it is encrypted, and cannot be read here".to_owned())
    } else {
        Manner::Plain
    })
}

/// What an edit makes of the text of a file's event: the caption where the file is here, and the link stays.
pub(super) fn edited(
    view: &View,
    portal: &Portal,
    (of, content): (&str, &Value),
    shown: &str,
) -> Result<Manner, Missing> {
    let is_file = file("m.room.message", translate::newest(content)).is_some();
    Ok(if is_here(view, portal, of)? {
        Manner::Caption
    } else if is_file && shown.contains("/file/") {
        Manner::Linked(too_large(view)?)
    } else {
        Manner::Plain
    })
}

/// What an event says in such a manner, in Rocket.Chat's words, each message with so many characters left free.
pub(super) fn said(
    view: &View,
    portal: &Portal,
    (kind, may_mention_room): (&str, bool),
    content: &Value,
    manner: &Manner,
    free: usize,
) -> Result<Vec<String>, Missing> {
    let why = match manner {
        Manner::Plain => return parts::text(view, portal, (kind, may_mention_room), content, free),
        Manner::Caption => return parts::caption(view, portal, (kind, may_mention_room), content, free),
        Manner::Linked(why) | Manner::Named(why) => why,
    };
    let link = match (manner, file(kind, translate::newest(content))) {
        (Manner::Linked(_), Some(file)) => {
            let of_size = file.size.map(|it| format!(" ({})", size(it))).unwrap_or_default();
            let link = link::to(view, file.of, &file.name, file.size);
            link.map(|it| it.map(|it| format!("[Download{of_size}]({it})")))
        }
        _ => Ok(Err(why.clone())),
    };
    let below = link.map(|it| it.map_or_else(|why| format!("\n_({why})_"), |link| format!("\n{link}")));
    let free = free + below.as_ref().map_or(0, |it| parts::length(it));
    let (mut texts, below) = both(parts::text(view, portal, (kind, may_mention_room), content, free), below)?;
    texts.last_mut().into_iter().for_each(|it| it.push_str(&below));
    Ok(texts)
}

/// The message that Rocket.Chat made of the file of an event.
pub(super) fn made(view: &View, portal: &Portal, event: &str) -> Result<Option<String>, Missing> {
    Ok(ledger::locals(view, &portal.local, event)?.into_iter().find(|it| ids::event_of(it).is_none()))
}

/// Whether the file of an event is here, as a message that Rocket.Chat made of it.
pub(super) fn is_here(view: &View, portal: &Portal, event: &str) -> Result<bool, Missing> {
    Ok(made(view, portal, event)?.is_some())
}

/// The message of a file that was brought, but not linked, by an instance that died.
fn left_over(
    view: &View,
    portal: &Portal,
    entry: &Entry,
    speaker: &str,
    file: &File<'_>,
) -> Result<Option<String>, Missing> {
    let is_it = |it: &&Message| {
        it.sender.username == speaker
            && it.at >= entry.at - MARGIN
            // Its size may be another: Rocket.Chat turns photographs and takes away where they were made.
            && it.files.iter().any(|found| found.name == file.name)
    };
    let found: Vec<&Message> = view.recent(&portal.local, 0, LATEST)?.iter().filter(is_it).collect();
    view.all(found.iter().map(|it| Key::documents(key::link_local(&it.id))))?;
    for message in found {
        if !ledger::is_linked(view, &message.id)? {
            return Ok(Some(message.id.clone()));
        }
    }
    Ok(None)
}

fn linked(portal: &Portal, event: &Event, message: &str, speaker: &str, now: i64) -> Effect {
    let link = Link {
        room: portal.local.clone(),
        local: message.to_owned(),
        remote: event.id.clone(),
        at: now,
        by: speaker.to_owned(),
        ..Link::default()
    };
    Record::Link(link).insert()
}

fn file<'a>(kind: &str, content: &'a Value) -> Option<File<'a>> {
    let text = |name: &str| content.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_file = match kind {
        "m.sticker" => true,
        "m.room.message" => matches!(text("msgtype"), "m.image" | "m.file" | "m.audio" | "m.video"),
        _ => false,
    };
    let of = ids::split_mxc(text("url")).filter(|_| is_file)?;
    let name = [text("filename"), text("body")].into_iter().map(ids::file_name).find(|it| !it.is_empty());
    let mut name = name.unwrap_or_else(|| "file".to_owned());
    let media_type = content.pointer("/info/mimetype").and_then(Value::as_str).unwrap_or_default();
    if let (None, Some(end)) = (name.rsplit_once('.'), ending(media_type)) {
        name = ids::file_name(&format!("{name}.{end}"));
    }
    let size = content.pointer("/info/size").and_then(Value::as_i64).filter(|it| *it > 0);
    Some(File { of, name, size })
}

/// What names of files of a media type end in.
fn ending(media_type: &str) -> Option<&str> {
    Some(match media_type.split(';').next()?.split_once('/')?.1 {
        "jpeg" => "jpg",
        "mpeg" => "mp3",
        "plain" => "txt",
        "svg+xml" => "svg",
        other if other.len() <= 5 && other.chars().all(|c| c.is_ascii_alphanumeric()) => other,
        _ => return None,
    })
}

fn too_large(view: &View) -> Result<String, Missing> {
    let most = large::most(view)?.unwrap_or(view.config.largest_file);
    Ok(format!("it is larger than the {} that are carried here", size(i64::from(most))))
}
