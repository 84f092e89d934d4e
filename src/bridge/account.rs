//! The accounts of ghosts follow the profiles of their Matrix users, where an administrator gave the App an account for
//! Rocket.Chat's REST API.
//!
//! It happens in a scope of its own and slowly, because Rocket.Chat allows ten calls a minute of each kind. Without
//! such an account nothing is lost: each message shows the name and the picture of its sender.

use std::rc::Rc;

use serde_json::{Value, json};

use super::journal::Journal;
use super::{attachment, ghost, presented, profile, work};
use crate::effect::{Effect, FilePlace, Level, Tag};
use crate::ids::{self, Scope, key};
use crate::input::Answer;
use crate::record::{Entry, Presented, Profile, Record, Work};
use crate::view::{Key, Missing, View};

/// So many milliseconds pass between two calls: fewer than ten a minute.
const PACE: i64 = 6_500;

/// So many milliseconds pass after Rocket.Chat asked for patience and did not say how much.
const PATIENCE: i64 = 60_000;

/// So many milliseconds pass after Rocket.Chat refused the account: somebody must act first.
const REFUSED: i64 = 600_000;

/// Of what Rocket.Chat says went wrong, so many characters are of interest.
const LONGEST_ERROR: usize = 300;

/// Pictures are asked for this wide, in pixels: Rocket.Chat keeps them at 200 unless it was set otherwise.
const SIZE: u32 = 320;

/// The effects that have an account follow a profile, where it does not yet.
pub(super) fn follow(view: &View, profile: &Profile) -> Result<Vec<Effect>, Missing> {
    let told = presented::last(view, &key::ghost(&profile.mxid))?;
    if !view.config.rest || (told.name == profile::shown(Some(profile)) && told.avatar == profile.avatar) {
        return Ok(vec![]);
    }
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    // Derived from what is to be done: however often it is noticed, it is one entry.
    let what = ids::digest(&[&profile.mxid, &text(&profile.name), &text(&profile.avatar)]);
    let work = Work::Ghost { mxid: profile.mxid.clone() };
    let entry = Entry { id: format!("account:{what}"), scope: Scope::ghosts(), at: view.now, part: 0, work };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), Effect::Wake { scope: Scope::ghosts(), at: view.now }])
}

/// What an entry wants of Rocket.Chat next.
pub(super) fn begin(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    mxid: &str,
) -> Result<Vec<Effect>, Missing> {
    let username = ghost::username(view, mxid)?;
    let (Some(username), Some(profile), true) = (username, profile::known(view, mxid)?, view.config.rest)
    else {
        return Ok(journal.finish(view, entry));
    };
    let Some(user) = view.user_by_name(&username)? else { return Ok(journal.finish(view, entry)) };
    let told = presented::last(view, &key::ghost(mxid))?;
    let name = profile::shown(Some(&profile)).unwrap_or_default();
    let rest = |step: String, path: &str, body: &Value| Effect::Rest {
        tag: tag(entry, step),
        path: path.to_owned(),
        body: body.to_string(),
    };
    if told.name.as_ref() != Some(&name) {
        if user.name == name {
            return done(view, entry, Presented { name: Some(name), ..told }, view.now);
        }
        let body = json!({ "userId": user.id, "data": { "name": name } });
        return Ok(vec![rest(format!("name {name}"), "users.update", &body)]);
    }
    if told.avatar == profile.avatar {
        return Ok(journal.finish(view, entry));
    }
    let Some(mxc) = profile.avatar else {
        return Ok(vec![rest("picture ".to_owned(), "users.resetAvatar", &json!({ "userId": user.id }))]);
    };
    let picture = match ids::split_mxc(&mxc) {
        Some(of) => attachment(view).picture(view, of, SIZE)?,
        None => None,
    };
    Ok(match picture {
        Some(request) => vec![Effect::Carry {
            tag: tag(entry, format!("picture {mxc}")),
            from: FilePlace::Server { request },
            to: FilePlace::User { username },
        }],
        // It cannot be asked for now: whatever its user says next brings it up again.
        None => journal.finish(view, entry),
    })
}

