//! `/federation check`, from the command to the answer, and the look after a start.

use matrix_federation::config::Config;
use matrix_federation::runtime::Listener;
use matrix_federation::secret::Secret;
use serde_json::json;

use crate::direct::strangers;
use crate::homeserver::Homeserver;
use crate::world::{self, SECRET, World, person};

fn config() -> Config {
    Config { secret: Some(Secret::new(SECRET.to_owned())), ..world::config() }
}

fn connected(config: Config) -> World {
    let mut world = World::new();
    world.outside.borrow_mut().config = config;
    world.outside.borrow_mut().users.insert("root".to_owned(), {
        let mut root = person("root");
        root.roles.push("admin".to_owned());
        root
    });
    world.start(None);
    world.settle();
    world
}

fn told(world: &World) -> Vec<String> {
    world.outside.borrow().notices.iter().map(|(_, text)| text.clone()).collect()
}

fn log_of_the_check(world: &World) -> Vec<String> {
    world.outside.borrow().log.iter().filter(|it| it.starts_with("Check")).cloned().collect()
}

#[test]
fn an_administrator_is_told_at_once_that_it_takes_a_while_and_then_how_all_stands() {
    let world = connected(config());
    world.command(0, "general", "root", "check");
    world.settle();
    let told = told(&world);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("Checking everything"), "{}", told[0]);
    assert!(told[1].starts_with("Everything works.\n✅ *Settings*"), "{}", told[1]);
    world.command(0, "general", "alice", "check");
    world.settle();
    assert_eq!(self::told(&world).last().unwrap(), "Only administrators may do that.");
}

#[test]
fn it_asks_in_few_rounds_and_asks_on_only_where_that_makes_sense() {
    let world = connected(config());
    world.outside.borrow_mut().homeserver.checked.clear();
    world.command(0, "general", "root", "check");
    world.settle();
    let asked: Vec<String> = world.outside.borrow().homeserver.checked.clone();
    // Two, then five in our name, then the large one.
    assert_eq!(asked.len(), 8, "{asked:?}");
    assert!(asked[7].ends_with("/ping") && asked[..2].iter().all(|it| it.contains("version")), "{asked:?}");

    let nothing = Homeserver::response(404, &json!({ "errcode": "M_NOT_FOUND", "error": "" }));
    world.outside.borrow_mut().homeserver.told.insert("/versions", nothing);
    world.outside.borrow_mut().homeserver.checked.clear();
    world.command(0, "general", "root", "check");
    world.settle();
    let asked: Vec<String> = world.outside.borrow().homeserver.checked.clone();
    assert!(asked.len() == 3 && asked[2].ends_with("/.well-known/matrix/client"), "{asked:?}");
}

#[test]
fn people_of_the_directory_who_are_nobody_here_are_named() {
    for (prefix, results, stranger, ours) in [
        ("rc_", ["@rc_alice:hs.test", "@rc_mallory:hs.test", "@bob:hs.test"], "@rc_mallory", "@bob"),
        ("", ["@alice:hs.test", "@mallory:hs.test", "@carol:hs.test"], "@mallory", "@carol"),
    ] {
        let mut config = config();
        prefix.clone_into(&mut config.user_prefix);
        let world = connected(config);
        let results: Vec<_> = results.map(|it| json!({ "user_id": it })).into();
        let search = Homeserver::response(200, &json!({ "limited": false, "results": results }));
        world.outside.borrow_mut().homeserver.told.insert("/search", search);
        world.command(0, "general", "root", "check");
        world.settle();
        let told = told(&world).pop().unwrap();
        let line = told.lines().find(|it| it.contains("*Other people*")).unwrap();
        assert!(line.starts_with("⚠️") && line.contains(stranger) && !line.contains(ours), "{line}");
    }
}

#[test]
fn what_does_not_work_is_logged_once_after_starts_and_again_only_after_it_worked() {
    let mut world = connected(config());
    assert_eq!(log_of_the_check(&world), Vec::<String>::new());
    let save = |world: &World| {
        world.submit(0, matrix_federation::input::Input::Start);
        world.settle();
    };
    let taken = Listener::Taken { host: "0.0.0.0".to_owned(), port: 3300 };
    let listening = std::mem::replace(&mut world.outside.borrow_mut().runtime.listener, taken.clone());
    save(&world);
    let log = log_of_the_check(&world);
    assert!(
        log.len() == 1 && log[0].starts_with("Check, Listener: port 3300 is taken by another process, but"),
        "{log:?}"
    );
    save(&world);
    assert_eq!(log_of_the_check(&world).len(), 1);
    world.outside.borrow_mut().runtime.listener = listening;
    save(&world);
    assert!(log_of_the_check(&world).pop().unwrap().contains("works now"));
    world.outside.borrow_mut().runtime.listener = taken;
    save(&world);
    assert_eq!(log_of_the_check(&world).len(), 3);
    // Another server of the workspace leaves it to the one that owns it.
    let second = world.start(None);
    world.settle();
    assert!(!world.is_dead(second));
    assert!(log_of_the_check(&world).len() <= 4, "{:?}", log_of_the_check(&world));
}

#[test]
fn a_workspace_that_is_a_server_looks_itself_up() {
    let world = strangers();
    let root = {
        let mut root = person("root");
        root.roles.push("admin".to_owned());
        root
    };
    world.outside.borrow_mut().users.insert("root".to_owned(), root);
    world.command(0, "general", "root", "check");
    world.settle();
    let told = told(&world).pop().unwrap();
    for line in ["✅ *Settings*", "✅ *Signing key*: ed25519:", "❌ *Found by its name*", "✅ *Secret*"] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
}
