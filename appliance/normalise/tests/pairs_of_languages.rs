//! Pairs of written and spoken text from elsewhere, counted by language and class.
//!
//! `CRIER_PAIRS=DIRECTORY cargo test --release -p crier-normalise --test pairs_of_languages -- --ignored --nocapture`
//! reads `DIRECTORY/LANGUAGE/data_text_normalization/test_cases_CLASS.txt` as NeMo-text-processing of NVIDIA has them:
//! lines `written~spoken`, or `~written` with the admissible readings below. `CRIER_PAIRS_SHOW=de` prints what differs.
use std::path::Path;

use crier_normalise::{Language, verbalise};

/// Letters and digits in lower case: the collections disagree about all else.
fn bare(text: &str) -> String {
    text.to_lowercase()
        .replace('ё', "е")
        .replace("tré", "tre")
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

fn pairs(text: &str) -> Vec<(String, Vec<String>)> {
    let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split('~');
        let first = parts.next().unwrap_or_default().to_owned();
        let readings: Vec<String> = parts.map(str::to_owned).collect();
        match (first.is_empty(), readings.as_slice()) {
            (true, [written]) => pairs.push((written.clone(), Vec::new())),
            (false, []) => {
                pairs.iter_mut().next_back().into_iter().for_each(|(_, all)| all.push(first.clone()));
            }
            _ => pairs.push((first, readings)),
        }
    }
    pairs.retain(|(_, readings)| !readings.is_empty());
    pairs
}

/// Returns every written text once with all its readings.
fn merged(pairs: Vec<(String, Vec<String>)>) -> Vec<(String, Vec<String>)> {
    let mut merged: Vec<(String, Vec<String>)> = Vec::new();
    for (written, readings) in pairs {
        match merged.iter_mut().find(|(known, _)| *known == written) {
            Some((_, all)) => all.extend(readings),
            None => merged.push((written, readings)),
        }
    }
    merged
}

#[test]
#[ignore = "needs a collection of pairs in $CRIER_PAIRS"]
fn pairs_from_elsewhere_are_counted() {
    let root = std::env::var("CRIER_PAIRS").expect("CRIER_PAIRS is a directory");
    let show = std::env::var("CRIER_PAIRS_SHOW").unwrap_or_default();
    for language in Language::ALL {
        let directory = Path::new(&root).join(language.tag()).join("data_text_normalization");
        let Ok(files) = std::fs::read_dir(&directory) else { continue };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let (mut alike_of_all, mut all) = (0, 0);
        for path in files {
            let class = path.file_stem().unwrap().to_string_lossy().replace("test_cases_", "");
            let swapped =
                matches!(language, Language::German | Language::Russian) && !class.contains("audio");
            let mut pairs = pairs(&std::fs::read_to_string(&path).unwrap());
            // German and Russian files have the reading first.
            if swapped {
                for (written, readings) in &mut pairs {
                    std::mem::swap(written, &mut readings[0]);
                }
            }
            let pairs = merged(pairs);
            let mut alike = 0;
            for (written, readings) in &pairs {
                let spoken = verbalise(written, language);
                if readings.iter().any(|reading| bare(reading) == bare(&spoken)) {
                    alike += 1;
                } else if show == language.tag() {
                    println!("  {class}: {written:?} -> {spoken:?}, not {readings:?}");
                }
            }
            println!("{} {class}: {alike} of {}", language.tag(), pairs.len());
            alike_of_all += alike;
            all += pairs.len();
        }
        println!("{}: {alike_of_all} of {all}", language.tag());
    }
}
