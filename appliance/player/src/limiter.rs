//! Last stage before the device: no sample above full scale, and none that is not a number.

use crier_prosody::soft_limit;

/// Magnitude below which samples pass bit for bit (-0.45 dBFS): speech stays below it.
pub const KNEE: f32 = 0.95;

/// Applies a soft-knee limiter without memory: identity up to [`KNEE`], then bent so that full scale is never exceeded.
///
/// It needs no look-ahead, so it adds no delay and keeps no state over a restart; only peaks that would have been
/// clipped are rounded off. NaN and infinities become silence.
#[must_use]
pub fn limit(sample: f32) -> f32 {
    soft_limit(sample, KNEE, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KNEE, limit};

    #[test]
    fn nan_and_infinity_become_silence() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(limit(bad).to_bits(), 0);
        }
    }

    proptest! {
        #[test]
        fn samples_below_the_knee_are_unchanged(sample in -KNEE..=KNEE) {
            prop_assert_eq!(limit(sample).to_bits(), sample.to_bits());
        }

        #[test]
        fn limiter_is_bounded_monotonic_and_odd(bits: u32) {
            let sample = f32::from_bits(bits);
            let limited = limit(sample);
            prop_assert!((-1.0..=1.0).contains(&limited));
            if sample.is_finite() {
                prop_assert_eq!(limit(-sample).to_bits(), (-limited).to_bits());
                prop_assert!(limit(sample + sample.abs() * 0.01) >= limited || sample.abs() > f32::MAX / 2.0);
            }
        }
    }
}
