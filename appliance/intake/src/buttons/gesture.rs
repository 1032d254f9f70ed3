//! Detection of short, double and long presses. No I/O; the clock is an argument.

use std::time::{Duration, Instant};

use crate::PressKind;

/// Gestures that have an action, and their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GestureTiming {
    /// Longest time from the end of the first press to the second of a double press, if those have an action.
    pub double: Option<Duration>,
    /// Duration of a long press, if those have an action.
    pub long: Option<Duration>,
}

/// Event of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEvent {
    /// The key was pressed.
    Down,
    /// The key was released.
    Up,
    /// The kernel repeats a key that is held; no news.
    Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GestureState {
    Up,
    /// Down since then, and no gesture reported yet.
    Down(Instant),
    /// Down, and its gesture reported.
    Reported,
    /// Up; a second press until then makes a double one.
    Waiting(Instant),
}

/// Detector of one key. Reports a short press at once if it can be nothing else.
#[derive(Debug, Clone)]
pub struct GestureDetector {
    timing: GestureTiming,
    state: GestureState,
}

impl GestureDetector {
    /// Returns the detector of a key that is up.
    #[must_use]
    pub fn new(timing: GestureTiming) -> Self {
        Self { timing, state: GestureState::Up }
    }

    /// Handles an event at `now`, and adds the presses that it completes, in order.
    pub fn key_event(&mut self, key_event: KeyEvent, now: Instant, presses: &mut Vec<PressKind>) {
        // The timer may be late: a press that was complete before this event comes first.
        self.elapse(now, presses);
        match (key_event, self.state) {
            (KeyEvent::Repeat, _) | (KeyEvent::Up, GestureState::Up | GestureState::Waiting(_)) => {}
            (KeyEvent::Down, GestureState::Waiting(_)) => {
                presses.push(PressKind::Double);
                self.state = GestureState::Reported;
            }
            // Down when it was down already: its release was lost, as when the kernel's buffer overflows.
            (KeyEvent::Down, GestureState::Up | GestureState::Down(_) | GestureState::Reported) => {
                // On the way down, not up: the difference of a tenth of a second is felt.
                if self.timing.double.is_none() && self.timing.long.is_none() {
                    presses.push(PressKind::Press);
                    self.state = GestureState::Reported;
                } else {
                    self.state = GestureState::Down(now);
                }
            }
            (KeyEvent::Up, GestureState::Down(_)) => match self.timing.double {
                Some(double) => self.state = GestureState::Waiting(now + double),
                None => {
                    presses.push(PressKind::Press);
                    self.state = GestureState::Up;
                }
            },
            (KeyEvent::Up, GestureState::Reported) => self.state = GestureState::Up,
        }
    }

