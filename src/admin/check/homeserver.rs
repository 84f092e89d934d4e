//! The lines about a homeserver: whether it is one, what it can do, whether it knows us, and what that allows.

use serde_json::Value;

use super::answer::{Cause, Refusal, cause, field, in_words, json, refusal};
use super::machine::SETTINGS;
use super::{Facts, Line, host_of, way_back};
use crate::appservice::{ANYBODY, Inside, Probe, is_homeserver};
use crate::config::Config;
use crate::ids::{size, split_mxid};
use crate::input::Answer;
use crate::runtime::Transport;

const HOMESERVER: &str = "Homeserver";
const VERSION: &str = "Version";
const CLOCK: &str = "Clock";
pub(super) const TOKEN: &str = "Token";
const USERS: &str = "Users";
const OTHERS: &str = "Other people";
const FILES: &str = "Files";

/// What the administrator of the homeserver does with a new registration.
pub(super) const INSTALL: &str = "Save what `/federation registration` shows as `rocketchat-registration.yaml` beside the \
                                  homeserver in place of the old one, name the file under `app_service_config_files` in \
                                  `homeserver.yaml`, and restart the homeserver";

/// A clock that is off by more shows, in milliseconds.
const SHOWS: i64 = 10_000;

/// A clock that is off by more does harm, in milliseconds.
const HARMS: i64 = 60_000;

/// All lines of homeserver mode.
pub(super) fn lines(facts: &Facts<'_>) -> Vec<Line> {
    let all = [HOMESERVER, VERSION, CLOCK, TOKEN, USERS, way_back::SMALL, way_back::LARGE, OTHERS, FILES];
    let after = |names: &[&'static str], earlier: &str| -> Vec<Line> {
        names.iter().map(|name| Line::after(name, earlier)).collect()
    };
    let Some(probe) = &facts.homeserver else { return after(&all, SETTINGS) };
    let mut lines = vec![reached(facts, probe)];
    if !is_homeserver(&probe.versions) {
        lines.extend(after(&all[1..], HOMESERVER));
        return lines;
    }
    lines.extend([version(&probe.versions), clock(&probe.versions, "the homeserver's")]);
    let Some(inside) = &probe.inside else {
        lines.push(Line::broken(TOKEN, "the registration is being made.", "Ask again in a moment."));
        lines.extend(after(&all[4..], TOKEN));
        return lines;
    };
    let (token, accepted) = token(facts.config, &inside.whoami);
    lines.push(token);
    if !accepted {
        lines.extend(after(&all[4..], TOKEN));
        return lines;
    }
    lines.push(users(facts.config, &inside.puppet));
    lines.extend(way_back::lines(facts, inside));
    lines.extend([others(facts, inside), files(facts, &inside.media)]);
    lines
}

/// Whether a homeserver answers at the address of the settings.
fn reached(facts: &Facts<'_>, probe: &Probe) -> Line {
    let url = facts.config.homeserver();
    if is_homeserver(&probe.versions) {
        return Line::well(HOMESERVER, format!("{} answers at {url}.", software(&probe.software)));
    }
    let hint = elsewhere(facts.config, probe.well_known.as_ref()).unwrap_or_default();
    let (text, fix) = match &probe.versions {
        Answer::Unreachable { why } => unreachable(facts, why),
        Answer::Response { location: Some(location), .. } => moved(url, location),
        Answer::Response { status: 502..=504, .. } => (
            "a proxy answers there, but the homeserver behind it does not".to_owned(),
            "Start the homeserver, or correct where the proxy looks for it.".to_owned(),
        ),
        Answer::Response { status, .. } => (
            format!("what answers there is no homeserver, but a web page or another service (status {status})"),
            "Correct the *Address of the homeserver*: it is where Matrix clients log in. If it is right, have the proxy \
             there hand /_matrix on to the homeserver."
                .to_owned(),
        ),
    };
    Line::broken(HOMESERVER, format!("{url}: {text}. Nothing goes to Matrix."), format!("{hint}{fix}"))
}

