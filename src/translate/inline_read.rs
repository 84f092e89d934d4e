//! Reads one line of Rocket.Chat Markdown.
//!
//! Law: it reads what `@rocket.chat/message-parser` 0.31 and 0.32 read (held against them by tests), in linear time:
//! look-ahead is paid from a purse that the length of the line fills, and what cannot be paid for stays plain text.

use super::document::{Inline, Mark, Marks};
use super::md::link_or_text;

/// The parts of a line.
pub(super) fn read(line: &str) -> Vec<Inline> {
    super::document::normalise(unsettled(line))
}

/// The same, not yet in its normal form.
pub(super) fn unsettled(line: &str) -> Vec<Inline> {
    let mut parser = Parser { purse: line.len().saturating_mul(48).saturating_add(4096) };
    parser.items(Cursor { rest: line, before: None }, Marks::NONE, None).0
}

/// What is left of the line, and the character before it where that was read as plain text.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a str,
    before: Option<char>,
}

impl<'a> Cursor<'a> {
    /// Past so many bytes, which were something other than plain text.
    fn past(self, bytes: usize) -> Self {
        Self { rest: self.rest.get(bytes..).unwrap_or_default(), before: None }
    }

    /// Past so many bytes of plain text.
    fn past_text(self, bytes: usize) -> (&'a str, Self) {
        let (text, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        (text, Self { rest, before: text.chars().next_back().filter(|char| !pictograph(*char)) })
    }
}

/// Whether a character is (part of) an emoji, which no name begins or ends with.
pub(super) fn pictograph(char: char) -> bool {
    matches!(char, '\u{1F000}'..='\u{1FAFF}' | '\u{2300}'..='\u{23FF}' | '\u{2600}'..='\u{27BF}' | '\u{FE0F}')
}

struct Parser {
    purse: usize,
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

    /// Parts up to the delimiter or the end of the line; within styles, `marks` are those already open.
    fn items<'a>(
        &mut self,
        start: Cursor<'a>,
        marks: Marks,
        until: Option<char>,
    ) -> (Vec<Inline>, Cursor<'a>) {
        let mut out = Vec::new();
        let mut at = start;
        // Plain text from here on is not taken in yet.
        let mut plain = start.rest;
        let outermost = until.is_none() || until == Some('|');
        while let Some(char) = at.rest.chars().next() {
            if until == Some(char) && (char != '|' || at.rest.starts_with("||")) {
                break;
            }
            self.pay(1);
            if is_plain(char) {
                at = at.past_text(1).1;
                continue;
            }
            let special = match self.special(at, char, marks) {
                Some(found) => Some(found),
                None if outermost => self.outer(at, char).map(|(inline, after)| (vec![inline], after)),
                None => None,
            };
            if let Some((found, after)) = special {
                push_text(&mut out, before(plain, at));
                out.extend(found);
                at = after;
                plain = at.rest;
                continue;
            }
            at = at.past_text(Self::plain_run(at, char, outermost)).1;
        }
        push_text(&mut out, before(plain, at));
        (out, at)
    }

    /// How much is plain text from here: a domain or address as a whole, else one character.
    fn plain_run(at: Cursor<'_>, char: char, outermost: bool) -> usize {
        let word = at.rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let tail = at.rest.get(word..).unwrap_or_default();
        // A word that ends like this is no part of an address.
        let ends_alone = word > 0 && tail.chars().next().is_none_or(is_plain) && !tail.starts_with('.');
        if outermost
            && !ends_alone
            && let Some(length) = super::autolink::length(at.rest, at.before)
        {
            return length;
        }
        // An underscore right behind a letter or digit opens nothing.
        if word > 0 {
            if !outermost && tail.starts_with('_') {
                return word;
            }
            return if tail.starts_with("__") { word + 2 } else { word + usize::from(tail.starts_with('_')) };
        }
        char.len_utf8()
    }

