//! Operations on a queue, generated in any order.

use crier_announce::{Draft, Priority, QueueLimits};
use proptest::prelude::*;

use crate::driver::Driver;

/// Operation on a queue.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Say { id: Option<u8>, priority: Priority, expires_in_s: Option<u32> },
    Finish,
    Fail,
    Stop,
    StopAll,
    StopSource { odd: bool },
    Pause,
    Resume,
    Repeat,
    Advance { ms: u64 },
    Compact,
    Crash,
    Reboot,
}

impl Operation {
    pub(crate) fn draft(id: Option<u8>, priority: Priority, expires_in_s: Option<u32>) -> Draft {
        let (odd, id) = (id.map(|id| id % 2 == 1), id.map(|id| id.to_string()));
        let source = odd.map(Self::source);
        Draft { id, source, priority, expires_in_s, ..Draft::plain("Hello.") }
    }

    /// Source of the announcements with odd or even ids.
    fn source(odd: bool) -> String {
        if odd { "odd" } else { "even" }.to_owned()
    }

    /// Applies the operation to a queue.
    pub(crate) fn apply(&self, driver: &mut Driver) {
        let now = driver.uptime_ms;
        match *self {
            Self::Say { id, priority, expires_in_s } => {
                driver.say_draft(Self::draft(id, priority, expires_in_s));
            }
            Self::Finish => driver.finish(),
            Self::Fail => {
                if let (Some((sequence, _)), true) = (driver.queue.current(), driver.audible().is_some()) {
                    driver.fall_silent();
                    driver.queue.failed(sequence, "the voice is gone", now);
                }
            }
            Self::Stop => driver.queue.stop(now),
            Self::StopAll => driver.queue.stop_all(now),
            Self::StopSource { odd } => driver.queue.cancel_source(&Self::source(odd), now),
            Self::Pause => driver.queue.pause(now),
            Self::Resume => driver.queue.resume(now),
            Self::Repeat => {
                let _ = driver.queue.repeat_last(now);
            }
            Self::Advance { ms } => driver.advance(ms),
            Self::Compact => driver.compact(),
            Self::Crash => driver.restart(&driver.boot.clone(), QueueLimits::default()),
            Self::Reboot => {
                driver.uptime_ms = 0;
                let boot = format!("{}+", driver.boot);
                driver.restart(&boot, QueueLimits::default());
            }
        }
        driver.run();
    }
}

pub(crate) fn operations(most: usize) -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(), 0..most)
}

fn operation() -> impl Strategy<Value = Operation> {
    let say = (
        proptest::option::of(0..20u8),
        proptest::sample::select(&Priority::ALL[..]),
        proptest::option::weighted(0.2, 1..5u32),
    )
        .prop_map(|(id, priority, expires_in_s)| Operation::Say { id, priority, expires_in_s });
    let advance = proptest::sample::select(&[0, 400, 1000, 3000, 9 * 3_600_000][..])
        .prop_map(|ms| Operation::Advance { ms });
    prop_oneof![
        12 => say,
        5 => Just(Operation::Finish),
        1 => Just(Operation::Fail),
        1 => Just(Operation::Stop),
        1 => Just(Operation::StopAll),
        1 => any::<bool>().prop_map(|odd| Operation::StopSource { odd }),
        2 => Just(Operation::Pause),
        2 => Just(Operation::Resume),
        1 => Just(Operation::Repeat),
        3 => advance,
        1 => Just(Operation::Compact),
        1 => Just(Operation::Crash),
        1 => Just(Operation::Reboot),
    ]
}
