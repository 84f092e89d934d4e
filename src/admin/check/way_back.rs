//! The lines about the way from the homeserver to the App: whether it leads here, and what fits through it.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv1appserviceappserviceidping>

use super::answer::{Cause, Refusal, cause, in_words, json, refusal};
use super::homeserver::INSTALL;
use super::machine::open_the_network;
use super::{Facts, Line, host_of, is_of_this_machine};
use crate::appservice::{Inside, LARGE as BYTES};
use crate::input::Answer;

pub(super) const SMALL: &str = "Way back";
pub(super) const LARGE: &str = "Large transactions";

/// What nothing arriving means.
const NOTHING: &str = "Nothing that is said on Matrix arrives here";

/// Both lines.
pub(super) fn lines(facts: &Facts<'_>, inside: &Inside) -> Vec<Line> {
    let large = match &inside.large {
        Some(answer) => large(facts, answer),
        None => Line::after(LARGE, SMALL),
    };
    vec![small(facts, &inside.ping), large]
}

fn small(facts: &Facts<'_>, ping: &Answer) -> Line {
    let (status, body) = match ping {
        Answer::Unreachable { .. } => return silence(facts),
        Answer::Response { status, body, .. } => (*status, body),
    };
    let Refusal { code, text, status: theirs, body: inner } = refusal(body);
    match (status, code.as_str()) {
        (200, _) => Line::well(SMALL, "the homeserver reaches the App by the address in its registration."),
        (_, "M_URL_NOT_SET") => Line::broken(
            SMALL,
            format!("the registration at the homeserver has no `url`, so it calls nobody. {NOTHING}."),
            format!("{INSTALL}."),
        ),
        (403, "M_FORBIDDEN") => Line::broken(
            SMALL,
            format!(
                "the homeserver has our token under another `id`, in the registration of something else. {NOTHING}."
            ),
            format!("{INSTALL}, once only: no other file may hold the same token."),
        ),
        (404 | 405, _) => Line::warning(
            SMALL,
            "the homeserver cannot be asked to call us, so nobody knows whether it reaches the App.",
            "Update the homeserver, Synapse to 1.87 or newer. If it is recent, have the proxy before it hand on all of \
             /_matrix.",
        ),
        (_, "M_BAD_STATUS") => bad_status(facts, theirs, &inner),
        (_, "M_CONNECTION_TIMEOUT") | (504, _) => silence(facts),
        (_, "M_CONNECTION_FAILED") => failed(facts, &text),
        _ => Line::broken(
            SMALL,
            format!("the homeserver could not say whether it reaches the App ({}).", in_words(ping)),
            "Look into the homeserver's log.",
        ),
    }
}

/// The App, or something in its place, answered the homeserver with an error.
fn bad_status(facts: &Facts<'_>, status: u64, body: &str) -> Line {
    let Refusal { code, text, .. } = refusal(body);
    let ours = !code.is_empty();
    let broken = |text: &str, fix: String| Line::broken(SMALL, format!("{text} {NOTHING}."), fix);
    match status {
        403 if text.contains("hs_token") => broken(
            "the homeserver reaches the App, but with a wrong `hs_token`: its registration file is an old one.",
            format!("{INSTALL}."),
        ),
        401 if code == "M_MISSING_TOKEN" => broken(
            "the homeserver reaches the App, but without its token: a proxy in between takes the Authorization header \
             away.",
            "Have the proxy hand on all headers (nginx: no `proxy_set_header Authorization`).".to_owned(),
        ),
        404 if code == "M_UNRECOGNIZED" => broken(
            "the homeserver reaches the App, but under a wrong path: a proxy in between changes it.",
            "Have the proxy hand on paths as they are (nginx: `proxy_pass` without anything after the port)."
                .to_owned(),
        ),
        413 => broken(
            "a proxy between the homeserver and the App refuses even small requests as too large.",
            raise(),
        ),
        503 if ours => Line::warning(SMALL, "the App is still starting.", "Ask again in a moment."),
        502..=504 => broken(
            &format!("a proxy between the homeserver and the App does not find the App (status {status})."),
            format!("Have the proxy hand everything on to the App{}.", place(facts)),
        ),
        404 => broken(
            "the homeserver does not reach the App, but something else in its place, which does not know what it is asked \
             for (status 404).",
            correct(facts),
        ),
        _ => broken(
            &format!(
                "the homeserver does not reach the App, but something else in its place (status {status})."
            ),
            correct(facts),
        ),
    }
}

