//! Blocks of Rocket.Chat's `UIKit` as document blocks: what Apps show instead of a text, buttons and forms included.
//!
//! Law: what can be read is said; what can only be pressed is named in brackets. A block that we do not know is the
//! texts in it.
//! Blocks: `@rocket.chat/ui-kit`.

use serde_json::Value;

use super::attachment::{address, button, list, marked_down, paragraph, text};
use super::document::{Block, Inline, Mark, lines, normalise};

/// How many blocks, or elements of one, are read.
const MAX_PARTS: usize = 100;
/// How deep parts are followed into each other.
const MAX_DEPTH: usize = 4;

/// What blocks show.
pub(super) fn blocks(parts: &[Value]) -> Vec<Block> {
    below(parts, 0)
}

fn below(parts: &[Value], depth: usize) -> Vec<Block> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    parts.iter().take(MAX_PARTS).flat_map(|part| one(part, depth)).collect()
}

fn one(part: &Value, depth: usize) -> Vec<Block> {
    match text(part, &["type"]).unwrap_or_default().as_str() {
        "divider" => vec![Block::Rule],
        "header" => vec![Block::Heading { level: 3, text: line(part.get("text")) }],
        "section" => {
            let mut out = said(part.get("text"));
            out.extend(list(part, "fields").iter().take(MAX_PARTS).flat_map(|field| said(Some(field))));
            out.extend(row(part.get("accessory").into_iter()));
            out
        }
        "context" | "actions" => row(list(part, "elements").iter()).into_iter().collect(),
        "image" => {
            let title = line(part.get("title"));
            let mut out = Vec::new();
            if !title.is_empty() {
                out.push(Block::Paragraph(title));
            }
            out.push(Block::Paragraph(vec![element(part)]));
            out
        }
        "input" => {
            let mut out = vec![Block::Paragraph(vec![Inline::Styled(Mark::Bold, line(part.get("label")))])];
            out.extend(row(part.get("element").into_iter()));
            out.extend(said(part.get("hint")));
            out
        }
        "callout" => [said(part.get("title")), said(part.get("text"))].concat(),
        "preview" => {
            let texts = ["title", "description"].into_iter().flat_map(|key| list(part, key));
            texts.flat_map(|text| said(Some(text))).chain(thumb(part)).collect()
        }
        "video_conf" => vec![paragraph("[video call, which can be joined on Rocket.Chat only]".to_owned())],
        "conditional" => below(list(part, "render"), depth + 1),
        _ => {
            let mut found = Vec::new();
            gather(part, &mut found, 0);
            found.into_iter().map(paragraph).collect()
        }
    }
}

fn thumb(part: &Value) -> Option<Block> {
    let href = text(part, &["/thumb/url"])?;
    Some(Block::Paragraph(vec![address(href, "image")]))
}

/// A text object, formatted or not.
fn said(object: Option<&Value>) -> Vec<Block> {
    let Some(object) = object else { return Vec::new() };
    let Some(said) = text(object, &["text"]).or_else(|| object.as_str().map(str::to_owned)) else {
        return Vec::new();
    };
    match text(object, &["type"]).as_deref() {
        Some("mrkdwn") => marked_down(&said),
        _ => vec![paragraph(said)],
    }
}

/// The same on one line.
fn line(object: Option<&Value>) -> Vec<Inline> {
    let mut out = Vec::new();
    for line in lines(said(object)) {
        if !out.is_empty() {
            out.push(Inline::Text(" ".to_owned()));
        }
        out.extend(line);
    }
    normalise(out)
}

/// Elements side by side.
fn row<'a>(elements: impl Iterator<Item = &'a Value>) -> Option<Block> {
    let mut out = Vec::new();
    for element_of in elements.take(MAX_PARTS).filter(|it| it.is_object()) {
        if !out.is_empty() {
            out.push(Inline::Text(" ".to_owned()));
        }
        match text(element_of, &["type"]).as_deref() {
            Some("mrkdwn" | "plain_text") => out.extend(line(Some(element_of))),
            _ => out.push(element(element_of)),
        }
    }
    (!out.is_empty()).then(|| Block::Paragraph(normalise(out)))
}

/// A button, a picture or something to choose or fill in.
fn element(part: &Value) -> Inline {
    let label = |keys: &[&str]| text(part, keys).map(|it| super::content::short(&it));
    match text(part, &["type"]).unwrap_or_default().as_str() {
        "button" => button(
            &label(&["/text/text", "text"]).unwrap_or_else(|| "button".to_owned()),
            text(part, &["url"]),
        ),
        "image" => {
            let word = label(&["altText", "alt_text"]).unwrap_or_else(|| "image".to_owned());
            address(text(part, &["imageUrl", "image_url", "url"]).unwrap_or_default(), &word)
        }
        _ => {
            let asked = label(&["/placeholder/text", "placeholder", "/text/text"]);
            let filled = label(&["initialValue", "initialDate", "value"]);
            let options: Vec<String> = list(part, "options")
                .iter()
                .take(MAX_PARTS)
                .filter_map(|option| text(option, &["/text/text", "text"]))
                .map(|option| super::content::short(&option))
                .collect();
            let chosen = (!options.is_empty()).then(|| options.join(" / "));
            let told: Vec<String> = [asked, filled, chosen].into_iter().flatten().collect();
            Inline::Text(if told.is_empty() { "[…]".to_owned() } else { format!("[{}]", told.join(": ")) })
        }
    }
}

/// The texts in a part that we do not know.
fn gather(part: &Value, found: &mut Vec<String>, depth: usize) {
    if depth > 2 * MAX_DEPTH || found.len() >= MAX_PARTS {
        return;
    }
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, found, depth + 1)),
        Value::Object(fields) => {
            found.extend(text(part, &["text"]));
            let deeper = fields.values().filter(|value| value.is_array() || value.is_object());
            deeper.for_each(|part| gather(part, found, depth + 1));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
