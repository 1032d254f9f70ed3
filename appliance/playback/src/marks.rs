//! Marks of a stream: names that are reported when playback reaches their places.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::player_client::PlayerClient;

/// Marks that were not reached yet.
#[derive(Default)]
pub(crate) struct Marks {
    stream: Cell<Option<u64>>,
    /// Samples of the stream before each mark, and its name.
    waiting: RefCell<VecDeque<(u64, String)>>,
}

impl Marks {
    /// Sets the stream that the marks belong to.
    pub(crate) fn belong_to(&self, stream: u64) {
        self.stream.set(Some(stream));
    }

    pub(crate) fn add(&self, at: u64, name: String) {
        self.waiting.borrow_mut().push_back((at, name));
    }

    /// Reports marks as playback reaches them, for as long as it is polled.
    pub(crate) async fn follow(&self, player: &PlayerClient, report: &impl Fn(String)) {
        let mut changed = player.changes();
        loop {
            // Asked anew each time: the stream begins with the first samples, long after this does.
            let played = self.stream.get().and_then(|stream| player.played_of(stream));
            while let Some(name) = self.next(played.unwrap_or(0)) {
                report(name);
            }
            // The player reports its position once a period, and lives as long as this.
            let _ = changed.changed().await;
        }
    }

    /// Reports all marks that are left, at the end of the stream.
    pub(crate) fn finish(&self, report: &impl Fn(String)) {
        while let Some(name) = self.next(u64::MAX) {
            report(name);
        }
    }

    fn next(&self, played: u64) -> Option<String> {
        let mut waiting = self.waiting.borrow_mut();
        // At 0 as well, but not before there is a stream: a mark at the beginning is reached when something plays.
        let due = waiting.front().is_some_and(|(at, _)| *at <= played && played > 0);
        if due { waiting.pop_front().map(|(_, name)| name) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_in_order_when_their_place_was_played() {
        let marks = Marks::default();
        for (at, name) in [(0, "a"), (10, "b"), (10, "c"), (20, "d")] {
            marks.add(at, name.to_owned());
        }
        let due = |played| std::iter::from_fn(|| marks.next(played)).collect::<String>();
        assert_eq!(
            (due(0), due(1), due(9), due(10), due(19)),
            ("".into(), "a".into(), "".into(), "bc".into(), "".into())
        );
        let rest = RefCell::new(String::new());
        marks.finish(&|name| rest.borrow_mut().push_str(&name));
        assert_eq!(rest.into_inner(), "d");
    }
}
