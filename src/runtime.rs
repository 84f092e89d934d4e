//! What the host tells about the process that the App runs in: taken at one moment, and nothing decided about it.

use serde::{Deserialize, Serialize};

/// Where the App runs, and what it may do there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// What it is, with its version, such as `Node.js 24.1.0`.
    pub name: String,
    /// Whether it lets the App use the network by itself.
    pub open: bool,
    /// Whose client calls other servers.
    pub transport: Transport,
    /// How the App's own listener fares.
    pub listener: Listener,
    /// The variable of the server's environment that holds the App's secret.
    pub variable: String,
}

/// Whose client calls other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The App's own.
    Own,
    /// The workspace's.
    Workspace,
    /// Nobody's: the runtime closes the network, and the settings let nobody else call.
    Nobody,
}

/// How the App's own listener fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Listener {
    /// There is none.
    Off,
    /// It listens.
    Listening {
        /// The address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Somebody else has the port.
    Taken {
        /// The address.
        host: String,
        /// The port.
        port: u16,
    },
    /// It cannot listen.
    Failed {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Why, as the runtime says it.
        why: String,
    },
}
