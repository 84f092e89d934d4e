//! The protocol kernel against the specification's own examples, against ruma, and against hostile input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "a test is nobody's library")]

mod arbitrary;
mod authorisation;
mod canonical;
mod composing;
mod keys;
mod receipt;
mod room;
mod signing;
