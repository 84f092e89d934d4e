//! Reads Matrix HTML into a document, through ruma-html (html5ever).
//!
//! Law: nothing of the markup survives but what the document model can say, so there is nothing left to sanitise:
//! unknown tags are their content, scripts and styles are nothing, addresses are checked by [`super::link`].
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>

use ruma_html::{ElementData, Html, NodeData, NodeRef};

use super::document::{
    Block, Document, Inline, Item, Mark, Marker, Marks, Run, lines, normalise, runs, tidy, tree,
};
use super::link::{self, Target};

/// How deep elements are followed; [`super::html_bound`] keeps fewer.
const MAX_DEPTH: usize = 100;

/// The greatest number that a list begins with, as in browsers.
const MAX_START: u64 = 2_147_483_647;

/// The document that the HTML shows; `persona` says that its sender's name is shown apart, so that it is left out here.
pub(super) fn read(html: &str, persona: bool) -> Document {
    let html = Html::parse(&super::html_bound::bounded(html));
    let mut reader = Reader::default();
    for node in html.children() {
        reader.node(&node, Place { persona, ..Place::default() });
    }
    Document { blocks: reader.finish() }
}

/// Where a node stands.
#[derive(Clone, Copy, Default)]
struct Place {
    marks: Marks,
    depth: usize,
    persona: bool,
}

impl Place {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn marked(self, mark: Mark) -> Self {
        Self { marks: self.marks.with(mark), ..self }
    }
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    line: Vec<Run>,
    apart: Apart,
}

/// What must not stand right behind the last piece of the line.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Apart {
    /// Anything may.
    #[default]
    Nothing,
    /// A letter or digit: it would be taken for a part of an address.
    Words,
    /// Anything but white space: an emoji's code stands alone.
    All,
}

impl Reader {
    fn finish(mut self) -> Vec<Block> {
        self.end_paragraph();
        while self.blocks.last() == Some(&Block::Blank) {
            self.blocks.pop();
        }
        self.blocks
    }

    fn end_paragraph(&mut self) {
        let mut line = trimmed(std::mem::take(&mut self.line));
        while line.last().is_some_and(|run| run.atom == Inline::Break) {
            line.pop();
            line = trimmed(line);
        }
        if !line.is_empty() {
            self.blocks.push(Block::Paragraph(tree(tidy(line))));
        }
    }

    fn block(&mut self, block: Block) {
        self.end_paragraph();
        self.blocks.push(block);
    }

    fn children(&mut self, node: &NodeRef, place: Place) {
        if place.depth < MAX_DEPTH {
            for child in node.children() {
                self.node(&child, place.below());
            }
        }
    }

    fn node(&mut self, node: &NodeRef, place: Place) {
        match node.data() {
            NodeData::Text(text) => self.text(&text.borrow(), place),
            NodeData::Element(element) => self.element(node, element, place),
            NodeData::Document | NodeData::Other => {}
        }
    }

