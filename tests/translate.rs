//! Translation, held against a corpus that people can read and against properties that always hold.
//!
//! `tests/translate/to_matrix.json` and `from_matrix.json` hold the cases, `md.json` what Rocket.Chat's own parser
//! makes of each text in them (`node tests/translate/md.mjs` makes it anew). Every text is translated twice, from that
//! tree and by our own parser, and both must say the same. `whole.json` holds messages with all that may come along.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)] // A test may panic: that is how it fails.

#[path = "translate/laws.rs"]
mod laws;
#[path = "translate/play/lines.rs"]
mod lines;
#[path = "translate/whole.rs"]
mod whole;

use std::collections::BTreeMap;

use matrix_federation::translate::{LocalText, Names, RemoteEvent, from_matrix, to_matrix};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Alice, Bob and a channel; see the top of the corpus.
struct Town;

impl Names for Town {
    fn matrix_user(&self, name: &str) -> Option<(String, String)> {
        match name {
            "alice" => Some(("@rc_alice:rc.example".to_owned(), "Alice".to_owned())),
            "bob:matrix.example" => Some(("@bob:matrix.example".to_owned(), "Bob".to_owned())),
            _ => None,
        }
    }

    fn rocketchat_username(&self, id: &str) -> Option<String> {
        match id {
            "@rc_alice:rc.example" => Some("alice".to_owned()),
            "@bob:matrix.example" => Some("bob:matrix.example".to_owned()),
            _ => None,
        }
    }

    fn matrix_room(&self, channel: &str) -> Option<(String, String)> {
        (channel == "general").then(|| ("#general:rc.example".to_owned(), "#general".to_owned()))
    }

    fn rocketchat_channel(&self, room: &str) -> Option<String> {
        (room == "#general:rc.example").then(|| "general".to_owned())
    }
}

fn corpus(text: &str) -> Vec<Value> {
    serde_json::from_str::<Vec<Value>>(text).unwrap()
}

/// What Rocket.Chat's own parser makes of every text of the corpus; `md.mjs` makes it anew.
fn parsed() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("translate/md.json")).unwrap()
}

fn outgoing(text: &str, md: Option<&Value>) -> Value {
    to_matrix(&LocalText { text, md }, &Town).content()
}

/// An event of Matrix in Rocket.Chat's words; its content is JSON, its text alone a plain message.
fn incoming(case: &Value) -> String {
    let event_type = case["type"].as_str().unwrap_or("m.room.message");
    let may_mention_room = case["may_mention_room"] == true;
    let content = match (&case["html"], &case["plain"]) {
        (Value::String(html), _) => formatted(html),
        (_, Value::String(body)) => json!({ "msgtype": "m.text", "body": body }),
        _ => case["content"].clone(),
    };
    from_matrix(&RemoteEvent { event_type, content: &content, may_mention_room }, &Town).text
}

fn formatted(html: &str) -> Value {
    json!({ "msgtype": "m.text", "body": "-", "format": "org.matrix.custom.html", "formatted_body": html })
}

/// The short form in which the corpus writes content.
fn shortened(content: &Value) -> Value {
    let mut short = json!({ "body": content["body"] });
    if let Some(html) = content.get("formatted_body") {
        short["html"] = html.clone();
    }
    if content["msgtype"] == "m.emote" {
        short["emote"] = json!(true);
    }
    if let Some(users) = content.pointer("/m.mentions/user_ids") {
        short["mentions"] = users.clone();
    }
    if content.pointer("/m.mentions/room") == Some(&json!(true)) {
        short["mentions_room"] = json!(true);
    }
    short
}

