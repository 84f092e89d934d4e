//! The App's settings, as the core sees them.

use serde::{Deserialize, Serialize};

use crate::ids;
use crate::secret::Secret;

/// How the workspace is on the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As an application service of a homeserver.
    #[default]
    Homeserver,
    /// As a Matrix server itself.
    Direct,
}

/// The settings of one workspace. The host hands them over at start and whenever one changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "protocol", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// How the workspace is on the network.
    pub mode: Mode,
    /// Where the homeserver's client API is, such as `https://matrix.example.org`; empty until it is set.
    pub homeserver_url: String,
    /// The server name in user ids, such as `example.org`; empty until it is set.
    pub server_name: String,
    /// What the localparts of our users on Matrix begin with, such as `rc_`; empty where the homeserver has nobody
    /// else's users.
    pub user_prefix: String,
    /// The localpart of the App's own user on Matrix.
    pub bot_localpart: String,
    /// Where the homeserver reaches the App: goes into the registration.
    pub appservice_url: String,
    /// What opens the signing keys in the store: the App's environment variable, or nothing where there is none.
    pub secret: Option<Secret>,
    /// Where names are looked up over HTTPS (`https://…/dns-query`), for servers that are found by SRV records only;
    /// empty where they are not to be.
    pub dns_url: String,
    /// Whether other Matrix servers may be at private addresses.
    pub private_addresses: bool,
    /// Whether Rocket.Chat shows who of Matrix is typing.
    pub typing: bool,
    /// How many people Rocket.Chat lets into one direct message.
    pub direct_message_users: usize,
    /// What tells this workspace from all others (Rocket.Chat's `uniqueID`).
    pub workspace: String,
    /// Where browsers reach the App's endpoints, without a slash at its end; empty where that is not known.
    pub endpoints: String,
    /// Where people's browsers reach the App, without a slash at its end; empty where they do not.
    pub pictures: String,
    /// Whether an administrator gave the App an account for Rocket.Chat's REST API.
    pub rest: bool,
    /// How long a message of Rocket.Chat may be, in characters (`Message_MaxAllowedSize`).
    pub message_size: usize,
    /// How large files may be that go from one side to the other, in bytes.
    pub largest_file: u32,
}

impl Config {
    /// Whether enough is set to be on the network.
    pub fn is_complete(&self) -> bool {
        if self.mode == Mode::Direct {
            return !self.server_name.is_empty();
        }
        [&self.homeserver_url, &self.server_name, &self.bot_localpart].iter().all(|it| !it.is_empty())
    }

    /// The homeserver's address without a slash at its end.
    pub fn homeserver(&self) -> &str {
        self.homeserver_url.trim_end_matches('/')
    }

    /// Where people's browsers find the workspace, without a slash at its end; none where that is not known.
    pub fn site(&self) -> Option<&str> {
        self.endpoints.split_once("/api/apps/").map(|it| it.0)
    }

    /// The App's own user on Matrix.
    pub fn bot(&self) -> String {
        format!("@{}:{}", self.bot_localpart, self.server_name)
    }

    /// The Matrix user that a puppet of this name is; a name is a localpart without the prefix.
    pub fn puppet(&self, name: &str) -> String {
        format!("@{}{name}:{}", self.prefix(), self.server_name)
    }

    /// The localpart of the Matrix user that a puppet of this name is.
    pub fn puppet_localpart(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The name that the puppet of a local user bears, as far as it is free.
    pub fn name_for(&self, username: &str) -> String {
        let plain = ids::localpart(username);
        // Somebody here may bear the name of the App's own user there.
        if self.puppet_localpart(&plain) == self.bot_localpart { ids::spelt_out(username) } else { plain }
    }

    /// The name of a Matrix user that is a puppet, as far as its id tells.
    pub fn puppet_name<'a>(&self, mxid: &'a str) -> Option<&'a str> {
        let (localpart, server) = ids::split_mxid(mxid)?;
        let name = localpart.strip_prefix(self.prefix())?;
        (server == self.server_name && localpart != self.bot_localpart && !name.is_empty()).then_some(name)
    }

    /// What the localparts of our users begin with: a server of our own has nobody else's.
    pub fn prefix(&self) -> &str {
        if self.mode == Mode::Direct { "" } else { &self.user_prefix }
    }

    /// Whether a Matrix user is the App's own or one of its puppets: what they do began on our side.
    pub fn is_ours(&self, mxid: &str) -> bool {
        mxid == self.bot() || self.puppet_name(mxid).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(user_prefix: &str, bot_localpart: &str) -> Config {
        Config {
            homeserver_url: "https://matrix.example.org".to_owned(),
            server_name: "example.org".to_owned(),
            user_prefix: user_prefix.to_owned(),
            bot_localpart: bot_localpart.to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn our_users_and_the_apps_own_are_never_taken_for_each_other() {
        for (prefix, bot) in [("rc_", "rocketchat"), ("", "rocketchat"), ("rc_", "rc_bot"), ("", "=42ob")] {
            let config = config(prefix, bot);
            assert!(config.is_complete() && config.is_ours(&config.bot()));
            assert_eq!(config.puppet_name(&config.bot()), None);
            for username in ["alice", "rocketchat", "bot", "Bob", "a=b"] {
                let puppet = config.puppet(&config.name_for(username));
                assert_ne!(puppet, config.bot(), "{username} with '{prefix}'");
                let name = config.puppet_name(&puppet).map(ids::from_localpart);
                assert_eq!(name.as_deref(), Some(username), "{puppet}");
                assert!(config.is_ours(&puppet));
            }
        }
    }

    #[test]
    fn without_a_prefix_everybody_of_the_server_is_ours_and_nobody_else() {
        let config = config("", "rocketchat");
        assert!(config.is_ours("@anybody:example.org"));
        assert!(!config.is_ours("@anybody:elsewhere.org"));
        assert!(!config.is_ours("@:example.org"));
    }
}
