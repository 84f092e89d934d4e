//! The homeserver is away for a minute, an hour, a day, or does not keep up: nothing is lost, nothing doubled, order is
//! kept, few knock, and senders see that their messages wait.

use std::collections::BTreeMap;

use matrix_federation::input::Input;
use matrix_federation::record::{Compared, Portal, Record};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::world::World;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn away(world: &World, is_away: bool) {
    world.outside.borrow_mut().homeserver.is_away = is_away;
}

fn calls(world: &World) -> usize {
    world.outside.borrow().homeserver.calls
}

fn kept(world: &World, is: fn(&Record) -> bool) -> usize {
    world.records().iter().filter(|it| is(it)).count()
}

/// A workspace of so many portals, as if they had been there for long.
fn portals(count: usize) -> World {
    let mut world = World::new();
    {
        let mut outside = world.outside.borrow_mut();
        let now = outside.now;
        for n in 0..count {
            let (local, remote) = (format!("room{n}"), format!("!room{n}:hs.test"));
            outside.homeserver.furnish(&remote, &["rc_alice", "rc_carol"]);
            let compared = Compared { room: local.clone(), at: now + HOUR };
            let portal = Portal { local, remote, since: now, dm: None };
            for record in [Record::Portal(portal), Record::Compared(compared)] {
                let matrix_federation::effect::Effect::Insert { document } = record.insert() else {
                    panic!("not an insert")
                };
                outside.store.push(document);
            }
        }
    }
    world.start(None);
    world.until(|world| world.outside.borrow().log.iter().any(|it| it.contains("Connected")));
    world.settle();
    world
}

/// What each room got, in order.
fn by_room(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut rooms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sent in &world.outside.borrow().homeserver.sent {
        rooms.entry(sent.room.clone()).or_default().push(sent.body.clone());
    }
    rooms
}

#[test]
fn a_minute_an_hour_a_day_lose_and_double_nothing() {
    for lasts in [MINUTE, HOUR, DAY] {
        let world = portals(20);
        away(&world, true);
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let before = calls(&world);
        for part in 0..5 {
            for n in 0..100 {
                let room = n % 20;
                let text = format!("{part} {n}");
                let who = ["alice", "carol"][n % 2];
                world.say(Some(0), &format!("room{room}"), who, &text);
                expected.entry(format!("!room{room}:hs.test")).or_default().push(text);
            }
            world.live(lasts / 5);
        }
        let knocks = calls(&world) - before;
        // One look in five seconds, and whoever was under way when it began.
        assert!(knocks as i64 <= lasts / (5 * SECOND) + 40, "{lasts}: {knocks} calls");
        let documents = world.outside.borrow().store.len();
        assert!(documents < 500 + 20 * (50 + 10), "{documents} documents");
        away(&world, false);
        let back = world.outside.borrow().now;
        world.until(|world| world.sent().len() == 500);
        let late = world.outside.borrow().now - back;
        assert!(late < 15 * SECOND, "{lasts}: {late} ms until all was there");
        assert_eq!(by_room(&world), expected);
        world.settle();
        assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
        let is_left = |it: &Record| {
            matches!(
                it,
                Record::Entry(_) | Record::Retry(_) | Record::Mark(_) | Record::Told(_) | Record::Outage(_)
            )
        };
        assert_eq!(kept(&world, is_left), 0);
    }
}

#[test]
fn a_thousand_rooms_do_not_knock_at_a_dead_door_for_a_day() {
    let world = portals(1_000);
    away(&world, true);
    let before = calls(&world);
    for n in 0..1_000 {
        world.say(Some(0), &format!("room{n}"), "alice", "is anybody there?");
    }
    world.live(MINUTE);
    let first = calls(&world) - before;
    world.live(DAY - MINUTE);
    let all = calls(&world) - before;
    println!("1,000 rooms, a day: {all} calls, {first} of them in the first minute");
    assert!(first < 60, "{first}");
    assert!(all < 18_000, "{all}");
    away(&world, false);
    let back = world.outside.borrow().now;
    world.until(|world| world.sent().len() == 1_000);
    let late = world.outside.borrow().now - back;
    println!("all 1,000 were there {late} ms after the homeserver was back");
    assert!(late < 30 * SECOND, "{late}");
}

#[test]
fn what_the_homeserver_says_by_itself_ends_the_outage_at_once() {
    for ping in [true, false] {
        let world = bridged();
        away(&world, true);
        world.say(Some(0), "general", "alice", "are you back?");
        world.live(10 * MINUTE + 2_500);
        away(&world, false);
        let back = world.outside.borrow().now;
        if ping {
            let token = world.homeserver_token();
            world.request(0, "POST", "/_matrix/app/v1/ping", Some(&token), "{}");
        } else {
            world.transaction(0, &[said("1", "I am")]);
        }
        world.until(|world| world.sent() == ["are you back?"]);
        let late = world.outside.borrow().now - back;
        assert!(late < 300, "{late} ms");
    }
}

