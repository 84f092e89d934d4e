//! Reads `message.md`, the tree that Rocket.Chat's own parser made of a message, into a document.
//!
//! Law: a node we do not know becomes the plain text found in it; none is dropped and none is refused.
//! Nodes: `definitions.d.ts` of `@rocket.chat/message-parser`, up to 0.32.

use serde_json::Value;

use super::clean::GUARD;
use super::document::{Block, Document, Inline, Item, Mark, Marker, normalise};

/// How deep nodes are followed; Rocket.Chat's own parser makes fewer than ten levels.
const MAX_DEPTH: usize = 32;

/// The document of an `md` tree, or nothing where it is not one.
pub(super) fn read(md: &Value) -> Option<Document> {
    let nodes = md.as_array()?;
    let mut reader = Reader::default();
    for node in nodes {
        reader.block(node);
    }
    Some(reader.finish())
}

/// Gathers lines into paragraphs and blocks into a document; the Markdown parser uses it as well.
#[derive(Default)]
pub(super) struct Reader {
    blocks: Vec<Block>,
    paragraph: Vec<Inline>,
    in_paragraph: bool,
    open: bool,
    breaks: usize,
}

impl Reader {
    fn block(&mut self, node: &Value) {
        let value = node.get("value").unwrap_or(&Value::Null);
        match kind(node) {
            "PARAGRAPH" => self.line(inlines(value, 0)),
            "BIG_EMOJI" => {
                // They stand side by side, whatever white space was between them.
                let mut line = Vec::new();
                for emoji in inlines(value, 0) {
                    if !line.is_empty() {
                        line.push(Inline::Text(" ".to_owned()));
                    }
                    line.push(emoji);
                }
                self.line(line);
            }
            "LINE_BREAK" => self.line_break(),
            "HEADING" => {
                let level =
                    node.get("level").and_then(Value::as_u64).and_then(|level| u8::try_from(level).ok());
                self.push(
                    Block::Heading { level: level.unwrap_or(1).clamp(1, 6), text: inlines(value, 0) },
                    true,
                );
            }
            "CODE" => {
                let lines: Vec<String> = array(value).iter().map(|line| text_of(line, 0)).collect();
                let language = node.get("language").and_then(Value::as_str).map(str::trim);
                let language = language.filter(|name| !name.is_empty() && *name != "none").map(str::to_owned);
                self.push(Block::Code { language, text: lines.join("\n") }, true);
            }
            "QUOTE" | "BLOCKQUOTE" => {
                let lines = array(value).iter().map(|line| inlines(line.get("value").unwrap_or(line), 0));
                self.push(quote(lines.collect()), false);
            }
            "SPOILER_BLOCK" => {
                self.end();
                for line in array(value) {
                    let text = inlines(line.get("value").unwrap_or(line), 0);
                    self.line(vec![Inline::Styled(Mark::Spoiler, text)]);
                }
                self.end();
            }
            "UNORDERED_LIST" | "ORDERED_LIST" | "TASKS" => {
                self.list(array(value).iter().map(item).collect());
            }
            "LIST_ITEM" | "TASK" => self.list(vec![item(node)]),
            "KATEX" => self.push(Block::Maths(text_of(node, 0).trim().to_owned()), true),
            "TABLE" => {
                let row =
                    |cells: &Value| array(cells).iter().map(|cell| inlines(part(cell, "value"), 0)).collect();
                let rows = array(part(value, "rows")).iter().map(|it| row(part(it, "value")));
                self.push(
                    Block::Table(std::iter::once(row(part(value, "header"))).chain(rows).collect()),
                    false,
                );
            }
            "HORIZONTAL_RULE" => self.push(Block::Rule, true),
            // An inline node, or one we do not know, is a line.
            _ => self.line(inline(node, 0)),
        }
    }

    /// A line of running text.
    pub(super) fn line(&mut self, line: Vec<Inline>) {
        let empty = line.iter().all(|inline| matches!(inline, Inline::Text(text) if text.trim().is_empty()));
        if empty {
            self.line_break();
            return;
        }
        self.blanks();
        self.open = false;
        if self.in_paragraph {
            self.paragraph.push(Inline::Break);
        }
        self.in_paragraph = true;
        self.paragraph.extend(line);
    }

