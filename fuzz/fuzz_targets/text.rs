//! Text from outside: cleaning is idempotent, sentences cover the text in order, and normalization leaves no digits.
#![no_main]

use crier_normalise::{Language, english, verbalise};
use crier_speech::{clean, split_sentences};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = clean(bytes) else { return };
    // Cleaning is idempotent: an announcement that comes back from the journal is spoken as before.
    assert_eq!(clean(text.as_bytes()).unwrap(), text);
    let mut rest = text.as_str();
    for sentence in split_sentences(&text) {
        let at = rest.find(sentence).unwrap();
        assert!(rest[..at].trim().is_empty());
        rest = &rest[at + sentence.len()..];
        let english = english(sentence);
        assert!(!english.text.bytes().any(|byte| byte.is_ascii_digit()), "{:?}", english.text);
        let spoken = verbalise(sentence, Language::English);
        assert!(!spoken.bytes().any(|byte| byte.is_ascii_digit()), "{spoken:?}");
    }
    assert!(rest.trim().is_empty());
});