    fn element(&mut self, node: &NodeRef, element: &ElementData, place: Place) {
        match &*element.name.local {
            "mx-reply" | "script" | "style" | "template" | "title" | "head" | "iframe" | "object" | "svg"
            | "math" | "rp" | "noscript" | "textarea" | "select" | "audio" | "video" | "canvas" => {}
            "b" | "strong" | "span"
                if place.persona && attribute(element, "data-mx-profile-fallback").is_some() => {}
            "b" | "strong" => self.children(node, place.marked(Mark::Bold)),
            "i" | "em" | "cite" => self.children(node, place.marked(Mark::Italic)),
            "del" | "s" | "strike" => self.children(node, place.marked(Mark::Strike)),
            "span" | "font" => self.span(node, element, place),
            "a" => self.anchor(node, element, place),
            "code" | "tt" | "kbd" | "samp" => {
                let code = text_of(node).replace('\n', " ");
                if !code.is_empty() {
                    self.push(Inline::Code(code), place);
                }
            }
            "img" => self.image(element, place),
            "sup" => self.script(node, place, super::script::raised),
            "sub" => self.script(node, place, super::script::lowered),
            // A reading stands in brackets, whether it brings its own or not.
            "rt" => {
                self.text("(", place);
                self.children(node, place);
                self.text(")", place);
            }
            "input" if attribute(element, "type").as_deref() == Some("checkbox") => {
                let done = attribute(element, "checked").is_some();
                self.text(super::document::task_box(done), place);
                self.text(" ", place);
            }
            "br" => self.line_break(),
            "hr" => self.block(Block::Rule),
            "pre" => self.fence(node),
            "blockquote" => {
                let inner = Self::inner(node, place);
                self.block(Block::Quote(inner));
            }
            "ul" => self.list(node, place, None),
            "ol" => {
                let start = attribute(element, "start").and_then(|start| start.trim().parse::<u64>().ok());
                self.list(node, place, Some(start.filter(|start| *start <= MAX_START).unwrap_or(1)));
            }
            name @ ("h1" | "h2" | "h3" | "h4" | "h5" | "h6") => {
                let level = name.bytes().last().map_or(1, |digit| digit.saturating_sub(b'0'));
                let text = joined(Self::inner(node, place));
                self.block(Block::Heading { level, text });
            }
            "table" => self.table(node, place),
            "div" => match attribute(element, "data-mx-maths") {
                Some(tex) => self.block(Block::Maths(tex.trim().to_owned())),
                None => self.paragraph(node, place),
            },
            "summary" => self.paragraph(node, place.marked(Mark::Bold)),
            "p" | "details" | "section" | "article" | "dl" | "dt" | "dd" | "address" | "center"
            | "figure" | "li" => {
                self.paragraph(node, place);
            }
            _ => self.children(node, place),
        }
    }

    fn paragraph(&mut self, node: &NodeRef, place: Place) {
        self.end_paragraph();
        self.children(node, place);
        self.end_paragraph();
    }

    /// What stands in an element, as blocks of its own.
    fn inner(node: &NodeRef, place: Place) -> Vec<Block> {
        let mut reader = Self::default();
        reader.children(node, place);
        reader.finish()
    }

