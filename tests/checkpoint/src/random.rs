//! Numbers that depend on nothing but seed, name and place: splitmix64, started from a hash of the name.

use crate::tensor::{Rule, TensorSpec};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn fnv1a64(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The words of a name, without end.
pub(crate) fn words(seed: u64, name: &str) -> impl Iterator<Item = u64> + use<> {
    let base = mix(seed.wrapping_mul(GOLDEN).wrapping_add(fnv1a64(name)));
    (1_u64..).map(move |i| mix(base.wrapping_add(i.wrapping_mul(GOLDEN))))
}

/// Sums of four uniform numbers, scaled to a standard deviation (Irwin and Hall's distribution).
fn normal(seed: u64, name: &str, deviation: f64, mean: f64) -> impl Iterator<Item = f32> + use<> {
    let scale = deviation * 1.732_050_807_568_877_2 / 65536.0;
    words(seed, name).map(move |word| {
        let sum = (word & 0xFFFF) + ((word >> 16) & 0xFFFF) + ((word >> 32) & 0xFFFF) + (word >> 48);
        ((sum as f64 - 131_070.0) * scale + mean) as f32
    })
}

fn usage(seed: u64, codebook: usize) -> impl Iterator<Item = f32> {
    words(seed, &format!("codebook.{codebook}.usage"))
        .map(|word| (1.0 + 99.0 * ((word >> 11) as f64 * 2.0_f64.powi(-53))) as f32)
}

/// All numbers of a tensor, row-major.
pub(crate) fn values(seed: u64, tensor: &TensorSpec) -> Vec<f32> {
    let count = tensor.elements();
    match tensor.rule {
        Rule::Normal { deviation, mean } => normal(seed, &tensor.name, deviation, mean).take(count).collect(),
        Rule::Constant(value) => vec![value; count],
        Rule::Usage(codebook) => usage(seed, codebook).take(count).collect(),
        Rule::EmbeddingSum(codebook) => {
            // The first codebook is coarse; each later one refines what is left.
            let deviation = codebook.checked_sub(1).map_or(1.0, |q| 0.7 * 0.9_f64.powf(q as f64));
            let width = tensor.shape[1];
            let mut numbers = normal(seed, &format!("codebook.{codebook}.embed"), deviation, 0.0);
            let rows = usage(seed, codebook).take(tensor.shape[0]);
            let mut values = Vec::with_capacity(count);
            for uses in rows {
                values.extend(numbers.by_ref().take(width).map(|number| number * uses));
            }
            values
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_those_of_the_reference() {
        let found: Vec<u64> = words(1, "talker.model.norm.weight").take(2).collect();
        assert_eq!(found, [0x1e4f_b0e5_1d1c_9f03, 0xab32_8555_084f_326b]);
        let found: Vec<u32> =
            normal(1, "talker.model.norm.weight", 0.1, 1.0).take(3).map(f32::to_bits).collect();
        assert_eq!(found, [0x3f6b_cae2, 0x3f66_3cdf, 0x3f76_b34c]);
    }

    #[test]
    fn usage_lies_between_one_and_a_hundred() {
        assert!(usage(7, 3).take(1000).all(|u| (1.0..=100.0).contains(&u)));
    }
}
