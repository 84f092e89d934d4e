//! Any bytes as HTML, as plain text and, where they are JSON, as the content of an event of Matrix: it is translated,
//! calls nobody, and its parts keep within their limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_federation::translate::{
    Limit, Names, Parts, RemoteEvent, caption, from_matrix, from_matrix_parts, persona, poll,
};
use serde_json::{Value, json};

/// Everybody whose name begins with an `a` is known.
struct Town;

impl Names for Town {
    fn matrix_user(&self, name: &str) -> Option<(String, String)> {
        name.starts_with('a').then(|| (format!("@{name}:a.org"), name.to_owned()))
    }

    fn rocketchat_username(&self, mxid: &str) -> Option<String> {
        mxid.strip_prefix("@a").map(|_| "alice".to_owned())
    }
}

const LIMIT: Limit = Limit { size: 120, parts: 8 };

fn check(event_type: &str, content: &Value) {
    let event = RemoteEvent { event_type, content, may_mention_room: false };
    let text = from_matrix(&event, &Town).text;
    assert!(!text.is_empty());
    for word in ["@all", "@here"] {
        let inside = |before: char| before.is_ascii_alphanumeric() || "/=".contains(before);
        assert!(text.match_indices(word).all(|(at, _)| text[..at].ends_with(inside)), "{text:?}");
    }
    if let Parts::Messages(parts) = from_matrix_parts(&event, &Town, LIMIT) {
        assert!(parts.iter().all(|part| part.text.encode_utf16().count() <= LIMIT.size));
    }
    caption(&event, &Town);
    persona(content);
    poll::vote(content);
    poll::ended(content);
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    check("m.room.message", &json!({ "msgtype": "m.text", "body": text }));
    let html = json!({ "msgtype": "m.text", "body": "-", "format": "org.matrix.custom.html", "formatted_body": text });
    check("m.room.message", &html);
    if let Ok(content) = serde_json::from_slice::<Value>(bytes) {
        for event_type in ["m.room.message", "m.sticker", "m.poll.start", "org.example.custom"] {
            check(event_type, &content);
        }
    }
});