    fn text(&mut self, text: &str, place: Place) {
        // White space collapses, as in any HTML; across runs too.
        let mut out = String::with_capacity(text.len());
        let mut space = match self.line.last() {
            None | Some(Run { atom: Inline::Break, .. }) => true,
            Some(Run { atom: Inline::Text(before), .. }) => before.ends_with(' '),
            Some(_) => false,
        };
        for char in text.chars() {
            match char {
                ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{2028}' | '\u{2029}' => {
                    if !space {
                        out.push(' ');
                    }
                    space = true;
                }
                // Clients write several spaces as no-break spaces.
                '\u{a0}' => {
                    out.push(' ');
                    space = false;
                }
                _ if char.is_control() => {}
                _ => {
                    out.push(char);
                    space = false;
                }
            }
        }
        let joins = match (self.apart, out.chars().next()) {
            (_, None) | (Apart::Nothing, _) => false,
            (Apart::Words, Some(first)) => first.is_alphanumeric(),
            (Apart::All, Some(first)) => !first.is_whitespace(),
        };
        if joins {
            out.insert(0, ' ');
        }
        if !out.is_empty() {
            self.push(Inline::Text(out), place);
        }
    }

    /// A piece that needs white space around it.
    fn push_apart(&mut self, atom: Inline, place: Place, apart: Apart) {
        let joins = match self.line.last() {
            None | Some(Run { atom: Inline::Break, .. }) => false,
            Some(Run { atom: Inline::Text(before), .. }) => match apart {
                Apart::Words => before.ends_with(char::is_alphanumeric),
                Apart::Nothing | Apart::All => !before.ends_with(char::is_whitespace),
            },
            Some(_) => apart == Apart::All,
        };
        if joins {
            self.push(Inline::Text(" ".to_owned()), place);
        }
        self.push(atom, place);
        self.apart = apart;
    }

    /// Raised or lowered text: digits and signs have such forms of their own.
    fn script(&mut self, node: &NodeRef, place: Place, shifted: fn(&str) -> String) {
        match node.children().collect::<Vec<_>>().as_slice() {
            [only] if only.as_text().is_some() => self.text(&shifted(&text_of(node)), place),
            _ => self.children(node, place),
        }
    }

    fn push(&mut self, atom: Inline, place: Place) {
        self.apart = Apart::Nothing;
        self.line.push(Run { marks: place.marks, atom });
    }

    /// One break ends a line, two end a paragraph, more are empty lines.
    fn line_break(&mut self) {
        match self.line.last() {
            None if self.blocks.is_empty() => {}
            None => self.blocks.push(Block::Blank),
            Some(Run { atom: Inline::Break, .. }) => self.end_paragraph(),
            Some(_) => {
                self.line = trimmed(std::mem::take(&mut self.line));
                self.line.push(Run { marks: Marks::NONE, atom: Inline::Break });
            }
        }
    }

    fn span(&mut self, node: &NodeRef, element: &ElementData, place: Place) {
        if let Some(tex) = attribute(element, "data-mx-maths") {
            self.push(Inline::Maths(tex.replace('\n', " ").trim().to_owned()), place);
            return;
        }
        match attribute(element, "data-mx-spoiler") {
            Some(reason) => {
                if !reason.trim().is_empty() {
                    self.push(Inline::Text(format!("({}) ", reason.trim())), place);
                }
                self.children(node, place.marked(Mark::Spoiler));
            }
            None => self.children(node, place),
        }
    }

    fn anchor(&mut self, node: &NodeRef, element: &ElementData, place: Place) {
        let href = attribute(element, "href").map(|href| href.trim().to_owned()).unwrap_or_default();
        let label = || text_of(node).split_whitespace().collect::<Vec<_>>().join(" ");
        match link::target(&href) {
            Some(Target::User(id)) => {
                let label = Some(label()).filter(|label| !label.is_empty()).unwrap_or_else(|| id.clone());
                self.push(Inline::MatrixUser { id, label }, place);
            }
            Some(Target::Room(id)) => {
                let label = Some(label()).filter(|label| !label.is_empty()).unwrap_or_else(|| id.clone());
                self.push(Inline::MatrixRoom { id, label }, place);
            }
            None if link::safe(&href) => {
                let mut inner = Self::default();
                inner.children(node, Place { marks: Marks::NONE, ..place });
                let mut label = joined(inner.finish());
                if label.is_empty() {
                    label.push(Inline::Text(href.clone()));
                }
                let link = super::md::link_or_text(href, label);
                if matches!(link, Inline::Text(_)) {
                    self.push_apart(link, place, Apart::Words);
                } else {
                    self.push(link, place);
                }
            }
            None => self.children(node, place),
        }
    }

    fn image(&mut self, element: &ElementData, place: Place) {
        let text = |name| attribute(element, name).filter(|text| !text.trim().is_empty());
        let alt = text("alt").or_else(|| text("title")).unwrap_or_default();
        if attribute(element, "data-mx-emoticon").is_some() {
            let code: String = alt.trim_matches(':').chars().filter(|char| code_char(*char)).collect();
            if !code.is_empty() {
                self.push_apart(Inline::Emoji(code), place, Apart::All);
                return;
            }
            if !alt.is_empty() {
                self.push_apart(Inline::Text(alt), place, Apart::All);
                return;
            }
        }
        // An image of the homeserver has no address that Rocket.Chat could show: its text stands for it.
        let alt = if alt.is_empty() { "image".to_owned() } else { alt };
        self.push(Inline::Text(format!("[{}]", alt.split_whitespace().collect::<Vec<_>>().join(" "))), place);
    }

    fn fence(&mut self, node: &NodeRef) {
        let language = node.children().find_map(|child| {
            let element = child.as_element().filter(|element| &*element.name.local == "code")?;
            let class = attribute(element, "class")?;
            class.split_whitespace().find_map(|class| class.strip_prefix("language-").map(str::to_owned))
        });
        let text = text_of(node);
        let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
        self.block(Block::Code { language: language.filter(|name| !name.is_empty()), text });
    }

    fn list(&mut self, node: &NodeRef, place: Place, start: Option<u64>) {
        if place.depth >= MAX_DEPTH {
            return;
        }
        let mut items: Vec<Item> = Vec::new();
        let mut number = start;
        for child in node.children() {
            let is_blank = child.as_text().is_none_or(|text| text.borrow().trim().is_empty());
            if child.as_element().is_none() && is_blank {
                continue;
            }
            let blocks = if child.as_element().is_some_and(|element| &*element.name.local == "li") {
                Self::inner(&child, place.below())
            } else {
                // What stands right in a list belongs to the entry before it.
                let mut reader = Self::default();
                reader.node(&child, place.below());
                let blocks = reader.finish();
                if let Some(last) = items.last_mut() {
                    last.below.extend(blocks);
                    continue;
                }
                blocks
            };
            let marker = number.map_or(Marker::Bullet, Marker::Number);
            number = number.map(|number| number.saturating_add(1));
            items.push(entry(marker, blocks));
        }
        if !items.is_empty() {
            self.block(Block::List(items));
        }
    }

    /// Rocket.Chat has no tables: each row becomes a line, its cells parted by bars, its heads bold.
    fn table(&mut self, node: &NodeRef, place: Place) {
        self.end_paragraph();
        let mut first = true;
        self.rows(node, place, &mut first);
        self.end_paragraph();
    }

    fn rows(&mut self, node: &NodeRef, place: Place, first: &mut bool) {
        if place.depth >= MAX_DEPTH {
            return;
        }
        for child in node.children() {
            let Some(element) = child.as_element() else { continue };
            match &*element.name.local {
                "tr" => {
                    if !std::mem::take(first) {
                        self.line_break();
                    }
                    for (at, cell) in child.children().filter(|cell| cell.as_element().is_some()).enumerate()
                    {
                        if at > 0 {
                            self.push(Inline::Text(" | ".to_owned()), Place::default());
                        }
                        let head = cell.as_element().is_some_and(|cell| &*cell.name.local == "th");
                        let inside = if head { place.marked(Mark::Bold) } else { place };
                        self.line.extend(runs(joined(Self::inner(&cell, inside.below()))));
                    }
                }
                "caption" => {
                    self.paragraph(&child, place.marked(Mark::Italic));
                }
                _ => self.rows(&child, place.below(), first),
            }
        }
    }
}

