//! Number formats and other options of a conversion.

use std::fmt;
use std::str::FromStr;

use crier_llama::quantise::GgmlType;

/// Name of a number format that this program cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown number format; choose one of {}", known.join(", "))]
pub struct UnknownFormat {
    known: &'static [&'static str],
}

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }

        impl FromStr for $name {
            type Err = UnknownFormat;

            fn from_str(text: &str) -> Result<Self, UnknownFormat> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownFormat { known: &[$($text),+] }),
                }
            }
        }
    };
}

choices! {
    /// Number format of the talker.
    TalkerQuantisation {
        /// 32-bit floats.
        F32 = "f32",
        /// 16-bit floats.
        F16 = "f16",
        /// 8 bits.
        Q8_0 = "q8_0",
        /// 4 bits, simple.
        Q4_0 = "q4_0",
        /// 4 bits, and 6 where it matters.
        Q4KM = "q4_k_m",
    }
}

choices! {
    /// Number format of the code predictor.
    PredictorQuantisation {
        /// 32-bit floats.
        F32 = "f32",
        /// 16-bit floats.
        F16 = "f16",
        /// 8 bits.
        Q8_0 = "q8_0",
        /// 4 bits, scales by least squares.
        Q4_0 = "q4_0",
        /// 4 bits, unevenly spaced.
        Iq4Nl = "iq4_nl",
    }
}

choices! {
    /// Number format of the vocoder's weights; it computes in 32 bits always.
    VocoderPrecision {
        /// 32-bit floats.
        F32 = "f32",
        /// 16-bit floats, widened when loaded.
        F16 = "f16",
    }
}

/// Options of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvertOptions {
    /// Format of the talker.
    pub talker: TalkerQuantisation,
    /// Format of the predictor.
    pub predictor: PredictorQuantisation,
    /// Format of the vocoder.
    pub vocoder: VocoderPrecision,
    /// Write the predictor for ONNX Runtime, too.
    pub onnx_predictor: bool,
    /// Write the encoders for enrolment, too, if the model accepts recordings.
    pub enrolment: bool,
    /// Replace an existing bundle.
    pub replace: bool,
}

/// Kinds of matrices that mixed formats tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatrixRole {
    Embedding,
    Output,
    /// Value projection and down projection of a layer: the matrices whose rounding hurts most.
    Sensitive(usize),
    Ordinary,
}

impl TalkerQuantisation {
    /// Returns the format of a matrix; `q4_k_m` mixes formats as llama.cpp's quantiser does.
    pub(crate) fn kind(self, matrix: MatrixRole, layers: usize) -> GgmlType {
        match (self, matrix) {
            (Self::F32, _) => GgmlType::F32,
            (Self::F16, _) => GgmlType::F16,
            // Not computed with: only stock llama.cpp, given codes as tokens, would read a row of it.
            (_, MatrixRole::Embedding) | (Self::Q8_0, _) => GgmlType::Q8_0,
            // As in llama.cpp: an error in the logits is an error in the choice, and the head is one matrix
            // among many.
            (Self::Q4_0 | Self::Q4KM, MatrixRole::Output) => GgmlType::Q6K,
            (Self::Q4_0, _) => GgmlType::Q4_0,
            (Self::Q4KM, MatrixRole::Sensitive(layer)) if wants_more_bits(layer, layers) => GgmlType::Q6K,
            (Self::Q4KM, _) => GgmlType::Q4K,
        }
    }
}

impl PredictorQuantisation {
    pub(crate) fn kind(self) -> GgmlType {
        match self {
            Self::F32 => GgmlType::F32,
            Self::F16 => GgmlType::F16,
            Self::Q8_0 => GgmlType::Q8_0,
            Self::Q4_0 => GgmlType::Q4_0,
            Self::Iq4Nl => GgmlType::Iq4Nl,
        }
    }

    /// Returns the format of its embeddings of codes.
    pub(crate) fn rows(self) -> GgmlType {
        match self {
            Self::F32 => GgmlType::F32,
            Self::F16 => GgmlType::F16,
            // Rows are read, not multiplied with: fewer bits would save little memory and no time.
            Self::Q8_0 | Self::Q4_0 | Self::Iq4Nl => GgmlType::Q8_0,
        }
    }
}

/// llama.cpp's rule (`use_more_bits`): the first and last eighth of the layers, and every third between.
fn wants_more_bits(layer: usize, layers: usize) -> bool {
    layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_of_q4_k_m_is_llama_cpps() {
        let better: Vec<usize> = (0..28).filter(|&layer| wants_more_bits(layer, 28)).collect();
        assert_eq!(better, [0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26, 27]);
    }

    #[test]
    fn format_names_parse_and_print() {
        for name in ["f32", "f16", "q8_0", "q4_0", "q4_k_m"] {
            assert_eq!(name.parse::<TalkerQuantisation>().unwrap().to_string(), name);
        }
        assert!("q3".parse::<PredictorQuantisation>().unwrap_err().to_string().contains("iq4_nl"));
    }
}
