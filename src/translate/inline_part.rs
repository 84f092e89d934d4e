//! Finds the parts of a line that hold no other: names, times, numbers, colours, the codes of emoji.
//!
//! Each says how long it is, in bytes from where the text begins.

use super::document::Inline;

/// A sign right before a name, with it and its first letter: it names nobody and nothing (rules `UserMention`,
/// `ChannelMention`).
pub(super) fn nameless(at: &str, struck: bool) -> Option<usize> {
    let mut chars = at.chars();
    let before = chars.next()?;
    let none = match chars.next()? {
        '#' => before != '#' && before.len_utf16() == 1 && is_text(before) && !is_space(before),
        '@' => before == ':' || (struck && matches!(before, '!' | '<')),
        _ => false,
    };
    let first = chars.next().filter(|first| none && first.is_alphanumeric())?;
    Some(before.len_utf8() + 1 + first.len_utf8())
}

/// Rule `AnyText`.
pub(super) fn is_text(char: char) -> bool {
    !char.is_ascii_control()
        && !matches!(char, '(' | ')' | '*' | '[' | '\\' | ']' | '^' | '_' | '`' | '{' | '|' | '}' | '~')
}

pub(super) fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t')
}

pub(super) fn time(at: &str) -> Option<(Inline, usize)> {
    let inside = at.strip_prefix("<t:")?;
    let (time, _) = inside.split_at_checked(inside.bytes().take(13).position(|byte| byte == b'>')?)?;
    let (digits, format) = time.split_once(':').unwrap_or((time, "t"));
    let format = format.chars().next().filter(|_| format.len() == 1 && "tTdDfFR".contains(format))?;
    (digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    Some((Inline::Time { unix: digits.parse().ok()?, format }, time.len() + 4))
}

/// Whether a character may stand in a username or a room's name.
pub(super) fn name_char(char: char) -> bool {
    matches!(char, '-' | '_' | '.') || char.is_alphanumeric()
}

fn name_length(text: &str) -> usize {
    text.find(|char| !name_char(char)).unwrap_or(text.len())
}

pub(super) fn mention(at: &str) -> Option<(Inline, usize)> {
    let rest = at.trim_start_matches('@');
    let mut length = name_length(rest);
    (length > 0).then_some(())?;
    if let Some(more) = rest.get(length..).and_then(|more| more.strip_prefix([':', '@'])) {
        let tail = name_length(more);
        length += if tail > 0 { tail + 1 } else { 0 };
    }
    let name = rest.get(..length).filter(|name| !name.ends_with("__"))?.to_owned();
    let inline = if name == "all" || name == "here" { Inline::Everyone(name) } else { Inline::User(name) };
    Some((inline, at.len() - rest.len() + length))
}

/// A channel's name and how long it is, with its sign.
pub(super) fn channel(at: &str) -> Option<(Inline, usize)> {
    let rest = at.strip_prefix('#')?;
    let name = rest.get(..name_length(rest)).filter(|name| !name.is_empty())?;
    Some((Inline::Channel(name.to_owned()), 1 + name.len()))
}

/// The length of `:code:`.
pub(super) fn emoji_length(at: &str) -> Option<usize> {
    let rest = at.strip_prefix(':')?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'.');
    let length = rest.bytes().take(128).position(|byte| !known(byte)).filter(|length| *length > 0)?;
    rest.get(length..)?.starts_with(':').then_some(length + 2)
}

/// A number to call: `+49123`, `+(49)123-4`.
pub(super) fn phone_length(at: &str) -> Option<usize> {
    let rest = at.strip_prefix('+')?;
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = match rest.strip_prefix('(') {
        Some(inside) => {
            let code = digits(inside);
            (code > 0 && inside.get(code..)?.starts_with(')')).then_some(code + 2)?
        }
        None => digits(rest),
    };
    (length > 0).then_some(())?;
    let bracketed = rest.starts_with('(');
    length += digits(rest.get(length..)?);
    if let Some(more) = rest.get(length..)?.strip_prefix('-') {
        let last = digits(more);
        length += if last > 0 { 1 + last } else { 0 };
    }
    (!bracketed || rest.get(..length)?.ends_with(|char: char| char.is_ascii_digit())).then_some(1 + length)
}

pub(super) fn colour(at: &str) -> Option<(Inline, usize)> {
    let hex = at.strip_prefix("color:#")?;
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
    if hex.get(length..)?.starts_with(is_text) {
        return None;
    }
    let [red, green, blue] = parts.first_chunk::<3>()?;
    let rgba = [*red, *green, *blue, parts.get(3).copied().unwrap_or(255)];
    Some((Inline::Colour { rgba }, "color:#".len() + length))
}
