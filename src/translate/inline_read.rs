//! Reads one line of Rocket.Chat Markdown.
//!
//! Law: it reads what `@rocket.chat/message-parser` 0.32 reads (held against it by tests), in linear time: look-ahead is
//! paid from a purse that the length of the line fills, and what cannot be paid for stays plain text. Where a part
//! cannot begin, plain text runs on to the next sign that ends it (rules `InlineItemPattern`, `PlainRun`, `BoldPlainRun`,
//! `ItalicPlainRun` of the grammar), whatever stands in between.

use super::autolink;
use super::document::{Inline, Mark, Marks};
use super::inline_part::{
    channel, colour, emoji_length, is_space, is_text, mention, nameless, phone_length, time,
};
use super::md::link_or_text;
use super::pictograph;

/// The parts of a line.
pub(super) fn read(line: &str) -> Vec<Inline> {
    super::document::normalise(unsettled(line))
}

/// The same, not yet in its normal form.
pub(super) fn unsettled(line: &str) -> Vec<Inline> {
    let mut parser = Parser { purse: line.len().saturating_mul(48).saturating_add(4096), looks: false };
    parser.items(line, Marks::NONE, None).0
}

/// What was read so far. An emoji by its code is one only where no text and no other emoji touches it.
#[derive(Default)]
struct Line {
    parts: Vec<Inline>,
    /// Whether an emoji right behind what is last is one.
    apart: bool,
}

impl Line {
    fn text(&mut self, text: &str) {
        let Some(first) = text.chars().next() else { return };
        if !is_space(first) {
            self.undo_emoji();
        }
        self.apart = text.ends_with(is_space);
        self.append(text);
    }

    /// An address, a number or the like: text that is a part of its own.
    fn link(&mut self, text: &str) {
        self.append(text);
        self.apart = true;
    }

    fn emoji(&mut self, code: &str) {
        if !self.parts.is_empty() && !self.apart {
            self.undo_emoji();
            self.append(&format!(":{code}:"));
            return;
        }
        self.parts.push(Inline::Emoji(code.to_owned()));
        self.apart = false;
    }

    fn part(&mut self, part: Inline) {
        self.parts.push(part);
        self.apart = true;
    }

    fn parts(&mut self, parts: Vec<Inline>) {
        for part in parts {
            if let Inline::Text(text) = &part {
                self.text(text);
            } else {
                self.part(part);
            }
        }
    }

    fn undo_emoji(&mut self) {
        if let Some(Inline::Emoji(code)) = self.parts.pop_if(|part| matches!(part, Inline::Emoji(_))) {
            self.append(&format!(":{code}:"));
        }
    }

    fn append(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Inline::Text(before)) => before.push_str(text),
            _ => self.parts.push(Inline::Text(text.to_owned())),
        }
    }
}

/// What is found at a place, and how long it is.
enum Found {
    Text(String),
    Link,
    Emoji,
    Part(Inline),
    Parts(Vec<Inline>),
}

struct Parser {
    purse: usize,
    /// Whether it is being looked ahead for whether a part begins.
    looks: bool,
}

impl Parser {
    fn pay(&mut self, bytes: usize) {
        self.purse = self.purse.saturating_sub(bytes.max(1));
    }

    /// Where something is next, paid for.
    fn find(&mut self, hay: &str, needle: &str) -> Option<usize> {
        if self.purse == 0 {
            return None;
        }
        let at = hay.find(needle);
        self.pay(at.unwrap_or(hay.len()));
        at
    }

