//! The pictures of Matrix users, for the browsers of local people.
//!
//! A message shows a picture by an address of ours. Whoever opens it gets what the homeserver has; the address carries
//! a mark that only we can make, so that nobody fetches anything else through us. What an address stands for never
//! changes, so it may be kept for ever.

use percent_encoding::percent_decode_str;
use subtle::{Choice, ConstantTimeEq as _};

use super::attachment;
use crate::effect::{Call, Effect, Reply};
use crate::ids::{self, key};
use crate::input::Request;
use crate::record::{Record, Seal};
use crate::view::{Missing, View};

/// Pictures beside messages are this wide, in pixels: the size that homeservers keep ready.
const SIZE: u32 = 96;

/// The effect that draws a key, where there is none yet.
pub(super) fn draw(view: &View) -> Result<Option<Effect>, Missing> {
    if seals(view)?.next().is_some() {
        return Ok(None);
    }
    let key = ids::digest(&[&ids::token(view.entropy), "pictures"]);
    Ok(Some(Record::Seal(Seal { key, at: view.now }).insert()))
}

/// The address of a picture; none where browsers have no way to it.
pub(super) fn address(view: &View, mxc: &str) -> Result<Option<String>, Missing> {
    if view.config.pictures.is_empty() || !attachment(view).keeps_profiles() {
        return Ok(None);
    }
    let (Some(Seal { key, .. }), Some((server, media))) = (seal(view)?, ids::split_mxc(mxc)) else {
        return Ok(None);
    };
    let path = Call::path(&["avatar", server, media, &mark(key, &[server, media])]);
    Ok(Some(format!("{}/{path}", view.config.pictures)))
}

/// If a request is for a picture: the effects that answer it.
pub(super) fn serve(view: &View, request: &Request) -> Result<Option<Vec<Effect>>, Missing> {
    let path = request.uri.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let [before @ .., "avatar", server, media, shown] = parts.as_slice() else { return Ok(None) };
    if request.method != "GET" || before.contains(&"_matrix") {
        return Ok(None);
    }
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let (server, media) = (decoded(server), decoded(media));
    let is_ours = is_marked(view, shown, |key| mark(key, &[&server, &media]))?;
    let picture = match ids::split_mxc(&format!("mxc://{server}/{media}")) {
        Some(of) if is_ours => attachment(view).picture(view, of, SIZE)?,
        Some(_) | None => None,
    };
    let missing = || {
        let body = r#"{"errcode":"M_NOT_FOUND","error":"There is no such picture here."}"#;
        Effect::Reply { reply: Reply { status: 404, body: body.to_owned() } }
    };
    Ok(Some(vec![picture.map_or_else(missing, |request| Effect::Serve { request, name: None })]))
}

/// Whether what is shown is the mark that one of our keys makes.
pub(super) fn is_marked(view: &View, shown: &str, mark: impl Fn(&str) -> String) -> Result<bool, Missing> {
    let same = |it: &Seal| mark(&it.key).as_bytes().ct_eq(shown.as_bytes());
    Ok(seals(view)?.fold(Choice::from(0), |ours, it| ours | same(it)).into())
}

/// The mark that a key makes on something. Twice, so that nothing can be added to what is marked.
pub(super) fn mark(key: &str, of: &[&str]) -> String {
    let parts: Vec<&str> = [key].into_iter().chain(of.iter().copied()).collect();
    ids::digest(&[key, &ids::digest(&parts)])
}

/// The key that marks are made with: the oldest.
pub(super) fn seal(view: &View) -> Result<Option<&Seal>, Missing> {
    Ok(seals(view)?.min_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key))))
}

/// All keys whose marks are accepted.
fn seals(view: &View) -> Result<impl Iterator<Item = &Seal>, Missing> {
    let records = view.records(key::SEALS)?.iter();
    Ok(records.filter_map(|it| if let Record::Seal(it) = it { Some(it) } else { None }))
}
