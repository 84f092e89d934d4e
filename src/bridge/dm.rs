//! Direct messages with people on Matrix: opened on Rocket.Chat (`open`), and given a Matrix room that somebody is in
//! (`reach`). Who is in one never changes, because on Rocket.Chat there is one for each set of people.

pub(super) mod open;
pub(super) mod reach;

use std::rc::Rc;

use super::{ghost, invited, outgoing};
use crate::attachment::{DmIntent, Done, Intent};
use crate::config::Mode;
use crate::effect::{Effect, Level};
use crate::facts::{Message, Room, User};
use crate::ids::{self, Scope, key};
use crate::policy;
use crate::record::{Departed, Dm, Entry, Open, Person, Portal, Record, Work};
use crate::view::{Key, Missing, View};

/// A direct message reaches back so many milliseconds from when its Matrix room was asked for: what was said before
/// and whose hook was lost goes out with what is said now.
const REACHES_BACK: i64 = 600_000;

/// `/federation dm`: takes it up, or says why not.
pub(super) fn begin(view: &View, by: &User, room: &Room, mxids: &[String]) -> Result<Vec<Effect>, String> {
    let mut mxids = mxids.to_vec();
    mxids.sort();
    mxids.dedup();
    policy::admits_dm(&view.config, &mxids)?;
    if view.config.mode == Mode::Direct {
        return Err(
            "In direct mode, this workspace cannot make Matrix rooms yet, so nobody can be written to \
                    first: have them write to you."
                .to_owned(),
        );
    }
    let about: Vec<&str> = [by.id.as_str()].into_iter().chain(mxids.iter().map(String::as_str)).collect();
    let digest = ids::digest(&about);
    let entry = Entry {
        id: format!("open:{digest}:{}", view.now),
        scope: Scope::apart(&digest),
        at: view.now,
        part: 0,
        work: Work::Open(Box::new(Open {
            by: by.clone(),
            ours: vec![by.id.clone()],
            people: mxids.iter().map(|it| Person { mxid: it.clone(), name: String::new() }).collect(),
            remote: None,
            at: view.now,
            answer: Some(room.id.clone()),
        })),
    };
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    let text = format!("Opening a direct message with {} …", listed(&mxids));
    let say = Effect::Notify { room: room.id.clone(), user: by.id.clone(), text };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), say, wake])
}

/// A message in a direct message that has no Matrix room yet: with a ghost in it, it is one for Matrix.
pub(super) fn first_words(view: &View, message: &Message) -> Result<Vec<Effect>, Missing> {
    let is_said = outgoing::is_for_matrix(message, message.at);
    let is_unreadable = message.system.as_deref() == Some("e2e");
    if !message.direct || !view.config.is_complete() || !(is_said || is_unreadable) {
        return Ok(vec![]);
    }
    if !view.members(&message.room)?.iter().any(ghost::is_ghost) {
        return Ok(vec![]);
    }
    if is_unreadable {
        let text = format!("Your message was not delivered to Matrix: {}", policy::ENCRYPTED_HERE);
        let (room, user) = (message.room.clone(), message.sender.id.clone());
        return Ok(vec![Effect::Notify { room, user, text }]);
    }
    let entry = outgoing::entry(message);
    let wake = Effect::Wake { scope: entry.scope.clone(), at: view.now };
    Ok(vec![Record::Entry(Rc::new(entry)).insert(), wake])
}

/// What one of this room's entries wants of the network next; `None` if nothing any more.
pub(super) fn intent(view: &View, entry: &Entry) -> Result<Option<Intent>, Missing> {
    let intent = match &entry.work {
        Work::Reach(reach) => reach::intent(view, reach)?,
        Work::Invited { event } => invited::intent(view, entry, event)?,
        Work::Decline(it) => entry.scope.remote_room().map(|room| DmIntent::Decline {
            room: room.to_owned(),
            mxid: it.mxid.clone(),
            why: it.why.clone(),
            say: it.say,
        }),
        Work::Register { user } => Some(DmIntent::Register { user: user.clone() }),
        Work::Open(_)
        | Work::Post { .. }
        | Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Missed
        | Work::Adopt
        | Work::Events { .. }
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_)
        | Work::Pin(_) => None,
    };
    Ok(intent.map(Intent::Dm))
}

