//! Lexicon files and transcriptions from outside: entries apply at characters, in order, and never twice.
#![no_main]

use crier_config::parse_lexicon;
use crier_lexicon::{UserLexicon, timed_phonemes};

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (file, text) = input;
    let _ = timed_phonemes(text);
    let Ok(lexemes) = parse_lexicon("fuzz", file) else { return };
    let lexicon = UserLexicon::new(lexemes);
    for sounds in [false, true] {
        let mut end = 0;
        for occurrence in lexicon.occurrences(text, None, sounds) {
            assert!(occurrence.range.start >= end && text.get(occurrence.range.clone()).is_some());
            end = occurrence.range.end;
        }
    }
    let _ = lexicon.without_stand_ins(text);
});
