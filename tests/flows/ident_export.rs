//! Export and import: an installation leaves one store and goes on in another.

use matrix_federation::record::Record;
use matrix_federation::secret::Secret;

use crate::conversations::{BOB, ROOM, membership, said};
use crate::ident::{administered, ask, download, pairs, ticket};
use crate::world::{SECRET, World};

/// A world in which people have talked, and something waits.
fn talked() -> World {
    let world = administered();
    world.transaction(0, &[membership("j", BOB, "join"), said("1", "before")]);
    world.say(Some(0), "general", "alice", "bridged before");
    world.settle();
    let token = world.homeserver_token();
    let appservice = pairs(&world)[0].appservice.expose().to_owned();
    world.outside.borrow_mut().homeserver.token = Some(appservice);
    assert!(!token.is_empty());
    world
}

/// The file and its key.
fn exported(world: &World, index: usize) -> (String, String) {
    let text = ask(world, index, "export");
    let key = text.split("```").nth(1).unwrap().trim().to_owned();
    let (status, file) = download(world, index, &ticket(&text));
    assert_eq!(status, 200, "{file}");
    (file, key)
}

/// The App is removed, installed again, and given the file.
fn reinstalled(world: &mut World, file: &str, life: Option<usize>) -> usize {
    for index in 0..world.instances.len() {
        world.kill(index);
    }
    world.pass(20_000);
    {
        let mut outside = world.outside.borrow_mut();
        outside.store.clear();
        outside.files.insert(("lobby".to_owned(), "id-root".to_owned()), file.to_owned());
    }
    let index = world.start(None);
    world.for_a_while(5_000);
    if let Some(life) = life {
        world.doom(index, life);
    }
    index
}

fn import(world: &World, index: usize, key: &str) -> String {
    let before = world.outside.borrow().notices.len();
    world.command(index, "lobby", "root", &format!("import {key}"));
    world.for_a_while(100);
    world.outside.borrow().notices[before..].iter().map(|it| it.1.clone()).collect()
}

#[test]
fn ident_an_imported_installation_goes_on_where_it_was() {
    for secret in [None, Some(SECRET)] {
        let mut world = talked();
        let old = world.homeserver_token();
        // It waits while the homeserver is not there.
        let unreachable = world.outside.borrow().homeserver.token.clone();
        world.outside.borrow_mut().homeserver.token = Some("away".to_owned());
        let waiting = world.say(Some(0), "general", "alice", "waiting");
        world.until(|it| it.records().iter().any(|it| matches!(it, Record::Retry(_))));
        let (file, key) = exported_while_waiting(&world);
        assert!(!file.contains(&old) && !file.contains("waiting") && !file.contains(ROOM));
        world.outside.borrow_mut().homeserver.token = unreachable;
        world.outside.borrow_mut().config.secret = secret.map(|it| Secret::new(it.to_owned()));
        let index = reinstalled(&mut world, &file, None);
        let text = import(&world, index, &key);
        assert!(text.starts_with("Imported: 1 rooms, 1 people of Matrix, 1 things that wait."), "{text}");
        world.settle();
        assert_eq!(world.sent(), ["bridged before", "waiting"], "{}", waiting.id);
        assert_eq!(pairs(&world).len(), 1);
        assert_eq!(pairs(&world)[0].sealed.is_some(), secret.is_some());
        let body = serde_json::json!({ "events": [said("1", "before"), said("2", "after")] }).to_string();
        world.request(index, "PUT", "/_matrix/app/v1/transactions/9", Some(&old), &body);
        world.settle();
        assert_eq!(world.shown(), ["before", "after"]);
    }
}

#[test]
fn ident_people_stay_who_they_were() {
    let mut world = talked();
    let of_people = |world: &World| {
        let kinds: [fn(&Record) -> bool; 4] = [
            |it| matches!(it, Record::Puppet(_)),
            |it| matches!(it, Record::Profile(_)),
            |it| matches!(it, Record::Presented(_)),
            |it| matches!(it, Record::Seal(_)),
        ];
        let records = world.records();
        kinds.map(|is| records.iter().filter(|it| is(it)).cloned().collect::<Vec<_>>())
    };
    let before = of_people(&world);
    let (file, key) = exported(&world, 0);
    let index = reinstalled(&mut world, &file, None);
    import(&world, index, &key);
    world.settle();
    for (before, after) in before.iter().zip(of_people(&world)) {
        assert!(!before.is_empty() && before.iter().all(|it| after.contains(it)), "{before:?} {after:?}");
    }
}

