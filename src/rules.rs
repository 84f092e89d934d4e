//! The rules: what is asked for every message, and nothing that knows of a workspace or a store.
//!
//! A crate of its own, so that the compiler makes it fast and all else small; see `Cargo.toml`. Everybody reaches these
//! rooms through the crate of the core, which hands them on.

pub mod ids;
pub mod matrix;
pub mod secret;
pub mod translate;
