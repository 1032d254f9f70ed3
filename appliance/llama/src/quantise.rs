//! ggml's number formats: sizes, and rows of `f32` to them and back.
#![allow(unsafe_code)]

use llama_cpp_sys_2 as sys;

use crate::LlamaError;

/// A number format of ggml. Formats below 16 bits hold blocks of 32 or 256 numbers with common scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    F32,
    F16,
    Q4_0,
    Q5_0,
    Q8_0,
    Q4K,
    Q6K,
    Iq4Nl,
}

impl Kind {
    /// Every format that this program writes or reads.
    pub const ALL: [Self; 8] =
        [Self::F32, Self::F16, Self::Q4_0, Self::Q5_0, Self::Q8_0, Self::Q4K, Self::Q6K, Self::Iq4Nl];

    /// The number that stands for it in GGUF files.
    #[must_use]
    pub fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q5_0 => 6,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q6K => 14,
            Self::Iq4Nl => 20,
        }
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q4_0 => "q4_0",
            Self::Q5_0 => "q5_0",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q6K => "q6_k",
            Self::Iq4Nl => "iq4_nl",
        }
    }

    /// Numbers in a block.
    #[must_use]
    pub fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Q4K | Self::Q6K => 256,
            _ => 32,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q4_0 | Self::Iq4Nl => 18,
            Self::Q5_0 => 22,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q6K => 210,
        }
    }

    /// Bytes of `numbers` numbers, whole blocks.
    #[must_use]
    pub fn bytes(self, numbers: usize) -> usize {
        numbers.div_ceil(self.block()) * self.block_bytes()
    }

    pub(crate) fn raw(self) -> sys::ggml_type {
        self.id() as sys::ggml_type
    }
}

/// Turns rows of `columns` numbers into `kind`.
///
/// # Errors
/// [`LlamaError::RowLength`] or [`LlamaError::Blocks`] when the rows do not come out even.
pub fn quantise(kind: Kind, columns: usize, rows: &[f32]) -> Result<Vec<u8>, LlamaError> {
    if columns == 0 || !rows.len().is_multiple_of(columns) {
        return Err(LlamaError::RowLength { numbers: rows.len(), columns });
    }
    if !columns.is_multiple_of(kind.block()) {
        return Err(LlamaError::Blocks { columns, kind: kind.name(), block: kind.block() });
    }
    let mut bytes = vec![0_u8; kind.bytes(rows.len())];
    // SAFETY: `bytes` holds exactly the blocks of all rows, since a row is whole blocks; ggml reads `rows.len()` floats
    // and writes as many blocks. These formats need no importance matrix.
    let written = unsafe {
        sys::ggml_quantize_chunk(
            kind.raw(),
            rows.as_ptr(),
            bytes.as_mut_ptr().cast(),
            0,
            (rows.len() / columns) as i64,
            columns as i64,
            std::ptr::null(),
        )
    };
    debug_assert_eq!(written, bytes.len());
    Ok(bytes)
}

/// Turns blocks of `kind` back into numbers.
///
/// # Errors
/// [`LlamaError::RowLength`] when `bytes` is not whole blocks.
pub fn dequantise(kind: Kind, bytes: &[u8]) -> Result<Vec<f32>, LlamaError> {
    if !bytes.len().is_multiple_of(kind.block_bytes()) {
        return Err(LlamaError::RowLength { numbers: bytes.len(), columns: kind.block_bytes() });
    }
    let mut numbers = vec![0.0_f32; bytes.len() / kind.block_bytes() * kind.block()];
    if kind == Kind::F32 {
        for (number, chunk) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *number = f32::from_le_bytes(*chunk);
        }
        return Ok(numbers);
    }
    // SAFETY: the traits of a known type are static data; its `to_float` reads whole blocks from `bytes` and writes
    // `numbers.len()` floats, which is what the blocks hold. ggml's block types have alignment 2 at most; `Vec<u8>`
    // from the global allocator is aligned well beyond that in practice, and x86-64 and AArch64 allow unaligned reads.
    unsafe {
        let traits = sys::ggml_get_type_traits(kind.raw());
        if let Some(to_float) = (*traits).to_float {
            to_float(bytes.as_ptr().cast(), numbers.as_mut_ptr(), numbers.len() as i64);
        }
    }
    Ok(numbers)
}

