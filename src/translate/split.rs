//! Cuts a document in parts that are small enough, where it disturbs least.
//!
//! Law: nothing is lost but the white space at a cut; each part stands on its own, for styles, code, quotes and lists
//! end with the one and begin again with the other; a mention, link or grapheme is never cut.

use super::document::{Block, Document, Inline, Item, plain};
use super::{Limit, Parts};

/// How many guesses are made at the length of a part.
const GUESSES: usize = 12;

/// The document written in as many messages as it takes to keep each within the limit, by a measure that grows with it.
pub(super) fn messages<T>(
    document: &Document,
    limit: Limit,
    measure: &dyn Fn(&Document) -> usize,
    write: impl Fn(Document) -> T,
) -> Parts<T> {
    parts(document, limit.size, limit.parts, measure)
        .map_or(Parts::File, |parts| Parts::Messages(parts.into_iter().map(write).collect()))
}

/// The document in at most so many parts; nothing where that cannot be.
fn parts(
    document: &Document,
    limit: usize,
    most: usize,
    measure: &dyn Fn(&Document) -> usize,
) -> Option<Vec<Document>> {
    let mut out = Vec::new();
    let mut rest = document.clone();
    // Each byte of text is a quarter of a character at least, however characters are counted.
    if blocks_size(&rest.blocks) / 4 > limit.saturating_mul(most) {
        return None;
    }
    loop {
        let whole = measure(&rest);
        if whole <= limit {
            out.push(rest);
            return Some(out);
        }
        if out.len() + 1 >= most {
            return None;
        }
        let length = fitting(&rest, limit, whole, measure);
        let at = border(&rest.blocks, length)?;
        let (head, tail) = cut(rest.blocks, at);
        (!head.is_empty() && measure(&Document { blocks: head.clone() }) <= limit).then_some(())?;
        out.push(Document { blocks: head });
        rest = Document { blocks: tail };
        if rest.blocks.is_empty() {
            return Some(out);
        }
    }
}

/// A length, nearly the greatest, at which the beginning of the document fits.
fn fitting(document: &Document, limit: usize, whole: usize, measure: &dyn Fn(&Document) -> usize) -> usize {
    let (mut low, mut high) = (0, blocks_size(&document.blocks));
    let mut guess = high.saturating_mul(limit) / whole.max(1);
    for _ in 0..GUESSES {
        guess = guess.clamp(low, high);
        let (head, _) = cut(document.blocks.clone(), guess);
        let size = measure(&Document { blocks: head });
        if size <= limit {
            low = guess;
            if limit - size <= limit / 16 {
                break;
            }
        } else {
            high = guess;
        }
        if high - low <= 1 {
            break;
        }
        guess = low + (high - low) / 2;
    }
    low
}

/// How good a place is for a cut.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    Grapheme,
    Word,
    Line,
    Block,
}

/// The best place for a cut that is no further than `most`, not in the first third of that where there is one.
fn border(blocks: &[Block], most: usize) -> Option<usize> {
    let mut best: Option<(bool, Border, usize)> = None;
    let mut see = |at: usize, border: Border| {
        if at > 0 && at <= most {
            best = best.max(Some((at > most / 3, border, at)));
        }
    };
    see_blocks(blocks, 0, Border::Block, most, &mut see);
    best.map(|(_, _, at)| at)
}

type See<'a> = dyn FnMut(usize, Border) + 'a;

