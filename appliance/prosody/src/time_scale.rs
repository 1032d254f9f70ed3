//! Waveform-similarity overlap-add (WSOLA; Verhelst and Roelands, 1993).
//!
//! Every [`HOP_MS`] of the output begins another frame of the input, at the place that the speed asks for or a little
//! beside it: where the input resembles most what would have followed the frame before. Two such frames overlap without
//! a change of pitch, since neither is resampled, and without a click, since they are in phase.

/// Distance of two frames in the output, in milliseconds; frames overlap in all of it. Two periods of a low male voice:
/// shorter frames cannot match one period with the next, longer ones smear consonants.
const HOP_MS: u32 = 15;
/// Largest deviation of a frame from its place, in milliseconds, to both sides: a whole period of the lowest voice
/// (65 Hz) always lies within.
const SEARCH_MS: u32 = 10;
/// Largest magnitude of a sample: 40 dB above full scale, far above any sound and far below an overflow.
const SAMPLE_MAX: f32 = 100.0;
/// Additions side by side in a sum of products. The order of additions is thereby fixed and the same on every
/// machine, and the compiler may still use vector registers.
const LANES: usize = 16;
/// Distance of the places that are compared first, in samples; then all around the best of them. Speech has little
/// above 4 kHz that keeps its phase from one period to the next, so no peak is missed, and the work is a third.
const COARSE_STEP: usize = 3;
/// Part of its score that a candidate at the edge of the search loses: of two periods that match alike, the one that
/// keeps the time is taken.
const EDGE_PENALTY: f32 = 0.02;

/// Speed as an exact fraction: samples of input for samples of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speed {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Speed {
    /// Returns the place in the input that belongs to a place in the output, rounded to nearest.
    pub(crate) fn input_at(self, output: u64) -> u64 {
        scaled(output, self.input, self.output)
    }

    /// Returns the length of the output for that of an input, rounded to nearest.
    pub(crate) fn output_for(self, input: u64) -> u64 {
        scaled(input, self.output, self.input)
    }
}

fn scaled(count: u64, multiplier: u64, divisor: u64) -> u64 {
    let (divisor, product) = (u128::from(divisor.max(1)), u128::from(count) * u128::from(multiplier));
    u64::try_from((product + divisor / 2) / divisor).unwrap_or(u64::MAX)
}

/// Streaming change of speed.
#[derive(Debug)]
pub(crate) struct TimeScale {
    speed: Speed,
    hop: usize,
    search: usize,
    /// Rising half of the window; its mirror image is the falling half, and both add up to 1.
    rise: Vec<f32>,
    /// Samples of the input that are still needed, from `origin` on.
    input: Vec<f32>,
    origin: u64,
    /// Place in the input of the frame whose falling half comes next.
    frame: u64,
    /// Number of hops that were given out.
    hops: u64,
}

impl TimeScale {
    pub(crate) fn new(rate_hz: u32, speed: Speed) -> Self {
        let samples = |milliseconds| (rate_hz as usize * milliseconds as usize / 1000).max(1);
        let hop = samples(HOP_MS);
        let rise = (0..hop).map(|step| {
            let angle = std::f64::consts::PI * step as f64 / hop as f64;
            (0.5 - 0.5 * angle.cos()) as f32
        });
        let (input, rise) = (Vec::new(), rise.collect());
        Self { speed, hop, search: samples(SEARCH_MS), rise, input, origin: 0, frame: 0, hops: 0 }
    }