    /// An empty line.
    pub(super) fn line_break(&mut self) {
        self.end_paragraph();
        if std::mem::take(&mut self.open) {
            return;
        }
        self.breaks += 1;
    }

    /// The paragraph ends here.
    pub(super) fn end(&mut self) {
        self.end_paragraph();
    }

    /// A block; `open` says that the end of its last line is yet to come as a line break.
    pub(super) fn push(&mut self, block: Block, open: bool) {
        self.end_paragraph();
        self.blanks();
        self.blocks.push(tidy(block));
        self.open = open;
    }

    /// A list, cut where its numbers do not follow each other, for HTML cannot say so.
    pub(super) fn list(&mut self, items: Vec<Item>) {
        let mut part: Vec<Item> = Vec::new();
        for item in items {
            if let (Some(Marker::Number(before)), Marker::Number(number)) =
                (part.last().map(|item| item.marker), item.marker)
                && number != before.saturating_add(1)
            {
                self.push(Block::List(std::mem::take(&mut part)), false);
            }
            part.push(item);
        }
        if !part.is_empty() {
            self.push(Block::List(part), false);
        }
    }

    fn end_paragraph(&mut self) {
        if self.in_paragraph {
            self.blocks.push(Block::Paragraph(normalise(std::mem::take(&mut self.paragraph))));
        }
        self.in_paragraph = false;
    }

    /// Empty lines so far, less the one that parts two blocks anyway.
    fn blanks(&mut self) {
        if !self.blocks.is_empty() && self.breaks > 1 {
            let extra = self.breaks - 1;
            self.blocks.extend(std::iter::repeat_n(Block::Blank, extra.min(8)));
        }
        self.breaks = 0;
    }

    /// What was gathered.
    pub(super) fn finish(mut self) -> Document {
        self.end_paragraph();
        Document { blocks: self.blocks }
    }
}

/// A quote of lines, where an empty one parts two paragraphs.
pub(super) fn quote(lines: Vec<Vec<Inline>>) -> Block {
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line);
    }
    Block::Quote(reader.finish().blocks)
}

fn tidy(block: Block) -> Block {
    match block {
        Block::Heading { level, text } => Block::Heading { level, text: normalise(text) },
        Block::List(items) => {
            Block::List(items.into_iter().map(|item| Item { text: normalise(item.text), ..item }).collect())
        }
        Block::Table(rows) => {
            let row = |row: Vec<Vec<Inline>>| row.into_iter().map(normalise).collect();
            Block::Table(rows.into_iter().map(row).collect())
        }
        Block::Paragraph(_)
        | Block::Code { .. }
        | Block::Quote(_)
        | Block::Maths(_)
        | Block::Rule
        | Block::Blank => block,
    }
}

fn part<'a>(node: &'a Value, key: &str) -> &'a Value {
    node.get(key).unwrap_or(&Value::Null)
}

fn item(node: &Value) -> Item {
    let marker =
        match (node.get("number").and_then(Value::as_u64), node.get("status").and_then(Value::as_bool)) {
            (Some(number), _) => Marker::Number(number),
            (None, Some(done)) => Marker::Task(done),
            (None, None) => Marker::Bullet,
        };
    Item { marker, text: inlines(node.get("value").unwrap_or(&Value::Null), 0), below: Vec::new() }
}

fn inlines(value: &Value, depth: usize) -> Vec<Inline> {
    match value.as_array() {
        Some(nodes) => nodes.iter().flat_map(|node| inline(node, depth)).collect(),
        None => inline(value, depth),
    }
}

