//! What holds for any message: its parts say what it says, its size and its cost are bounded.

use std::time::Duration;

use matrix_federation::translate::{
    Limit, LocalParts, LocalText, Parts, from_matrix, from_matrix_parts, poll, quotes, to_matrix_parts,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Town, event, formatted, outgoing, rich, thorny, visible};

/// Any JSON, of the words that attachments and blocks are made of.
fn odd() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] =
        &["text", "type", "section", "mrkdwn", "fields", "attachments", "blocks", "elements", "@all", "*a*"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(WORDS).prop_map(str::to_owned), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn local<'a>(text: &'a str, attachments: &'a [Value], blocks: &'a [Value]) -> LocalParts<'a> {
    LocalParts { text: LocalText { text, md: None }, attachments, blocks, replied: &[] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The parts of a long message are small enough and say together what it says.
    #[test]
    fn parts_say_the_whole(html in rich(), size in 40_usize..200) {
        let content = formatted(&html);
        let whole = from_matrix(&event(&content), &Town);
        if let Parts::Messages(parts) = from_matrix_parts(&event(&content), &Town, Limit { size, parts: 100 }) {
            prop_assert!(parts.iter().all(|part| part.text.encode_utf16().count() <= size));
            let letters = |text: &str| visible(text).chars().filter(|char| char.is_alphabetic()).collect::<String>();
            let mut said: String = parts.iter().map(|part| letters(&part.text)).collect();
            let mut all = letters(&whole.text);
            if parts.len() > 1 {
                // A fence that goes on names its language again.
                said = said.replace("rust", "");
                all = all.replace("rust", "");
            }
            prop_assert_eq!(said, all);
        }
    }

    #[test]
    fn parts_for_matrix_are_small_enough(text in thorny(), more in thorny(), size in 200_usize..600) {
        let text = format!("{text} {more} {text}");
        if let Parts::Messages(parts) = to_matrix_parts(&local(&text, &[], &[]), &Town, Limit { size, parts: 50 }) {
            for part in &parts {
                prop_assert!(part.content().to_string().len() <= size);
                prop_assert!(!part.body.trim().is_empty());
            }
        }
    }

    /// Attachments, blocks and polls may be anything.
    #[test]
    fn any_json_is_read(value in odd(), text in thorny()) {
        let list = [value.clone(), value.clone()];
        to_matrix_parts(&local(&text, &list, &list), &Town, Limit { size: 60_000, parts: 5 });
        quotes(&text, Some(&value));
        poll::shown(&value, &[], true);
        poll::vote(&value);
        poll::ended(&value);
        from_matrix(&event(&value), &Town);
    }

    /// Nothing grows beyond a few times of what it was, and a little.
    #[test]
    fn sizes_are_bounded(text in thorny(), html in rich()) {
        let there = from_matrix(&event(&json!({ "msgtype": "m.text", "body": text })), &Town).text;
        prop_assert!(there.len() <= 8 * text.len() + 64, "{there:?}");
        let there = from_matrix(&event(&formatted(&html)), &Town).text;
        prop_assert!(there.len() <= 4 * html.len() + 64);
        let back = outgoing(&there, None).to_string();
        prop_assert!(back.len() <= 16 * there.len() + 512);
    }

    /// Rocket.Chat's own words come back from Matrix, as often as they go.
    #[test]
    fn rocketchats_words_return(html in rich()) {
        let text = from_matrix(&event(&formatted(&html)), &Town).text;
        let once = from_matrix(&event(&outgoing(&text, None)), &Town).text;
        let twice = from_matrix(&event(&outgoing(&once, None)), &Town).text;
        prop_assert_eq!(once, twice);
    }
}

/// The least time of some runs.
#[allow(clippy::disallowed_types)]
fn least(run: impl Fn()) -> Duration {
    let time = |_| {
        let begun = std::time::Instant::now();
        run();
        begun.elapsed()
    };
    (0..3).map(time).min().unwrap()
}

/// Four times as much costs about four times as much: what is not linear would cost sixteen.
#[test]
fn hostile_input_costs_in_proportion() {
    let pieces = [
        "[",
        "[[",
        "**",
        "*a _b ~c ",
        "`",
        "> ",
        ">",
        "||a",
        "||:)",
        ":*",
        "_a.b",
        "-@",
        "a#",
        "x@y.",
        "😀.",
        "<a|",
        "<b>",
        "<p><b><i>",
        "<blockquote>",
        "<ul><li>",
        "a.",
        "@",
        "@a:",
        ":a",
        "\\(",
        "](",
        "_a_b",
        "<a href=\"x\">",
        "<span data-mx-spoiler>",
        "&lt;",
        "a\n",
        "| a ",
        "- a\n",
        "1. a\n",
        "|a|\n|-|\n",
    ];
    // What is one thing only within another.
    let within = [("<code>", "@"), ("<pre>", "@a"), ("<code>@", "-"), ("@", "-"), ("`@", "a-")];
    for (before, piece) in pieces.map(|it| ("", it)).into_iter().chain(within) {
        let of = |bytes: usize| format!("{before}{}", piece.repeat(bytes / piece.len()));
        for html in [false, true] {
            let cost = |bytes: usize| {
                let text = of(bytes);
                least(|| {
                    if html {
                        from_matrix(&event(&formatted(&text)), &Town);
                    } else {
                        outgoing(&text, None);
                        from_matrix(&event(&json!({ "msgtype": "m.text", "body": text })), &Town);
                    }
                })
            };
            // Other work on the machine only ever adds to a time, so that a bad ratio is looked at again.
            let ratios = std::iter::repeat_with(|| (cost(8_000), cost(32_000))).take(4);
            // Times below a few milliseconds say little.
            let linear = |(few, many): (Duration, Duration)| many < few * 9 + Duration::from_millis(20);
            assert!(ratios.into_iter().any(linear), "{before:?} {piece:?} costs more than in proportion");
        }
    }
}
