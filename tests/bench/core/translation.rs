//! The translation as it is measured: texts in, texts out, nobody known by name.

use serde_json::Value;

use crate::translate::{self, LocalText, Names, RemoteEvent};

struct Nobody;

impl Names for Nobody {
    fn matrix_user(&self, _: &str) -> Option<(String, String)> {
        None
    }

    fn rocketchat_username(&self, _: &str) -> Option<String> {
        None
    }
}

/// The content of a Matrix event for a text of Rocket.Chat, with its tree as JSON or without.
pub fn to_matrix(text: &str, md: Option<&str>) -> String {
    let md = md.and_then(|md| serde_json::from_str::<Value>(md).ok());
    translate::to_matrix(&LocalText { text, md: md.as_ref() }, &Nobody).content().to_string()
}

/// Rocket.Chat's text for the content of a Matrix event.
pub fn from_matrix(content: &str) -> String {
    let content = serde_json::from_str::<Value>(content).unwrap_or_default();
    let event = RemoteEvent { event_type: "m.room.message", content: &content, may_mention_room: false };
    translate::from_matrix(&event, &Nobody).text
}
