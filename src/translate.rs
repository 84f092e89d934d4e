//! What a message means: Rocket.Chat <-> Matrix content.
//!
//! Law: pure and total. Any text of either side has a translation, made in linear time, which reads on the other side
//! as it was meant; what the other side has no form for stands there in readable words. It knows no room and no store:
//! who is who is asked of [`Names`].
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>
//!
//! ```text
//! Rocket.Chat md   -> md            -+              +- html_write, body      -> Matrix content
//! Rocket.Chat text -> markdown_read -+-> document  -+
//! Matrix content   -> content, html_read -----------+- markdown_write, guard -> Rocket.Chat text
//! ```

mod autolink;
mod body;
mod clean;
mod content;
mod document;
mod edit;
mod emoji;
mod guard;
mod html_bound;
mod html_read;
mod html_write;
mod inline_read;
mod link;
mod markdown_read;
mod markdown_write;
mod md;
mod moment;

use serde_json::{Value, json};

use document::{Block, Document, Inline, Mark};

pub use edit::replaced;

/// What is said at the end of a text that was too long to be read as a whole.
const CUT: &str = " […]";

/// Who and what is known on both sides; asked by name, never told.
pub trait Names {
    /// The Matrix user (id, display name) that a Rocket.Chat username means, local user or ghost.
    fn matrix_user(&self, rocketchat_username: &str) -> Option<(String, String)>;

    /// The Rocket.Chat username that a Matrix user goes by, local user or ghost.
    fn rocketchat_username(&self, mxid: &str) -> Option<String>;

    /// The Matrix room (alias or id, text of the pill) that a Rocket.Chat channel is.
    fn matrix_room(&self, _rocketchat_channel: &str) -> Option<(String, String)> {
        None
    }

    /// The Rocket.Chat channel that a Matrix room (alias or id) is.
    fn rocketchat_channel(&self, _room: &str) -> Option<String> {
        None
    }

    /// The uploaded image (`mxc://…`) of a custom Rocket.Chat emoji, by its code without colons.
    fn matrix_emoji(&self, _code: &str) -> Option<String> {
        None
    }
}

/// A message of Rocket.Chat, as Rocket.Chat hands it over.
#[derive(Debug, Clone, Copy)]
pub struct LocalText<'a> {
    /// `message.text`: Rocket.Chat Markdown.
    pub text: &'a str,
    /// `message.md`: the same, parsed by Rocket.Chat; without it the text is parsed here.
    pub md: Option<&'a Value>,
}

/// A message for Matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixText {
    /// Whether it tells what its sender does (`m.emote`) rather than says (`m.text`).
    pub emote: bool,
    /// The plain text.
    pub body: String,
    /// The HTML, where there is any formatting.
    pub formatted_body: Option<String>,
    /// Whom it mentions.
    pub mentions: Mentions,
    /// Whether the input was longer than is read and the rest left out (the text ends in `[…]`).
    pub cut: bool,
}

/// Whom a message mentions (`m.mentions`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Matrix users, by id, each once.
    pub users: Vec<String>,
    /// Everyone in the room.
    pub room: bool,
}

impl MatrixText {
    /// The content of an `m.room.message` event; `m.mentions` is always there, so that nobody is mentioned by accident.
    pub fn content(&self) -> Value {
        let mut mentions = json!({});
        if !self.mentions.users.is_empty() {
            mentions = json!({ "user_ids": self.mentions.users });
        }
        if self.mentions.room
            && let Some(mentions) = mentions.as_object_mut()
        {
            mentions.insert("room".to_owned(), Value::Bool(true));
        }
        let msgtype = if self.emote { "m.emote" } else { "m.text" };
        let mut content = json!({ "msgtype": msgtype, "body": self.body, "m.mentions": mentions });
        if let (Some(html), Some(content)) = (&self.formatted_body, content.as_object_mut()) {
            content.insert("format".to_owned(), json!("org.matrix.custom.html"));
            content.insert("formatted_body".to_owned(), json!(html));
        }
        content
    }
}

/// Translates a message of Rocket.Chat.
///
/// What `/me` writes (a single line wholly in `_…_`) and a text that begins with `/me ` become emotes. `@all` and
/// `@here` become `@room`: Rocket.Chat has checked the permission, and whether the power level allows it is for the
/// caller, who may clear `mentions.room`.
pub fn to_matrix(local: &LocalText<'_>, names: &dyn Names) -> MatrixText {
    let (text, cut) = clean::text(local.text);
    let (text, told) = match text.strip_prefix("/me ") {
        Some(deed) => (deed.to_owned(), true),
        None => (text, false),
    };
    let md = local.md.filter(|_| !told && !cut).and_then(md::read);
    let mut document = md.unwrap_or_else(|| markdown_read::read(&text));
    let emote = told || take_emote(&mut document, &text);
    let mut mentions = Mentions::default();
    for block in &document.blocks {
        mentioned_in(block, names, &mut mentions);
    }
    let mut body = body::write(&document, names);
    let mut formatted_body = html_write::write(&document, names);
    if cut {
        body.push_str(CUT);
        if let Some(html) = formatted_body.as_mut() {
            html.push_str(CUT);
        }
    }
    clean::close_bidi(&mut body);
    formatted_body.iter_mut().for_each(clean::close_bidi);
    MatrixText { emote, body, formatted_body, mentions, cut }
}

