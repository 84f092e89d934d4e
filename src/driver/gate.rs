//! Calls to other servers: so many at a time and no more, in the order they were asked for.
//!
//! A scope has one call under way at most, so the queue is fair between rooms. A server that asks us to slow down is
//! heard by all calls of that kind: they keep a distance, which doubles with each such answer and shrinks with each
//! good one. Where nobody answers, whoever waits is turned away, for it would hear the same.

use std::collections::{BTreeMap, VecDeque};

use super::scopes::LOST;
use crate::effect::{Call, Tag};
use crate::ids::Scope;
use crate::input::Answer;

/// So many calls are under way to one server at most: enough to keep a Synapse busy, which takes some twenty to seventy
/// messages a second.
const MOST: usize = 10;

/// The distance between two calls of a kind that is to go slower, in milliseconds.
const DISTANCES: std::ops::RangeInclusive<i64> = 50..=5_000;

/// How long a server that does not say it wants to be left alone, and the longest that is believed, in milliseconds.
const PAUSE: i64 = 1_000;
const LONGEST_PAUSE: i64 = 600_000;

/// What is waiting and what is under way, by server.
#[derive(Debug, Default)]
pub(super) struct Gate(BTreeMap<String, Door>);

#[derive(Debug, Default)]
struct Door {
    waiting: VecDeque<(Tag, Call)>,
    /// The kind of each call, and since when it is under way.
    under_way: BTreeMap<Scope, (String, i64)>,
    paces: BTreeMap<String, Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    distance: i64,
    not_before: i64,
    /// When the distance was last made longer: answers to what was under way then say nothing new.
    slowed: i64,
}

impl Gate {
    /// Lets a call wait for its turn.
    pub(super) fn queue(&mut self, tag: Tag, call: Call) {
        self.0.entry(server_of(&call.url).to_owned()).or_default().waiting.push_back((tag, call));
    }

    /// The calls whose turn it is, and when to look again, where that is only a matter of time.
    pub(super) fn next(&mut self, now: i64) -> (Vec<(Tag, Call)>, Option<i64>) {
        let (mut calls, mut again) = (vec![], None);
        for door in self.0.values_mut() {
            door.next(now, &mut calls, &mut again);
        }
        self.0.retain(|_, door| !door.is_idle(now));
        (calls, again)
    }

    /// Takes note of how a call ended; gives those that are turned away because of it.
    pub(super) fn leave(&mut self, tag: &Tag, answer: &Answer, now: i64) -> Vec<Tag> {
        for door in self.0.values_mut() {
            let Some((kind, since)) = door.under_way.remove(&tag.scope) else { continue };
            if matches!(answer, Answer::Unreachable { .. }) {
                return door.waiting.drain(..).map(|(tag, _)| tag).collect();
            }
            door.paces.entry(kind).or_default().heard(answer, since, now);
        }
        vec![]
    }

    /// Takes back a call that could not be made.
    pub(super) fn forget(&mut self, tag: &Tag) {
        for door in self.0.values_mut() {
            door.under_way.remove(&tag.scope);
        }
    }
}

impl Door {
    fn next(&mut self, now: i64, calls: &mut Vec<(Tag, Call)>, again: &mut Option<i64>) {
        self.under_way.retain(|_, (_, since)| now <= since.saturating_add(LOST));
        let mut later = VecDeque::new();
        while self.under_way.len() < MOST
            && let Some((tag, call)) = self.waiting.pop_front()
        {
            let kind = kind_of(&call.url);
            let pace = self.paces.entry(kind.clone()).or_default();
            if pace.not_before > now {
                *again = Some(again.map_or(pace.not_before, |it: i64| it.min(pace.not_before)));
                later.push_back((tag, call));
            } else {
                pace.not_before = now.saturating_add(pace.distance);
                self.under_way.insert(tag.scope.clone(), (kind, now));
                calls.push((tag, call));
            }
        }
        later.append(&mut self.waiting);
        self.waiting = later;
    }

    fn is_idle(&self, now: i64) -> bool {
        self.waiting.is_empty()
            && self.under_way.is_empty()
            && self.paces.values().all(|it| it.not_before <= now)
    }
}

impl Pace {
    fn heard(&mut self, answer: &Answer, since: i64, now: i64) {
        let Some(pause) = answer.slow_down() else {
            self.distance -= self.distance.min(1 + self.distance / 32);
            return;
        };
        let pause = pause.unwrap_or(PAUSE).clamp(0, LONGEST_PAUSE);
        self.not_before = self.not_before.max(now.saturating_add(pause));
        if since > self.slowed {
            self.slowed = now;
            self.distance = self.distance.saturating_mul(2).clamp(*DISTANCES.start(), *DISTANCES.end());
        }
    }
}

