//! Writes a document as Matrix HTML (`org.matrix.custom.html`) and says whether that is needed at all.
//!
//! Law: only tags and attributes of the specification, all text escaped.
//! <https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes>

use super::document::{Block, Document, Inline, Item, Mark, Marker, task_box};
use super::{Names, moment};

/// The document as HTML, or nothing where it is plain text.
pub(super) fn write(document: &Document, names: &dyn Names) -> Option<String> {
    let needed = document.blocks.iter().any(|block| match block {
        Block::Paragraph(text) => text.iter().any(|inline| formatted(inline, names)),
        Block::Blank => false,
        Block::Heading { .. }
        | Block::Code { .. }
        | Block::Quote(_)
        | Block::List(_)
        | Block::Maths(_)
        | Block::Table(_)
        | Block::Rule => true,
    });
    if !needed {
        return None;
    }
    let mut out = String::new();
    let mut writer = Writer { out: &mut out, names };
    match document.blocks.as_slice() {
        [Block::Paragraph(text)] => writer.inlines(text),
        blocks => writer.blocks(blocks),
    }
    Some(out)
}

/// Whether an inline is more than its plain text.
fn formatted(inline: &Inline, names: &dyn Names) -> bool {
    match inline {
        Inline::Text(_) | Inline::Break | Inline::Everyone(_) | Inline::Time { .. } | Inline::Emoji(_) => {
            false
        }
        Inline::User(name) => user(name, names).is_some(),
        Inline::Channel(name) => names.matrix_room(name).is_some(),
        Inline::Styled(..)
        | Inline::Code(_)
        | Inline::Maths(_)
        | Inline::Link { .. }
        | Inline::Image { .. }
        | Inline::MatrixUser { .. }
        | Inline::MatrixRoom { .. }
        | Inline::Colour { .. } => true,
    }
}

/// No username is longer, in bytes.
const LONGEST_NAME: usize = 255;

/// So many full stops, dashes and lines may stand behind a mention and be taken for a part of it.
const SWALLOWED: usize = 16;

/// The Matrix user in the room that a mention means, and what was swallowed behind the name (a full stop).
pub(super) fn user<'a>(name: &'a str, names: &dyn Names) -> Option<(String, String, &'a str)> {
    let mut known = Some(name).filter(|it| it.len() <= LONGEST_NAME)?;
    for _ in 0..=SWALLOWED {
        if let Some((id, display)) = names.matrix_user(known) {
            let here = names.is_here(&id);
            return here.then(|| (id, display, name.get(known.len()..).unwrap_or_default()));
        }
        known = known.strip_suffix(['.', '-', '_'])?;
    }
    None
}

struct Writer<'a> {
    out: &'a mut String,
    names: &'a dyn Names,
}

