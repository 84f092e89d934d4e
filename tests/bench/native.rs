//! The kernel and ruma on the machine itself: `bench SCENE`, run by `./build.sh bench`, prints JSON.
//!
//! Figures are microseconds, the best of many rounds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "it measures and tells")]

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use matrix_federation::bench::fork::{Fork, ids};
use matrix_federation::bench::kernel::Kernel;
use matrix_federation::bench::peer::Peer;
use serde_json::{Value, json};

/// Microseconds an operation.
fn best(seconds: f64, mut round: impl FnMut() -> Duration) -> f64 {
    let start = Instant::now();
    let mut least = f64::INFINITY;
    while start.elapsed().as_secs_f64() < seconds || least.is_infinite() {
        least = least.min(round().as_secs_f64());
    }
    least * 1e6
}

/// Microseconds an operation of which many fit into a round.
fn best_of_many<T>(mut operation: impl FnMut() -> T) -> f64 {
    const TIMES: u32 = 50;
    best(0.3, || {
        let start = Instant::now();
        for _ in 0..TIMES {
            std::hint::black_box(operation());
        }
        start.elapsed() / TIMES
    })
}

fn timed<T>(operation: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(operation());
    start.elapsed()
}

fn main() {
    let scene = std::env::args().nth(1).expect("the scene");
    let scene: Value = serde_json::from_str(&fs::read_to_string(scene).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let seed = u256(scene["seed"].as_str().unwrap());
    let kernel = Kernel::new(&text(&scene["server"]), &seed).unwrap();
    let peer = Peer::new(&text(&scene["server"]), &seed).unwrap();

    let mut operations = BTreeMap::<&str, BTreeMap<String, f64>>::new();
    for sample in scene["samples"].as_array().unwrap() {
        let (name, bare, signed) = (&sample["name"], text(&sample["bare"]), text(&sample["signed"]));
        assert!(peer.verify(&signed) && kernel.verify(&signed));
        let mut put = |operation, figure| {
            operations.entry(operation).or_default().insert(text(name), figure);
        };
        put("sign", best_of_many(|| kernel.sign(&bare)));
        put("verify", best_of_many(|| kernel.verify(&signed)));
        put("eventId", best_of_many(|| Kernel::event_id(&signed)));
        put("rumaSign", best_of_many(|| peer.sign(&bare)));
        put("rumaVerify", best_of_many(|| peer.verify(&signed)));
        put("rumaEventId", best_of_many(|| Peer::event_id(&signed)));
    }

    let (mut rooms, mut resolved) = (BTreeMap::new(), BTreeMap::new());
    for room in scene["rooms"].as_array().unwrap() {
        let name = text(&room["name"]);
        let mut fork = Fork::read(&fs::read_to_string(room["file"].as_str().unwrap()).unwrap()).unwrap();
        rooms.insert(name.clone(), best(0.5, || timed(|| fork.resolve())));
        let by_ruma = best(0.5, || {
            fork.prepare();
            timed(|| fork.resolve_plainly())
        });
        rooms.insert(format!("{name} by ruma"), by_ruma);
        fork.prepare();
        resolved.insert(name, ids(fork.resolve_plainly()));
    }
    println!("{}", json!({ "operations": operations, "rooms": rooms, "resolved": resolved }));
}

/// 32 bytes in hexadecimal.
fn u256(text: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
}
