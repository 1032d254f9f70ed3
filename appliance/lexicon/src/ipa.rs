//! IPA transcriptions as phonemes of the voices that read sounds.

/// Symbols of the IPA that [`timed_phonemes`] knows, in the order of a consonant chart, then vowels, for messages.
pub const IPA_SYMBOLS: &str = "p b t d k ɡ f v θ ð s z ʃ ʒ tʃ dʒ h m n ŋ l ɹ r ɾ j w i ɪ e ɛ æ a ɑ ɒ ɔ o ʊ u ʌ ə ɐ ɜ ɚ ɝ eɪ aɪ ɔɪ aʊ oʊ ˈ ˌ ː";

/// Main and secondary stress.
const STRESSES: [char; 2] = ['ˈ', 'ˌ'];
/// Duration of a stress mark in units of 26.7 ms, the mean of the lexicon of the embedded voice.
const STRESS_UNITS: usize = 2;
/// Gap between words, in units: the entry of a blank in that lexicon.
const WORD_GAP: &str = " 2";
/// Additional duration of a long sound, in units.
const LENGTH_UNITS: usize = 1;
/// Longest duration of a phoneme, in units: that of the voice's own reader.
const UNITS_MAX: usize = 30;

/// Symbols, the longest first, with the phonemes of the embedded voice and their durations: the means of all 101,000
/// entries of its lexicon. Sounds that English lacks become the nearest where speakers of English agree on one.
const SOUNDS: &[(&str, &[(char, usize)])] = &[
    ("tʃ", &[('ʧ', 2)]),
    ("dʒ", &[('ʤ', 2)]),
    ("eɪ", &[('A', 3)]),
    ("aɪ", &[('I', 3)]),
    ("ɑɪ", &[('I', 3)]),
    ("ɔɪ", &[('Y', 3)]),
    ("aʊ", &[('W', 3)]),
    ("ɑʊ", &[('W', 3)]),
    ("oʊ", &[('O', 3)]),
    ("əʊ", &[('O', 3)]),
    ("eː", &[('A', 3)]),
    ("l̩", &[('ᵊ', 2), ('l', 2)]),
    ("m̩", &[('ᵊ', 2), ('m', 2)]),
    ("n̩", &[('ᵊ', 2), ('n', 2)]),
    ("p", &[('p', 2)]),
    ("b", &[('b', 2)]),
    ("t", &[('t', 2)]),
    ("d", &[('d', 2)]),
    ("k", &[('k', 2)]),
    ("ɡ", &[('ɡ', 2)]),
    ("g", &[('ɡ', 2)]),
    ("f", &[('f', 2)]),
    ("v", &[('v', 2)]),
    ("θ", &[('θ', 2)]),
    ("ð", &[('ð', 2)]),
    ("s", &[('s', 3)]),
    ("z", &[('z', 3)]),
    ("ʃ", &[('ʃ', 3)]),
    ("ʒ", &[('ʒ', 3)]),
    ("ʧ", &[('ʧ', 2)]),
    ("ʤ", &[('ʤ', 2)]),
    ("h", &[('h', 1)]),
    ("m", &[('m', 2)]),
    ("n", &[('n', 2)]),
    ("ŋ", &[('ŋ', 2)]),
    ("ɲ", &[('n', 2), ('j', 1)]),
    ("l", &[('l', 2)]),
    ("ɫ", &[('l', 2)]),
    ("ʎ", &[('l', 2), ('j', 1)]),
    ("ɹ", &[('ɹ', 2)]),
    ("r", &[('ɹ', 2)]),
    ("ʁ", &[('ɹ', 2)]),
    ("ʀ", &[('ɹ', 2)]),
    ("ɾ", &[('T', 2)]),
    ("j", &[('j', 1)]),
    ("w", &[('w', 2)]),
    ("i", &[('i', 3)]),
    ("ɪ", &[('ɪ', 2)]),
    ("ᵻ", &[('ᵻ', 2)]),
    ("e", &[('ɛ', 2)]),
    ("ɛ", &[('ɛ', 2)]),
    ("æ", &[('æ', 2)]),
    ("a", &[('ɑ', 2)]),
    ("ɑ", &[('ɑ', 2)]),
    ("ɒ", &[('ɑ', 2)]),
    ("ɔ", &[('ɔ', 2)]),
    ("o", &[('O', 3)]),
    ("ʊ", &[('ʊ', 2)]),
    ("u", &[('u', 3)]),
    ("ʌ", &[('ʌ', 2)]),
    ("ə", &[('ə', 2)]),
    ("ɐ", &[('ə', 2)]),
    ("ᵊ", &[('ᵊ', 2)]),
    ("ɜ", &[('ɜ', 2)]),
    ("ɚ", &[('ə', 2), ('ɹ', 2)]),
    ("ɝ", &[('ɜ', 2), ('ɹ', 2)]),
];
const VOWELS: &str = "AIYWOiɪᵻɛæɑɔʊuʌəᵊɜ";

/// Symbols that a transcription has and the voice cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("has symbols that the voice has no sound for: {}", .0.escape_debug())]
pub struct UnknownSymbols(
    /// Each of them once, in their order, with blanks between them; empty if the transcription has no sounds at all.
    pub String,
);