/// Takes off the italics that `/me` puts around its text.
fn take_emote(document: &mut Document, text: &str) -> bool {
    if !text.starts_with('_') || text.starts_with("__") {
        return false;
    }
    let [Block::Paragraph(line)] = document.blocks.as_mut_slice() else { return false };
    let all = document::runs(line.clone());
    // Signs that would end a style stand outside of it.
    let sign = |inline: &Inline| matches!(inline, Inline::Text(text) if text.chars().all(|char| "*_~`|\\ ".contains(char)));
    let wholly =
        |run: &document::Run| run.marks.has(Mark::Italic) || run.atom == Inline::Break || sign(&run.atom);
    if !all.iter().all(wholly) {
        return false;
    }
    let deed = all.into_iter().map(|run| document::Run { marks: run.marks.without(Mark::Italic), ..run });
    *line = document::tree(&document::tidy(deed.collect()));
    true
}

fn mentioned_in(block: &Block, names: &dyn Names, found: &mut Mentions) {
    match block {
        Block::Paragraph(text) | Block::Heading { text, .. } => mentioned(text, names, found),
        Block::List(items) => {
            for item in items {
                mentioned(&item.text, names, found);
                item.below.iter().for_each(|block| mentioned_in(block, names, found));
            }
        }
        // Whoever is named in a quote was mentioned when it was first said.
        Block::Quote(_) | Block::Code { .. } | Block::Maths(_) | Block::Rule | Block::Blank => {}
    }
}

fn mentioned(inlines: &[Inline], names: &dyn Names, found: &mut Mentions) {
    for inline in inlines {
        match inline {
            Inline::User(name) => {
                if let Some((id, ..)) = html_write::user(name, names)
                    && !found.users.contains(&id)
                {
                    found.users.push(id);
                }
            }
            Inline::Everyone(_) => found.room = true,
            Inline::Styled(_, inner) => mentioned(inner, names, found),
            Inline::Text(_)
            | Inline::Break
            | Inline::Code(_)
            | Inline::Maths(_)
            | Inline::Link { .. }
            | Inline::Image { .. }
            | Inline::Channel(_)
            | Inline::MatrixUser { .. }
            | Inline::MatrixRoom { .. }
            | Inline::Emoji(_)
            | Inline::Colour { .. }
            | Inline::Time { .. } => {}
        }
    }
}

/// An event of Matrix.
#[derive(Debug, Clone, Copy)]
pub struct RemoteEvent<'a> {
    /// `m.room.message`, `m.sticker`, …
    pub event_type: &'a str,
    /// Its content, which may be anything.
    pub content: &'a Value,
    /// Whether its sender may reach everyone in the room: `@room` becomes `@all` only then, and only where
    /// `m.mentions` means it.
    pub may_mention_room: bool,
}

/// What kind of message an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something said.
    Text,
    /// Something done; the text is in italics, as `/me` makes it.
    Emote,
    /// Something said by a machine.
    Notice,
    /// An image; the text names it and holds its caption, as with all files.
    Image,
    /// A file.
    File,
    /// Sound or a voice message.
    Audio,
    /// A video.
    Video,
    /// A place.
    Location,
    /// A sticker.
    Sticker,
    /// A question with answers to choose from.
    Poll,
    /// An encrypted event: a placeholder.
    Encrypted,
    /// Anything else, named in the text.
    Unknown,
}

/// A message for Rocket.Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocketChatText {
    /// Rocket.Chat Markdown; never empty.
    pub text: String,
    /// What kind of message it is.
    pub kind: Kind,
    /// Whom the sender meant to mention (`m.mentions`), known here or not.
    pub mentions: Mentions,
    /// Whether the input was longer than is read and the rest left out (the text ends in `[…]`).
    pub cut: bool,
}

/// A moment in milliseconds, as people write it.
pub fn moment(at: i64) -> String {
    moment::written(at.div_euclid(1000), 'f')
}

/// Translates an event of Matrix; an edit (`m.replace`) gives its new text.
pub fn from_matrix(event: &RemoteEvent<'_>, names: &dyn Names) -> RocketChatText {
    let said = content::read(event.event_type, event.content);
    let manner = markdown_write::Manner {
        names,
        everyone: event.may_mention_room && said.mentions.room,
        emote: said.kind == Kind::Emote,
    };
    let mut text = markdown_write::write(said.document, manner);
    if text.trim().is_empty() {
        text.replace_range(.., "[empty message]");
    }
    if said.cut {
        text.push_str(CUT);
    }
    clean::close_bidi(&mut text);
    RocketChatText { text, kind: said.kind, mentions: said.mentions, cut: said.cut }
}
