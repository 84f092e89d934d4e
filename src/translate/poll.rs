//! Polls as text that is kept current: the question, the answers with their votes, and how it stands.
//!
//! Law: a vote counts as Matrix counts it: each person's last one, no more of its answers than are allowed, and not at all
//! if one of these is not known.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/3381>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Names;
use super::content::{extensible, string};
use super::document::{Block, Document, Inline, Item, Marker};
use super::markdown_write::{self, Manner};

/// The most answers that a poll may have.
const MAX_ANSWERS: usize = 20;

/// How long an answer's id may be that a vote names, in characters.
const MAX_ID: usize = 100;

/// A poll in Rocket.Chat Markdown, as the votes stand: who (by Matrix id) gave which answers (by id), in their order.
pub fn shown(start: &Value, votes: &[(String, Vec<String>)], is_ended: bool) -> String {
    let manner = Manner { names: &Nobody, everyone: false, emote: false, meant: None, quoting: false };
    markdown_write::write(document(super::content::newest(start), votes, is_ended), manner)
}

/// The poll that a response is a vote in, and its answers by id; none of them takes the vote back.
pub fn vote(content: &Value) -> Option<(&str, Vec<String>)> {
    let answers = content
        .get("m.selections")
        .or_else(|| content.pointer("/m.poll.response/answers"))
        .or_else(|| content.pointer("/org.matrix.msc3381.poll.response/answers"))?;
    let answers = answers.as_array()?.iter().filter_map(Value::as_str).take(MAX_ANSWERS);
    // One that is longer is no answer, and neither is what is left of it.
    let answers = answers.map(|it| it.chars().take(MAX_ID).collect());
    Some((referred(content)?, answers.collect()))
}

/// The poll that an event ends; whether its sender may do that is for the caller.
pub fn ended(content: &Value) -> Option<&str> {
    let is_end = ["m.poll.end", "org.matrix.msc3381.poll.end"].iter().any(|key| content.get(*key).is_some());
    referred(content).filter(|_| is_end || content.get("m.poll.results").is_some())
}

fn referred(content: &Value) -> Option<&str> {
    let relation = content.get("m.relates_to")?;
    let is_reference = relation.get("rel_type")?.as_str() == Some("m.reference");
    relation.get("event_id")?.as_str().filter(|_| is_reference)
}

pub(super) fn document(start: &Value, votes: &[(String, Vec<String>)], is_ended: bool) -> Document {
    let poll = ["m.poll", "m.poll.start", "org.matrix.msc3381.poll.start"];
    let poll = poll.iter().find_map(|key| start.get(*key)).unwrap_or(&Value::Null);
    let answers = poll.get("answers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let answers: Vec<(&str, String)> =
        answers.iter().take(MAX_ANSWERS).map(|answer| (id(answer), extensible(answer))).collect();
    let most = poll.get("max_selections").and_then(Value::as_u64).unwrap_or(1).max(1);
    let most = usize::try_from(most).unwrap_or(MAX_ANSWERS);
    let tally = Tally::of(&answers, most, votes);
    let is_open =
        string(poll, "kind").ends_with("disclosed") && !string(poll, "kind").ends_with("undisclosed");
    let tells = !tally.is_empty() && (is_ended || is_open);
    let question = extensible(poll.get("question").unwrap_or(&Value::Null));
    let lead = format!("[{}] {question}", if is_ended { "poll, ended" } else { "poll" });
    let text = |text: String| vec![Inline::Text(text)];
    let items = answers.into_iter().zip(1..).map(|((id, answer), number)| {
        let told = if tells { format!(" ({})", counted(tally.of_answer(id), "vote")) } else { String::new() };
        Item { marker: Marker::Number(number), text: text(format!("{answer}{told}")), below: Vec::new() }
    });
    let items: Vec<Item> = items.collect();
    let mut blocks = vec![Block::Paragraph(text(lead.trim_end().to_owned()))];
    if !items.is_empty() {
        blocks.push(Block::List(items));
    }
    blocks.push(Block::Paragraph(text(state(tally.people, most, is_ended, is_open))));
    Document { blocks }
}

/// How the poll stands and how to take part.
fn state(people: usize, most: usize, is_ended: bool, is_open: bool) -> String {
    let voted = match people {
        0 => "Nobody has voted".to_owned(),
        people => format!("{} voted", counted(people, "person")),
    };
    if is_ended {
        return format!("{voted}.");
    }
    let many = if most > 1 { format!(", up to {most} answers each") } else { String::new() };
    let later = if is_open { "" } else { "; the result is shown when the poll ends" };
    format!("{voted} so far. Votes are cast on Matrix{many}{later}.")
}

fn counted(number: usize, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "person") => format!("{number} people"),
        (number, what) => format!("{number} {what}s"),
    }
}

