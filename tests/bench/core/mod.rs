//! What `./build.sh bench` measures, here and in WebAssembly: the kernel and the translation as the App
//! calls them, and ruma beside the kernel.
//!
//! No App has this room: it is built with the feature `bench` only.
#![allow(missing_docs, reason = "what it offers is told in tests/bench")]

pub mod fork;
pub mod kernel;
pub mod peer;
pub mod translation;
