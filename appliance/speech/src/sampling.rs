//! Choice of a code from logits: greedy, or sampled with randomness that depends only on the position of the code.
//!
//! A draw is a Gumbel-max draw: with `g_i` independent standard Gumbel variables, `argmax_i (l_i / T + g_i)` has
//! exactly the law `softmax(l / T)` (Gumbel 1954; Maddison et al., "A* Sampling", 2014), also when it is restricted
//! to the `k` largest logits. Here `g_i` is a hash of (seed, frame, codebook, i). So there is no generator whose
//! state would have to survive a crash: seed and position determine the code, from any frame on, on any backend.

use serde::{Deserialize, Serialize};

/// Sampler of one utterance and one network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampler {
    seed: u64,
    choice: Choice,
}

/// Sampling method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    /// Largest logit; the first of equal ones.
    Greedy,
    /// Random choice.
    Draw {
        /// Divisor of the logits.
        temperature: f32,
        /// Number of largest logits that are candidates (plus any equal to the last one); 0 is all.
        top_k: usize,
        /// Probability mass of the candidates, the most probable first; 1 is all.
        top_p: f32,
    },
}

impl Sampler {
    /// Returns a sampler. A temperature that is not above zero means [`Choice::Greedy`].
    #[must_use]
    pub fn new(seed: u64, choice: Choice) -> Self {
        let choice = match choice {
            // A division by zero would make every logit infinite; the limit of small temperatures is the
            // greedy choice.
            Choice::Draw { temperature, .. } if temperature.is_nan() || temperature <= 0.0 => Choice::Greedy,
            other => other,
        };
        Self { seed, choice }
    }

    /// Returns the sampling method.
    #[must_use]
    pub fn choice(&self) -> Choice {
        self.choice
    }

    /// Chooses an index of `logits` for (`frame`, `codebook`); `None` if no logit is finite.
    /// Entries of minus infinity are never chosen. `logits` may be overwritten.
    pub fn draw(&self, logits: &mut [f32], frame: u32, codebook: u32) -> Option<usize> {
        let Choice::Draw { temperature, top_k, top_p } = self.choice else {
            return largest(logits.iter().copied());
        };
        for logit in logits.iter_mut() {
            // `total_cmp` below counts NaN as the largest number.
            *logit = if logit.is_nan() { f32::NEG_INFINITY } else { *logit / temperature };
        }
        let mut threshold = f32::NEG_INFINITY;
        // A threshold rather than a sorted list: nothing moves, so an index stays the code that it stands
        // for.
        if top_k > 0 && top_k < logits.len() {
            threshold = kth_largest(logits, top_k);
        }
        // After top-k, as in `transformers`: the nucleus is that of the remaining candidates.
        if top_p < 1.0 {
            threshold = threshold.max(nucleus_threshold(logits, threshold, top_p));
        }
        let key = self.key(frame, codebook);
        largest(logits.iter().enumerate().map(|(index, &logit)| {
            if logit < threshold || logit == f32::NEG_INFINITY {
                f32::NEG_INFINITY
            } else {
                logit + gumbel(key, index)
            }
        }))
    }

    /// Writes the Gumbel variables of (`frame`, `codebook`), one for each index of `noise`; zeros if greedy.
    /// [`Sampler::draw`] adds them to `logits / temperature` and takes the largest; a graph may do the same.
    pub fn noise(&self, frame: u32, codebook: u32, noise: &mut [f32]) {
        if self.choice == Choice::Greedy {
            noise.fill(0.0);
            return;
        }
        let key = self.key(frame, codebook);
        for (index, value) in noise.iter_mut().enumerate() {
            *value = gumbel(key, index);
        }
    }

    fn key(&self, frame: u32, codebook: u32) -> u64 {
        mix(mix(self.seed) ^ ((u64::from(frame) << 32) | u64::from(codebook)))
    }
}

