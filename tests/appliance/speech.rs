//! The embedded voice really says what it is told: its sound is laid beside the teacher's, window by window.

use crate::rig::{crier, reference};

/// Texts and the teacher's level in twelve bands every 20 ms, in dB (`voices/recipe/reference.py`).
const TEACHER: &str = include_str!("teacher.tsv");
const WINDOW: usize = 480;
const BANDS: usize = 12;
const FLOOR_DB: f64 = -60.0;

/// Levels as `reference.py` has them.
fn bands_db(samples: &[i16]) -> Vec<f64> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let (lowest, highest) = (mel(100.0), mel(8_000.0));
    let turn = |index: usize| 2.0 * std::f64::consts::PI * index as f64 / WINDOW as f64;
    let (sine, cosine): (Vec<f64>, Vec<f64>) = (0..WINDOW).map(|index| turn(index).sin_cos()).unzip();
    samples
        .chunks_exact(WINDOW)
        .flat_map(|window| {
            let mut power = [0.0; BANDS];
            for bin in 1..WINDOW / 2 {
                let band = (mel(bin as f64 * 50.0) - lowest) / (highest - lowest) * BANDS as f64;
                if !(0.0..BANDS as f64).contains(&band) {
                    continue;
                }
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (index, &sample) in window.iter().enumerate() {
                    let value = f64::from(sample) / 32_768.0 * (0.5 - 0.5 * cosine[index]) / WINDOW as f64;
                    real += value * cosine[bin * index % WINDOW];
                    imaginary += value * sine[bin * index % WINDOW];
                }
                power[band as usize] += real * real + imaginary * imaginary;
            }
            power.map(|power| (10.0 * (power + 1e-12).log10()).max(FLOOR_DB))
        })
        .collect()
}

/// Pearson's correlation of two sounds over the part they share.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / length as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = |x: &[f64], y: &[f64], mx: f64, my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, b, mean_a, mean_b) / (product(a, a, mean_a, mean_a) * product(b, b, mean_b, mean_b)).sqrt()
}

#[test]
fn the_embedded_voice_says_what_its_teacher_said() {
    let sentences: Vec<(&str, Vec<f64>)> = TEACHER
        .lines()
        .map(|line| {
            let (text, levels) = line.split_once('\t').unwrap();
            (text, levels.split(' ').map(|level| level.parse().unwrap()).collect())
        })
        .collect();
    let said: Vec<Vec<f64>> = sentences.iter().map(|(text, _)| bands_db(&reference(text))).collect();
    for (index, (text, teacher)) in sentences.iter().enumerate() {
        let windows = |levels: &[f64]| levels.len() / BANDS;
        assert_eq!(windows(&said[index]), windows(teacher), "{text}: as long as the teacher's, to the frame");
        let own = likeness(&said[index], teacher);
        eprintln!("{own:.3} {text}");
        assert!(own > 0.85, "{text}: likeness {own:.3}");
        for (other, (_, levels)) in sentences.iter().enumerate().filter(|(other, _)| *other != index) {
            let unlike = likeness(&said[index], levels);
            assert!(unlike < own - 0.2, "{text} is as much like '{}': {unlike:.3}", sentences[other].0);
        }
    }
}

#[test]
fn the_embedded_voice_is_measured() {
    let output = crier().args(["bench", "--frames", "8", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(figures.is_object(), "{figures}");
}
