//! Any bytes as a message of Rocket.Chat, with attachments and blocks where what follows the first line is JSON: it is translated, its parts
//! keep within their limit, and what it becomes can be read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_federation::translate::{
    Limit, LocalParts, LocalText, MatrixText, Names, Parts, RemoteEvent, from_matrix, quotes,
    to_matrix_parts,
};
use serde_json::Value;

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

const LIMIT: Limit = Limit { size: 700, parts: 8 };

fuzz_target!(|bytes: &[u8]| {
    let all = String::from_utf8_lossy(bytes);
    let (text, json) = all.split_once('\n').unwrap_or((&all, &all));
    let value = serde_json::from_str::<Value>(json).unwrap_or_default();
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    let md = value.get("md").or(Some(&value)).filter(|it| it.is_array());
    let quotes = quotes(text, md);
    let message = LocalParts {
        text: LocalText { text, md },
        attachments: list,
        blocks: list,
        replied: &quotes.ids,
    };
    if let Parts::Messages(parts) = to_matrix_parts(&message, &Town, LIMIT) {
        for content in parts.iter().map(MatrixText::content) {
            assert!(content.to_string().len() <= LIMIT.size);
            let event =
                RemoteEvent { event_type: "m.room.message", content: &content, may_mention_room: false };
            assert!(!from_matrix(&event, &Town).text.is_empty());
        }
    }
});