impl Writer<'_> {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(text) => self.within("p", text),
                Block::Heading { level, text } => self.within(heading(*level), text),
                Block::Code { language, text } => {
                    match language {
                        Some(language) => {
                            self.out.push_str("<pre><code class=\"language-");
                            self.escape(&language.replace(char::is_whitespace, "-"));
                            self.out.push_str("\">");
                        }
                        None => self.out.push_str("<pre><code>"),
                    }
                    self.escape(text);
                    self.out.push_str("\n</code></pre>");
                }
                Block::Quote(inner) => {
                    self.out.push_str("<blockquote>");
                    self.blocks(inner);
                    self.out.push_str("</blockquote>");
                }
                Block::List(items) => self.list(items),
                Block::Maths(tex) => {
                    self.out.push_str("<div data-mx-maths=\"");
                    self.escape(tex);
                    self.out.push_str("\"><code>");
                    self.escape(tex);
                    self.out.push_str("</code></div>");
                }
                Block::Table(rows) => self.table(rows),
                Block::Rule => self.out.push_str("<hr>"),
                Block::Blank => self.out.push_str("<br>"),
            }
        }
    }

    fn table(&mut self, rows: &[Vec<Vec<Inline>>]) {
        let Some((head, rows)) = rows.split_first() else { return };
        self.out.push_str("<table><thead>");
        self.row("th", head);
        self.out.push_str("</thead><tbody>");
        for row in rows {
            self.row("td", row);
        }
        self.out.push_str("</tbody></table>");
    }

    fn row(&mut self, tag: &str, cells: &[Vec<Inline>]) {
        self.out.push_str("<tr>");
        for cell in cells {
            self.within(tag, cell);
        }
        self.out.push_str("</tr>");
    }

    fn list(&mut self, items: &[Item]) {
        let (open, end) = match items.first().map(|item| item.marker) {
            Some(Marker::Number(1)) => ("<ol>".to_owned(), "</ol>"),
            Some(Marker::Number(start)) => (format!("<ol start=\"{start}\">"), "</ol>"),
            _ => ("<ul>".to_owned(), "</ul>"),
        };
        self.out.push_str(&open);
        for item in items {
            self.out.push_str("<li>");
            if let Marker::Task(done) = item.marker {
                self.out.push_str(task_box(done));
                self.out.push(' ');
            }
            self.inlines(&item.text);
            self.blocks(&item.below);
            self.out.push_str("</li>");
        }
        self.out.push_str(end);
    }

    fn within(&mut self, tag: &str, text: &[Inline]) {
        self.out.extend(["<", tag, ">"]);
        self.inlines(text);
        self.out.extend(["</", tag, ">"]);
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            self.inline(inline);
        }
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.escape(text),
            Inline::Break => self.out.push_str("<br>"),
            Inline::Styled(Mark::Bold, inner) => self.within("strong", inner),
            Inline::Styled(Mark::Italic, inner) => self.within("em", inner),
            Inline::Styled(Mark::Strike, inner) => self.within("del", inner),
            Inline::Styled(Mark::Spoiler, inner) => {
                self.out.push_str("<span data-mx-spoiler>");
                self.inlines(inner);
                self.out.push_str("</span>");
            }
            Inline::Code(text) => {
                self.out.push_str("<code>");
                self.escape(text);
                self.out.push_str("</code>");
            }
            Inline::Maths(tex) => {
                self.out.push_str("<span data-mx-maths=\"");
                self.escape(tex);
                self.out.push_str("\"><code>");
                self.escape(tex);
                self.out.push_str("</code></span>");
            }
            Inline::Link { href, label } if super::link::safe(href) => {
                self.open_link(href);
                self.inlines(label);
                self.out.push_str("</a>");
            }
            Inline::Link { label, .. } => self.inlines(label),
            Inline::Image { src, alt } => self.image(src, alt),
            Inline::User(name) => match user(name, self.names) {
                Some((id, display, rest)) => {
                    self.pill(&id, &display);
                    self.escape(rest);
                }
                None => self.escape(&format!("@{name}")),
            },
            Inline::Channel(name) => match self.names.matrix_room(name) {
                Some((id, label)) => self.room(&id, &label),
                None => self.escape(&format!("#{name}")),
            },
            Inline::Everyone(_) => self.out.push_str("@room"),
            Inline::MatrixUser { id, label } | Inline::MatrixRoom { id, label } => self.pill(id, label),
            Inline::Emoji(code) => self.escape(&super::emoji::shown(code)),
            Inline::Colour { rgba } => {
                let [red, green, blue, _] = *rgba;
                let hex = moment::hex([red, green, blue, 255]);
                let text = moment::colour(*rgba);
                self.out.extend(["<span data-mx-color=\"", &hex, "\">", &text, "</span>"]);
            }
            Inline::Time { unix, format } => self.escape(&moment::written(*unix, *format)),
        }
    }

    /// Matrix shows uploaded images only; any other is a link to it.
    fn image(&mut self, src: &str, alt: &str) {
        let alt = if alt.is_empty() { src } else { alt };
        if src.starts_with("mxc://") {
            self.out.push_str("<img src=\"");
            self.escape(src);
            self.out.push_str("\" alt=\"");
            self.escape(alt);
            self.out.push_str("\">");
        } else if super::link::safe(src) {
            self.open_link(src);
            self.escape(alt);
            self.out.push_str("</a>");
        } else {
            self.escape(alt);
        }
    }

    /// An id says nothing of where its room is; an alias does.
    fn room(&mut self, id: &str, label: &str) {
        let via = self.names.via().filter(|_| id.starts_with('!'));
        let via = via.map(|it| format!("?via={it}")).unwrap_or_default();
        self.open_link(&format!("{}{via}", super::link::matrix_to(id)));
        self.escape(label);
        self.out.push_str("</a>");
    }

    fn pill(&mut self, id: &str, label: &str) {
        self.open_link(&super::link::matrix_to(id));
        self.escape(label);
        self.out.push_str("</a>");
    }

    fn open_link(&mut self, href: &str) {
        self.out.push_str("<a href=\"");
        self.escape(href);
        self.out.push_str("\">");
    }

    fn escape(&mut self, text: &str) {
        escape(text, self.out);
    }
}

/// A text as it stands in HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    // Runs of spaces and leading tabs survive HTML only as no-break spaces; they carry no meaning here.
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(char),
        }
    }
}

fn heading(level: u8) -> &'static str {
    match level {
        0 | 1 => "h1",
        2 => "h2",
        3 => "h3",
        4 => "h4",
        5 => "h5",
        _ => "h6",
    }
}
