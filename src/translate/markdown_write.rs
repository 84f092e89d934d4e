//! Writes a document as Rocket.Chat Markdown.
//!
//! Law: what is written reads as what was said. Each line is written plainly, read back with our own parser, and where
//! that reads otherwise, written again with guards ([`super::guard`]), and at last without styles: text is never given
//! up for style.

use super::document::{Block, Document, Inline, Item, Mark, Marker, lines, plain, split_lines};
use super::guard::line;
use super::quiet::{quiet, silent, verbatim};
use super::{Names, link};

/// How the writer is to treat what may disturb people.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    /// Who is who.
    pub(super) names: &'a dyn Names,
    /// Whether `@room` may reach everyone here.
    pub(super) everyone: bool,
    /// Whether all of it is what someone does rather than says.
    pub(super) emote: bool,
    /// Whom alone it may call, where it says so itself.
    pub(super) meant: Option<&'a [String]>,
    /// Whether it is quoted: whoever is named was called when it was first said.
    pub(super) quoting: bool,
}

/// The document as Markdown.
pub(super) fn write(document: Document, manner: Manner<'_>) -> String {
    let mut out = String::new();
    let mut begun = false;
    let mut said: Option<std::mem::Discriminant<Block>> = None;
    for block in document.blocks {
        let kind = std::mem::discriminant(&block);
        let empty = block == Block::Blank;
        let text = one(block, manner);
        if text.is_empty() && !empty {
            continue;
        }
        if begun {
            // Blocks of one kind need an empty line between them, besides those that are said.
            out.push_str(if said == Some(kind) && !empty { "\n\n" } else { "\n" });
        }
        out.push_str(&text);
        begun = true;
        if !empty {
            said = Some(kind);
        }
    }
    out
}

fn one(block: Block, manner: Manner<'_>) -> String {
    match block {
        Block::Paragraph(text) => split_lines(text)
            .into_iter()
            .map(|text| {
                let text = lower(text, manner);
                let text = if manner.emote { vec![Inline::Styled(Mark::Italic, text)] } else { text };
                line(text, true, manner.emote)
            })
            .collect::<Vec<_>>()
            .join("\n"),
        // The parsers differ on styles in a heading (0.31 shows their signs), so there are none.
        Block::Heading { level, text } => {
            let text = lower(addressed(text), manner);
            let text =
                line(vec![Inline::Text(plain(&text).replace('\n', " ").trim().to_owned())], false, false);
            if text.is_empty() {
                text
            } else {
                format!("{} {text}", "#".repeat(usize::from(level.clamp(1, 4))))
            }
        }
        Block::Code { language, text } => fence(language.as_deref(), &text, manner),
        Block::Quote(inner) => {
            let manner = Manner { quoting: true, ..manner };
            let mut quoted = lines(inner);
            while quoted.last().is_some_and(Vec::is_empty) {
                quoted.pop();
            }
            let quoted =
                quoted.into_iter().map(|text| format!("> {}", line(lower(text, manner), false, false)));
            quoted.collect::<Vec<_>>().join("\n")
        }
        Block::List(items) => {
            items.into_iter().flat_map(|item| entry(item, manner)).collect::<Vec<_>>().join("\n")
        }
        Block::Maths(tex) if tex.contains("\\]") || tex.trim().is_empty() => {
            fence(Some("latex"), &tex, manner)
        }
        Block::Maths(tex) => format!("\\[{}\\]", verbatim(&tex)),
        table @ Block::Table(_) => {
            let rows = lines(vec![table]).into_iter().map(|text| line(lower(text, manner), true, false));
            rows.collect::<Vec<_>>().join("\n")
        }
        Block::Rule => "---".to_owned(),
        Block::Blank => String::new(),
    }
}

/// An entry of a list; what Rocket.Chat cannot nest follows it on indented lines, code as a fence.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn entry(item: Item, manner: Manner<'_>) -> Vec<String> {
    let marker = match item.marker {
        Marker::Bullet => "- ".to_owned(),
        Marker::Number(number) => format!("{number}. "),
        Marker::Task(true) => "- [x] ".to_owned(),
        Marker::Task(false) => "- [ ] ".to_owned(),
    };
    let mut text = split_lines(item.text).into_iter();
    let mut first = line(lower(text.next().unwrap_or_default(), manner), false, false);
    let boxed = item.marker == Marker::Bullet && ["[ ]", "[x]"].iter().any(|sign| first.starts_with(sign));
    if first.trim().is_empty() || boxed {
        first.insert(0, super::clean::GUARD);
    }
    let mut out = vec![format!("{marker}{}", first.trim_start_matches([' ', '\t']))];
    let below = |blocks| lines(blocks).into_iter().map(|text| indented(text, manner)).collect::<Vec<_>>();
    out.extend(text.map(|text| indented(text, manner)));
    for block in item.below {
        match block {
            Block::Code { language, text } => out.push(fence(language.as_deref(), &text, manner)),
            block => out.extend(below(vec![block])),
        }
    }
    out.retain(|line| !line.is_empty());
    out
}

