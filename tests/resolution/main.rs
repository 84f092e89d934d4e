//! State resolution: the vectors of the ruma project, and generated rooms against ruma called plainly.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]
#![allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small numbers of tests")]

mod laws;
mod oracle;
mod pdu;
mod speed;
mod vectors;
mod world;
