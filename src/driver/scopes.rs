//! The queues: which scope has what to do, and which is waiting for a call.

use std::collections::{BTreeMap, VecDeque};

use crate::effect::Tag;
use crate::ids::Scope;
use crate::input::Input;

/// A call is answered within its own timeout; what is under way for so many milliseconds was lost.
pub(super) const LOST: i64 = 180_000;

/// All scopes with something to do.
#[derive(Debug, Default)]
pub(super) struct Scopes(BTreeMap<Scope, State>);

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Input>,
    /// Whether somebody is working the queue off.
    running: bool,
    /// The entry whose call or next step is awaited, and since when.
    active: Option<(Tag, i64)>,
}

impl Scopes {
    /// Puts an input at the end of a scope's queue; true if the caller is to work the queue off now.
    pub(super) fn push(&mut self, scope: &Scope, input: Input, now: i64) -> bool {
        let state = self.0.entry(scope.clone()).or_default();
        state.active.take_if(|(_, since)| now > since.saturating_add(LOST));
        let input = match (input, &state.active) {
            // The answer to something that is not awaited any more: whatever came of it, the scope looks again.
            (Input::Outcome { tag, .. }, None) => Input::Wake { scope: tag.scope },
            (input, _) => input,
        };
        let superfluous = match &input {
            // One wake-up in the queue is as good as many.
            Input::Wake { .. } => state.queue.contains(&input),
            // Something else is under way by now, and will look again itself.
            Input::Outcome { tag, .. } => state.active.as_ref().is_some_and(|(active, _)| active != tag),
            Input::Start
            | Input::Tick
            | Input::Stop
            | Input::Reconcile { .. }
            | Input::Step { .. }
            | Input::Failed { .. }
            | Input::MessageSent { .. }
            | Input::MessageEdited { .. }
            | Input::MessageDeleted { .. }
            | Input::MessageReacted { .. }
            | Input::MessagePinned { .. }
            | Input::Command { .. }
            | Input::Request { .. }
            | Input::Check { .. }
            | Input::Trapped { .. }
            | Input::Knock { .. }
            | Input::Download { .. }
            | Input::PersonChanged { .. } => false,
        };
        if !superfluous {
            state.queue.push_back(input);
        }
        !std::mem::replace(&mut state.running, true)
    }

    /// Puts an input at the front of the queue of a scope that is at work.
    pub(super) fn push_front(&mut self, scope: &Scope, input: Input) {
        self.0.entry(scope.clone()).or_default().queue.push_front(input);
    }

    /// Takes the next input of a scope that is at work. At the end of the queue the work is over.
    pub(super) fn pop(&mut self, scope: &Scope) -> Option<Input> {
        let state = self.0.get_mut(scope)?;
        let next = state.queue.pop_front();
        match &next {
            Some(Input::Outcome { .. } | Input::Step { .. } | Input::Failed { .. }) => state.active = None,
            Some(_) => {}
            None if state.active.is_none() => {
                self.0.remove(scope);
            }
            None => state.running = false,
        }
        next
    }

    /// Notes that an entry awaits its next step.
    pub(super) fn activate(&mut self, tag: &Tag, now: i64) {
        self.0.entry(tag.scope.clone()).or_default().active = Some((tag.clone(), now));
    }

    /// Notes that an entry awaits nothing any more.
    pub(super) fn deactivate(&mut self, tag: &Tag) {
        if let Some(state) = self.0.get_mut(&tag.scope) {
            state.active = None;
        }
    }

    /// The entry that is under way in a scope.
    pub(super) fn active(&self, scope: &Scope) -> Option<Tag> {
        self.0.get(scope)?.active.as_ref().map(|(tag, _)| tag.clone())
    }
}
