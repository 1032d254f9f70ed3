//! Abbreviations: one table for the splitting of sentences and for reading.

/// Position of an abbreviation, by which its full stop may end a sentence or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbbreviationPlace {
    /// Before what it belongs to: `Dr. Lee`. Its stop ends no sentence.
    Before,
    /// Before a number: `No. 5`. Elsewhere it is a word, whose stop ends the sentence.
    BeforeNumber,
    /// Behind what it belongs to: `5 p.m.`, `Acme Inc.` Its stop also ends the sentence if a new one begins behind it.
    Behind,
}

/// An abbreviation of English.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abbreviation {
    /// In small letters, without its last stop.
    pub(crate) written: &'static str,
    /// Words; empty if it is read as it is written, or by a rule of its own.
    pub(crate) spoken: &'static str,
    pub(crate) place: AbbreviationPlace,
    /// It is known without its stop, too.
    pub(crate) bare: bool,
}

const fn before(written: &'static str, spoken: &'static str, bare: bool) -> Abbreviation {
    Abbreviation { written, spoken, place: AbbreviationPlace::Before, bare }
}

const fn numbered(written: &'static str, spoken: &'static str) -> Abbreviation {
    Abbreviation { written, spoken, place: AbbreviationPlace::BeforeNumber, bare: false }
}

const fn behind(written: &'static str, spoken: &'static str, bare: bool) -> Abbreviation {
    Abbreviation { written, spoken, place: AbbreviationPlace::Behind, bare }
}

/// Abbreviations of English.
const ENGLISH: &[Abbreviation] = &[
    before("mr", "mister", true),
    before("mrs", "missus", true),
    before("ms", "miss", true),
    before("dr", "doctor", true),
    before("prof", "professor", true),
    before("capt", "captain", true),
    before("sgt", "sergeant", true),
    before("lt", "lieutenant", false),
    before("col", "colonel", false),
    before("gen", "general", false),
    before("maj", "major", false),
    before("cmdr", "commander", false),
    before("rev", "reverend", false),
    before("hon", "honorable", false),
    before("sen", "senator", false),
    before("gov", "governor", false),
    before("pres", "president", false),
    before("supt", "superintendent", false),
    before("insp", "inspector", false),
    before("mt", "mount", true),
    before("ft", "fort", false),
    before("vs", "versus", true),
    before("approx", "approximately", true),
    before("e.g", "for example", true),
    before("i.e", "that is", true),
    before("eg", "for example", false),
    before("ie", "that is", false),
    before("cf", "compare", false),
    before("viz", "namely", false),
    before("incl", "including", true),
    before("excl", "excluding", true),
    before("attn", "attention", true),
    before("nr", "number", true),
    before("temp", "temperature", true),
    numbered("no", "number"),
    numbered("nos", "numbers"),
    numbered("fig", "figure"),
    numbered("figs", "figures"),
    numbered("tel", "telephone"),
    numbered("ext", "extension"),
    numbered("vol", "volume"),
    numbered("ch", "chapter"),
    numbered("sec", "section"),
    numbered("art", "article"),
    numbered("para", "paragraph"),
    numbered("rm", "room"),
    numbered("pp", "pages"),
    numbered("p", "page"),
    numbered("ca", "about"),
    numbered("c", "about"),
    behind("etc", "et cetera", true),
    behind("dept", "department", true),
    behind("govt", "government", true),
    behind("ltd", "limited", true),
    behind("corp", "corporation", true),
    behind("inc", "incorporated", false),
    behind("co", "company", false),
    behind("bros", "brothers", false),
    behind("jr", "junior", true),
    behind("sr", "senior", false),
    behind("esq", "esquire", false),
    behind("blvd", "boulevard", true),
    behind("ave", "avenue", true),
    behind("rd", "road", true),
    behind("hwy", "highway", true),
    behind("pkwy", "parkway", true),
    behind("apt", "apartment", true),
    behind("bldg", "building", true),
    behind("assn", "association", true),
    behind("univ", "university", false),
    behind("intl", "international", true),
    behind("mgmt", "management", true),
    behind("mgr", "manager", true),
    behind("asst", "assistant", true),
    behind("qty", "quantity", true),
    behind("misc", "miscellaneous", false),
    behind("est", "established", false),
    behind("min", "minimum", false),
    behind("max", "maximum", false),
    behind("avg", "average", true),
    behind("al", "", false),
    behind("a.m", "", false),
    behind("p.m", "", false),
    behind("ph.d", "", false),
    behind("jan", "", false),
    behind("feb", "", false),
    behind("mar", "", false),
    behind("apr", "", false),
    behind("jun", "", false),
    behind("jul", "", false),
    behind("aug", "", false),
    behind("sep", "", false),
    behind("sept", "", false),
    behind("oct", "", false),
    behind("nov", "", false),
    behind("dec", "", false),
    behind("mon", "", false),
    behind("tue", "", false),
    behind("tues", "", false),
    behind("wed", "", false),
    behind("thu", "", false),
    behind("thur", "", false),
    behind("thurs", "", false),
    behind("fri", "", false),
    behind("sat", "", false),
    behind("sun", "", false),
];

