//! Tries a translation: `cargo run --example translate`, JSON lines in, JSON lines out, in the same order.
//!
//! A message of Rocket.Chat, as Rocket.Chat stores it (`text` or `msg`, and if there are any `md`, `attachments`,
//! `blocks`), becomes the content of a Matrix event; an event of Matrix (`type`, without one `m.room.message`, and
//! `content`) becomes Rocket.Chat's text. What is not understood is answered by `{"error": …}`, and the next line is
//! read.
//!
//! ```json
//! {"direction":"to-matrix","message":{"text":"*Hello*, _world_"}}
//! {"content":{"body":"**Hello**, _world_","format":"org.matrix.custom.html","formatted_body":"<strong>Hello</strong>, <em>world</em>","m.mentions":{},"msgtype":"m.text"}}
//! {"direction":"from-matrix","message":{"content":{"msgtype":"m.text","body":"2 * 3 * 4"}}}
//! {"kind":"text","text":"2 \\* 3 \\* 4"}
//! {"direction":"sideways","message":{}}
//! {"error":"the direction is to-matrix or from-matrix"}
//! ```
//!
//! Who is who is told by `names`: users and rooms by their names on Rocket.Chat.
//!
//! ```json
//! {"direction":"to-matrix","names":{"users":{"alice":{"id":"@alice:a.example","name":"Alice"}},"rooms":{"general":{"id":"#general:a.example","name":"#general"}}},"message":{"text":"@alice"}}
//! {"content":{"body":"Alice","format":"org.matrix.custom.html","formatted_body":"<a href=\"https://matrix.to/#/@alice:a.example\">Alice</a>","m.mentions":{"user_ids":["@alice:a.example"]},"msgtype":"m.text"}}
//! ```
//!
//! More that may stand in a line: `quotes: true` takes the links to quoted messages off and tells them; `limit`, with
//! `parts`, tells what becomes of a long message; `may_mention_room: true` says that `@room` is allowed; `here` lists
//! the Matrix users that are in the room (else all are); `votes` is a list of `["@user:server", ["answer"]]` for a poll,
//! `ended: true` ends it.
#![allow(clippy::print_stdout, reason = "it answers there")]

mod lines;

use std::io::BufRead;

fn main() {
    for line in std::io::stdin().lock().split(b'\n') {
        let answer = match line {
            Ok(line) if line.trim_ascii().is_empty() => continue,
            Ok(line) => lines::answer(&line),
            Err(why) => serde_json::json!({ "error": why.to_string() }),
        };
        println!("{answer}");
    }
}