fn inline(node: &Value, depth: usize) -> Vec<Inline> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    let value = node.get("value").unwrap_or(&Value::Null);
    let styled = |mark| vec![Inline::Styled(mark, inlines(value, depth + 1))];
    let one = match kind(node) {
        "BOLD" => return styled(Mark::Bold),
        "ITALIC" => return styled(Mark::Italic),
        "STRIKE" => return styled(Mark::Strike),
        "SPOILER" => return styled(Mark::Spoiler),
        "PARAGRAPH" => return inlines(value, depth + 1),
        "LINE_BREAK" => Inline::Break,
        "INLINE_CODE" => Inline::Code(text_of(node, 0)),
        "INLINE_KATEX" | "KATEX" => Inline::Maths(text_of(node, 0)),
        "LINK" => link(value, depth),
        "IMAGE" => {
            let src = text_of(value.get("src").unwrap_or(&Value::Null), 0);
            let alt = text_of(value.get("label").unwrap_or(&Value::Null), 0);
            Inline::Image { src, alt }
        }
        "MENTION_USER" => match text_of(node, 0) {
            name if name == "all" || name == "here" => Inline::Everyone(name),
            name => Inline::User(name),
        },
        "MENTION_CHANNEL" => Inline::Channel(text_of(node, 0)),
        "EMOJI" => emoji(node),
        "COLOR" => {
            let part =
                |name| value.get(name).and_then(Value::as_u64).and_then(|part| u8::try_from(part).ok());
            let [red, green, blue, opacity] = ["r", "g", "b", "a"].map(part);
            let rgba = [red.unwrap_or(0), green.unwrap_or(0), blue.unwrap_or(0), opacity.unwrap_or(255)];
            Inline::Colour { rgba }
        }
        "TIMESTAMP" => time(node, value),
        _ => Inline::Text(unguarded(&text_of(node, 0))),
    };
    vec![one]
}

fn link(value: &Value, depth: usize) -> Inline {
    let href = text_of(value.get("src").unwrap_or(&Value::Null), 0);
    let label = inlines(value.get("label").unwrap_or(&Value::Null), depth + 1);
    link_or_text(href, label)
}

/// A link, or plain text where the text is the address: both sides make that a link by themselves.
pub(super) fn link_or_text(href: String, label: Vec<Inline>) -> Inline {
    let href = if href.contains(GUARD) { unguarded(&href) } else { href };
    if let [Inline::Text(text)] = label.as_slice() {
        let text = unguarded(text);
        let bare = |prefix| href.strip_prefix(prefix) == Some(text.as_str());
        let number: String = text.chars().filter(char::is_ascii_digit).collect();
        if href == text || bare("//") || bare("mailto:") || bare("tel:") {
            return Inline::Text(text);
        }
        if text.starts_with('+') && href.strip_prefix("tel:").is_some_and(|tel| tel == number) {
            return Inline::Text(text);
        }
    }
    let href = match href.split_once("//") {
        Some(("", host)) => format!("https://{host}"),
        // Without a scheme it is the name of a host.
        _ if super::autolink::is_host(&href) => format!("https://{href}"),
        _ => href,
    };
    // A link that nobody can see is shown as its address.
    if super::document::plain(&label).trim().is_empty() {
        return Inline::Text(href);
    }
    Inline::Link { href, label }
}

fn emoji(node: &Value) -> Inline {
    if let Some(unicode) = node.get("unicode").and_then(Value::as_str) {
        return Inline::Text(super::clean::text(unicode).0);
    }
    let code = node.get("shortCode").map(|code| text_of(code, 0)).unwrap_or_default();
    let written = text_of(node.get("value").unwrap_or(&Value::Null), 0);
    // An emoticon like `:)` stays what its writer typed.
    if written == code || written.is_empty() { Inline::Emoji(code) } else { Inline::Text(written) }
}

fn time(node: &Value, value: &Value) -> Inline {
    let unix = match value.get("timestamp") {
        Some(Value::String(digits)) => digits.parse().ok(),
        Some(number) => number.as_i64(),
        None => None,
    };
    let format = value.get("format").and_then(Value::as_str).and_then(|format| format.chars().next());
    match unix {
        Some(unix) => Inline::Time { unix, format: format.unwrap_or('t') },
        None => Inline::Text(text_of(node, 0)),
    }
}

fn kind(node: &Value) -> &str {
    node.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// All the text in a node, in order.
fn text_of(node: &Value, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return String::new();
    }
    match node {
        Value::String(text) => super::clean::text(text).0,
        Value::Array(nodes) => nodes.iter().map(|node| text_of(node, depth + 1)).collect(),
        Value::Object(fields) => {
            let part =
                |name| fields.get(name).map(|part| text_of(part, depth + 1)).filter(|text| !text.is_empty());
            let shown = part("value").or_else(|| part("label")).or_else(|| part("unicode"));
            shown.or_else(|| part("fallback")).or_else(|| part("src")).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Text without the zero-width spaces that keep it from being read as markup.
pub(super) fn unguarded(text: &str) -> String {
    text.replace(GUARD, "")
}