    /// Parts that may stand anywhere.
    fn special<'a>(&mut self, at: Cursor<'a>, char: char, marks: Marks) -> Option<(Vec<Inline>, Cursor<'a>)> {
        let one = match char {
            '*' | '_' | '~' => return self.emphasis(at, char, marks),
            '`' => {
                let inside = at.rest.get(1..)?;
                let end = self.find(inside, "`").filter(|end| *end > 0)?;
                Some((Inline::Code(inside.get(..end)?.to_owned()), at.past(end + 2)))
            }
            '[' => self.bracket_link(at),
            '<' => self.angle(at),
            '@' => mention(at),
            '#' => channel(at),
            ':' => emoji(at),
            _ => None,
        };
        one.map(|(inline, after)| (vec![inline], after))
    }

    /// Parts that stand in no style but a spoiler.
    fn outer<'a>(&mut self, at: Cursor<'a>, char: char) -> Option<(Inline, Cursor<'a>)> {
        match char {
            '\\' => {
                if let Some(inside) = at.rest.strip_prefix("\\(") {
                    let end = self.find(inside, "\\)")?;
                    return Some((Inline::Maths(inside.get(..end)?.to_owned()), at.past(end + 4)));
                }
                let escaped = at.rest.chars().nth(1).filter(|char| "*_~`#.".contains(*char))?;
                Some((Inline::Text(escaped.to_string()), at.past(2)))
            }
            '!' if at.rest.starts_with("![") => {
                let inside = at.past(1);
                let (label, src, after) =
                    self.bracket(inside).filter(|(label, ..)| !label.contains(['*', '_', '~']))?;
                let alt = if label.is_empty() { src.clone() } else { label.to_owned() };
                Some((Inline::Image { src, alt }, after))
            }
            '|' if at.rest.starts_with("||") => {
                let inside = at.past(2);
                self.find(inside.rest, "||").filter(|end| *end > 0)?;
                let (inner, after) = self.items(inside, Marks::NONE.with(Mark::Spoiler), Some('|'));
                (after.rest.starts_with("||") && !inner.is_empty()).then_some(())?;
                Some((Inline::Styled(Mark::Spoiler, inner), after.past(2)))
            }
            'c' if at.before.is_none_or(char::is_whitespace) => colour(at),
            _ => None,
        }
    }

    fn emphasis<'a>(
        &mut self,
        at: Cursor<'a>,
        sign: char,
        marks: Marks,
    ) -> Option<(Vec<Inline>, Cursor<'a>)> {
        let mark = match sign {
            '*' => Mark::Bold,
            '_' => Mark::Italic,
            _ => Mark::Strike,
        };
        if marks.has(mark) || self.purse == 0 {
            return None;
        }
        let signs = at.rest.len() - at.rest.trim_start_matches(sign).len();
        self.pay(signs);
        let behind = at.rest.get(signs..)?;
        let space = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        if space > 0 && behind.get(space..)?.starts_with(sign) {
            // Nothing but white space between: plain text.
            let more = behind.get(space..)?;
            let closing = more.len() - more.trim_start_matches(sign).len();
            let (text, after) = at.past_text(signs + space + closing);
            return Some((vec![Inline::Text(text.to_owned())], after));
        }
        for width in [2, 1] {
            if signs != width {
                continue;
            }
            let inside = at.past(width);
            if self.purse == 0 || self.find(inside.rest, sign.encode_utf8(&mut [0; 4])).is_none() {
                return None;
            }
            let (inner, end) = self.items(inside, marks.with(mark), Some(sign));
            let closing = end.rest.len() - end.rest.trim_start_matches(sign).len();
            if closing < width || inner.is_empty() {
                self.pay(inside.rest.len() - end.rest.len());
                return None;
            }
            let after = end.past(width);
            let next = after.rest.chars().next();
            let joined =
                next.is_some_and(|next| next.is_ascii_alphabetic() || (width == 2 && next.is_ascii_digit()));
            if mark == Mark::Italic && joined {
                // `_a_b` is plain text, whatever is in it.
                let mut text = vec![Inline::Text("_".repeat(width))];
                text.extend(inner);
                text.push(Inline::Text("_".repeat(width)));
                return Some((text, after));
            }
            return Some((vec![Inline::Styled(mark, inner)], after));
        }
        None
    }

    fn bracket_link<'a>(&mut self, at: Cursor<'a>) -> Option<(Inline, Cursor<'a>)> {
        let (label, href, after) = self.bracket(at)?;
        let label = if label.is_empty() { vec![Inline::Text(href.clone())] } else { self.label(label) };
        Some((link_or_text(href, label), after))
    }

    /// The text and address of `[text](address)`.
    fn bracket<'a>(&mut self, at: Cursor<'a>) -> Option<(&'a str, String, Cursor<'a>)> {
        let inside = at.rest.strip_prefix('[')?;
        let middle = self.find(inside, "](")?;
        let label = inside.get(..middle)?;
        let from = inside.get(middle + 2..)?;
        let end = address_end(from);
        self.pay(end.unwrap_or(4096).min(from.len()));
        let end = end?;
        let href = super::autolink::address(from.get(..end)?)?;
        Some((label, href, at.past(1 + middle + 2 + end + 1)))
    }

    /// A link's text: styles and plain text only.
    fn label(&mut self, label: &str) -> Vec<Inline> {
        let mut out = Vec::new();
        let mut at = Cursor { rest: label, before: None };
        while let Some(char) = at.rest.chars().next() {
            self.pay(1);
            if matches!(char, '*' | '_' | '~')
                && let Some((found, after)) = self.emphasis(at, char, Marks::NONE)
            {
                out.extend(found);
                at = after;
                continue;
            }
            let (text, after) = at.past_text(Self::plain_run(at, char, false).max(char.len_utf8()));
            push_text(&mut out, text);
            at = after;
        }
        out
    }

    /// `<t:…>` and `<address|text>`.
    fn angle<'a>(&mut self, at: Cursor<'a>) -> Option<(Inline, Cursor<'a>)> {
        if let Some(inside) = at.rest.strip_prefix("<t:") {
            let (time, _) =
                inside.split_at_checked(inside.bytes().take(13).position(|byte| byte == b'>')?)?;
            let (digits, format) = time.split_once(':').unwrap_or((time, "t"));
            let format = format.chars().next().filter(|_| format.len() == 1 && "tTdDfFR".contains(format))?;
            (digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
            return Some((Inline::Time { unix: digits.parse().ok()?, format }, at.past(time.len() + 4)));
        }
        let inside = at.rest.get(1..)?;
        let end = self.find(inside, ">")?;
        let (href, label) = inside.get(..end)?.split_once('|')?;
        (!label.is_empty() && !label.contains(['<', '|'])).then_some(())?;
        let href = super::autolink::address(href)?;
        Some((link_or_text(href, vec![Inline::Text(label.to_owned())]), at.past(end + 2)))
    }
}

