//! Segments (a chime, a sentence, the next sentence) become one linear stream: neighbours overlap in an equal-power
//! crossfade, everything else passes bit for bit. No I/O, no clock.

use std::f32::consts::FRAC_PI_2;

/// How long neighbours overlap when nobody says otherwise, in milliseconds.
pub const CROSSFADE_MS: u32 = 10;

/// Joins segments of mono samples. Only the tail of a segment is held back, until the next one begins or the stream
/// ends.
#[derive(Debug)]
pub struct Joiner {
    /// Longest overlap, in samples.
    overlap: usize,
    /// End of the stream so far that may still be mixed with what follows.
    held: Vec<f32>,
    /// Beginning of a new segment, until there is as much of it as of `held`; `None` within a segment.
    incoming: Option<Vec<f32>>,
}

impl Joiner {
    /// Overlaps of `crossfade_ms` at `rate_hz`; 0 puts segments end to end.
    #[must_use]
    pub fn new(rate_hz: u32, crossfade_ms: u32) -> Self {
        let overlap = u64::from(rate_hz) * u64::from(crossfade_ms) / 1000;
        let overlap = usize::try_from(overlap).unwrap_or(usize::MAX).min(rate_hz as usize);
        Self { overlap, held: Vec::with_capacity(overlap), incoming: None }
    }

    /// Samples that are held back at this moment.
    #[must_use]
    pub fn held_samples(&self) -> usize {
        self.held.len() + self.incoming.as_ref().map_or(0, Vec::len)
    }

    /// Takes samples of the current segment and appends to `out` what can no longer change.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let mut rest = samples;
        if let Some(incoming) = &mut self.incoming {
            let wanted = (self.held.len() - incoming.len()).min(rest.len());
            let (first, others) = rest.split_at(wanted);
            incoming.extend_from_slice(first);
            rest = others;
            if incoming.len() < self.held.len() {
                return;
            }
            self.mix(out);
        }
        let free = (self.held.len() + rest.len()).saturating_sub(self.overlap);
        let old = free.min(self.held.len());
        out.extend(self.held.drain(..old));
        let (passing, tail) = rest.split_at(free - old);
        out.extend_from_slice(passing);
        self.held.extend_from_slice(tail);
    }

    /// What is pushed from now on belongs to the next segment. A segment shorter than the overlap is mixed over its
    /// whole length, and so on with the one after it.
    pub fn next_segment(&mut self, out: &mut Vec<f32>) {
        self.mix(out);
        if !self.held.is_empty() {
            self.incoming = Some(Vec::with_capacity(self.held.len()));
        }
    }

    /// Ends the stream: appends what is held back. The joiner is then as new.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        self.mix(out);
        out.append(&mut self.held);
    }

    /// Ends a join: the end of `held` is mixed with `incoming`, what lies before goes out.
    fn mix(&mut self, out: &mut Vec<f32>) {
        let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_empty()) else { return };
        let before = self.held.len() - incoming.len();
        out.extend(self.held.drain(..before));
        let step = FRAC_PI_2 / incoming.len() as f32;
        for (i, (old, new)) in self.held.iter_mut().zip(&incoming).enumerate() {
            let (rising, falling) = ((i as f32 + 0.5) * step).sin_cos();
            *old = *old * falling + new * rising;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Joiner;

    fn join(segments: &[Vec<f32>], chunk: usize, rate_hz: u32) -> Vec<f32> {
        let mut joiner = Joiner::new(rate_hz, 10);
        let mut out = Vec::new();
        for (i, segment) in segments.iter().enumerate() {
            if i > 0 {
                joiner.next_segment(&mut out);
            }
            for piece in segment.chunks(chunk) {
                joiner.push(piece, &mut out);
                assert!(joiner.held_samples() <= 2 * rate_hz as usize / 100);
            }
        }
        joiner.finish(&mut out);
        assert_eq!(joiner.held_samples(), 0);
        out
    }

    #[test]
    fn one_segment_passes_unchanged() {
        let samples: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.37).sin()).collect();
        assert_eq!(join(std::slice::from_ref(&samples), 77, 24_000), samples);
    }

    #[test]
    fn two_segments_overlap_with_equal_power_and_nothing_else_changes() {
        let a: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.1).sin()).collect();
        let b: Vec<f32> = (0..900).map(|i| (i as f32 * 0.23).cos()).collect();
        let out = join(&[a.clone(), b.clone()], 100, 24_000);
        assert_eq!(out.len(), 1900 - 240);
        assert_eq!(out[..760], a[..760]);
        assert_eq!(out[1000..], b[240..]);
        for i in 0..240 {
            let angle = (f64::from(i) + 0.5) / 240.0 * std::f64::consts::FRAC_PI_2;
            let i = i as usize;
            let wanted = f64::from(a[760 + i]) * angle.cos() + f64::from(b[i]) * angle.sin();
            assert!((f64::from(out[760 + i]) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn without_overlap_segments_stand_end_to_end() {
        let mut joiner = Joiner::new(24_000, 0);
        let mut out = Vec::new();
        joiner.push(&[1.0, 2.0], &mut out);
        joiner.next_segment(&mut out);
        joiner.push(&[3.0], &mut out);
        assert_eq!(out, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn an_empty_segment_is_no_segment() {
        let a: Vec<f32> = (0..400).map(|i| i as f32).collect();
        let with = join(&[a.clone(), Vec::new(), a.clone()], 50, 24_000);
        assert_eq!(with, join(&[a.clone(), a], 50, 24_000));
    }

    proptest! {
        #[test]
        fn how_samples_arrive_does_not_matter_and_lengths_add_up(
            lengths in prop::collection::vec(0_usize..60, 1..6),
            chunks in (1_usize..40, 1_usize..40),
        ) {
            // 10 ms are 16 samples here: segments are shorter, equal and longer than the overlap.
            let segments: Vec<Vec<f32>> =
                lengths.iter().map(|&n| (0..n).map(|i| (i + n) as f32).collect()).collect();
            let out = join(&segments, chunks.0, 1600);
            prop_assert_eq!(&out, &join(&segments, chunks.1, 1600));
            let (mut total, mut held) = (0, 0);
            for length in lengths {
                let overlap = length.min(held);
                total += length - overlap;
                held = if length == 0 { held } else if length < held { length } else { length.min(16) };
            }
            prop_assert_eq!(out.len(), total);
            prop_assert!(out.iter().all(|sample| sample.is_finite()));
        }
    }
}