/// The server that an address is of.
fn server_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// What is asked of a server, without whom and what it is about: servers limit each kind of request by itself.
fn kind_of(url: &str) -> String {
    let path = url.split('?').next().unwrap_or(url);
    let mut parts = path.split('/').skip_while(|it| !matches!(*it, "v1" | "v2" | "v3")).skip(1);
    match (parts.next(), parts.nth(1)) {
        (Some("rooms"), Some(what)) => format!("rooms/{what}"),
        (what, _) => what.unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str) -> Call {
        Call {
            method: "PUT".to_owned(),
            url: url.to_owned(),
            authorization: None,
            peer: None,
            guarded: false,
            body: None,
            timeout: 1,
        }
    }

    fn tag(room: usize) -> Tag {
        Tag { scope: Scope::local(&room.to_string()), entry: String::new(), step: String::new() }
    }

    fn answer(status: u16, retry_after: Option<i64>) -> Answer {
        Answer::Response {
            status,
            body: "{}".to_owned(),
            retry_after,
            cache_control: None,
            location: None,
            ahead: None,
        }
    }

    const SEND: &str = "https://hs.test/_matrix/client/v3/rooms/%21r/send/m.room.message/rc-1?ts=1";
    const JOIN: &str = "https://hs.test/_matrix/client/v3/join/%21r";

    fn gate(calls: usize, url: &str) -> Gate {
        let mut gate = Gate::default();
        (0..calls).for_each(|room| gate.queue(tag(room), call(url)));
        gate
    }

    #[test]
    fn addresses_are_of_a_server_and_a_kind() {
        assert_eq!(server_of(SEND), "hs.test");
        assert_eq!(server_of("https://hs.test:8448?x"), "hs.test:8448");
        assert_eq!([SEND, JOIN].map(kind_of), ["rooms/send", "join"]);
        assert_eq!(kind_of("https://a.test/_matrix/federation/v1/send/1"), "send");
        assert_eq!(kind_of("https://a.test/prefix"), "");
    }

    #[test]
    fn no_more_than_so_many_are_under_way_and_another_server_is_not_in_the_way() {
        let mut gate = gate(MOST + 2, SEND);
        let (first, again) = gate.next(0);
        assert_eq!((first.len(), again), (MOST, None));
        gate.queue(tag(99), call("https://elsewhere.test/_matrix/federation/v1/send/1"));
        assert_eq!(gate.next(0).0.len(), 1);
        gate.leave(&tag(3), &answer(200, None), 1);
        let next: Vec<Tag> = gate.next(1).0.into_iter().map(|it| it.0).collect();
        assert_eq!(next, [tag(MOST)], "first come, first served");
        // What was lost makes room in the end.
        assert_eq!(gate.next(LOST + 1).0.len(), 1);
    }

    #[test]
    fn a_server_that_asks_for_it_is_asked_more_slowly_and_only_for_that() {
        let mut gate = gate(30, SEND);
        gate.next(5);
        gate.leave(&tag(0), &answer(429, Some(700)), 10);
        gate.leave(&tag(1), &answer(429, Some(500)), 11);
        gate.forget(&tag(2));
        gate.queue(tag(50), call(JOIN));
        let (calls, again) = gate.next(12);
        assert_eq!((calls.len(), again), (1, Some(710)), "the join goes, the rest waits");
        assert_eq!(gate.next(710).0.len(), 1);
        assert_eq!(gate.next(711), (vec![], Some(760)), "one at a time, at a distance");
        for (at, room) in (760..).step_by(60).zip(10..20) {
            gate.leave(&tag(room), &answer(200, None), at);
            assert_eq!(gate.next(at).0.len(), 1);
        }
    }

    #[test]
    fn where_nobody_answers_all_are_turned_away() {
        let mut gate = gate(MOST + 5, SEND);
        gate.next(0);
        let away = gate.leave(&tag(0), &Answer::Unreachable { why: String::new() }, 1);
        assert_eq!(away.len(), 5);
        assert_eq!(gate.next(1), (vec![], None));
    }

    #[test]
    fn nothing_is_kept_of_a_server_that_is_not_called_any_more() {
        let mut gate = gate(1, SEND);
        gate.next(0);
        gate.leave(&tag(0), &answer(429, Some(100)), 0);
        gate.next(50);
        assert_eq!(gate.0.len(), 1);
        gate.next(100);
        assert_eq!(gate.0.len(), 0);
    }
}
