//! Splitting of text into sentences. They are synthesized one after the other, so that the first is audible while the
//! rest is still text, and none is longer than the utterances that the model was trained on.

use crier_normalise::continues_after_abbreviation;

/// Maximum length of a sentence in characters: about 25 s of speech, which the model still synthesizes reliably.
pub const SENTENCE_CHARACTERS_MAX: usize = 400;

/// Marks at which a sentence that is too long may be split, the best first.
const CLAUSE_MARKS: [&[char]; 3] = [&[';', '；', ':', '：', '—', '–'], &[',', '，', '、', '،'], &[' ', '\n']];

/// Splits clean text into sentences of at most [`SENTENCE_CHARACTERS_MAX`] characters. None is empty, and
/// together they contain every visible character of the text in its order.
#[must_use]
pub fn split_sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    for line in text.split('\n') {
        // A line end always ends a sentence: lists and displays have no full stops.
        let mut rest = line.trim();
        while !rest.is_empty() {
            let (sentence, remaining) = rest.split_at(sentence_end(rest));
            push_bounded(&mut sentences, sentence.trim());
            rest = remaining.trim_start();
        }
    }
    sentences
}

/// Returns the byte offset of the end of the first sentence of `text`.
fn sentence_end(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        if !matches!(character, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '．' | '｡') {
            continue;
        }
        // Further marks and closing quotes belong to this sentence.
        let mut end = offset + character.len_utf8();
        let mut marks = 1;
        while let Some(&(next, c)) = characters.peek() {
            let closes = matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』' | '）');
            if !closes && !matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
                break;
            }
            // Closing quotes do not count: three full stops are an ellipsis, a full stop in quotes is not.
            marks += usize::from(!closes);
            end = next + c.len_utf8();
            characters.next();
        }
        // Full-width marks end a sentence without a blank after them.
        let wide = matches!(character, '。' | '！' | '？' | '．' | '｡');
        if wide || ends_here(&text[..offset], character, marks, &text[end..]) {
            return end;
        }
    }
    text.len()
}

/// Returns true if a mark between `before` and `after` ends a sentence.
fn ends_here(before: &str, mark: char, marks: usize, after: &str) -> bool {
    // Inside a number, a name or an address there is no blank: 3.14, crier.local, v1.2
    if !after.is_empty() && !after.starts_with(char::is_whitespace) {
        return false;
    }
    // The next letter, not the next character: an opening quote stands before a capital, too.
    let next = after.chars().find(|c| c.is_alphanumeric());
    let goes_on_small = next.is_some_and(char::is_lowercase);
    if mark != '.' || marks > 1 {
        // "What?! he said" and "wait... then" go on; "wait... Then" does not.
        return !goes_on_small;
    }
    let word =
        before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '«' | '“')).next().unwrap_or("");
    // "3. Open the door" begins a list item; "on the 3. May" goes on.
    let is_ordinal = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && before.trim() == word;
    // At the end of the text even an abbreviation ends the sentence.
    if after.trim().is_empty() {
        return true;
    }
    !(goes_on_small || is_ordinal || continues_after_abbreviation(before, after))
}

/// Pushes a sentence; one that is too long is split at clause marks, or else blanks, or else anywhere.
fn push_bounded<'a>(sentences: &mut Vec<&'a str>, sentence: &'a str) {
    let mut rest = sentence;
    while let Some((limit, _)) = rest.char_indices().nth(SENTENCE_CHARACTERS_MAX) {
        let window = &rest[..limit];
        // Not in the first third, which would leave a very short first part and split the rest again.
        let earliest = limit / 3;
        let cut = CLAUSE_MARKS
            .iter()
            .find_map(|marks| {
                let (at, mark) = window.rmatch_indices(*marks).next()?;
                Some(at + mark.len()).filter(|&cut| cut > earliest)
            })
            // No mark and no blank in 400 characters: a long identifier or a script without blanks.
            .unwrap_or(limit);
        let (piece, remaining) = rest.split_at(cut);
        if !piece.trim().is_empty() {
            sentences.push(piece.trim());
        }
        rest = remaining.trim_start();
    }
    if !rest.is_empty() {
        sentences.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_split_at_sentence_ends() {
        assert_eq!(
            split_sentences("Hello there. How are you? Fine!"),
            ["Hello there.", "How are you?", "Fine!"]
        );
        assert_eq!(split_sentences("No mark at the end"), ["No mark at the end"]);
        assert_eq!(split_sentences("One\nTwo.\n\nThree"), ["One", "Two.", "Three"]);
    }

    #[test]
    fn full_stops_inside_a_sentence_do_not_split_it() {
        for whole in [
            "It is 21.5 degrees in Dr. Smith's room, e.g. at 7 a.m. on Jan. 3.",
            "Send it to crier.local or v1.2.3 now.",
            "J. R. R. Tolkien wrote it.",
            "Wait... then go.",
            "\"Stop!\" he said.",
            "Das kostet z.B. 5 Euro bzw. 6 Dollar.",
            "Это т.е. около 5 тыс. рублей на ул. Ленина.",
        ] {
            assert_eq!(split_sentences(whole), [whole]);
        }
    }

    #[test]
    fn stop_of_an_abbreviation_ends_a_sentence_before_a_new_one() {
        for (text, sentences) in [
            ("The hike to Mt. Everest starts.", 1),
            ("He lives in Elm St. It is far.", 2),
            ("Visit St. Paul. It is old.", 2),
            ("Dr. Lee has a Ph.D. in music.", 1),
            ("Harry S. Truman was born.", 1),
            ("Open until 5 p.m. The gate closes then.", 2),
            ("No. I will not.", 2),
            ("The cat sat. Then it slept.", 2),
        ] {
            assert_eq!(split_sentences(text).len(), sentences, "{text}");
        }
    }

    #[test]
    fn other_scripts_and_quotes() {
        assert_eq!(split_sentences("你好。今天天气怎么样？很好！"), ["你好。", "今天天气怎么样？", "很好！"]);
        assert_eq!(split_sentences("Дверь открыта. Закройте её!"), ["Дверь открыта.", "Закройте её!"]);
        assert_eq!(split_sentences("He said \"Go.\" She went."), ["He said \"Go.\"", "She went."]);
        assert_eq!(split_sentences("Wait… Now?! Yes."), ["Wait…", "Now?!", "Yes."]);
        assert_eq!(split_sentences("1. Open the door. 2. Close it."), ["1. Open the door.", "2. Close it."]);
    }

    #[test]
    fn long_sentences_break_at_clauses() {
        let clause = "and then a good many more words follow here, ";
        let text = clause.repeat(30);
        let pieces = split_sentences(text.trim());
        assert!(pieces.len() > 3);
        for piece in &pieces {
            assert!(piece.ends_with(',') && piece.chars().count() <= SENTENCE_CHARACTERS_MAX, "{piece}");
        }
        assert_eq!(split_sentences(&"x".repeat(1000)).len(), 3);
    }

    proptest! {
        #[test]
        fn splitting_keeps_every_visible_character(text in "[a-zA-Zäж你0-9 .,!?…。\"\n;:-]{0,1200}") {
            let visible = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let pieces = split_sentences(&text);
            prop_assert_eq!(visible(&pieces.concat()), visible(&text));
            for piece in pieces {
                prop_assert!(!piece.trim().is_empty());
                prop_assert!(piece.chars().count() <= SENTENCE_CHARACTERS_MAX);
            }
        }
    }
}
