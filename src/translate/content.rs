//! Reads the content of a Matrix event into a document and what else it says about itself.
//!
//! Law: every event becomes readable text; what Rocket.Chat has no form for is named and never dropped.
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>

use serde_json::Value;

use super::document::{Block, Document, Inline};
use super::md::Reader;
use super::{Kind, Mentions, clean};

/// The most users that are read of `m.mentions`.
const MAX_MENTIONS: usize = 100;

/// What an event says.
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) document: Document,
    pub(super) mentions: Mentions,
    pub(super) cut: bool,
}

/// Reads an event's content; an edit says its new content.
pub(super) fn read(event_type: &str, content: &Value) -> Said {
    let edit = content.pointer("/m.relates_to/rel_type").and_then(Value::as_str) == Some("m.replace");
    let content = content.get("m.new_content").filter(|new| edit && new.is_object()).unwrap_or(content);
    let mentions = mentions(content);
    let msgtype = string(content, "msgtype");
    let (kind, lead) = match (event_type, msgtype) {
        ("m.room.encrypted", _) => {
            return placeholder(Kind::Encrypted, "[encrypted message: it cannot be read here]", mentions);
        }
        ("m.sticker", _) => (Kind::Sticker, Some("sticker")),
        ("m.room.message", "m.text") => (Kind::Text, None),
        ("m.room.message", "m.emote") => (Kind::Emote, None),
        ("m.room.message", "m.notice" | "m.server_notice") => (Kind::Notice, None),
        ("m.room.message", "m.image") => (Kind::Image, Some("image")),
        ("m.room.message", "m.file") => (Kind::File, Some("file")),
        ("m.room.message", "m.video") => (Kind::Video, Some("video")),
        ("m.room.message", "m.audio") => {
            let voice = content.get("org.matrix.msc3245.voice").or_else(|| content.get("m.voice")).is_some();
            (Kind::Audio, Some(if voice { "voice message" } else { "audio" }))
        }
        ("m.room.message", "m.location") => return location(content, mentions),
        ("m.room.message", "") => {
            return placeholder(Kind::Unknown, "[message without a type or content]", mentions);
        }
        ("m.poll.start" | "org.matrix.msc3381.poll.start", _) => return poll(content, mentions),
        ("m.room.message", other) | (other, _) => {
            let mut said = caption(content, Kind::Unknown, mentions);
            lead_with(&mut said, &format!("[{}]", short(other)));
            return said;
        }
    };
    let Some(lead) = lead else { return caption(content, kind, mentions) };
    // With a `filename`, a different `body` is a caption; without, the body is the name.
    let body = string(content, "body");
    let (name, captioned) = match string(content, "filename") {
        "" => (body, false),
        name => (name, !body.is_empty() && body != name),
    };
    let mut said = if captioned {
        caption(content, kind, mentions)
    } else {
        Said { kind, document: Document::default(), mentions, cut: false }
    };
    let name = short(name);
    lead_with(&mut said, &if name.is_empty() { format!("[{lead}]") } else { format!("[{lead}: {name}]") });
    said
}

/// The formatted body where there is one, else the body.
fn caption(content: &Value, kind: Kind, mentions: Mentions) -> Said {
    let html = string(content, "formatted_body");
    if string(content, "format") == "org.matrix.custom.html" && !html.trim().is_empty() {
        let (html, cut) = clean::text(html);
        let document = super::html_read::read(&html);
        if !document.blocks.is_empty() {
            return Said { kind, document, mentions, cut };
        }
    }
    let (body, cut) = clean::text(string(content, "body"));
    let body = if body.starts_with("> <@") || body.starts_with("> * <@") { unquoted(&body) } else { &body };
    let known = content.get("m.mentions").is_some();
    let mut reader = Reader::default();
    for line in body.split('\n') {
        reader.line(words(line, known.then_some(&mentions)));
    }
    Said { kind, document: reader.finish(), mentions, cut }
}

/// The body without the quote of the message it answers, which older clients put before it.
fn unquoted(body: &str) -> &str {
    let mut rest = body;
    while rest.starts_with('>') {
        let Some((_, after)) = rest.split_once('\n') else { return body };
        rest = after;
    }
    // Only an empty line ends a fallback; without it, someone quoted by hand.
    rest.strip_prefix('\n').filter(|text| !text.trim().is_empty()).unwrap_or(body)
}

