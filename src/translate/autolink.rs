//! Finds what Rocket.Chat's parser takes for an address in running text, and so never looks for markup in.
//!
//! Law: whether the address becomes a link is left to each side; here it only stays in one piece.
//! Rules `AutoLinkURL`, `DomainName`, `LinkRef` of the grammar of `@rocket.chat/message-parser`.

/// The length of the address that starts here, where one does.
pub(super) fn length(text: &str, before: Option<char>) -> Option<usize> {
    let start = text.chars().next()?;
    // In the middle of a name no address starts, for it would have started with the name.
    if before.is_some_and(|before| domain_char(before) && (before.is_ascii() || !start.is_ascii())) {
        return None;
    }
    let name = text.bytes().take(33).take_while(|byte| scheme(&[*byte])).count();
    let schemed = (1..=32).contains(&name) && text.get(name..).is_some_and(|rest| rest.starts_with("://"));
    let host = if schemed { name + 3 } else { 0 };
    let domain = domain(text.get(host..)?, host > 0)?;
    let mut end = host + domain;
    // The rest runs to white space, less the punctuation before it.
    let tail = text.get(end..)?;
    let word = tail.find([' ', '\t', '\n']).unwrap_or(tail.len());
    end += tail.get(..word)?.trim_end_matches(extra).len();
    Some(end)
}

/// Whether an address begins with the name of a host, without a scheme.
pub(super) fn is_host(href: &str) -> bool {
    !href.contains(':') && domain(href, true).is_some()
}

/// Whether a text begins with the name of a host that an address may have without a scheme.
pub(super) fn is_domain(text: &str) -> bool {
    domain(text, false).is_some()
}

fn scheme(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
}

/// The length of a domain: labels parted by single dots, two at least.
fn domain(text: &str, after_scheme: bool) -> Option<usize> {
    let mut end = 0;
    let mut labels = 0;
    loop {
        let label = text.get(end + usize::from(labels > 0)..)?;
        let length = label.find(|char| !domain_char(char)).unwrap_or(label.len());
        if length == 0 {
            break;
        }
        end += length + usize::from(labels > 0);
        labels += 1;
        if !text.get(end..)?.starts_with('.') {
            break;
        }
    }
    (labels > 1 || (labels > 0 && after_scheme && text.starts_with("localhost"))).then_some(end)
}

fn domain_char(char: char) -> bool {
    !(extra(char)
        || char.is_ascii_whitespace()
        || matches!(char, '$' | '@' | '&' | '+' | '#' | '?' | '\\' | '/' | '|' | '>' | '<' | '%' | '`'))
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
    domain(href, true).map(|_| if href.contains("://") { href.to_owned() } else { format!("//{href}") })
}
