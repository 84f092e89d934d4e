//! Room versions: which there are, and what each asks for.
//!
//! The differences themselves are ruma's tables; this is the list of those that are spoken here.
//!
//! Spec: <https://spec.matrix.org/v1.18/rooms/>

use std::fmt;

use ruma_common::room_version_rules::RoomVersionRules;
use serde::{Deserialize, Serialize};

/// A room version that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RoomVersion {
    /// Strict canonical JSON.
    #[serde(rename = "6")]
    V6,
    /// Knocking.
    #[serde(rename = "7")]
    V7,
    /// Restricted joins.
    #[serde(rename = "8")]
    V8,
    /// Restricted joins survive redaction.
    #[serde(rename = "9")]
    V9,
    /// Power levels are integers.
    #[serde(rename = "10")]
    V10,
    /// A clearer redaction.
    #[serde(rename = "11")]
    V11,
    /// Rooms are named by their create event; creators stand above power levels.
    #[serde(rename = "12")]
    V12,
}

impl RoomVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 7] = [Self::V6, Self::V7, Self::V8, Self::V9, Self::V10, Self::V11, Self::V12];

    /// The version of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// Its name in `room_version` and `ver`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V6 => "6",
            Self::V7 => "7",
            Self::V8 => "8",
            Self::V9 => "9",
            Self::V10 => "10",
            Self::V11 => "11",
            Self::V12 => "12",
        }
    }

    /// What it asks for.
    pub fn rules(self) -> &'static RoomVersionRules {
        match self {
            Self::V6 => &RoomVersionRules::V6,
            Self::V7 => &RoomVersionRules::V7,
            Self::V8 => &RoomVersionRules::V8,
            Self::V9 => &RoomVersionRules::V9,
            Self::V10 => &RoomVersionRules::V10,
            Self::V11 => &RoomVersionRules::V11,
            Self::V12 => &RoomVersionRules::V12,
        }
    }

    /// Whether a room's id is the hash of its create event, which then stands in nobody's `auth_events`.
    pub fn names_rooms_by_hash(self) -> bool {
        self.rules().authorization.room_create_event_id_as_room_id
    }
}

impl fmt::Display for RoomVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
