//! What an event relates to: what it answers, its thread, what it is a reaction to.
//!
//! Law: nothing that is said is lost; what Rocket.Chat has no emoji for comes as text.
//! <https://spec.matrix.org/v1.18/client-server-api/#forming-relationships-between-events>

use serde_json::Value;

use super::{clean, emoji};

/// What a message relates to, by event ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The first event of the thread that it is in.
    pub thread: Option<&'a str>,
    /// The event that it answers.
    pub answered: Option<&'a str>,
    /// Whether it names what it answers only for those who know no threads.
    pub is_falling_back: bool,
}

impl<'a> Relation<'a> {
    /// Reads a content.
    pub fn of(content: &'a Value) -> Self {
        let text = |path: &str| content.pointer(path).and_then(Value::as_str);
        let is_thread = text("/m.relates_to/rel_type") == Some("m.thread");
        let falls_back = content.pointer("/m.relates_to/is_falling_back").and_then(Value::as_bool);
        Self {
            thread: text("/m.relates_to/event_id").filter(|_| is_thread),
            answered: text("/m.relates_to/m.in_reply_to/event_id"),
            is_falling_back: is_thread && falls_back.unwrap_or(false),
        }
    }
}

/// What an event repeats of the one that it answers, in plain words, if it does.
pub fn fallback(content: &Value) -> Option<String> {
    let (body, _) = clean::text(content.get("body")?.as_str()?);
    let (quoted, _) = parted(&body)?;
    let lines: Vec<&str> =
        quoted.lines().filter_map(|it| it.strip_prefix('>')).map(str::trim_start).collect();
    Some(lines.join("\n"))
}

/// The body of a reply parted into the quote of what it answers, which older clients put before it, and what is said.
pub(super) fn parted(body: &str) -> Option<(&str, &str)> {
    if !body.starts_with("> <@") && !body.starts_with("> * <@") {
        return None;
    }
    let mut said = body;
    while said.starts_with('>') {
        said = said.split_once('\n')?.1;
    }
    let quoted = body.get(..body.len() - said.len())?;
    // Only an empty line ends the quote; without it, someone quoted by hand.
    said.strip_prefix('\n').filter(|it| !it.trim().is_empty()).map(|said| (quoted, said))
}

/// What somebody reacts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// An emoji that Rocket.Chat knows, such as `:eyes:`.
    Emoji(String),
    /// An image by its name, `:blobcat:`: perhaps Rocket.Chat knows one of that name.
    Named(String),
    /// Anything else, in words.
    Text(String),
}

/// The most of a reaction that is shown, in characters.
const LONGEST: usize = 100;

/// The event that a content is a reaction to, and with what, if it is one.
pub fn reaction(content: &Value) -> Option<(&str, Key)> {
    let relation = content.get("m.relates_to")?;
    let text = |it: &'_ Value| it.as_str().map(str::to_owned);
    relation.get("rel_type").filter(|it| it.as_str() == Some("m.annotation"))?;
    let of = relation.get("event_id")?.as_str()?;
    let key = relation.get("key").and_then(text).filter(|it| !it.trim().is_empty())?;
    let name =
        ["shortcode", "com.beeper.reaction.shortcode"].iter().find_map(|it| content.get(it)).and_then(text);
    Some((of, read(&key, name.as_deref())))
}

fn read(key: &str, name: Option<&str>) -> Key {
    if let Some(code) = emoji::code(key) {
        return Key::Emoji(format!(":{code}:"));
    }
    let name = name.map(|it| it.trim_matches(':')).or_else(|| key.strip_prefix(':')?.strip_suffix(':'));
    let is_name = |it: &&str| {
        let plain = |char: char| char.is_ascii_alphanumeric() || "_-+.".contains(char);
        !it.is_empty() && it.len() <= LONGEST && it.chars().all(plain)
    };
    if let Some(name) = name.filter(is_name) {
        return if emoji::unicode(name).is_some() {
            Key::Emoji(format!(":{name}:"))
        } else {
            Key::Named(format!(":{name}:"))
        };
    }
    let said = if key.starts_with("mxc://") { "an image" } else { key };
    let (said, _) = clean::text(said);
    let mut shown = String::new();
    for char in said.chars().filter(|it| !it.is_control()).take(LONGEST) {
        // Nobody is called, and nothing is formatted.
        if "@#*_~`[]()>\\|".contains(char) {
            shown.push(if char == '@' { '＠' } else { ' ' });
        } else {
            shown.push(char);
        }
    }
    Key::Text(shown)
}

/// What Matrix is told of a reaction of Rocket.Chat, such as `:eyes:`: the emoji, or the name of one that Matrix does not
/// have.
pub fn reaction_to_matrix(code: &str) -> String {
    emoji::shown(code.trim_matches(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reactions_find_their_emoji() {
        for (key, expected) in [
            ("👍", ":thumbsup:"),
            ("👍\u{fe0f}", ":thumbsup:"),
            ("👍🏽", ":thumbsup_tone3:"),
            ("❤", ":heart:"),
            ("❤️", ":heart:"),
            ("🇩🇪", ":flag_de:"),
            ("🎉", ":tada:"),
            (":eyes:", ":eyes:"),
        ] {
            assert_eq!(read(key, None), Key::Emoji(expected.to_owned()), "{key}");
        }
        assert_eq!(read("mxc://x/y", Some(":blobcat:")), Key::Named(":blobcat:".to_owned()));
        assert_eq!(read(":blobcat:", None), Key::Named(":blobcat:".to_owned()));
        assert_eq!(read("mxc://x/y", None), Key::Text("an image".to_owned()));
        assert_eq!(read("me too @all", None), Key::Text("me too ＠all".to_owned()));
    }

    #[test]
    fn reactions_come_back() {
        for code in [":thumbsup:", ":thumbsup_tone5:", ":heart:", ":flag_fr:", ":100:", ":tada:"] {
            assert_eq!(read(&reaction_to_matrix(code), None), Key::Emoji(code.to_owned()));
        }
        assert_eq!(reaction_to_matrix(":blobcat:"), ":blobcat:");
    }

    #[test]
    fn relations_are_read() {
        let reply = json!({ "m.relates_to": { "m.in_reply_to": { "event_id": "$a" } } });
        assert_eq!(Relation::of(&reply), Relation { answered: Some("$a"), ..Relation::default() });
        let thread = json!({ "m.relates_to": {
            "rel_type": "m.thread", "event_id": "$r", "is_falling_back": true, "m.in_reply_to": { "event_id": "$a" },
        } });
        let expected = Relation { thread: Some("$r"), answered: Some("$a"), is_falling_back: true };
        assert_eq!(Relation::of(&thread), expected);
        assert_eq!(Relation::of(&json!({ "m.relates_to": 5 })), Relation::default());
    }

    #[test]
    fn a_fallback_is_what_is_quoted() {
        let content = json!({ "body": "> <@bob:x> first\n> second\n\nanswer" });
        assert_eq!(fallback(&content).as_deref(), Some("<@bob:x> first\nsecond"));
        assert_eq!(fallback(&json!({ "body": "plain" })), None);
        assert_eq!(fallback(&json!({ "body": "> <@bob:x> by hand\nanswer" })), None);
    }
}
