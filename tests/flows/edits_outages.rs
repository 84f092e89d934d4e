//! Edits and deletions of messages that still wait for the homeserver.

use matrix_federation::input::{Answer, Input};

use crate::conversations::bridged;
use crate::interleavings::{dice, rest};
use crate::world::World;

fn down(world: &World, times: usize) {
    let down = Answer::Unreachable { why: "refused".to_owned() };
    world.outside.borrow_mut().homeserver.instead = vec![down; times];
}

/// Lets the first attempt fail.
fn fails(world: &World) {
    world.until(|it| it.outside.borrow().homeserver.instead.len() < 3);
}

#[test]
fn a_message_that_was_never_tried_goes_out_with_its_newest_text() {
    let world = bridged();
    down(&world, 3);
    world.say(Some(0), "general", "alice", "one");
    fails(&world);
    let two = world.say(Some(0), "general", "alice", "two");
    world.say(Some(0), "general", "alice", "three");
    world.edit(Some(0), &two.id, "alice", "two anew");
    world.edit(Some(0), &two.id, "alice", "two at last");
    world.settle();
    assert_eq!(world.sent(), ["one", "two at last", "three"]);
    // What is edited now is an edit of that.
    world.edit(Some(0), &two.id, "alice", "two after all");
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["one", "two after all", "three"]);
    assert_eq!(world.sent().len(), 4);
    world.is_all_done();
}

#[test]
fn a_message_that_was_tried_goes_out_as_it_was_and_then_its_last_edit() {
    let world = bridged();
    down(&world, 3);
    let one = world.say(Some(0), "general", "alice", "one");
    fails(&world);
    world.edit(Some(0), &one.id, "alice", "one anew");
    world.edit(Some(0), &one.id, "alice", "one at last");
    world.settle();
    assert_eq!(world.sent(), ["one", "* one at last"]);
    assert_eq!(world.seen_on_matrix(), ["one at last"]);
    world.is_all_done();
}

#[test]
fn of_several_edits_that_wait_the_last_goes_out() {
    let world = bridged();
    let one = world.say(Some(0), "general", "alice", "one");
    world.settle();
    down(&world, 3);
    world.edit(Some(0), &one.id, "alice", "first");
    fails(&world);
    for text in ["second", "third", "fourth"] {
        world.edit(Some(0), &one.id, "alice", text);
    }
    world.settle();
    assert_eq!(world.sent(), ["one", "* fourth"]);
    world.is_all_done();
}

#[test]
fn a_message_that_was_never_tried_is_not_sent_once_it_is_deleted() {
    let world = bridged();
    down(&world, 3);
    world.say(Some(0), "general", "alice", "one");
    fails(&world);
    let two = world.say(Some(0), "general", "alice", "two");
    world.edit(Some(0), &two.id, "alice", "two anew");
    world.delete(Some(0), &two.id, "carol");
    world.say(Some(0), "general", "alice", "three");
    world.settle();
    assert_eq!(world.sent(), ["one", "three"]);
    assert_eq!(world.taken_back(), []);
    world.is_all_done();
}

#[test]
fn of_a_message_that_perhaps_was_sent_nobody_reads_the_text_once_it_is_deleted() {
    for arrived in [false, true] {
        let world = bridged();
        if arrived {
            // It arrives, and only its answer is lost.
            let message = world.say(None, "general", "alice", "secret");
            world.outside.borrow_mut().requests_arrive_at_once = true;
            world.submit(0, Input::MessageSent { message: message.clone() });
            world.until(|it| !it.sent().is_empty());
            world.kill(0);
            let mut world = world;
            world.delete(None, &message.id, "alice");
            world.start(None);
            world.settle();
            assert_eq!(world.sent(), ["secret"]);
            assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
            world.is_all_done();
        } else {
            down(&world, 3);
            let message = world.say(Some(0), "general", "alice", "secret");
            fails(&world);
            world.delete(Some(0), &message.id, "alice");
            world.settle();
            assert!(!world.sent().contains(&"secret".to_owned()), "{:?}", world.sent());
            assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
            world.is_all_done();
        }
    }
}

#[test]
fn a_message_edited_while_it_is_under_way_gets_its_edit() {
    let world = bridged();
    let message = world.say(Some(0), "general", "alice", "one");
    world.outside.borrow_mut().requests_arrive_at_once = true;
    world.until(|it| !it.sent().is_empty());
    world.edit(Some(0), &message.id, "alice", "one anew");
    world.settle();
    assert_eq!(world.sent(), ["one", "* one anew"]);
    world.is_all_done();
}

#[test]
fn a_message_that_was_deleted_while_the_app_was_off_does_not_go_out() {
    let mut world = bridged();
    down(&world, 3);
    let kept = world.say(Some(0), "general", "alice", "kept");
    fails(&world);
    let gone = world.say(Some(0), "general", "alice", "gone");
    let edited = world.say(Some(0), "general", "alice", "edited");
    world.until(|it| it.outside.borrow().store.iter().any(|document| document.id.ends_with(&edited.id)));
    world.kill(0);
    world.outside.borrow_mut().homeserver.instead.clear();
    world.delete(None, &gone.id, "alice");
    world.edit(None, &edited.id, "alice", "edited anew");
    world.start(None);
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["kept", "edited anew"]);
    assert!(!world.sent().contains(&"gone".to_owned()), "{:?}", world.sent());
    assert!(kept.edited_at.is_none());
    world.is_all_done();
}

#[test]
fn with_two_instances_nothing_is_taken_for_untried() {
    let mut world = bridged();
    world.start(None);
    world.settle();
    down(&world, 8);
    let messages = ["one", "two"].map(|text| world.say(Some(0), "general", "alice", text));
    let mut dice = dice(1);
    for turn in 0..100_000 {
        if turn % 50 == 0 {
            world.submit(dice(2), Input::Tick);
        }
        world.random_turn(&mut dice);
        if world.outside.borrow().homeserver.instead.len() < 8 {
            break;
        }
    }
    assert!(world.outside.borrow().homeserver.instead.len() < 8, "somebody tries");
    world.edit(Some(1), &messages[1].id, "alice", "two anew");
    rest(&world);
    assert_eq!(world.seen_on_matrix(), ["one", "two anew"]);
    assert_eq!(world.sent(), ["one", "two", "* two anew"]);
    world.is_all_done();
}
