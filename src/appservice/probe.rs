//! The questions by which it is found out whether a homeserver and this App can work together.
//!
//! They are asked in few rounds, many at once, and each is given up after some seconds: all of them together end
//! within forty. Asking twice changes nothing at the homeserver. What the answers mean is said in `admin::check`.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#pinging>

use serde_json::{Value, json};

use super::intent::ID;
use super::{request, token};
use crate::config::Config;
use crate::effect::Call;
use crate::ids;
use crate::input::Answer;
use crate::view::{Key, Missing, View};

/// Whoever does not say within so many milliseconds who it is, is not there.
const FIRST: u32 = 8_000;

/// What is asked in our own name, in milliseconds. A ping waits for the homeserver, which waits for us.
const SECOND: u32 = 12_000;

/// The large ping, in milliseconds: it goes there and comes back.
const THIRD: u32 = 15_000;

/// So many bytes the large ping has: more than the usual limits of proxies, 100 KB and 1 MB, and less than what a
/// homeserver sends after an outage.
pub const LARGE: usize = 1_200_000;

/// Everybody's account on Rocket.Chat, so that its puppet is nobody else's.
pub const ANYBODY: &str = "rocket.cat";

/// What a homeserver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which versions of the protocol it speaks.
    pub versions: Answer,
    /// What it is, where it tells other servers here.
    pub software: Answer,
    /// Where clients find the server of our name; asked only where there is no homeserver at the address.
    pub well_known: Option<Answer>,
    /// What it answered in our own name; asked only where there is a homeserver and tokens are drawn.
    pub inside: Option<Inside>,
}

/// What a homeserver answered in our own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Who we are to it.
    pub whoami: Answer,
    /// Whether we may be somebody of the workspace.
    pub puppet: Answer,
    /// How large files may be.
    pub media: Answer,
    /// Whom it knows in our namespace.
    pub people: Answer,
    /// Whether it reaches us.
    pub ping: Answer,
    /// Whether it reaches us with a large body; asked only where it does with a small one.
    pub large: Option<Answer>,
}

/// Whether it answers as homeservers do.
pub fn is_homeserver(versions: &Answer) -> bool {
    let Answer::Response { status: 200, body, .. } = versions else { return false };
    serde_json::from_str::<Value>(body).is_ok_and(|it| it.get("versions").is_some_and(Value::is_array))
}

/// Asks the homeserver of the settings.
pub fn probe(view: &View) -> Result<Probe, Missing> {
    let Config { server_name, .. } = &view.config;
    let versions = plain(format!("{}/_matrix/client/versions", view.config.homeserver()));
    let software = plain(format!("{}/_matrix/federation/v1/version", view.config.homeserver()));
    view.all([&versions, &software].map(fetch))?;
    let (versions, software) = (view.fetch(versions)?.clone(), view.fetch(software)?.clone());
    if !is_homeserver(&versions) {
        let well_known = plain(format!("https://{server_name}/.well-known/matrix/client"));
        let well_known = Some(view.fetch(well_known)?.clone());
        return Ok(Probe { versions, software, well_known, inside: None });
    }
    Ok(Probe { versions, software, well_known: None, inside: inside(view)? })
}

fn inside(view: &View) -> Result<Option<Inside>, Missing> {
    let Some(tokens) = token::in_use(view)? else { return Ok(None) };
    let authorization = Some(format!("Bearer {}", tokens.appservice.expose()));
    let ours = |call: Call, timeout| Call { authorization: authorization.clone(), timeout, ..call };
    let localpart = format!("{}{}", view.config.prefix(), ids::localpart(ANYBODY));
    let media = Call {
        url: format!("{}/_matrix/client/v1/media/config", view.config.homeserver()),
        ..request::get(view, "")
    };
    let whoami = ours(request::get(view, "account/whoami"), SECOND);
    let puppet = ours(request::register(view, &localpart), SECOND);
    let media = ours(media, SECOND);
    let people = ours(request::post(view, "user_directory/search", search(&view.config)), SECOND);
    let ping = ours(request::ping(view, ID), SECOND);
    view.all([&whoami, &puppet, &media, &people, &ping].map(fetch))?;
    let small = view.fetch(ping.clone())?.clone();
    let large = if matches!(small, Answer::Response { status: 200, .. }) {
        let body = json!({ "transaction_id": "x".repeat(LARGE) }).to_string();
        Some(view.fetch(Call { body: Some(body), timeout: THIRD, ..ping })?.clone())
    } else {
        None
    };
    let answer = |call| view.fetch(call).cloned();
    Ok(Some(Inside {
        whoami: answer(whoami)?,
        puppet: answer(puppet)?,
        media: answer(media)?,
        people: answer(people)?,
        ping: small,
        large,
    }))
}

/// Without a prefix everybody of the server is in our namespace. A directory looks for words: what stands between two
/// is part of neither.
fn search(config: &Config) -> Value {
    let word = config.prefix().trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let term = if word.is_empty() { &config.server_name } else { word };
    json!({ "search_term": term, "limit": 50 })
}

/// A question that needs no token.
fn plain(url: String) -> Call {
    Call {
        method: "GET".to_owned(),
        url,
        authorization: None,
        peer: None,
        guarded: false,
        body: None,
        timeout: FIRST,
    }
}

fn fetch(call: &Call) -> Key {
    Key::Fetch { request: call.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_hangs_all_questions_end_within_forty_seconds() {
        // One look at where the server of our name is takes the place of what would have followed.
        const { assert!(FIRST + SECOND + THIRD <= 36_000 && FIRST + FIRST <= 36_000) }
    }

    #[test]
    fn a_directory_is_asked_for_words() {
        for (prefix, term) in
            [("rc_", "rc"), ("chat.rc-", "chat.rc"), ("rc", "rc"), ("", "hs.test"), (".", "hs.test")]
        {
            let config = Config {
                user_prefix: prefix.to_owned(),
                server_name: "hs.test".to_owned(),
                ..Config::default()
            };
            assert_eq!(search(&config)["search_term"], term);
        }
    }
}
