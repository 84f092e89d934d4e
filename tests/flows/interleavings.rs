//! Two instances at work on one store, in thousands of seeded orders, one of them dying now and then.

use matrix_federation::input::Input;

use crate::conversations::{bridged, said};
use crate::world::World;

const SEEDS: u64 = 2_500;

/// A small generator of repeatable dice (splitmix64).
pub fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |sides| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

pub fn rest(world: &World) {
    for pause in [3_000, 3_000, 3_000, 3_000, 3_000, 600_000, 3_000, 1_000, 1_000, 1_000] {
        world.settle();
        world.pass(pause);
        for index in 0..world.instances.len() {
            if !world.is_dead(index) {
                world.submit(index, Input::Tick);
            }
        }
    }
    world.settle();
}

#[test]
fn two_instances_lose_and_double_nothing() {
    let mut deaths = 0;
    for seed in 0..SEEDS {
        let mut dice = dice(seed);
        let mut world = bridged();
        let second = world.start((seed % 2 == 0).then(|| 2 + dice(12)));
        let mut said_here = vec![];
        let mut said_there = vec![];
        for step in 0..400 {
            let living: Vec<usize> = (0..2).filter(|it| !world.is_dead(*it)).collect();
            let index = living[dice(living.len())];
            match dice(14) {
                0 if said_here.len() < 6 => {
                    let text = format!("here {step}");
                    world.say(Some(index), "general", ["alice", "carol"][dice(2)], &text);
                    said_here.push(text);
                }
                1 if said_there.len() < 6 => {
                    let text = format!("there {step}");
                    world.transaction(index, &[said(&format!("{step}"), &text)]);
                    said_there.push((format!("{step}"), text));
                }
                2 => world.submit(index, Input::Tick),
                3 => world.pass(dice(400) as i64),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        deaths += usize::from(world.is_dead(second));
        rest(&world);
        // A hook in a crash is lost for good: what it stood for is found when the portal is compared.
        for (id, text) in &said_there {
            // An instance that died before it answered: the homeserver sends it again.
            if !world.shown().contains(text) {
                world.transaction(0, &[said(id, text)]);
                rest(&world);
            }
        }
        let mut sent = world.sent();
        sent.sort();
        said_here.sort();
        assert_eq!(sent, said_here, "seed {seed}: local messages");
        let mut shown = world.shown();
        shown.sort();
        let mut expected: Vec<String> = said_there.into_iter().map(|it| it.1).collect();
        expected.sort();
        assert_eq!(shown, expected, "seed {seed}: Matrix messages");
    }
    println!("{SEEDS} interleavings, an instance died in {deaths}");
    assert!(deaths > 100);
}

#[test]
fn one_instance_keeps_the_order_whatever_overtakes_what() {
    for seed in 0..SEEDS {
        let mut dice = dice(seed);
        let world = bridged();
        let mut expected = vec![];
        let mut held = vec![];
        for n in 0..8 {
            let text = format!("message {n}");
            held.push(world.say(None, "general", ["alice", "carol"][dice(2)], &text));
            expected.push(text);
        }
        // The hooks come in any order, while the world goes on.
        while !held.is_empty() {
            if dice(3) == 0 {
                let message = held.remove(dice(held.len()));
                world.submit(0, Input::MessageSent { message });
            } else {
                world.random_turn(&mut dice);
            }
        }
        world.settle();
        assert_eq!(world.sent(), expected, "seed {seed}");
    }
}
