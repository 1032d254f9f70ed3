//! Language of a text by its script, where the script leaves no doubt.

use crate::Language;

/// Letters that one character of Chinese, Japanese or Korean counts for: a syllable or a word stands in it.
const WEIGHT_CJK: usize = 2;

impl Language {
    /// Returns the language whose script most of the letters of `text` have; `None` if that is Latin, which most
    /// languages are written in, or unknown.
    #[must_use]
    pub fn of_script(text: &str) -> Option<Self> {
        let (mut cyrillic, mut hangul, mut kana, mut han, mut letters) = (0, 0, 0, 0, 0);
        for character in text.chars().filter(|character| character.is_alphabetic()) {
            let (count, weight) = match character {
                '\u{400}'..='\u{52f}' => (&mut cyrillic, 1),
                '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => {
                    (&mut hangul, WEIGHT_CJK)
                }
                '\u{3040}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => (&mut kana, WEIGHT_CJK),
                '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
                    (&mut han, WEIGHT_CJK)
                }
                _ => {
                    letters += 1;
                    continue;
                }
            };
            *count += weight;
            letters += weight;
        }
        // Japanese is written with Chinese characters, too, but no Chinese text has kana.
        let japanese = if kana > 0 { kana + han } else { 0 };
        let scripts = [
            (Self::Russian, cyrillic),
            (Self::Korean, hangul),
            (Self::Japanese, japanese),
            (Self::Chinese, if kana > 0 { 0 } else { han }),
        ];
        scripts.into_iter().find(|(_, count)| count * 2 > letters).map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_of_most_letters_tells_the_language() {
        for (text, language) in [
            ("Дверь 5 открыта.", Some(Language::Russian)),
            ("Wi-Fi не работает, проверьте роутер.", Some(Language::Russian)),
            ("门在3点开了。", Some(Language::Chinese)),
            ("iPhoneを買いました。", Some(Language::Japanese)),
            ("문이 열려 있습니다.", Some(Language::Korean)),
            ("It is 5 °C. 你好", None),
            ("The Cyrillic letter \u{431} is read as b.", None),
            ("Die Tür ist offen.", None),
            ("12:45!", None),
            ("", None),
            ("Η πόρτα είναι ανοιχτή.", None),
        ] {
            assert_eq!(Language::of_script(text), language, "{text}");
        }
    }
}
