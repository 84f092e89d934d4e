//! The tokens between the App and its homeserver: drawn, sealed, told apart, rotated, forgotten.
//!
//! Every instance may draw a pair when it comes up; the oldest is used, all are accepted. A rotation draws a pair of
//! the next generation, which is used from when the homeserver has shown that it knows it; the pairs before are
//! accepted for a day more. With a secret in the environment the store holds them sealed.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#authorization>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::effect::{Call, Effect, Level};
use crate::ids::{self, key};
use crate::matrix::seal::{nonce, open, seal};
use crate::record::{Record, SealedTokens, Tokens, TokensInUse};
use crate::secret::Secret;
use crate::view::{Missing, View};

/// What a pair is sealed for.
const PURPOSE: &str = "appservice tokens";

/// A pair that was replaced is accepted for so many milliseconds more: a day.
const GRACE: i64 = 24 * 60 * 60 * 1000;

/// A pair of tokens, open. The order is the one in which pairs are preferred: of a generation, the oldest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// Its name.
    pub(super) id: String,
    /// What we show the homeserver.
    pub(super) appservice: Secret,
    /// What the homeserver shows us.
    pub(super) homeserver: Secret,
    at: i64,
    generation: u32,
}

impl Pair {
    /// A request that shows the homeserver this pair.
    pub(super) fn shown(&self, request: Call) -> Call {
        Call { authorization: Some(format!("Bearer {}", self.appservice.expose())), ..request }
    }
}

/// The two texts of a pair, as they are sealed.
#[derive(Serialize, Deserialize)]
struct Both {
    appservice: Secret,
    homeserver: Secret,
}

/// The pair in use, if one was drawn: the one that the homeserver was last seen to know, else the first.
pub(super) fn in_use(view: &View) -> Result<Option<Pair>, Missing> {
    let pairs = all(view)?;
    let shown = in_use_marks(view)?.into_iter().max_by_key(|it| it.at);
    let known = shown.and_then(|it| pairs.iter().find(|pair| pair.id == it.pair).cloned());
    Ok(known.or_else(|| pairs.into_iter().next()))
}

/// A request with the token that lets us act; none where there is no pair that can be used.
pub(super) fn shown(view: &View, request: Call) -> Result<Option<Call>, Missing> {
    Ok(in_use(view)?.map(|pair| pair.shown(request)))
}

/// Why there is no pair that can be used, in plain words.
pub(super) fn lacking(view: &View) -> Result<String, Missing> {
    Ok(locked(view)?.unwrap_or_else(|| "the registration has no tokens yet".to_owned()))
}

/// The pair of the registration that is to be installed: the first of the newest generation.
pub(super) fn newest(view: &View) -> Result<Option<Pair>, Missing> {
    let pairs = all(view)?;
    let generation = pairs.iter().map(|it| it.generation).max();
    Ok(pairs.into_iter().find(|it| Some(it.generation) == generation))
}

/// The next pair to try where the homeserver does not know one of ours; the one in use first, each once.
pub(super) fn after(view: &View, pair: Option<&str>) -> Result<Option<Pair>, Missing> {
    let current = in_use(view)?;
    let others = all(view)?.into_iter().filter(|it| current.as_ref().is_none_or(|used| used.id != it.id));
    let mut others = others.skip_while(|it| pair.is_some_and(|pair| it.id != pair));
    Ok(if pair.is_some() { others.nth(1) } else { others.next() })
}

/// A pair by its name.
pub(super) fn named(view: &View, pair: &str) -> Result<Option<Pair>, Missing> {
    Ok(all(view)?.into_iter().find(|it| it.id == pair))
}

/// What is to be kept of that the homeserver knows a pair.
pub(super) fn known(view: &View, pair: &str) -> Result<Vec<Effect>, Missing> {
    if in_use(view)?.is_some_and(|it| it.id == pair) {
        return Ok(vec![]);
    }
    Ok(vec![Record::TokensInUse(TokensInUse { pair: pair.to_owned(), at: view.now }).insert()])
}

