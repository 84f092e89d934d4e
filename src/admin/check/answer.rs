//! What an answer, or that there is none, tells to whoever looks for a fault.
//!
//! The App's own client says in plain words why there is no answer; Rocket.Chat's and the homeserver's say it in the
//! words of Node.js and of Python.

use serde_json::Value;

use crate::input::Answer;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The name is not known.
    Name,
    /// Nobody listens.
    Refused,
    /// The certificate is not believed.
    Untrusted,
    /// What answers does not speak TLS.
    NotTls,
    /// It took too long.
    Slow,
    /// There is no way to it.
    NoWay,
    /// Nobody here may call anybody.
    Closed,
    /// The settings do not allow the address.
    Private,
    /// Anything else.
    Other,
}

const CAUSES: &[(Cause, &[&str])] = &[
    (Cause::Closed, &["closes the network", "reached safely", "err_access_denied", "notcapable"]),
    (Cause::Private, &["its address is private"]),
    (Cause::NotTls, &["wrong_version_number", "wrong version number", "invalidcontenttype", "eproto"]),
    (Cause::Untrusted, &["certificate", "self-signed", "self_signed", "unable_to_verify", "unknownissuer"]),
    (Cause::Name, &["its name", "enotfound", "eai_again", "dnslookuperror", "no address associated"]),
    (Cause::Refused, &["connection refused", "econnrefused", "connectionrefused", "connection was refused"]),
    (Cause::Slow, &["no answer within", "took too long", "etimedout", "timed out", "timeout", "timedout"]),
    (Cause::NoWay, &["no way to it", "ehostunreach", "enetunreach", "no route to host", "unreachable"]),
];

/// Why there is no answer, by the words in which that is said.
pub(super) fn cause(why: &str) -> Cause {
    let why = why.to_lowercase();
    let named = CAUSES.iter().find(|(_, words)| words.iter().any(|word| why.contains(word)));
    named.map_or(Cause::Other, |(cause, _)| *cause)
}

/// A Matrix error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its `errcode`; empty where it has none.
    pub(super) code: String,
    /// Its text.
    pub(super) text: String,
    /// The HTTP status of whom the homeserver asked for us.
    pub(super) status: u64,
    /// What it answered.
    pub(super) body: String,
}

/// The Matrix error that a body is.
pub(super) fn refusal(body: &str) -> Refusal {
    let json = json(body);
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let status = json.get("status").and_then(Value::as_u64).unwrap_or_default();
    Refusal { code: text("errcode"), text: text("error"), status, body: text("body") }
}

/// A body as JSON; null where it is none.
pub(super) fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

/// A text in a body that is JSON.
pub(super) fn field(body: &str, name: &str) -> Option<String> {
    json(body).get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The users that a directory named.
pub(super) fn people(answer: &Answer) -> Vec<String> {
    let Answer::Response { status: 200, body, .. } = answer else { return vec![] };
    let json = json(body);
    let results = json.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    results.iter().filter_map(|it| it.get("user_id").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// What an answer says in a few words, for where nothing better is known.
pub(super) fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Unreachable { why } => why.clone(),
        Answer::Response { status, body, .. } => {
            let Refusal { code, text, .. } = refusal(body);
            if code.is_empty() {
                format!("status {status}")
            } else {
                format!("status {status}, {code}: {text}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_by_the_words_of_each_who_says_them() {
        for (why, expected) in [
            ("hs.test: its name is not known", Cause::Name),
            ("request to the address failed, reason: getaddrinfo ENOTFOUND hs.test", Cause::Name),
            ("DNSLookupError: DNS lookup failed: no results for hostname lookup: app.test.", Cause::Name),
            ("hs.test: nothing answers there (connection refused)", Cause::Refused),
            ("connect ECONNREFUSED 127.0.0.1:1", Cause::Refused),
            ("ConnectionRefusedError: Connection was refused by other side: 111.", Cause::Refused),
            ("hs.test: its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)", Cause::Untrusted),
            ("self-signed certificate in certificate chain", Cause::Untrusted),
            ("Error: [('SSL routines', '', 'certificate verify failed')]", Cause::Untrusted),
            ("hs.test: ERR_SSL_WRONG_VERSION_NUMBER", Cause::NotTls),
            ("received corrupt message of type InvalidContentType", Cause::NotTls),
            ("hs.test: no answer within 8 s", Cause::Slow),
            ("hs.test: there is no way to it", Cause::NoWay),
            ("the runtime closes the network to Apps, and the settings let only the App call", Cause::Closed),
            ("through Rocket.Chat's own client no other server can be reached safely", Cause::Closed),
            ("x: its address is private, and the settings do not allow that", Cause::Private),
            ("the answer was broken off", Cause::Other),
        ] {
            assert_eq!(cause(why), expected, "{why}");
        }
    }
}
