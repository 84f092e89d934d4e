//! Whole messages, by the lines of `cargo run --example translate`: `whole.json` holds a title, a line and its answer.

use serde_json::{Value, json};

use crate::lines::answer;

fn corpus() -> Vec<Value> {
    serde_json::from_str(include_str!("whole.json")).unwrap()
}

/// The answer to a line in which everybody is known; see `names.json`.
fn asked(line: &Value) -> Value {
    let mut line = line.clone();
    if let Some(line) = line.as_object_mut() {
        line.entry("names").or_insert_with(|| serde_json::from_str(include_str!("names.json")).unwrap());
    }
    answer(line.to_string().as_bytes())
}

#[test]
fn whole_messages_read_well() {
    let mut wrong = vec![];
    for case in corpus() {
        let found = asked(&case["in"]);
        if found != case["out"] {
            wrong.push(format!("{}\n  {found}\n  {}", case["title"], case["out"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_cases_enough_and_each_has_a_title() {
    let files =
        [include_str!("from_matrix.json"), include_str!("to_matrix.json"), include_str!("whole.json")];
    let cases: Vec<Value> =
        files.into_iter().flat_map(|file| serde_json::from_str::<Vec<Value>>(file).unwrap()).collect();
    let titled = |case: &Value| [&case["about"], &case["title"]].iter().any(|title| title.is_string());
    assert!(cases.iter().all(titled));
    assert!(cases.len() >= 800, "{}", cases.len());
}

/// What the example says of itself is so.
#[test]
fn the_lines_in_the_documentation_are_answered_so() {
    let text = include_str!("play/main.rs");
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//! ")).collect();
    let lines: Vec<&&str> = lines.iter().filter(|line| line.starts_with('{')).collect();
    assert!(lines.len() >= 8 && lines.len().is_multiple_of(2));
    for pair in lines.chunks(2) {
        assert_eq!(answer(pair[0].as_bytes()).to_string(), **pair[1]);
    }
}

#[test]
fn a_line_that_is_no_json_is_answered_by_an_error() {
    for line in ["", "{", "x", "{\"direction\":\"from-matrix\",\"message\":7}", "\u{0}"] {
        assert!(answer(line.as_bytes())["error"].is_string(), "{line}");
    }
    assert!(answer(&[0xff, 0xfe])["error"].is_string());
}

#[test]
fn what_is_long_goes_in_parts_and_what_is_too_long_as_a_file() {
    let message = |text: String| asked(&json!({ "direction": "to-matrix", "message": { "text": text } }));
    assert_eq!(message("x".repeat(256 * 1024 + 1)), json!({ "as": "file" }));
    let parts = message("y ".repeat(32 * 1024));
    let parts = parts["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 2);
    for part in parts {
        assert!(part["content"].to_string().len() <= 60_000);
    }
    let letters = parts.iter().map(|part| part["content"]["body"].as_str().unwrap().matches('y').count());
    assert_eq!(letters.sum::<usize>(), 32 * 1024);
}

/// One of every kind of content, as it comes.
#[test]
fn every_kind_of_content_is_shown() {
    let file = |msgtype: &str, name: &str| json!({ "msgtype": msgtype, "body": name, "url": "mxc://x/y", "info": { "size": 4_200_000, "duration": 65_000 } });
    let captioned =
        json!({ "msgtype": "m.image", "body": "our *cat*", "filename": "cat.png", "url": "mxc://x/y" });
    let poll = json!({ "m.poll": {
        "kind": "m.disclosed", "max_selections": 2,
        "question": { "m.text": [{ "body": "Lunch?" }] },
        "answers": [{ "m.id": "p", "m.text": [{ "body": "Pizza" }] }, { "m.id": "s", "m.text": [{ "body": "Soup" }] }],
    } });
    let kinds = [
        ("m.room.message", json!({ "msgtype": "m.text", "body": "text" })),
        ("m.room.message", json!({ "msgtype": "m.emote", "body": "waves" })),
        ("m.room.message", json!({ "msgtype": "m.notice", "body": "a notice" })),
        (
            "m.room.message",
            json!({ "msgtype": "m.server_notice", "body": "limited", "admin_contact": "mailto:a@b.example" }),
        ),
        ("m.room.message", file("m.image", "cat.png")),
        ("m.room.message", captioned),
        ("m.room.message", file("m.file", "report.pdf")),
        ("m.room.message", file("m.audio", "song.ogg")),
        ("m.room.message", file("m.video", "clip.mp4")),
        (
            "m.room.message",
            json!({ "msgtype": "m.audio", "body": "Voice message", "info": { "duration": 5_000 }, "org.matrix.msc3245.voice": {} }),
        ),
        ("m.room.message", json!({ "msgtype": "m.image", "body": "cat.png", "file": {} })),
        (
            "m.room.message",
            json!({ "msgtype": "m.location", "body": "Berlin", "geo_uri": "geo:52.52,13.405;u=35" }),
        ),
        (
            "m.room.message",
            json!({ "msgtype": "m.gallery", "body": "trip", "itemtypes": [{ "itemtype": "m.image", "body": "a.png" }] }),
        ),
        ("m.room.message", json!({ "msgtype": "m.key.verification.request", "body": "verify me" })),
        ("m.room.message", json!({ "msgtype": "org.example.dance", "body": "dances" })),
        ("m.room.message", json!({})),
        ("m.sticker", json!({ "body": "dancing cat", "url": "mxc://x/y" })),
        ("m.poll.start", poll),
        ("m.poll.response", json!({ "m.selections": ["p"] })),
        ("m.poll.end", json!({ "m.text": [{ "body": "Pizza won" }] })),
        ("m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
        ("m.call.invite", json!({ "call_id": "1" })),
        ("org.example.custom", json!({ "body": "falls back" })),
    ];
    let shown: Vec<String> = kinds
        .into_iter()
        .map(|(kind, content)| {
            let line = json!({ "direction": "from-matrix", "message": { "type": kind, "content": content } });
            let answer = asked(&line);
            format!("{} {}: {}", kind, answer["kind"], answer["text"])
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