/// Q4_0 with the scale of every block found by least squares: ggml takes the scale from the largest number of a block;
/// this tries it and its neighbours, and refits each to the codes that it gives, and keeps what comes closest to the
/// block in the sum of squares. Same format, same speed, smaller error.
///
/// # Errors
/// [`LlamaError::RowLength`] or [`LlamaError::Blocks`] when the rows do not come out even.
pub fn quantise_q4_0_least_squares(columns: usize, rows: &[f32]) -> Result<Vec<u8>, LlamaError> {
    const BLOCK: usize = 32;
    /// Scales tried, as multiples of ggml's own.
    const TRIALS: [f32; 9] = [0.80, 0.85, 0.90, 0.94, 0.97, 1.0, 1.04, 1.08, 1.14];
    if columns == 0 || !rows.len().is_multiple_of(columns) {
        return Err(LlamaError::RowLength { numbers: rows.len(), columns });
    }
    if !columns.is_multiple_of(BLOCK) {
        return Err(LlamaError::Blocks { columns, kind: "q4_0", block: BLOCK });
    }
    let mut bytes = Vec::with_capacity(Kind::Q4_0.bytes(rows.len()));
    for block in rows.chunks_exact(BLOCK) {
        let largest = block.iter().fold(0.0_f32, |m, &x| if x.abs() > m.abs() { x } else { m });
        let (mut best_scale, mut best_error) = (0.0_f32, f32::INFINITY);
        for trial in TRIALS {
            let mut scale = largest / -8.0 * trial;
            // Two rounds: codes for the scale, then the scale that fits these codes best.
            for _ in 0..2 {
                let (mut dot, mut norm) = (0.0, 0.0);
                for &x in block {
                    let code = q4_code(x, scale);
                    dot += x * code;
                    norm += code * code;
                }
                if norm > 0.0 {
                    scale = half::f16::from_f32(dot / norm).to_f32();
                }
            }
            let error: f32 = block.iter().map(|&x| (x - scale * q4_code(x, scale)).powi(2)).sum();
            if error < best_error {
                (best_scale, best_error) = (scale, error);
            }
        }
        bytes.extend(half::f16::from_f32(best_scale).to_le_bytes());
        let code = |x: f32| (q4_code(x, best_scale) + 8.0) as u8;
        bytes.extend((0..BLOCK / 2).map(|i| code(block[i]) | (code(block[i + BLOCK / 2]) << 4)));
    }
    Ok(bytes)
}

/// The signed 4-bit code of a number for a scale.
fn q4_code(x: f32, scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { (x / scale).round().clamp(-8.0, 7.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        // Sums of four uniform numbers: nearly Gaussian, the same everywhere.
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
    }

    fn error(original: &[f32], bytes: &[u8], kind: Kind) -> f32 {
        let back = dequantise(kind, bytes).unwrap();
        original.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / original.len() as f32
    }

    #[test]
    fn sizes_agree_with_ggml() {
        for kind in Kind::ALL {
            // SAFETY: both functions take a type that ggml knows and return a number.
            let (block, bytes) =
                unsafe { (sys::ggml_blck_size(kind.raw()), sys::ggml_type_size(kind.raw())) };
            assert_eq!((block as usize, bytes), (kind.block(), kind.block_bytes()), "{}", kind.name());
        }
    }

    #[test]
    fn more_bits_less_error() {
        let original = numbers(8192);
        let mut errors = Vec::new();
        for kind in [Kind::Q4_0, Kind::Q5_0, Kind::Q6K, Kind::Q8_0, Kind::F16, Kind::F32] {
            errors.push(error(&original, &quantise(kind, 256, &original).unwrap(), kind));
        }
        assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
        assert_eq!(errors.last(), Some(&0.0));
    }

    #[test]
    fn least_squares_scales_are_closer_than_ggmls() {
        let original = numbers(1 << 15);
        let plain = error(&original, &quantise(Kind::Q4_0, 256, &original).unwrap(), Kind::Q4_0);
        let fitted = error(&original, &quantise_q4_0_least_squares(256, &original).unwrap(), Kind::Q4_0);
        assert!(fitted < 0.9 * plain, "{fitted} against {plain}");
    }

    #[test]
    fn zeros_stay_zeros_and_odd_rows_are_refused() {
        let bytes = quantise_q4_0_least_squares(32, &[0.0; 64]).unwrap();
        assert_eq!(dequantise(Kind::Q4_0, &bytes).unwrap(), [0.0; 64]);
        assert!(quantise(Kind::Q4_0, 33, &[0.0; 66]).is_err());
        assert!(quantise(Kind::Q8_0, 32, &[0.0; 33]).is_err());
        assert!(quantise_q4_0_least_squares(0, &[]).is_err());
        assert!(dequantise(Kind::Q8_0, &[0; 33]).is_err());
    }
}