/// The homeserver had no answer at all.
fn failed(facts: &Facts<'_>, why: &str) -> Line {
    let why_not = match cause(why) {
        Cause::Name => "does not know the name in that address",
        Cause::Refused => "finds nobody listening there (connection refused)",
        Cause::Untrusted => "does not trust the certificate there",
        Cause::NotTls => "finds no TLS there",
        Cause::Slow | Cause::NoWay => return silence(facts),
        Cause::Closed | Cause::Private | Cause::Other => "finds something there that is not the App",
    };
    let fix = match cause(why) {
        Cause::Untrusted => {
            "Give the proxy before the App a certificate that the homeserver's machine trusts, or use an \
                             address that begins with http:// inside your network."
                .to_owned()
        }
        Cause::NotTls => format!("Use an address that begins with http://. {}", correct(facts)),
        Cause::Name
        | Cause::Refused
        | Cause::Slow
        | Cause::NoWay
        | Cause::Closed
        | Cause::Private
        | Cause::Other => correct(facts),
    };
    Line::broken(
        SMALL,
        format!("the homeserver calls the App at the address in its registration, but {why_not}. {NOTHING}."),
        fix,
    )
}

fn silence(facts: &Facts<'_>) -> Line {
    Line::broken(
        SMALL,
        format!(
            "the homeserver calls the App at the address in its registration, but gets no answer in time. {NOTHING}."
        ),
        format!("Let the firewalls in between open the port. {}", correct(facts)),
    )
}

/// How the address in the registration is put right.
fn correct(facts: &Facts<'_>) -> String {
    let url = &facts.config.appservice_url;
    let local = if is_of_this_machine(host_of(url)) {
        " (which works only if the homeserver runs on this very machine, and not in a container)"
    } else {
        ""
    };
    format!(
        "Set *Where the homeserver reaches the App*, now {url}{local}, to an address that leads to the App{}. If that is \
         right already, the homeserver has an older registration. Then: {INSTALL}.",
        place(facts)
    )
}

/// Where the App is to be found, as far as that is known.
fn place(facts: &Facts<'_>) -> String {
    use crate::runtime::Listener;
    match facts.runtime.map(|it| &it.listener) {
        Some(Listener::Listening { host, port }) => {
            format!(", which listens on {host}:{port} of this machine")
        }
        Some(Listener::Taken { .. } | Listener::Failed { .. }) => {
            ", once it listens (see *Listener*)".to_owned()
        }
        Some(Listener::Off) | None => String::new(),
    }
}

/// What fits through.
fn large(facts: &Facts<'_>, answer: &Answer) -> Line {
    let size = format!("{}.{} MB", BYTES / 1_000_000, BYTES % 1_000_000 / 100_000);
    let stops =
        "after an outage a larger one comes, is refused again and again, and *everything from Matrix stops*";
    let (status, body) = match answer {
        Answer::Unreachable { why } => {
            return Line::warning(
                LARGE,
                format!(
                    "one of {size} took too long ({why}): after an outage it takes long until all is here."
                ),
                "Look at what is slow between the homeserver and this server.",
            );
        }
        Answer::Response { status, body, .. } => (*status, body),
    };
    let Refusal { code, text, status: theirs, .. } = refusal(body);
    let endpoints = facts.config.appservice_url.contains("/api/apps/");
    match (status, code.as_str()) {
        (200, _) if json(body).is_object() => Line::well(LARGE, format!("one of {size} arrives.")),
        (_, "M_BAD_STATUS") if theirs == 413 && endpoints => Line::broken(
            LARGE,
            format!(
                "unsafe: the homeserver reaches the App through Rocket.Chat's own endpoints, which take no more than 100 KB: {stops}."
            ),
            if facts.runtime.is_some_and(|it| it.open) {
                format!(
                    "Empty *Where the homeserver reaches the App*, or set it to an address that leads to the App's own \
                     listener{}. Then: {INSTALL}.",
                    place(facts)
                )
            } else {
                format!("{} Then: {INSTALL}.", open_the_network())
            },
        ),
        (_, "M_BAD_STATUS") if theirs == 413 => Line::broken(
            LARGE,
            format!("unsafe: a proxy between the homeserver and the App takes no {size}: {stops}."),
            raise(),
        ),
        (_, "M_BAD_STATUS" | "M_CONNECTION_FAILED" | "M_CONNECTION_TIMEOUT") => Line::broken(
            LARGE,
            format!("a small one arrives, one of {size} does not ({}): {stops}.", reason(theirs, &text)),
            "Look into the log of the proxy between the homeserver and the App: it must hand on bodies of at least 16 MB, \
             and wait a minute for the answer.",
        ),
        (413, _) => Line::warning(
            LARGE,
            format!(
                "not checked: already on the way to the homeserver, something takes no {size}. Larger files cannot be sent \
                 to Matrix either."
            ),
            "Let the proxy before the homeserver take more (nginx: `client_max_body_size 100m;`).",
        ),
        _ => Line::warning(
            LARGE,
            format!("the homeserver did not say whether one of {size} arrives ({}).", in_words(answer)),
            "Look into the homeserver's log.",
        ),
    }
}

fn reason(status: u64, text: &str) -> String {
    if status == 0 { text.to_owned() } else { format!("status {status}") }
}

fn raise() -> String {
    "Let that proxy take bodies of 16 MB (nginx: `client_max_body_size 16m;`).".to_owned()
}