/// Converts a broad transcription in the IPA to phonemes with durations, as entries of a voice's lexicon have them. A
/// word without a main stress gets one on its first vowel.
///
/// # Errors
/// It has other symbols, or no sounds.
pub fn timed_phonemes(ipa: &str) -> Result<String, UnknownSymbols> {
    let (mut spoken, mut unknown) = (String::new(), Vec::new());
    for word in ipa.split_whitespace() {
        let phonemes = word_phonemes(word, &mut unknown);
        if phonemes.is_empty() {
            continue;
        }
        if !spoken.is_empty() {
            spoken.push_str(WORD_GAP);
        }
        for (phoneme, units) in with_main_stress(phonemes) {
            spoken.push(phoneme);
            spoken.push_str(&units.to_string());
        }
    }
    if unknown.is_empty() && !spoken.is_empty() { Ok(spoken) } else { Err(UnknownSymbols(unknown.join(" "))) }
}

/// Returns the phonemes of a word, each stress before its vowel, where the IPA has it before the syllable.
fn word_phonemes(word: &str, unknown: &mut Vec<String>) -> Vec<(char, usize)> {
    // Delimiters, syllable boundaries and tie bars say nothing about the sounds of a voice that has no syllables.
    let written: String =
        word.chars().filter(|c| !matches!(c, '/' | '[' | ']' | '.' | '\u{361}' | '\u{35c}' | '‿')).collect();
    let (mut phonemes, mut stress) = (Vec::new(), None);
    let mut rest = written.as_str();
    while let Some(first) = rest.chars().next() {
        if let Some((symbol, sounds)) = SOUNDS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            for &(phoneme, units) in *sounds {
                if VOWELS.contains(phoneme) {
                    phonemes.extend(stress.take().map(|stress| (stress, STRESS_UNITS)));
                }
                phonemes.push((phoneme, units));
            }
            rest = &rest[symbol.len()..];
            continue;
        }
        match first {
            'ˈ' | '\'' => stress = Some('ˈ'),
            'ˌ' => stress = Some('ˌ'),
            'ː' | ':' | 'ˑ' => {
                if let Some((_, units)) = phonemes.last_mut() {
                    *units = (*units + LENGTH_UNITS).min(UNITS_MAX);
                }
            }
            other => {
                if !unknown.iter().any(|known: &String| known.starts_with(other)) {
                    unknown.push(other.to_string());
                }
            }
        }
        rest = &rest[first.len_utf8()..];
    }
    phonemes
}

fn with_main_stress(mut phonemes: Vec<(char, usize)>) -> Vec<(char, usize)> {
    let is_vowel = |(phoneme, _): &(char, usize)| VOWELS.contains(*phoneme);
    if !phonemes.iter().any(|(phoneme, _)| *phoneme == STRESSES[0])
        && let Some(vowel) = phonemes.iter().position(is_vowel)
    {
        // A secondary stress there is raised instead: two marks in a row are no sound that the voice knows.
        match vowel.checked_sub(1).and_then(|before| phonemes.get_mut(before)) {
            Some((mark, _)) if *mark == STRESSES[1] => *mark = STRESSES[0],
            _ => phonemes.insert(vowel, (STRESSES[0], STRESS_UNITS)),
        }
    }
    phonemes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn transcriptions_become_timed_phonemes_with_the_stress_before_its_vowel() {
        for (ipa, phonemes) in [
            ("/ɡəˈdænsk/", "ɡ2ə2d2ˈ2æ2n2s3k2"),
            ("ˈtʃɛk", "ʧ2ˈ2ɛ2k2"),
            ("ˈt͡ʃɛk", "ʧ2ˈ2ɛ2k2"),
            ("naɪ.ˈɪr.i", "n2I3ˈ2ɪ2ɹ2i3"),
            ("hæ", "h1ˈ2æ2"),
            ("ˌɑ", "ˈ2ɑ2"),
            ("biː ˈdeː", "b2ˈ2i4 2d2ˈ2A3"),
            ("ˈbʌtn̩", "b2ˈ2ʌ2t2ᵊ2n2"),
            ("sː", "s4"),
        ] {
            assert_eq!(timed_phonemes(ipa).unwrap(), phonemes, "{ipa}");
        }
    }

    #[test]
    fn unknown_symbols_are_listed_once_each() {
        assert_eq!(timed_phonemes("baχ yχ").unwrap_err(), UnknownSymbols("χ y".to_owned()));
        assert_eq!(timed_phonemes("/./ ˈ").unwrap_err(), UnknownSymbols(String::new()));
    }

    #[test]
    fn listed_symbols_are_known() {
        let sound = |symbol: &&str| !matches!(*symbol, "ˈ" | "ˌ" | "ː");
        for symbol in IPA_SYMBOLS.split(' ').filter(sound) {
            assert!(timed_phonemes(symbol).is_ok(), "{symbol}");
        }
    }

    proptest! {
        #[test]
        fn any_transcription_is_converted_or_refused(ipa in "[pbtdkɡszʃhmnŋlɹjwieæaɔouəɪʊˈˌː. ]{0,60}|.{0,60}") {
            if let Ok(phonemes) = timed_phonemes(&ipa) {
                prop_assert!(!phonemes.is_empty());
                prop_assert!(!phonemes.contains("ˈ2ˌ") && !phonemes.contains("ˌ2ˈ"), "{phonemes}");
            }
        }
    }
}
