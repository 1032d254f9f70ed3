//! The last guard before the converter: nothing louder than full scale, nothing that is not a number.

/// Below this magnitude (-0.45 dBFS) samples pass bit for bit.
pub const KNEE: f32 = 0.95;

/// A soft-knee limiter without memory: identity up to [`KNEE`], then bent so that full scale is never exceeded.
///
/// It needs no look-ahead, so it delays nothing and a restart leaves no trace; speech stays below the knee, and only
/// what would have been clipped is rounded off. NaN and infinities become silence.
#[must_use]
pub fn limit(sample: f32) -> f32 {
    let magnitude = sample.abs();
    if magnitude <= KNEE {
        return sample;
    }
    if !sample.is_finite() {
        return 0.0;
    }
    let room = 1.0 - KNEE;
    (KNEE + room * ((magnitude - KNEE) / room).tanh()).min(1.0).copysign(sample)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KNEE, limit};

    #[test]
    fn what_is_no_number_is_silence() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(limit(bad).to_bits(), 0);
        }
    }

    proptest! {
        #[test]
        fn transparent_below_the_knee(sample in -KNEE..=KNEE) {
            prop_assert_eq!(limit(sample).to_bits(), sample.to_bits());
        }

        #[test]
        fn never_above_full_scale_never_falling_always_odd(bits: u32) {
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
