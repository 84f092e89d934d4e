//! Reads the content of a Matrix event into a document and what else it says about itself.
//!
//! Law: every event becomes readable text; what Rocket.Chat has no form for is named and never dropped.
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>

use serde_json::Value;

use super::document::{Block, Document, Inline};
use super::md::Reader;
use super::persona::{Persona, persona};
use super::{Kind, Mentions, clean, file, place, poll, relation};

/// The most users that are read of `m.mentions`.
const MAX_MENTIONS: usize = 100;

/// What an event says.
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) document: Document,
    pub(super) mentions: Mentions,
    /// Whether it says itself whom it mentions, so that nobody else is meant.
    pub(super) names_all: bool,
    pub(super) cut: bool,
}

/// Reads an event's content; an edit says its new content.
pub(super) fn read(event_type: &str, content: &Value) -> Said {
    let event = content;
    let content = newest(event);
    let msgtype = string(content, "msgtype");
    match (event_type, msgtype) {
        ("m.room.encrypted", _) => {
            return Said::bare(event).only(Kind::Encrypted, "[encrypted message: it cannot be read here]");
        }
        ("m.poll.start" | "org.matrix.msc3381.poll.start", _) => {
            let document = poll::document(content, &[], false);
            return Said { kind: Kind::Poll, document, ..Said::bare(event) };
        }
        ("m.location" | "org.matrix.msc3488.location", _) | ("m.room.message", "m.location") => {
            return Said { kind: Kind::Location, document: place::read(content), ..Said::bare(event) };
        }
        _ => {}
    }
    let said = Said::of(event);
    match (event_type, msgtype) {
        ("m.sticker", _) => said.file(Kind::Sticker, content),
        ("m.room.message", "m.text") => said.spoken(Kind::Text),
        ("m.room.message", "m.emote") => said.spoken(Kind::Emote),
        ("m.room.message", "m.notice") => said.spoken(Kind::Notice),
        ("m.room.message", "m.server_notice") => server_notice(said.spoken(Kind::Notice), content),
        ("m.room.message", "m.image") => said.file(Kind::Image, content),
        ("m.room.message", "m.file") => said.file(Kind::File, content),
        ("m.room.message", "m.video") => said.file(Kind::Video, content),
        ("m.room.message", "m.audio") => said.file(Kind::Audio, content),
        ("m.room.message", "m.gallery" | "dm.filament.gallery") => {
            let mut said = said.spoken(Kind::Unknown);
            said.document.blocks.extend(file::gallery(content).blocks);
            said.led_by("[gallery]")
        }
        ("m.room.message", "") if string(content, "body").is_empty() => {
            said.only(Kind::Unknown, "[message without a type or content]")
        }
        ("m.room.message", "") => said.spoken(Kind::Unknown).led_by("[message without a type]"),
        ("m.room.message", other) => said.named("message", other),
        (other, _) => said.named("event", other),
    }
}

/// What is said beside a file, where it has a caption.
pub(super) fn caption(content: &Value) -> Option<Said> {
    file::has_caption(content).then(|| Said::of(content).spoken(Kind::Text))
}

/// The content that counts: of an edit, the new one.
pub fn newest(content: &Value) -> &Value {
    let is_edit = content.pointer("/m.relates_to/rel_type").and_then(Value::as_str) == Some("m.replace");
    content.get("m.new_content").filter(|new| is_edit && new.is_object()).unwrap_or(content)
}

/// Kinds of events that have a name among people.
fn spelt_out(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "m.poll.response" | "org.matrix.msc3381.poll.response" => "vote in a poll",
        "m.poll.end" | "org.matrix.msc3381.poll.end" => "end of a poll",
        "m.key.verification.request" => "request to verify a device, which is possible on Matrix only",
        "m.call.invite"
        | "m.call.notify"
        | "m.rtc.notification"
        | "org.matrix.msc4075.call.notify"
        | "org.matrix.msc4075.rtc.notification" => "call, which can be answered on Matrix only",
        "m.beacon_info" | "org.matrix.msc3672.beacon_info" => "live location, which is shown on Matrix only",
        "m.reaction" => "reaction",
        _ => return None,
    })
}

fn server_notice(mut said: Said, content: &Value) -> Said {
    if let Some(contact) = content.get("admin_contact").and_then(Value::as_str) {
        let contact = contact.strip_prefix("mailto:").unwrap_or(contact);
        let contact = format!("Contact: {}", short(contact));
        said.document.blocks.push(Block::Paragraph(vec![Inline::Text(contact)]));
    }
    said.led_by("[notice from the homeserver]")
}