fn software(answer: &Answer) -> String {
    let server = match answer {
        Answer::Response { status: 200, body, .. } => json(body).get("server").cloned().unwrap_or_default(),
        Answer::Response { .. } | Answer::Unreachable { .. } => Value::Null,
    };
    let text = |name: &str| server.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = format!("{} {}", text("name"), text("version"));
    if named.trim().is_empty() { "a homeserver".to_owned() } else { named.trim().to_owned() }
}

fn unreachable(facts: &Facts<'_>, why: &str) -> (String, String) {
    let url = facts.config.homeserver();
    let own = facts.runtime.is_none_or(|it| it.transport != Transport::Workspace);
    let (text, fix) = match cause(why) {
        Cause::Name => (
            "this name is not known here",
            "Correct the *Address of the homeserver*, or let the DNS that the Rocket.Chat server uses know the name."
                .to_owned(),
        ),
        Cause::Refused => (
            "nobody listens there (connection refused)",
            "Start the homeserver. If it runs, correct the port in the *Address of the homeserver*, and have the \
             homeserver listen on an address that the Rocket.Chat server reaches, not on its own 127.0.0.1."
                .to_owned(),
        ),
        Cause::Untrusted if own => (
            "its certificate is not trusted here",
            format!(
                "If the authority that signed it is your own, paste its certificate under *Further trusted certificate \
                 authorities*. Else give the homeserver a valid certificate for {}.",
                host_of(url)
            ),
        ),
        Cause::Untrusted => (
            "Rocket.Chat does not trust its certificate",
            format!(
                "If the authority that signed it is your own, name its file in the environment variable \
                 NODE_EXTRA_CA_CERTS of the Rocket.Chat server, and restart that. Else give the homeserver a valid \
                 certificate for {}.",
                host_of(url)
            ),
        ),
        Cause::NotTls => (
            "what listens there does not speak TLS",
            "Begin the *Address of the homeserver* with http://, or name the port where it speaks TLS.".to_owned(),
        ),
        Cause::Slow | Cause::NoWay => (
            "there was no answer in time",
            "Let the firewalls between the Rocket.Chat server and the homeserver open this port, or correct the *Address \
             of the homeserver*. Where only Rocket.Chat reaches the outside, through a proxy, set *Who calls the \
             homeserver* to Always Rocket.Chat."
                .to_owned(),
        ),
        Cause::Closed => ("the App may not call it", "See *Runtime* above.".to_owned()),
        Cause::Private | Cause::Other => {
            (why, "Correct the *Address of the homeserver*, or look into its log.".to_owned())
        }
    };
    (text.trim_end_matches('.').to_owned(), fix)
}

fn moved(url: &str, location: &str) -> (String, String) {
    let target = location.split("/_matrix/").next().unwrap_or(location).trim_end_matches('/');
    let target = if target.is_empty() { "another path" } else { target };
    (
        format!("it sends us on to {target}"),
        if target.starts_with("http") && target != url {
            format!("Set the *Address of the homeserver* to {target}.")
        } else {
            "Have the proxy there hand /_matrix on to the homeserver instead of sending us elsewhere."
                .to_owned()
        },
    )
}

/// What the server of our name itself says about where its homeserver is.
fn elsewhere(config: &Config, well_known: Option<&Answer>) -> Option<String> {
    let Answer::Response { status: 200, body, .. } = well_known? else { return None };
    let base = json(body).get("m.homeserver")?.get("base_url")?.as_str()?.trim_end_matches('/').to_owned();
    let said = base.starts_with("http") && base.len() < 200 && base != config.homeserver();
    said.then(|| {
        format!("{} says that its homeserver is at {base}: try that address. Or: ", config.server_name)
    })
}