/// Abbreviations of the other languages, whose stop never ends a sentence (in small letters, without their last stop).
const OTHERS: &[&str] = &[
    // German
    "z.b",
    "d.h",
    "u.a",
    "bzw",
    "ca",
    "nr",
    "str",
    "hr",
    "fr",
    "usw",
    "evtl",
    "inkl",
    "ggf",
    "bspw",
    // French, Spanish, Italian, Portuguese
    "mme",
    "mlle",
    "p.ex",
    "av",
    "apr. j.-c",
    "sra",
    "sr",
    "srta",
    "ud",
    "uds",
    "ej",
    "pág",
    "sig",
    "dott",
    "ecc",
    "ex",
    // Russian
    "т.е",
    "т.д",
    "т.п",
    "т.к",
    "др",
    "г",
    "гг",
    "ул",
    "д",
    "кв",
    "стр",
    "им",
    "руб",
    "коп",
    "тыс",
    "млн",
    "см",
    "напр",
];

/// Words that begin a sentence behind an abbreviation, and no name.
const BEGINNINGS: &str = "The It He She They We I You This That These Those There A An In On At Please If When But And \
    So Then Now For From After Before As All No Not Do Does Did Is Are Was What Where Who Why \
    How Which My Our His Her Their Its Your One Some Many However Meanwhile To Let Can Will";

/// Finds an abbreviation of English, written in small letters and without its last stop.
pub(crate) fn find(written: &str) -> Option<&'static Abbreviation> {
    ENGLISH.iter().find(|abbreviation| abbreviation.written == written)
}

/// Returns true if a word begins sentences and is no name.
pub(crate) fn begins_sentence(word: &str) -> bool {
    BEGINNINGS.split(' ').any(|beginning| beginning == word)
}

/// Returns true if a full stop between `before` and `after` belongs to an abbreviation or an initial, and the sentence
/// goes on behind it.
#[must_use]
pub fn continues_after_abbreviation(before: &str, after: &str) -> bool {
    let opening = |c: char| c.is_whitespace() || matches!(c, '(' | '"' | '«' | '“');
    let word = before.rsplit(opening).next().unwrap_or_default();
    // Abbreviations are listed in small letters, and sentences may begin with one.
    let lower = word.to_lowercase();
    let next = after.trim_start().split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
    let next = next.unwrap_or_default();
    let begins = begins_sentence(next);
    if word.chars().count() == 1 && word.chars().all(char::is_uppercase) {
        return !begins;
    }
    // "U.S. It", "Ph.D. The": letters with stops may stand at the end of a sentence.
    if lower.split('.').count() > 1
        && lower.split('.').all(|part| part.chars().count() == 1)
        && find(&lower).is_none()
    {
        return OTHERS.contains(&lower.as_str()) || !begins;
    }
    if OTHERS.contains(&lower.as_str()) && !matches!(lower.as_str(), "sr" | "ex") {
        return true;
    }
    if lower == "st" {
        // "Elm St. It is", "Visit St. Paul."
        return !begins;
    }
    match find(&lower).map(|abbreviation| abbreviation.place) {
        Some(AbbreviationPlace::Before) => true,
        Some(AbbreviationPlace::BeforeNumber) => next.starts_with(|c: char| c.is_ascii_digit()),
        // "He sat. Then": the names of days and months have capitals.
        Some(AbbreviationPlace::Behind)
            if find(&lower).is_some_and(|a| a.spoken.is_empty()) && !lower.contains('.') && lower != "al" =>
        {
            !begins && word.starts_with(char::is_uppercase)
        }
        Some(AbbreviationPlace::Behind) => !begins,
        None => lower == "sr" || lower == "ex",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_of_an_abbreviation_ends_a_sentence_only_where_a_new_one_begins() {
        for (before, after, continues) in [
            ("The hike to Mt", " Everest starts.", true),
            ("He lives in Elm St", " It is far.", false),
            ("Visit St", " Paul.", true),
            ("At 7 a.m", " The door opens.", false),
            ("At 7 p.m", " Monday", true),
            ("In the U.S", " Army", true),
            ("No", " I won't", false),
            ("No", " 5", true),
            ("Harry S", " Truman", true),
            ("Take vitamin C", " It is good.", false),
            ("The cat sat", " Then it left.", false),
            ("on Sat", " 5 May", true),
            ("Das kostet z.B", " Fünf", true),
            ("on the hill", " The", false),
        ] {
            assert_eq!(continues_after_abbreviation(before, after), continues, "{before}.{after}");
        }
    }
}
