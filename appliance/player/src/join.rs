//! Joining of segments (a chime, a sentence, the next sentence) to one linear stream: neighbours overlap in an
//! equal-power crossfade, everything else passes bit for bit. No I/O, no clock.

use std::f32::consts::FRAC_PI_2;

/// Default overlap of neighbours, in milliseconds: hides the step between two segments and cuts no sound of speech.
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
    /// Creates a joiner with overlaps of `crossfade_ms` at `rate_hz`; 0 puts segments end to end.
    #[must_use]
    pub fn new(rate_hz: u32, crossfade_ms: u32) -> Self {
        let overlap = u64::from(rate_hz) * u64::from(crossfade_ms) / 1000;
        // At most a second: memory is bounded here, whatever the configuration says.
        let overlap = usize::try_from(overlap).unwrap_or(usize::MAX).min(rate_hz as usize);
        Self { overlap, held: Vec::with_capacity(overlap), incoming: None }
    }

    /// Samples that are held back now.
    #[must_use]
    pub fn held_samples(&self) -> usize {
        self.held.len() + self.incoming.as_ref().map_or(0, Vec::len)
    }

    /// Takes samples of the current segment and appends to `out` those that can no longer change.
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
        // Samples further from the end than the overlap can no longer be mixed.
        let free = (self.held.len() + rest.len()).saturating_sub(self.overlap);
        let old = free.min(self.held.len());
        out.extend(self.held.drain(..old));
        let (passing, tail) = rest.split_at(free - old);
        out.extend_from_slice(passing);
        self.held.extend_from_slice(tail);
    }

    /// Begins the next segment, to which the samples pushed from now on belong. A segment shorter than the overlap is
    /// mixed over its whole length, and so on with the one after it.
    pub fn next_segment(&mut self, out: &mut Vec<f32>) {
        self.mix(out);
        // Without a tail there is nothing to overlap with, and the first segment must not be held back for one.
        if !self.held.is_empty() {
            self.incoming = Some(Vec::with_capacity(self.held.len()));
        }
    }

    /// Ends the stream: appends the samples held back. The joiner is then as new.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        self.mix(out);
        out.append(&mut self.held);
    }

    /// Ends a join: mixes the end of `held` with `incoming`, and appends the samples before it to `out`.
    fn mix(&mut self, out: &mut Vec<f32>) {
        let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_empty()) else { return };
        let before = self.held.len() - incoming.len();
        out.extend(self.held.drain(..before));
        let step = FRAC_PI_2 / incoming.len() as f32;
        for (i, (old, new)) in self.held.iter_mut().zip(&incoming).enumerate() {
            // Sine and cosine: speech on both sides is uncorrelated, so powers add up and not amplitudes.
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
    fn single_segment_is_unchanged() {
        let samples: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.37).sin()).collect();
        assert_eq!(join(std::slice::from_ref(&samples), 77, 24_000), samples);
    }

    #[test]
    fn segments_overlap_with_equal_power_and_are_unchanged_elsewhere() {
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
    fn segments_without_overlap_are_concatenated() {
        let mut joiner = Joiner::new(24_000, 0);
        let mut out = Vec::new();
        joiner.push(&[1.0, 2.0], &mut out);
        joiner.next_segment(&mut out);
        joiner.push(&[3.0], &mut out);
        assert_eq!(out, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn empty_segment_has_no_effect() {
        let a: Vec<f32> = (0..400).map(|i| i as f32).collect();
        let with = join(&[a.clone(), Vec::new(), a.clone()], 50, 24_000);
        assert_eq!(with, join(&[a.clone(), a], 50, 24_000));
    }

    proptest! {
        #[test]
        fn chunking_has_no_effect_and_lengths_add_up(
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
