//! Prints `app/protocol.ts`: the border's types, taken from the Rust types so that the two cannot drift.
//!
//! Times are milliseconds and stay far below 2^53, so 64-bit integers are numbers on the other side.
//!
//! `cargo run --example protocol --features protocol`

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use matrix_federation::{config, effect, facts, ids, input, runtime, secret, view};
use ts_rs::{Config, TS};

/// The declarations of all the given types, each with its comments and exported.
macro_rules! declarations {
    ($config:expr, $($type:ty),+ $(,)?) => {
        [$((<$type>::docs(), <$type>::decl($config))),+]
    };
}

fn main() {
    let config = Config::new().with_large_int("number");
    println!("// Generated from the Rust types by `./build.sh pack`; never edited.");
    for (docs, declaration) in declarations![
        &config,
        ids::Scope,
        facts::UserKind,
        facts::User,
        facts::RoomKind,
        facts::Room,
        facts::File,
        facts::Message,
        facts::Quote,
        facts::Reacted,
        facts::Avatar,
        config::Mode,
        secret::Secret,
        config::Config,
        input::Input,
        input::Request,
        input::Answer,
        effect::Effect,
        effect::Document,
        effect::Tag,
        effect::Call,
        effect::Peer,
        effect::FilePlace,
        effect::Reply,
        effect::Served,
        effect::Picture,
        effect::FileElsewhere,
        effect::Level,
        effect::Place,
        effect::Window,
        effect::Block,
        effect::Button,
        view::Key,
        view::Loaded,
        runtime::Runtime,
        runtime::Transport,
        runtime::Listener,
    ] {
        println!();
        if let Some(docs) = docs {
            print!("{docs}");
        }
        println!("export {declaration}");
    }
}
