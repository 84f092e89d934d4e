//! The two tokens between the App and its homeserver.
//!
//! Every instance may draw a pair when it comes up; the oldest pair is used, all are accepted.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#authorization>

use subtle::{Choice, ConstantTimeEq as _};

use crate::effect::Effect;
use crate::ids::{self, key};
use crate::record::{Record, Tokens};
use crate::view::{Missing, View};

/// The pair in use, if one was drawn.
pub(super) fn in_use(view: &View) -> Result<Option<Tokens>, Missing> {
    Ok(all(view)?.into_iter().min_by(|a, b| (a.at, &a.appservice).cmp(&(b.at, &b.appservice))))
}

/// The effect that draws a pair, where there is none yet.
pub(super) fn draw(view: &View) -> Result<Option<Effect>, Missing> {
    if !all(view)?.is_empty() {
        return Ok(None);
    }
    let seed = ids::token(view.entropy);
    let tokens = Tokens {
        appservice: ids::digest(&[&seed, "appservice"]),
        homeserver: ids::digest(&[&seed, "homeserver"]),
        at: view.now,
    };
    Ok(Some(Record::Tokens(tokens).insert()))
}

/// Whether a token is one that the homeserver was given. Takes the same time wherever the two differ.
pub(super) fn is_homeservers(view: &View, token: &str) -> Result<bool, Missing> {
    let known = all(view)?
        .iter()
        .fold(Choice::from(0), |known, it| known | it.homeserver.as_bytes().ct_eq(token.as_bytes()));
    Ok(known.into())
}

fn all(view: &View) -> Result<Vec<Tokens>, Missing> {
    let records = view.records(key::TOKENS)?;
    Ok(records
        .iter()
        .filter_map(|it| if let Record::Tokens(it) = it { Some(it.clone()) } else { None })
        .collect())
}