fn indented(text: Vec<Inline>, manner: Manner<'_>) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("\u{2003}{}", line(lower(text, manner), false, false))
    }
}

fn fence(language: Option<&str>, text: &str, manner: Manner<'_>) -> String {
    let language = match language.unwrap_or_default() {
        "c++" => "cpp".to_owned(),
        "c#" => "csharp".to_owned(),
        "f#" => "fsharp".to_owned(),
        other => other.chars().filter(|char| char.is_ascii_alphanumeric() || "_-.".contains(*char)).collect(),
    };
    if text.trim().is_empty() {
        return String::new();
    }
    format!("```{language}\n{}\n```", silent(text, manner.names).replace("```", "``\u{200B}`"))
}

/// Links written out behind their text, for places that hold none.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn addressed(inlines: Vec<Inline>) -> Vec<Inline> {
    let address = |inline| match inline {
        Inline::Link { href, mut label } => {
            label.push(Inline::Text(format!(" ({href})")));
            label
        }
        other => vec![other],
    };
    inlines.into_iter().flat_map(address).collect()
}

/// The line as Rocket.Chat can say it, not yet in its normal form: people and rooms by their local names, no address that may not be followed.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn lower(inlines: Vec<Inline>, manner: Manner<'_>) -> Vec<Inline> {
    let mut out = Vec::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) => everyone(&text, manner, &mut out),
            Inline::Styled(mark, inner) => out.push(Inline::Styled(mark, lower(inner, manner))),
            Inline::Link { href, label } if link::safe(&href) => {
                let label = lower(label, Manner { everyone: false, ..manner });
                out.push(Inline::Link {
                    href: verbatim(&href).replace(super::clean::GUARD, "%E2%80%8B"),
                    label,
                });
            }
            Inline::Link { label, .. } => out.extend(lower(label, manner)),
            Inline::MatrixUser { id, label } => {
                let is_called = manner.meant.is_none_or(|meant| meant.contains(&id)) && !manner.quoting;
                out.push(match manner.names.rocketchat_username(&id) {
                    Some(name) if is_called && manner.names.is_here(&id) => Inline::User(name),
                    Some(name) => Inline::Text(quiet(&format!("@{name}"))),
                    None => Inline::Text(quiet(&label)),
                });
            }
            Inline::MatrixRoom { id, label } => match manner.names.rocketchat_channel(&id) {
                Some(name) => out.push(Inline::Channel(name)),
                None => out.push(Inline::Link {
                    href: link::matrix_to(&id),
                    label: vec![Inline::Text(quiet(&label))],
                }),
            },
            Inline::Code(text) if text.contains('`') || text.trim().is_empty() => {
                out.push(Inline::Text(quiet(&text)));
            }
            Inline::Code(text) => out.push(Inline::Code(silent(&text, manner.names))),
            Inline::Maths(tex) if tex.contains("\\)") || tex.trim().is_empty() => {
                out.push(Inline::Text(verbatim(&tex)));
            }
            Inline::Maths(tex) => out.push(Inline::Maths(verbatim(&tex))),
            Inline::Everyone(word) if manner.everyone && !manner.quoting => out.push(Inline::Everyone(word)),
            Inline::Everyone(word) => out.push(Inline::Text(quiet(&format!("@{word}")))),
            other => out.push(other),
        }
    }
    out
}

/// Text, in which `@room` is everyone where that is allowed.
fn everyone(text: &str, manner: Manner<'_>, out: &mut Vec<Inline>) {
    let mut rest = text;
    while manner.everyone
        && !manner.quoting
        && let Some((before, after)) = rest.split_once("@room")
    {
        let alone = before.chars().next_back().is_none_or(|char| !char.is_alphanumeric())
            && after
                .chars()
                .next()
                .is_none_or(|char| !char.is_alphanumeric() && !matches!(char, '_' | ':' | '-'));
        out.push(Inline::Text(quiet(before)));
        out.push(if alone { Inline::Everyone("all".to_owned()) } else { Inline::Text(quiet("@room")) });
        rest = after;
    }
    out.push(Inline::Text(quiet(rest)));
}