/// An entry that wants nothing of the network ends so.
pub(super) fn settled(view: &View, entry: &Entry) -> Result<Vec<Effect>, Missing> {
    match &entry.work {
        Work::Reach(reach) => reach::reached(view, reach),
        Work::Invited { event } => invited::settled(view, entry, event),
        Work::Open(_)
        | Work::Decline(_)
        | Work::Register { .. }
        | Work::Post { .. }
        | Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Missed
        | Work::Adopt
        | Work::Events { .. }
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_)
        | Work::Pin(_) => Ok(vec![]),
    }
}

/// What follows from what the network did for an entry.
pub(super) enum Achieved {
    /// With this it ends.
    All(Vec<Effect>),
    /// With this it goes on.
    Part(Vec<Effect>),
}

/// What follows from what the network did for an entry.
pub(super) fn achieved(
    view: &View,
    entry: &Entry,
    intent: &DmIntent,
    done: &Done,
) -> Result<Achieved, Missing> {
    Ok(match (&entry.work, intent, done) {
        (Work::Invited { event }, DmIntent::Meet { by, .. }, Done::Met { encrypted, people }) => {
            Achieved::All(invited::met(view, entry, event, by, *encrypted, people)?)
        }
        (Work::Decline(_) | Work::Register { .. }, _, Done::Plainly) => Achieved::All(vec![]),
        (Work::Reach(reach), DmIntent::Create { people, .. }, Done::Room(remote)) => {
            Achieved::Part(reach::created(view, entry, reach, people, remote)?)
        }
        (Work::Reach(reach), DmIntent::Gather { room, people, .. }, Done::Plainly) => {
            Achieved::Part(reach::gathered(view, reach, room, people)?)
        }
        _ => Achieved::Part(vec![]),
    })
}

/// What follows from a refusal.
pub(super) fn refused(view: &View, entry: &Entry, why: &str) -> Result<Vec<Effect>, Missing> {
    let log = |what: &str| Effect::Log { level: Level::Warn, text: format!("{what}: {why}") };
    Ok(match &entry.work {
        Work::Open(open) => open::refused(view, entry, open, why)?,
        Work::Invited { .. } => vec![log("An invitation from Matrix could not be answered")],
        Work::Decline(_) => vec![log("An invitation from Matrix could not be declined")],
        Work::Register { user } => vec![log(&format!("{} could not be made known to Matrix", user.username))],
        Work::Reach(_)
        | Work::Post { .. }
        | Work::Edit { .. }
        | Work::Redact { .. }
        | Work::React(_)
        | Work::Invite { .. }
        | Work::Join { .. }
        | Work::Missed
        | Work::Adopt
        | Work::Events { .. }
        | Work::Puppet { .. }
        | Work::People { .. }
        | Work::Ghost { .. }
        | Work::Tally { .. }
        | Work::Pinned(_)
        | Work::Pin(_) => vec![],
    })
}

/// A change of somebody's membership in a Matrix room of a direct message.
pub(super) struct Change<'a> {
    pub(super) mxid: &'a str,
    pub(super) membership: &'a str,
    pub(super) name: &'a str,
}

/// Follows a change of membership. Nobody is added or taken out here: on Rocket.Chat that is not possible.
pub(super) fn member(
    view: &View,
    portal: &Portal,
    dm: &Dm,
    change: &Change<'_>,
) -> Result<Vec<Effect>, Missing> {
    let (local, remote, mxid) = (portal.local.clone(), portal.remote.clone(), change.mxid.to_owned());
    match change.membership {
        "leave" | "ban" => Ok(vec![Record::Departed(Departed { local, remote, mxid }).insert()]),
        "join" if view.config.is_ours(change.mxid) => Ok(vec![]),
        "join" if dm.people.iter().any(|it| it == change.mxid) => {
            let mut effects = back(view, portal, &[mxid])?;
            effects.extend(ghost::ensure(view, change.mxid, change.name)?.1);
            Ok(effects)
        }
        "join" => Ok(vec![Effect::TellRoom {
            id: ids::notice_id(&[&remote, change.mxid, "joined"]),
            room: local,
            text: format!(
                "`{}` has joined on Matrix. A direct message cannot take anybody in, so what they say is shown \
                 under their name by this App.",
                plain(change.mxid)
            ),
        }]),
        _ => Ok(vec![]),
    }
}

