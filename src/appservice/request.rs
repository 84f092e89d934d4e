//! Requests of the client-server API.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#api-standards>

use serde_json::{Value, json};

use crate::effect::Call;
use crate::view::View;

/// How long a homeserver may take, in milliseconds. Its own timeouts towards other servers are shorter.
const TIMEOUT: u32 = 60_000;

pub(super) fn get(view: &View, path: &str) -> Call {
    call(view, "GET", path, None)
}

pub(super) fn put(view: &View, path: &str, body: impl Into<Value>) -> Call {
    call(view, "PUT", path, Some(body.into().to_string()))
}

pub(super) fn post(view: &View, path: &str, body: impl Into<Value>) -> Call {
    call(view, "POST", path, Some(body.into().to_string()))
}

/// The request that makes a user of ours known; one that is known already is no harm.
pub(super) fn register(view: &View, localpart: &str) -> Call {
    let body = json!({
        "type": "m.login.application_service",
        "username": localpart,
        "inhibit_login": true,
    });
    post(view, "register", body)
}

/// The request that makes the homeserver call us. It also ends the homeserver's back-off.
pub(super) fn ping(view: &View, id: &str) -> Call {
    let url = format!("{}/_matrix/client/v1/appservice/{}/ping", view.config.homeserver(), Call::path(&[id]));
    let body = json!({ "transaction_id": format!("ping-{}", view.now) }).to_string();
    Call { url, ..call(view, "POST", "", Some(body)) }
}

/// The same request with one more query parameter.
pub(super) fn with(call: Call, name: &str, value: &str) -> Call {
    let separator = if call.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}{name}={}", call.url, Call::path(&[value]));
    Call { url, ..call }
}

fn call(view: &View, method: &str, path: &str, body: Option<String>) -> Call {
    Call {
        method: method.to_owned(),
        url: format!("{}/_matrix/client/v3/{path}", view.config.homeserver()),
        authorization: None,
        peer: None,
        guarded: false,
        body,
        timeout: TIMEOUT,
    }
}
