//! The App's settings, as the core sees them.

use serde::{Deserialize, Serialize};

use crate::facts::User;

/// The settings of one workspace. The host hands them over at start and whenever one changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Where the homeserver's client API is, such as `https://matrix.example.org`; empty until it is set.
    pub homeserver_url: String,
    /// The server name in user ids, such as `example.org`; empty until it is set.
    pub server_name: String,
    /// What the localparts of our users on Matrix begin with, such as `rc_`.
    pub user_prefix: String,
    /// The localpart of the App's own user on Matrix.
    pub bot_localpart: String,
    /// Where the homeserver reaches the App: goes into the registration.
    pub appservice_url: String,
}

impl Config {
    /// Whether enough is set to attach to a homeserver.
    pub fn is_complete(&self) -> bool {
        [&self.homeserver_url, &self.server_name, &self.user_prefix, &self.bot_localpart]
            .iter()
            .all(|it| !it.is_empty())
    }

    /// The homeserver's address without a slash at its end.
    pub fn homeserver(&self) -> &str {
        self.homeserver_url.trim_end_matches('/')
    }

    /// The App's own user on Matrix.
    pub fn bot(&self) -> String {
        format!("@{}:{}", self.bot_localpart, self.server_name)
    }

    /// A local user as a Matrix user.
    pub fn puppet(&self, user: &User) -> String {
        format!("@{}:{}", self.puppet_localpart(user), self.server_name)
    }

    /// The localpart of a local user on Matrix.
    pub fn puppet_localpart(&self, user: &User) -> String {
        format!("{}{}", self.user_prefix, crate::ids::localpart(&user.username))
    }

    /// The username of a Matrix user that is one of ours, as far as its localpart tells.
    pub fn local_username(&self, mxid: &str) -> Option<String> {
        let (localpart, server) = crate::ids::split_mxid(mxid)?;
        let rest = localpart.strip_prefix(self.user_prefix.as_str())?;
        (server == self.server_name && localpart != self.bot_localpart && !rest.is_empty())
            .then(|| crate::ids::from_localpart(rest))
    }

    /// Whether a Matrix user is the App's own or one of its puppets: what they do began on our side.
    pub fn is_ours(&self, mxid: &str) -> bool {
        mxid == self.bot() || self.local_username(mxid).is_some()
    }
}