/// Whether a character is plain text wherever it stands, and begins no address.
fn is_plain(char: char) -> bool {
    matches!(char, ' ' | ',' | ';' | '.' | '?' | '\'' | '"' | '(' | ')' | '%' | '&' | '=' | '/')
}

/// What of a text stands before a place further on in it.
fn before<'a>(text: &'a str, at: Cursor<'_>) -> &'a str {
    text.get(..text.len() - at.rest.len()).unwrap_or(text)
}

fn push_text(out: &mut Vec<Inline>, text: &str) {
    if text.is_empty() {
        return;
    }
    match out.last_mut() {
        Some(Inline::Text(before)) => before.push_str(text),
        _ => out.push(Inline::Text(text.to_owned())),
    }
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

/// Whether a character lets a mention right behind it be one.
pub(super) fn admits_mention(before: Option<char>) -> bool {
    before.is_none_or(|char| {
        char.is_whitespace() && char.is_ascii()
            || matches!(char, '(' | ')' | '*' | '[' | '\\' | ']' | '^' | '_' | '`' | '{' | '|' | '}' | '~')
    })
}

/// Whether a character may stand in a username or a room's name.
pub(super) fn name_char(char: char) -> bool {
    matches!(char, '-' | '_' | '.') || char.is_alphanumeric()
}

fn name_length(text: &str) -> usize {
    text.find(|char| !name_char(char)).unwrap_or(text.len())
}

fn mention(at: Cursor<'_>) -> Option<(Inline, Cursor<'_>)> {
    admits_mention(at.before).then_some(())?;
    let signs = at.rest.len() - at.rest.trim_start_matches('@').len();
    let rest = at.rest.get(signs..)?;
    let mut length = name_length(rest);
    (length > 0).then_some(())?;
    if let Some(more) = rest.get(length..).and_then(|more| more.strip_prefix([':', '@'])) {
        let tail = name_length(more);
        length += if tail > 0 { tail + 1 } else { 0 };
    }
    let name = rest.get(..length)?.to_owned();
    let inline = if name == "all" || name == "here" { Inline::Everyone(name) } else { Inline::User(name) };
    Some((inline, at.past(signs + length)))
}

fn channel(at: Cursor<'_>) -> Option<(Inline, Cursor<'_>)> {
    admits_mention(at.before).then_some(())?;
    let rest = at.rest.get(1..)?;
    let length = name_length(rest);
    (length > 0)
        .then(|| rest.get(..length))
        .flatten()
        .map(|name| (Inline::Channel(name.to_owned()), at.past(1 + length)))
}

/// Whether a text begins with the code of an emoji.
pub(super) fn is_emoji(text: &str, before: Option<char>) -> bool {
    emoji(Cursor { rest: text, before }).is_some()
}

/// `:code:` with white space or nothing on both sides.
fn emoji(at: Cursor<'_>) -> Option<(Inline, Cursor<'_>)> {
    at.before.is_none_or(char::is_whitespace).then_some(())?;
    let rest = at.rest.get(1..)?;
    let length = rest
        .bytes()
        .take(128)
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'.')))?;
    let code = rest.get(..length).filter(|code| !code.is_empty())?;
    let after = rest.get(length..)?.strip_prefix(':')?;
    let alone =
        after.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '*' | '_' | '~' | '|'));
    alone.then(|| (Inline::Emoji(code.to_owned()), at.past(length + 2)))
}

fn colour(at: Cursor<'_>) -> Option<(Inline, Cursor<'_>)> {
    let hex = at.rest.strip_prefix("color:#")?;
    let length = hex.find(|char: char| !char.is_ascii_hexdigit()).unwrap_or(hex.len());
    let digits: Vec<u8> = hex
        .get(..length)?
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| digit.try_into().ok())
        .collect();
    let parts: Vec<u8> = match length {
        3 | 4 => digits.iter().map(|digit| digit * 17).collect(),
        6 | 8 => digits.chunks_exact(2).filter_map(|pair| Some(pair.first()? * 16 + pair.last()?)).collect(),
        _ => return None,
    };
    if let Some(next) = hex.get(length..)?.chars().next()
        && !matches!(next, '(' | ')' | '*' | '[' | '\\' | ']' | '^' | '_' | '`' | '{' | '|' | '}' | '~')
    {
        return None;
    }
    let [red, green, blue] = parts.first_chunk::<3>()?;
    let rgba = [*red, *green, *blue, parts.get(3).copied().unwrap_or(255)];
    Some((Inline::Colour { rgba }, at.past("color:#".len() + length)))
}
