//! Writes one line so that Rocket.Chat reads it as meant: escapes and guards, and only where they are needed.
//!
//! Law: a backslash where Rocket.Chat's parser takes one off again (before an asterisk, underscore, tilde, backtick, hash
//! sign or full stop, outside of styles only); else a zero-width space, which no one sees, and which is taken off again
//! on the way back; characters that end a style stand outside of it.

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
    // The text of a link may begin lines above, and there are times of more forms than are read here.
    let is_doubtful = |text: &str| text.contains("](") || text.contains("<t:");
    let doubtful = plainly.iter().any(|inline| matches!(inline, Inline::Text(text) if is_doubtful(text)));
    if !starts && !doubtful && comparable(inline_read::unsettled(&written)) == comparable(plainly.clone()) {
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
        if mark == Mark::Spoiler {
            self.leave_address();
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
        self.leave_address();
        self.push_all(["<", &escaped_address(href, true), "|", &label, ">"]);
    }

    /// A space behind an address, which would take in whatever stands right behind it.
    fn leave_address(&mut self) {
        if self.care != Care::Plain && ends_in_host(&self.out) {
            self.out.push(' ');
        }
    }

    /// Whether an underscore behind what is written is in the middle of a word, where it opens nothing.
    fn ends_in_word(&self) -> bool {
        let new = self.out.get(self.whole..).unwrap_or_default();
        let before = new.trim_end_matches(|char: char| char.is_ascii_alphanumeric());
        before.len() < new.len() && (before.is_empty() || before.ends_with(ends_run))
    }

    /// Text with escapes and guards.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        // Where a link would end next, counted from the end: an address is looked for up to there only, or each piece of
        // a long word would be measured to its end.
        let mut link_end = text.len() + 1;
        if self.out.ends_with(name_char) && ends_in_mention(&self.out) && rest.starts_with(joins_name) {
            self.out.push(GUARD);
        }
        while let Some(char) = rest.chars().next() {
            // Whether a part may begin here.
            let fresh = ends_run(char)
                || self.out.len() <= self.whole
                || self.out.chars().next_back().is_none_or(ends_run);
            if rest.len() < link_end {
                link_end = rest.find("](").map_or(0, |at| rest.len() - at);
            }
            let piece =
                rest.get(..rest.len() - link_end.saturating_sub(1)).filter(|_| link_end > 0).unwrap_or(rest);
            let address = if fresh && self.open == 0 { autolink::length(piece) } else { None };
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
        let (address, rest) = text.split_at(length);
        self.push(address);
        if address.ends_with(']') && rest.starts_with('(') {
            // Whatever stands behind it would be a part of the address as well.
            self.out.push(if self.care == Care::Guarded { GUARD } else { ' ' });
        }
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
                    ':' if inline_part::emoji_length(text).is_some() && autolink::begins(after) => Some(' '),
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
pub(super) const LOOK_BACK: usize = 256;

/// Whether the last word so far could be an address, which takes in whatever stands right behind it.
fn ends_in_address(text: &str) -> bool {
    let word = text.chars().rev().take(LOOK_BACK).take_while(|char| !char.is_whitespace() && *char != '|');
    word.into_iter().any(|char| matches!(char, '.' | ':'))
}

/// Whether the last word so far holds what could be the name of a host.
fn ends_in_host(text: &str) -> bool {
    let word = text.chars().rev().take(LOOK_BACK).take_while(|char| !char.is_whitespace());
    let mut behind = None;
    let is_dot = |char, behind: Option<char>| char == '.' && behind.is_some_and(|behind| behind != '.');
    word.into_iter().any(|char| is_dot(char, behind.replace(char)))
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
