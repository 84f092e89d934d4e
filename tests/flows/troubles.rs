//! The workspace itself does not do what it is asked for: a database that takes nothing, an entry that cannot be
//! performed, an event that stops the core.

use matrix_federation::effect::Tag;
use matrix_federation::ids::Scope;
use matrix_federation::input::Input;
use matrix_federation::record::{Record, Work};

use crate::conversations::{bridged, said};
use crate::world::World;

fn fails(world: &World, fails: bool) {
    world.outside.borrow_mut().store_fails = fails;
}

fn dead(world: &World) -> Vec<String> {
    let records = world.records().into_iter();
    records.filter_map(|it| if let Record::Dead(it) = it { Some(it.entry.id) } else { None }).collect()
}

fn entry(world: &World, is: fn(&Work) -> bool) -> Tag {
    let found = world.records().into_iter().find_map(|it| match it {
        Record::Entry(it) if is(&it.work) => Some((it.scope.clone(), it.id.clone())),
        _ => None,
    });
    let (scope, entry) = found.expect("an entry");
    Tag { scope, entry, step: "part-0".to_owned() }
}

#[test]
fn a_transaction_that_cannot_be_kept_is_not_acknowledged() {
    let world = bridged();
    fails(&world, true);
    let token = world.homeserver_token();
    let body = serde_json::json!({ "events": [said("1", "hello")] }).to_string();
    let authorization = Some(format!("Bearer {token}"));
    let ticket = world.ask(0, "PUT", "/_matrix/app/v1/transactions/1", authorization, &body);
    world.settle();
    assert_eq!(*ticket.borrow(), None, "no answer but an error, which the listener says as 500");
    fails(&world, false);
    // It comes again.
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    assert_eq!(world.shown(), ["hello"]);
}

#[test]
fn what_the_database_did_not_take_is_sent_when_it_takes_it() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "before");
    world.settle();
    fails(&world, true);
    for text in ["one", "two", "three"] {
        world.say(Some(0), "general", "alice", text);
    }
    let effects = world.effects(0);
    let lines = world.outside.borrow().log.len();
    world.live(600_000);
    let trials = world.effects(0) - effects;
    assert!(trials < 200, "{trials} effects in ten minutes");
    let lines = world.outside.borrow().log.len() - lines;
    assert!((1..=10).contains(&lines), "{lines} lines in ten minutes");
    fails(&world, false);
    let began = world.outside.borrow().now;
    world.until(|world| world.sent() == ["before", "one", "two", "three"]);
    assert!(world.outside.borrow().now - began < 31_000);
}

#[test]
fn what_died_with_an_instance_that_could_keep_nothing_is_found_by_the_next() {
    let mut world = bridged();
    fails(&world, true);
    world.say(Some(0), "general", "alice", "one");
    world.say(Some(0), "general", "carol", "two");
    for _ in 0..100 {
        world.random_turn(&mut |_| 0);
    }
    world.kill(0);
    fails(&world, false);
    world.start(None);
    world.settle();
    assert_eq!(world.sent(), ["one", "two"]);
}

#[test]
fn a_long_trouble_with_the_database_puts_nothing_aside() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "half way");
    world.until(|world| world.sent() == ["half way"]);
    // It is sent, and that cannot be noted; nor can the event that comes.
    fails(&world, true);
    world.live(86_400_000);
    fails(&world, false);
    world.settle();
    assert_eq!(world.sent(), ["half way"]);
    assert_eq!(dead(&world), Vec::<String>::new());
}

