//! What a server says at `/.well-known/matrix/server` about where to find it, and for how long that holds.
//!
//! Whatever is wrong with the answer means 'no delegation', never a failure: discovery goes on without it. The body is
//! a stranger's: the caller reads at most `BODY_MAX` bytes of it, and follows at most `REDIRECTS_MAX` redirects, https
//! only.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#getwell-knownmatrixserver>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::ServerName;

/// The most bytes of a body that are looked at.
pub const BODY_MAX: usize = 50 * 1024;

/// The most redirects that are worth following.
pub const REDIRECTS_MAX: usize = 10;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How long an answer holds that does not say it.
const DEFAULT: i64 = 24 * HOUR;

/// The longest and the shortest that any answer holds.
const MOST: i64 = 48 * HOUR;
const LEAST: i64 = MINUTE;

/// The longest that a failure holds.
const FAILURE_MOST: i64 = HOUR;

/// What came back over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status, after redirects.
    pub status: u16,
    /// The `Cache-Control` header. `Expires` is not read: where it stands alone, the default serves as well.
    pub cache_control: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What is known of a host's delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WellKnownAnswer {
    /// The server that stands for it; nothing where the host names none.
    pub delegated: Option<ServerName>,
    /// Until when this holds, in milliseconds since 1970.
    pub valid_until_ms: i64,
    /// How many answers in a row were no delegation.
    pub failures: u32,
}

impl WellKnownAnswer {
    /// Reads an answer; nothing stands for a host that cannot be reached. The answer before it tells how often in a
    /// row this has failed: the wait doubles from a minute to an hour.
    pub fn read(response: Option<Response<'_>>, before: Option<&Self>, now_ms: i64) -> Self {
        let delegated = response.and_then(|it| delegation(&it));
        let (failures, holds) = if delegated.is_some() {
            (0, response.and_then(|it| it.cache_control).map_or(DEFAULT, lifetime))
        } else {
            let before = before.map_or(0, |it| it.failures);
            (before.saturating_add(1), (LEAST << before.min(6)).min(FAILURE_MOST))
        };
        Self { delegated, valid_until_ms: now_ms.saturating_add(holds), failures }
    }
}

fn delegation(response: &Response<'_>) -> Option<ServerName> {
    if response.status != 200 || response.body.len() > BODY_MAX {
        return None;
    }
    let body: Value = serde_json::from_slice(response.body).ok()?;
    ServerName::parse(body.get("m.server")?.as_str()?).ok()
}

/// How long an answer holds by its `Cache-Control`, in milliseconds.
fn lifetime(cache_control: &str) -> i64 {
    let mut holds = DEFAULT;
    for directive in cache_control.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return LEAST,
            "max-age" => {
                let seconds = value.trim().trim_matches('"');
                if !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit()) {
                    // More than a number can hold is for ever.
                    holds = seconds.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(1000);
                }
            }
            _ => {}
        }
    }
    holds.clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn read(status: u16, cache_control: Option<&str>, body: &[u8]) -> WellKnownAnswer {
        WellKnownAnswer::read(Some(Response { status, cache_control, body }), None, NOW)
    }

    #[test]
    fn a_delegation_is_a_server_name_and_nothing_else() {
        for (status, body, expected) in [
            (200, r#"{"m.server":"b.org"}"#, Some("b.org")),
            (200, r#" {"x":[1],"m.server":"b.org:443"} "#, Some("b.org:443")),
            (200, r#"{"m.server":"[::1]:443"}"#, Some("[::1]:443")),
            (200, r#"{"m.server":"https://b.org"}"#, None),
            (200, r#"{"m.server":"b.org/path"}"#, None),
            (200, r#"{"m.server":"b.org:99999"}"#, None),
            (200, r#"{"m.server":" b.org"}"#, None),
            (200, r#"{"m.server":""}"#, None),
            (200, r#"{"m.server":["b.org"]}"#, None),
            (200, r#"{"m.server":null}"#, None),
            (200, r#"{"m.homeserver":"b.org"}"#, None),
            (200, r#"["b.org"]"#, None),
            (200, r#"{"m.server":"b.org"}x"#, None),
            (200, "<html>", None),
            (200, "", None),
            (201, r#"{"m.server":"b.org"}"#, None),
            (302, r#"{"m.server":"b.org"}"#, None),
            (404, r#"{"m.server":"b.org"}"#, None),
        ] {
            let found = read(status, None, body.as_bytes()).delegated;
            assert_eq!(found.as_ref().map(ServerName::as_str), expected, "{status} {body}");
        }
        assert_eq!(read(200, None, b"{\"m.server\":\"b\xff.org\"}").delegated, None);
    }

    #[test]
    fn a_body_ends_at_50_kib() {
        let body = |length: usize| format!("{:<length$}", r#"{"m.server":"b.org"}"#);
        assert!(read(200, None, body(BODY_MAX).as_bytes()).delegated.is_some());
        assert!(read(200, None, body(BODY_MAX + 1).as_bytes()).delegated.is_none());
    }

    #[test]
    fn a_delegation_holds_as_long_as_it_says_within_bounds() {
        for (header, holds) in [
            (None, 24 * HOUR),
            (Some(""), 24 * HOUR),
            (Some("public"), 24 * HOUR),
            (Some("max-age=3600"), HOUR),
            (Some("public, Max-Age=\"3600\""), HOUR),
            (Some("s-maxage=1, max-age = 3600"), HOUR),
            (Some("max-age=0"), MINUTE),
            (Some("max-age=172800"), 48 * HOUR),
            (Some("max-age=172801"), 48 * HOUR),
            (Some("max-age=99999999999999999999999"), 48 * HOUR),
            (Some("max-age=-1"), 24 * HOUR),
            (Some("max-age=soon"), 24 * HOUR),
            (Some("max-age=3600, no-store"), MINUTE),
            (Some("no-cache"), MINUTE),
            (Some("no-cache=\"set-cookie\""), MINUTE),
        ] {
            let answer = read(200, header, br#"{"m.server":"b.org"}"#);
            assert_eq!(answer.valid_until_ms - NOW, holds, "{header:?}");
        }
    }

    #[test]
    fn failures_hold_longer_and_longer() {
        let mut before: Option<WellKnownAnswer> = None;
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            let answer = WellKnownAnswer::read(None, before.as_ref(), NOW);
            assert_eq!(answer.valid_until_ms - NOW, minutes * MINUTE);
            before = Some(answer);
        }
        let good = Response { status: 200, cache_control: None, body: br#"{"m.server":"b.org"}"# };
        assert_eq!(WellKnownAnswer::read(Some(good), before.as_ref(), NOW).failures, 0);
        let last = WellKnownAnswer { delegated: None, valid_until_ms: 0, failures: u32::MAX };
        assert_eq!(WellKnownAnswer::read(None, Some(&last), i64::MAX).valid_until_ms, i64::MAX);
    }
}
