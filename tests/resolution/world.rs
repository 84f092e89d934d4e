//! Generated rooms: people act on their side of a fork, sides meet and part again.

use matrix_federation::matrix::resolve::{State, Unresolved, resolve};
use proptest::prelude::*;
use ruma_common::room_version_rules::RoomVersionRules;
use ruma_common::{EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId};
use ruma_state_res::{auth_types_for_event, check_state_dependent_auth_rules};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::oracle::plain;
use crate::pdu::{Pdu, Room};

/// What somebody tries to do. Who may not is refused by the state of their side.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Topic,
    Levels(usize, i64),
    Member(usize, &'static str),
    JoinRule(&'static str),
    /// The side takes over what that side knows.
    Meet(usize),
    /// The side splits in two.
    Part,
}

/// How many earlier states are remembered.
const PAST: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Step {
    side: usize,
    actor: usize,
    act: Act,
    /// The auth events are those of some earlier state of any side instead of the present one.
    stale: Option<usize>,
    ts: u32,
}

pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let act = prop_oneof![
        2 => Just(Act::Topic),
        4 => (0..5usize, prop::sample::select(vec![0, 50, 75, 100])).prop_map(|(who, level)| Act::Levels(who, level)),
        6 => (0..5usize, prop::sample::select(vec!["join", "leave", "ban", "invite"]))
            .prop_map(|(who, to)| Act::Member(who, to)),
        2 => prop::sample::select(vec!["public", "invite"]).prop_map(Act::JoinRule),
        1 => (0..4usize).prop_map(Act::Meet),
        1 => Just(Act::Part),
    ];
    // The first people have the power, so they act most.
    let actor = prop_oneof![3 => 0..2usize, 2 => 0..5usize];
    let stale = prop::option::weighted(0.15, 0..PAST);
    let step = (0..4usize, actor, act, stale, 0..40u32).prop_map(|(side, actor, act, stale, ts)| Step {
        side,
        actor,
        act,
        stale,
        ts,
    });
    prop::collection::vec(step, 1..most)
}

pub(crate) struct World {
    pub(crate) rules: RoomVersionRules,
    pub(crate) room: Room,
    pub(crate) sides: Vec<State>,
    past: Vec<State>,
}

impl World {
    /// A public room of five people; the first made it, the second moderates it.
    pub(crate) fn new(rules: &RoomVersionRules) -> Self {
        let mut world =
            Self { rules: rules.clone(), room: Room::default(), sides: vec![State::new()], past: vec![] };
        world.send(0, 0, ("m.room.create", ""), &json!({ "creator": user(0) }), None, 0);
        world.send(0, 0, ("m.room.member", &user(0)), &json!({ "membership": "join" }), None, 1);
        let users = if rules.authorization.explicitly_privilege_room_creators {
            json!({ user(1): 50 })
        } else {
            json!({ user(0): 100, user(1): 50 })
        };
        world.send(0, 0, ("m.room.power_levels", ""), &json!({ "users": users }), None, 2);
        world.send(0, 0, ("m.room.join_rules", ""), &json!({ "join_rule": "public" }), None, 3);
        for who in 1..5 {
            world.send(0, who, ("m.room.member", &user(who)), &json!({ "membership": "join" }), None, 4);
        }
        assert_eq!(world.sides[0].len(), 8);
        world.sides.push(world.sides[0].clone());
        world
    }

    pub(crate) fn after(rules: &RoomVersionRules, steps: &[Step]) -> Self {
        let mut world = Self::new(rules);
        for step in steps {
            world.step(step);
        }
        world
    }

    pub(crate) fn resolve(&self) -> Result<State, Unresolved> {
        resolve(&self.rules, &self.sides, &self.room)
    }

    fn step(&mut self, step: &Step) {
        let side = step.side % self.sides.len();
        let mut levels = self.levels(side);
        let mut send = |key: (&str, &str), content: Value| {
            self.send(side, step.actor, key, &content, step.stale, 5 + step.ts);
        };
        match &step.act {
            Act::Topic => send(("m.room.topic", ""), json!({ "topic": step.ts })),
            Act::Levels(who, level) => {
                levels["users"][user(*who)] = json!(level);
                send(("m.room.power_levels", ""), levels);
            }
            Act::Member(who, to) => send(("m.room.member", &user(*who)), json!({ "membership": to })),
            Act::JoinRule(rule) => send(("m.room.join_rules", ""), json!({ "join_rule": rule })),
            Act::Meet(other) => {
                let other = other % self.sides.len();
                let states = [self.sides[side].clone(), self.sides[other].clone()];
                self.sides[side] = plain(&self.rules, &states, &self.room);
            }
            Act::Part if self.sides.len() < 4 => self.sides.push(self.sides[side].clone()),
            Act::Part => {}
        }
    }

    fn levels(&self, side: usize) -> Value {
        match self.sides[side].get(&("m.room.power_levels".into(), String::new())) {
            Some(id) => serde_json::from_str(self.room.pdus[id].content.get()).unwrap(),
            None => json!({ "users": {} }),
        }
    }

    /// Sends a state event on a side, if its state allows it.
    pub(crate) fn send(
        &mut self,
        side: usize,
        actor: usize,
        (kind, state_key): (&str, &str),
        content: &Value,
        stale: Option<usize>,
        ts: u32,
    ) {
        let rules = &self.rules.authorization;
        let present = &self.sides[side];
        let built_on = stale.map_or(present, |at| &self.past[at % self.past.len()]);
        let room_id = if !rules.room_create_event_id_as_room_id {
            Some("!room:one.example".to_owned())
        } else if kind == "m.room.create" {
            None
        } else {
            Some(id(0).as_str().replace('$', "!"))
        };
        let sender: OwnedUserId = user(actor).try_into().unwrap();
        let content = to_raw_value(content).unwrap();
        let keys = auth_types_for_event(&kind.into(), &sender, Some(state_key), &content, rules).unwrap();
        let pdu = Pdu {
            event_id: id(self.room.places.len()),
            room_id: room_id.map(|it| it.try_into().unwrap()),
            sender,
            origin_server_ts: MilliSecondsSinceUnixEpoch(ts.into()),
            kind: kind.into(),
            content,
            state_key: state_key.to_owned(),
            // Only the first join is asked: it follows nothing but the beginning.
            prev_events: self.room.places.len().checked_sub(1).map(id).into_iter().collect(),
            auth_events: keys.iter().filter_map(|key| built_on.get(key).cloned()).collect(),
            rejected: false,
        };
        let allowed = check_state_dependent_auth_rules(rules, &pdu, |kind, key| {
            Some(&*self.room.pdus[present.get(&(kind.clone(), key.to_owned()))?])
        });
        if allowed.is_ok() {
            let pdu = self.room.add(pdu);
            self.sides[side].insert(pdu.key(), pdu.event_id.clone());
            if self.past.len() < PAST {
                self.past.push(self.sides[side].clone());
            }
        }
    }
}

pub(crate) fn user(number: usize) -> String {
    format!("@user{number}:one.example")
}

/// Ids in no order, as hashes are, and as long.
fn id(number: usize) -> OwnedEventId {
    let mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    EventId::parse(format!("${mixed:016x}-{number:026}")).unwrap()
}
