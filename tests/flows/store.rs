//! The laws of the store: what is kept is little, small, found again, and gone when it is done.

use matrix_federation::effect::Effect;
use matrix_federation::record::Record;

use crate::conversations::{BOB, bridged, membership, said};

#[test]
fn a_ledger_is_sealed_and_still_found() {
    let world = bridged();
    for n in 0..200 {
        world.say(Some(0), "general", "alice", &format!("{n}"));
        world.settle();
    }
    let records = world.records();
    let count = |is: fn(&Record) -> bool| records.iter().filter(|it| is(it)).count();
    assert_eq!(count(|it| matches!(it, Record::Segment(_))), 3);
    assert_eq!(count(|it| matches!(it, Record::Checkpoint(_))), 1);
    assert_eq!(count(|it| matches!(it, Record::Link(_))), 200 - 3 * 64);
    // A second hook of a message long sealed does not send it again.
    let old = world.outside.borrow().messages[3].clone();
    world.submit(0, matrix_federation::input::Input::MessageSent { message: old });
    world.settle();
    assert_eq!(world.sent().len(), 200);
}

#[test]
fn nothing_is_left_behind_when_all_is_quiet() {
    let world = bridged();
    for n in 0..20 {
        world.say(Some(0), "general", "alice", "out");
        world.transaction(0, &[membership(&format!("j{n}"), BOB, "join"), said(&format!("{n}"), "in")]);
    }
    world.settle();
    let left: Vec<Record> = world
        .records()
        .into_iter()
        .filter(|it| matches!(it, Record::Entry(_) | Record::Retry(_) | Record::Poke(_)))
        .collect();
    assert_eq!(left, vec![]);
}

#[test]
fn a_large_transaction_is_kept_in_small_documents() {
    let world = bridged();
    let events: Vec<_> = (0..300).map(|n| said(&format!("{n}"), &"x".repeat(1000))).collect();
    world.transaction(0, &events);
    while world.replies(0).is_empty() {
        world.random_turn(&mut |_| 0);
    }
    let entries: Vec<usize> = {
        let outside = world.outside.borrow();
        outside.store.iter().filter(|it| it.id.starts_with("in:")).map(|it| it.body.len()).collect()
    };
    assert!(entries.len() > 6, "{entries:?}");
    assert!(entries.iter().all(|it| *it < 64 * 1024), "{entries:?}");
    world.settle();
    assert_eq!(world.shown().len(), 300);
}

#[test]
fn records_come_back_as_they_were_kept() {
    let world = bridged();
    for record in world.records() {
        let Effect::Insert { document } = record.clone().insert() else { panic!("not an insert") };
        assert_eq!(Record::parse(&document.body), Some(record));
    }
    assert_eq!(Record::parse(r#"{"v":2,"kind":"portal","local":"a","remote":"b","since":1}"#), None);
    assert_eq!(Record::parse(r#"{"v":1,"kind":"future"}"#), None);
    assert_eq!(Record::parse("nonsense"), None);
}