fn exported_while_waiting(world: &World) -> (String, String) {
    let before = world.outside.borrow().notices.len();
    world.command(0, "lobby", "root", "export");
    world.until(|it| it.outside.borrow().notices.len() > before);
    let text = world.outside.borrow().notices.last().unwrap().1.clone();
    let key = text.split("```").nth(1).unwrap().trim().to_owned();
    let input = matrix_federation::input::Input::Download { ticket: ticket(&text) };
    let reply = world.input(0, input);
    world.until(|_| reply.borrow().is_some());
    let file = reply.borrow().clone().unwrap().body;
    (file, key)
}

#[test]
fn ident_what_cannot_be_imported_is_said_and_nothing_is_written() {
    let mut world = talked();
    let (file, key) = exported(&world, 0);
    let index = reinstalled(&mut world, &file, None);
    let count = |world: &World| world.records().iter().filter(|it| matches!(it, Record::Portal(_))).count();
    let cases = [
        ("0123456789012345678901234".to_owned(), file.clone(), "not the key of this file"),
        (
            key.clone(),
            file.replace("matrix-federation-export", "something"),
            "not an export that this version",
        ),
        (key.clone(), "hello".to_owned(), "not an export"),
        (key.clone(), file.replace("\"sealed\":\"", "\"sealed\":\"AAAA"), "not the key of this file"),
    ];
    for (key, file, why) in cases {
        world.outside.borrow_mut().files.insert(("lobby".to_owned(), "id-root".to_owned()), file);
        let text = import(&world, index, &key);
        assert!(text.starts_with("Nothing was imported") && text.contains(why), "{why}: {text}");
        assert_eq!(count(&world), 0);
    }
    world.outside.borrow_mut().files.clear();
    assert!(import(&world, index, &key).contains("posted no file"));
    world.outside.borrow_mut().files.insert(("lobby".to_owned(), "id-root".to_owned()), file);
    world.outside.borrow_mut().config.server_name = "other.test".to_owned();
    world.instances[index].driver.configure(world.outside.borrow().config.clone());
    assert!(import(&world, index, &key).contains("the file is for hs.test"));
    assert_eq!(count(&world), 0);
}

#[test]
fn ident_an_installation_with_rooms_of_its_own_takes_over_nothing() {
    let world = talked();
    let (file, key) = exported(&world, 0);
    world.outside.borrow_mut().files.insert(("lobby".to_owned(), "id-root".to_owned()), file);
    let records = world.records().len();
    let same = import(&world, 0, &key);
    assert!(same.starts_with("Imported: 1 rooms"), "{same}");
    world.settle();
    assert!(world.records().len() <= records, "the same is not written twice");
    world.command(0, "garden", "alice", &format!("invite {BOB}"));
    world.settle();
    assert!(import(&world, 0, &key).contains("rooms of its own"));
}

#[test]
fn ident_an_import_that_was_broken_off_is_repeated() {
    let mut runs = 0;
    loop {
        let mut world = talked();
        let (file, key) = exported(&world, 0);
        let doomed = reinstalled(&mut world, &file, Some(runs));
        import(&world, doomed, &key);
        let survived = !world.is_dead(doomed);
        let index = if survived {
            world.spare(doomed);
            doomed
        } else {
            world.pass(20_000);
            let index = world.start(None);
            world.for_a_while(5_000);
            let text = import(&world, index, &key);
            assert!(text.starts_with("Imported: 1 rooms"), "after {runs} effects: {text}");
            index
        };
        world.settle();
        world.say(Some(index), "general", "alice", "after");
        world.settle();
        assert_eq!(world.sent(), ["bridged before", "after"], "after {runs} effects");
        let portals = world.records().iter().filter(|it| matches!(it, Record::Portal(_))).count();
        assert_eq!(portals, 1, "after {runs} effects");
        runs += 1;
        if survived {
            break;
        }
    }
    assert!(runs > 5, "{runs}");
}
