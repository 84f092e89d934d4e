//! A local quote on its way to Matrix, where it is a reply.
//!
//! Rocket.Chat writes a quote as links without a label at the beginning of the text, and shows what they lead to beside
//! it. The last of them that Matrix knows is what is replied to. What Matrix does not know stands in the text, as far as
//! Rocket.Chat shows it to everybody in the room: never what only the sender may see.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#rich-replies>

use serde_json::Value;

use super::ledger;
use crate::facts::Message;
use crate::translate::{self, Quotes};
use crate::view::{Missing, View, each};

/// The events of the messages that a message quotes, in order; none where Matrix does not have one.
pub(super) fn events(view: &View, message: &Message) -> Result<Vec<Option<String>>, Missing> {
    each(translate::quotes(&message.text, None).ids, |id| ledger::event(view, &message.room, &id))
}

/// What a message says besides what it replies to, whose events are known, and the same as Rocket.Chat parsed it.
pub(super) fn words(message: &Message, events: &[Option<String>]) -> (String, Option<Value>) {
    let md = message.md.as_deref().and_then(|md| serde_json::from_str(md).ok());
    let Quotes { ids, links, text, md } = translate::quotes(&message.text, md.as_ref());
    let answered = events.iter().rposition(Option::is_some).filter(|_| !text.is_empty());
    let others = ids.iter().enumerate().filter(|(at, _)| Some(*at) != answered);
    let others: String = others.filter_map(|(_, id)| block(message, id)).collect();
    if !others.is_empty() {
        (others + &text, None)
    } else if text.is_empty() {
        (links.join("\n"), None)
    } else {
        (text, md)
    }
}

/// A quoted message in words.
fn block(message: &Message, id: &str) -> Option<String> {
    let quote = message.quotes.iter().find(|it| translate::linked(&it.link) == Some(id))?;
    let said = format!("*{}*: {}", quote.author, translate::quotes(&quote.text, None).text);
    Some(format!("{}\n", marked(&said)))
}

/// A text as a quote: each line of it marked.
pub(super) fn marked(text: &str) -> String {
    text.lines().flat_map(|line| ["> ", line, "\n"]).collect()
}