    /// Returns the time at which a press will be complete without an event.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            GestureState::Down(since) => self.timing.long.map(|long| since + long),
            GestureState::Waiting(until) => Some(until),
            GestureState::Up | GestureState::Reported => None,
        }
    }

    /// Adds the press that is complete at `now`.
    pub fn elapse(&mut self, now: Instant, presses: &mut Vec<PressKind>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            GestureState::Down(_) => {
                presses.push(PressKind::Long);
                self.state = GestureState::Reported;
            }
            GestureState::Waiting(_) => {
                presses.push(PressKind::Press);
                self.state = GestureState::Up;
            }
            GestureState::Up | GestureState::Reported => {}
        }
    }

    /// Discards a press that was begun: the device is gone.
    pub fn lost(&mut self) {
        self.state = GestureState::Up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOUBLE: Option<Duration> = Some(Duration::from_millis(300));
    const LONG: Option<Duration> = Some(Duration::from_millis(600));

    /// Presses of a key that does `key_events` (milliseconds, event), with the clock at the last deadline.
    fn presses(
        double: Option<Duration>,
        long: Option<Duration>,
        key_events: &[(u64, KeyEvent)],
    ) -> Vec<PressKind> {
        let start = Instant::now();
        let mut key = GestureDetector::new(GestureTiming { double, long });
        let mut presses = Vec::new();
        for (at, key_event) in key_events {
            key.key_event(*key_event, start + Duration::from_millis(*at), &mut presses);
        }
        if let Some(deadline) = key.deadline() {
            key.elapse(deadline, &mut presses);
        }
        presses
    }

    #[test]
    fn short_press_is_reported_at_once_without_other_gestures() {
        assert_eq!(presses(None, None, &[(0, KeyEvent::Down)]), [PressKind::Press]);
        let held =
            [(0, KeyEvent::Down), (500, KeyEvent::Repeat), (9000, KeyEvent::Repeat), (9001, KeyEvent::Up)];
        assert_eq!(presses(None, None, &held), [PressKind::Press]);
    }

    #[test]
    fn double_and_long_presses_differ_from_short_ones() {
        let brief = [(0, KeyEvent::Down), (80, KeyEvent::Up)];
        let twice = [(0, KeyEvent::Down), (80, KeyEvent::Up), (200, KeyEvent::Down), (280, KeyEvent::Up)];
        let slowly = [(0, KeyEvent::Down), (80, KeyEvent::Up), (500, KeyEvent::Down), (580, KeyEvent::Up)];
        let held = [(0, KeyEvent::Down), (700, KeyEvent::Up)];
        use PressKind::{Double, Long, Press};
        for (double, long) in [(DOUBLE, None), (None, LONG), (DOUBLE, LONG)] {
            assert_eq!(presses(double, long, &brief), [Press], "{double:?} {long:?}");
            assert_eq!(presses(double, long, &slowly), [Press, Press], "{double:?} {long:?}");
            let expected = if double.is_some() { vec![Double] } else { vec![Press, Press] };
            assert_eq!(presses(double, long, &twice), expected, "{double:?} {long:?}");
            let expected = if long.is_some() { Long } else { Press };
            assert_eq!(presses(double, long, &held), [expected], "{double:?} {long:?}");
        }
    }

    #[test]
    fn stuck_key_is_one_long_press_and_lost_release_is_tolerated() {
        let stuck = [(0, KeyEvent::Down), (700, KeyEvent::Repeat), (1_000_000, KeyEvent::Repeat)];
        assert_eq!(presses(DOUBLE, LONG, &stuck), [PressKind::Long]);
        let lost = [(0, KeyEvent::Down), (100, KeyEvent::Down), (150, KeyEvent::Up)];
        assert_eq!(presses(None, LONG, &lost), [PressKind::Press]);
        assert_eq!(presses(None, None, &[(0, KeyEvent::Up), (5, KeyEvent::Up)]), []);
    }

    #[test]
    fn clock_that_jumps_back_completes_no_press() {
        let start = Instant::now() + Duration::from_secs(100);
        let mut key = GestureDetector::new(GestureTiming { double: DOUBLE, long: LONG });
        let mut presses = Vec::new();
        key.key_event(KeyEvent::Down, start, &mut presses);
        key.elapse(start - Duration::from_secs(50), &mut presses);
        key.key_event(KeyEvent::Up, start - Duration::from_secs(50), &mut presses);
        assert_eq!(presses, []);
        key.elapse(start, &mut presses);
        assert_eq!(presses, [PressKind::Press]);
    }

    proptest! {
        #[test]
        fn there_are_never_more_presses_than_strokes_down(
            key_events in prop::collection::vec((0_u64..2000, 0_u8..3), 0..100),
            double: bool,
            long: bool,
        ) {
            let start = Instant::now() + Duration::from_secs(10);
            let timing = GestureTiming { double: DOUBLE.filter(|_| double), long: LONG.filter(|_| long) };
            let mut key = GestureDetector::new(timing);
            let mut presses = Vec::new();
            let mut downs = 0;
            for (at, kind) in key_events {
                let key_event = [KeyEvent::Down, KeyEvent::Up, KeyEvent::Repeat][usize::from(kind)];
                downs += usize::from(key_event == KeyEvent::Down);
                key.key_event(key_event, start + Duration::from_millis(at), &mut presses);
            }
            prop_assert!(presses.len() <= downs);
            prop_assert!(double || !presses.contains(&PressKind::Double));
            prop_assert!(long || !presses.contains(&PressKind::Long));
        }
    }
}