    /// Parts up to the delimiter or the end of the line, and what is left; within styles, `marks` are those already
    /// open.
    fn items<'a>(&mut self, start: &'a str, marks: Marks, until: Option<char>) -> (Vec<Inline>, &'a str) {
        let mut out = Line::default();
        let mut rest = start;
        while let Some(char) = rest.chars().next() {
            if until == Some(char) && (char != '|' || rest.starts_with("||")) {
                break;
            }
            self.pay(1);
            // A strike is read sign by sign, and its words would be measured from each letter on.
            let words = if until == Some('~') { 0 } else { prose(rest) };
            if words > 0 {
                let (text, after) = rest.split_at(words);
                out.text(text);
                rest = after;
                continue;
            }
            let found = self.part(rest, char, marks, until);
            let (text, after) = match &found {
                Some((_, length)) => rest.split_at(*length),
                None => rest.split_at(plain_run(rest, char, marks, until)),
            };
            match found.map(|(found, _)| found) {
                None => out.text(text),
                Some(Found::Text(text)) => out.text(&text),
                Some(Found::Link) => out.link(text),
                Some(Found::Emoji) => out.emoji(text.trim_matches(':')),
                Some(Found::Part(part)) => out.part(part),
                Some(Found::Parts(parts)) => out.parts(parts),
            }
            rest = after;
        }
        (out.parts, rest)
    }

    /// What begins here.
    fn part(&mut self, at: &str, char: char, marks: Marks, until: Option<char>) -> Option<(Found, usize)> {
        let outermost = is_outermost(until);
        if outermost
            && char == '_'
            && let Some(length) = autolink::underscored(at)
        {
            self.pay(length);
            return Some((Found::Text(at.get(..length)?.to_owned()), length));
        }
        let mut found = self.special(at, char, marks);
        if outermost {
            found = found.or_else(|| self.outer(at, char));
        }
        found.or_else(|| {
            let length = pictograph::emoticon(at).filter(|length| {
                let behind = at.get(*length..).unwrap_or_default();
                until == Some('~') || self.admits_emoticon(behind, marks, until)
            });
            let length = nameless(at, until == Some('~')).or(length).or_else(|| pictograph::emoji(at))?;
            Some((Found::Text(at.get(..length)?.to_owned()), length))
        })
    }

    /// Whether an emoticon may stand before this: the end, white space, another part or (outside of styles) plain text.
    fn admits_emoticon(&mut self, behind: &str, marks: Marks, until: Option<char>) -> bool {
        let Some(char) = behind.chars().next() else { return true };
        let stands = is_space(char)
            || char == '*'
            || (char == '_' && until == Some('_'))
            || (is_outermost(until) && (!ends_run(char) || autolink::underscored(behind).is_some()))
            || pictograph::emoticon(behind).is_some()
            || pictograph::emoji(behind).is_some();
        // One look ahead at a time, or they would be as deep as the line is long.
        if stands || std::mem::replace(&mut self.looks, true) {
            return true;
        }
        let begins = self.special(behind, char, marks).is_some()
            || (is_outermost(until) && self.outer(behind, char).is_some());
        self.looks = false;
        begins
    }

    /// Parts that may stand anywhere.
    fn special(&mut self, at: &str, char: char, marks: Marks) -> Option<(Found, usize)> {
        match char {
            '*' | '_' | '~' => self.emphasis(at, char, marks),
            '`' => {
                let inside = at.get(1..)?;
                let end = self.find(inside, "`").filter(|end| *end > 0)?;
                Some((Found::Part(Inline::Code(inside.get(..end)?.to_owned())), end + 2))
            }
            '[' => {
                let (label, href, length) = self.bracket(at)?;
                let shown = href.trim_start_matches("//");
                let label =
                    if label.is_empty() { vec![Inline::Text(shown.to_owned())] } else { self.label(label) };
                Some((Found::Part(link_or_text(href, label)), length))
            }
            '<' => self.angle(at),
            '@' => mention(at).map(|(mention, length)| (Found::Part(mention), length)),
            '#' => channel(at).map(|(channel, length)| (Found::Part(channel), length)),
            ':' => emoji_length(at).map(|length| (Found::Emoji, length)),
            _ => None,
        }
    }

    /// Parts that stand in no style but a spoiler.
    fn outer(&mut self, at: &str, char: char) -> Option<(Found, usize)> {
        let found = match char {
            '\\' => self.backslash(at),
            '!' if at.starts_with("![") => {
                let (label, src, length) =
                    self.bracket(at.get(1..)?).filter(|(label, ..)| is_image_text(label))?;
                let alt = if label.is_empty() { src.clone() } else { label.to_owned() };
                Some((Found::Part(Inline::Image { src, alt }), 1 + length))
            }
            '|' if at.starts_with("||") => {
                let inside = at.get(2..)?;
                self.find(inside, "||").filter(|end| *end > 0)?;
                let (inner, after) = self.items(inside, Marks::NONE.with(Mark::Spoiler), Some('|'));
                (after.starts_with("||") && !inner.is_empty()).then_some(())?;
                Some((Found::Part(Inline::Styled(Mark::Spoiler, inner)), at.len() - after.len() + 2))
            }
            'c' => colour(at).map(|(colour, length)| (Found::Part(colour), length)),
            '+' => phone_length(at).map(|length| (Found::Link, length)),
            _ => None,
        };
        found.or_else(|| self.address(at))
    }

    /// An address or a domain in running text, which is one piece whatever is in it.
    fn address(&mut self, at: &str) -> Option<(Found, usize)> {
        if self.purse == 0 {
            return None;
        }
        self.pay(64);
        autolink::length(at).map(|length| (Found::Link, length))
    }

    fn backslash(&mut self, at: &str) -> Option<(Found, usize)> {
        let inside = at.get(1..)?;
        if let Some((_, length)) = time(inside) {
            return Some((Found::Text(inside.get(..length)?.to_owned()), 1 + length));
        }
        if let Some(inside) = inside.strip_prefix('(') {
            let end = self.find(inside, "\\)")?;
            return Some((Found::Part(Inline::Maths(inside.get(..end)?.to_owned())), end + 4));
        }
        let escaped = inside.chars().next().filter(|char| "*_~`#.".contains(*char))?;
        Some((Found::Text(escaped.to_string()), 2))
    }

    fn emphasis(&mut self, at: &str, sign: char, marks: Marks) -> Option<(Found, usize)> {
        let mark = match sign {
            '*' => Mark::Bold,
            '_' => Mark::Italic,
            _ => Mark::Strike,
        };
        if marks.has(mark) || self.purse == 0 {
            return None;
        }
        let signs = at.len() - at.trim_start_matches(sign).len();
        self.pay(signs);
        let behind = at.get(signs..)?;
        let space = behind.len() - behind.trim_start_matches(is_space).len();
        if space > 0 && behind.get(space..)?.starts_with(sign) {
            // Nothing but white space between: plain text.
            let more = behind.get(space..)?;
            let closing = more.len() - more.trim_start_matches(sign).len();
            let length = signs + space + closing;
            return Some((Found::Text(at.get(..length)?.to_owned()), length));
        }
        if signs > 2 || self.purse == 0 || self.find(behind, sign.encode_utf8(&mut [0; 4])).is_none() {
            return None;
        }
        let (inner, end) = self.items(behind, marks.with(mark), Some(sign));
        let closing = end.len() - end.trim_start_matches(sign).len();
        if closing < signs || inner.is_empty() {
            self.pay(behind.len() - end.len());
            return None;
        }
        let after = end.get(signs..)?;
        let length = at.len() - after.len();
        let word = after
            .bytes()
            .take_while(|next| next.is_ascii_alphabetic() || (signs == 2 && next.is_ascii_digit()))
            .count();
        if mark == Mark::Italic && word > 0 {
            // `_a_b` is plain text, whatever is in it.
            let signs = Inline::Text("_".repeat(signs));
            let end = Inline::Text(after.get(..word)?.to_owned());
            let parts = std::iter::once(signs.clone()).chain(inner).chain([signs, end]);
            return Some((Found::Parts(parts.collect()), length + word));
        }
        Some((Found::Part(Inline::Styled(mark, inner)), length))
    }

    /// The text and address of `[text](address)`, and how long all of it is.
    fn bracket<'a>(&mut self, at: &'a str) -> Option<(&'a str, String, usize)> {
        let inside = at.strip_prefix('[')?;
        let middle = self.find(inside, "](")?;
        let label = inside.get(..middle)?;
        // Of two brackets side by side the second is the link's.
        if label.rsplit_once("] [").is_some_and(|(_, second)| !second.contains(']')) {
            return None;
        }
        let from = inside.get(middle + 2..)?;
        let end = address_end(from);
        self.pay(end.unwrap_or(4096).min(from.len()));
        let end = end?;
        let href = autolink::address(from.get(..end)?)?;
        Some((label, href, 1 + middle + 2 + end + 1))
    }

    /// A link's text: styles and plain text only.
    fn label(&mut self, label: &str) -> Vec<Inline> {
        let mut out = Line::default();
        let mut rest = label;
        while let Some(char) = rest.chars().next() {
            self.pay(1);
            let styled =
                matches!(char, '*' | '_' | '~').then(|| self.emphasis(rest, char, Marks::NONE)).flatten();
            let length = match styled {
                Some((Found::Part(part), length)) => {
                    out.part(part);
                    length
                }
                Some((Found::Parts(parts), length)) => {
                    out.parts(parts);
                    length
                }
                found => {
                    let length =
                        found.map_or_else(|| letters(rest).max(char.len_utf8()), |(_, length)| length);
                    out.text(rest.get(..length).unwrap_or_default());
                    length
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        out.parts
    }

    /// `<t:…>` and `<address|text>`.
    fn angle(&mut self, at: &str) -> Option<(Found, usize)> {
        if at.starts_with("<t:") {
            return time(at).map(|(time, length)| (Found::Part(time), length));
        }
        let inside = at.get(1..)?;
        let bar = self.find(inside, "|")?;
        let (href, behind) = (inside.get(..bar)?, inside.get(bar + 1..)?);
        let end = self.find(behind, ">")?;
        let label = behind.get(..end)?;
        (!label.is_empty() && !label.contains(['<', '|'])).then_some(())?;
        let href = autolink::address(href).filter(|href| address_end(href).is_none())?;
        Some((Found::Part(link_or_text(href, vec![Inline::Text(label.to_owned())])), bar + end + 3))
    }
}

/// How long the words are that stand here with white space between, in which nothing can begin: most of what people write.
fn prose(at: &str) -> usize {
    let bytes = at.as_bytes();
    let count =
        |from: usize, is: fn(&u8) -> bool| bytes.iter().skip(from).take_while(|byte| is(byte)).count();
    let mut length = 0;
    loop {
        let spaces = count(length, |byte| matches!(byte, b' ' | b'\t'));
        let word = count(length + spaces, u8::is_ascii_alphanumeric);
        let end = length + spaces + word;
        let end = end + count(end, |byte| matches!(byte, b',' | b'.' | b';' | b'?'));
        let stands = bytes.get(end).is_none_or(|byte| matches!(byte, b' ' | b'\t'));
        if word == 0 || !stands {
            return length;
        }
        length = end;
    }
}

/// How much is plain text from where no part begins.
fn plain_run(at: &str, char: char, marks: Marks, until: Option<char>) -> usize {
    let behind = at.get(char.len_utf8()..).unwrap_or_default();
    if is_space(char) {
        return at.len() - at.trim_start_matches(is_space).len();
    }
    if until != Some('~')
        && !marks.has(Mark::Italic)
        && let Some(length) = snake(at)
    {
        return length;
    }
    // Where one names nobody, those behind it do not.
    let signs = at.len() - at.trim_start_matches('@').len();
    if until == Some('~') && signs > 0 {
        return signs;
    }
    let ends = |char: char| match until {
        None | Some('|') => ends_run(char),
        Some('~') => true,
        Some(_) => is_space(char) || matches!(char, '*' | '_' | '~'),
    };
    char.len_utf8() + behind.find(|next| ends(char) || ends(next)).unwrap_or(behind.len())
}

/// A word right before an underscore, with it: it opens nothing.
fn snake(at: &str) -> Option<usize> {
    let word = letters(at);
    let signs = at.bytes().skip(word).take(2).take_while(|byte| *byte == b'_').count();
    (word > 0 && signs > 0).then_some(word + signs)
}

/// Whether all parts may stand there, not only those that may stand in styles.
fn is_outermost(until: Option<char>) -> bool {
    matches!(until, None | Some('|'))
}

/// Whether plain text ends before and behind a character, so that a part may begin there.
pub(super) fn ends_run(char: char) -> bool {
    is_space(char) || "*_~`:<[]!()\\|".contains(char)
}

fn letters(at: &str) -> usize {
    at.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

fn is_image_text(label: &str) -> bool {
    label.is_empty() || (label.chars().all(is_text) && label.contains(|char| !is_space(char)))
}

/// Where an address in brackets ends: at the closing bracket that belongs to its opening one.
fn address_end(from: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, char) in from.char_indices().take(4096) {
        match char {
            '(' => open += 1,
            ')' if open == 0 => return Some(at),
            ')' => open -= 1,
            _ if char.is_whitespace() => return None,
            _ => {}
        }
    }
    None
}
