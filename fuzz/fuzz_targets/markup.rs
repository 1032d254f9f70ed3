//! Markup from outside: pauses of plain text and SSML. Pieces are in the order of the text, and none is blank.
#![no_main]

use crier_announce::TextFormat;
use crier_markup::{Script, ScriptPiece};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for format in [None, Some(TextFormat::Plain), Some(TextFormat::Ssml)] {
        let Ok(script) = Script::parse(text, format, None) else { continue };
        let places = script.pieces.iter().map(|piece| match piece {
            ScriptPiece::Speak(spoken) => spoken.at,
            ScriptPiece::Pause { at, .. } | ScriptPiece::Mark { at, .. } | ScriptPiece::Sound { at, .. } => *at,
        });
        assert!(places.is_sorted());
        assert!(script.spoken().all(|piece| !piece.text.trim().is_empty()));
    }
});
