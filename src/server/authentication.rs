//! Who sends a request: what its X-Matrix headers prove.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#request-authentication>

use super::answer::error;
use super::keys::ServerKeys;
use super::route::Learnt;
use crate::attachment::Incoming;
use crate::input::Request;
use crate::matrix::json::Json;
use crate::matrix::key_document::Known;
use crate::matrix::name::ServerName;
use crate::matrix::receipt::{KeyId, Keys as _};
use crate::matrix::x_matrix::{parse_all, signed_bytes};
use crate::view::{Missing, View};

/// The server that sends a request, or the answer that refuses it.
pub(super) fn origin(
    view: &View,
    request: &Request,
    content: Option<&Json<'_>>,
    learnt: &Learnt,
) -> Result<Result<ServerName, Incoming>, Missing> {
    let refuse = |why: String| Ok(Err(error(401, "M_UNAUTHORIZED", why)));
    let headers: Vec<&str> = request.authorization.iter().map(String::as_str).collect();
    let credentials = match parse_all(&headers) {
        Ok(credentials) => credentials,
        Err(why) => return refuse(why.to_string()),
    };
    let Ok(us) = ServerName::parse(&view.config.server_name) else {
        return Ok(Err(error(503, "M_UNKNOWN", "This server has no name yet.")));
    };
    if credentials.iter().any(|it| it.destination.as_ref().is_some_and(|it| *it != us)) {
        return refuse("The request is for another server.".to_owned());
    }
    let content = content.map(|it| it.root().canonical());
    let keys = ServerKeys::new(view, learnt);
    let mut proved = None;
    for it in credentials {
        let text = signed_bytes(
            &request.method,
            &request.uri,
            &it.origin,
            &us,
            content.as_deref().map(str::as_bytes),
        );
        let id = KeyId { server: it.origin.clone(), key: it.key };
        match keys.key(&id, view.now) {
            Some(Known::Key(key)) if key.verify(&text, &it.signature) => proved = Some(it.origin),
            Some(Known::Key(_)) => return refuse("A signature of the request does not hold.".to_owned()),
            Some(Known::Expired | Known::Unknown) | None => {}
        }
    }
    if proved.is_none() {
        keys.finish()?;
    }
    Ok(proved
        .ok_or_else(|| error(401, "M_UNAUTHORIZED", "The request is signed with keys that cannot be had.")))
}
