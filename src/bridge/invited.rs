//! Invitations of our people, and of the App's own user, into Matrix rooms.
//!
//! To a direct message they are accepted at once. Of any other the person is told, and nothing is declined behind
//! their back; only what cannot be honoured is declined, with a reason.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;

use super::{dm, portal};
use crate::attachment::DmIntent;
use crate::effect::{Effect, Level};
use crate::facts::User;
use crate::ids::{self, Scope, key};
use crate::policy;
use crate::puppet;
use crate::record::{Decline, Entry, Open, Person, Record, Work};
use crate::view::{Key, Missing, View};

/// Whoever opens a conversation of several invites them one after the other: so many milliseconds later all are in.
pub(super) const GATHERING: i64 = 1_500;

/// An invitation as far as it concerns us.
#[derive(Debug, Deserialize)]
struct Invitation {
    event_id: String,
    #[serde(rename = "type")]
    kind: String,
    sender: String,
    state_key: String,
    #[serde(default)]
    origin_server_ts: Option<i64>,
    content: Content,
    #[serde(default)]
    invite_room_state: Vec<Value>,
    #[serde(default)]
    unsigned: Unsigned,
}

#[derive(Debug, Deserialize)]
struct Content {
    membership: String,
    #[serde(default)]
    is_direct: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Unsigned {
    #[serde(default)]
    invite_room_state: Vec<Value>,
}

impl Invitation {
    fn read(event: &str) -> Option<Self> {
        // Most events are not worth the reading.
        if !event.contains("\"invite\"") {
            return None;
        }
        let read: Self = serde_json::from_str(event).ok()?;
        (read.kind == "m.room.member" && read.content.membership == "invite").then_some(read)
    }

    /// Something that the invitation says of the room.
    fn said(&self, kind: &str, field: &str) -> Option<&str> {
        let content = self.state().find(|it| it.get("type").and_then(Value::as_str) == Some(kind))?;
        content.get("content")?.get(field)?.as_str().filter(|it| !it.is_empty())
    }

    fn is_encrypted(&self) -> bool {
        self.state().any(|it| it.get("type").and_then(Value::as_str) == Some("m.room.encryption"))
    }

