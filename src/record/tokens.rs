//! The tokens between the App and its homeserver, as they are kept.

use serde::{Deserialize, Serialize};

use crate::ids;
use crate::secret::Secret;

/// Tokens of the application service. Several pairs may exist: one is used, all are accepted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// What we show the homeserver; empty where the pair is sealed.
    #[serde(default)]
    pub appservice: Secret,
    /// What the homeserver shows us; empty where the pair is sealed.
    #[serde(default)]
    pub homeserver: Secret,
    /// When they were drawn, in milliseconds.
    pub at: i64,
    /// How many rotations came before.
    #[serde(default)]
    pub generation: u32,
    /// Where the environment holds a secret: the pair under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedTokens>,
}

/// A pair of tokens under the secret of the environment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedTokens {
    /// A digest of the pair, so that it is one pair however often it is sealed.
    pub id: String,
    /// The pair, sealed.
    pub text: String,
}

impl Tokens {
    /// Names the pair, sealed or not.
    pub fn pair(&self) -> String {
        match &self.sealed {
            Some(sealed) => sealed.id.clone(),
            None => ids::digest(&[self.appservice.expose()]),
        }
    }
}

impl std::fmt::Debug for Tokens {
    /// Secrets do not show.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Tokens");
        shown.field("at", &self.at).field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// That the homeserver has shown which tokens it knows: the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensInUse {
    /// The pair.
    pub pair: String,
    /// When, in milliseconds.
    pub at: i64,
}
