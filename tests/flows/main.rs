//! The flows of the bridge, told as conversations over a world in a box, each also under crashes and interleavings.

#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "tests")]
#![allow(clippy::as_conversions, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests")]

mod checking;
mod conversations;
mod crashes;
mod direct;
mod direct_crashes;
mod direct_interleavings;
mod direct_trust;
mod dm;
mod dm_crashes;
mod dm_interleavings;
mod dm_rocketchat;
mod edits;
mod edits_crashes;
mod edits_direct;
mod edits_incoming;
mod edits_interleavings;
mod edits_outages;
mod encryption;
mod files;
mod files_crashes;
mod homeserver;
mod ident;
mod ident_adoption;
mod ident_export;
mod ident_tokens;
mod interleavings;
mod kinds;
mod large_files;
mod mentions;
mod no_prefix;
mod other_server;
mod outages;
mod parts;
mod parts_crashes;
mod people;
mod people_troubles;
mod pins;
mod polls;
mod reactions;
mod relations;
mod relations_crashes;
mod store;
mod troubles;
mod typing;
mod world;
