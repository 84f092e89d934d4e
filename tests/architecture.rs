//! The house's laws, held over the source: which room may use which, and where waiting is allowed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms of plain values. Anybody may use them, and they use each other only.
const VALUES: &[&str] = &["ids", "secret", "facts", "config", "input", "effect", "record", "view", "runtime"];

/// Which other room a room may use, besides the values.
const ARROWS: &[(&str, &[&str])] = &[
    ("wasm", &["driver", "bench"]),
    ("bench", &["matrix"]),
    ("driver", &["bridge", "policy"]),
    ("bridge", &["attachment", "appservice", "server", "puppet", "translate", "policy", "admin"]),
    ("admin", &["appservice", "server", "matrix", "puppet"]),
    ("appservice", &["attachment", "matrix", "puppet"]),
    ("server", &["attachment", "matrix", "puppet"]),
    ("attachment", &[]),
    ("puppet", &[]),
    ("matrix", &[]),
    ("policy", &["matrix"]),
    ("translate", &[]),
];

/// The only rooms that may wait or touch JavaScript.
const WAITING: &[&str] = &["driver", "wasm"];

/// Names that say nothing; the field has better ones.
const NO_NAMES: &[&str] =
    &["manager", "service", "helper", "helpers", "util", "utils", "handler", "common", "misc"];

/// About a screen more than anybody wants to read; tests stand apart.
const LINES: usize = 500;

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let code = fs::read_to_string(&path).unwrap();
                found.insert(path, code);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &mut found);
    found.into_iter().map(|(path, code)| (path.strip_prefix(&root).unwrap().to_owned(), code)).collect()
}

/// `bridge/work.rs` and `bridge.rs` belong to the room `bridge`.
fn room(path: &Path) -> String {
    path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Code without comments, for a look at words.
fn bare(code: &str) -> String {
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The rooms that a source names by `crate::`.
fn uses(code: &str) -> BTreeSet<String> {
    bare(code)
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let mut wrong = vec![];
    for (path, code) in sources() {
        let from = room(&path);
        // The two crates' own lists of rooms.
        if from == "lib" || from == "rules" {
            continue;
        }
        let arrows = ARROWS.iter().find(|(it, _)| *it == from).map(|(_, to)| *to);
        assert!(arrows.is_some() || VALUES.contains(&from.as_str()), "the room '{from}' is not in the plan");
        for to in uses(&code) {
            let allowed =
                to == from || VALUES.contains(&to.as_str()) || arrows.is_some_and(|it| it.contains(&&*to));
            if !allowed {
                wrong.push(format!("{}: {from} -> {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the plan:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_last_two_rooms_wait() {
    let words = ["async ", ".await", "js_sys", "wasm_bindgen", "SystemTime", "Instant", "getrandom"];
    for (path, code) in sources() {
        if WAITING.contains(&room(&path).as_str()) {
            continue;
        }
        for word in words {
            assert!(!bare(&code).contains(word), "{} uses '{word}'", path.display());
        }
    }
}

#[test]
fn only_one_room_touches_javascript() {
    for (path, code) in sources() {
        let touches = ["js_sys", "wasm_bindgen"].iter().any(|word| bare(&code).contains(word));
        assert!(!touches || room(&path) == "wasm", "{} touches JavaScript", path.display());
    }
}

#[test]
fn every_file_is_short_says_what_it_is_and_has_a_name() {
    for (path, code) in sources() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(!NO_NAMES.contains(&name.as_str()), "{} has a name that says nothing", path.display());
        assert!(code.starts_with("//! "), "{} does not say what it is", path.display());
        let lines = code.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
    }
}

/// The tests above can fail.
#[test]
fn a_wrong_arrow_is_seen() {
    let seen = uses("use crate::bridge::decide;\n// crate::driver\nfn f() { crate::ids::token() }");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["bridge", "ids"]);
}