    /// Takes samples and appends those that no later one can change.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        // One sample that is no number would spread over all that resembles it, and decide every comparison.
        let usable = |sample: &f32| if sample.abs() <= SAMPLE_MAX { *sample } else { 0.0 };
        self.input.extend(samples.iter().map(usable));
        // Only with all that a step may look at: what it chooses must not depend on how the samples were divided.
        while self.needed() <= self.end() {
            self.step(out);
        }
        self.forget();
    }

    /// Ends the stream: appends what is missing to its exact length.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) {
        let total = self.speed.output_for(self.end());
        while self.hops * (self.hop as u64) < total {
            // Silence follows the end, as far as the next step looks.
            let missing = self.needed().saturating_sub(self.end());
            self.input.resize(self.input.len() + usize::try_from(missing).unwrap_or(0), 0.0);
            self.step(out);
            self.forget();
        }
        // The output is made in whole hops, and is as long as the input asks for, to a sample.
        let surplus = (self.hops * self.hop as u64).saturating_sub(total);
        out.truncate(out.len() - usize::try_from(surplus).unwrap_or(0).min(out.len()));
    }

    /// End of the input so far.
    fn end(&self) -> u64 {
        self.origin + self.input.len() as u64
    }

    /// Place of the next frame, before the search.
    fn next_place(&self) -> u64 {
        self.speed.input_at((self.hops + 1) * self.hop as u64)
    }

    /// End of the input that the next step looks at.
    fn needed(&self) -> u64 {
        (self.next_place() + self.search as u64).max(self.frame + self.hop as u64)
    }

    /// Adds one hop to the output: the falling half of the present frame and the rising half of the next one.
    fn step(&mut self, out: &mut Vec<f32>) {
        let next = self.best_place();
        // The halves overlap in all of the hop, so that the window adds up to 1 and the level is kept.
        let falling = self.half(self.frame);
        let rising = self.half(next - self.hop as u64);
        out.extend(
            falling.iter().zip(rising).zip(&self.rise).map(|((old, new), rise)| old + (new - old) * rise),
        );
        (self.frame, self.hops) = (next, self.hops + 1);
    }

    /// Returns the place near the next one at which the input continues the present frame best.
    fn best_place(&self) -> u64 {
        let (wanted, natural) = (self.next_place(), self.half(self.frame));
        // The half before the place must exist.
        let first = wanted.saturating_sub(self.search as u64).max(self.hop as u64);
        let last = wanted + self.search as u64;
        let score = |place: u64| {
            let closeness = 1.0 - EDGE_PENALTY * place.abs_diff(wanted) as f32 / self.search as f32;
            let score = similarity(natural, self.half(place - self.hop as u64));
            // A negative score must not gain by the penalty.
            if score > 0.0 { score * closeness } else { score }
        };
        let best_of = |from: u64, to: u64, step: usize| {
            // In silence all are equal; the middle is where the time is kept.
            let middle = wanted.clamp(from, to.max(from));
            (from..=to).step_by(step).fold((middle, score(middle)), |best, place| {
                let score = score(place);
                if score > best.1 { (place, score) } else { best }
            })
        };
        let (coarse, _) = best_of(first, last, COARSE_STEP);
        let around = COARSE_STEP as u64 - 1;
        best_of(coarse.saturating_sub(around).max(first), (coarse + around).min(last), 1).0
    }

    /// Returns the hop of input that begins at a place.
    fn half(&self, place: u64) -> &[f32] {
        let from = usize::try_from(place.saturating_sub(self.origin)).unwrap_or(0);
        self.input.get(from..from + self.hop).unwrap_or_default()
    }

    /// Drops input that no later step looks at.
    fn forget(&mut self) {
        // At high speeds the next place is far beyond the present frame, whose end is still to be faded out.
        let earliest = self.next_place().saturating_sub((self.search + self.hop) as u64).min(self.frame);
        let old = earliest.saturating_sub(self.origin).min(self.input.len() as u64);
        self.input.drain(..usize::try_from(old).unwrap_or(0));
        self.origin += old;
    }
}

/// Normalised correlation of two pieces of the same length, without the constant factor of the first one's energy.
fn similarity(natural: &[f32], candidate: &[f32]) -> f32 {
    let (mut products, mut energies) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let (pairs, rest) =
        (natural.chunks_exact(LANES).zip(candidate.chunks_exact(LANES)), natural.len() % LANES);
    for (a, b) in pairs {
        for lane in 0..LANES {
            products[lane] += a[lane] * b[lane];
            energies[lane] += b[lane] * b[lane];
        }
    }
    let tail = natural.len() - rest;
    let (mut product, mut energy): (f32, f32) = (products.iter().sum(), energies.iter().sum());
    for (a, b) in natural.iter().zip(candidate).skip(tail) {
        product += a * b;
        energy += b * b;
    }
    // The smallest energy stands for silence, which matches nothing and is matched by nothing.
    product / (energy + f32::MIN_POSITIVE).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Speed, TimeScale};

    #[test]
    fn memory_does_not_grow_with_the_length_of_the_stream() {
        for speed in [Speed { input: 1, output: 4 }, Speed { input: 6, output: 1 }] {
            let (mut time_scale, mut out) = (TimeScale::new(24_000, speed), Vec::new());
            for n in 0..300_u32 {
                let piece: Vec<f32> = (0..800).map(|m| ((n * 800 + m) as f32 * 0.03).sin()).collect();
                time_scale.push(&piece, &mut out);
                out.clear();
                assert!(time_scale.input.len() < 4_000, "{} samples", time_scale.input.len());
            }
        }
    }

    #[test]
    fn silence_stays_silent_and_keeps_its_time() {
        let (mut time_scale, mut out) = (TimeScale::new(24_000, Speed { input: 3, output: 2 }), Vec::new());
        time_scale.push(&vec![0.0; 24_000], &mut out);
        time_scale.finish(&mut out);
        assert_eq!(out, vec![0.0; 16_000]);
    }
}
