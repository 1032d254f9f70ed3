//! Token ids against an independent implementation: `token_ids.json` was written by the tokenizer in pure Python of
//! `transformers` 4.57.3 (`Qwen2Tokenizer`, added tokens off), for a small vocabulary that stands here and for
//! Qwen2's own, which does not: it belongs to the checkpoints.

#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Instant;

use crier_speech::{AddedToken, Tokenizer, clean};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    text: String,
    small: Vec<u32>,
    qwen2: Vec<u32>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("data/token_ids.json")).unwrap()
}

fn compare(tokenizer: &Tokenizer, ids: impl Fn(&Case) -> &[u32]) {
    let cases = cases();
    assert!(cases.len() > 200);
    for case in &cases {
        assert_eq!(tokenizer.encode(&case.text).unwrap(), ids(case), "{:?}", case.text);
    }
}

#[test]
fn the_small_vocabulary_gives_the_reference_ids() {
    let added = [AddedToken { content: "<|im_end|>".to_owned(), id: 962 }];
    let tokenizer = Tokenizer::new(
        include_bytes!("data/small_vocab.json"),
        include_bytes!("data/small_merges.txt"),
        &added,
    )
    .unwrap();
    compare(&tokenizer, |case| &case.small);
}

/// Needs `vocab.json` and `merges.txt` of any Qwen3-TTS checkpoint in the folder `CRIER_QWEN2_VOCABULARY`.
#[test]
#[ignore = "needs a checkpoint's vocabulary: set CRIER_QWEN2_VOCABULARY and run with --ignored"]
fn the_vocabulary_of_the_checkpoints_gives_the_reference_ids_and_loads_fast() {
    let folder = std::path::PathBuf::from(std::env::var("CRIER_QWEN2_VOCABULARY").unwrap());
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (vocabulary, merges) = (read("vocab.json"), read("merges.txt"));
    let begin = Instant::now();
    let tokenizer = Tokenizer::new(&vocabulary, &merges, &[]).unwrap();
    let load = begin.elapsed();
    println!("loaded in {load:?}");
    compare(&tokenizer, |case| &case.qwen2);
    let text =
        clean(&cases().iter().map(|case| case.text.as_str()).collect::<Vec<_>>().join(" ").into_bytes());
    let (text, begin) = (text.unwrap(), Instant::now());
    let tokens = tokenizer.encode(&text).unwrap().len();
    println!("{} bytes, {tokens} tokens in {:?}", text.len(), begin.elapsed());
    // A board is about six times slower than a desk, and shall be ready in two seconds.
    assert!(load.as_secs_f32() < 0.3, "{load:?}");
}
