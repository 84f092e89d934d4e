//! The rules that ruma's checks leave to their caller, or that it reads otherwise than all other servers.
//!
//! Law: whatever is refused here Synapse refuses too (but for what would take minutes to check), and whatever is allowed here beyond ruma Synapse allows.
//!
//! Spec: <https://spec.matrix.org/v1.18/rooms/v12/#authorization-rules>

use ruma_common::UserId;
use ruma_events::StateEventType;
use ruma_events::room::member::MembershipState;
use ruma_state_res::Event;
use ruma_state_res::events::RoomMemberEvent;

use super::Pdu;
use crate::matrix::json::{Json, Value};

/// The rules that need no other event.
pub(super) fn check(pdu: &Pdu) -> Result<(), String> {
    match pdu.event_type().to_string().as_str() {
        "m.room.create" => check_create(pdu),
        "m.room.member" => check_third_party_invite(pdu),
        _ => Ok(()),
    }
}

/// Whether the room lets in what comes from that server, and whom it names. By Synapse, and by no word of the
/// specification, `m.federate` is anything but `true` where it is not, and the user that a membership is of counts too.
pub(super) fn check_federation(pdu: &Pdu, create: &impl Event) -> Result<(), String> {
    let federates = with_content(create, |it| it.get("m.federate").is_none_or(|it| it.raw() == "true"));
    let home = create.sender().server_name();
    let is_member = pdu.event_type().to_string() == "m.room.member";
    let target = pdu.state_key().filter(|_| is_member).and_then(|it| <&UserId>::try_from(it).ok());
    let is_at_home = pdu.sender().server_name() == home && target.is_none_or(|it| it.server_name() == home);
    if federates || is_at_home { Ok(()) } else { Err("the room is not federated".to_owned()) }
}

/// Whether it is a join by invitation to a room without join rules. All other servers take it for a room of the rule
/// `invite`; ruma lets nobody in.
pub(super) fn is_join_by_default<E: Event>(
    pdu: &Pdu,
    find: impl Fn(&StateEventType, &str) -> Option<E>,
) -> bool {
    let is_join = pdu.event_type().to_string() == "m.room.member"
        && pdu.state_key() == Some(pdu.sender().as_str())
        && RoomMemberEvent::new(pdu).membership() == Ok(MembershipState::Join);
    let may_join = |it: E| {
        matches!(RoomMemberEvent::new(it).membership(), Ok(MembershipState::Invite | MembershipState::Join))
    };
    is_join
        && find(&StateEventType::RoomJoinRules, "").is_none()
        && find(&StateEventType::RoomCreate, "").is_some()
        && find(&StateEventType::RoomMember, pdu.sender().as_str()).is_some_and(may_join)
}

/// A room is of the version that its create event says, and without a word of version 1.
fn check_create(pdu: &Pdu) -> Result<(), String> {
    let version = pdu.version().as_str();
    let is_said =
        |it: Value<'_>| it.get("room_version").and_then(Value::as_str).is_some_and(|it| it == version);
    if with_content(pdu, is_said) { Ok(()) } else { Err(format!("its 'room_version' is not {version}")) }
}

/// ruma takes an invitation with `"third_party_invite": null` for one of the sender, whose server need not have signed it.
fn check_third_party_invite(pdu: &Pdu) -> Result<(), String> {
    let is_good = |it: Value<'_>| {
        let is_invite = it.get("membership").and_then(Value::as_str).is_some_and(|it| it == "invite");
        !is_invite || it.get("third_party_invite").is_none_or(Value::is_object)
    };
    if with_content(pdu, is_good) { Ok(()) } else { Err("its 'third_party_invite' is no object".to_owned()) }
}

/// An invitation through an identity server is good if any of its signatures holds with any of the keys that were
/// published for it, and there is room for hundreds of both: half a million pairs that ruma would try. No such server
/// has more than a few. This is the one rule that Synapse has not.
pub(super) fn check_effort<E: Event>(
    pdu: &Pdu,
    find: impl Fn(&StateEventType, &str) -> Option<E>,
) -> Result<(), String> {
    const MOST: usize = 64;
    let content = Json::parse(pdu.content().get().as_bytes()).map_err(|why| why.to_string())?;
    let signed = content.root().get("third_party_invite").and_then(|it| it.get("signed"));
    let Some(signed) = signed.filter(|_| pdu.event_type().to_string() == "m.room.member") else {
        return Ok(());
    };
    let signatures = signed.get("signatures").into_iter().flat_map(Value::entries);
    let signatures: usize = signatures.map(|(_, it)| it.entries().count()).sum();
    let token = signed.get("token").and_then(Value::as_str).unwrap_or_default();
    let keys = |it: E| {
        let content = Json::parse(it.content().get().as_bytes()).ok()?;
        Some(content.root().get("public_keys").into_iter().flat_map(Value::items).count().saturating_add(1))
    };
    let keys = find(&StateEventType::RoomThirdPartyInvite, &token).and_then(keys).unwrap_or(0);
    if signatures.saturating_mul(keys) <= MOST {
        Ok(())
    } else {
        Err("it has too many signatures of identity servers".to_owned())
    }
}

fn with_content(event: &impl Event, is_good: impl Fn(Value<'_>) -> bool) -> bool {
    Json::parse(event.content().get().as_bytes()).is_ok_and(|it| is_good(it.root()))
}