/// Whether it is recent enough.
fn version(versions: &Answer) -> Line {
    let Answer::Response { body, .. } = versions else { return Line::after(VERSION, HOMESERVER) };
    let json = json(body);
    let spoken = json.get("versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let minor = |it: &Value| it.as_str()?.strip_prefix("v1.")?.parse::<u32>().ok();
    let newest = spoken.iter().filter_map(minor).max().unwrap_or(0);
    let fix = "Update the homeserver, Synapse to 1.111 or newer.";
    match newest {
        11.. => Line::well(VERSION, format!("it speaks Matrix up to 1.{newest}.")),
        7.. => Line::warning(
            VERSION,
            format!(
                "it speaks Matrix up to 1.{newest} only. Before 1.11, files from Matrix cannot be fetched."
            ),
            fix,
        ),
        _ => Line::warning(
            VERSION,
            format!(
                "it speaks Matrix up to 1.{newest} only. Before 1.7 it cannot be asked to call us, so after an outage \
                 what was said on Matrix arrives up to nine minutes late; and files cannot be fetched."
            ),
            fix,
        ),
    }
}

/// Whether two clocks agree.
pub(super) fn clock(answer: &Answer, whose: &str) -> Line {
    let ahead = if let Answer::Response { ahead, .. } = answer { *ahead } else { None };
    let Some(ahead) = ahead else { return Line::unknown(CLOCK, format!("{whose} answers carry no time.")) };
    let off = format!(
        "this server's clock and {whose} differ by {} seconds ({whose} is {})",
        ahead.abs() / 1000,
        if ahead > 0 { "ahead" } else { "behind" }
    );
    let fix = "Let both machines keep the time by NTP (`timedatectl set-ntp true`).";
    match ahead.abs() {
        0..=SHOWS => Line::well(CLOCK, format!("this server's and {whose} agree.")),
        ..=HARMS => Line::warning(
            CLOCK,
            format!("{off}: messages show the wrong time, and some come in the wrong order."),
            fix,
        ),
        _ => Line::broken(
            CLOCK,
            format!(
                "{off}: messages show the wrong time and come in the wrong order, and Rocket.Chat refuses a message whose \
                 time is more than a minute off."
            ),
            fix,
        ),
    }
}

/// Whether the homeserver accepts our token, and as whom; and whether it is worth asking on.
fn token(config: &Config, whoami: &Answer) -> (Line, bool) {
    let (status, body) = match whoami {
        Answer::Response { status, body, .. } => (*status, body),
        Answer::Unreachable { why } => {
            let text = format!("the homeserver did not say whether it accepts our token: {why}.");
            return (Line::broken(TOKEN, text, "Look into the homeserver's log."), false);
        }
    };
    let Refusal { code, .. } = refusal(body);
    match (status, code.as_str(), field(body, "user_id")) {
        (200, _, Some(user)) if user == config.bot() => {
            (Line::well(TOKEN, format!("accepted; the App itself is {user}.")), true)
        }
        (200, _, Some(user)) => (another_bot(config, &user), true),
        (_, "M_MISSING_TOKEN", _) => (
            Line::broken(
                TOKEN,
                "our token did not arrive: a proxy before the homeserver takes the Authorization header away.",
                "Have the proxy hand on all headers.",
            ),
            false,
        ),
        (401 | 403, ..) => (
            Line::broken(
                TOKEN,
                "the homeserver does not know our token: the registration file is not installed there, or an old one is. \
                 Nothing goes to Matrix.",
                format!("{INSTALL}."),
            ),
            false,
        ),
        _ => (
            Line::broken(
                TOKEN,
                format!("the homeserver did not say whether it accepts our token ({}).", in_words(whoami)),
                "Look into the homeserver's log.",
            ),
            false,
        ),
    }
}

fn another_bot(config: &Config, user: &str) -> Line {
    let text = format!("the homeserver knows the App as {user}, but by the settings it is {}.", config.bot());
    let fix = match split_mxid(user) {
        Some((_, server)) if server != config.server_name => {
            format!("Set the *Server name* to {server}. Then: {INSTALL}.")
        }
        Some((localpart, _)) => {
            format!("Set the *Name of the App's own user on Matrix* to {localpart}. Or: {INSTALL}.")
        }
        None => format!("{INSTALL}."),
    };
    Line::broken(TOKEN, text, fix)
}

/// Whether the App may act for the people of the workspace.
fn users(config: &Config, puppet: &Answer) -> Line {
    let somebody = format!("@{}{ANYBODY}:{}", config.prefix(), config.server_name);
    let code = if let Answer::Response { body, .. } = puppet { refusal(body).code } else { String::new() };
    match (puppet, code.as_str()) {
        (Answer::Response { status: 200, .. }, _) | (_, "M_USER_IN_USE") => {
            Line::well(USERS, format!("the App may speak for people here, such as {somebody}."))
        }
        (_, "M_EXCLUSIVE") => Line::broken(
            USERS,
            format!(
                "the homeserver does not let the App speak for {somebody}: the registration file there is for another \
                 prefix or server name. Nothing that people here say goes to Matrix."
            ),
            format!("{INSTALL}. Or set the *Prefix of your users on Matrix* to that of the file."),
        ),
        _ => Line::broken(
            USERS,
            format!("the homeserver did not let the App speak for {somebody} ({}).", in_words(puppet)),
            "Look into the homeserver's log.",
        ),
    }
}

/// Whether our namespace has other people in it.
fn others(facts: &Facts<'_>, inside: &Inside) -> Line {
    let Answer::Response { status: 200, body, .. } = &inside.people else {
        return Line::unknown(
            OTHERS,
            format!("the homeserver did not answer from its user directory ({}).", in_words(&inside.people)),
        );
    };
    let namespace = match facts.config.prefix() {
        "" => format!("on {}", facts.config.server_name),
        prefix => format!("whose names begin with {prefix}"),
    };
    let part = "Its directory may leave some out: it shows only those whom the App may see";
    let limited = json(body).get("limited").and_then(Value::as_bool) == Some(true);
    let part = if limited { format!("{part}, and of these the first 50") } else { part.to_owned() };
    if facts.strangers.is_empty() {
        return Line::well(OTHERS, format!("the homeserver shows no others {namespace}. ({part}.)"));
    }
    let shown: Vec<&str> = facts.strangers.iter().take(5).map(String::as_str).collect();
    let more = match facts.strangers.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Line::warning(
        OTHERS,
        format!(
            "there are users {namespace} who are nobody of this workspace: {}{more}. If they are not accounts of people \
             who left, what they say does not arrive here, and the App can act in their name. ({part}.)",
            shown.join(", ")
        ),
        "Before the first room is shared, choose a *Prefix of your users on Matrix* that no other name begins with, and \
         install the registration again.",
    )
}

/// Whether files up to the setting fit both sides.
fn files(facts: &Facts<'_>, media: &Answer) -> Line {
    let Answer::Response { status: 200, body, .. } = media else {
        return Line::unknown(
            FILES,
            format!("the homeserver does not say how large they may be ({}).", in_words(media)),
        );
    };
    let there = json(body).get("m.upload.size").and_then(Value::as_i64);
    let here = facts.largest_file.filter(|it| *it >= 0);
    let wanted = i64::from(facts.config.largest_file);
    let most = |limit: Option<i64>| limit.map_or("any size".to_owned(), |it| format!("up to {}", size(it)));
    let limits = format!("the homeserver takes files of {}, Rocket.Chat of {}", most(there), most(here));
    let setting = format!("the setting *Largest file* of {}", size(wanted));
    let is_small = |limit: Option<i64>| limit.is_some_and(|it| it < wanted);
    let remedy = match (is_small(there), is_small(here)) {
        (false, false) => return Line::well(FILES, format!("{limits}; {setting} fits.")),
        (true, _) => {
            "`max_upload_size` in `homeserver.yaml` (and `client_max_body_size` of a proxy before it)"
        }
        (false, true) => {
            "*Maximum File Upload Size* in Rocket.Chat under Administration > Settings > File Upload"
        }
    };
    let text = format!("{limits}, but {setting} is more: what lies between does not get across.");
    Line::warning(FILES, text, format!("Raise {remedy}, or lower *Largest file*."))
}