/// What must be kept before there is anything to attach with: a pair where there is none, pairs sealed that are not,
/// and an end to those whose day is over.
pub(super) fn prepare(view: &View) -> Result<Vec<Effect>, Missing> {
    let kept = kept(view)?;
    if kept.is_empty() {
        return Ok(vec![Record::Tokens(drawn(view, 0)).insert()]);
    }
    let mut effects = vec![];
    if let Some(why) = locked(view)? {
        effects.push(Effect::Log { level: Level::Error, text: format!("{why}.") });
    }
    for tokens in kept.iter().filter(|it| it.sealed.is_none()) {
        let closed = close(view, tokens);
        if closed.sealed.is_none() {
            continue;
        }
        // The sealed one first: at no time is there none. After a crash it is there already.
        let is_there = |it: &Tokens| it.sealed.is_some() && it.pair() == tokens.pair();
        if !kept.iter().any(|it| is_there(it) && open_one(view, it).is_some()) {
            effects.push(Record::Tokens(closed).insert());
        }
        effects.push(Record::Tokens(tokens.clone()).remove());
    }
    effects.extend(outlived(view)?);
    Ok(effects)
}

/// Draws the next pair, or says why not. Also the way out where the secret is lost that all pairs are sealed with.
pub fn rotate(view: &View) -> Result<Result<Effect, String>, Missing> {
    let used = in_use(view)?;
    if newest(view)?.map(|it| it.generation) > used.map(|it| it.generation) {
        let why =
            "the homeserver does not use those of the last rotation yet; install the registration first";
        return Ok(Err(why.to_owned()));
    }
    let last = kept(view)?.iter().map(|it| it.generation).max();
    Ok(Ok(Record::Tokens(drawn(view, last.map_or(0, |it| it.saturating_add(1)))).insert()))
}

/// The pair that the homeserver has shown its token of. Takes the same time wherever tokens differ.
pub(super) fn shown_by_homeserver(view: &View, token: &str) -> Result<Option<Pair>, Missing> {
    let pairs = all(view)?;
    let matches: Vec<Choice> =
        pairs.iter().map(|it| it.homeserver.expose().as_bytes().ct_eq(token.as_bytes())).collect();
    Ok(pairs.into_iter().zip(matches).find(|(_, is_it)| bool::from(*is_it)).map(|(pair, _)| pair))
}

/// What is to be kept of that the homeserver has shown its token of a pair: it has loaded that registration. A late
/// request with the token of an earlier generation says nothing.
pub(super) fn heard(view: &View, pair: &Pair) -> Result<Vec<Effect>, Missing> {
    match in_use(view)? {
        Some(used) if pair.generation >= used.generation => known(view, &pair.id),
        _ => Ok(vec![]),
    }
}

/// Why tokens that are kept cannot be used, in plain words.
pub fn locked(view: &View) -> Result<Option<String>, Missing> {
    let closed = kept(view)?.into_iter().filter(|it| it.sealed.is_some() && open_one(view, it).is_none());
    Ok((closed.count() > 0).then(|| {
        "the tokens for the homeserver are sealed with a secret that the App's environment does not hold (any more): \
         give Rocket.Chat the former secret back and restart it, import an export, or draw new ones by \
         `/federation rotate-tokens` and install the new registration"
            .to_owned()
    }))
}

/// Whether all tokens are sealed.
pub fn are_sealed(view: &View) -> Result<bool, Missing> {
    Ok(kept(view)?.iter().all(|it| it.sealed.is_some()))
}

/// All pairs in the open, for an export; with marks of which is used.
pub fn reveal(view: &View) -> Result<Vec<Record>, Missing> {
    let pairs = all(view)?.into_iter().map(|it| Record::Tokens(it.open()));
    Ok(pairs.chain(in_use_marks(view)?.into_iter().map(Record::TokensInUse)).collect())
}

