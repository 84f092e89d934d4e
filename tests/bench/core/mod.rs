//! What `./build.sh bench` measures, here and in WebAssembly: the kernel as the App calls it, and ruma beside it.
//!
//! No App has this room: it is built with the feature `bench` only.
#![allow(missing_docs, reason = "what it offers is told in tests/bench")]

pub mod fork;
pub mod kernel;
pub mod peer;