#[test]
fn a_stranger_does_not_make_us_look() {
    let world = bridged();
    away(&world, true);
    world.say(Some(0), "general", "alice", "hello?");
    world.live(HOUR);
    let before = calls(&world);
    let began = world.outside.borrow().now;
    for _ in 0..20 {
        world.request(0, "POST", "/_matrix/app/v1/ping", Some("wrong"), "{}");
    }
    world.until(|world| world.replies(0).len() == 20);
    let lasted = world.outside.borrow().now - began;
    assert!(calls(&world) - before <= 1 + lasted as usize / 5_000, "{} calls", calls(&world) - before);
}

#[test]
fn a_thousand_rooms_come_back_at_the_pace_of_the_homeserver() {
    let world = portals(1_000);
    away(&world, true);
    for n in 0..1_000 {
        world.say(Some(0), &format!("room{n}"), "alice", "first");
    }
    for n in 0..100 {
        world.say(Some(0), &format!("room{n}"), "carol", "second");
    }
    world.live(10 * SECOND);
    {
        let mut outside = world.outside.borrow_mut();
        outside.homeserver.rate = Some(20);
        outside.homeserver.is_away = false;
    }
    let back = world.outside.borrow().now;
    world.until(|world| world.sent().len() == 1_100);
    let late = world.outside.borrow().now - back;
    let slowed = world.outside.borrow().homeserver.slowed;
    println!("1,100 messages at 20 a second took {} s; {slowed} were told to slow down", late / SECOND);
    assert!(slowed < 110, "{slowed}");
    assert!(late < 100 * SECOND, "{late}");
    for (room, texts) in by_room(&world) {
        assert_eq!(texts, ["first", "second"][..texts.len()], "{room}");
    }
}

#[test]
fn one_request_that_is_told_to_slow_down_slows_its_kind_and_nothing_else() {
    let world = portals(30);
    world.outside.borrow_mut().homeserver.rate = Some(1);
    for n in 0..30 {
        world.say(Some(0), &format!("room{n}"), "alice", "now");
    }
    world.until(|world| world.outside.borrow().homeserver.slowed > 0);
    let began = world.outside.borrow().now;
    world.command(0, "lobby", "alice", &format!("invite {BOB}"));
    world.until(|world| world.outside.borrow().homeserver.invited.iter().any(|it| it.1 == BOB));
    let lasted = world.outside.borrow().now - began;
    assert!(lasted < SECOND, "an invitation waited {lasted} ms");
    // Matrix is heard meanwhile.
    let began = world.outside.borrow().now;
    let mut event = said("1", "I am not in your way");
    event["room_id"] = serde_json::json!("!room3:hs.test");
    world.transaction(0, &[event]);
    world.until(|world| !world.shown().is_empty());
    assert!(world.outside.borrow().now - began < SECOND);
    world.until(|world| world.sent().len() == 30);
    let slowed = world.outside.borrow().homeserver.slowed;
    assert!(slowed < 30, "{slowed}");
}