/// A line of plain text, in which full ids of mentioned users are mentions.
fn words(line: &str, mentioned: Option<&Mentions>) -> Vec<Inline> {
    let mut out = Vec::new();
    for (at, word) in line.split(' ').enumerate() {
        if at > 0 {
            out.push(Inline::Text(" ".to_owned()));
        }
        let id = word.trim_end_matches(['.', ',', ':', ';', '!', '?', ')']);
        let user = id.starts_with('@')
            && id.split_once(':').is_some_and(|(name, server)| name.len() > 1 && !server.is_empty());
        if user && mentioned.is_none_or(|mentioned| mentioned.users.iter().any(|user| user == id)) {
            out.push(Inline::MatrixUser { id: id.to_owned(), label: id.to_owned() });
            out.push(Inline::Text(word.get(id.len()..).unwrap_or_default().to_owned()));
        } else {
            out.push(Inline::Text(word.to_owned()));
        }
    }
    super::document::normalise(out)
}

fn location(content: &Value, mentions: Mentions) -> Said {
    let uri =
        content.pointer("/m.location/uri").or_else(|| content.pointer("/org.matrix.msc3488.location/uri"));
    let uri = uri.and_then(Value::as_str).unwrap_or_else(|| string(content, "geo_uri"));
    let text = content
        .pointer("/m.location/description")
        .or_else(|| content.pointer("/org.matrix.msc3488.location/description"));
    let text = short(text.and_then(Value::as_str).unwrap_or_else(|| string(content, "body")));
    let lead = if text.is_empty() { "[location]".to_owned() } else { format!("[location: {text}]") };
    let mut said = placeholder(Kind::Location, &lead, mentions);
    let coordinates = uri.strip_prefix("geo:").and_then(|uri| uri.split(';').next()).unwrap_or_default();
    let mut parts =
        coordinates.split(',').map(|part| part.parse::<f64>().ok().filter(|part| part.is_finite()));
    if let (Some(Some(north)), Some(Some(east))) = (parts.next(), parts.next())
        && north.abs() <= 90.0
        && east.abs() <= 180.0
    {
        let map = format!("https://www.openstreetmap.org/?mlat={north}&mlon={east}#map=16/{north}/{east}");
        said.document.blocks.push(Block::Paragraph(vec![Inline::Text(map)]));
    }
    said
}

fn poll(content: &Value, mentions: Mentions) -> Said {
    let poll = ["m.poll", "org.matrix.msc3381.poll.start"].iter().find_map(|key| content.get(*key));
    let poll = poll.unwrap_or(&Value::Null);
    let question = extensible(poll.get("question").unwrap_or(&Value::Null));
    let mut said = placeholder(Kind::Poll, &format!("[poll] {question}"), mentions);
    let answers = poll.get("answers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let items = answers.iter().take(20).zip(1..).map(|(answer, number)| super::document::Item {
        marker: super::document::Marker::Number(number),
        text: vec![Inline::Text(extensible(answer))],
        below: Vec::new(),
    });
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return said;
    }
    said.document.blocks.push(Block::List(items));
    said
}

/// The plain text of an extensible event's part, stable or not.
fn extensible(part: &Value) -> String {
    let stable = match part.get("m.text") {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Array(forms)) => forms.iter().find_map(|form| form.get("body")).and_then(Value::as_str),
        _ => None,
    };
    let text = stable.or_else(|| part.get("org.matrix.msc1767.text").and_then(Value::as_str));
    short(text.or_else(|| part.get("body").and_then(Value::as_str)).unwrap_or_default())
}

fn placeholder(kind: Kind, text: &str, mentions: Mentions) -> Said {
    let blocks = vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])];
    Said { kind, document: Document { blocks }, mentions, cut: false }
}

fn lead_with(said: &mut Said, text: &str) {
    let lead = Inline::Text(text.to_owned());
    match said.document.blocks.first_mut() {
        Some(Block::Paragraph(line)) => {
            line.insert(0, Inline::Break);
            line.insert(0, lead);
        }
        _ => said.document.blocks.insert(0, Block::Paragraph(vec![lead])),
    }
}

pub(super) fn mentions(content: &Value) -> Mentions {
    let listed =
        content.pointer("/m.mentions/user_ids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let users = listed.iter().filter_map(Value::as_str).take(MAX_MENTIONS).map(str::to_owned).collect();
    let room = content.pointer("/m.mentions/room").and_then(Value::as_bool).unwrap_or(false);
    Mentions { users, room }
}

fn string<'a>(content: &'a Value, key: &str) -> &'a str {
    content.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A name or title on one line, of a length that can be read.
fn short(text: &str) -> String {
    let (text, _) = clean::text(text.get(..text.floor_char_boundary(1024)).unwrap_or_default());
    let mut out: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if out.chars().count() > 255 {
        out = out.chars().take(254).collect();
        out.push('…');
    }
    out
}
