//! What is taken off any text before it is read: control characters, excess length, open bidi controls.
//!
//! Law: what a person can see is never changed, and whatever is cut off is said to be.

/// The most that is read of one text, in bytes: four times the largest Matrix event.
pub(super) const MAX_INPUT: usize = 256 * 1024;

/// A zero-width space: what keeps text from being read as markup where Rocket.Chat has no escape for it.
pub(super) const GUARD: char = '\u{200B}';

/// The text without control characters, with `\n` as the one line end, and whether it had to be cut.
pub(super) fn text(raw: &str) -> (String, bool) {
    let mut end = raw.len().min(MAX_INPUT);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    let cut = end < raw.len();
    let kept = raw.get(..end).unwrap_or_default();
    // Most texts hold nothing of the kind: no control, and none of the bytes that others begin with.
    let may_change =
        |byte| (byte < b' ' && byte != b'\n' && byte != b'\t') || matches!(byte, 0x7f | 0xc2 | 0xe2);
    if !kept.bytes().any(may_change) {
        return (kept.to_owned(), cut);
    }
    let mut out = String::with_capacity(kept.len());
    let mut chars = kept.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\n' | '\t' => out.push(char),
            _ if char.is_control() => {}
            _ => out.push(char),
        }
    }
    (out, cut)
}

/// Closes what bidi embeddings, overrides and isolates are left open, so that they end with the message.
pub(super) fn close_bidi(text: &mut String) {
    let mut open = Vec::new();
    for char in text.chars() {
        match char {
            '\u{202A}' | '\u{202B}' | '\u{202D}' | '\u{202E}' => open.push('\u{202C}'),
            '\u{2066}' | '\u{2067}' | '\u{2068}' => open.push('\u{2069}'),
            '\u{202C}' | '\u{2069}' if open.last() == Some(&char) => {
                open.pop();
            }
            _ => {}
        }
    }
    // More than a reader's own limit of nested levels (125, UAX #9) needs no closing.
    text.extend(open.into_iter().rev().take(125));
}
