//! An invitation of one of our users from another server: checked, signed, remembered until they join.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#inviting-to-a-room>

use ruma_state_res::Event as _;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{error, good, refusal};
use super::identity;
use super::keys::ServerKeys;
use super::route::Learnt;
use crate::attachment::Incoming;
use crate::effect::{Effect, Level};
use crate::facts::User;
use crate::ids::{self, key};
use crate::matrix::json::Json;
use crate::matrix::name::ServerName;
use crate::matrix::pdu::Pdu;
use crate::matrix::receipt::{self, Unread};
use crate::matrix::signature::sign_event;
use crate::matrix::version::RoomVersion;
use crate::puppet;
use crate::record::{Invitation, Record};
use crate::view::{Key, Missing, View};

#[derive(Deserialize)]
struct Body<'a> {
    room_version: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// Answers an invitation that came from a server that is who it says.
pub(super) fn receive(
    view: &View,
    origin: &ServerName,
    (room, event): (&str, &str),
    learnt: &Learnt,
) -> Result<Incoming, Missing> {
    let bad = |why: &str| Ok(error(400, "M_BAD_JSON", why));
    let Ok(body) = serde_json::from_slice::<Body<'_>>(&view.body) else {
        return bad("An invitation has a room_version and an event.");
    };
    let Some(version) = RoomVersion::parse(&body.room_version) else {
        return Ok(refusal(
            400,
            &json!({
                "errcode": "M_INCOMPATIBLE_ROOM_VERSION",
                "error": "Rooms of this version are not spoken here.",
                "room_version": body.room_version,
            }),
        ));
    };
    let keys = ServerKeys::new(view, learnt);
    let pdu = match receipt::read(body.event.get().as_bytes(), version, &keys) {
        Ok(pdu) => pdu,
        Err(Unread::Dropped(why)) => return bad(&format!("The invitation is not good: {why}.")),
        Err(Unread::Lacking(_)) => {
            keys.finish()?;
            return Ok(error(400, "M_FORBIDDEN", "The keys of the inviting server cannot be had."));
        }
    };
    let invited = pdu.state_key().unwrap_or_default().to_owned();
    let is_invite = is_invitation(&pdu) && pdu.id.as_str() == event && pdu.room.as_str() == room;
    if !is_invite || pdu.sender().server_name().as_str() != origin.as_str() {
        return bad(
            "The event is not the invitation that the request is about, by somebody of the server that sends it.",
        );
    }
    if view.config.puppet_name(&invited).is_none() {
        return Ok(error(404, "M_NOT_FOUND", "That user is not of this server."));
    }
    let kept = [key::SIGNING.to_owned(), key::invitation(room)].map(Key::documents);
    view.all(puppet::sought(view, &invited).into_iter().chain(kept))?;
    let user = puppet::user(view, &invited)?.filter(User::is_reachable);
    let Some(User { username, .. }) = user else {
        return Ok(error(404, "M_NOT_FOUND", "There is no such user here."));
    };
    let identity = match identity::signer(view)? {
        Ok(identity) => identity,
        Err(why) => return Ok(error(503, "M_UNKNOWN", why)),
    };
    let Ok(json) = Json::parse(body.event.get().as_bytes()) else { return bad("The event is not JSON.") };
    let signer = identity.signer();
    let event = sign_event(json.root(), version, signer.server, signer.key);
    let invitation = Invitation {
        room: room.to_owned(),
        username: username.clone(),
        by: pdu.sender().to_string(),
        via: origin.as_str().to_owned(),
        at: view.now,
    };
    let text = format!(
        "{} invited {username} to {room}: they accept by typing /federation join {room} in a channel of theirs.",
        pdu.sender()
    );
    let mut keep = used(view, room, &username)?;
    keep.extend([Record::Invitation(invitation).insert(), Effect::Log { level: Level::Info, text }]);
    let text = format!(
        "`{}` invites you to the Matrix room `{room}`. To take part, type `/federation join {room}` in a channel or \
         group of yours, which then becomes that room.",
        pdu.sender()
    );
    let id = ids::notice_id(&[pdu.id.as_str()]);
    keep.push(Effect::TellUser { id, username, text });
    Ok(good(format!("{{\"event\":{event}}}"), keep))
}

/// The effects that forget the invitations of a user into a room.
pub(super) fn used(view: &View, room: &str, username: &str) -> Result<Vec<Effect>, Missing> {
    let records = view.records(&key::invitation(room))?.iter();
    let is_theirs = |it: &&Record| matches!(it, Record::Invitation(it) if it.username == username);
    Ok(records.filter(is_theirs).map(Record::remove).collect())
}

/// The server that brought the latest invitation of a user into a room.
pub(super) fn via(view: &View, room: &str, username: &str) -> Result<Option<String>, Missing> {
    let records = view.records(&key::invitation(room))?.iter();
    let invitations = records.filter_map(|it| if let Record::Invitation(it) = it { Some(it) } else { None });
    let own = invitations.filter(|it| it.username == username).max_by_key(|it| it.at);
    Ok(own.map(|it| it.via.clone()))
}

fn is_invitation(pdu: &Pdu) -> bool {
    #[derive(Deserialize)]
    struct Content {
        membership: String,
    }
    let content = serde_json::from_str::<Content>(pdu.content().get());
    pdu.event_type().to_string() == "m.room.member" && content.is_ok_and(|it| it.membership == "invite")
}
