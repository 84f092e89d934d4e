//! What an edit says: the new text, and for those who do not know edits the same after an asterisk.
//!
//! Law: an edit calls nobody whom the text before it called already, and that of the longest text fits into an event.
//! <https://spec.matrix.org/v1.18/client-server-api/#event-replacements>

use serde_json::{Value, json};

use super::{CUT, MatrixText, Mentions, content};

/// The most of a text that is said twice, in bytes. Clients that know edits never show the second.
const FALLBACK: usize = 4 * 1024;

impl MatrixText {
    /// The content of an event that gives another event this text, whose text so far mentioned these.
    pub fn replacing(&self, event: &str, before: &Mentions) -> Value {
        let fallback = Self {
            body: format!("* {}", shortened(&self.body)),
            formatted_body: self
                .formatted_body
                .as_ref()
                .filter(|it| it.len() <= FALLBACK)
                .map(|it| format!("* {it}")),
            mentions: self.mentions.beyond(before),
            ..self.clone()
        };
        let mut content = fallback.content();
        if let Some(content) = content.as_object_mut() {
            content.insert("m.new_content".to_owned(), self.content());
            content.insert("m.relates_to".to_owned(), json!({ "rel_type": "m.replace", "event_id": event }));
        }
        content
    }
}

impl Mentions {
    /// Whom the text of a message event mentions; of an edit, its new text.
    pub fn of(content: &Value) -> Self {
        content::mentions(content.get("m.new_content").unwrap_or(content))
    }

    /// Whom these or others mention.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.users.extend(others.beyond(&self).users);
        Self { room: self.room || others.room, ..self }
    }

    /// Whom these mention and others do not.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Self {
        Self {
            users: self.users.iter().filter(|it| !before.users.contains(it)).cloned().collect(),
            room: self.room && !before.room,
        }
    }
}

/// The event whose text a content replaces, if it is an edit that says a new text.
pub fn replaced(content: &Value) -> Option<&str> {
    let relation = content.get("m.relates_to")?;
    let is_edit = relation.get("rel_type")?.as_str() == Some("m.replace");
    let says_so = content.get("m.new_content").is_some_and(Value::is_object);
    relation.get("event_id")?.as_str().filter(|_| is_edit && says_so)
}

fn shortened(body: &str) -> String {
    if body.len() <= FALLBACK {
        return body.to_owned();
    }
    format!("{}{CUT}", body.get(..body.floor_char_boundary(FALLBACK)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str, html: Option<&str>, users: &[&str]) -> MatrixText {
        MatrixText {
            emote: false,
            body: body.to_owned(),
            formatted_body: html.map(str::to_owned),
            mentions: Mentions { users: users.iter().map(|it| (*it).to_owned()).collect(), room: true },
        }
    }

    #[test]
    fn an_edit_says_the_new_text_and_a_fallback() {
        let new = text("b", Some("<b>b</b>"), &["@a:x", "@b:x"]);
        let before = Mentions { users: vec!["@a:x".to_owned()], room: true };
        let content = new.replacing("$e", &before);
        assert_eq!(
            content,
            json!({
                "msgtype": "m.text",
                "body": "* b",
                "format": "org.matrix.custom.html",
                "formatted_body": "* <b>b</b>",
                "m.mentions": { "user_ids": ["@b:x"] },
                "m.new_content": {
                    "msgtype": "m.text",
                    "body": "b",
                    "format": "org.matrix.custom.html",
                    "formatted_body": "<b>b</b>",
                    "m.mentions": { "user_ids": ["@a:x", "@b:x"], "room": true },
                },
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$e" },
            })
        );
        assert_eq!(Mentions::of(&content), new.mentions);
        assert_eq!(replaced(&content), Some("$e"));
    }

    #[test]
    fn an_edit_of_the_longest_text_fits_into_an_event() {
        let long = text(&"\u{1f600}".repeat(5_000), Some(&"\u{1f600}".repeat(5_000)), &[]);
        let content = long.replacing("$e", &Mentions::default());
        assert!(content.to_string().len() < 60 * 1024, "{}", content.to_string().len());
        assert!(content["body"].as_str().is_some_and(|it| it.ends_with(CUT)));
        assert_eq!(content["m.new_content"]["body"], long.body);
    }

    #[test]
    fn what_says_no_new_text_is_no_edit() {
        for content in [
            json!({ "body": "x" }),
            json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": "$e" } }),
            json!({ "m.relates_to": { "rel_type": "m.thread", "event_id": "$e" }, "m.new_content": {} }),
            json!({ "m.relates_to": { "rel_type": "m.replace" }, "m.new_content": {} }),
            json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": "$e" }, "m.new_content": "x" }),
        ] {
            assert_eq!(replaced(&content), None, "{content}");
        }
    }
}
