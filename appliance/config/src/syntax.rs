//! What to do about what is not TOML.

/// What to write instead, for a complaint of the parser.
pub(crate) fn remedy(complaint: &str) -> &'static str {
    let has = |words: &str| complaint.contains(words);
    if has("quoted") || has("opening quote") || has("invalid string") {
        "put text between double quotes: key = \"text\""
    } else if has("duplicate key") {
        "it stands in this section twice: leave one out"
    } else if has("leading zero") {
        "leave the zero out, or put quotes around it: mode = \"0620\""
    } else if has("missing value") || has("no value") {
        "write key = value, or put # before the line"
    } else if has("array") || has("table") {
        "write a list as [1, 2] and a table as { key = value }, on one line"
    } else if has("unquoted key") {
        "write a key with the letters a to z, digits and _ only"
    } else if has("escape") {
        "write a backslash in quotes as two of them, or the text between single quotes"
    } else {
        "write key = value on each line, text in quotes, and sections as [name]"
    }
}
