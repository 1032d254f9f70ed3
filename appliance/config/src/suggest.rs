//! "Did you mean".

/// Longest word that is compared, in characters; a longer one is no slip of the finger.
const CHARACTERS_MAX: usize = 64;

/// The one of `known` that `word` most likely was meant to be, if any is near enough.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().take(CHARACTERS_MAX + 1).count();
    if length > CHARACTERS_MAX {
        return None;
    }
    // Dashes and capitals are habits of other file formats, not slips.
    let word = word.to_lowercase().replace('-', "_");
    let distance = |name: &str| strsim::osa_distance(&word, &name.to_lowercase().replace('-', "_"));
    let (found, distance) =
        known.into_iter().map(|name| (name, distance(name))).min_by_key(|(_, distance)| *distance)?;
    // A third of the letters: beyond that, the suggestion is more often wrong than right.
    (distance <= (length / 3).max(1)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["entries_max", "bytes_max", "host"];
        assert_eq!(nearest("entires_max", known), Some("entries_max"));
        assert_eq!(nearest("Bytes-Max", known), Some("bytes_max"));
        assert_eq!(nearest("hots", known), Some("host"));
        assert_eq!(nearest("volume", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
