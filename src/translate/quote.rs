//! Quotes as Rocket.Chat writes them: links to messages, without a text of their own, before what is said.
//!
//! Law: only what stands at the very beginning and shows nothing is taken off; a link that somebody can see stays.

use serde_json::Value;

/// The most messages that one message quotes.
const MAX_QUOTES: usize = 20;

/// A message without the links that make it a quote of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotes {
    /// The messages quoted, by id, in their order.
    pub ids: Vec<String>,
    /// The links that lead there.
    pub links: Vec<String>,
    /// The text without the links.
    pub text: String,
    /// The parsed text without them.
    pub md: Option<Value>,
}

/// Finds and takes off the links `[ ](https://host/channel/x?msg=ID)` at the beginning of a message.
pub fn quotes(text: &str, md: Option<&Value>) -> Quotes {
    let (mut ids, mut links) = (Vec::new(), Vec::new());
    let mut rest = text;
    while ids.len() < MAX_QUOTES
        && let Some((href, id, after)) = link(rest)
    {
        links.push(href.to_owned());
        ids.push(id.to_owned());
        rest = after;
    }
    if ids.is_empty() {
        return Quotes { ids, links, text: text.to_owned(), md: md.cloned() };
    }
    // White space between the links and what is said belongs to neither; before a block it would mean something.
    let text = rest.trim_start_matches([' ', '\t']);
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    Quotes { ids, links, text: text.to_owned(), md: md.map(unlinked) }
}

/// The message that a permanent link leads to: its `msg` parameter.
pub fn linked(href: &str) -> Option<&str> {
    let (address, query) = href.split_once('?')?;
    let is_site = address.starts_with("http://") || address.starts_with("https://");
    let query = query.split('#').next()?;
    let id = query.split('&').find_map(|pair| pair.strip_prefix("msg="))?;
    let is_id = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '~' | '$');
    (is_site && !id.is_empty() && id.len() <= 255 && id.chars().all(is_id)).then_some(id)
}

/// A link of that shape at the beginning, the message it leads to, and what is behind it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let inside =
        text.trim_start().strip_prefix('[')?.trim_start_matches([' ', '\u{a0}']).strip_prefix("](")?;
    let (href, after) = inside.split_once(')')?;
    (!href.contains(char::is_whitespace)).then_some(())?;
    Some((href, linked(href)?, after))
}

/// The tree without such links at its beginning, and without what white space is left there.
fn unlinked(md: &Value) -> Value {
    let mut blocks: &[Value] = md.as_array().map_or(&[], Vec::as_slice);
    while let Some((first, others)) = blocks.split_first() {
        let nodes = first.get("value").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let kind = first.get("type").and_then(Value::as_str);
        let links = nodes.iter().take_while(|node| is_link(node) || is_blank(node)).count();
        if kind == Some("LINE_BREAK") || (kind == Some("PARAGRAPH") && links == nodes.len()) {
            blocks = others;
            continue;
        }
        if kind != Some("PARAGRAPH") || links == 0 {
            break;
        }
        let mut kept: Vec<Value> = nodes.iter().skip(links).cloned().collect();
        if let Some(Value::String(text)) = kept.first_mut().and_then(|node| node.get_mut("value")) {
            *text = text.trim_start().to_owned();
        }
        let mut paragraph = first.clone();
        if let Some(value) = paragraph.get_mut("value") {
            *value = Value::Array(kept);
        }
        return Value::Array(std::iter::once(paragraph).chain(others.iter().cloned()).collect());
    }
    Value::Array(blocks.to_vec())
}

fn is_link(node: &Value) -> bool {
    let href = node.pointer("/value/src/value").and_then(Value::as_str);
    let label = node.pointer("/value/label");
    let shown = match label {
        Some(Value::Array(parts)) => parts.iter().all(is_blank),
        Some(part) => is_blank(part),
        None => true,
    };
    node.get("type").and_then(Value::as_str) == Some("LINK")
        && shown
        && href.is_some_and(|it| linked(it).is_some())
}

fn is_blank(node: &Value) -> bool {
    node.get("value").and_then(Value::as_str).is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_are_found_and_taken_off() {
        let quoted = |text: &str| {
            let Quotes { ids, text, .. } = quotes(text, None);
            (ids.join(" "), text)
        };
        let is = |ids: &str, text: &str| (ids.to_owned(), text.to_owned());
        for (text, expected) in [
            ("[ ](https://rc.example/channel/general?msg=abc) yes", is("abc", "yes")),
            ("[ ](https://rc.example/a/b/group/x?msg=abc)\nyes", is("abc", "yes")),
            (
                "[ ](http://localhost:3000/direct/r1?msg=a)\n[ ](http://localhost:3000/direct/r1?msg=b)\n> yes",
                is("a b", "> yes"),
            ),
            ("[ ](https://rc.example/channel/x?tab=thread&msg=abc#top)  \n\nyes", is("abc", "\nyes")),
            ("[ ](https://rc.example/channel/general?msg=abc)", is("abc", "")),
            ("[](https://rc.example/channel/general?msg=abc) yes", is("abc", "yes")),
            (
                "see [ ](https://rc.example/channel/general?msg=abc)",
                is("", "see [ ](https://rc.example/channel/general?msg=abc)"),
            ),
            (
                "[seen](https://rc.example/channel/general?msg=abc) no",
                is("", "[seen](https://rc.example/channel/general?msg=abc) no"),
            ),
            (
                "[ ](https://rc.example/channel/general) no",
                is("", "[ ](https://rc.example/channel/general) no"),
            ),
            ("[ ](javascript:alert?msg=abc) no", is("", "[ ](javascript:alert?msg=abc) no")),
            ("[ ](https://rc.example/x?msg=) no", is("", "[ ](https://rc.example/x?msg=) no")),
            ("[ ](https://rc.example/x?msg=a/b) no", is("", "[ ](https://rc.example/x?msg=a/b) no")),
            ("[ ](https://rc.example/x?msg=a", is("", "[ ](https://rc.example/x?msg=a")),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn the_tree_loses_the_same_links() {
        let plain = |text: &str| json!({ "type": "PLAIN_TEXT", "value": text });
        let link = json!({ "type": "LINK", "value": { "src": plain("https://rc.example/channel/x?msg=abc"), "label": [plain(" ")] } });
        let bold = json!({ "type": "BOLD", "value": [plain("b")] });
        let text = "[ ](https://rc.example/channel/x?msg=abc) yes *b*";
        let md = json!([{ "type": "PARAGRAPH", "value": [link, plain(" yes "), bold] }]);
        let less = json!([{ "type": "PARAGRAPH", "value": [plain("yes "), bold] }]);
        assert_eq!(quotes(text, Some(&md)).md, Some(less));
        let md = json!([
            { "type": "PARAGRAPH", "value": [link] },
            { "type": "LINE_BREAK" },
            { "type": "HEADING", "level": 1, "value": [plain("h")] },
        ]);
        let less = json!([{ "type": "HEADING", "level": 1, "value": [plain("h")] }]);
        assert_eq!(quotes(text, Some(&md)).md, Some(less));
        assert_eq!(quotes("no", Some(&md)).md, Some(md));
        assert_eq!(quotes(text, Some(&json!("odd"))).md, Some(json!([])));
    }
}
