//! The lines of direct mode: whether this workspace is a Matrix server that others find and believe.

use super::answer::{Cause, cause, in_words};
use super::homeserver::clock;
use super::machine::SETTINGS;
use super::{Facts, Line};
use crate::input::Answer;
use crate::runtime::Listener;
use crate::server::{Probe, Published};

const KEY: &str = "Signing key";
const REACHED: &str = "Found by its name";
const CLOCK: &str = "Clock";

/// All lines of direct mode.
pub(super) fn lines(facts: &Facts<'_>) -> Vec<Line> {
    let Some(probe) = &facts.direct else {
        return [KEY, REACHED, CLOCK].map(|name| Line::after(name, SETTINGS)).into();
    };
    let key = match &probe.key {
        Ok(id) => Line::well(KEY, format!("{id} signs what this workspace sends.")),
        Err(why) => Line::broken(
            KEY,
            format!("{why}. Nothing goes to Matrix."),
            "See *Secret* below: set the one that the key was made with, and restart Rocket.Chat. If that is lost, \
             `/federation rotate-key` makes a new key; other servers then take what the old one signed for what it was.",
        ),
    };
    let clock = match &probe.answer {
        Some(answer @ Answer::Response { .. }) => clock(answer, "the proxy's"),
        Some(Answer::Unreachable { .. }) | None => Line::after(CLOCK, REACHED),
    };
    vec![key, reached(facts, probe), clock]
}

fn reached(facts: &Facts<'_>, probe: &Probe) -> Line {
    let name = &facts.config.server_name;
    let address = match &probe.address {
        Ok(address) => address,
        Err(why) => return broken(&format!("{name} leads nowhere: {why}"), hand_on(facts)),
    };
    let well_known =
        format!("`https://{}/.well-known/matrix/server`", name.split(':').next().unwrap_or(name));
    let elsewhere = format!("If it is not meant to be found there, let {well_known} say where it is.");
    match (&probe.answer, probe.published) {
        (Some(Answer::Unreachable { why }), _) => {
            let (text, fix) = match cause(why) {
                Cause::Private => {
                    return Line::unknown(
                        REACHED,
                        format!(
                            "seen from here, {name} leads to a private address ({address}), where the settings do not let \
                             the App connect; so others must say whether they find it. From outside, \
                             https://federationtester.matrix.org tells."
                        ),
                    );
                }
                Cause::Name => ("a name that is not known", format!("Let the DNS know {name}. {elsewhere}")),
                Cause::Refused => ("where nobody listens", format!("{} {elsewhere}", hand_on(facts))),
                Cause::Untrusted => (
                    "whose certificate is not trusted",
                    format!(
                        "Other servers do not believe it either: give the proxy a certificate for {name} by an \
                             authority that everybody trusts. {elsewhere}"
                    ),
                ),
                Cause::NotTls => (
                    "where nobody speaks TLS",
                    format!("Matrix servers speak TLS only: end it in the proxy. {elsewhere}"),
                ),
                Cause::Closed => ("but the App may not call anybody", "See *Runtime* above.".to_owned()),
                Cause::Slow | Cause::NoWay | Cause::Other => {
                    ("where nobody answers", format!("Open the port in the firewalls. {elsewhere}"))
                }
            };
            broken(&format!("{name} leads to {address}, {text} ({why})"), fix)
        }
        (_, Published::Ours) => {
            Line::well(REACHED, format!("{name} leads to {address}, and from there to the App."))
        }
        (_, Published::Another) => broken(
            &format!(
                "{name} leads to {address}, but what answers there is another Matrix server, or has other keys"
            ),
            format!("Only one server can bear the name: choose another *Server name*. {}", hand_on(facts)),
        ),
        (Some(answer), Published::Unreadable) => broken(
            &format!(
                "{name} leads to {address}, but what answers there is not the App ({})",
                in_words(answer)
            ),
            format!("{} {elsewhere}", hand_on(facts)),
        ),
        (None, Published::Unreadable) => broken(&format!("{name} leads nowhere"), hand_on(facts)),
    }
}

fn broken(text: &str, fix: String) -> Line {
    Line::broken(
        REACHED,
        format!("{text}. Other servers cannot reach this workspace, nor believe what it says."),
        fix,
    )
}

fn hand_on(facts: &Facts<'_>) -> String {
    let place = match facts.runtime.map(|it| &it.listener) {
        Some(Listener::Listening { host, port }) => format!(" (it listens on {host}:{port} of this machine)"),
        Some(Listener::Taken { .. } | Listener::Failed { .. } | Listener::Off) | None => String::new(),
    };
    format!(
        "Have a proxy that ends TLS hand /_matrix/key and /_matrix/federation on to the App{place}, unchanged."
    )
}
