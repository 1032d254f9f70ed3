//! From words to sounds, for voices that were trained on sounds: a lexicon says how a word sounds, and a word that it
//! does not know is written in capitals, which such voices read letter by letter as well as they can.

/// Knows how words sound.
pub trait Pronunciations {
    /// The sounds of a lower-case word, in the voice's own spelling.
    fn sounds(&self, word: &str) -> Option<&str>;
}

/// Rewrites plain words ([`crate::normalise::english`]) as sounds; everything between words stays.
#[must_use]
pub fn pronounce(text: &str, lexicon: &dyn Pronunciations) -> String {
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '\'';
    let mut sounds = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| is_letter(c) == is_letter(first);
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if !is_letter(first) {
            sounds.push_str(piece);
        } else if let Some(known) = lexicon.sounds(piece) {
            sounds.push_str(known);
        } else {
            sounds.extend(piece.chars().filter(|c| *c != '\'').map(|c| c.to_ascii_uppercase()));
        }
    }
    sounds
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Pronunciations for Two {
        fn sounds(&self, word: &str) -> Option<&str> {
            match word {
                "the" => Some("ðə"),
                "it's" => Some("ɪts"),
                _ => None,
            }
        }
    }

    #[test]
    fn known_words_sound_and_unknown_ones_are_spelled() {
        assert_eq!(pronounce("it's the crier's, the end.", &Two), "ɪts ðə CRIERS, ðə END.");
        assert_eq!(pronounce("", &Two), "");
        assert_eq!(pronounce("...", &Two), "...");
    }
}
