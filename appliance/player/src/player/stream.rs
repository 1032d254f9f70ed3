//! One stream of samples: what has come, what was heard, and how much more may come.

use std::collections::VecDeque;

use crier_wire::PlayerRefusal;

use super::QUEUED_MS_MAX;
use crate::pcm::BUFFER_MS;

/// How much the credit must have grown before it is told again, in milliseconds.
const CREDIT_STEP_MS: u64 = 50;

/// Samples of one stream between the last one heard and the last one that came. Positions are in samples from the
/// stream's start.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) rate_hz: u32,
    pub(super) volume_percent: u8,
    /// Everything before it was heard.
    pub(super) heard: u64,
    /// The next sample to be rendered.
    pub(super) cursor: u64,
    /// The stream's length, once that is known.
    pub(super) length: Option<u64>,
    /// How long the next sound of it takes to fade in.
    pub(super) fade_in_ms: u32,
    /// Samples `kept_from ..`.
    samples: VecDeque<f32>,
    kept_from: u64,
    /// Where the credit ends; it never shrinks.
    credit: u64,
    told_credit: Option<u64>,
    pub(super) told_heard: u64,
}

impl Stream {
    pub(super) fn new(id: u64, rate_hz: u32, volume_percent: u8, offset: u64, fade_in_ms: u32) -> Self {
        let mut stream = Self {
            id,
            rate_hz,
            volume_percent,
            heard: offset,
            cursor: offset,
            length: None,
            fade_in_ms,
            samples: VecDeque::new(),
            kept_from: offset,
            credit: 0,
            told_credit: None,
            told_heard: offset,
        };
        // What is queued, and what a device can hold beyond what was heard (twice the usual buffer).
        let most = stream.samples_of(QUEUED_MS_MAX + 2 * BUFFER_MS);
        stream.samples.reserve_exact(usize::try_from(most).unwrap_or(0));
        stream.credit = offset.saturating_add(stream.samples_of(QUEUED_MS_MAX));
        stream
    }

    /// Samples that last `ms` milliseconds.
    pub(super) fn samples_of(&self, ms: u32) -> u64 {
        u64::from(self.rate_hz) * u64::from(ms) / 1000
    }

    /// Where the samples end that have come.
    pub(super) fn received(&self) -> u64 {
        self.kept_from + self.samples.len() as u64
    }

    /// All samples have come, and it is known that they are all.
    pub(super) fn is_complete(&self) -> bool {
        self.length.is_some_and(|length| length <= self.received())
    }

    /// Samples that could be rendered.
    pub(super) fn available(&self) -> u64 {
        self.received() - self.cursor
    }

    /// Takes samples that begin at `offset`; what has come before is dropped.
    pub(super) fn accept(&mut self, offset: u64, samples: &[f32]) -> Result<(), PlayerRefusal> {
        let (received, end) = (self.received(), offset.saturating_add(samples.len() as u64));
        if offset > received {
            return Err(PlayerRefusal::Gap { expected: received });
        }
        if self.length.is_some_and(|length| end > length) {
            return Err(PlayerRefusal::AfterEnd);
        }
        if end > self.credit {
            return Err(PlayerRefusal::BeyondCredit { until: self.credit });
        }
        let known = usize::try_from(received - offset).unwrap_or(usize::MAX).min(samples.len());
        self.samples.extend(&samples[known..]);
        Ok(())
    }

    /// The stream has `length` samples in all.
    pub(super) fn end(&mut self, length: u64) -> Result<(), PlayerRefusal> {
        if length < self.received() || self.length.is_some_and(|known| known != length) {
            return Err(PlayerRefusal::OtherLength);
        }
        self.length = Some(length);
        Ok(())
    }

    /// Copies up to `count` samples from the cursor on into `into` and moves the cursor.
    pub(super) fn take(&mut self, count: u64, into: &mut Vec<f32>) {
        let count = count.min(self.available()) as usize;
        let from = (self.cursor - self.kept_from) as usize;
        into.extend(self.samples.range(from..from + count));
        self.cursor += count as u64;
        self.credit = self.credit.max(self.cursor + self.samples_of(QUEUED_MS_MAX));
    }

    /// Everything before `position` was heard and is needed no more.
    pub(super) fn heard_to(&mut self, position: u64) {
        self.heard = self.heard.max(position.min(self.cursor));
        let gone = (self.heard - self.kept_from) as usize;
        self.samples.drain(..gone);
        self.kept_from = self.heard;
    }

    /// Rendering goes on at `position`, which was not heard yet.
    pub(super) fn go_back_to(&mut self, position: u64) {
        self.cursor = position.clamp(self.heard, self.cursor);
    }

    /// The credit, when it should be told.
    pub(super) fn credit_to_tell(&mut self) -> Option<u64> {
        let step = self.samples_of(CREDIT_STEP_MS as u32);
        let due = self.told_credit.is_none_or(|told| self.credit >= told + step);
        due.then(|| *self.told_credit.insert(self.credit))
    }
}

#[cfg(test)]
mod tests {
    use super::{PlayerRefusal, Stream};

    #[test]
    fn repeats_are_dropped_gaps_and_excess_are_refused() {
        let mut stream = Stream::new(1, 1000, 100, 10, 0);
        assert_eq!(stream.accept(12, &[1.0]), Err(PlayerRefusal::Gap { expected: 10 }));
        assert_eq!(stream.accept(8, &[0.0, 0.0, 1.0, 2.0]), Ok(()));
        assert_eq!(stream.accept(8, &[9.0, 9.0, 9.0, 9.0, 3.0]), Ok(()));
        assert_eq!(stream.accept(13, &[0.0; 998]), Err(PlayerRefusal::BeyondCredit { until: 1010 }));
        let mut out = Vec::new();
        stream.take(100, &mut out);
        assert_eq!((out, stream.cursor), (vec![1.0, 2.0, 3.0], 13));
        assert_eq!(stream.accept(13, &[0.0; 998]), Ok(()));
        assert_eq!(stream.end(12), Err(PlayerRefusal::OtherLength));
        assert_eq!(stream.end(1011), Ok(()));
        assert_eq!(stream.accept(1011, &[0.0]), Err(PlayerRefusal::AfterEnd));
        assert!(stream.is_complete());
    }

    #[test]
    fn what_was_heard_is_forgotten_and_what_was_not_can_be_had_again() {
        let mut stream = Stream::new(1, 1000, 100, 0, 0);
        stream.accept(0, &[0.0, 1.0, 2.0, 3.0]).unwrap();
        stream.take(3, &mut Vec::new());
        stream.heard_to(2);
        stream.go_back_to(0);
        let mut out = Vec::new();
        stream.take(9, &mut out);
        assert_eq!((out, stream.heard), (vec![2.0, 3.0], 2));
    }
}