    fn state(&self) -> impl Iterator<Item = &Value> {
        self.invite_room_state.iter().chain(&self.unsigned.invite_room_state)
    }
}

/// Takes the invitations of our people out of a room's events; each is an entry of its own, before whatever else came.
pub(super) fn taken_out(view: &View, scope: &Scope, events: &mut Vec<String>) -> Vec<Effect> {
    let mut effects = vec![];
    events.retain(|event| {
        let invitation = Invitation::read(event);
        let ours = invitation.filter(|it| {
            let is_one =
                view.config.puppet_name(&it.state_key).is_some() || it.state_key == view.config.bot();
            is_one && !view.config.is_ours(&it.sender)
        });
        let Some(invitation) = ours else { return true };
        let entry = Entry {
            id: format!("invited:{}", ids::digest(&[&invitation.event_id])),
            scope: scope.clone(),
            at: view.now.saturating_sub(1),
            part: 0,
            work: Work::Invited { event: event.clone() },
        };
        effects.push(Record::Entry(Rc::new(entry)).insert());
        false
    });
    effects
}

/// What becomes of an invitation.
enum Verdict {
    /// They join.
    Join(User),
    /// They are told.
    Tell { username: String, text: String },
    /// It is declined.
    Decline(String),
}

fn judge(view: &View, room: &str, invitation: &Invitation) -> Result<Verdict, Missing> {
    let declined = |why: &str| Ok(Verdict::Decline(why.to_owned()));
    if invitation.state_key == view.config.bot() {
        return declined(policy::NO_PERSON);
    }
    let mut keys = puppet::sought(view, &invitation.state_key);
    keys.push(Key::documents(key::portal_remote(room)));
    view.all(keys)?;
    let Some(user) = puppet::user(view, &invitation.state_key)?.filter(User::is_reachable) else {
        return declined(policy::NOBODY);
    };
    let username = user.username.clone();
    if invitation.is_encrypted() {
        return declined(policy::ENCRYPTED);
    }
    if let Err(why) = policy::admits_invitation(&view.config, &invitation.sender, &user) {
        return Ok(Verdict::Decline(why));
    }
    match portal::of_remote(view, room)?.map(|it| it.dm) {
        Some(Some(dm)) if dm.ours.contains(&user.id) => Ok(Verdict::Join(user)),
        Some(Some(_)) => declined(policy::FIXED),
        Some(None) => Ok(Verdict::Tell { username, text: told(view, room, invitation, true) }),
        None if invitation.content.is_direct => Ok(Verdict::Join(user)),
        None => Ok(Verdict::Tell { username, text: told(view, room, invitation, false) }),
    }
}

fn told(view: &View, room: &str, invitation: &Invitation, is_portal: bool) -> String {
    let name = invitation.said("m.room.name", "name").map(dm::clean);
    let alias = invitation.said("m.room.canonical_alias", "alias").map(dm::clean);
    let called = match (name, alias) {
        (Some(name), Some(alias)) => format!("{name} ({alias})"),
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => format!("`{}`", dm::plain(room)),
    };
    let by = dm::plain(&invitation.sender);
    if is_portal {
        return format!(
            "`{by}` invites you to the Matrix room {called}. It is one with a room of this workspace: ask there to be \
             let in."
        );
    }
    let server =
        ids::split_mxid(&invitation.sender).map(|it| it.1).filter(|it| *it != view.config.server_name);
    let via = server.map(|it| format!(" {it}")).unwrap_or_default();
    format!(
        "`{by}` invites you to the Matrix room {called}. To take part, type `/federation join {}{via}` in a channel or \
         group of yours, which then becomes that room.",
        dm::plain(room)
    )
}

/// What is wanted of the network: only of an invitation that is accepted.
pub(super) fn intent(view: &View, entry: &Entry, event: &str) -> Result<Option<DmIntent>, Missing> {
    let (Some(room), Some(invitation)) = (entry.scope.remote_room(), Invitation::read(event)) else {
        return Ok(None);
    };
    Ok(match judge(view, room, &invitation)? {
        Verdict::Join(by) => Some(DmIntent::Meet { room: room.to_owned(), by }),
        Verdict::Tell { .. } | Verdict::Decline(_) => None,
    })
}

/// An invitation that wants nothing of the network itself: somebody is told, or it is to be declined.
pub(super) fn settled(view: &View, entry: &Entry, event: &str) -> Result<Vec<Effect>, Missing> {
    let (Some(room), Some(invitation)) = (entry.scope.remote_room(), Invitation::read(event)) else {
        return Ok(vec![]);
    };
    Ok(match judge(view, room, &invitation)? {
        Verdict::Join(_) => vec![],
        Verdict::Tell { username, text } => {
            vec![Effect::TellUser { id: ids::notice_id(&[&invitation.event_id]), username, text }]
        }
        Verdict::Decline(why) => decline(entry, &invitation.state_key, &why, false),
    })
}

/// They are in the room, and it is known who else is: on Rocket.Chat it is opened, or they leave again and say why.
pub(super) fn met(
    view: &View,
    entry: &Entry,
    event: &str,
    by: &User,
    encrypted: bool,
    people: &[Person],
) -> Result<Vec<Effect>, Missing> {
    let Some(room) = entry.scope.remote_room() else { return Ok(vec![]) };
    let sought = people.iter().flat_map(|it| puppet::sought(view, &it.mxid));
    let kept = [Key::documents(key::portal_remote(room))].into_iter().chain(puppet::keys(view, by));
    view.all(sought.chain(kept))?;
    let me = puppet::mxid(view, by)?;
    if let Some(portal) = portal::of_remote(view, room)? {
        return dm::back(view, &portal, &[me]);
    }
    if encrypted {
        return Ok(decline(entry, &me, policy::ENCRYPTED, true));
    }
    let found = puppet::users(view, people.iter().map(|it| it.mxid.as_str()))?;
    let mut ours = vec![by.id.clone()];
    ours.extend(found.into_iter().filter_map(|(_, it)| it).filter(User::is_reachable).map(|it| it.id));
    ours.sort();
    ours.dedup();
    let others: Vec<Person> = people.iter().filter(|it| !view.config.is_ours(&it.mxid)).cloned().collect();
    if others.is_empty() {
        return Ok(decline(entry, &me, policy::ALONE, false));
    }
    if let Err(why) = policy::admits_size(&view.config, ours.len().saturating_add(others.len())) {
        return Ok(decline(entry, &me, &why, true));
    }
    let (by, remote) = (by.clone(), Some(room.to_owned()));
    // A clock that is ahead must not make it the newest for ever.
    let at = Invitation::read(event).and_then(|it| it.origin_server_ts).unwrap_or(entry.at).min(entry.at);
    let work = Work::Open(Box::new(Open { by, ours, people: others, remote, at, answer: None }));
    let open = Entry { id: format!("open:{}", entry.id), work, ..entry.clone() };
    Ok(vec![Record::Entry(Rc::new(open)).insert()])
}

fn decline(entry: &Entry, mxid: &str, why: &str, say: bool) -> Vec<Effect> {
    let text = format!("An invitation of {mxid} was declined: {why}");
    let work = Work::Decline(Decline { mxid: mxid.to_owned(), why: why.to_owned(), say });
    let decline = Entry { id: format!("decline:{}", entry.id), work, ..entry.clone() };
    vec![Record::Entry(Rc::new(decline)).insert(), Effect::Log { level: Level::Info, text }]
}
