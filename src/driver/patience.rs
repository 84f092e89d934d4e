//! Patience with a workspace that does not keep what it is given: longer pauses, few words, and no hook forgotten.

use std::collections::VecDeque;

use crate::input::Input;

/// How long to wait after a failure, in milliseconds: the longer the trouble lasts.
const PAUSES: std::ops::RangeInclusive<i64> = 3_000..=30_000;

/// One line in the log in so many milliseconds.
const SAID: i64 = 60_000;

/// So many hooks are remembered; what they stood for beyond that is found when portals are compared.
const HOOKS: usize = 1_000;

/// What there was of trouble lately.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<i64>,
    said: Option<i64>,
    unsaid: u32,
    hooks: VecDeque<Input>,
}

impl Patience {
    /// Something was kept: the trouble is over.
    pub(super) fn over(&mut self) {
        self.since = None;
    }

    /// Something failed: when to try again, and what to say of it, if anything.
    pub(super) fn tried(&mut self, now: i64, why: &str) -> (i64, Option<String>) {
        let lasted = now.saturating_sub(*self.since.get_or_insert(now));
        let again = now.saturating_add((lasted / 2).clamp(*PAUSES.start(), *PAUSES.end()));
        if self.said.is_some_and(|said| now < said.saturating_add(SAID)) {
            self.unsaid = self.unsaid.saturating_add(1);
            return (again, None);
        }
        let more = match std::mem::take(&mut self.unsaid) {
            0 => String::new(),
            more => format!(" ({more} more such failures since the last line)"),
        };
        self.said = Some(now);
        (again, Some(format!("Rocket.Chat did not do what the App asked for: {why}{more}")))
    }

    /// Remembers a hook that could not be kept.
    pub(super) fn remember(&mut self, hook: Input) {
        if self.hooks.len() < HOOKS {
            self.hooks.push_back(hook);
        }
    }

    /// The hooks that could not be kept, in the order they came.
    pub(super) fn hooks(&mut self) -> VecDeque<Input> {
        std::mem::take(&mut self.hooks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_lines_are_few() {
        let mut patience = Patience::default();
        let (mut now, mut pauses, mut lines) = (0, vec![], vec![]);
        while now < 120_000 {
            let (again, line) = patience.tried(now, "no space");
            pauses.push(again - now);
            lines.extend(line);
            now = again;
        }
        assert_eq!(pauses, [3_000, 3_000, 3_000, 4_500, 6_750, 10_125, 15_187, 22_781, 30_000, 30_000]);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("no space (7 more such failures"), "{lines:?}");
        patience.over();
        assert_eq!(patience.tried(now, "no space").0 - now, 3_000);
    }
}
