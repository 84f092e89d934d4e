//! One line of `cargo run --example translate`: what is asked, and the answer.

use matrix_federation::translate::{
    Kind, Limit, LocalParts, LocalText, MatrixText, Names, Parts, RemoteEvent, RocketChatText,
    from_matrix_parts, persona, poll, quotes, to_matrix_parts,
};
use serde_json::{Value, json};

/// The answer to a line, always an object.
pub(crate) fn answer(line: &[u8]) -> Value {
    let asked = serde_json::from_slice::<Value>(line).map_err(|why| why.to_string());
    asked.and_then(|asked| answered(&asked)).unwrap_or_else(|why| json!({ "error": why }))
}

fn answered(asked: &Value) -> Result<Value, String> {
    let message =
        asked.get("message").filter(|it| it.is_object()).ok_or("a line has a `message`, an object")?;
    match asked.get("direction").and_then(Value::as_str) {
        Some("to-matrix") => to_matrix(asked, message),
        Some("from-matrix") => from_matrix(asked, message),
        _ => Err("the direction is to-matrix or from-matrix".to_owned()),
    }
}

fn to_matrix(asked: &Value, message: &Value) -> Result<Value, String> {
    let text = message.get("text").or_else(|| message.get("msg")).unwrap_or(&Value::Null);
    let text = if text.is_null() { Some("") } else { text.as_str() };
    let text = text.ok_or("the `text` of a message is a text")?;
    let list = |key| message.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let found = quotes(text, message.get("md"));
    let less = (asked.get("quotes") == Some(&Value::Bool(true))).then_some(&found);
    let local = LocalParts {
        text: match less {
            Some(quotes) => LocalText { text: &quotes.text, md: quotes.md.as_ref() },
            None => LocalText { text, md: message.get("md") },
        },
        attachments: list("attachments"),
        blocks: list("blocks"),
        replied: less.map_or(&[], |quotes| &quotes.ids),
    };
    let limit = Limit { size: 60_000, parts: 5 };
    let parts = to_matrix_parts(&local, &Told(asked), limited(asked, limit));
    let shown = |text: &MatrixText| json!({ "content": text.content() });
    let mut answer = in_parts(parts, shown);
    if let (Some(quotes), Some(answer)) = (less, answer.as_object_mut()) {
        answer.insert("quotes".to_owned(), json!(quotes.ids));
    }
    Ok(answer)
}

fn from_matrix(asked: &Value, message: &Value) -> Result<Value, String> {
    let event = RemoteEvent {
        event_type: message.get("type").and_then(Value::as_str).unwrap_or("m.room.message"),
        content: message.get("content").ok_or("an event has a `content`")?,
        may_mention_room: asked.get("may_mention_room") == Some(&Value::Bool(true)),
    };
    if asked.get("votes").is_some() || asked.get("ended").is_some() {
        let votes = asked.get("votes").cloned().unwrap_or_else(|| json!([]));
        let votes: Vec<(String, Vec<String>)> =
            serde_json::from_value(votes).map_err(|why| why.to_string())?;
        return Ok(
            json!({ "text": poll::shown(event.content, &votes, asked.get("ended") == Some(&Value::Bool(true))) }),
        );
    }
    let limit = Limit { size: usize::MAX, parts: 5 };
    let parts = from_matrix_parts(&event, &Told(asked), limited(asked, limit));
    let shown = |text: &RocketChatText| json!({ "kind": kind(text.kind), "text": text.text });
    let mut answer = in_parts(parts, shown);
    if let (Some(persona), Some(answer)) = (persona(event.content), answer.as_object_mut()) {
        answer.insert("persona".to_owned(), json!({ "name": persona.name, "avatar": persona.avatar }));
    }
    Ok(answer)
}

fn limited(asked: &Value, other: Limit) -> Limit {
    let number = |key| asked.get(key).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    Limit { size: number("limit").unwrap_or(other.size), parts: number("parts").unwrap_or(other.parts) }
}

fn in_parts<T>(parts: Parts<T>, shown: impl Fn(&T) -> Value) -> Value {
    match parts {
        Parts::File => json!({ "as": "file" }),
        Parts::Messages(messages) => match messages.as_slice() {
            [one] => shown(one),
            all => json!({ "parts": all.iter().map(shown).collect::<Vec<_>>() }),
        },
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Emote => "emote",
        Kind::Notice => "notice",
        Kind::Image => "image",
        Kind::File => "file",
        Kind::Audio => "audio",
        Kind::Video => "video",
        Kind::Location => "location",
        Kind::Sticker => "sticker",
        Kind::Poll => "poll",
        Kind::Encrypted => "encrypted",
        Kind::Unknown => "unknown",
    }
}

/// Who is who, as the line tells it.
struct Told<'a>(&'a Value);

impl Told<'_> {
    /// An id and a name.
    fn named(&self, of: &str, name: &str) -> Option<(String, String)> {
        let named = self.0.get("names")?.get(of)?.get(name)?;
        let id = named.get("id")?.as_str()?;
        Some((id.to_owned(), named.get("name").and_then(Value::as_str).unwrap_or(name).to_owned()))
    }

    /// The name of an id.
    fn name(&self, of: &str, id: &str) -> Option<String> {
        let all = self.0.get("names")?.get(of)?.as_object()?;
        all.iter()
            .find(|(_, named)| named.get("id").and_then(Value::as_str) == Some(id))
            .map(|(name, _)| name.clone())
    }
}

impl Names for Told<'_> {
    fn matrix_user(&self, rocketchat_username: &str) -> Option<(String, String)> {
        self.named("users", rocketchat_username)
    }

    fn rocketchat_username(&self, mxid: &str) -> Option<String> {
        self.name("users", mxid)
    }

    fn is_here(&self, mxid: &str) -> bool {
        let here = self.0.get("here").and_then(Value::as_array);
        here.is_none_or(|here| here.iter().any(|it| it == mxid))
    }

    fn matrix_room(&self, rocketchat_channel: &str) -> Option<(String, String)> {
        self.named("rooms", rocketchat_channel)
    }

    fn rocketchat_channel(&self, room: &str) -> Option<String> {
        self.name("rooms", room)
    }
}
