//! Edits and deletions by two instances on one store, in seeded orders, one of them dying now and then: in the end both
//! sides show the same.

use matrix_federation::facts::Message;

use crate::conversations::{BOB, bridged, said};
use crate::edits_incoming::{edit, redaction};
use crate::interleavings::{dice, rest};
use crate::world::World;

const SEEDS: u64 = 600;

fn ours(world: &World) -> Vec<Message> {
    world.outside.borrow().messages.iter().filter(|it| !it.id.starts_with("mx-")).cloned().collect()
}

#[test]
fn both_sides_show_the_same_in_the_end() {
    let mut deaths = 0;
    for seed in 0..SEEDS {
        let mut dice = dice(seed);
        let mut world = bridged();
        let second = world.start((seed % 2 == 0).then(|| 2 + dice(12)));
        let mut events = vec![];
        let mut theirs: Vec<String> = vec![];
        for step in 0..400 {
            let living: Vec<usize> = (0..2).filter(|it| !world.is_dead(*it)).collect();
            let index = living[dice(living.len())];
            // A hook may be lost.
            let hook = (dice(8) > 0).then_some(index);
            let known = ours(&world);
            match dice(16) {
                0 if known.len() < 5 => {
                    world.say(hook, "general", ["alice", "carol"][dice(2)], &format!("here {step}"));
                }
                1 if !known.is_empty() => {
                    let message = &known[dice(known.len())];
                    world.edit(hook, &message.id, "alice", &format!("edited {step}"));
                }
                2 if !known.is_empty() && dice(3) == 0 => {
                    world.delete(hook, &known[dice(known.len())].id, "carol");
                }
                3 if theirs.len() < 3 => {
                    theirs.push(format!("there {step}"));
                    events.push(said(&format!("t{}", theirs.len()), &format!("there {step}")));
                    world.transaction(index, &events[events.len() - 1..]);
                }
                4 if !theirs.is_empty() => {
                    let which = dice(theirs.len());
                    if !theirs[which].is_empty() {
                        let of = format!("t{}", which + 1);
                        theirs[which] = if dice(4) == 0 { String::new() } else { format!("anew {step}") };
                        events.push(if theirs[which].is_empty() {
                            redaction(&format!("r{step}"), &of, BOB)
                        } else {
                            edit(&format!("e{step}"), &of, &theirs[which], step as i64)
                        });
                        world.transaction(index, &events[events.len() - 1..]);
                    }
                }
                5 => world.submit(index, matrix_federation::input::Input::Tick),
                6 => world.pass(dice(400) as i64),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        deaths += usize::from(world.is_dead(second));
        rest(&world);
        // An instance that died before it answered: the homeserver sends all of it again.
        world.transaction(0, &events);
        rest(&world);
        let mut seen = world.seen_on_matrix();
        seen.sort();
        let mut expected: Vec<String> = ours(&world).into_iter().map(|it| it.text).collect();
        expected.sort();
        assert_eq!(seen, expected, "seed {seed}: on Matrix");
        let mut shown = world.shown();
        shown.sort();
        theirs.retain(|it| !it.is_empty());
        theirs.sort();
        assert_eq!(shown, theirs, "seed {seed}: on Rocket.Chat");
    }
    println!("{SEEDS} interleavings, an instance died in {deaths}");
    assert!(deaths > 60);
}
