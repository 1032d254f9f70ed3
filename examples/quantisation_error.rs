//! Errors of talker and code predictor by quantisation: `quantisation_error REFERENCE BUNDLE…`. All bundles are of one
//! checkpoint, the first one unquantised. Prints the table of docs/MODEL_CONVERSION.md.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use crier_bundle::Bundle;
use crier_predictor::{Predictor, PredictorOptions};
use crier_speech::{Choice, EmbeddingTables, GROUPS, PredictorEngine, Sampler, TalkerEngine};
use crier_talker::{Talker, TalkerOptions};

/// Positions that are compared: enough for differences of one percent, and a few seconds of computing.
const POSITIONS: usize = 64;

/// Outputs of one bundle for the same rows.
struct Answers {
    logits: Vec<Vec<f32>>,
    codes: Vec<[u16; GROUPS]>,
}

/// Returns the outputs for `rows`. The predictor always gets the hidden states of the reference, so that the errors of
/// talker and predictor are measured separately.
fn ask(folder: &Path, rows: &[Vec<f32>], states: &mut Vec<Vec<f32>>) -> Result<Answers, Box<dyn Error>> {
    let bundle = Arc::new(Bundle::open(folder)?);
    let mut talker = Talker::load(&bundle, &TalkerOptions::default())?;
    let mut predictor = Predictor::load(&bundle, &PredictorOptions::default())?;
    let sampler = Sampler::new(0, Choice::Greedy);
    let mut answers = Answers { logits: Vec::new(), codes: Vec::new() };
    for (position, row) in rows.iter().enumerate() {
        let output = talker.decode(position, 0, row)?;
        answers.logits.push(output.logits.to_vec());
        // Only the first bundle, the reference, adds its states.
        if states.len() == position {
            states.push(output.hidden.to_vec());
        }
        answers.codes.push(predictor.predict(position as u32, &states[position], 0, &sampler)?);
    }
    Ok(answers)
}

fn largest(logits: &[f32]) -> Option<usize> {
    logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [first, others @ ..] = folders.as_slice() else {
        return Err("usage: quantisation_error REFERENCE BUNDLE…".into());
    };
    let bundle = Bundle::open(first.as_ref())?;
    let voice = bundle.layout();
    // Sums of embedding rows, as in real prompts, with codes from fixed strides, so that results are reproducible.
    let mut rows = vec![vec![0.0; voice.hidden]; POSITIONS];
    for (position, row) in rows.iter_mut().enumerate() {
        for group in 0..GROUPS {
            bundle.add_predictor(
                group,
                (position * 31 + group * 17) as u16 % voice.codebook_size as u16,
                row,
            );
        }
        bundle.add_codec((position * 13) as u32 % voice.codebook_size as u32, row);
    }
    let mut states = Vec::new();
    let reference = ask(first.as_ref(), &rows, &mut states)?;
    println!(
        "| talker, predictor | logit error | same first code | same predictor codes |\n|---|---:|---:|---:|"
    );
    for folder in others {
        let answers = ask(folder.as_ref(), &rows, &mut states)?;
        let (mut error, mut power, mut same) = (0.0_f64, 0.0_f64, 0);
        for (found, expected) in answers.logits.iter().zip(&reference.logits) {
            for (f, e) in found.iter().zip(expected) {
                error += f64::from(f - e).powi(2);
                power += f64::from(*e).powi(2);
            }
            same += usize::from(largest(found) == largest(expected));
        }
        let codes = answers.codes.as_flattened().iter().zip(reference.codes.as_flattened());
        let same_codes = codes.filter(|(f, e)| f == e).count();
        let manifest = Bundle::open(folder.as_ref())?;
        let manifest = manifest.manifest();
        println!(
            "| {}, {} | {:.2} % | {:.0} % | {:.0} % |",
            manifest.talker.quantisation,
            manifest.predictor.quantisation,
            100.0 * (error / power).sqrt(),
            100.0 * same as f64 / POSITIONS as f64,
            100.0 * same_codes as f64 / (POSITIONS * GROUPS) as f64
        );
    }
    Ok(())
}
