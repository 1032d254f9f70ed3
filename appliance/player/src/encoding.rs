//! Conversion of samples to the formats of files and devices.

/// Returns a sample as signed 16-bit integer: rounded to nearest, clipped, symmetric around zero.
#[must_use]
pub fn to_s16(sample: f32) -> i16 {
    // `as` saturates and maps NaN to 0: an overflow must clip, not wrap around to the opposite sign.
    (sample * f32::from(i16::MAX)).round() as i16
}

/// Returns a sample as signed 32-bit integer: rounded to nearest, clipped, symmetric around zero; NaN is silence.
fn to_s32(sample: f32) -> i32 {
    // In double precision, because a 32-bit float has no room for all values of the result.
    (f64::from(sample) * f64::from(i32::MAX)).round() as i32
}

/// Format of one sample in a device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleEncoding {
    S16,
    S32,
    F32,
}

impl SampleEncoding {
    /// Bytes of one sample.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S32 | Self::F32 => 4,
        }
    }

    /// Replaces `bytes` by `frames` in this encoding and the machine's byte order, each repeated for every channel.
    pub(crate) fn encode(self, frames: &[f32], channels: u32, bytes: &mut Vec<u8>) {
        bytes.clear();
        for &sample in frames {
            for _ in 0..channels {
                match self {
                    Self::S16 => bytes.extend_from_slice(&to_s16(sample).to_ne_bytes()),
                    Self::S32 => bytes.extend_from_slice(&to_s32(sample).to_ne_bytes()),
                    Self::F32 => bytes.extend_from_slice(&sample.to_ne_bytes()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SampleEncoding, to_s16, to_s32};

    #[test]
    fn s16_rounds_and_clips() {
        assert_eq!(to_s16(0.0), 0);
        assert_eq!(to_s16(1.0), 32767);
        assert_eq!(to_s16(-1.0), -32767);
        assert_eq!(to_s16(7.0), 32767);
        assert_eq!(to_s16(-7.0), -32768);
        assert_eq!(to_s16(f32::NAN), 0);
        assert_eq!(to_s16(0.6 / 32767.0), 1);
    }

    #[test]
    fn s32_rounds_and_clips() {
        assert_eq!((to_s32(1.0), to_s32(-1.0), to_s32(0.0)), (i32::MAX, -i32::MAX, 0));
        assert_eq!((to_s32(9.0), to_s32(-9.0), to_s32(f32::NAN)), (i32::MAX, i32::MIN, 0));
    }

    #[test]
    fn sample_is_repeated_for_every_channel() {
        let mut bytes = vec![9];
        SampleEncoding::S16.encode(&[1.0, -1.0], 2, &mut bytes);
        let expected: Vec<u8> =
            [32767_i16, 32767, -32767, -32767].iter().flat_map(|s| s.to_ne_bytes()).collect();
        assert_eq!(bytes, expected);
        SampleEncoding::S32.encode(&[0.5], 1, &mut bytes);
        assert_eq!(bytes, 1_073_741_824_i32.to_ne_bytes());
        SampleEncoding::F32.encode(&[0.25], 2, &mut bytes);
        assert_eq!(bytes, [0.25_f32.to_ne_bytes(), 0.25_f32.to_ne_bytes()].concat());
    }
}
