//! Reads Rocket.Chat Markdown into a document, for messages that come without `md`.
//!
//! Law: as [`super::inline_read`], for whole lines: block by block, each line looked at a bounded number of times.
//! Rules `Blocks` of the grammar of `@rocket.chat/message-parser`.

use super::clean::GUARD;
use super::document::{Block, Document, Inline, Item, Mark, Marker};
use super::md::{Reader, quote, unguarded};
use super::{inline_part, inline_read, pictograph};

/// The document of a text.
pub(super) fn read(text: &str) -> Document {
    if let Some(emoji) = big_emoji(text) {
        return emoji;
    }
    let mut reader = Reader::default();
    let mut rest = text;
    let mut fences_left = true;
    let mut formulas_left = true;
    while !rest.is_empty() {
        if fences_left && rest.starts_with("```") {
            match fence(rest) {
                Some((block, after)) => {
                    reader.push(block, true);
                    rest = after;
                    continue;
                }
                None => fences_left = rest.get(3..).is_some_and(|rest| rest.contains("```")),
            }
        }
        if formulas_left && let Some(inside) = rest.strip_prefix("\\[") {
            if let Some((tex, after)) = inside.split_once("\\]") {
                reader.push(Block::Maths(tex.trim().to_owned()), true);
                rest = after;
                continue;
            }
            formulas_left = false;
        }
        if let Some((lines, after)) = spoiler(rest) {
            reader.end();
            for line in lines {
                reader.line(vec![Inline::Styled(Mark::Spoiler, inlines(line))]);
            }
            reader.end();
            rest = after;
            continue;
        }
        rest = line_block(rest, &mut reader);
    }
    reader.finish()
}

/// One block that is made of whole lines.
fn line_block<'a>(rest: &'a str, reader: &mut Reader) -> &'a str {
    let (line, after) = next_line(rest);
    if line.trim_matches([' ', '\t']).is_empty() {
        reader.line_break();
        return after;
    }
    if let Some((level, text)) = heading(line) {
        // The line's end is still to come, so that text behind it starts a paragraph.
        reader.push(Block::Heading { level, text: inlines(text) }, true);
        return rest.get(line.len()..).unwrap_or_default();
    }
    if is_rule(line) {
        reader.push(Block::Rule, true);
        return rest.get(line.len()..).unwrap_or_default();
    }
    if line.starts_with('|')
        && let Some((table, after)) = table(rest)
    {
        reader.push(table, false);
        return after;
    }
    let (lines, after_quote) = quotes(rest);
    if !lines.is_empty() {
        reader.push(quote(lines.into_iter().map(inlines).collect()), false);
        return after_quote;
    }
    if task(line).is_some() {
        let (lines, after) = take(rest, task);
        let items = lines.into_iter().map(|(done, text)| item(Marker::Task(done), inlines(text)));
        reader.list(items.collect());
        return after;
    }
    if numbered(line).is_some() {
        let (lines, after) = take(rest, numbered);
        let items = lines.into_iter().map(|(number, text)| item(Marker::Number(number), inlines(text)));
        reader.list(items.collect());
        return after;
    }
    let (mut entries, mut after_list) = take(rest, hyphened);
    if entries.is_empty() {
        (entries, after_list) = take(rest, starred);
    }
    if !entries.is_empty() {
        reader.list(entries.into_iter().map(|text| item(Marker::Bullet, text)).collect());
        return after_list;
    }
    reader.line(inlines(line));
    after
}

fn item(marker: Marker, text: Vec<Inline>) -> Item {
    Item { marker, text, below: Vec::new() }
}

fn inlines(line: &str) -> Vec<Inline> {
    strip_guards(inline_read::read(line))
}

/// The same without the zero-width spaces that guard text against being read as markup.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn strip_guards(inlines: Vec<Inline>) -> Vec<Inline> {
    let strip = |inline| match inline {
        Inline::Text(text) if text.contains(GUARD) => Inline::Text(unguarded(&text)),
        Inline::Styled(mark, inner) => Inline::Styled(mark, strip_guards(inner)),
        Inline::Link { href, label } => Inline::Link { href, label: strip_guards(label) },
        other => other,
    };
    inlines.into_iter().map(strip).collect()
}

fn next_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The lines of one shape from here on.
fn take<'a, T>(mut rest: &'a str, shape: impl Fn(&'a str) -> Option<T>) -> (Vec<T>, &'a str) {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        let Some(found) = shape(line) else { break };
        out.push(found);
        rest = after;
    }
    (out, rest)
}

