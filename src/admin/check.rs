//! `/federation check`: one line for everything that must be right, with what is wrong and the exact remedy.
//!
//! Facts are gathered first; the lines are a pure function of them. A line that nothing can be said of, because
//! something before it is broken, says so.

mod answer;
mod direct;
mod homeserver;
mod machine;
mod way_back;

use std::collections::BTreeSet;

use crate::appservice;
use crate::config::{Config, Mode};
use crate::ids::key;
use crate::puppet;
use crate::record::Record;
use crate::runtime::Runtime;
use crate::server;
use crate::view::{Key, Missing, View};

/// The workspace's setting for the largest file, in bytes.
const LARGEST_FILE: &str = "FileUpload_MaxFileSize";

/// A server of the workspace that gave no sign of life for so many milliseconds is not counted.
const ALIVE: i64 = 8_000;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Well,
    /// Somebody should look at it.
    Warning,
    /// It does not work.
    Broken,
    /// It was not found out.
    Unknown,
}

/// How one thing stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub state: State,
    /// What it is.
    pub name: &'static str,
    /// What was found, and what that means.
    pub text: String,
    /// What to do about it; empty where nothing is to be done.
    pub fix: String,
}

impl Line {
    fn well(name: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Well, name, text: text.into(), fix: String::new() }
    }

    fn warning(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, name, text: text.into(), fix: fix.into() }
    }

    fn broken(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Broken, name, text: text.into(), fix: fix.into() }
    }

    fn unknown(name: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Unknown, name, text: text.into(), fix: String::new() }
    }

    /// Not looked at, because of an earlier line.
    fn after(name: &'static str, earlier: &str) -> Self {
        Self::unknown(name, format!("not checked, because of *{earlier}*."))
    }
}

/// Everything that the lines are made of.
#[derive(Clone, Debug)]
pub struct Facts<'v> {
    /// The settings.
    pub config: &'v Config,
    /// Where the App runs.
    pub runtime: Option<&'v Runtime>,
    /// How many servers of the workspace run the App.
    pub servers: usize,
    /// The largest file that the workspace takes, in bytes; below zero it takes any.
    pub largest_file: Option<i64>,
    /// What the homeserver answered, in homeserver mode.
    pub homeserver: Option<appservice::Probe>,
    /// Whom the homeserver knows in our namespace who is nobody of this workspace.
    pub strangers: Vec<String>,
    /// What is to be found at our name, in direct mode.
    pub direct: Option<server::Probe>,
}

/// How everything stands, the first thing first.
pub fn lines(view: &View) -> Result<Vec<Line>, Missing> {
    Ok(judge(&facts(view)?))
}

/// The lines of the facts.
pub fn judge(facts: &Facts<'_>) -> Vec<Line> {
    let mut lines = vec![machine::settings(facts.config), machine::runtime(facts), machine::listener(facts)];
    match facts.config.mode {
        Mode::Homeserver => lines.extend(homeserver::lines(facts)),
        Mode::Direct => lines.extend(direct::lines(facts)),
    }
    if facts.config.mode == Mode::Homeserver {
        lines.push(machine::pictures(facts.config));
    }
    lines.extend([machine::secret(facts), machine::servers(facts)]);
    lines
}

/// The lines as a message.
pub fn text(lines: &[Line]) -> String {
    let count = |state| lines.iter().filter(|it| it.state == state).count();
    let head = match (count(State::Broken), count(State::Warning)) {
        (0, 0) => "Everything works.".to_owned(),
        (0, 1) => "Everything works, but one thing deserves a look.".to_owned(),
        (0, warnings) => format!("Everything works, but {warnings} things deserve a look."),
        (1, _) => "One thing does not work.".to_owned(),
        (broken, _) => format!("{broken} things do not work. Begin with the first."),
    };
    lines.iter().fold(head, |text, line| {
        let mark = match line.state {
            State::Well => "✅",
            State::Warning => "⚠️",
            State::Broken => "❌",
            State::Unknown => "➖",
        };
        let fix = if line.fix.is_empty() { String::new() } else { format!("\n➜ {}", line.fix) };
        format!("{text}\n{mark} *{}*: {}{fix}", line.name, line.text)
    })
}

fn facts(view: &View) -> Result<Facts<'_>, Missing> {
    let setting = Key::Setting { id: LARGEST_FILE.to_owned() };
    let documents = [key::TOKENS, key::INSTANCES, key::SIGNING].map(Key::documents);
    view.all(documents.into_iter().chain([Key::Runtime, setting]))?;
    let config = &view.config;
    let ready = config.is_complete();
    let homeserver =
        if ready && config.mode == Mode::Homeserver { Some(appservice::probe(view)?) } else { None };
    let direct = if ready && config.mode == Mode::Direct { Some(server::probe(view)?) } else { None };
    let found = homeserver.as_ref().and_then(|it| it.inside.as_ref()).map(|it| answer::people(&it.people));
    Ok(Facts {
        config,
        runtime: view.runtime()?,
        servers: servers(view)?,
        largest_file: view.setting(LARGEST_FILE)?.and_then(|it| it.parse().ok()),
        homeserver,
        strangers: strangers(view, &found.unwrap_or_default())?,
        direct,
    })
}

/// This one always counts.
fn servers(view: &View) -> Result<usize, Missing> {
    let records = view.records(key::INSTANCES)?.iter();
    let heartbeats = records.filter_map(|it| if let Record::Heartbeat(it) = it { Some(it) } else { None });
    let alive = heartbeats.filter(|it| it.at > view.now - ALIVE).map(|it| it.instance.as_str());
    Ok(alive.chain([view.instance.as_str()]).collect::<BTreeSet<_>>().len())
}

/// Those in our namespace who are no local users.
fn strangers(view: &View, found: &[String]) -> Result<Vec<String>, Missing> {
    let named = puppet::users(view, found.iter().map(String::as_str))?;
    let strangers = named.into_iter().filter(|(_, user)| user.is_none());
    let mut strangers: Vec<String> = strangers.map(|(mxid, _)| mxid.to_owned()).collect();
    strangers.sort();
    Ok(strangers)
}

/// Whether an address is one of the machine it is looked up on.
fn is_of_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]") || host.starts_with("127.")
}

/// The host in a web address, without its port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => authority,
    }
}

#[cfg(test)]
mod tests;
