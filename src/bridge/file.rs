//! The files of a local message on their way to Matrix: an event each, of which the first bears the caption.
//!
//! A picture takes with it the smaller one that Rocket.Chat made of it. What became of each file is kept beside the
//! message's entry until all are told of, so that none is brought to Matrix twice because another failed. What cannot be brought there is told of in words, and its sender told why.

use serde_json::{Value, json};

use super::journal::Journal;
use super::outgoing::Said;
use super::{outgoing, redaction, uploaded};
use crate::attachment::Intent;
use crate::effect::Effect;
use crate::facts::{File, Message};
use crate::ids::{self, size};
use crate::record::{Carried, Entry, Fate, Link, Portal, Record, Work};
use crate::translate::{MatrixText, Mentions, escaped};
use crate::view::{Missing, View, both};

/// The file whose turn it is, if it is larger than the settings let through: it stays, and its sender is told.
pub(super) fn first(view: &View, journal: &Journal, entry: &Entry) -> Option<Vec<Effect>> {
    let Work::Post { message } = &entry.work else { return None };
    let (part, file) = turn(journal, entry, message)?;
    let largest = i64::from(view.config.largest_file);
    let most = if view.config.rest { i64::from(uploaded::LARGEST).max(largest) } else { largest };
    if file.size <= most || journal.fate(entry, part).is_some() {
        return None;
    }
    let why = if view.config.rest {
        format!("{} get across at most", size(most))
    } else {
        format!(
            "the setting 'Largest file' lets {} through at most; with an account for the REST API in the settings, it \
             would be {}",
            size(most),
            size(i64::from(uploaded::LARGEST))
        )
    };
    Some(stays(journal, entry, &why))
}

/// What the file whose turn it is wants of the network.
pub(super) fn intent(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    message: &Message,
    portal: Portal,
) -> Result<Option<Intent>, Missing> {
    let Some((part, file)) = turn(journal, entry, message) else { return Ok(None) };
    let is_deleted = redaction::waits(journal, &message.id);
    let (caption, relation) = both(caption(view, message, part), outgoing::relation(view, message))?;
    let upload = |file: &File| Intent::Upload { by: message.sender.clone(), file: file.clone() };
    let content = match journal.fate(entry, part) {
        _ if is_deleted => redaction::instead(),
        None => return Ok(Some(upload(file))),
        Some(Fate::There(there)) => {
            let small = journal.thumbnail(entry, part);
            if let (Some(file), None) = (&file.thumbnail, small) {
                return Ok(Some(upload(file)));
            }
            outgoing::related(content(file, &with_thumbnail(there, small), caption.as_ref()), relation)
        }
        Some(Fate::Stays(why)) => outgoing::related(in_words(file, why, caption), relation),
        Some(Fate::Thumbnail(_) | Fate::Told(_)) => return Ok(None),
    };
    Ok(Some(Intent::Send {
        room: portal.remote,
        by: message.sender.clone(),
        event_type: "m.room.message".to_owned(),
        content,
        transaction: ids::file_transaction(outgoing::said_as(entry, message), part),
        at: message.at,
        perhaps_sent: journal.last_try(entry).is_some() || outgoing::is_old(view, message.at),
    }))
}

/// What to keep of the file whose turn it is, once it has an address on Matrix.
pub(super) fn brought(
    journal: &Journal,
    entry: &Entry,
    message: &Message,
    uri: &str,
    dimensions: Option<(u32, u32)>,
) -> Vec<Effect> {
    let Some((part, _)) = turn(journal, entry, message) else { return vec![] };
    let dimensions = dimensions.map(|(w, h)| format!(" {w}x{h}")).unwrap_or_default();
    let there = format!("{uri}{dimensions}");
    let is_thumbnail = journal.fate(entry, part).is_some();
    vec![carried(entry, part, if is_thumbnail { Fate::Thumbnail(there) } else { Fate::There(there) })]
}

/// The first file of an entry's message, as its link keeps it.
pub(super) fn media(journal: &Journal, entry: &Entry) -> String {
    match journal.fate(entry, 0) {
        Some(Fate::There(there)) => with_thumbnail(there, journal.thumbnail(entry, 0)),
        Some(Fate::Stays(_) | Fate::Thumbnail(_) | Fate::Told(_)) | None => String::new(),
    }
}

/// The effects that leave the file whose turn it is where it is.
pub(super) fn stays(journal: &Journal, entry: &Entry, why: &str) -> Vec<Effect> {
    let Work::Post { message } = &entry.work else { return vec![] };
    let Some((part, file)) = turn(journal, entry, message) else { return vec![] };
    if journal.fate(entry, part).is_some() {
        // The file is there; it goes without the smaller picture.
        return vec![carried(entry, part, Fate::Thumbnail(String::new())), super::work::next(entry, 0)];
    }
    let text = format!("Your file {} was not carried to Matrix, only its name: {why}.", file.name);
    vec![
        Effect::Notify { room: message.room.clone(), user: message.sender.id.clone(), text },
        carried(entry, part, Fate::Stays(why.to_owned())),
        super::work::next(entry, 0),
    ]
}