fn fence(text: &str) -> Option<(Block, &str)> {
    let (first, inside) = text.strip_prefix("```")?.split_once('\n')?;
    let language = first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.".contains(&byte));
    language.then_some(())?;
    let end = inside.find("```")?;
    // The end stands at the start of a line, with at least a line before it.
    let code = inside.get(..end)?.strip_suffix('\n')?;
    (!code.is_empty()).then_some(())?;
    let code = code.strip_prefix('\n').unwrap_or(code);
    let language = Some(first.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    Some((Block::Code { language, text: code.to_owned() }, inside.get(end + 3..)?))
}

fn spoiler(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut rest = text.strip_prefix("||\n")?;
    let mut lines = Vec::new();
    loop {
        let (line, after) = next_line(rest);
        if line == "||" && !lines.is_empty() {
            return Some((lines, after));
        }
        if line.trim().is_empty() || after.is_empty() || lines.len() > 1000 {
            return None;
        }
        lines.push(line);
        rest = after;
    }
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let text = line.trim_start_matches('#');
    let level = u8::try_from(line.len() - text.len()).ok().filter(|level| (1..=4).contains(level))?;
    let said = text.trim_start_matches([' ', '\t']);
    (said.len() < text.len() && !said.is_empty()).then_some((level, said))
}

fn is_rule(line: &str) -> bool {
    let line = line.trim_matches([' ', '\t']);
    line.len() >= 3 && line.bytes().all(|byte| byte == b'-')
}

/// The cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim_end_matches([' ', '\t']).strip_prefix('|')?.strip_suffix('|')?;
    let mut out = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, byte) in inside.bytes().enumerate() {
        if byte == b'|' && !escaped {
            out.push(inside.get(from..at)?.trim_matches([' ', '\t']));
            from = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    out.push(inside.get(from..)?.trim_matches([' ', '\t']));
    Some(out)
}

/// The line between a table's head and its rows.
fn is_delimiter(line: &str) -> bool {
    let is_part = |cell: &str| {
        let hyphens = cell.strip_prefix(':').unwrap_or(cell);
        let hyphens = hyphens.strip_suffix(':').unwrap_or(hyphens);
        !hyphens.is_empty() && hyphens.bytes().all(|byte| byte == b'-')
    };
    cells(line).is_some_and(|cells| cells.into_iter().all(is_part))
}

/// A table: its head, a line of hyphens with as many cells, its rows.
fn table(text: &str) -> Option<(Block, &str)> {
    let (head, rest) = text.split_once('\n')?;
    let (line, rest) = next_line(rest);
    let head = cells(head)?;
    cells(line).filter(|parts| parts.len() == head.len() && is_delimiter(line))?;
    let row = |cells: Vec<&str>| cells.into_iter().map(inlines).collect();
    let (rows, rest) = take(rest, cells);
    let rows = std::iter::once(head).chain(rows).map(row).collect();
    Some((Block::Table(rows), rest))
}

fn quoted(line: &str) -> Option<&str> {
    let text = line.strip_prefix('>')?;
    Some(text.trim_start_matches([' ', '\t']))
}

/// The lines of a quote; one that holds nothing is a part of it only where the text goes on.
fn quotes(mut rest: &str) -> (Vec<&str>, &str) {
    let mut out = Vec::new();
    loop {
        let (line, after) = next_line(rest);
        let Some(text) = quoted(line).filter(|text| !text.is_empty() || line.len() < rest.len()) else {
            break;
        };
        out.push(text);
        rest = after;
    }
    (out, rest)
}

fn task(line: &str) -> Option<(bool, &str)> {
    let done = line.strip_prefix("- [")?;
    let (done, text) = match (done.strip_prefix("x]"), done.strip_prefix(" ]")) {
        (Some(text), _) => (true, text),
        (None, Some(text)) => (false, text),
        (None, None) => return None,
    };
    let said = text.trim_start_matches([' ', '\t']);
    (said.len() < text.len() && !said.is_empty()).then_some((done, said))
}

fn numbered(line: &str) -> Option<(u64, &str)> {
    let (number, text) = line.split_once('.')?;
    let digits = !number.is_empty() && number.len() < 16 && number.bytes().all(|byte| byte.is_ascii_digit());
    let said = text.trim_start_matches([' ', '\t']);
    (digits && said.len() < text.len() && !said.is_empty()).then_some((number.parse().ok()?, said))
}

fn hyphened(line: &str) -> Option<Vec<Inline>> {
    let text = line.strip_prefix('-')?;
    let said = text.trim_start_matches([' ', '\t']);
    (said.len() < text.len() && !said.is_empty()).then(|| inlines(said))
}

/// An entry behind an asterisk holds no other asterisk but those of styles.
fn starred(line: &str) -> Option<Vec<Inline>> {
    let text = line.strip_prefix('*')?;
    let said = text.trim_start_matches([' ', '\t']);
    (said.len() < text.len() && !said.is_empty()).then_some(())?;
    let read = inlines(said);
    let stray = read.iter().any(|inline| matches!(inline, Inline::Text(text) if text.contains('*')));
    (!stray || said.contains("\\*")).then_some(read)
}

/// Up to three emoji alone. The parser of Rocket.Chat tells no white space between them, so the text is asked always.
pub(super) fn big_emoji(text: &str) -> Option<Document> {
    let mut found = Vec::new();
    let mut emoji = 0;
    let mut rest = text.trim_matches(BLANK);
    while !rest.is_empty() {
        emoji += 1;
        let code = inline_part::emoji_length(rest);
        let length = code.or_else(|| pictograph::emoticon_alone(rest)).or_else(|| pictograph::emoji(rest))?;
        let (sign, after) = rest.split_at_checked(length).filter(|_| emoji <= 3)?;
        found.push(match code {
            Some(_) => Inline::Emoji(sign.trim_matches(':').to_owned()),
            None => Inline::Text(sign.to_owned()),
        });
        rest = after.trim_start_matches(BLANK);
        if !rest.is_empty() && rest.len() < after.len() {
            found.push(Inline::Text(" ".to_owned()));
        }
    }
    (emoji > 0).then(|| Document { blocks: vec![Block::Paragraph(found)] })
}

/// What may stand around emoji that are alone.
const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether a line would begin a block other than running text.
pub(super) fn starts_block(line: &str) -> bool {
    heading(line).is_some()
        || quoted(line).is_some()
        || numbered(line).is_some()
        || ["- ", "-\t", "* ", "*\t", "```", "\\["].iter().any(|start| line.starts_with(start))
        || is_rule(line)
        || is_delimiter(line)
        || line == "||"
}
