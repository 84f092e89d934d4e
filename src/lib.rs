//! The core of Matrix Federation: everything that is decided, and nothing that waits.
//!
//! `decide(input, view) -> effects` is a pure function; [the driver](driver) runs it over a host.

pub mod translate;