impl Said {
    /// The text, and what is said besides.
    fn of(content: &Value) -> Self {
        let (document, cut) = text(content);
        Self { document, cut, ..Self::bare(content) }
    }

    /// What is said besides the text.
    fn bare(content: &Value) -> Self {
        let content = newest(content);
        let names_all = content.get("m.mentions").is_some_and(Value::is_object);
        let document = Document { blocks: vec![] };
        Self { kind: Kind::Unknown, document, mentions: mentions(content), names_all, cut: false }
    }

    fn spoken(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// That text alone.
    fn only(self, kind: Kind, text: &str) -> Self {
        let blocks = vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])];
        Self { kind, document: Document { blocks }, cut: false, ..self }
    }

    /// A file by its name, its caption below.
    fn file(self, kind: Kind, content: &Value) -> Self {
        let named = file::named(kind, content);
        if file::has_caption(content) { self.spoken(kind).led_by(&named) } else { self.only(kind, &named) }
    }

    /// By its type, where that is all that is known; what it says for such cases stands below.
    fn named(self, what: &str, kind: &str) -> Self {
        let lead = match spelt_out(kind) {
            Some(name) => format!("[{name}]"),
            None if self.document.blocks.is_empty() => {
                format!("[{what} of type {}, which cannot be shown here]", short(kind))
            }
            None => format!("[{}]", short(kind)),
        };
        self.spoken(Kind::Unknown).led_by(&lead)
    }

    fn led_by(mut self, text: &str) -> Self {
        let lead = Inline::Text(text.to_owned());
        match self.document.blocks.first_mut() {
            Some(Block::Paragraph(line)) => {
                line.insert(0, Inline::Break);
                line.insert(0, lead);
            }
            _ => self.document.blocks.insert(0, Block::Paragraph(vec![lead])),
        }
        self
    }
}

/// The formatted body where there is one, else the body; and whether it was cut.
fn text(event: &Value) -> (Document, bool) {
    let persona = persona(event);
    let content = newest(event);
    let html = string(content, "formatted_body");
    if string(content, "format") == "org.matrix.custom.html" && !html.trim().is_empty() {
        let (html, cut) = clean::text(html);
        let document = super::html_read::read(&html, persona.is_some());
        if !document.blocks.is_empty() {
            return (document, cut);
        }
    }
    let (body, cut) = clean::text(string(content, "body"));
    let is_reply = event.pointer("/m.relates_to/m.in_reply_to").is_some();
    let said = is_reply.then(|| relation::parted(&body)).flatten();
    let body = said.map_or(body.as_str(), |(_, said)| said);
    let body = persona.as_ref().map_or(body, |persona: &Persona| persona.unnamed(body));
    if body.is_empty() {
        let said = extensible(content);
        let blocks = if said.is_empty() { vec![] } else { vec![Block::Paragraph(vec![Inline::Text(said)])] };
        return (Document { blocks }, cut);
    }
    let known = content.get("m.mentions").is_some();
    let mentions = mentions(content);
    let mut reader = Reader::default();
    for line in body.split('\n') {
        reader.line(words(line, known.then_some(&mentions)));
    }
    (reader.finish(), cut)
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

/// The plain text of an extensible event's part, stable or not, on one line.
pub(super) fn extensible(part: &Value) -> String {
    let stable = match part.get("m.text") {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Array(forms)) => {
            let is_plain = |form: &&Value| matches!(string(form, "mimetype"), "" | "text/plain");
            forms.iter().find(is_plain).and_then(|form| form.get("body")).and_then(Value::as_str)
        }
        _ => None,
    };
    let text = stable.or_else(|| part.get("org.matrix.msc1767.text").and_then(Value::as_str));
    short(text.or_else(|| part.get("body").and_then(Value::as_str)).unwrap_or_default())
}

pub(super) fn mentions(content: &Value) -> Mentions {
    let listed =
        content.pointer("/m.mentions/user_ids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let users = listed.iter().filter_map(Value::as_str).take(MAX_MENTIONS).map(str::to_owned).collect();
    let room = content.pointer("/m.mentions/room").and_then(Value::as_bool).unwrap_or(false);
    Mentions { users, room }
}

pub(super) fn string<'a>(content: &'a Value, key: &str) -> &'a str {
    content.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A name or title on one line, of a length that can be read; signs that turn its direction would make it another.
pub(super) fn short(text: &str) -> String {
    let (text, _) = clean::text(text.get(..text.floor_char_boundary(1024)).unwrap_or_default());
    let text = text.replace(['\u{202A}', '\u{202B}', '\u{202C}', '\u{202D}', '\u{202E}'], "");
    let mut out: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if out.chars().count() > 255 {
        out = out.chars().take(254).collect();
        out.push('…');
    }
    out
}
