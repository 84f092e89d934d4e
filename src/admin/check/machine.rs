//! The lines about our own side: settings, runtime, listener, pictures, secret, servers.

use std::net::IpAddr;

use super::{Facts, Line, host_of};
use crate::config::{Config, Mode};
use crate::input::Answer;
use crate::runtime::{Listener, Runtime, Transport};

/// A secret has at least so many characters.
const SECRET: usize = 24;

pub(super) const SETTINGS: &str = "Settings";

/// Whether all that is needed is there, and fits together.
pub(super) fn settings(config: &Config) -> Line {
    let missing: Vec<&str> = match config.mode {
        Mode::Direct => vec![("Server name", &config.server_name)],
        Mode::Homeserver => vec![
            ("Server name", &config.server_name),
            ("Address of the homeserver", &config.homeserver_url),
            ("Name of the App's own user on Matrix", &config.bot_localpart),
        ],
    }
    .into_iter()
    .filter_map(|(name, value)| value.is_empty().then_some(name))
    .collect();
    if !missing.is_empty() {
        return Line::broken(
            SETTINGS,
            format!("{} is not set, so nothing goes to Matrix or comes from there.", missing.join(", ")),
            "Fill it in under Administration > Apps > Matrix Federation > Settings.",
        );
    }
    if config.mode == Mode::Direct {
        return Line::well(
            SETTINGS,
            format!("complete; this workspace is the server {}.", config.server_name),
        );
    }
    let (homeserver, own) = (config.homeserver(), config.appservice_url.trim_end_matches('/'));
    if homeserver == own {
        return Line::broken(
            SETTINGS,
            format!("the address of the homeserver and that of the App are both {own}."),
            "Set the *Address of the homeserver* to where it answers clients, such as https://matrix.example.org.",
        );
    }
    if homeserver.starts_with("http://") && is_far(host_of(homeserver)) {
        return Line::warning(
            SETTINGS,
            format!(
                "{homeserver} begins with http://, so tokens and messages cross the network for everybody on the way \
                 to read."
            ),
            "Use an address of the homeserver that begins with https://.",
        );
    }
    Line::well(SETTINGS, format!("complete; people here are {} on Matrix.", somebody(config)))
}

/// What the id of somebody here looks like.
pub(super) fn somebody(config: &Config) -> String {
    format!("@{}alice:{}", config.prefix(), config.server_name)
}

/// Whether a host is neither this machine nor a name or an address that only a private network knows.
fn is_far(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local()),
        Ok(IpAddr::V6(ip)) => !(ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local()),
        Err(_) => {
            let near = [".internal", ".local", ".lan", ".test", ".localhost"];
            host.contains('.') && !near.iter().any(|it| host.ends_with(it))
        }
    }
}

/// Whether the App may use the network by itself, and who calls others.
pub(super) fn runtime(facts: &Facts<'_>) -> Line {
    const NAME: &str = "Runtime";
    let Some(Runtime { name, open, transport, .. }) = facts.runtime else {
        return Line::unknown(NAME, "nothing is known about it.");
    };
    let direct = facts.config.mode == Mode::Direct;
    match transport {
        Transport::Own => {
            Line::well(NAME, format!("{name} lets the App use the network; the App calls by itself."))
        }
        Transport::Nobody => Line::broken(
            NAME,
            format!(
                "{name} closes the network to Apps, and the settings let nobody else call: nothing goes to Matrix."
            ),
            "Set *Who calls the homeserver* to Automatic.",
        ),
        Transport::Workspace if *open && !direct => Line::well(
            NAME,
            format!(
                "{name} lets the App use the network; as the settings say, Rocket.Chat calls the homeserver."
            ),
        ),
        Transport::Workspace if *open => Line::broken(
            NAME,
            "Rocket.Chat makes the calls, as the settings say; in direct mode that reaches nobody safely, so nothing \
             goes to Matrix.",
            "Set *Who calls the homeserver* to Automatic.",
        ),
        Transport::Workspace if direct => Line::broken(
            NAME,
            format!("{name} closes the network to Apps. Direct mode needs it."),
            open_the_network(),
        ),
        Transport::Workspace => Line::warning(
            NAME,
            format!(
                "{name} closes the network to Apps: everything goes through Rocket.Chat, which takes no transaction over \
                 100 KB and keeps the homeserver's token in the App's logs."
            ),
            open_the_network(),
        ),
    }
}

/// How the network is opened to Apps.
pub(super) fn open_the_network() -> String {
    "Let Rocket.Chat run its Apps under a runtime with an open network: Deno, or Node.js up to 24.".to_owned()
}