#[test]
fn an_entry_that_cannot_be_performed_is_put_aside_in_the_end_and_can_be_tried_again() {
    let world = bridged();
    world.outside.borrow_mut().homeserver.is_away = true;
    world.say(Some(0), "general", "alice", "cursed");
    world.until(|world| world.outside.borrow().homeserver.calls > 0 && world.effects(0) > 0);
    world.until(|world| world.records().iter().any(|it| matches!(it, Record::Outage(_))));
    let tag = entry(&world, |it| matches!(it, Work::Post { .. }));
    for _ in 0..20 {
        assert_eq!(dead(&world), Vec::<String>::new());
        world.submit(0, Input::Failed { tag: tag.clone(), why: "it is cursed".to_owned() });
        for _ in 0..100 {
            world.random_turn(&mut |_| 0);
        }
    }
    world.submit(0, Input::Failed { tag, why: "it is cursed".to_owned() });
    world.until(|world| !dead(world).is_empty());
    world.until(|world| !world.records().iter().any(|it| matches!(it, Record::Entry(_) | Record::Retry(_))));
    let notice = world.outside.borrow().notices.last().unwrap().clone();
    assert_eq!(notice.0, "id-alice");
    assert!(notice.1.contains("put aside: it is cursed"), "{notice:?}");
    world.outside.borrow_mut().homeserver.is_away = false;
    world.say(Some(0), "general", "carol", "fine");
    world.submit(0, Input::Reconcile { scope: Scope::local("general"), skip: 0, began: None });
    world.settle();
    assert_eq!(world.sent(), ["fine"], "what was put aside is not found again as lost");
    world.outside.borrow_mut().users.get_mut("alice").unwrap().roles.push("admin".to_owned());
    world.command(0, "general", "alice", "retry");
    world.settle();
    assert_eq!(world.sent(), ["fine", "cursed"]);
    assert_eq!(dead(&world), Vec::<String>::new());
}

#[test]
fn the_third_time_an_event_stops_the_core_it_is_put_aside() {
    let mut world = bridged();
    world.outside.borrow_mut().refuse_messages = true;
    world.transaction(0, &[said("1", "poison"), said("2", "medicine")]);
    world.until(|world| world.records().iter().any(|it| matches!(it, Record::Entry(_))));
    world.kill(0);
    world.outside.borrow_mut().refuse_messages = false;
    let tag = entry(&world, |it| matches!(it, Work::Events { .. }));
    for trap in 1..=3 {
        // Made, and told of its predecessor's end before anything else; the first two meet the event and end too.
        let fresh = world.born_after_a_trap(&tag);
        let noted = |world: &World| {
            let attempts = world.records().into_iter().filter_map(|it| match it {
                Record::Retry(it) => Some(it.attempts),
                _ => None,
            });
            attempts.max().unwrap_or(0) == trap || !dead(world).is_empty()
        };
        world.until(noted);
        assert_eq!(dead(&world).len(), usize::from(trap == 3), "{trap}");
        if trap < 3 {
            world.kill(fresh);
        }
    }
    world.settle();
    assert_eq!(world.shown(), ["medicine"]);
}

#[test]
fn whoever_is_about_to_send_much_is_looked_at_first() {
    let world = bridged();
    let path = "/_matrix/app/v1/transactions/1";
    let right = format!("Bearer {}", world.homeserver_token());
    for (authorization, refused) in [(right.as_str(), None), ("Bearer wrong", Some(403)), ("", Some(401))] {
        let ticket = world.knock(0, path, authorization);
        world.settle();
        assert_eq!(ticket.borrow().as_ref().map(|it| it.status), refused, "{authorization}");
    }
    let mut world = World::direct();
    world.start(None);
    world.settle();
    for authorization in ["", "Bearer x", "X-Matrix origin=\"nowhere.test\",key=\"ed25519:a\",sig=\"AAAA\""] {
        let ticket = world.knock(0, "/_matrix/federation/v1/send/1", authorization);
        world.settle();
        assert_eq!(ticket.borrow().as_ref().map(|it| it.status), Some(401), "{authorization}");
    }
}

#[test]
fn what_waits_to_be_tried_again_is_not_taken_for_what_never_came() {
    let mut world = bridged();
    world.outside.borrow_mut().refuse_messages = true;
    let mut event = said("1", "refused");
    event["origin_server_ts"] = serde_json::json!(world.outside.borrow().now);
    world.transaction(0, &[event.clone(), said("2", "refused, too")]);
    world.for_a_while(100);
    world.outside.borrow_mut().homeserver.remote.push(event);
    world.kill(0);
    // It looks for what was missed between the last two attempts.
    world.start(None);
    world.for_a_while(120_000);
    let told = world.outside.borrow().log.iter().filter(|it| it.contains("put aside")).count();
    assert_eq!((told, dead(&world).len()), (2, 2));
}
