//! Who sends a request: what its X-Matrix headers prove.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#request-authentication>

use std::rc::Rc;

use super::answer::error;
use super::keys::ServerKeys;
use super::route::Learnt;
use crate::attachment::Incoming;
use crate::effect::{Effect, Reply};
use crate::input::Request;
use crate::matrix::json::Json;
use crate::matrix::key::VerifyKey;
use crate::matrix::key_document::Known;
use crate::matrix::name::ServerName;
use crate::matrix::receipt::{KeyId, Keys as _};
use crate::matrix::x_matrix::{XMatrix, parse_all, signed_bytes};
use crate::view::{Missing, View};

/// What a request says of who sends it: signatures, not looked at yet, by keys that count.
#[derive(Debug)]
pub(super) struct Claims {
    us: ServerName,
    signed: Vec<(XMatrix, Rc<VerifyKey>)>,
}

/// Reads a request's headers, or gives the answer that refuses it. The body may be long, and is not read for a stranger.
pub(super) fn claims(
    view: &View,
    request: &Request,
    learnt: &Learnt,
) -> Result<Result<Claims, Incoming>, Missing> {
    let headers: Vec<&str> = request.authorization.iter().map(String::as_str).collect();
    let credentials = match parse_all(&headers) {
        Ok(credentials) => credentials,
        Err(why) => return Ok(Err(refusal(why.to_string()))),
    };
    let Ok(us) = ServerName::parse(&view.config.server_name) else {
        return Ok(Err(error(503, "M_UNKNOWN", "This server has no name yet.")));
    };
    if credentials.iter().any(|it| it.destination.as_ref().is_some_and(|it| *it != us)) {
        return Ok(Err(refusal("The request is for another server.")));
    }
    let keys = ServerKeys::new(view, learnt);
    let mut signed = vec![];
    for it in credentials {
        let id = KeyId { server: it.origin.clone(), key: it.key.clone() };
        if let Some(Known::Key(key)) = keys.key(&id, view.now) {
            signed.push((it, key));
        }
    }
    if !signed.is_empty() {
        return Ok(Ok(Claims { us, signed }));
    }
    keys.finish()?;
    Ok(Err(refusal("The request is signed with keys that cannot be had.")))
}

/// Whether a request that is about to bring a large body may: it claims to be of a server whose keys can be had.
pub(super) fn knock(view: &View, request: &Request) -> Result<Result<Vec<Effect>, Reply>, Missing> {
    let learnt = Learnt::default();
    Ok(match claims(view, request, &learnt)? {
        Ok(_) => Ok(learnt.effects()),
        Err(Incoming::Reply { reply, .. } | Incoming::Events { reply, .. }) => Err(reply),
    })
}

impl Claims {
    /// The server that sends a request, or the answer that refuses it.
    pub(super) fn origin(
        self,
        request: &Request,
        content: Option<&Json<'_>>,
    ) -> Result<ServerName, Incoming> {
        let content = content.map(|it| it.root().canonical());
        let content = content.as_deref().map(str::as_bytes);
        let mut proved = None;
        for (it, key) in self.signed {
            let text = signed_bytes(&request.method, &request.uri, &it.origin, &self.us, content);
            if !key.verify(&text, &it.signature) {
                return Err(refusal("A signature of the request does not hold."));
            }
            proved = Some(it.origin);
        }
        proved.ok_or_else(|| refusal("The request is not signed."))
    }
}

fn refusal(why: impl Into<String>) -> Incoming {
    error(401, "M_UNAUTHORIZED", why)
}