/// Returns the index of the first largest finite value.
fn largest(values: impl Iterator<Item = f32>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (index, value) in values.enumerate() {
        // Strictly larger: of equal values the first wins, on every backend.
        if value.is_finite() && best.is_none_or(|(_, b)| value > b) {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

fn kth_largest(values: &[f32], k: usize) -> f32 {
    let mut sorted = values.to_vec();
    // Linear in the number of logits, while sorting is not: this runs sixteen times a frame.
    let (_, kth, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    *kth
}

/// Returns the smallest logit of the most probable candidates that together reach `top_p` (at least one).
fn nucleus_threshold(logits: &[f32], threshold: f32, top_p: f32) -> f32 {
    let mut kept: Vec<f32> = logits.iter().copied().filter(|l| l.is_finite() && *l >= threshold).collect();
    kept.sort_unstable_by(|a, b| b.total_cmp(a));
    let Some(&top) = kept.first() else { return threshold };
    // Relative to the largest logit, so that no exponential overflows.
    let total: f32 = kept.iter().map(|l| (l - top).exp()).sum();
    let mut reached = 0.0;
    for &logit in &kept {
        reached += (logit - top).exp() / total;
        if reached >= top_p {
            return logit;
        }
    }
    threshold
}

/// Mixes bits by the output function of `splitmix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014): every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Returns a standard Gumbel variable, a pure function of its arguments: `-ln(-ln u)` with `u` in `(0, 1)`.
fn gumbel(key: u64, index: usize) -> f32 {
    // 53 bits, offset by half a step so that neither 0 nor 1, whose logarithms are infinite or zero, occurs.
    let u = ((mix(key ^ (index as u64)) >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
    (-(-u.ln()).ln()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(temperature: f32, top_k: usize, top_p: f32, seed: u64) -> Sampler {
        Sampler::new(seed, Choice::Draw { temperature, top_k, top_p })
    }

    #[test]
    fn greedy_takes_the_first_largest_finite_logit() {
        let sampler = Sampler::new(1, Choice::Greedy);
        assert_eq!(sampler.draw(&mut [1.0, 3.0, 3.0, 2.0], 0, 0), Some(1));
        assert_eq!(sampler.draw(&mut [f32::NAN, -1.0, f32::NEG_INFINITY], 0, 0), Some(1));
        assert_eq!(sampler.draw(&mut [f32::NAN, f32::NEG_INFINITY], 0, 0), None);
        assert_eq!(sampler.draw(&mut [], 0, 0), None);
    }

    #[test]
    fn temperature_not_above_zero_is_greedy() {
        assert_eq!(draw(0.0, 50, 1.0, 9).draw(&mut [0.0, 1.0, 0.5], 3, 4), Some(1));
        assert_eq!(draw(f32::NAN, 50, 1.0, 9).draw(&mut [0.0, 1.0, 0.5], 3, 4), Some(1));
    }

    /// Frequencies of many draws against the softmax they must follow (chi-square, 99.9 % quantile).
    #[test]
    fn draws_follow_softmax() {
        let logits = [0.3_f32, -1.0, 2.0, 0.0, 1.1, -0.4];
        let (temperature, n) = (0.7_f32, 40_000_u32);
        let sampler = draw(temperature, 0, 1.0, 42);
        let mut counts = [0_u32; 6];
        for frame in 0..n {
            counts[sampler.draw(&mut logits.clone(), frame, 3).unwrap()] += 1;
        }
        let weights = logits.map(|l| f64::from(l / temperature).exp());
        let total: f64 = weights.iter().sum();
        let chi2: f64 = counts
            .iter()
            .zip(weights)
            .map(|(&count, w)| {
                let expected = w / total * f64::from(n);
                (f64::from(count) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi2 < 20.5, "chi-square {chi2} for {counts:?}");
    }

    #[test]
    fn top_k_keeps_equals_of_the_last_and_nothing_below() {
        let sampler = draw(1.0, 2, 1.0, 5);
        let mut seen = [false; 4];
        for frame in 0..500 {
            seen[sampler.draw(&mut [1.0, 0.5, 0.5, 0.4], frame, 0).unwrap()] = true;
        }
        assert_eq!(seen, [true, true, true, false]);
    }

    #[test]
    fn top_p_keeps_the_nucleus() {
        let sampler = draw(1.0, 0, 0.6, 5);
        let mut seen = [false; 3];
        for frame in 0..500 {
            // Probabilities 0.5, 0.3, 0.2: the first two reach 0.6.
            seen[sampler.draw(&mut [0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()], frame, 0).unwrap()] = true;
        }
        assert_eq!(seen, [true, true, false]);
    }

    #[test]
    fn draw_depends_on_seed_frame_and_codebook_only() {
        let logits: Vec<f32> = (0..64_u8).map(|i| f32::from(i % 7) * 0.1).collect();
        let sampler = draw(0.9, 50, 1.0, 77);
        let forwards: Vec<_> = (0..50).map(|f| sampler.draw(&mut logits.clone(), f, 2)).collect();
        let backwards: Vec<_> = (0..50).rev().map(|f| sampler.draw(&mut logits.clone(), f, 2)).collect();
        assert!(forwards.iter().eq(backwards.iter().rev()));
        let other: Vec<_> = (0..50).map(|f| draw(0.9, 50, 1.0, 78).draw(&mut logits.clone(), f, 2)).collect();
        assert_ne!(forwards, other);
    }

    #[test]
    fn noise_equals_the_random_part_of_draw() {
        let logits: Vec<f32> = (0..64_u8).map(|i| f32::from(i % 11) * 0.3).collect();
        let sampler = draw(0.8, 0, 1.0, 3);
        let mut noise = vec![0.0; 64];
        sampler.noise(9, 4, &mut noise);
        let by_hand = largest(logits.iter().zip(&noise).map(|(l, n)| l / 0.8 + n));
        assert_eq!(sampler.draw(&mut logits.clone(), 9, 4), by_hand);
    }
}
