//! The matrices of a logarithmic mel spectrogram: a windowed Fourier transform, and a bank of triangular filters.
//!
//! Computed in 64 bits and rounded once, as the official package gets them from `torch.hann_window` and `librosa`.

use std::f64::consts::TAU;

/// Frequency at which the mel scale of Slaney's Auditory Toolbox, librosa's default, turns from linear to logarithmic.
const BREAK_HZ: f64 = 1000.0;
/// Hertz per mel below the break, of the same scale.
const LINEAR_HZ: f64 = 200.0 / 3.0;
/// Mels from the break to 6.4 times its frequency, of the same scale.
const LOGARITHMIC_MELS: f64 = 27.0;

/// `2 * (size / 2 + 1)` rows of `size` numbers: real parts, then imaginary parts, of the spectrum of a signal under a
/// periodic Hann window.
pub(super) fn windowed_fourier(size: usize) -> Vec<f32> {
    // Reduced modulo `size` first: a large argument of `cos` would lose digits.
    let angle = |step: usize| TAU * (step % size) as f64 / size as f64;
    let window: Vec<f64> = (0..size).map(|n| 0.5 - 0.5 * angle(n).cos()).collect();
    let bins = size / 2 + 1;
    let mut rows = Vec::with_capacity(2 * bins * size);
    // A forward transform: its imaginary parts have the negative sine.
    for part in [f64::cos as fn(f64) -> f64, |a| -a.sin()] {
        for bin in 0..bins {
            rows.extend(window.iter().enumerate().map(|(n, w)| (w * part(angle(bin * n))) as f32));
        }
    }
    rows
}

fn hz_to_mel(hz: f64) -> f64 {
    let break_mel = BREAK_HZ / LINEAR_HZ;
    match hz >= BREAK_HZ {
        true => break_mel + (hz / BREAK_HZ).ln() * LOGARITHMIC_MELS / 6.4_f64.ln(),
        false => hz / LINEAR_HZ,
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    let break_mel = BREAK_HZ / LINEAR_HZ;
    match mel >= break_mel {
        true => BREAK_HZ * ((mel - break_mel) * 6.4_f64.ln() / LOGARITHMIC_MELS).exp(),
        false => mel * LINEAR_HZ,
    }
}

/// `bands` rows of `size / 2 + 1` weights, from 0 Hz to half the sample rate, each of unit area.
pub(super) fn filter_bank(size: usize, sample_rate: usize, bands: usize) -> Vec<f32> {
    let bins = size / 2 + 1;
    let highest = sample_rate as f64 / 2.0;
    let corner = |index: usize| mel_to_hz(hz_to_mel(highest) * index as f64 / (bands + 1) as f64);
    let mut rows = Vec::with_capacity(bands * bins);
    for band in 0..bands {
        let [low, middle, high] = [corner(band), corner(band + 1), corner(band + 2)];
        rows.extend((0..bins).map(|bin| {
            let hz = highest * bin as f64 / (bins - 1) as f64;
            let height = ((hz - low) / (middle - low)).min((high - hz) / (high - middle)).max(0.0);
            // Rounded in between as `librosa` does.
            (f64::from(height as f32) * (2.0 / (high - low))) as f32
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_has_its_energy_in_its_bin() {
        let (size, bin) = (64, 5);
        let rows = windowed_fourier(size);
        let signal: Vec<f64> = (0..size).map(|n| (TAU * (bin * n) as f64 / size as f64).cos()).collect();
        let magnitude = |k: usize| {
            let part = |row: usize| -> f64 {
                rows[row * size..][..size].iter().zip(&signal).map(|(r, s)| f64::from(*r) * s).sum()
            };
            part(k).hypot(part(size / 2 + 1 + k))
        };
        // The Hann window leaves half of the amplitude in the bin, a quarter in each neighbour.
        for (k, expected) in [(bin, 16.0), (bin - 1, 8.0), (bin + 1, 8.0), (bin + 3, 0.0)] {
            assert!((magnitude(k) - expected).abs() < 1e-4, "bin {k}: {}", magnitude(k));
        }
    }

    #[test]
    fn the_filters_are_those_of_librosa() {
        // librosa 0.11: filters.mel(sr=24000, n_fft=1024, n_mels=128, fmin=0, fmax=12000)
        let bank = filter_bank(1024, 24_000, 128);
        for (band, bin, expected) in EXPECTED {
            let found = bank[band * 513 + bin];
            assert_eq!(found, expected, "band {band} bin {bin}");
        }
        for row in bank.chunks(513) {
            assert!(row.iter().any(|&w| w > 0.0) && row.iter().all(|&w| w >= 0.0));
        }
    }

    const EXPECTED: [(usize, usize, f32); 6] = [
        (0, 2, 0.008_569_083),
        (3, 5, 0.021_422_709),
        (40, 47, 0.020_846_143),
        (41, 48, 0.027_691_92),
        (90, 182, 0.008_157_771),
        (127, 498, 0.003_086_800_5),
    ];
}
