//! A reinstallation without an export: the documents are gone, the rooms on both sides are not.

use matrix_federation::record::Record;
use serde_json::json;

use crate::conversations::{BOB, ROOM, membership, said};
use crate::ident::administered;
use crate::world::World;

/// A world in which people have talked.
fn talked() -> World {
    let world = administered();
    world.command(0, "garden", "alice", &format!("invite {BOB}"));
    world.settle();
    world.transaction(0, &[membership("j", BOB, "join"), said("1", "before")]);
    world.say(Some(0), "general", "alice", "bridged before");
    world.settle();
    world.kill(0);
    world.pass(20_000);
    world
}

/// The App is removed and installed again.
fn reinstall(world: &mut World, life: Option<usize>) -> usize {
    world.outside.borrow_mut().store.clear();
    let index = world.start(life);
    world.settle();
    index
}

fn portals(world: &World) -> Vec<(String, String)> {
    let mut portals: Vec<(String, String)> = world
        .records()
        .into_iter()
        .filter_map(|it| if let Record::Portal(it) = it { Some((it.local, it.remote)) } else { None })
        .collect();
    portals.sort();
    portals.dedup();
    portals
}

fn both() -> Vec<(String, String)> {
    vec![("garden".into(), "!rc_room_garden".into()), ("general".into(), ROOM.into())]
}

#[test]
fn ident_rooms_are_taken_up_again_and_nothing_is_doubled() {
    let mut world = talked();
    let index = reinstall(&mut world, None);
    assert_eq!(portals(&world), both());
    world.say(Some(index), "general", "alice", "after");
    world.transaction(index, &[said("1", "before"), said("2", "afterwards")]);
    world.settle();
    assert_eq!(world.sent(), ["bridged before", "after"]);
    assert_eq!(world.shown(), ["before", "afterwards"]);
    let ghosts = world.outside.borrow().users.keys().filter(|it| it.contains(':')).count();
    assert_eq!(ghosts, 1, "the ghost of before is taken up again");
}

#[test]
fn ident_a_crash_after_each_effect_of_taking_up_is_harmless() {
    let mut runs = 1;
    loop {
        let mut world = talked();
        let doomed = reinstall(&mut world, Some(runs));
        let survived = !world.is_dead(doomed);
        let index = if survived {
            world.spare(doomed);
            doomed
        } else {
            world.pass(20_000);
            let index = world.start(None);
            world.settle();
            index
        };
        assert_eq!(portals(&world), both(), "after {runs} effects");
        world.say(Some(index), "garden", "alice", "after");
        world.settle();
        assert_eq!(world.sent(), ["bridged before", "after"], "after {runs} effects");
        let left = world.records().iter().filter(|it| matches!(it, Record::Entry(_))).count();
        assert_eq!(left, 0, "after {runs} effects");
        runs += 1;
        if survived {
            break;
        }
    }
    assert!(runs > 8, "{runs}");
}

#[test]
fn ident_events_that_come_first_wait_for_the_portal() {
    let mut world = talked();
    world.outside.borrow_mut().store.clear();
    let index = world.start(None);
    world.until(|it| it.records().iter().any(|it| matches!(it, Record::Tokens(_))));
    world.transaction(index, &[said("2", "early")]);
    world.settle();
    assert_eq!(world.shown(), ["before", "early"]);
}

#[test]
fn ident_only_our_own_mark_for_this_workspace_is_believed() {
    for (sender, workspace) in [("@mallory:hs.test", "workspace-1"), ("@rocketchat:hs.test", "workspace-2")] {
        let mut world = talked();
        let mark = json!({ "sender": sender, "content": { "room": "secret", "workspace": workspace } });
        world.outside.borrow_mut().homeserver.marks.insert("!rc_room_garden".to_owned(), mark);
        reinstall(&mut world, None);
        assert_eq!(portals(&world), both()[1..], "{sender} {workspace}");
    }
}

#[test]
fn ident_rooms_of_before_the_marks_are_known_by_their_alias() {
    let mut world = talked();
    world.outside.borrow_mut().homeserver.marks.clear();
    reinstall(&mut world, None);
    assert_eq!(portals(&world), both());
}

#[test]
fn ident_a_room_that_is_not_there_any_more_is_not_taken_up() {
    let mut world = talked();
    world.outside.borrow_mut().lost_rooms.insert("garden".to_owned());
    reinstall(&mut world, None);
    assert_eq!(portals(&world), both()[1..]);
    assert!(
        world.outside.borrow().log.iter().any(|it| it.contains("not taken up again: the room is not there"))
    );
}

#[test]
fn ident_somebody_elses_account_is_left_alone() {
    let mut world = talked();
    {
        let mut outside = world.outside.borrow_mut();
        outside.users.get_mut("bob:far.test").unwrap().made_by_us = false;
    }
    let index = reinstall(&mut world, None);
    world.transaction(index, &[said("2", "after")]);
    world.settle();
    let outside = world.outside.borrow();
    let sender = &outside.messages.iter().find(|it| it.text == "after").unwrap().sender.username;
    assert!(sender.starts_with("bob-"), "{sender}");
}