#[test]
fn what_is_said_in_rocketchat_reads_well_in_matrix() {
    let md = parsed();
    let mut wrong = Vec::new();
    for case in corpus(include_str!("translate/to_matrix.json")) {
        let text = case["rocketchat"].as_str().unwrap();
        let readings = [("text", outgoing(text, None)), ("md", outgoing(text, Some(&md[text])))];
        for (reading, content) in readings {
            if shortened(&content) != case["matrix"]
                && case["only"].as_str().is_none_or(|only| only == reading)
            {
                wrong.push(format!(
                    "{text:?} by {reading}:\n  {}\n  {}",
                    shortened(&content),
                    case["matrix"]
                ));
            }
            // Ruma takes it for what it is.
            serde_json::from_value::<ruma_events::room::message::RoomMessageEventContent>(content).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_said_in_matrix_reads_well_in_rocketchat() {
    let md = parsed();
    let mut wrong = Vec::new();
    for case in corpus(include_str!("translate/from_matrix.json")) {
        let text = incoming(&case);
        if text != case["rocketchat"].as_str().unwrap() {
            wrong.push(format!("{case}:\n  {text:?}"));
            continue;
        }
        // Rocket.Chat's own parser reads it as ours does.
        let real = outgoing(&text, Some(&md[&text]));
        if real != outgoing(&text, None) {
            wrong.push(format!("{text:?}:\n  read by Rocket.Chat as {real}"));
        }
        // And where both sides have the form, it comes back as it went.
        if case["returns"] == true {
            let back = real.get("formatted_body").or_else(|| real.get("body")).unwrap();
            let went = case.get("html").or_else(|| case.get("plain")).unwrap();
            if back != went {
                wrong.push(format!("{went}\n  came back as {back}\n  by {text:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_input_costs_little() {
    let deep = |open: &str, close: &str| format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
    let hostile_html = [
        deep("<div>", "</div>"),
        deep("<blockquote>", "</blockquote>"),
        deep("<b>", "</b>"),
        deep("<ul><li>", "</li></ul>"),
        deep("<table><tr><td>", ""),
        deep("<span data-mx-spoiler>", "</span>"),
        "<p><b><i><u><s>".repeat(7000),
        "<a href=\"x\">".repeat(9000),
        "<".repeat(100_000),
        "<b a='".repeat(17_000),
        "<!--".repeat(25_000),
        "&".repeat(100_000),
        "<br>".repeat(25_000),
        "*_~`[".repeat(20_000),
    ];
    let hostile_text = [
        "*".repeat(100_000),
        "*_~".repeat(33_000),
        "*a _b ~c ".repeat(11_000),
        "[".repeat(100_000),
        "[a](".repeat(25_000),
        "||a".repeat(33_000),
        "||:)".repeat(25_000),
        format!("~{}~", "a".repeat(100_000)),
        format!("~{}~", "@".repeat(100_000)),
        ":*_x_".repeat(20_000),
        "`".repeat(99_999),
        "```\n".repeat(25_000),
        "||\na\n".repeat(16_000),
        "> ".repeat(50_000),
        "<a|".repeat(33_000),
        "\\(".repeat(50_000),
        "\\[".repeat(50_000),
        "a.".repeat(50_000),
        "aaaa".repeat(25_000),
        "://".repeat(33_000),
        "@".repeat(100_000),
        "@a:".repeat(33_000),
        ":a".repeat(50_000),
        "* a\n* b* c\n".repeat(10_000),
        "_a_b".repeat(25_000),
    ];
    for html in &hostile_html {
        timed(html, || from_matrix(&event(&formatted(html)), &Town).text);
    }
    for text in &hostile_text {
        timed(text, || outgoing(text, None).to_string());
        timed(text, || from_matrix(&event(&json!({ "msgtype": "m.text", "body": text })), &Town).text);
    }
}

/// Unoptimised, 100 KB take a fraction of a second; what is not linear takes minutes.
#[allow(clippy::disallowed_types, clippy::print_stdout)]
fn timed(input: &str, run: impl Fn() -> String) {
    let begun = std::time::Instant::now();
    assert!(!run().is_empty());
    let (head, taken) = (input.chars().take(24).collect::<String>(), begun.elapsed());
    println!("{taken:>10.1?} {head:?}");
    assert!(taken.as_secs() < 10, "{head:?} took {taken:?}");
}

fn event(content: &Value) -> RemoteEvent<'_> {
    RemoteEvent { event_type: "m.room.message", content, may_mention_room: false }
}

/// Text made of what could be taken for markup.
fn thorny() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "b c",
        "*",
        "**",
        "_",
        "__",
        "~",
        "`",
        "```",
        "[",
        "](http://a.com)",
        "> ",
        "- ",
        "# ",
        "1. ",
        "\\",
        "||",
        "@all",
        "@here",
        "@alice",
        "#general",
        "\\(x\\)",
        "\\[",
        "<",
        ">",
        "|",
        "http://x.com/a_b_",
        "x.com",
        "é",
        "😀",
        " ",
        "\n",
        ":",
        ".",
        "!",
        "(",
        ")",
        "$",
        "---",
        "* ",
        "שלום",
        "- [ ] ",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

/// HTML of the constructs that both sides have.
fn rich() -> impl Strategy<Value = String> {
    let words =
        prop::sample::select(vec!["a", "some words", "2", "x y z", "é", "naïve"]).prop_map(str::to_owned);
    let inline = words.clone().prop_recursive(3, 12, 3, |inner| {
        let tag = prop::sample::select(vec!["strong", "em", "del"]);
        prop_oneof![
            (tag, inner.clone()).prop_map(|(tag, inner)| format!("<{tag}>{inner}</{tag}>")),
            (inner.clone(), inner.clone()).prop_map(|(one, two)| format!("{one} {two}")),
            Just("<code>x * y</code>".to_owned()),
            Just("<a href=\"https://example.org/x\">a link</a>".to_owned()),
            Just("<a href=\"https://matrix.to/#/@bob:matrix.example\">Bob</a>".to_owned()),
        ]
    });
    let block = prop_oneof![
        3 => inline.clone().prop_map(|inline| format!("<p>{inline}</p>")),
        1 => words.prop_map(|words| format!("<h2>{words}</h2>")),
        1 => (inline.clone(), inline.clone()).prop_map(|(one, two)| format!("<ul><li>{one}</li><li>{two}</li></ul>")),
        1 => inline.clone().prop_map(|one| format!("<ol start=\"3\"><li>{one}</li></ol>")),
        1 => inline.prop_map(|one| format!("<blockquote><p>{one}</p></blockquote>")),
        1 => Just("<pre><code class=\"language-rust\">let x = *y;\n\n  z_z_z</code></pre>".to_owned()),
    ];
    prop::collection::vec(block, 1..4).prop_map(|blocks| blocks.concat())
}

/// A text less what cannot be seen; a space may have come between an address and a sign.
fn visible(text: &str) -> String {
    text.chars().filter(|char| *char != '\u{200B}' && !char.is_whitespace()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {  failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(text in "\\PC*", thorny in thorny(), html in "(<[a-z]{1,4}( [a-z]{1,3}=['\"]?)?>|</[a-z]{1,3}>|[&<>a ]){0,40}") {
        for text in [&text, &thorny, &html] {
            outgoing(text, None);
            from_matrix(&event(&json!({ "msgtype": "m.text", "body": text })), &Town);
            from_matrix(&event(&formatted(text)), &Town);
        }
    }

    /// Whatever tree and whatever content: it is translated.
    #[test]
    fn any_tree_is_read(text in thorny(), kind in "[A-Z_]{1,12}|BOLD|LINK|EMOJI|CODE|TASKS|TIMESTAMP|COLOR") {
        for value in [json!(text), json!([text]), json!({ "type": kind, "value": text }), json!(null), json!([{ "type": kind }])] {
            outgoing(&text, Some(&json!([{ "type": kind, "value": value }])));
            outgoing(&text, Some(&value));
            from_matrix(&event(&json!({ "msgtype": value, "body": value })), &Town);
            from_matrix(&RemoteEvent { event_type: &kind, content: &value, may_mention_room: true }, &Town);
        }
    }

    /// Text of Matrix that looks like markup comes back as it went, and is no markup in between.
    #[test]
    fn literal_text_holds(text in thorny()) {
        let text: String = text.trim().to_owned();
        // The code of an emoji is one on both sides.
        prop_assume!(!text.is_empty() && !text.contains(":a:"));
        let there = from_matrix(&event(&json!({ "msgtype": "m.text", "body": text })), &Town).text;
        let back = outgoing(&there, None);
        // The pill of a channel is the one thing that literal text may become; it notifies no one.
        let said = back["body"].as_str().unwrap();
        prop_assert_eq!(visible(said), visible(&text), "by {:?}", there);
        prop_assert_eq!(&back["m.mentions"], &json!({}));
    }

    /// No text of Matrix reaches everyone, or anyone, by accident.
    #[test]
    fn nobody_is_called(text in thorny(), html in any::<bool>()) {
        let content = if html { formatted(&text) } else { json!({ "msgtype": "m.text", "body": text }) };
        let there = from_matrix(&event(&content), &Town).text;
        let called = ["@all", "@here"].iter().any(|word| {
            there.match_indices(word).any(|(at, _)| {
                // In the middle of a word or an address, nobody is called.
                !there[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || "/=".contains(before))
            })
        });
        prop_assert!(!called, "{there:?}");
    }

    /// What both sides can say goes to Rocket.Chat and back unchanged.
    #[test]
    fn rich_text_returns(html in rich()) {
        let there = from_matrix(&event(&formatted(&html)), &Town).text;
        let back = outgoing(&there, None);
        let again = from_matrix(&event(&back), &Town).text;
        prop_assert_eq!(again, there);
    }
}
