//! Writes one line so that Rocket.Chat reads it as meant: escapes and guards, and only where they are needed.
//!
//! Law: a backslash where Rocket.Chat's parser takes one off again (before an asterisk, underscore, tilde, backtick,
//! hash sign or full stop, outside of styles only); else
//! a zero-width space, which no one sees, and which is taken off again on the way back; characters that end a style
//! stand outside of it.

use super::Names;
use super::autolink;
use super::clean::GUARD;
use super::document::{Inline, Mark, Marks, Run, normalise, plain, runs, tree};
use super::inline_part::{self, name_char};
use super::inline_read::{self, ends_run};
use super::markdown_read::starts_block;
use super::md::unguarded;
use super::pictograph;

/// How much is done to have the line read as meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    Plain,
    Guarded,
    Styleless,
}

/// A line of Markdown; `outermost` says that it could be taken for a block, `emote` that all of it is in italics
/// because it is an emote (other such lines get `__`, which `/me` never writes).
pub(super) fn line(text: Vec<Inline>, outermost: bool, emote: bool) -> String {
    if let [Inline::Text(text)] = text.as_slice()
        && is_harmless(text)
        && !emote
        && !(outermost && starts_block(text))
    {
        return text.clone();
    }
    let plainly = normalise(text);
    let mut written = emit(String::new(), &plainly, Care::Plain, emote);
    let starts = outermost && starts_block(&written);
    // The text of a link may begin lines above.
    let ends_link = plainly.iter().any(|inline| matches!(inline, Inline::Text(text) if text.contains("](")));
    if !starts && !ends_link && comparable(inline_read::unsettled(&written)) == comparable(plainly.clone()) {
        return written;
    }
    let pieces = runs(plainly);
    for care in [Care::Guarded, Care::Styleless] {
        let pieces = match care {
            Care::Plain | Care::Guarded => split_signs(pieces.clone()),
            // What was hidden stays hidden.
            Care::Styleless => {
                pieces.iter().map(|run| Run { marks: run.marks.only(Mark::Spoiler), ..run.clone() }).collect()
            }
        };
        let guarded = tree(pieces);
        written = emit(String::new(), &guarded, care, emote);
        if outermost && starts_block(&written) {
            written =
                guarded_start(&written).unwrap_or_else(|| emit(GUARD.to_string(), &guarded, care, emote));
        }
        let reads_well = !(outermost && starts_block(&written))
            && comparable(inline_read::unsettled(&written)) == comparable(guarded);
        if reads_well {
            break;
        }
    }
    written
}

/// Whether a text holds nothing that either parser could take for anything but text.
fn is_harmless(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b" .,;?'\"()%&=+/-".contains(&byte))
}

