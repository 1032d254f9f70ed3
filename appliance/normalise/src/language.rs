//! The languages that the voices speak, and the names and tags by which people ask for them.

use std::fmt;
use std::str::FromStr;

/// A language of Qwen3-TTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `zh`
    Chinese,
    /// `en`
    English,
    /// `fr`
    French,
    /// `de`
    German,
    /// `it`
    Italian,
    /// `ja`
    Japanese,
    /// `ko`
    Korean,
    /// `pt`
    Portuguese,
    /// `ru`
    Russian,
    /// `es`
    Spanish,
}

/// A text that names none of the languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLanguage;

/// Name (as bundles have it), tags of ISO 639-1 and 639-2/3, and the name in the language itself.
const TABLE: [(Language, &[&str]); 10] = [
    (Language::Chinese, &["chinese", "zh", "zho", "chi", "cmn", "mandarin", "中文", "汉语"]),
    (Language::English, &["english", "en", "eng"]),
    (Language::French, &["french", "fr", "fra", "fre", "français"]),
    (Language::German, &["german", "de", "deu", "ger", "deutsch"]),
    (Language::Italian, &["italian", "it", "ita", "italiano"]),
    (Language::Japanese, &["japanese", "ja", "jpn", "日本語"]),
    (Language::Korean, &["korean", "ko", "kor", "한국어"]),
    (Language::Portuguese, &["portuguese", "pt", "por", "português"]),
    (Language::Russian, &["russian", "ru", "rus", "русский"]),
    (Language::Spanish, &["spanish", "es", "spa", "español", "castellano"]),
];

impl Language {
    /// Every language, in alphabetical order of the names.
    pub const ALL: [Self; 10] = [
        Self::Chinese,
        Self::English,
        Self::French,
        Self::German,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Portuguese,
        Self::Russian,
        Self::Spanish,
    ];

    /// Returns the English name in lower case, by which bundles list their languages.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// Returns the tag of ISO 639-1.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.names().get(1).copied().unwrap_or_default()
    }

    fn names(self) -> &'static [&'static str] {
        TABLE.iter().find(|(language, _)| *language == self).map_or(&[], |(_, names)| names)
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Reads a name or tag in any case: `English`, `en`, `en-GB`, `en_US.UTF-8`, `zh-Hans-CN`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let asked = text.trim().to_lowercase();
        // Region, script, code set and modifier of a tag or a POSIX locale do not change the language.
        let primary = asked.split(['-', '_', '.', '@']).next().unwrap_or_default();
        let known = TABLE.iter().find(|(_, names)| names.contains(&primary));
        known.map(|(language, _)| *language).ok_or(UnknownLanguage)
    }
}

/// Word for a language that the voice is to find in the text.
pub const AUTO: &str = "auto";
/// Ending of the names of dialects. Only the bundle of a voice knows which there are.
const DIALECT_SUFFIX: &str = "_dialect";

/// Returns the name by which bundles list a language that is asked for by any name or tag; `None` for [`AUTO`]. A
/// dialect, such as `beijing_dialect`, is asked for by the bundle's own name.
///
/// # Errors
/// [`UnknownLanguage`].
pub fn language_name(asked: &str) -> Result<Option<String>, UnknownLanguage> {
    let lower = asked.trim().to_lowercase();
    let is_dialect =
        lower.strip_suffix(DIALECT_SUFFIX).is_some_and(|place| !place.is_empty() && is_lower_case(place));
    match lower.as_str() {
        AUTO => Ok(None),
        _ if is_dialect => Ok(Some(lower)),
        _ => asked.parse().map(|language: Language| Some(language.name().to_owned())),
    }
}

fn is_lower_case(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UnknownLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such language; known are ")?;
        for (at, language) in Language::ALL.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{language} ({})", language.tag())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownLanguage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_of_every_writing_are_read() {
        for (text, language) in [
            ("english", Language::English),
            ("EN", Language::English),
            ("en-US", Language::English),
            ("en_US.UTF-8", Language::English),
            ("de-DE", Language::German),
            ("Deutsch", Language::German),
            ("zh-Hans-CN", Language::Chinese),
            ("zh_CN", Language::Chinese),
            (" ru ", Language::Russian),
        ] {
            assert_eq!(text.parse::<Language>(), Ok(language), "{text}");
        }
        for text in ["", "ca@valencia", "-", "klingon", "e", "auto", "en glish"] {
            assert_eq!(text.parse::<Language>(), Err(UnknownLanguage), "{text}");
        }
    }

    #[test]
    fn dialects_and_auto_are_read_beside_the_languages() {
        assert_eq!(language_name("Auto"), Ok(None));
        assert_eq!(language_name("en-GB"), Ok(Some("english".to_owned())));
        assert_eq!(language_name("Beijing_Dialect"), Ok(Some("beijing_dialect".to_owned())));
        for text in ["_dialect", "bei jing_dialect", "klingon", ""] {
            assert_eq!(language_name(text), Err(UnknownLanguage), "{text}");
        }
    }

    #[test]
    fn names_are_unique_and_read_back() {
        let mut names: Vec<&str> = TABLE.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for language in Language::ALL {
            assert_eq!(language.name().parse(), Ok(language));
            assert_eq!(language.tag().parse(), Ok(language));
            assert_eq!(language.tag().len(), 2);
        }
    }
}