/// The effects that forget that these people left a Matrix room.
pub(super) fn back(view: &View, portal: &Portal, mxids: &[String]) -> Result<Vec<Effect>, Missing> {
    let records = view.records(&key::portal_remote(&portal.remote))?.iter();
    let is_theirs = |it: &&Record| matches!(it, Record::Departed(it) if mxids.contains(&it.mxid));
    Ok(records.filter(is_theirs).map(Record::remove).collect())
}

/// So many characters does it take at most to name somebody before what they say.
pub(super) const NAMED: usize = 260;

/// What a Matrix user says in a direct message that they are not in on Rocket.Chat. Only members may speak there, and
/// the App's own user.
pub(super) fn of_stranger(portal: &Portal, id: String, mxid: &str, text: &str) -> Effect {
    Effect::TellRoom { id, room: portal.local.clone(), text: format!("`{}`:\n{text}", plain(mxid)) }
}

/// All who are in a direct message, by the names that they have now.
pub(super) struct Members {
    /// Who opens it.
    pub(super) creator: String,
    /// Their usernames, sorted.
    pub(super) usernames: Vec<String>,
    /// Bring its ghosts into being.
    pub(super) effects: Vec<Effect>,
}

/// All who are in a direct message; `None` if one of ours is no more, for without them it would be another one.
pub(super) fn members(
    view: &View,
    by: &User,
    ours: &[String],
    people: &[Person],
) -> Result<Option<Members>, Missing> {
    // At once: there may be more people than a decision has goes.
    let by_id = ours.iter().chain([&by.id]).map(|id| Key::UserById { id: id.clone() });
    view.all(people.iter().flat_map(|it| ghost::keys(&it.mxid)).chain(by_id))?;
    let mut names = vec![];
    for id in ours {
        let Some(user) = view.user_by_id(id)? else { return Ok(None) };
        names.push(user.username.clone());
    }
    let Some(creator) = view.user_by_id(&by.id)?.map(|it| it.username.clone()) else { return Ok(None) };
    let mut effects = vec![];
    for person in people {
        let (username, creation) = ghost::ensure(view, &person.mxid, &person.name)?;
        names.push(username);
        effects.extend(creation);
    }
    names.sort();
    names.dedup();
    Ok(Some(Members { creator, usernames: names, effects }))
}

/// The effects that see to it that everybody of a direct message is in it.
pub(super) fn mended(view: &View, dm: &Dm) -> Result<Vec<Effect>, Missing> {
    let people: Vec<Person> =
        dm.people.iter().map(|it| Person { mxid: it.clone(), name: String::new() }).collect();
    let Some(Members { creator, usernames, mut effects }) = members(view, &dm.by, &dm.ours, &people)? else {
        return Ok(vec![]);
    };
    effects.push(Effect::OpenDirect { creator, members: usernames });
    Ok(effects)
}

/// Names in a row.
fn listed(names: &[String]) -> String {
    names.join(", ")
}

/// An id that shows as it is within backticks.
pub(super) fn plain(mxid: &str) -> String {
    mxid.replace('`', "'")
}

/// A name of Matrix as a text within a sentence: nothing in it mentions, formats or runs over.
pub(super) fn clean(name: &str) -> String {
    struct Nobody;
    impl crate::translate::Names for Nobody {
        fn matrix_user(&self, _: &str) -> Option<(String, String)> {
            None
        }
        fn rocketchat_username(&self, _: &str) -> Option<String> {
            None
        }
    }
    let line: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
    let content = serde_json::json!({ "msgtype": "m.text", "body": line });
    let event = crate::translate::RemoteEvent {
        event_type: "m.room.message",
        content: &content,
        may_mention_room: false,
    };
    crate::translate::from_matrix(&event, &Nobody).text
}