/// What a line says once what both sides read alike is made equal.
fn comparable(inlines: Vec<Inline>) -> Vec<Inline> {
    normalise(inlines.into_iter().map(alike).collect())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn alike(inline: Inline) -> Inline {
    match inline {
        Inline::Text(text) if text.contains(GUARD) => Inline::Text(unguarded(&text)),
        Inline::Styled(mark, inner) => Inline::Styled(mark, inner.into_iter().map(alike).collect()),
        Inline::Link { href, label } => {
            let label = label.into_iter().map(alike).collect();
            Inline::Link { href: escaped_address(&href, true), label }
        }
        Inline::Emoji(code) => Inline::Text(format!(":{code}:")),
        Inline::Channel(name) => Inline::Text(format!("#{name}")),
        colour @ Inline::Colour { .. } => Inline::Text(plain(&[colour])),
        other => other,
    }
}

/// Text that mentions no one, for mentions have a form of their own: any `@name` is broken, an e-mail address is not.
pub(super) fn quiet(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let text = verbatim(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        out.push(char);
        if char == '@' && !is_inside(before) && chars.peek().copied().is_some_and(joins_name) {
            out.push(GUARD);
        }
        before = char;
    }
    out
}

/// How many names in code are looked up; beyond them any is taken for somebody's.
const LOOK_UPS: usize = 16;

/// Code that calls no one: Rocket.Chat looks for names in it all the same. A name of nobody's stays as it is, for code
/// is copied.
pub(super) fn silent(text: &str, names: &dyn Names) -> String {
    let text = verbatim(text);
    let mut out = String::with_capacity(text.len());
    let mut looked_up = 0;
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        let opens = out.chars().next_back().is_none_or(|char| char.is_whitespace() || char == '>');
        out.push('@');
        // Looked for only where one may begin, for it may be long.
        let name = if opens { after.split(|char| !joins_name(char)).next().unwrap_or_default() } else { "" };
        if !name.is_empty() {
            looked_up += 1;
            if looked_up > LOOK_UPS || super::html_write::user(name, names).is_some() {
                out.push(GUARD);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether what follows such a character can be no name: it is in the middle of a word, an address or a path.
fn is_inside(before: char) -> bool {
    before.is_ascii_alphanumeric() || matches!(before, '/' | '=')
}

/// Text that reaches no one: `@all` and `@here` broken, for Rocket.Chat refuses the whole message over them, wherever
/// they stand alone in it.
pub(super) fn verbatim(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        let inside = out.chars().next_back().is_some_and(is_inside);
        out.push('@');
        let lower: String = after.chars().take(4).collect::<String>().to_ascii_lowercase();
        if !inside && (lower.starts_with("all") || lower.starts_with("here")) {
            out.push(GUARD);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// In styles no escape works, so signs that would end a style stand outside of it.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is passes as it is")]
fn split_signs(runs: Vec<Run>) -> Vec<Run> {
    let mut out = Vec::new();
    for run in runs {
        match run.atom {
            Inline::Text(text) if run.marks != Marks::NONE => {
                let mut rest = text.as_str();
                while let Some(at) = rest.find(['*', '_', '~', '`', '|', '\\']) {
                    let (before, from) = rest.split_at(at);
                    let mut push = |marks, text: &str| {
                        if !text.is_empty() {
                            out.push(Run { marks, atom: Inline::Text(text.to_owned()) });
                        }
                    };
                    push(run.marks, before);
                    let signs = from.len() - from.trim_start_matches(['*', '_', '~', '`', '|', '\\']).len();
                    let (sign, after) = from.split_at(signs);
                    push(Marks::NONE, sign);
                    rest = after;
                }
                out.push(Run { marks: run.marks, atom: Inline::Text(rest.to_owned()) });
            }
            atom => out.push(Run { marks: run.marks, atom }),
        }
    }
    super::document::tidy(out)
}

/// The line behind its beginning.
fn emit(out: String, inlines: &[Inline], care: Care, emote: bool) -> String {
    let all_italic = !emote && matches!(inlines, [Inline::Styled(Mark::Italic, _)]);
    let mut writer = Writer { out, open: 0, whole: 0, care, all_italic, after_italic: false };
    writer.atoms(inlines);
    writer.out
}

struct Writer {
    out: String,
    open: usize,
    /// Up to where it is read as something of its own, behind which all begins anew.
    whole: usize,
    care: Care,
    all_italic: bool,
    after_italic: bool,
}

impl Writer {
    fn atoms(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            self.atom(inline);
        }
    }

    fn styled(&mut self, mark: Mark, inner: &[Inline]) {
        let sign = match mark {
            Mark::Spoiler => "||",
            Mark::Bold => "*",
            Mark::Italic if self.all_italic => "__",
            Mark::Italic => "_",
            Mark::Strike => "~",
        };
        if mark == Mark::Italic && self.out.ends_with(|char: char| char.is_alphanumeric()) {
            self.out.push(GUARD);
        }
        self.out.push_str(sign);
        self.after_italic = false;
        self.open += 1;
        self.atoms(inner);
        self.open -= 1;
        // An address would swallow the bars, a name the underscore.
        if mark == Mark::Spoiler && ends_in_address(&self.out) {
            self.out.push(' ');
        } else if mark == Mark::Italic && ends_in_mention(&self.out) {
            self.out.push(GUARD);
        }
        self.out.push_str(sign);
        self.after_italic = mark == Mark::Italic;
    }

    fn push(&mut self, text: &str) {
        if std::mem::take(&mut self.after_italic) && text.starts_with(|char: char| char.is_alphanumeric()) {
            self.out.push(GUARD);
        }
        self.out.push_str(text);
    }

    fn push_all<const N: usize>(&mut self, pieces: [&str; N]) {
        for piece in pieces {
            self.push(piece);
        }
    }

    fn atom(&mut self, atom: &Inline) {
        match atom {
            Inline::Text(text) if self.care == Care::Plain => self.push(text),
            Inline::Text(text) => self.text(text),
            Inline::Styled(mark, inner) => self.styled(*mark, inner),
            Inline::Break => self.push(" "),
            Inline::Code(text) => self.push_all(["`", text, "`"]),
            Inline::Maths(tex) => self.push_all(["\\(", tex, "\\)"]),
            Inline::Link { href, label } => self.link(href, label),
            Inline::Image { src, alt } => self.push_all(["![", alt, "](", &escaped_address(src, true), ")"]),
            Inline::User(name) | Inline::Everyone(name) => self.mention(name),
            Inline::Channel(name) => self.push_all(["#", name]),
            Inline::Emoji(code) => self.push_all([":", code, ":"]),
            Inline::Time { unix, format } if (1_000_000_000..10_000_000_000).contains(unix) => {
                self.push(&format!("<t:{unix}:{format}>"));
            }
            Inline::MatrixUser { .. }
            | Inline::MatrixRoom { .. }
            | Inline::Colour { .. }
            | Inline::Time { .. } => {
                self.push(&plain(std::slice::from_ref(atom)));
            }
        }
    }

    /// A mention, parted by a space from what would keep it from being one.
    fn mention(&mut self, name: &str) {
        if self.out.ends_with(|char: char| !char.is_ascii_whitespace() && !"()*[]^_{|}~".contains(char)) {
            self.push(" ");
        }
        self.push_all(["@", name]);
    }

    fn link(&mut self, href: &str, label: &[Inline]) {
        if self.care == Care::Plain {
            let label = emit(String::new(), label, Care::Plain, true);
            self.push_all(["[", &label, "](", &escaped_address(href, false), ")"]);
            return;
        }
        let mut label: String = plain(label);
        for (sign, alike) in [("<", "‹"), (">", "›"), ("|", "¦"), ("\n", " ")] {
            label = label.replace(sign, alike);
        }
        self.push_all(["<", &escaped_address(href, true), "|", &label, ">"]);
    }

    /// Whether an underscore behind what is written is in the middle of a word, where it opens nothing.
    fn ends_in_word(&self) -> bool {
        let before = self.out.trim_end_matches(|char: char| char.is_ascii_alphanumeric());
        before.len() < self.out.len() && (before.len() <= self.whole || before.ends_with(ends_run))
    }

    /// Text with escapes and guards.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        if self.out.ends_with(name_char) && ends_in_mention(&self.out) && rest.starts_with(joins_name) {
            self.out.push(GUARD);
        }
        while let Some(char) = rest.chars().next() {
            // Whether a part may begin here.
            let fresh = ends_run(char)
                || self.out.len() <= self.whole
                || self.out.chars().next_back().is_none_or(ends_run);
            let address = if fresh && self.open == 0 && char != '_' { autolink::length(rest) } else { None };
            rest = if let Some(length) = address {
                self.address(rest, length)
            } else if fresh && let Some(length) = self.piece(rest) {
                let (piece, after) = rest.split_at(length);
                self.push(piece);
                self.whole = self.out.len();
                after
            } else {
                self.sign(char, rest)
            };
        }
    }

    /// What Rocket.Chat reads as one, with nothing to guard in it.
    fn piece(&self, text: &str) -> Option<usize> {
        let channel =
            inline_part::nameless(text, false).or_else(|| inline_part::channel(text).map(|found| found.1));
        let picture = || pictograph::emoji(text).or_else(|| harmless_emoticon(text));
        channel.or_else(|| if self.open == 0 { picture() } else { None })
    }

    /// An address, in which no escape works; returns what is left.
    fn address<'a>(&mut self, text: &'a str, length: usize) -> &'a str {
        let (address, _) = text.split_at(length);
        // Of an address that a link would end in, only what stands before.
        let (address, broken) = match address.split_once("](") {
            Some((before, _)) => (address.get(..=before.len()).unwrap_or(before), true),
            None => (address, false),
        };
        self.push(address);
        if broken {
            // Whatever stands behind it would be a part of the address as well.
            self.out.push(if self.care == Care::Guarded { GUARD } else { ' ' });
        }
        let rest = text.get(address.len()..).unwrap_or_default();
        // An escape right behind it would be taken for a part of it: at first the signs stand as they are, and where
        // that is read otherwise, behind a space.
        let signs = rest.len() - rest.trim_start_matches(autolink::extra).len();
        let (tail, after) = rest.split_at(signs);
        if self.care == Care::Guarded {
            self.push(tail);
            return after;
        }
        if tail.contains(['*', '~']) {
            self.out.push(' ');
        }
        rest
    }

    /// One character, escaped or parted from the next where together they are markup; returns what is left.
    fn sign<'a>(&mut self, char: char, text: &'a str) -> &'a str {
        let styled = self.open > 0;
        let after = text.get(char.len_utf8()..).unwrap_or_default();
        let next = after.chars().next();
        let inside_word = char == '_' && next.is_some_and(char::is_alphanumeric) && self.ends_in_word();
        match char {
            // Behind a zero-width space an address would begin.
            '\\' if matches!(next, Some('.' | '#')) && !styled => {
                self.push_all(["\\\\", after.get(..1).unwrap_or_default()]);
                self.whole = self.out.len();
                return after.get(1..).unwrap_or_default();
            }
            '*' | '_' | '~' | '`' if !inside_word && !styled => {
                if self.care == Care::Styleless && ends_in_address(&self.out) {
                    self.out.push(' ');
                }
                // An emoticon would take the backslash.
                if self.out.ends_with([':', '=']) {
                    self.out.push(GUARD);
                }
                self.out.push('\\');
                self.out.push(char);
                self.after_italic = false;
                self.whole = self.out.len();
            }
            _ => {
                self.push(char.encode_utf8(&mut [0; 4]));
                let parted = match char {
                    // Behind a zero-width space the name of a host would still be one.
                    '<' if next == Some('.') || autolink::is_domain(after) => Some(' '),
                    '@' if next == Some('.') => Some(' '),
                    // An address, of which Rocket.Chat would take the beginning for an emoji.
                    ':' if inline_part::emoji_length(text).is_some() && autolink::length(after).is_some() => {
                        Some(' ')
                    }
                    '\\' => next.is_none_or(|next| matches!(next, '(' | '[')).then_some(GUARD),
                    '@' => next.is_some_and(|next| name_char(next) || next == '@').then_some(GUARD),
                    ']' => (next == Some('(')).then_some(GUARD),
                    '|' => (next == Some('|')).then_some(GUARD),
                    '<' => Some(GUARD),
                    _ => None,
                };
                self.out.extend(parted.filter(|_| next != Some(GUARD)));
            }
        }
        after
    }
}

