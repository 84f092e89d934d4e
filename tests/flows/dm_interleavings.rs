//! Both sides open a direct message at the same moment, and talk, in hundreds of seeded orders.

use crate::conversations::BOB;
use crate::dm::{ALICE, THEIRS, opened, pair, portals, said_in, started};
use crate::interleavings::{dice, rest};

#[test]
fn dm_opened_from_both_sides_at_once_is_one() {
    let mut with_two_rooms = 0;
    for seed in 0..300 {
        let mut dice = dice(seed);
        let world = started();
        let events = opened(&world, THEIRS, BOB, &[ALICE], true);
        let mut from_matrix = vec![events, vec![said_in(THEIRS, BOB, "there")]];
        let mut command = Some(format!("dm {BOB}"));
        for _ in 0..200 {
            match dice(8) {
                0 if command.is_some() => world.command(0, "general", "alice", &command.take().unwrap()),
                1 if !from_matrix.is_empty() => world.transaction(0, &from_matrix.remove(0)),
                2 => world.pass(dice(400) as i64),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        if let Some(words) = command {
            world.command(0, "general", "alice", &words);
        }
        for events in from_matrix {
            world.transaction(0, &events);
        }
        rest(&world);
        let room = pair(&world);
        assert_eq!(world.outside.borrow().directs.len(), 1, "seed {seed}");
        assert!(portals(&world).iter().all(|it| it.local == room), "seed {seed}");
        assert_eq!(world.shown(), ["there"], "seed {seed}");
        world.say(Some(0), &room, "alice", "here");
        rest(&world);
        assert_eq!(world.sent(), ["here"], "seed {seed}");
        with_two_rooms += usize::from(portals(&world).len() == 2);
    }
    println!("two Matrix rooms in {with_two_rooms} of 300");
    assert!(with_two_rooms > 10 && with_two_rooms < 300, "{with_two_rooms}");
}