/// The content of an event that tells of a file.
pub(super) fn content(file: &File, media: &str, caption: Option<&MatrixText>) -> Value {
    let name = name(file);
    let mut content = caption.map_or_else(|| json!({ "body": name, "m.mentions": {} }), MatrixText::content);
    add_file(&mut content, file, media);
    content
}

/// The new text of a message, which has its file's name for one where a caption is taken away.
pub(super) fn text(message: &Message, text: Option<Said>) -> Option<Said> {
    let nameless = || {
        let file = message.files.first()?;
        let (formatted_body, mentions) = (None, Mentions::default());
        let text = MatrixText { emote: false, body: name(file), formatted_body, mentions };
        Some(Said { texts: vec![text], relation: None, thread: None, is_notice: false })
    };
    text.or_else(nameless)
}

/// The content of an edit: of an event that tells of a file, only the caption is another.
pub(super) fn recaptioned(mut content: Value, message: &Message, link: &Link) -> Value {
    let Some(file) = message.files.first().filter(|_| !link.media.is_empty()) else { return content };
    add_file(&mut content, file, &link.media);
    if let Some(new) = content.get_mut("m.new_content") {
        add_file(new, file, &link.media);
    }
    content
}

fn add_file(content: &mut Value, file: &File, media: &str) {
    let Some(content) = content.as_object_mut() else { return };
    let msgtype = match file.media_type.split('/').next() {
        Some("image") => "m.image",
        Some("audio") => "m.audio",
        Some("video") => "m.video",
        Some(_) | None => "m.file",
    };
    let (own, small) = media.split_once('|').unwrap_or((media, ""));
    let (uri, mut info) = told(file, own);
    if let (Some(thumbnail), false, Some(info)) = (&file.thumbnail, small.is_empty(), info.as_object_mut()) {
        let (uri, of_thumbnail) = told(thumbnail, small);
        info.insert("thumbnail_url".to_owned(), json!(uri));
        info.insert("thumbnail_info".to_owned(), of_thumbnail);
    }
    let of_file =
        [("msgtype", json!(msgtype)), ("filename", json!(name(file))), ("url", json!(uri)), ("info", info)];
    content.extend(of_file.map(|(name, value)| (name.to_owned(), value)));
}

/// The address of a file, and what is told of it.
fn told<'a>(file: &File, there: &'a str) -> (&'a str, Value) {
    let (uri, dimensions) = there.split_once(' ').unwrap_or((there, ""));
    let mut info = json!({ "mimetype": ids::media_type(&file.media_type), "size": file.size });
    for (name, length) in ["w", "h"].into_iter().zip(dimensions.split('x')) {
        if let (Some(info), Ok(length)) = (info.as_object_mut(), length.parse::<u32>()) {
            info.insert(name.to_owned(), json!(length));
        }
    }
    (uri, info)
}

/// A file and its smaller picture, as a link has them.
fn with_thumbnail(there: &str, thumbnail: Option<&str>) -> String {
    match thumbnail {
        Some(small) if !small.is_empty() => format!("{there}|{small}"),
        Some(_) | None => there.to_owned(),
    }
}

fn in_words(file: &File, why: &str, caption: Option<MatrixText>) -> Value {
    let of_size = if file.size > 0 { format!(" ({})", size(file.size)) } else { String::new() };
    let line = format!("[sent the file {}{of_size}, which cannot be had here: {why}]", name(file));
    match caption {
        None => json!({ "msgtype": "m.text", "body": line, "m.mentions": {} }),
        Some(text) => MatrixText {
            body: format!("{}\n{line}", text.body),
            formatted_body: text.formatted_body.map(|it| format!("{it}<br>{}", escaped(&line))),
            ..text
        }
        .content(),
    }
}

/// The caption, which the first file bears.
fn caption(view: &View, message: &Message, part: usize) -> Result<Option<MatrixText>, Missing> {
    Ok(if part == 0 {
        outgoing::translated(view, message)?.and_then(|it| it.texts.into_iter().next())
    } else {
        None
    })
}

/// The first of the files that nobody was told of.
fn turn<'a>(journal: &Journal, entry: &Entry, message: &'a Message) -> Option<(usize, &'a File)> {
    let part = journal.told_of(entry).len();
    message.files.get(part).map(|file| (part, file))
}

fn carried(entry: &Entry, part: usize, fate: Fate) -> Effect {
    let (scope, entry) = (entry.scope.clone(), entry.id.clone());
    Record::Carried(Carried { scope, entry, part, fate }).insert()
}

/// What a file is called, without what would be read as a path or turn the text around it.
fn name(file: &File) -> String {
    let name = ids::file_name(&file.name);
    if name.is_empty() { "file".to_owned() } else { name }
}
