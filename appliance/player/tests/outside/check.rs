//! Comparison of the samples played with the samples sent.

use std::collections::HashMap;

/// Least number of equal samples in a row that are no coincidence.
const RUN: usize = 6;

/// Samples played unchanged: at `at ..` of the samples played, from `from ..` of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) at: usize,
    pub(crate) from: usize,
    pub(crate) length: usize,
}

/// Returns the unchanged pieces, in the order in which they were played.
pub(crate) fn pieces(source: &[f32], played: &[f32]) -> Vec<Piece> {
    let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, sample) in source.iter().enumerate() {
        places.entry(sample.to_bits()).or_default().push(place);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < played.len() {
        let candidates = places.get(&played[at].to_bits()).map_or(&[][..], Vec::as_slice);
        let same = |from: usize| source[from..].iter().zip(&played[at..]).take_while(|(a, b)| a == b).count();
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
pub(crate) fn steps_back(source: &[f32], played: &[f32], fades: usize) -> Vec<usize> {
    let pieces = pieces(source, played);
    assert!(!pieces.is_empty(), "nothing was played unchanged");
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
    assert!(source.len() - from <= fades, "the end is missing: {} samples", source.len() - from);
    back
}
