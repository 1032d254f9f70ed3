//! Comparison with pairs of written and spoken text from elsewhere: `written~spoken`, one a line, in the `.txt` files
//! of the folder that `CRIER_TEXT_PAIRS` names. Run on demand, since no such pairs are kept in this tree:
//! `CRIER_TEXT_PAIRS=… cargo test -p crier-normalise --test pairs -- --ignored --nocapture`

use std::path::Path;

use crier_normalise::{Language, verbalise};

/// Words without "and", apostrophes, hyphens, punctuation and case.
fn plain(text: &str) -> Vec<String> {
    let words = text.to_lowercase().replace(['\'', '’'], "");
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && *word != "and");
    words.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a folder of pairs"]
fn pairs_of_others_are_read_alike() {
    let folder = std::env::var("CRIER_TEXT_PAIRS").unwrap();
    let (mut alike, mut all) = (0, 0);
    let mut files: Vec<_> =
        std::fs::read_dir(Path::new(&folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("with_audio")) {
        let (mut same, mut count) = (0, 0);
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let Some((written, expected)) = line.split_once('~') else { continue };
            let said = verbalise(written, Language::English);
            count += 1;
            if plain(&said) == plain(expected) {
                same += 1;
            } else {
                println!("{written}\n  expected {expected}\n  said     {said}");
            }
        }
        println!("{same:4} of {count:4} {}", file.file_name().unwrap().display());
        alike += same;
        all += count;
    }
    println!("{alike:4} of {all:4}");
}
