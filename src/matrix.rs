//! The protocol without a server: JSON, hashes, signatures, keys, names, receipt, resolution.
//!
//! Everything here is a function of its arguments. What it needs to know of a room it asks for, and says so when
//! it is not there; it keeps nothing but memories of what was computed before.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/>, <https://spec.matrix.org/v1.18/rooms/>

pub mod address;
pub mod compose;
mod curve;
pub mod discovery;
pub mod hash;
pub mod json;
pub mod key;
pub mod key_document;
pub mod name;
pub mod pdu;
pub mod receipt;
pub mod redact;
pub mod resolve;
pub mod seal;
pub mod signature;
pub mod srv;
pub mod version;
pub mod well_known;
pub mod x_matrix;