fn id(answer: &Value) -> &str {
    match string(answer, "m.id") {
        "" => string(answer, "id"),
        id => id,
    }
}

/// The votes as they count.
struct Tally<'a> {
    answers: BTreeMap<&'a str, usize>,
    people: usize,
}

impl<'a> Tally<'a> {
    fn of(answers: &[(&str, String)], most: usize, votes: &'a [(String, Vec<String>)]) -> Self {
        let last: BTreeMap<&str, &[String]> =
            votes.iter().map(|(who, chosen)| (who.as_str(), chosen.as_slice())).collect();
        let mut tally = Self { answers: BTreeMap::new(), people: 0 };
        for chosen in last.values() {
            let chosen = || chosen.iter().take(most).map(String::as_str);
            let is_known = |chosen: &str| answers.iter().any(|(id, _)| *id == chosen);
            let counted: BTreeSet<&str> = chosen().filter(|_| chosen().all(is_known)).collect();
            tally.people += usize::from(!counted.is_empty());
            for chosen in counted {
                *tally.answers.entry(chosen).or_default() += 1;
            }
        }
        tally
    }

    fn is_empty(&self) -> bool {
        self.people == 0
    }

    fn of_answer(&self, id: &str) -> usize {
        self.answers.get(id).copied().unwrap_or_default()
    }
}

struct Nobody;

impl Names for Nobody {
    fn matrix_user(&self, _: &str) -> Option<(String, String)> {
        None
    }

    fn rocketchat_username(&self, _: &str) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cast(votes: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let owned = |chosen: &&[&str]| chosen.iter().map(|it| (*it).to_owned()).collect();
        votes.iter().map(|(who, chosen)| ((*who).to_owned(), owned(chosen))).collect()
    }

    fn lunch(kind: &str, most: u64) -> Value {
        json!({ "org.matrix.msc3381.poll.start": {
            "question": { "org.matrix.msc1767.text": "Lunch, @all?" },
            "kind": kind, "max_selections": most,
            "answers": [
                { "id": "p", "org.matrix.msc1767.text": "Pizza" },
                { "id": "s", "org.matrix.msc1767.text": "*Soup*" },
            ],
        } })
    }

    #[test]
    fn the_last_vote_of_each_counts() {
        let votes = cast(&[
            ("@a:x", &["p"]),
            ("@b:x", &["p", "s"]),
            ("@a:x", &["s"]),
            ("@c:x", &["q"]),
            ("@d:x", &[]),
            ("@e:x", &["q", "s"]),
        ]);
        assert_eq!(
            shown(&lunch("org.matrix.msc3381.poll.disclosed", 1), &votes, false),
            "[poll] Lunch, @\u{200B}all?\n1. Pizza (1 vote)\n2. \\*Soup\\* (1 vote)\n\
             2 people voted so far. Votes are cast on Matrix."
        );
        assert_eq!(
            shown(&lunch("m.disclosed", 2), &votes, true),
            "[poll, ended] Lunch, @\u{200B}all?\n1. Pizza (1 vote)\n2. \\*Soup\\* (2 votes)\n2 people voted."
        );
    }

    #[test]
    fn a_secret_poll_tells_its_votes_at_the_end() {
        let votes = cast(&[("@a:x", &["p"])]);
        let open = shown(&lunch("m.undisclosed", 1), &votes, false);
        assert!(open.contains("1. Pizza\n") && open.contains("1 person voted so far"), "{open}");
        let ended = shown(&lunch("m.undisclosed", 1), &votes, true);
        assert!(ended.contains("1. Pizza (1 vote)\n") && ended.ends_with("1 person voted."), "{ended}");
    }

    #[test]
    fn votes_and_ends_name_their_poll() {
        let related = |rel: &str| json!({ "rel_type": rel, "event_id": "$p" });
        let old = json!({ "m.relates_to": related("m.reference"), "org.matrix.msc3381.poll.response": { "answers": ["p", 1] } });
        assert_eq!(vote(&old), Some(("$p", vec!["p".to_owned()])));
        let new = json!({ "m.relates_to": related("m.reference"), "m.selections": [] });
        assert_eq!(vote(&new), Some(("$p", vec![])));
        assert_eq!(vote(&json!({ "m.relates_to": related("m.thread"), "m.selections": [] })), None);
        assert_eq!(vote(&json!({})), None);
        assert_eq!(ended(&json!({ "m.relates_to": related("m.reference"), "m.poll.end": {} })), Some("$p"));
        assert_eq!(ended(&new), None);
    }
}
