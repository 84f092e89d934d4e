//! Attachments of Rocket.Chat as blocks: what bots, previews and quotes show below a message.
//!
//! Law: all that is shown is said; pictures and files of the workspace itself, which have no address elsewhere, by
//! their names. Uploads are no business of this file: they travel as files.
//! Fields: `IMessageAttachment` of the Apps-Engine, and the same as they are stored.

use serde_json::Value;

use super::clean;
use super::content::short;
use super::document::{Block, Inline, Mark, normalise};
use super::{link, markdown_read, md, quote};

/// How many attachments of a message are read.
const MAX_ATTACHMENTS: usize = 50;
/// How deep attachments are followed into each other.
const MAX_DEPTH: usize = 4;

/// The blocks of attachments, less the quotes of those messages.
pub(super) fn blocks(attachments: &[Value], less: &[String]) -> Vec<Block> {
    below(attachments, less, 0)
}

fn below(attachments: &[Value], less: &[String], depth: usize) -> Vec<Block> {
    let mut out: Vec<Block> =
        attachments.iter().take(MAX_ATTACHMENTS).flat_map(|it| one(it, less, depth)).collect();
    if attachments.len() > MAX_ATTACHMENTS {
        out.push(paragraph(format!("[and {} more attachments]", attachments.len() - MAX_ATTACHMENTS)));
    }
    out
}

fn one(attachment: &Value, less: &[String], depth: usize) -> Vec<Block> {
    let quoted = text(attachment, &["message_link", "messageLink"])
        .and_then(|it| quote::linked(&it).map(str::to_owned));
    if is_upload(attachment) || quoted.is_some_and(|id| less.contains(&id)) || depth > MAX_DEPTH {
        return Vec::new();
    }
    let mut inner = Vec::new();
    let author = linked(attachment, &["author_name", "/author/name"], &["author_link", "/author/link"]);
    let title = linked(attachment, &["title", "/title/value"], &["title_link", "/title/link"]);
    for name in [author, title].into_iter().flatten() {
        inner.push(Block::Paragraph(vec![Inline::Styled(Mark::Bold, vec![name])]));
    }
    inner.extend(written(attachment));
    if let Some(described) = text(attachment, &["description"]) {
        inner.extend(marked_down(&described));
    }
    inner.extend(list(attachment, "fields").iter().take(MAX_ATTACHMENTS).flat_map(field));
    for (word, keys) in [
        ("image", ["image_url", "imageUrl"]),
        ("image", ["thumb_url", "thumbnailUrl"]),
        ("audio", ["audio_url", "audioUrl"]),
        ("video", ["video_url", "videoUrl"]),
    ] {
        inner.extend(text(attachment, &keys).map(|href| Block::Paragraph(vec![address(href, word)])));
    }
    inner.extend(buttons(list(attachment, "actions")));
    inner.extend(below(list(attachment, "attachments"), less, depth + 1));
    inner.extend(text(attachment, &["footer"]).map(paragraph));
    let mut out = text(attachment, &["pretext"]).map(|it| marked_down(&it)).unwrap_or_default();
    if !inner.is_empty() {
        out.push(Block::Quote(inner));
    }
    out
}

/// A file that somebody uploaded.
fn is_upload(attachment: &Value) -> bool {
    let is_ours = |key| text(attachment, key).is_some_and(|it| it.starts_with("/file-upload/"));
    text(attachment, &["type"]).as_deref() == Some("file")
        || is_ours(&["title_link", "/title/link"])
        || is_ours(&["image_url", "imageUrl"])
}

fn field(field: &Value) -> Vec<Block> {
    let title = text(field, &["title"]).map(|title| Inline::Styled(Mark::Bold, vec![Inline::Text(title)]));
    let mut value = text(field, &["value"]).map(|value| marked_down(&value)).unwrap_or_default();
    let Some(title) = title else { return value };
    match value.first_mut() {
        Some(Block::Paragraph(line)) => {
            let rest = std::mem::take(line);
            line.extend([title, Inline::Text(": ".to_owned())].into_iter().chain(rest));
        }
        _ => value.insert(0, Block::Paragraph(vec![title])),
    }
    value
}

fn buttons(actions: &[Value]) -> Option<Block> {
    let mut line = Vec::new();
    for action in actions.iter().take(MAX_ATTACHMENTS) {
        let Some(label) = text(action, &["text", "name"]) else { continue };
        if !line.is_empty() {
            line.push(Inline::Text(" ".to_owned()));
        }
        line.push(button(&label, text(action, &["url"])));
    }
    (!line.is_empty()).then(|| Block::Paragraph(normalise(line)))
}

/// A button: its text in brackets, a link where it leads somewhere.
pub(super) fn button(label: &str, href: Option<String>) -> Inline {
    let label = Inline::Text(format!("[{label}]"));
    match href.filter(|href| link::safe(href)) {
        Some(href) => Inline::Link { href, label: vec![label] },
        None => label,
    }
}

/// Something that has an address, by a word for it; without an address elsewhere, the word alone.
pub(super) fn address(href: String, word: &str) -> Inline {
    if href.starts_with("https://") || href.starts_with("http://") {
        Inline::Link { href, label: vec![Inline::Text(word.to_owned())] }
    } else {
        Inline::Text(format!("[{word}]"))
    }
}

fn linked(attachment: &Value, name: &[&str], href: &[&str]) -> Option<Inline> {
    let name = short(&text(attachment, name)?);
    Some(match text(attachment, href).filter(|href| link::safe(href)) {
        Some(href) => md::link_or_text(href, vec![Inline::Text(name)]),
        None => Inline::Text(name),
    })
}

/// Markdown that Rocket.Chat has parsed, or that is parsed here.
fn written(attachment: &Value) -> Vec<Block> {
    let Some(text) = text(attachment, &["text"]) else { return Vec::new() };
    let quotes = quote::quotes(&text, attachment.get("md"));
    match quotes.md.as_ref().and_then(md::read).filter(|it| !it.blocks.is_empty()) {
        Some(document) => document.blocks,
        None => marked_down(&quotes.text),
    }
}

/// The blocks of Markdown.
pub(super) fn marked_down(text: &str) -> Vec<Block> {
    markdown_read::read(text).blocks
}

pub(super) fn paragraph(text: String) -> Block {
    Block::Paragraph(vec![Inline::Text(text)])
}

/// The first of some fields that holds a text; those with a slash are ways into it.
pub(super) fn text(part: &Value, keys: &[&str]) -> Option<String> {
    let unmapped = part.get("_unmappedProperties_");
    let found = |key: &&str| match key.strip_prefix('/') {
        Some(_) => part.pointer(key),
        None => part.get(*key).or_else(|| unmapped?.get(*key)),
    };
    let said = |value: &Value| match value {
        Value::String(text) => Some(clean::text(text).0),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    keys.iter().filter_map(|key| found(key).and_then(said)).find(|text| !text.trim().is_empty())
}

pub(super) fn list<'a>(part: &'a Value, key: &str) -> &'a [Value] {
    let unmapped = part.get("_unmappedProperties_");
    let found = part.get(key).or_else(|| unmapped?.get(key));
    found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
