//! What a press was: brief, double or long. No I/O; the clock is an argument.

use std::time::{Duration, Instant};

use crate::PressKind;

/// Which presses mean something, and how long they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How quickly the second press of a double one comes, if double presses mean something.
    pub double: Option<Duration>,
    /// How long a long press is, if long presses mean something.
    pub long: Option<Duration>,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// It went down.
    Down,
    /// It went up.
    Up,
    /// The kernel repeats it because it is held; that says nothing new.
    Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    /// Down since then, and nothing was told yet.
    Down(Instant),
    /// Down, and what there is to tell was told.
    Told,
    /// Up, and a second press until then makes a double one.
    Waiting(Instant),
}

/// One key. A brief press is told at once if it can be nothing else.
#[derive(Debug, Clone)]
pub struct Recogniser {
    timing: Timing,
    state: State,
}

impl Recogniser {
    /// A key that is up.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self { timing, state: State::Up }
    }

    /// Takes what the key did at `now` and adds the presses that this makes, in order.
    pub fn stroke(&mut self, stroke: Stroke, now: Instant, presses: &mut Vec<PressKind>) {
        self.elapse(now, presses);
        match (stroke, self.state) {
            (Stroke::Repeat, _) | (Stroke::Up, State::Up | State::Waiting(_)) => {}
            (Stroke::Down, State::Waiting(_)) => {
                presses.push(PressKind::Double);
                self.state = State::Told;
            }
            // Down when it was down already: its way up was lost.
            (Stroke::Down, State::Up | State::Down(_) | State::Told) => {
                if self.timing.double.is_none() && self.timing.long.is_none() {
                    presses.push(PressKind::Press);
                    self.state = State::Told;
                } else {
                    self.state = State::Down(now);
                }
            }
            (Stroke::Up, State::Down(_)) => match self.timing.double {
                Some(double) => self.state = State::Waiting(now + double),
                None => {
                    presses.push(PressKind::Press);
                    self.state = State::Up;
                }
            },
            (Stroke::Up, State::Told) => self.state = State::Up,
        }
    }

    /// When the time alone will make a press.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Down(since) => self.timing.long.map(|long| since + long),
            State::Waiting(until) => Some(until),
            State::Up | State::Told => None,
        }
    }

    /// It is `now`; adds the press that the time has made.
    pub fn elapse(&mut self, now: Instant, presses: &mut Vec<PressKind>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Down(_) => {
                presses.push(PressKind::Long);
                self.state = State::Told;
            }
            State::Waiting(_) => {
                presses.push(PressKind::Press);
                self.state = State::Up;
            }
            State::Up | State::Told => {}
        }
    }

    /// The device has gone: whatever was begun makes no press.
    pub fn lost(&mut self) {
        self.state = State::Up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOUBLE: Option<Duration> = Some(Duration::from_millis(300));
    const LONG: Option<Duration> = Some(Duration::from_millis(600));

    /// Presses of a key that does `strokes` (milliseconds, stroke), with the time told at each deadline.
    fn presses(
        double: Option<Duration>,
        long: Option<Duration>,
        strokes: &[(u64, Stroke)],
    ) -> Vec<PressKind> {
        let start = Instant::now();
        let mut key = Recogniser::new(Timing { double, long });
        let mut presses = Vec::new();
        for (at, stroke) in strokes {
            key.stroke(*stroke, start + Duration::from_millis(*at), &mut presses);
        }
        if let Some(deadline) = key.deadline() {
            key.elapse(deadline, &mut presses);
        }
        presses
    }

    #[test]
    fn a_press_that_can_be_nothing_else_is_told_at_once() {
        assert_eq!(presses(None, None, &[(0, Stroke::Down)]), [PressKind::Press]);
        let held = [(0, Stroke::Down), (500, Stroke::Repeat), (9000, Stroke::Repeat), (9001, Stroke::Up)];
        assert_eq!(presses(None, None, &held), [PressKind::Press]);
    }

    #[test]
    fn double_and_long_are_told_from_brief() {
        let brief = [(0, Stroke::Down), (80, Stroke::Up)];
        let twice = [(0, Stroke::Down), (80, Stroke::Up), (200, Stroke::Down), (280, Stroke::Up)];
        let slowly = [(0, Stroke::Down), (80, Stroke::Up), (500, Stroke::Down), (580, Stroke::Up)];
        let held = [(0, Stroke::Down), (700, Stroke::Up)];
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
    fn a_stuck_key_is_one_long_press_and_a_lost_release_no_more() {
        let stuck = [(0, Stroke::Down), (700, Stroke::Repeat), (1_000_000, Stroke::Repeat)];
        assert_eq!(presses(DOUBLE, LONG, &stuck), [PressKind::Long]);
        let lost = [(0, Stroke::Down), (100, Stroke::Down), (150, Stroke::Up)];
        assert_eq!(presses(None, LONG, &lost), [PressKind::Press]);
        assert_eq!(presses(None, None, &[(0, Stroke::Up), (5, Stroke::Up)]), []);
    }

    #[test]
    fn a_clock_that_jumps_back_makes_no_press() {
        let start = Instant::now() + Duration::from_secs(100);
        let mut key = Recogniser::new(Timing { double: DOUBLE, long: LONG });
        let mut presses = Vec::new();
        key.stroke(Stroke::Down, start, &mut presses);
        key.elapse(start - Duration::from_secs(50), &mut presses);
        key.stroke(Stroke::Up, start - Duration::from_secs(50), &mut presses);
        assert_eq!(presses, []);
        key.elapse(start, &mut presses);
        assert_eq!(presses, [PressKind::Press]);
    }

    proptest! {
        #[test]
        fn there_are_never_more_presses_than_strokes_down(
            strokes in prop::collection::vec((0_u64..2000, 0_u8..3), 0..100),
            double: bool,
            long: bool,
        ) {
            let start = Instant::now() + Duration::from_secs(10);
            let timing = Timing { double: DOUBLE.filter(|_| double), long: LONG.filter(|_| long) };
            let mut key = Recogniser::new(timing);
            let mut presses = Vec::new();
            let mut downs = 0;
            for (at, kind) in strokes {
                let stroke = [Stroke::Down, Stroke::Up, Stroke::Repeat][usize::from(kind)];
                downs += usize::from(stroke == Stroke::Down);
                key.stroke(stroke, start + Duration::from_millis(at), &mut presses);
            }
            prop_assert!(presses.len() <= downs);
            prop_assert!(double || !presses.contains(&PressKind::Double));
            prop_assert!(long || !presses.contains(&PressKind::Long));
        }
    }
}
