//! The core of Matrix Federation: everything that is decided, and nothing that waits.
//!
//! `decide(input, view) -> effects` is a pure function; the driver runs it over a host. What follows is the map of
//! rooms; which may use which is said in the README and held by `tests/architecture.rs`.

pub use rules::{ids, matrix, secret, translate};

pub mod admin;
pub mod appservice;
pub mod attachment;
#[cfg(feature = "bench")]
#[path = "../tests/bench/core/mod.rs"]
pub mod bench;
pub mod bridge;
pub mod config;
pub mod driver;
pub mod effect;
pub mod facts;
pub mod input;
pub mod policy;
pub mod puppet;
pub mod record;
pub mod runtime;
pub mod server;
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
