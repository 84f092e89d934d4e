//! An event behind a pointer, as an event: ruma knows `&T` and `Arc<T>` only.
//!
//! Law: it says what the event says.

use std::ops::Deref;

use ruma_common::{MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UserId};
use ruma_events::TimelineEventType;
use ruma_state_res::Event;
use serde_json::value::RawValue;

/// An event held by some pointer.
#[derive(Clone)]
pub(in crate::matrix) struct Held<P>(pub(in crate::matrix) P);

impl<P: Deref<Target: Event<Id = OwnedEventId>>> Event for Held<P> {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        self.0.event_id()
    }

    fn room_id(&self) -> Option<&RoomId> {
        self.0.room_id()
    }

    fn sender(&self) -> &UserId {
        self.0.sender()
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.0.origin_server_ts()
    }

    fn event_type(&self) -> &TimelineEventType {
        self.0.event_type()
    }

    fn content(&self) -> &RawValue {
        self.0.content()
    }

    fn state_key(&self) -> Option<&str> {
        self.0.state_key()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        self.0.prev_events()
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        self.0.auth_events()
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        self.0.redacts()
    }

    fn rejected(&self) -> bool {
        self.0.rejected()
    }
}
