//! Breaks in text what would call somebody on Rocket.Chat: a mention has a form of its own.
//!
//! Law: the break is a zero-width space behind the `@`, which no one sees and which is taken off again on the way back;
//! addresses stay whole, so that they can be copied.

use super::clean::GUARD;
use super::guard::{LOOK_BACK, joins_name};
use super::{Names, html_write};

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
        let next = chars.peek().copied();
        if char == '@' && next.is_some_and(joins_name) && !(is_inside(before) && is_of_address(&out)) {
            out.push(GUARD);
        }
        before = char;
    }
    out
}

/// Whether an `@` that a text ends in is of an e-mail address or of the address of a place.
fn is_of_address(text: &str) -> bool {
    let word = text
        .char_indices()
        .rev()
        .take(LOOK_BACK)
        .take_while(|(_, char)| !char.is_whitespace() && !"()<>[]|\",".contains(*char));
    let start = word.last().map_or(text.len(), |(at, _)| at);
    let word = text.get(start..).unwrap_or_default();
    word.contains("://") || !word.strip_suffix('@').is_some_and(|name| name.contains('@'))
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
            if looked_up > LOOK_UPS || html_write::user(name, names).is_some() {
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