/// An entry of a list: its first paragraph is its text, the rest is below it; a sign at its start makes it a task.
fn entry(marker: Marker, blocks: Vec<Block>) -> Item {
    let mut blocks = blocks.into_iter().peekable();
    let mut text = match blocks.next_if(|block| matches!(block, Block::Paragraph(_) | Block::Heading { .. }))
    {
        Some(Block::Paragraph(text)) => text,
        Some(Block::Heading { text, .. }) => vec![Inline::Styled(Mark::Bold, text)],
        _ => Vec::new(),
    };
    let mut marker = marker;
    if marker == Marker::Bullet
        && let Some(Inline::Text(first)) = text.first_mut()
    {
        for done in [true, false] {
            if let Some(rest) = first.strip_prefix(super::document::task_box(done)) {
                *first = rest.trim_start().to_owned();
                marker = Marker::Task(done);
                break;
            }
        }
    }
    Item { marker, text, below: blocks.collect() }
}

/// Blocks as one line, a space between their lines.
fn joined(blocks: Vec<Block>) -> Vec<Inline> {
    let mut out = Vec::new();
    for line in lines(blocks).into_iter().filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push(Inline::Text(" ".to_owned()));
        }
        out.extend(line);
    }
    normalise(out)
}

fn trimmed(mut line: Vec<Run>) -> Vec<Run> {
    while let Some(Run { atom: Inline::Text(text), .. }) = line.last_mut() {
        let kept = text.trim_end_matches(' ').len();
        text.truncate(kept);
        if !text.is_empty() {
            break;
        }
        line.pop();
    }
    line
}

fn code_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '+' | '.')
}

fn attribute(element: &ElementData, name: &str) -> Option<String> {
    let attrs = element.attrs.borrow();
    attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| super::clean::text(&attr.value).0)
}

/// All the text in a node, white space as written, line breaks as `\n`.
fn text_of(node: &NodeRef) -> String {
    fn gather(node: &NodeRef, out: &mut String, depth: usize) {
        if let Some(text) = node.as_text() {
            out.extend(
                text.borrow().chars().filter(|char| *char == '\n' || *char == '\t' || !char.is_control()),
            );
        } else if node.as_element().is_some_and(|element| &*element.name.local == "br") {
            out.push('\n');
        } else if depth < MAX_DEPTH {
            for child in node.children() {
                gather(&child, out, depth + 1);
            }
        }
    }
    let mut out = String::new();
    gather(node, &mut out, 0);
    out
}
