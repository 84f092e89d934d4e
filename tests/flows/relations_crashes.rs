//! A crash after each effect of a reply, a thread and a reaction, either way, and reactions in any order.

use crate::conversations::{BOB, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::redaction;
use crate::interleavings::{dice, rest};
use crate::reactions::{reaction, talked};
use crate::relations::{addressed, in_thread, link, reply};
use crate::world::World;

fn with_messages() -> World {
    talked().0
}

fn ours(world: &World) -> String {
    world.outside.borrow().messages.iter().find(|it| it.text == "ours").expect("the message").id.clone()
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "a reply and a thread out",
        prepared: with_messages,
        happens: |world, index| {
            let root = ours(world);
            world.say(Some(index), "general", "carol", &format!("[ ]({}) yes", link(&root)));
            world.say_so(Some(index), "carol", "in the thread", |it| it.thread = Some(root.clone()));
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.sent(), ["ours", "yes", "in the thread"]);
            assert_eq!(world.content(1)["m.relates_to"]["m.in_reply_to"]["event_id"], "$event0");
            assert_eq!(world.content(2)["m.relates_to"]["event_id"], "$event0");
            world.is_all_done();
        },
    },
    Flow {
        name: "reactions out",
        prepared: with_messages,
        happens: |world, index| {
            let ours = ours(world);
            world.react(Some(index), &ours, "alice", ":eyes:", true);
            world.react(Some(index), &ours, "carol", ":tada:", true);
            world.react(Some(index), &ours, "carol", ":tada:", false);
        },
        events: Vec::new,
        holds: |world| {
            let seen = world.reactions_on_matrix();
            assert_eq!(seen.iter().map(|it| it.1.as_str()).collect::<Vec<_>>(), ["👀"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "relations in",
        prepared: with_messages,
        happens: |_, _| {},
        events: || {
            vec![
                reply("2", "yes", "$event0"),
                in_thread("3", "in the thread", "$event0", "$event0", true),
                reaction("a", "$event0", "👍"),
                reaction("b", "$1", "no emoji"),
                reaction("c", "$1", "🎉"),
                redaction("r", "c", BOB),
            ]
        },
        holds: |world| {
            let ours = ours(world);
            let texts = [
                "theirs".to_owned(),
                format!("[ ]({}) yes", link(&ours)),
                "in the thread".to_owned(),
                format!("[ ]({}) reacted with no emoji", link("mx-1")),
            ];
            assert_eq!(world.shown(), texts);
            assert_eq!(world.local("mx-3").thread, Some(ours.clone()));
            assert_eq!(world.reactions_to(&ours).len(), 1);
            assert_eq!(world.reactions_to("mx-1"), []);
            world.is_all_done();
        },
    },
];

#[test]
fn every_prefix_of_every_relation_is_a_valid_state() {
    crash_everywhere(FLOWS);
}

#[test]
fn two_instances_agree_on_reactions_in_the_end() {
    for seed in 0..300 {
        let mut dice = dice(seed);
        let mut world = addressed();
        let second = world.start((seed % 2 == 0).then(|| 2 + dice(30)));
        let message = world.say(Some(0), "general", "alice", "ours");
        world.transaction(0, &[said("1", "theirs")]);
        let mut toggled = 0;
        for _ in 0..300 {
            let living: Vec<usize> = (0..2).filter(|it| !world.is_dead(*it)).collect();
            let index = living[dice(living.len())];
            match dice(10) {
                0 if toggled < 8 => {
                    toggled += 1;
                    let (name, emoji) = (["alice", "carol"][dice(2)], [":eyes:", ":tada:"][dice(2)]);
                    let is_there = world.local(&message.id).has_reaction(emoji, name);
                    world.react((dice(4) > 0).then_some(index), &message.id, name, emoji, !is_there);
                }
                1 => world.pass(dice(400) as i64),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        assert!(second == 1);
        rest(&world);
        world.look_over(0);
        rest(&world);
        let mut here: Vec<(String, String)> = world
            .reactions_to(&message.id)
            .into_iter()
            .flat_map(|(emoji, users)| users.into_iter().map(move |user| (emoji.clone(), user)))
            .collect();
        let sign = |key: &str| if key == "👀" { ":eyes:" } else { ":tada:" }.to_owned();
        let name = |mxid: &str| mxid.trim_start_matches("@rc_").split(':').next().unwrap().to_owned();
        let mut there: Vec<(String, String)> =
            world.reactions_on_matrix().iter().map(|it| (sign(&it.1), name(&it.2))).collect();
        here.sort();
        there.sort();
        assert_eq!(there, here, "seed {seed}");
    }
}
