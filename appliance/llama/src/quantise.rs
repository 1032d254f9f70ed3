//! ggml's number formats: their sizes, and conversion of `f32` rows to them and back.
#![allow(unsafe_code)]

use llama_cpp_sys_2 as sys;

use crate::LlamaError;

/// A number format of ggml. Formats below 16 bits store blocks of 32 or 256 numbers with common scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum GgmlType {
    F32,
    F16,
    Q4_0,
    Q5_0,
    Q8_0,
    Q4K,
    Q6K,
    Iq4Nl,
}

impl GgmlType {
    /// All formats that this program writes or reads.
    pub const ALL: [Self; 8] =
        [Self::F32, Self::F16, Self::Q4_0, Self::Q5_0, Self::Q8_0, Self::Q4K, Self::Q6K, Self::Iq4Nl];

    /// Identifier in GGUF files (`ggml_type`).
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

    /// Name as used by llama.cpp.
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

    /// Bytes of `numbers` numbers, rounded up to whole blocks.
    #[must_use]
    pub fn bytes(self, numbers: usize) -> usize {
        numbers.div_ceil(self.block()) * self.block_bytes()
    }

    pub(crate) fn raw(self) -> sys::ggml_type {
        self.id() as sys::ggml_type
    }
}

/// Converts rows of `columns` numbers to `kind`.
///
/// # Errors
/// [`LlamaError::RowLength`] or [`LlamaError::Blocks`] if the rows are not whole rows of whole blocks.
pub fn quantise(kind: GgmlType, columns: usize, rows: &[f32]) -> Result<Vec<u8>, LlamaError> {
    if columns == 0 || !rows.len().is_multiple_of(columns) {
        return Err(LlamaError::RowLength { numbers: rows.len(), columns });
    }
    if !columns.is_multiple_of(kind.block()) {
        return Err(LlamaError::Blocks { columns, kind: kind.name(), block: kind.block() });
    }
    let mut bytes = vec![0_u8; kind.bytes(rows.len())];
    // SAFETY: a row is a whole number of blocks, so `bytes` has exactly the size of all rows; ggml reads `rows.len()`
    // floats and writes that many blocks. None of these formats requires an importance matrix.
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

/// Converts blocks of `kind` back to numbers.
///
/// # Errors
/// [`LlamaError::RowLength`] if `bytes` is not whole blocks.
pub fn dequantise(kind: GgmlType, bytes: &[u8]) -> Result<Vec<f32>, LlamaError> {
    if !bytes.len().is_multiple_of(kind.block_bytes()) {
        return Err(LlamaError::RowLength { numbers: bytes.len(), columns: kind.block_bytes() });
    }
    let mut numbers = vec![0.0_f32; bytes.len() / kind.block_bytes() * kind.block()];
    if kind == GgmlType::F32 {
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

/// Converts rows to Q4_0 with block scales fitted by least squares. ggml derives the scale from the number with the
/// largest magnitude in a block; this function tries that scale and multiples of it, refits each to the codes that it
/// produces, and keeps the one with the smallest squared error. Same format, same speed, smaller error.
///
/// # Errors
/// [`LlamaError::RowLength`] or [`LlamaError::Blocks`] if the rows are not whole rows of whole blocks.
pub fn quantise_q4_0_least_squares(columns: usize, rows: &[f32]) -> Result<Vec<u8>, LlamaError> {
    const BLOCK: usize = 32;
    /// Candidate scales as multiples of ggml's. The optimum is usually slightly smaller, because clipping the largest
    /// number is cheaper than a coarser step for all others; hence more candidates below 1 than above.
    const TRIALS: [f32; 9] = [0.80, 0.85, 0.90, 0.94, 0.97, 1.0, 1.04, 1.08, 1.14];
    if columns == 0 || !rows.len().is_multiple_of(columns) {
        return Err(LlamaError::RowLength { numbers: rows.len(), columns });
    }
    if !columns.is_multiple_of(BLOCK) {
        return Err(LlamaError::Blocks { columns, kind: "q4_0", block: BLOCK });
    }
    let mut bytes = Vec::with_capacity(GgmlType::Q4_0.bytes(rows.len()));
    for block in rows.chunks_exact(BLOCK) {
        // Signed: Q4_0 codes run from -8 to 7, so the largest magnitude, whichever its sign, maps to code -8.
        let largest = block.iter().fold(0.0_f32, |m, &x| if x.abs() > m.abs() { x } else { m });
        let (mut best_scale, mut best_error) = (0.0_f32, f32::INFINITY);
        for trial in TRIALS {
            let mut scale = largest / -8.0 * trial;
            // Alternating minimisation: codes for the scale, then the optimal scale for these codes. Two rounds
            // suffice; further ones hardly change the error.
            for _ in 0..2 {
                let (mut dot, mut norm) = (0.0, 0.0);
                for &x in block {
                    let code = q4_code(x, scale);
                    dot += x * code;
                    norm += code * code;
                }
                if norm > 0.0 {
                    // Rounded as it is stored, so that the error below is that of the decoder.
                    scale = half::f16::from_f32(dot / norm).to_f32();
                }
            }
            let error: f32 = block.iter().map(|&x| (x - scale * q4_code(x, scale)).powi(2)).sum();
            if error < best_error {
                (best_scale, best_error) = (scale, error);
            }
        }
        bytes.extend(half::f16::from_f32(best_scale).to_le_bytes());
        // ggml's layout: code i in the low nibble of byte i, code i + 16 in its high nibble, both offset by 8.
        let code = |x: f32| (q4_code(x, best_scale) + 8.0) as u8;
        bytes.extend((0..BLOCK / 2).map(|i| code(block[i]) | (code(block[i + BLOCK / 2]) << 4)));
    }
    Ok(bytes)
}

/// Signed 4-bit code of a number at a given scale.
fn q4_code(x: f32, scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { (x / scale).round().clamp(-8.0, 7.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        // Sums of four uniform numbers: nearly Gaussian, and identical on every platform.
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
    }

    fn error(original: &[f32], bytes: &[u8], kind: GgmlType) -> f32 {
        let back = dequantise(kind, bytes).unwrap();
        original.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / original.len() as f32
    }

    #[test]
    fn block_sizes_equal_those_of_ggml() {
        for kind in GgmlType::ALL {
            // SAFETY: both functions take a type that ggml knows and return a number.
            let (block, bytes) =
                unsafe { (sys::ggml_blck_size(kind.raw()), sys::ggml_type_size(kind.raw())) };
            assert_eq!((block as usize, bytes), (kind.block(), kind.block_bytes()), "{}", kind.name());
        }
    }

    #[test]
    fn error_decreases_with_bits() {
        let original = numbers(8192);
        let mut errors = Vec::new();
        for kind in
            [GgmlType::Q4_0, GgmlType::Q5_0, GgmlType::Q6K, GgmlType::Q8_0, GgmlType::F16, GgmlType::F32]
        {
            errors.push(error(&original, &quantise(kind, 256, &original).unwrap(), kind));
        }
        assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
        assert_eq!(errors.last(), Some(&0.0));
    }

    #[test]
    fn least_squares_scales_have_a_smaller_error_than_ggmls() {
        let original = numbers(1 << 15);
        let plain = error(&original, &quantise(GgmlType::Q4_0, 256, &original).unwrap(), GgmlType::Q4_0);
        let fitted = error(&original, &quantise_q4_0_least_squares(256, &original).unwrap(), GgmlType::Q4_0);
        assert!(fitted < 0.9 * plain, "{fitted} against {plain}");
    }

    #[test]
    fn zeros_stay_zero_and_partial_blocks_are_rejected() {
        let bytes = quantise_q4_0_least_squares(32, &[0.0; 64]).unwrap();
        assert_eq!(dequantise(GgmlType::Q4_0, &bytes).unwrap(), [0.0; 64]);
        assert!(quantise(GgmlType::Q4_0, 33, &[0.0; 66]).is_err());
        assert!(quantise(GgmlType::Q8_0, 32, &[0.0; 33]).is_err());
        assert!(quantise_q4_0_least_squares(0, &[]).is_err());
        assert!(dequantise(GgmlType::Q8_0, &[0; 33]).is_err());
    }
}
