//! Writes a document as plain text, for the `body` that a client without HTML shows.
//!
//! Law: it reads well on its own, in the manner of Markdown; nothing that is said is missing from it.

use super::document::{Block, Document, Inline, Item, Mark, Marker};
use super::html_write::user;
use super::{Names, moment};

/// The document as plain text.
pub(super) fn write(document: &Document, names: &dyn Names) -> String {
    blocks(&document.blocks, names)
}

fn blocks(blocks: &[Block], names: &dyn Names) -> String {
    let mut out = String::new();
    let mut said: Option<std::mem::Discriminant<Block>> = None;
    for (at, block) in blocks.iter().enumerate() {
        let kind = Some(std::mem::discriminant(block)).filter(|_| *block != Block::Blank);
        if at > 0 {
            // Blocks of one kind need an empty line between them, besides those that are said.
            out.push_str(if kind.is_some() && said == kind { "\n\n" } else { "\n" });
        }
        out.push_str(&one(block, names));
        said = kind.or(said);
    }
    out
}

fn one(block: &Block, names: &dyn Names) -> String {
    match block {
        Block::Paragraph(text) => inlines(text, names),
        Block::Heading { level, text } => {
            format!("{} {}", "#".repeat(usize::from(*level)), inlines(text, names))
        }
        Block::Code { language, text } => {
            format!("```{}\n{text}\n```", language.as_deref().unwrap_or_default())
        }
        Block::Quote(inner) => prefixed(&blocks(inner, names), "> ", "> "),
        Block::List(items) => items.iter().map(|item| entry(item, names)).collect::<Vec<_>>().join("\n"),
        Block::Maths(tex) => format!("$$\n{tex}\n$$"),
        Block::Table(rows) => table(rows, names),
        Block::Rule => "---".to_owned(),
        Block::Blank => String::new(),
    }
}

fn table(rows: &[Vec<Vec<Inline>>], names: &dyn Names) -> String {
    let mut out = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| inlines(cell, names)).collect();
        out.push(format!("| {} |", cells.join(" | ")));
        if at == 0 {
            out.push(format!("|{}", "---|".repeat(row.len())));
        }
    }
    out.join("\n")
}

fn entry(item: &Item, names: &dyn Names) -> String {
    let marker = match item.marker {
        Marker::Bullet => "- ".to_owned(),
        Marker::Number(number) => format!("{number}. "),
        Marker::Task(true) => "- [x] ".to_owned(),
        Marker::Task(false) => "- [ ] ".to_owned(),
    };
    let mut text = inlines(&item.text, names);
    if !item.below.is_empty() {
        text.push('\n');
        text.push_str(&blocks(&item.below, names));
    }
    prefixed(&text, &marker, "  ")
}

fn prefixed(text: &str, first: &str, others: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(if at == 0 { first } else { others });
        out.push_str(line);
    }
    out
}

fn inlines(inlines: &[Inline], names: &dyn Names) -> String {
    let mut out = String::new();
    for part in inlines {
        inline(part, names, &mut out);
    }
    out
}

fn inline(inline: &Inline, names: &dyn Names, out: &mut String) {
    match inline {
        Inline::Text(text) => out.push_str(text),
        Inline::Break => out.push('\n'),
        Inline::Styled(mark, inner) => {
            let sign = match mark {
                Mark::Spoiler => "||",
                Mark::Bold => "**",
                Mark::Italic => "_",
                Mark::Strike => "~~",
            };
            out.push_str(sign);
            out.push_str(&inlines(inner, names));
            out.push_str(sign);
        }
        Inline::Code(text) => out.extend(["`", text, "`"]),
        Inline::Maths(tex) => out.extend(["$", tex, "$"]),
        Inline::Link { href, label } => {
            let label = inlines(label, names);
            if !super::link::safe(href) {
                out.push_str(&label);
            } else if label.is_empty() || label == *href {
                out.push_str(href);
            } else {
                out.extend([label.as_str(), " (", href.as_str(), ")"]);
            }
        }
        Inline::Image { src, alt } if alt.is_empty() || alt == src => out.push_str(src),
        Inline::Image { src, alt } => out.extend([alt.as_str(), " (", src.as_str(), ")"]),
        Inline::User(name) => match user(name, names) {
            Some((_, display, rest)) => out.extend([display.as_str(), rest]),
            None => out.extend(["@", name]),
        },
        Inline::Everyone(_) => out.push_str("@room"),
        Inline::Channel(name) => match names.matrix_room(name) {
            Some((_, label)) => out.push_str(&label),
            None => out.extend(["#", name]),
        },
        Inline::MatrixUser { label, .. } | Inline::MatrixRoom { label, .. } => out.push_str(label),
        Inline::Emoji(code) => out.push_str(&super::emoji::shown(code)),
        Inline::Colour { rgba } => out.push_str(&moment::colour(*rgba)),
        Inline::Time { unix, format } => out.push_str(&moment::written(*unix, *format)),
    }
}
