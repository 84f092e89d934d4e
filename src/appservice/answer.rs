//! What a homeserver's answer means for what was asked.
//!
//! What may be different tomorrow is tried again: a dead homeserver, a proxy in its place, a token it does not
//! know yet. Only a Matrix error about the thing itself is a refusal.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#standard-error-response>

use serde_json::Value;

use crate::attachment::Move;
use crate::input::Answer;

/// What an answer says.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It worked.
    Good(Value),
    /// Nobody is there who could answer, or nobody who knows us.
    Away {
        /// Why, in plain words.
        why: String,
    },
    /// Not now.
    Later {
        /// Milliseconds, where the homeserver named them.
        after: Option<i64>,
        /// Why, in plain words.
        why: String,
        /// The `errcode`, where the homeserver itself failed.
        code: Option<String>,
    },
    /// A Matrix error.
    Error {
        /// Its `errcode`.
        code: String,
        /// Its text.
        text: String,
    },
}

/// Reads an answer.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let (status, body, retry_after) = match answer {
        Answer::Unreachable { why } => {
            return Verdict::Away { why: format!("the homeserver cannot be reached: {why}") };
        }
        Answer::Response { status, body, retry_after, .. } => (*status, body, *retry_after),
    };
    let Ok(json) = serde_json::from_str::<Value>(body) else {
        let why = format!("something in front of the homeserver answered {status} without JSON");
        let is_away = matches!(status, 502..=504);
        return if is_away { Verdict::Away { why } } else { later(retry_after, why) };
    };
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let error = || text("error").unwrap_or_else(|| format!("status {status}"));
    match (status, text("errcode")) {
        (200..300, _) => Verdict::Good(json),
        (429, _) => later(answer.slow_down().flatten(), "the homeserver asked us to slow down".to_owned()),
        (401, _) => {
            let why = "the homeserver does not accept our token; is the registration installed?";
            Verdict::Away { why: format!("{why} ({})", error()) }
        }
        (400..500, Some(code)) => Verdict::Error { code, text: error() },
        (_, code) => {
            let why = format!("the homeserver answered {status}: {}", error());
            Verdict::Later { after: retry_after, why, code }
        }
    }
}

fn later(after: Option<i64>, why: String) -> Verdict {
    Verdict::Later { after, why, code: None }
}

/// What an error means at a step where nothing else was said about it.
pub(super) fn retry_unless(step: &str, code: &str, text: &str) -> Move {
    let configuration = matches!(step, "register-bot" | "ping") || code == "M_EXCLUSIVE";
    if configuration {
        let why = format!("the homeserver's registration does not fit the settings: {text} ({code})");
        Move::Later { after: None, why }
    } else {
        Move::Refused { why: format!("{text} ({code}){}", advice(code)) }
    }
}

/// What somebody can do about a refusal.
fn advice(code: &str) -> &'static str {
    match code {
        "M_FORBIDDEN" => ". A moderator of the room on Matrix can allow it.",
        "M_TOO_LARGE" => ". Make it smaller, or send it in parts.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str, retry_after: Option<i64>) -> Verdict {
        judge(&Answer::Response {
            status,
            body: body.to_owned(),
            retry_after,
            cache_control: None,
            location: None,
            ahead: None,
        })
    }

    #[test]
    fn what_may_be_different_tomorrow_is_tried_again() {
        for (status, body) in [(404, "<html>"), (500, r#"{"errcode":"M_UNKNOWN","error":"x"}"#), (404, "{}")]
        {
            assert!(
                matches!(response(status, body, None), Verdict::Later { after: None, .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn where_nobody_is_all_wait() {
        for (status, body) in
            [(502, "<html>"), (504, ""), (401, r#"{"errcode":"M_UNKNOWN_TOKEN","error":"x"}"#)]
        {
            assert!(matches!(response(status, body, None), Verdict::Away { .. }), "{status} {body}");
        }
        assert!(matches!(judge(&Answer::Unreachable { why: "refused".into() }), Verdict::Away { .. }));
    }

    #[test]
    fn the_homeservers_pace_is_kept() {
        let limit = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#;
        assert!(matches!(response(429, limit, None), Verdict::Later { after: Some(1500), .. }));
        assert!(matches!(response(429, limit, Some(3000)), Verdict::Later { after: Some(3000), .. }));
    }

    #[test]
    fn errors_about_the_thing_itself_are_refusals() {
        let Verdict::Error { code, text } =
            response(413, r#"{"errcode":"M_TOO_LARGE","error":"too long"}"#, None)
        else {
            panic!("no error");
        };
        assert!(
            matches!(retry_unless("act", &code, &text), Move::Refused { why } if why.starts_with("too long (M_TOO_LARGE)"))
        );
        assert!(matches!(retry_unless("register", "M_EXCLUSIVE", "x"), Move::Later { .. }));
        assert!(matches!(retry_unless("register", "M_INVALID_USERNAME", "x"), Move::Refused { .. }));
    }
}