fn see_blocks(blocks: &[Block], from: usize, border: Border, most: usize, see: &mut See<'_>) {
    let mut at = from;
    for block in blocks {
        if at > most {
            return;
        }
        see(at, border);
        match block {
            Block::Paragraph(text) | Block::Heading { text, .. } => see_inlines(text, at + 1, see),
            Block::Code { text, .. } => see_text(text, at + 1, see),
            Block::Quote(inner) => see_blocks(inner, at + 1, Border::Line, most, see),
            Block::List(items) => {
                let mut at = at + 1;
                for item in items {
                    see(at, Border::Line);
                    see_inlines(&item.text, at + 1, see);
                    see_blocks(&item.below, at + 1 + inlines_size(&item.text), Border::Line, most, see);
                    at += item_size(item);
                }
            }
            Block::Table(rows) => {
                let mut at = at + 1;
                for (number, row) in rows.iter().enumerate() {
                    if number > 1 {
                        see(at, Border::Line);
                    }
                    at += row_size(row);
                }
            }
            Block::Maths(_) | Block::Rule | Block::Blank => {}
        }
        at += block_size(block);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is stays in one piece")]
fn see_inlines(inlines: &[Inline], from: usize, see: &mut See<'_>) {
    let mut at = from;
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => see_text(text, at, see),
            Inline::Styled(_, inner) => see_inlines(inner, at, see),
            Inline::Break => see(at, Border::Line),
            _ => see(at, Border::Grapheme),
        }
        at += inline_size(inline);
    }
}

fn see_text(text: &str, from: usize, see: &mut See<'_>) {
    let mut before: Option<char> = None;
    let mut flags = 0_usize;
    for (at, char) in text.char_indices() {
        let border = match (before, char) {
            (_, '\n') => Border::Line,
            (_, char) if char.is_whitespace() => Border::Word,
            _ => Border::Grapheme,
        };
        let joined =
            before == Some('\u{200D}') || extends(char) || (is_flag(char) && !flags.is_multiple_of(2));
        if !joined {
            see(from + at, border);
        }
        flags = if is_flag(char) { flags + 1 } else { 0 };
        before = Some(char);
    }
}

fn is_flag(char: char) -> bool {
    matches!(char, '\u{1F1E6}'..='\u{1F1FF}')
}

/// Whether a character belongs to the one before it: marks of the scripts in use, what emoji are joined with.
fn extends(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5C7}' | '\u{610}'..='\u{61A}'
        | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6ED}' | '\u{711}' | '\u{730}'..='\u{74A}'
        | '\u{7A6}'..='\u{7B0}' | '\u{7EB}'..='\u{7F3}' | '\u{816}'..='\u{82D}' | '\u{859}'..='\u{85B}'
        | '\u{898}'..='\u{903}' | '\u{93A}'..='\u{93C}' | '\u{93E}'..='\u{94F}' | '\u{951}'..='\u{957}'
        | '\u{962}' | '\u{963}' | '\u{981}'..='\u{983}' | '\u{9BC}' | '\u{9BE}'..='\u{9CD}' | '\u{9D7}'
        | '\u{A01}'..='\u{A03}' | '\u{A3C}'..='\u{A51}' | '\u{A70}' | '\u{A71}' | '\u{A81}'..='\u{A83}'
        | '\u{ABC}' | '\u{ABE}'..='\u{ACD}' | '\u{B01}'..='\u{B03}' | '\u{B3C}' | '\u{B3E}'..='\u{B57}'
        | '\u{B82}' | '\u{BBE}'..='\u{BCD}' | '\u{BD7}' | '\u{C00}'..='\u{C04}' | '\u{C3C}'
        | '\u{C3E}'..='\u{C56}' | '\u{C81}'..='\u{C83}' | '\u{CBC}' | '\u{CBE}'..='\u{CD6}'
        | '\u{D00}'..='\u{D03}' | '\u{D3B}' | '\u{D3C}' | '\u{D3E}'..='\u{D4D}' | '\u{D57}'
        | '\u{D81}'..='\u{D83}' | '\u{DCA}'..='\u{DDF}' | '\u{E31}' | '\u{E33}'..='\u{E3A}'
        | '\u{E47}'..='\u{E4E}' | '\u{EB1}' | '\u{EB3}'..='\u{EBC}' | '\u{EC8}'..='\u{ECE}'
        | '\u{F18}' | '\u{F19}' | '\u{F35}'..='\u{F39}' | '\u{F3E}' | '\u{F3F}' | '\u{F71}'..='\u{F84}'
        | '\u{F8D}'..='\u{FBC}' | '\u{102B}'..='\u{103E}' | '\u{1056}'..='\u{1059}' | '\u{1160}'..='\u{11FF}'
        | '\u{135D}'..='\u{135F}' | '\u{17B4}'..='\u{17D3}' | '\u{180B}'..='\u{180D}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1B00}'..='\u{1B04}' | '\u{1B34}'..='\u{1B44}' | '\u{1DC0}'..='\u{1DFF}' | '\u{200C}' | '\u{200D}'
        | '\u{20D0}'..='\u{20FF}' | '\u{302A}'..='\u{302F}' | '\u{3099}' | '\u{309A}' | '\u{A66F}'..='\u{A67D}'
        | '\u{A8E0}'..='\u{A8F1}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}' | '\u{E0100}'..='\u{E01EF}')
}

