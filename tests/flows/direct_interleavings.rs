//! Two instances of a Matrix server at work on one store, in hundreds of seeded orders, one of them dying now and then.

use matrix_federation::input::Input;
use matrix_federation::matrix::version::RoomVersion;
use serde_json::json;

use crate::direct::{BOB, together};
use crate::interleavings::{dice, rest};
use crate::world::{Ticket, World};

const SEEDS: u64 = 200;

/// The other server has one transaction in flight, and sends it until it is acknowledged.
#[derive(Default)]
struct Sender {
    waiting: Vec<String>,
    flight: Option<(usize, Ticket, String)>,
}

impl Sender {
    /// Sends the next transaction, or the last one again, to one of the instances that live.
    fn turn(&mut self, world: &World, dice: &mut impl FnMut(usize) -> usize) {
        if let Some((to, ticket, pdu)) = self.flight.take() {
            if ticket.borrow().as_ref().is_some_and(|it| it.status == 200) {
                return;
            }
            if !world.is_dead(to) {
                self.flight = Some((to, ticket, pdu));
                return;
            }
            self.waiting.insert(0, pdu);
        }
        if self.waiting.is_empty() {
            return;
        }
        let pdu = self.waiting.remove(0);
        let living: Vec<usize> = (0..world.instances.len()).filter(|it| !world.is_dead(*it)).collect();
        let to = living[dice(living.len())];
        let ticket = world.deliver_texts(to, std::slice::from_ref(&pdu));
        self.flight = Some((to, ticket, pdu));
    }
}

#[test]
fn two_instances_hold_one_room() {
    let (mut deaths, mut forks) = (0, 0);
    for seed in 0..SEEDS {
        let mut dice = dice(seed);
        let (mut world, room) = together(RoomVersion::V11);
        world.outside.borrow_mut().requests_arrive_at_once = seed % 3 == 0;
        let second = world.start((seed % 2 == 0).then(|| 2 + dice(60)));
        if seed % 4 < 2 {
            // The instances know each other; else one is just coming up.
            world.settle();
            world.pass(3_000);
            (0..2).filter(|it| !world.is_dead(*it)).for_each(|it| world.submit(it, Input::Tick));
            world.settle();
        }
        let mut sender = Sender::default();
        let (mut here, mut there) = (vec![], vec![]);
        for step in 0..600 {
            let living: Vec<usize> = (0..2).filter(|it| !world.is_dead(*it)).collect();
            let index = living[dice(living.len())];
            match dice(24) {
                0 if here.len() < 5 => {
                    let text = format!("here {step}");
                    world.say(Some(index), "general", ["alice", "carol"][dice(2)], &text);
                    here.push(text);
                }
                1 if there.len() < 5 => {
                    let text = format!("there {step}");
                    sender.waiting.push(world.bob_says(&room, &text).text);
                    there.push(text);
                }
                2 if dice(3) == 0 => {
                    let topic = json!({ "topic": format!("{step}") });
                    let pdu = world.happens(&room, BOB, "m.room.topic", Some(""), topic);
                    sender.waiting.push(pdu.text);
                }
                3 => world.submit(index, Input::Tick),
                4 => world.pass(dice(400) as i64),
                5 | 6 => sender.turn(&world, &mut dice),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        deaths += usize::from(world.is_dead(second));
        rest(&world);
        while !sender.waiting.is_empty() || sender.flight.is_some() {
            sender.turn(&world, &mut dice);
            rest(&world);
        }
        let mut heard = world.heard(&room);
        heard.sort();
        here.sort();
        assert_eq!(heard, here, "seed {seed}: what was said here; {:#?}", world.log());
        let mut shown = world.shown();
        shown.sort();
        there.sort();
        assert_eq!(shown, there, "seed {seed}: what was said there; {:#?}", world.log());
        forks += usize::from(world.graph(&room).heads.len() > 1);
        // Whatever forked is one again with what is said next, and both sides hold the same.
        world.say(Some(0), "general", "alice", "and so on");
        rest(&world);
        world.agrees(&room);
    }
    println!("{SEEDS} interleavings, an instance died in {deaths}, {forks} ended in a fork");
    assert!(deaths > 30 && forks > 10);
}
