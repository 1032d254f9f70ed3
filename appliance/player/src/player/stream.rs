//! One stream of samples: received and not played yet, and the flow-control window for those to come.

use std::collections::VecDeque;

use crier_wire::PlayerRefusal;

use super::parameters::QUEUED_MS_MAX;
use crate::pcm::device::BUFFER_MS;

/// Growth of the credit at which it is reported again, in milliseconds: twenty reports a second of speech, not one for
/// each piece of 10 ms that is rendered.
const CREDIT_STEP_MS: u64 = 50;

/// Samples of one stream between the playback position and the last one received. Positions are in samples from the
/// stream's start.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) rate_hz: u32,
    pub(super) volume_percent: u8,
    /// Playback position: everything before it was played.
    pub(super) played: u64,
    /// Next sample to be rendered.
    pub(super) cursor: u64,
    /// Length of the stream, once it is known.
    pub(super) length: Option<u64>,
    /// Fade-in of the next run of sound, in milliseconds.
    pub(super) fade_in_ms: u32,
    /// Samples from `kept_from` on: kept until they were played, because a fault of the device may lose them.
    samples: VecDeque<f32>,
    kept_from: u64,
    /// End of the flow-control window; it never shrinks.
    credit: u64,
    granted: Option<u64>,
    pub(super) reported_played: u64,
}

impl Stream {
    pub(super) fn new(id: u64, rate_hz: u32, volume_percent: u8, offset: u64, fade_in_ms: u32) -> Self {
        let mut stream = Self {
            id,
            rate_hz,
            volume_percent,
            played: offset,
            cursor: offset,
            length: None,
            fade_in_ms,
            samples: VecDeque::new(),
            kept_from: offset,
            credit: 0,
            granted: None,
            reported_played: offset,
        };
        // Queued samples, and those that a device holds and has not played (twice the default buffer).
        let most = stream.samples_of(QUEUED_MS_MAX + 2 * BUFFER_MS);
        stream.samples.reserve_exact(usize::try_from(most).unwrap_or(0));
        stream.credit = offset.saturating_add(stream.samples_of(QUEUED_MS_MAX));
        stream
    }

    /// Samples that last `ms` milliseconds.
    pub(super) fn samples_of(&self, ms: u32) -> u64 {
        u64::from(self.rate_hz) * u64::from(ms) / 1000
    }

    /// End of the samples received.
    pub(super) fn received(&self) -> u64 {
        self.kept_from + self.samples.len() as u64
    }

    /// True if the length is known and all samples were received.
    pub(super) fn is_complete(&self) -> bool {
        self.length.is_some_and(|length| length <= self.received())
    }

    /// Samples received and not rendered yet.
    pub(super) fn available(&self) -> u64 {
        self.received() - self.cursor
    }

    /// Accepts samples that begin at `offset`; those received before are dropped.
    pub(super) fn accept(&mut self, offset: u64, samples: &[f32]) -> Result<(), PlayerRefusal> {
        let (received, end) = (self.received(), offset.saturating_add(samples.len() as u64));
        if offset > received {
            return Err(PlayerRefusal::Gap { expected: received });
        }
        if self.length.is_some_and(|length| end > length) {
            return Err(PlayerRefusal::AfterEnd);
        }
        // Checked before anything is kept: a sender that ignores the window must not fill the memory.
        if end > self.credit {
            return Err(PlayerRefusal::BeyondCredit { until: self.credit });
        }
        // A supervisor that was told an older position sends some samples again.
        let known = usize::try_from(received - offset).unwrap_or(usize::MAX).min(samples.len());
        self.samples.extend(&samples[known..]);
        Ok(())
    }

    /// Sets the total length.
    pub(super) fn end(&mut self, length: u64) -> Result<(), PlayerRefusal> {
        if length < self.received() || self.length.is_some_and(|known| known != length) {
            return Err(PlayerRefusal::OtherLength);
        }
        self.length = Some(length);
        Ok(())
    }

    /// Appends up to `count` samples from the cursor on to `into`, and moves the cursor.
    pub(super) fn take(&mut self, count: u64, into: &mut Vec<f32>) {
        let count = count.min(self.available()) as usize;
        let from = (self.cursor - self.kept_from) as usize;
        into.extend(self.samples.range(from..from + count));
        self.cursor += count as u64;
        // Rendered samples are kept until they were played, but no longer count as queued: otherwise a device with a
        // large buffer would starve the queue.
        self.credit = self.credit.max(self.cursor + self.samples_of(QUEUED_MS_MAX));
    }

    /// Moves the playback position, and drops the samples before it.
    pub(super) fn mark_played(&mut self, position: u64) {
        // The delay of a device jitters: the position never moves back, and never beyond what was rendered.
        self.played = self.played.max(position.min(self.cursor));
        let gone = (self.played - self.kept_from) as usize;
        self.samples.drain(..gone);
        self.kept_from = self.played;
    }

    /// Moves the cursor back to `position`, but not before the playback position.
    pub(super) fn rewind_to(&mut self, position: u64) {
        self.cursor = position.clamp(self.played, self.cursor);
    }

    /// Returns the credit if it should be reported now.
    pub(super) fn credit_to_grant(&mut self) -> Option<u64> {
        let step = self.samples_of(CREDIT_STEP_MS as u32);
        let due = self.granted.is_none_or(|told| self.credit >= told + step);
        due.then(|| *self.granted.insert(self.credit))
    }
}

#[cfg(test)]
mod tests {
    use super::{PlayerRefusal, Stream};

    #[test]
    fn repeats_are_dropped_and_gaps_and_excess_are_refused() {
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
    fn played_samples_are_dropped_and_others_can_be_rendered_again() {
        let mut stream = Stream::new(1, 1000, 100, 0, 0);
        stream.accept(0, &[0.0, 1.0, 2.0, 3.0]).unwrap();
        stream.take(3, &mut Vec::new());
        stream.mark_played(2);
        stream.rewind_to(0);
        let mut out = Vec::new();
        stream.take(9, &mut out);
        assert_eq!((out, stream.played), (vec![2.0, 3.0], 2));
    }
}