/// What follows from Rocket.Chat's answer.
pub(super) fn outcome(
    view: &View,
    journal: &Journal,
    entry: &Entry,
    (mxid, step): (&str, &str),
    answer: &Answer,
) -> Result<Vec<Effect>, Missing> {
    view.all([Key::documents(key::ghost(mxid))])?;
    let attempts = journal.attempts(entry, 0);
    let later = |after: i64, why: &str| journal.put_off(entry, 0, view.now + after, why);
    let what = format!("The account of {mxid} stays as it is");
    // It may be the picture that nobody brings: no reason for the others to wait for ever.
    let failed = |why: &str| {
        if attempts < work::PERSON_ATTEMPTS {
            later(work::wait(attempts), why)
        } else {
            journal.give_up(view, entry, &what, why)
        }
    };
    let (status, body) = match answer {
        Answer::Response { status, body, .. } => (*status, body.as_str()),
        Answer::Unreachable { why } => return Ok(failed(why)),
    };
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let why = format!("{status} {}", error(body));
    if status == 429 {
        return Ok(later(patience(body), &why));
    }
    if status >= 500 {
        return Ok(failed(&why));
    }
    let success = json.get("success").and_then(Value::as_bool);
    // A web page or a redirection is not the API's answer; where there is no picture, the App itself says so.
    let is_elsewhere = success.is_none() && json.get("errcode").is_none();
    if matches!(status, 401 | 403) || is_elsewhere || text("errorType").starts_with("totp-") {
        let text = format!(
            "Rocket.Chat refuses the account that is set under 'People', so Matrix users keep their old names and \
             pictures in lists: {why}. The token must be made with 'Ignore Two Factor Authentication', by somebody \
             who may edit other users; and Rocket.Chat itself must answer 'Where the App reaches this workspace'."
        );
        let mut effects = later(REFUSED, &why);
        effects.extend((attempts == 0).then_some(Effect::Log { level: Level::Error, text }));
        return Ok(effects);
    }
    let told = presented::last(view, &key::ghost(mxid))?;
    let refused = success != Some(true);
    let told = match step.split_once(' ') {
        Some(("name", name)) => Presented { name: Some(name.to_owned()), ..told },
        Some((_, "")) => Presented { avatar: None, refused, ..told },
        Some((_, mxc)) => Presented { avatar: Some(mxc.to_owned()), refused, ..told },
        None => told,
    };
    let mut effects = done(view, entry, told, view.now + PACE)?;
    if refused {
        // Not said again until it changes.
        effects.push(Effect::Log { level: Level::Warn, text: format!("{what}: {why}") });
    }
    Ok(effects)
}

/// Keeps what was told; the entry goes on at a time.
fn done(view: &View, entry: &Entry, told: Presented, at: i64) -> Result<Vec<Effect>, Missing> {
    let mut effects = presented::keep(view, told)?;
    effects.push(if at > view.now {
        Effect::Wake { scope: entry.scope.clone(), at }
    } else {
        work::next(entry, 0)
    });
    Ok(effects)
}

/// How long Rocket.Chat wants to be left alone that answered so, in milliseconds.
pub(super) fn patience(body: &str) -> i64 {
    asked_for(&error(body)).unwrap_or(PATIENCE)
}

/// Whether an answer of the REST API says that it was done.
pub(super) fn is_success(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|it| it.get("success") == Some(&Value::Bool(true)))
}

/// What an answer of the REST API says went wrong.
pub(super) fn error(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str).unwrap_or_default();
    error.chars().take(LONGEST_ERROR).collect()
}

/// Rocket.Chat says in words how long to wait: "You must wait 32 seconds before trying this endpoint again."
fn asked_for(error: &str) -> Option<i64> {
    let (before, _) = error.split_once(" seconds")?;
    let seconds: i64 = before.rsplit(' ').next()?.parse().ok()?;
    Some(seconds.clamp(1, 600).saturating_mul(1_000))
}

fn tag(entry: &Entry, step: String) -> Tag {
    Tag { scope: entry.scope.clone(), entry: entry.id.clone(), step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocketchats_patience_is_read() {
        let error = "Error, too many requests. Please slow down. You must wait 32 seconds before trying this \
                     endpoint again. [error-too-many-requests]";
        assert_eq!(asked_for(error), Some(32_000));
        assert_eq!(asked_for("slow down"), None);
    }
}
