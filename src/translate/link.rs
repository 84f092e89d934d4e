//! Addresses: which may be followed, and which mean a Matrix user or room.
//!
//! Law: an address whose scheme is not on the list is shown as its text and cannot be followed.
//! <https://spec.matrix.org/v1.18/appendices/#matrixto-navigation> and
//! <https://spec.matrix.org/v1.18/appendices/#matrix-uri-scheme>

/// Schemes that a link may have: those of the specification, telephone numbers and Matrix itself.
const SCHEMES: [&str; 7] = ["https", "http", "ftp", "mailto", "magnet", "tel", "matrix"];

/// Whether a link may lead there.
pub(super) fn safe(href: &str) -> bool {
    let Some((scheme, _)) = href.trim().split_once(':') else { return false };
    SCHEMES.iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed))
}

/// What an address means in Matrix.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A user, by id.
    User(String),
    /// A room, by id or alias.
    Room(String),
}

/// The user or room of a `matrix.to` link or `matrix:` address; a link to one event stays a link.
pub(super) fn target(href: &str) -> Option<Target> {
    let href = href.trim();
    if let Some((_, fragment)) = href.split_once("://matrix.to/#/") {
        let path = fragment.split(['?']).next()?;
        let id = decode(path.trim_end_matches('/'));
        if id.starts_with('#') || id.starts_with('!') {
            // `!room:server/$event` is a link to an event.
            return (!id.contains('/')).then_some(Target::Room(id));
        }
        return (id.starts_with('@') && id.contains(':')).then_some(Target::User(id));
    }
    let rest = href.strip_prefix("matrix:")?;
    let path = decode(rest.split(['?', '#']).next()?);
    let (kind, id) = path.split_once('/')?;
    if id.contains("/e/") || id.contains("/event/") {
        return None;
    }
    match kind {
        "u" | "user" => Some(Target::User(format!("@{id}"))),
        "r" | "room" => Some(Target::Room(format!("#{id}"))),
        "roomid" => Some(Target::Room(format!("!{id}"))),
        _ => None,
    }
}

/// The `matrix.to` link of an id.
pub(super) fn matrix_to(id: &str) -> String {
    format!(
        "https://matrix.to/#/{}",
        encode(id, |byte| byte.is_ascii_alphanumeric() || b"@:!#$-._~".contains(&byte))
    )
}

/// Percent-encoding of every byte that is not kept, `#` at the start of an alias included.
pub(super) fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        if keep(byte) && !(at == 0 && byte == b'#') {
            out.push(char::from(byte));
        } else {
            let digit =
                |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let user = |id: &str| Some(Target::User(id.to_owned()));
        let room = |id: &str| Some(Target::Room(id.to_owned()));
        for (href, expected) in [
            ("https://matrix.to/#/@alice:example.org", user("@alice:example.org")),
            ("https://matrix.to/#/%40alice%3Aexample.org", user("@alice:example.org")),
            ("http://matrix.to/#/#room:example.org?via=a", room("#room:example.org")),
            ("https://matrix.to/#/%23room:example.org", room("#room:example.org")),
            ("https://matrix.to/#/!abc:example.org/$event", None),
            ("https://example.org/#/@alice:example.org", None),
            ("matrix:u/alice:example.org?action=chat", user("@alice:example.org")),
            ("matrix:r/room:example.org", room("#room:example.org")),
            ("matrix:roomid/abc:example.org/e/x", None),
            ("https://matrix.to/#/", None),
            ("https://matrix.to/#/%zz%4", None),
        ] {
            assert_eq!(target(href), expected, "{href}");
        }
    }

    #[test]
    fn schemes() {
        assert!(safe("HTTPS://example.org") && safe("mailto:a@b.c") && safe("matrix:u/a:b"));
        for href in [
            "javascript:alert(1)",
            " JavaScript:x",
            "data:text/html,x",
            "vbscript:x",
            "/path",
            "",
            "java\nscript:x",
        ] {
            assert!(!safe(href), "{href}");
        }
    }
}