#[test]
fn a_message_that_waits_is_marked_and_its_sender_told_once() {
    let world = bridged();
    away(&world, true);
    let first = world.say(Some(0), "general", "alice", "one");
    let second = world.say(Some(0), "general", "alice", "two");
    let other = world.say(Some(0), "general", "carol", "three");
    world.live(50 * SECOND);
    assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
    world.live(20 * SECOND);
    assert_eq!(world.outside.borrow().marked, [first.id, second.id, other.id]);
    world.live(HOUR);
    let told = |user: &str| -> Vec<String> {
        let notices = world.outside.borrow().notices.clone();
        notices.into_iter().filter(|it| it.0 == user && it.1.contains("waiting")).map(|it| it.1).collect()
    };
    assert_eq!((told("id-alice").len(), told("id-carol").len()), (1, 1));
    let text = told("id-alice").remove(0);
    for part in ["since 2023-11-14 22:", "UTC", "cannot be reached", "delivered by themselves"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    away(&world, false);
    world.until(|world| world.sent() == ["one", "two", "three"]);
    world.settle();
    assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
    // The next outage is another one.
    away(&world, true);
    world.say(Some(0), "general", "alice", "four");
    world.live(2 * MINUTE);
    assert_eq!(told("id-alice").len(), 2);
}

#[test]
fn a_message_that_is_refused_in_the_end_bears_no_mark() {
    let world = bridged();
    away(&world, true);
    world.say(Some(0), "general", "alice", "TOO LONG");
    world.live(2 * MINUTE);
    assert_eq!(world.outside.borrow().marked.len(), 1);
    away(&world, false);
    world.settle();
    assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
    assert!(world.outside.borrow().notices.iter().any(|it| it.1.contains("M_TOO_LARGE")));
}

#[test]
fn what_is_old_already_is_marked_at_its_first_failure() {
    let mut world = bridged();
    world.kill(0);
    let message = world.say(None, "general", "alice", "said while the App was off");
    world.pass(HOUR);
    away(&world, true);
    let fresh = world.start(None);
    let began = world.outside.borrow().now;
    world.until(|world| !world.outside.borrow().marked.is_empty());
    assert!(world.outside.borrow().now - began < 10 * SECOND);
    assert_eq!(world.outside.borrow().marked, [message.id]);
    assert!(!world.is_dead(fresh));
}

#[test]
fn no_more_than_fifty_messages_of_a_room_bear_a_mark() {
    let world = bridged();
    away(&world, true);
    let said: Vec<String> =
        (0..120).map(|n| world.say(Some(0), "general", "alice", &format!("{n}")).id).collect();
    world.live(HOUR);
    assert_eq!(world.outside.borrow().marked, said[..50]);
    assert_eq!(kept(&world, |it| matches!(it, Record::Mark(_))), 50);
    assert_eq!(kept(&world, |it| matches!(it, Record::Retry(_))), 1);
    away(&world, false);
    world.until(|world| world.sent().len() == 120);
    world.settle();
    assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
}

#[test]
fn a_question_is_answered_although_the_homeserver_is_away() {
    let world = bridged();
    away(&world, true);
    world.say(Some(0), "elsewhere", "alice", "not federated");
    world.command(0, "lobby", "alice", "invite @new:far.test");
    world.live(MINUTE);
    let notices = world.outside.borrow().notices.clone();
    let refusal = notices.iter().find(|it| it.1.contains("@new:far.test could not be invited"));
    assert!(refusal.is_some_and(|it| it.1.contains("cannot be reached")), "{notices:?}");
}

#[test]
fn a_crash_after_each_effect_of_an_outage_does_no_harm() {
    for at_once in [false, true] {
        for life in 0.. {
            let mut world = bridged();
            world.kill(0);
            world.pass(20 * SECOND);
            let doomed = world.start(Some(10_000));
            world.settle();
            away(&world, true);
            let before = world.effects(doomed);
            world.say(Some(doomed), "general", "alice", "one");
            world.say(Some(doomed), "general", "carol", "two");
            world.condemn(doomed, life);
            let until = world.outside.borrow().now + 90 * SECOND;
            world.until(|world| world.is_dead(doomed) || world.outside.borrow().now >= until);
            away(&world, false);
            let dead = world.is_dead(doomed);
            let mut living = doomed;
            if dead {
                world.outside.borrow_mut().homeserver.restart();
                if !at_once {
                    world.pass(20 * SECOND);
                }
                living = world.start(None);
            } else {
                world.until(|world| world.is_dead(doomed) || world.sent().len() == 2);
                world.settle();
                if world.is_dead(doomed) {
                    world.outside.borrow_mut().homeserver.restart();
                    living = world.start(None);
                }
            }
            world.settle();
            assert_eq!(world.sent(), ["one", "two"], "{life}");
            assert_eq!(world.outside.borrow().marked, Vec::<String>::new(), "{life}");
            let is_left = |it: &Record| {
                matches!(it, Record::Entry(_) | Record::Mark(_) | Record::Told(_) | Record::Outage(_))
            };
            assert_eq!(kept(&world, is_left), 0, "{life}");
            if living == doomed {
                println!(
                    "a crash after each of {} effects, at once: {at_once}",
                    world.effects(doomed) - before
                );
                assert!(life > 20);
                break;
            }
        }
    }
}

#[test]
fn two_instances_through_an_outage() {
    let mut world = bridged();
    let second = world.start(None);
    let mut expected = vec![];
    let ticks = |world: &World, seconds: i64| {
        for _ in 0..seconds {
            for index in [0, second] {
                world.submit(index, Input::Tick);
            }
            world.live(SECOND);
        }
    };
    ticks(&world, 10);
    away(&world, true);
    for n in 0..6 {
        let text = format!("{n}");
        world.say(Some(n % 2), "general", "alice", &text);
        expected.push(text);
        ticks(&world, 20);
    }
    assert_eq!(world.outside.borrow().marked.len(), 3);
    let told = world.outside.borrow().notices.iter().filter(|it| it.1.contains("waiting")).count();
    assert_eq!(told, 1);
    away(&world, false);
    ticks(&world, 10);
    assert_eq!(world.sent(), expected);
    assert_eq!(world.outside.borrow().marked, Vec::<String>::new());
    assert_eq!(ROOM, world.outside.borrow().homeserver.sent[0].room);
}