fn blocks_size(blocks: &[Block]) -> usize {
    blocks.iter().map(block_size).sum()
}

/// Places in a block: one for itself, then those of what is in it.
fn block_size(block: &Block) -> usize {
    1 + match block {
        Block::Paragraph(text) | Block::Heading { text, .. } => inlines_size(text),
        Block::Code { text, .. } => text.len(),
        Block::Quote(inner) => blocks_size(inner),
        Block::List(items) => items.iter().map(item_size).sum(),
        Block::Table(rows) => rows.iter().map(|row| row_size(row)).sum(),
        Block::Maths(tex) => tex.len(),
        Block::Rule | Block::Blank => 0,
    }
}

fn row_size(row: &[Vec<Inline>]) -> usize {
    row.iter().map(|cell| inlines_size(cell) + 1).sum()
}

fn item_size(item: &Item) -> usize {
    1 + inlines_size(&item.text) + blocks_size(&item.below)
}

fn inlines_size(inlines: &[Inline]) -> usize {
    inlines.iter().map(inline_size).sum()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is stays in one piece")]
fn inline_size(inline: &Inline) -> usize {
    match inline {
        Inline::Text(text) | Inline::Code(text) => text.len(),
        Inline::Styled(_, inner) => inlines_size(inner),
        Inline::Break => 1,
        Inline::Link { href, label } => href.len() + inlines_size(label) + 1,
        Inline::Image { src, alt } => src.len() + alt.len() + 1,
        _ => plain(std::slice::from_ref(inline)).len().max(1),
    }
}

fn cut(blocks: Vec<Block>, at: usize) -> (Vec<Block>, Vec<Block>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut left = at;
    for block in blocks {
        let size = block_size(&block);
        if tail.is_empty() && size <= left {
            left -= size;
            head.push(block);
        } else if tail.is_empty() && left > 1 {
            let (before, after) = cut_block(block, left - 1);
            head.extend(before);
            tail.extend(after);
            left = 0;
        } else {
            left = 0;
            // An empty line at a cut parts nothing.
            if !(tail.is_empty() && block == Block::Blank) {
                tail.push(block);
            }
        }
    }
    while head.last() == Some(&Block::Blank) {
        head.pop();
    }
    (head, tail)
}

fn cut_block(block: Block, at: usize) -> (Vec<Block>, Vec<Block>) {
    match block {
        Block::Paragraph(text) => {
            let (head, tail) = cut_line(text, at);
            (
                head.map(Block::Paragraph).into_iter().collect(),
                tail.map(Block::Paragraph).into_iter().collect(),
            )
        }
        Block::Heading { level, text } => {
            let (head, tail) = cut_line(text, at);
            let heading = |text| Block::Heading { level, text };
            (head.map(heading).into_iter().collect(), tail.map(heading).into_iter().collect())
        }
        Block::Code { language, text } => {
            let (head, tail) = text.split_at(text.floor_char_boundary(at));
            let tail = tail.strip_prefix('\n').unwrap_or(tail);
            let code = |text: &str| {
                let text = text.to_owned();
                (!text.is_empty()).then(|| Block::Code { language: language.clone(), text })
            };
            (code(head).into_iter().collect(), code(tail).into_iter().collect())
        }
        Block::Quote(inner) => {
            let (head, tail) = cut(inner, at);
            let quote = |inner: Vec<Block>| (!inner.is_empty()).then_some(Block::Quote(inner));
            (quote(head).into_iter().collect(), quote(tail).into_iter().collect())
        }
        Block::List(items) => cut_list(items, at),
        Block::Table(rows) => cut_table(rows, at),
        Block::Maths(_) | Block::Rule | Block::Blank => (vec![], vec![block]),
    }
}

/// A table goes on in the other part under the same head.
fn cut_table(rows: Vec<Vec<Vec<Inline>>>, at: usize) -> (Vec<Block>, Vec<Block>) {
    let mut end = 0;
    let kept = rows.iter().take_while(|row| {
        end += row_size(row);
        end <= at
    });
    let kept = kept.count();
    let (head, tail) = rows.split_at(kept);
    if kept < 2 || tail.is_empty() {
        return (vec![], vec![Block::Table(rows)]);
    }
    let tail = head.iter().take(1).chain(tail).cloned().collect();
    (vec![Block::Table(head.to_vec())], vec![Block::Table(tail)])
}

/// A list cut in an entry goes on with the rest of that entry as text.
fn cut_list(items: Vec<Item>, at: usize) -> (Vec<Block>, Vec<Block>) {
    let (mut head, mut tail, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let mut left = at;
    let mut is_cut = false;
    for item in items {
        let size = item_size(&item);
        if is_cut || left <= 1 && size > left {
            is_cut = true;
            after.push(item);
            continue;
        }
        if size <= left {
            left -= size;
            head.push(item);
            continue;
        }
        is_cut = true;
        let length = inlines_size(&item.text);
        let marker = item.marker;
        if left - 1 < length {
            let (text, rest) = cut_line(item.text, left - 1);
            match text {
                Some(text) => {
                    head.push(Item { marker, text, below: Vec::new() });
                    tail.extend(rest.map(Block::Paragraph));
                    tail.extend(item.below);
                }
                None => after.push(Item { marker, text: rest.unwrap_or_default(), below: item.below }),
            }
        } else {
            let (below, rest) = cut(item.below, left - 1 - length);
            head.push(Item { marker, text: item.text, below });
            tail.extend(rest);
        }
    }
    let list = |items: Vec<Item>| (!items.is_empty()).then_some(Block::List(items));
    tail.extend(list(after));
    (list(head).into_iter().collect(), tail)
}

fn cut_line(text: Vec<Inline>, at: usize) -> (Option<Vec<Inline>>, Option<Vec<Inline>>) {
    let (head, tail) = cut_inlines(text, at);
    let kept = |line: Vec<Inline>| {
        let mut runs = super::document::runs(line);
        let is_blank = |atom: &Inline| {
            *atom == Inline::Break || matches!(atom, Inline::Text(text) if text.trim().is_empty())
        };
        while runs.last().is_some_and(|run| is_blank(&run.atom)) {
            runs.pop();
        }
        let blank = runs.iter().take_while(|run| is_blank(&run.atom)).count();
        let mut runs = runs.split_off(blank);
        if let Some(Inline::Text(text)) = runs.first_mut().map(|run| &mut run.atom) {
            text.drain(..text.len() - text.trim_start().len());
        }
        if let Some(Inline::Text(text)) = runs.last_mut().map(|run| &mut run.atom) {
            text.truncate(text.trim_end().len());
        }
        let line = super::document::tree(runs);
        (!line.is_empty()).then_some(line)
    };
    (kept(head), kept(tail))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is stays in one piece")]
fn cut_inlines(inlines: Vec<Inline>, at: usize) -> (Vec<Inline>, Vec<Inline>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut left = at;
    for inline in inlines {
        let size = inline_size(&inline);
        if tail.is_empty() && size <= left {
            left -= size;
            head.push(inline);
            continue;
        }
        if !tail.is_empty() || left == 0 {
            tail.push(inline);
            continue;
        }
        let split = |text: &str| {
            let (head, tail) = text.split_at(text.floor_char_boundary(left));
            (head.to_owned(), tail.to_owned())
        };
        match inline {
            Inline::Text(text) => {
                let (before, after) = split(&text);
                head.push(Inline::Text(before));
                tail.push(Inline::Text(after.trim_start_matches(' ').to_owned()));
            }
            Inline::Code(text) => {
                let (before, after) = split(&text);
                head.push(Inline::Code(before));
                tail.push(Inline::Code(after));
            }
            Inline::Styled(mark, inner) => {
                let (before, after) = cut_inlines(inner, left);
                head.push(Inline::Styled(mark, before));
                tail.push(Inline::Styled(mark, after));
            }
            atom => tail.push(atom),
        }
        left = 0;
    }
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &Document) -> String {
        let lines = super::super::document::lines(document.blocks.clone());
        lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n")
    }

    fn in_parts(text: &str, limit: usize) -> Vec<String> {
        let document = super::super::markdown_read::read(text);
        let measure = |document: &Document| shown(document).chars().count();
        parts(&document, limit, 20, &measure).unwrap().iter().map(shown).collect()
    }

    #[test]
    fn cuts_are_where_they_disturb_least() {
        assert_eq!(in_parts("one\n\ntwo", 20), ["one\n\ntwo"]);
        assert_eq!(in_parts("first words\n\nsecond words", 14), ["first words", "second words"]);
        assert_eq!(in_parts("a line\nanother line", 14), ["a line", "another line"]);
        assert_eq!(in_parts("some words here", 9), ["some", "words", "here"]);
        assert_eq!(in_parts("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(in_parts("1. one\n2. two\n3. three", 14), ["1. one\n2. two", "3. three"]);
        // Graphemes stay whole: flags, families, letters with marks.
        assert_eq!(in_parts("🇩🇪🇫🇷🇮🇹", 5), ["🇩🇪🇫🇷", "🇮🇹"]);
        assert_eq!(in_parts("👩‍👩‍👧👩‍👩‍👧", 6), ["👩‍👩‍👧", "👩‍👩‍👧"]);
        assert_eq!(in_parts("e\u{301}e\u{301}e\u{301}", 3), ["e\u{301}", "e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn code_and_styles_begin_again() {
        let document = super::super::markdown_read::read("```rust\nlet a = 1;\nlet b = 2;\n```");
        let measure = |document: &Document| shown(document).len();
        let code = |text: &str| Block::Code { language: Some("rust".to_owned()), text: text.to_owned() };
        let blocks: Vec<_> =
            parts(&document, 12, 5, &measure).unwrap().into_iter().flat_map(|it| it.blocks).collect();
        assert_eq!(blocks, [code("let a = 1;"), code("let b = 2;")]);
        let document = super::super::markdown_read::read("*bold words*");
        let blocks: Vec<_> =
            parts(&document, 6, 5, &measure).unwrap().into_iter().flat_map(|it| it.blocks).collect();
        let bold = |text: &str| {
            let text = vec![Inline::Text(text.to_owned())];
            Block::Paragraph(vec![Inline::Styled(super::super::document::Mark::Bold, text)])
        };
        assert_eq!(blocks, [bold("bold"), bold("words")]);
    }

    #[test]
    fn what_would_be_too_many_parts_is_none() {
        let document = super::super::markdown_read::read(&"word ".repeat(100));
        let measure = |document: &Document| shown(document).len();
        assert_eq!(parts(&document, 100, 4, &measure), None);
        assert_eq!(parts(&document, 100, 6, &measure).map(|it| it.len()), Some(5));
    }
}
