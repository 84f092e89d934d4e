//! Answers to other servers' requests, and what other servers' answers to ours mean.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#standard-error-response>

use serde_json::{Value, json};

use crate::attachment::{Incoming, Move};
use crate::effect::{Effect, Reply};
use crate::input::Answer;

/// An answer, with what to keep before it goes out.
pub(super) fn good(body: String, keep: Vec<Effect>) -> Incoming {
    Incoming::Reply { keep, reply: Reply { status: 200, body } }
}

/// A Matrix error.
pub(super) fn error(status: u16, code: &str, why: impl Into<String>) -> Incoming {
    refusal(status, &json!({ "errcode": code, "error": why.into() }))
}

/// A Matrix error that says more.
pub(super) fn refusal(status: u16, body: &Value) -> Incoming {
    Incoming::Reply { keep: vec![], reply: Reply { status, body: body.to_string() } }
}

/// What is wrong in another server's words is cut behind so many characters.
const WORDS: usize = 500;

/// Larger answers than this, in bytes, are not read where only what is wrong is looked for.
pub(super) const LARGEST: usize = 64 * 1024;

/// The body of an answer, or what else follows from it.
pub(super) fn read<'a>(server: &str, answer: &'a Answer) -> Result<&'a str, Box<Move>> {
    let (status, body, retry_after) = match answer {
        Answer::Unreachable { why } => {
            let why = format!("{server} cannot be reached: {why}");
            return Err(Box::new(Move::Later { after: None, why }));
        }
        Answer::Response { status, body, retry_after, .. } => (*status, body, *retry_after),
    };
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let body = if body.len() <= LARGEST { body } else { "" };
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(|it| it.chars().take(WORDS).collect());
    let why =
        format!("{server} answered {status}: {}", text("error").unwrap_or_else(|| "no reason".to_owned()));
    let code: Option<String> = text("errcode");
    Err(Box::new(match (status, code) {
        (400..=428 | 430..=499, Some(code)) => Move::Refused { why: format!("{why} ({code})") },
        _ => Move::Later { after: retry_after, why },
    }))
}
