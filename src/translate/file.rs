//! Files as text: what kind, which name, how long, how large.
//!
//! Law: whoever cannot be given the file is told what there was; a caption is never lost.
//! <https://spec.matrix.org/v1.18/client-server-api/#media-captions>, voice:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/3245>, galleries: pull/4274.

use serde_json::Value;

use super::Kind;
use super::content::{newest, short, string};
use super::document::{Block, Document, Inline, Item, Marker};
use crate::ids::size;

/// The files of a gallery that are named.
const MAX_FILES: usize = 50;

/// A file on one line: `[image: cat.png, 12 KB]`.
pub(super) fn named(kind: Kind, content: &Value) -> String {
    let lead = word(kind, content);
    let name = short(name(content));
    let name = Some(name).filter(|it| !it.is_empty() && !it.to_ascii_lowercase().starts_with(lead));
    let secret =
        if content.get("file").is_some() && content.get("url").is_none() { "encrypted " } else { "" };
    let info = |path| content.pointer(path).and_then(Value::as_u64);
    let lasting = info("/info/duration").or_else(|| info("/org.matrix.msc1767.audio/duration"));
    let lasting = lasting.filter(|_| matches!(kind, Kind::Audio | Kind::Video)).map(clock);
    let size = content.pointer("/info/size").and_then(Value::as_i64).filter(|it| *it >= 0).map(size);
    let told: Vec<_> = [name, lasting, size].into_iter().flatten().collect();
    let colon = if told.is_empty() { "" } else { ": " };
    format!("[{secret}{lead}{colon}{}]", told.join(", "))
}

/// Whether the body is a caption: with a `filename`, one that is not the name; without, the body is the name.
pub fn has_caption(content: &Value) -> bool {
    let content = newest(content);
    let (name, body) = (string(content, "filename"), string(content, "body").trim());
    !name.is_empty() && !body.is_empty() && body != name
}

/// A gallery's files, one a line.
pub(super) fn gallery(content: &Value) -> Document {
    let files = content.get("itemtypes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let items = files.iter().take(MAX_FILES).map(|file| {
        let kind = match string(file, "itemtype") {
            "m.image" => Kind::Image,
            "m.video" => Kind::Video,
            "m.audio" => Kind::Audio,
            _ => Kind::File,
        };
        Item { marker: Marker::Bullet, text: vec![Inline::Text(named(kind, file))], below: Vec::new() }
    });
    let mut items: Vec<Item> = items.collect();
    if files.len() > MAX_FILES {
        let more = vec![Inline::Text(format!("and {} more", files.len() - MAX_FILES))];
        items.push(Item { marker: Marker::Bullet, text: more, below: Vec::new() });
    }
    Document { blocks: if items.is_empty() { vec![] } else { vec![Block::List(items)] } }
}

fn name(content: &Value) -> &str {
    match string(content, "filename") {
        "" => string(content, "body"),
        name => name,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is has no word of its own")]
fn word(kind: Kind, content: &Value) -> &'static str {
    let is_voice = ["m.voice", "org.matrix.msc3245.voice", "org.matrix.msc3245.voice.v2"];
    match kind {
        Kind::Image => "image",
        Kind::Video => "video",
        Kind::Sticker => "sticker",
        Kind::Audio if is_voice.iter().any(|key| content.get(*key).is_some()) => "voice message",
        Kind::Audio => "audio",
        _ => "file",
    }
}

/// Milliseconds as people read them off a player.
fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds.saturating_add(500) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
