//! `say-as`: text rewritten so that text normalisation reads it as the class that the sender named.

use crier_normalise::Language;

/// Rewrites a text for `interpret-as`. A class that normalisation finds by itself, or that nobody knows, leaves the
/// text as it is.
pub(crate) fn rewritten(text: &str, class: &str, format: &str, language: Option<&str>) -> String {
    let text = text.trim();
    // Marks of ordinals differ; a script tells the language where nothing else does.
    let language = language.and_then(|name| name.parse().ok()).or_else(|| Language::of_script(text));
    match class {
        "characters" | "character" | "spell-out" | "verbatim" | "letters" => spelled(text),
        "digits" | "digit" => spelled(text),
        "telephone" | "phone" => telephone(text),
        "cardinal" | "number" => cardinal(text, language.unwrap_or(Language::English)),
        "ordinal" => ordinal(text, language.unwrap_or(Language::English)),
        "date" => date(text, format),
        // Of times and all else the written form says enough.
        _ => text.to_owned(),
    }
}

/// Characters one by one. Commas keep them apart: "A 1" would be a road, "1 2" a number.
fn spelled(text: &str) -> String {
    let characters = text.chars().filter(|c| !c.is_whitespace());
    characters.map(|c| c.to_uppercase().to_string()).collect::<Vec<_>>().join(", ")
}

/// Digits one by one, with a short stop between the groups in which they are written.
fn telephone(text: &str) -> String {
    // A plus is a word of its own, and everything else between digits is a place to breathe.
    let groups = text.split(|c: char| !c.is_ascii_digit() && c != '+').filter(|group| !group.is_empty());
    let group = |group: &str| group.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(" ");
    let groups: Vec<String> = groups.map(group).collect();
    if groups.is_empty() {
        text.to_owned()
    } else {
        groups.join(", ").replace('+', "+ ").replace("+  ", "+ ")
    }
}

/// A whole number as a quantity. In English four digits alone may be a year, with a comma they are not.
fn cardinal(text: &str, language: Language) -> String {
    let is_year_like =
        text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if language == Language::English && is_year_like {
        let (thousands, rest) = text.split_at(1);
        return format!("{thousands},{rest}");
    }
    text.to_owned()
}

/// A whole number with the mark of an ordinal in the language.
fn ordinal(text: &str, language: Language) -> String {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let english = || match (text.as_bytes(), text.as_bytes().last()) {
        ([.., b'1', _], _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    };
    match language {
        Language::English => format!("{text}{}", english()),
        Language::French if text == "1" => "1er".to_owned(),
        Language::French => format!("{text}e"),
        Language::German => format!("{text}."),
        Language::Spanish => format!("{text}.º"),
        Language::Italian | Language::Portuguese => format!("{text}º"),
        Language::Russian => format!("{text}-й"),
        Language::Chinese | Language::Japanese => format!("第{text}"),
        Language::Korean => format!("제{text}"),
    }
}

/// A date of numbers as ISO 8601 writes it, which every language reads right; `format` is the order, such as `mdy`.
fn date(text: &str, format: &str) -> String {
    let parts: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    // With words in it (5 November 2026) it is read right as it stands.
    let numeric = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '-' | '.' | ' '));
    let ordered = match (format.to_ascii_lowercase().as_str(), parts.as_slice()) {
        ("ymd", [year, month, day]) | ("mdy", [month, day, year]) | ("dmy", [day, month, year]) => {
            Some((year, month, day))
        }
        // The compact form has no signs between its parts.
        ("" | "ymd", [compact]) if compact.len() == 8 && numeric => {
            return format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..]);
        }
        _ => None,
    };
    match ordered {
        Some((year, month, day)) if numeric && year.len() == 4 => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crier_normalise::{english, verbalise};

    use super::*;

    fn spoken(text: &str, class: &str, format: &str) -> String {
        english(&rewritten(text, class, format, Some("english"))).text.trim_end_matches('.').to_owned()
    }

    #[test]
    fn classes_are_read_as_the_sender_named_them() {
        for (text, class, format, expected) in [
            ("AC7", "characters", "", "a, c, seven"),
            ("nato", "spell-out", "", "n, a, t, o"),
            ("2026", "digits", "", "two, zero, two, six"),
            ("2026", "cardinal", "", "two thousand twenty six"),
            ("3", "ordinal", "", "third"),
            ("12", "ordinal", "", "twelfth"),
        ] {
            assert_eq!(spoken(text, class, format), expected, "{text} {class}");
        }
        let day = spoken("2026-11-05", "", "");
        for (text, format) in
            [("11/5/2026", "mdy"), ("5.11.2026", "dmy"), ("2026-11-05", "ymd"), ("20261105", "")]
        {
            assert_eq!(spoken(text, "date", format), day, "{text}");
        }
        assert_eq!(spoken("555-1234", "telephone", ""), "five five five, one two three four");
    }

    #[test]
    fn digits_and_ordinals_are_words_of_every_language() {
        for language in Language::ALL {
            for class in ["digits", "ordinal", "telephone", "characters"] {
                let words = verbalise(&rewritten("42", class, "", Some(language.name())), language);
                assert!(
                    !words.is_empty() && !words.bytes().any(|byte| byte.is_ascii_digit()),
                    "{language:?} {class} {words}"
                );
            }
        }
        let german = |text| verbalise(&rewritten(text, "ordinal", "", Some("de")), Language::German);
        assert!(german("3").starts_with("dritte"), "{}", german("3"));
    }
}