/// A pair as it is to be kept here.
pub fn close(view: &View, tokens: &Tokens) -> Tokens {
    let both = Both { appservice: tokens.appservice.clone(), homeserver: tokens.homeserver.clone() };
    // Two texts: writing them as JSON cannot fail.
    let plain = Zeroizing::new(serde_json::to_vec(&both).unwrap_or_default());
    let id = tokens.pair();
    let sealed =
        view.config.secret.as_ref().and_then(|it| seal(it, PURPOSE, &nonce(&view.entropy, &id), &plain).ok());
    match sealed {
        Some(text) => Tokens {
            appservice: Secret::default(),
            homeserver: Secret::default(),
            sealed: Some(SealedTokens { id, text }),
            ..tokens.clone()
        },
        None => tokens.clone(),
    }
}

/// The pairs that cannot be opened or that no homeserver was seen to know: an imported identity takes their place.
pub fn unproven(view: &View) -> Result<Vec<Tokens>, Missing> {
    let marks = in_use_marks(view)?;
    let proven =
        |it: &Tokens| marks.iter().any(|mark| mark.pair == it.pair()) && open_one(view, it).is_some();
    Ok(kept(view)?.into_iter().filter(|it| !proven(it)).collect())
}

fn drawn(view: &View, generation: u32) -> Tokens {
    let seed = Zeroizing::new(ids::token(view.entropy));
    let tokens = Tokens {
        appservice: Secret::new(ids::digest(&[&seed, "appservice"])),
        homeserver: Secret::new(ids::digest(&[&seed, "homeserver"])),
        at: view.now,
        generation,
        sealed: None,
    };
    close(view, &tokens)
}

/// The effects that end what a newer generation has replaced a day ago.
fn outlived(view: &View) -> Result<Vec<Effect>, Missing> {
    let marks = in_use_marks(view)?;
    let Some(last) = marks.iter().max_by_key(|it| it.at) else { return Ok(vec![]) };
    let kept = kept(view)?;
    let Some(used) = kept.iter().find(|it| it.pair() == last.pair) else { return Ok(vec![]) };
    if view.now < last.at + GRACE {
        return Ok(vec![]);
    }
    let pairs = kept.iter().filter(|it| it.generation < used.generation);
    let pairs = pairs.map(|it| Record::Tokens(it.clone()).remove());
    let marks = marks.iter().filter(|it| it.at < last.at);
    Ok(pairs.chain(marks.map(|it| Record::TokensInUse(it.clone()).remove())).collect())
}

/// All pairs that can be opened, each once, by generation and age.
fn all(view: &View) -> Result<Vec<Pair>, Missing> {
    let pairs: BTreeMap<String, Pair> =
        kept(view)?.iter().filter_map(|it| open_one(view, it)).map(|it| (it.id.clone(), it)).collect();
    let mut pairs: Vec<Pair> = pairs.into_values().collect();
    pairs.sort_by(|a, b| (a.generation, a.at, &a.id).cmp(&(b.generation, b.at, &b.id)));
    Ok(pairs)
}

fn open_one(view: &View, tokens: &Tokens) -> Option<Pair> {
    let both = match &tokens.sealed {
        None => Both { appservice: tokens.appservice.clone(), homeserver: tokens.homeserver.clone() },
        Some(sealed) => {
            let plain = open(view.config.secret.as_ref()?, PURPOSE, &sealed.text).ok()?;
            serde_json::from_slice(&plain).ok()?
        }
    };
    Some(Pair {
        id: tokens.pair(),
        appservice: both.appservice,
        homeserver: both.homeserver,
        at: tokens.at,
        generation: tokens.generation,
    })
}

fn kept(view: &View) -> Result<Vec<Tokens>, Missing> {
    let records = view.records(key::TOKENS)?.iter();
    Ok(records.filter_map(|it| if let Record::Tokens(it) = it { Some(it.clone()) } else { None }).collect())
}

fn in_use_marks(view: &View) -> Result<Vec<TokensInUse>, Missing> {
    let records = view.records(key::TOKENS)?.iter();
    Ok(records
        .filter_map(|it| if let Record::TokensInUse(it) = it { Some(it.clone()) } else { None })
        .collect())
}

impl Pair {
    fn open(self) -> Tokens {
        let Self { appservice, homeserver, at, generation, .. } = self;
        Tokens { appservice, homeserver, at, generation, sealed: None }
    }
}
