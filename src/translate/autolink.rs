//! Finds what Rocket.Chat's parser takes for an address in running text, and so never looks for markup in.
//!
//! Law: whether the address becomes a link is left to each side; here it only stays in one piece.
//! Rules `AutoLinkURL`, `DomainName`, `LinkRef` of the grammar of `@rocket.chat/message-parser`.

/// The length of the address that starts here, of a place or of a person, where one does.
pub(super) fn length(text: &str) -> Option<usize> {
    let end = mail(text).or_else(|| {
        let end = host(text)?;
        // The rest runs to white space, less the punctuation before it.
        let tail = text.get(end..)?;
        let word = tail.find([' ', '\t', '\n']).unwrap_or(tail.len());
        Some(end + tail.get(..word)?.trim_end_matches(extra).len())
    });
    // What begins with an underscore is none: see `underscored`.
    end.filter(|_| !text.starts_with('_'))
}

/// Whether an address starts here.
pub(super) fn begins(text: &str) -> bool {
    !text.starts_with('_') && (mail(text).is_some() || host(text).is_some())
}

/// The length of an address up to the end of its host.
fn host(text: &str) -> Option<usize> {
    let name = text.bytes().take(33).take_while(|byte| scheme(&[*byte])).count();
    let schemed = (1..=32).contains(&name) && text.get(name..).is_some_and(|rest| rest.starts_with("://"));
    let host = if schemed { name + 3 + login(text.get(name + 3..)?) } else { 0 };
    Some(host + domain(text.get(host..)?)?)
}

/// The length of the name and the password with which one signs in, up to and with the `@`.
fn login(text: &str) -> usize {
    let part = |text: &str| {
        text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"$&+_#?-".contains(byte)).count()
    };
    let name = part(text);
    let rest = text.get(name..).unwrap_or_default();
    let end = match rest.strip_prefix(':') {
        Some(word) => name + 1 + part(word),
        None => name,
    };
    if name > 0 && text.get(end..).is_some_and(|rest| rest.starts_with('@')) { end + 1 } else { 0 }
}

/// The length of the e-mail address that starts here, where one does.
fn mail(text: &str) -> Option<usize> {
    let bare = text.strip_prefix("mailto:").unwrap_or(text);
    bare.starts_with(opens_mail).then_some(())?;
    let bare = bare.get(..bare.floor_char_boundary(LONGEST))?;
    let local = |char: char| opens_mail(char) || "!#$%&'*+/=?^_`{|}~-.".contains(char);
    let at = bare.find(|char| !local(char))?;
    let name = bare.get(..at)?;
    let host = text.strip_prefix("mailto:").unwrap_or(text).get(at..)?.strip_prefix('@')?;
    let dots = name.split('.').all(|part| part.starts_with(opens_mail));
    dots.then_some(())?;
    Some(text.len() - host.len() + domain(host)?)
}

/// A letter, a digit, a mark on one, or (part of) an emoji.
fn opens_mail(char: char) -> bool {
    char.is_alphanumeric()
        || char > '\u{FFFF}'
        || matches!(char, '\u{300}'..='\u{36F}' | '\u{200D}' | '\u{2190}'..='\u{21FF}' | '\u{2600}'..='\u{27BF}' | '\u{FE0E}' | '\u{FE0F}')
}

/// The length of a domain that starts with an underscore, which is plain text; in italics it is none.
pub(super) fn underscored(text: &str) -> Option<usize> {
    let length = domain(text).filter(|_| !text.starts_with("__"))?;
    (!text.get(length..)?.starts_with('_')).then_some(length)
}

/// Whether an address begins with the name of a host, without a scheme.
pub(super) fn is_host(href: &str) -> bool {
    !href.contains(':') && domain(href).is_some()
}

/// Whether a text begins with the name of a host that an address may have without a scheme.
pub(super) fn is_domain(text: &str) -> bool {
    domain(text).is_some()
}

fn scheme(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
}

/// How far a name is followed, in bytes: those of hosts and of people are shorter.
const LONGEST: usize = 512;

/// The length of a domain: labels parted by single dots, two at least, or `localhost`.
fn domain(text: &str) -> Option<usize> {
    let text = text.get(..text.floor_char_boundary(LONGEST))?;
    let mut end = 0;
    let mut labels = 0;
    loop {
        let from = end + usize::from(labels > 0);
        let length = label(text.get(from..)?);
        if length == 0 {
            break;
        }
        end = from + length;
        labels += 1;
        if !text.get(end..)?.starts_with('.') {
            break;
        }
    }
    (labels > 1 || (labels > 0 && text.starts_with("localhost"))).then_some(end)
}

/// The length of a part of a domain; behind a hyphen or an underscore signs like `@` may stand, too.
fn label(text: &str) -> usize {
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let behind = rest.get(char.len_utf8()..).unwrap_or_default();
        rest = match (char, behind.chars().next()) {
            ('-' | '_', Some(next)) if !ends_domain(next) && next != ':' => {
                behind.get(next.len_utf8()..).unwrap_or_default()
            }
            ('-' | '_', _) => break,
            _ if extra(char) || ends_domain(char) || matches!(char, '$' | '@' | '&' | '+' | '#' | '?') => {
                break;
            }
            _ => behind,
        };
    }
    text.len() - rest.len()
}

fn ends_domain(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n' | '\\' | '/' | '|' | '>' | '<' | '%' | '`' | '[' | ']')
}

/// Punctuation that stands in an address, but not at its end.
pub(super) fn extra(char: char) -> bool {
    matches!(char, '.' | ',' | '!' | '%' | '~' | '*' | '"' | '\'' | ':' | ';' | '(' | ')' | '=')
}

/// The address that a link may have, or nothing where Rocket.Chat would not make it a link.
pub(super) fn address(href: &str) -> Option<String> {
    let bad = |char: char| char.is_whitespace() || char.is_control() || matches!(char, '|' | '\\');
    if href.is_empty() || href.contains(bad) {
        return None;
    }
    if let Some(number) = href.strip_prefix('+') {
        let digits: String = number.chars().filter(|char| *char != '-').collect();
        let phone = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return phone.then(|| format!("tel:{digits}"));
    }
    if let Some((scheme_part, rest)) = href.split_once(':')
        && scheme(scheme_part.as_bytes())
        && scheme_part.len() <= 32
        && !rest.is_empty()
    {
        return Some(href.to_owned());
    }
    domain(href).map(|_| if href.contains("://") { href.to_owned() } else { format!("//{href}") })
}
