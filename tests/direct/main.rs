//! Direct mode against those who mean no good: what one request may cost, and what it may not bring about.

#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "tests")]
#![allow(clippy::as_conversions, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests")]

mod world;

use matrix_federation::effect::Call;
use matrix_federation::input::Input;
use matrix_federation::record::{Head, Record, Snapshot};
use serde_json::{Value, json};
use world::{ROOM, THEM, US, World, channel, key_of, made, message, person};

/// A server's keys, as they are asked for.
fn keys(server: &str) -> String {
    format!("https://{server}:8448/_matrix/key")
}

#[test]
fn the_longest_ways_of_two_servers_are_not_too_long() {
    let world = World::new();
    world.configure("https://dns.test/q");
    let graph = world.in_room(&["far.test".to_owned()]);
    world.knows("far.test");
    for server in [THEM, "far.test"] {
        let start = format!("https://{server}/.well-known/matrix/server");
        world.answers(&start, 302, "", Some(&format!("https://www.{server}/second")));
        world.answers(&format!("https://www.{server}/second"), 302, "", Some("/third"));
        let body = json!({ "m.server": server }).to_string();
        world.answers(&format!("https://www.{server}/third"), 200, &body, None);
    }
    let user = "@b:far.test";
    let content = json!({ "msgtype": "m.text", "body": "hello" });
    let theirs = made("m.room.message", None, user, content, &[&graph.create], &[&graph.last]);
    let theirs: Value = serde_json::from_str(&theirs.text).unwrap();
    let reply = world.transaction(THEM, &[graph.says("hello"), theirs]).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(world.outside.messages.borrow().len(), 1, "{:?}", world.outside.log);
    assert_eq!(world.fetched("https://www.far.test/third"), 1);
}
