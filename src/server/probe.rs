//! Whether this workspace, as a Matrix server, is where its name says: looked up and asked as another server does.
//!
//! What the answers mean is said in `admin::check`.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#retrieving-server-keys>

use serde_json::Value;

use super::identity;
use super::route::{Learnt, plain};
use crate::effect::Call;
use crate::input::Answer;
use crate::matrix::key_document::KeyDocument;
use crate::matrix::name::ServerName;
use crate::view::{Missing, View};

/// Whoever does not answer within so many milliseconds is not there.
const PATIENCE: u32 = 12_000;

/// What was found at the name of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The id of the key that signs, or why there is none.
    pub key: Result<String, String>,
    /// The address that the name leads to, or why to none.
    pub address: Result<String, String>,
    /// What answers there; nothing where there is no address.
    pub answer: Option<Answer>,
    /// What the answer is.
    pub published: Published,
}

/// What a document of keys is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Ours, with the keys that sign here.
    Ours,
    /// One of another server or of other keys.
    Another,
    /// None at all.
    Unreadable,
}

/// Looks the workspace up under its own name.
pub fn probe(view: &View) -> Result<Probe, Missing> {
    let key = identity::signer(view)?.map(|it| it.signer().key.id().to_owned());
    let nowhere =
        |key, why: String| Probe { key, address: Err(why), answer: None, published: Published::Unreadable };
    let Ok(server) = ServerName::parse(&view.config.server_name) else {
        return Ok(nowhere(key, "the server name in the settings is none".to_owned()));
    };
    let request = ("GET", "/_matrix/key/v2/server", None);
    let call = match plain(view, &server, request, &Learnt::default())? {
        Ok(call) => Call { timeout: PATIENCE, ..call },
        Err(why) => return Ok(nowhere(key, why)),
    };
    let address = call.url.trim_end_matches(request.1).to_owned();
    let answer = view.fetch(call)?.clone();
    let published = match &answer {
        Answer::Response { status: 200, body, .. } => judge(view, body)?,
        Answer::Response { .. } | Answer::Unreachable { .. } => Published::Unreadable,
    };
    Ok(Probe { key, address: Ok(address), answer: Some(answer), published })
}

/// The signatures differ from answer to answer, by their time; the keys must not.
fn judge(view: &View, body: &str) -> Result<Published, Missing> {
    if KeyDocument::read(body.as_bytes(), &view.config.server_name, view.now).is_err() {
        let is_document = read(body).get("server_name").is_some_and(Value::is_string);
        return Ok(if is_document { Published::Another } else { Published::Unreadable });
    }
    let ours = identity::document(view)?.unwrap_or_default();
    let same = read(&ours).get("verify_keys") == read(body).get("verify_keys");
    Ok(if same { Published::Ours } else { Published::Another })
}

fn read(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}