/// The length of an emoticon without signs of styles and links.
fn harmless_emoticon(text: &str) -> Option<usize> {
    let length = pictograph::emoticon(text)?;
    (!text.get(..length)?.contains(['*', '_', '~', '\\', '<', '[', ']'])).then_some(length)
}

pub(super) fn joins_name(char: char) -> bool {
    name_char(char) || matches!(char, ':' | '@')
}

/// How many characters are looked back over for the beginning of a word: names and addresses that matter are shorter.
const LOOK_BACK: usize = 256;

/// Whether the last word so far could be an address, which takes in whatever stands right behind it.
fn ends_in_address(text: &str) -> bool {
    let word = text.chars().rev().take(LOOK_BACK).take_while(|char| !char.is_whitespace() && *char != '|');
    word.into_iter().any(|char| matches!(char, '.' | ':'))
}

/// Whether the last word so far is a mention.
fn ends_in_mention(text: &str) -> bool {
    let name = |char: &char| name_char(*char) || *char == ':';
    text.chars().rev().take(LOOK_BACK).find(|char| !name(char)) == Some('@')
}

/// An address that no bracket or bar in it can end; without `parentheses` those of pairs stay.
fn escaped_address(href: &str, parentheses: bool) -> String {
    if href.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'*+,;=%".contains(&byte)) {
        return href.to_owned();
    }
    let mut out = String::with_capacity(href.len());
    for char in href.chars() {
        let bad = char.is_whitespace() || matches!(char, '<' | '>' | '|' | '\\' | '"' | '`');
        if bad || (parentheses && matches!(char, '(' | ')')) {
            let mut bytes = [0; 4];
            out.push_str(&super::link::encode(char.encode_utf8(&mut bytes), |_| false));
        } else {
            out.push(char);
        }
    }
    out
}

/// A line that begins like a heading or an entry with a number, made to begin like text; other blocks want a
/// zero-width space before all else.
fn guarded_start(line: &str) -> Option<String> {
    if line.starts_with('#') {
        return Some(format!("\\{line}"));
    }
    let (number, rest) =
        line.split_once('.').filter(|_| line.starts_with(|char: char| char.is_ascii_digit()))?;
    Some(format!("{number}\\.{rest}"))
}
