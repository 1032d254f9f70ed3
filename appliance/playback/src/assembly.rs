//! Segments, pauses and marks put together to one stream of samples. The appliance and `crier say` have it in common,
//! so that both say the same, bit for bit.

use crier_player::Joiner;

/// Stream under construction.
pub struct Assembly {
    rate_hz: u32,
    joiner: Joiner,
    /// True once there was a segment, so that the next one has a neighbour.
    begun: bool,
    /// Samples that were handed out.
    handed_out: u64,
}

impl Assembly {
    /// Begins a stream.
    #[must_use]
    pub fn new(rate_hz: u32, crossfade_ms: u32) -> Self {
        let joiner = Joiner::new(rate_hz, crossfade_ms);
        Self { rate_hz, joiner, begun: false, handed_out: 0 }
    }

    /// Returns the sample rate.
    #[must_use]
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Returns the number of samples so far, those included that are held back for a crossfade.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.handed_out + self.joiner.held_samples() as u64
    }

    /// Begins a segment, such as a sentence or a chime.
    pub fn segment(&mut self, out: &mut Vec<f32>) {
        // A segment ends where the next one begins, so there is nothing to end before the first.
        if std::mem::replace(&mut self.begun, true) {
            self.counted(out, Joiner::next_segment);
        }
    }

    /// Takes samples of the segment, and appends to `out` those that can no longer change.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.counted(out, |joiner, out| joiner.push(samples, out));
    }

    /// Appends silence, exact to the sample: what is before it ends in full, and what follows does not fade into it.
    pub fn pause(&mut self, ms: u32, out: &mut Vec<f32>) {
        let samples = usize::try_from(u64::from(self.rate_hz) * u64::from(ms) / 1000).unwrap_or(0);
        // Ended, and not joined: a crossfade with the silence would make it shorter by its length.
        self.counted(out, Joiner::finish);
        // What follows has no neighbour to fade into.
        self.begun = false;
        self.counted(out, |_, out| out.resize(out.len() + samples, 0.0));
    }

    /// Ends the stream.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        self.counted(out, Joiner::finish);
        self.begun = false;
    }

    fn counted(&mut self, out: &mut Vec<f32>, append: impl FnOnce(&mut Joiner, &mut Vec<f32>)) {
        // Counted by what comes out: the joiner keeps samples back, and a crossfade makes one of two.
        let before = out.len();
        append(&mut self.joiner, out);
        self.handed_out += (out.len() - before) as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Speech of a length and silence of a length, in turn.
    fn assembled(parts: &[(usize, u32)], chunk: usize) -> Vec<f32> {
        let mut assembly = Assembly::new(24_000, 10);
        let mut out = Vec::new();
        for &(samples, ms) in parts {
            assembly.segment(&mut out);
            for chunk in vec![0.5; samples].chunks(chunk) {
                assembly.push(chunk, &mut out);
            }
            assembly.pause(ms, &mut out);
        }
        assembly.finish(&mut out);
        assert_eq!(assembly.length(), out.len() as u64);
        out
    }

    #[test]
    fn half_a_second_at_24_khz_is_12000_samples() {
        let out = assembled(&[(1000, 500), (700, 0)], 100);
        assert_eq!(out.len(), 1000 + 12_000 + 700);
        assert!(out[..1000].iter().chain(&out[13_000..]).all(|&sample| sample == 0.5));
        assert!(out[1000..13_000].iter().all(|&sample| sample == 0.0));
    }

    proptest! {
        #[test]
        fn silence_is_never_shortened_whatever_surrounds_it(
            parts in prop::collection::vec((0_usize..600, 0_u32..50), 1..8),
            chunk in 1_usize..300,
        ) {
            let expected: usize = parts.iter().map(|&(samples, ms)| samples + ms as usize * 24).sum();
            prop_assert_eq!(assembled(&parts, chunk).len(), expected);
        }
    }
}
