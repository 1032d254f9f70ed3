//! What was heard, traced back to what was said.

use std::collections::HashMap;

/// So many samples in a row must agree, or it is chance.
const RUN: usize = 6;

/// Samples heard as they were said: heard at `at ..`, said at `from ..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) at: usize,
    pub(crate) from: usize,
    pub(crate) length: usize,
}

/// The unchanged pieces of what was heard, in the order in which they were heard.
pub(crate) fn pieces(said: &[f32], heard: &[f32]) -> Vec<Piece> {
    let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, sample) in said.iter().enumerate() {
        places.entry(sample.to_bits()).or_default().push(place);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < heard.len() {
        let candidates = places.get(&heard[at].to_bits()).map_or(&[][..], Vec::as_slice);
        let same = |from: usize| said[from..].iter().zip(&heard[at..]).take_while(|(a, b)| a == b).count();
        let best = candidates.iter().map(|&from| (same(from), from)).max();
        match best {
            Some((length, from)) if length >= RUN => {
                found.push(Piece { at, from, length });
                at += length;
            }
            _ => at += 1,
        }
    }
    found
}

/// Between unchanged pieces nothing was lost: there is at least as much sound (fading, or silent) as was skipped, and
/// no more of it is skipped than fades explain. Going back is for the caller to judge: how far, each time.
pub(crate) fn steps_back(said: &[f32], heard: &[f32], fades: usize) -> Vec<usize> {
    let pieces = pieces(said, heard);
    assert!(!pieces.is_empty(), "nothing was heard unchanged");
    let mut back = Vec::new();
    let (mut at, mut from) = (0, 0);
    for piece in &pieces {
        if piece.from >= from {
            let skipped = piece.from - from;
            assert!(skipped <= fades, "{skipped} samples missing before {piece:?}");
            assert!(piece.at - at >= skipped, "samples lost before {piece:?}");
        } else {
            back.push(from - piece.from);
        }
        (at, from) = (piece.at + piece.length, piece.from + piece.length);
    }
    assert!(said.len() - from <= fades, "the end is missing: {} samples", said.len() - from);
    back
}