/// Whether the App listens.
pub(super) fn listener(facts: &Facts<'_>) -> Line {
    const NAME: &str = "Listener";
    let another = "choose another *port* in the settings, and name it also under *Where the homeserver reaches the App*";
    match facts.runtime.map(|it| (&it.listener, it.open)) {
        None => Line::unknown(NAME, "nothing is known about it."),
        Some((_, false)) => Line::unknown(NAME, "there is none, because of *Runtime*."),
        Some((Listener::Off, true)) => {
            Line::broken(NAME, "the App does not listen.", "Switch the App off and on again.")
        }
        Some((Listener::Listening { host, port }, true)) => {
            Line::well(NAME, format!("the App listens on {host}:{port}."))
        }
        Some((Listener::Taken { port, .. }, true)) if arrives(facts) => Line::warning(
            NAME,
            format!(
                "port {port} is taken by another process, but what Matrix sends arrives by another server."
            ),
            format!(
                "If that process is this App on another server of the workspace on the same machine, all is well. Else \
                 find it (`ss -ltnp 'sport = :{port}'`) and end it, or {another}."
            ),
        ),
        Some((Listener::Taken { port, .. }, true)) => Line::broken(
            NAME,
            format!(
                "port {port} is taken by another process, so nothing from Matrix arrives on this server."
            ),
            format!("Find the process (`ss -ltnp 'sport = :{port}'`) and end it, or {another}."),
        ),
        Some((Listener::Failed { host, port, why }, true)) => {
            let fix = if why.contains("EACCES") || why.contains("Permission") {
                format!("Ports below 1024 are not for everybody: {another}.")
            } else if why.contains("ADDRNOTAVAIL") || why.contains("AddrNotAvailable") {
                format!("{host} is no address of this machine: set *Listen on this address* to 0.0.0.0.")
            } else {
                "Change *Listen on this address* or *port* in the settings.".to_owned()
            };
            Line::broken(
                NAME,
                format!("the App cannot listen on {host}:{port} ({why}), so nothing from Matrix arrives."),
                fix,
            )
        }
    }
}

/// Whether the homeserver reaches the App, be it on another server.
fn arrives(facts: &Facts<'_>) -> bool {
    let inside = facts.homeserver.as_ref().and_then(|it| it.inside.as_ref());
    inside.is_some_and(|it| matches!(it.ping, Answer::Response { status: 200, .. }))
}

/// Whether pictures show beside what comes from Matrix, and who learns of it.
pub(super) fn pictures(config: &Config) -> Line {
    const NAME: &str = "Pictures";
    let pictures = &config.pictures;
    if pictures.is_empty() {
        return Line::well(
            NAME,
            "none beside messages from Matrix, because the setting *Where browsers reach the App's listener* is empty.",
        );
    }
    if pictures.contains("/api/apps/") {
        return Line::warning(
            NAME,
            "they are loaded through Rocket.Chat, which writes the cookies that people are signed in by into the App's \
             log.",
            "Have a reverse proxy hand /avatar/ of some address on to the App's listener, and name that address under \
             *Where browsers reach the App's listener*.",
        );
    }
    Line::well(NAME, format!("browsers load those beside messages from Matrix from {pictures}."))
}

/// Whether there is a secret that keys and tokens are sealed with.
pub(super) fn secret(facts: &Facts<'_>) -> Line {
    const NAME: &str = "Secret";
    let variable = facts.runtime.map_or("the App's variable", |it| it.variable.as_str());
    let direct = facts.config.mode == Mode::Direct;
    let meaning = if direct {
        "without it there is no key to sign with, and no direct mode"
    } else {
        "so whoever can read Rocket.Chat's database can read the App's secrets there"
    };
    let make = |text: String| {
        let fix = format!(
            "Give the Rocket.Chat server the environment variable `{variable}` with at least {SECRET} random \
             characters, made by `openssl rand -base64 32` (under `environment:` of compose.yml, or `Environment=` of \
             the systemd unit), and restart it. Keep it well: with another one, what was sealed is lost."
        );
        if direct { Line::broken(NAME, text, fix) } else { Line::warning(NAME, text, fix) }
    };
    match facts.config.secret.as_ref().map(|it| it.expose().chars().count()) {
        None => make(format!("`{variable}` is not set, {meaning}.")),
        Some(length) if length < SECRET => {
            make(format!("`{variable}` has only {length} characters, {meaning}."))
        }
        Some(_) => Line::well(NAME, format!("`{variable}` is set.")),
    }
}

/// How many servers there are, and what is not known of the others.
pub(super) fn servers(facts: &Facts<'_>) -> Line {
    const NAME: &str = "Servers";
    match facts.servers {
        1 => Line::well(NAME, "one server of this workspace runs the App."),
        servers => Line::well(
            NAME,
            format!(
                "{servers} servers of this workspace run the App. These lines are what one of them sees: *Runtime* and \
                 *Listener* may be others elsewhere. It is enough that what Matrix sends reaches any of them."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn pictures_that_put_cookies_into_the_log_deserve_a_look() {
        let cases = [
            ("", State::Well, "none beside messages"),
            ("https://pictures.example.org", State::Well, "from https://pictures.example.org"),
            ("https://chat.example.org/api/apps/public/app", State::Warning, "cookies"),
        ];
        for (address, state, words) in cases {
            let line = pictures(&Config { pictures: address.to_owned(), ..Config::default() });
            assert_eq!(line.state, state, "{line:?}");
            assert!(line.text.contains(words), "{line:?}");
            assert_eq!(line.fix.contains("hand /avatar/"), state == State::Warning, "{line:?}");
        }
    }
}
