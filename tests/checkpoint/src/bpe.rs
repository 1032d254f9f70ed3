//! A small byte-level BPE in the form of Qwen2's, trained on a few sentences in the languages of the model.

use std::collections::{BTreeMap, HashMap};
use std::io;

/// Entries of the vocabulary; the special tokens follow it.
pub(crate) const ENTRIES: usize = 960;
/// The official package cuts the prompt by token counts that hold only if this word is one token.
const ASSISTANT: &str = "assistant";

const CORPUS: &str = "assistant user system Hello, how are you today? The quick brown fox jumps over the lazy dog. \
This is a test of the speech synthesis system. The temperature outside is twenty three degrees. Your washing machine \
has finished. Front door opened at seven o'clock. Warning: the water level is low. Please check the sensor and press \
the button again. Good morning! Good night. Today is Monday. \
Привет, как дела? Это проверка синтеза речи. Температура на улице двадцать три градуса. Стиральная машина закончила \
работу. Внимание: низкий уровень воды. Пожалуйста, проверьте датчик и нажмите кнопку ещё раз. Доброе утро! Спокойной \
ночи. Сегодня понедельник. Дверь открыта. Дверь закрыта. Съешь же ещё этих мягких французских булок, да выпей чаю. \
Guten Morgen, wie geht es dir? Bonjour, comment allez-vous? Buenos días. Buongiorno. Bom dia. \
你好，今天天气怎么样？こんにちは。안녕하세요. ";

pub(crate) struct Vocabulary {
    /// In order of their ids.
    entries: Vec<String>,
    merges: Vec<(String, String)>,
}

impl Vocabulary {
    /// Trains it: the commonest pair of neighbours is merged again and again; among equals the first by code points.
    pub(crate) fn train() -> Self {
        let alphabet = alphabet();
        let mut entries: Vec<String> = alphabet.iter().map(|&(_, c)| c.to_string()).collect();
        let of_byte: HashMap<u8, char> = alphabet.into_iter().collect();
        let mut merges = Vec::new();
        let mut words: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        for word in split(CORPUS) {
            let mapped: String = word.bytes().map(|b| of_byte[&b]).collect();
            let parts = mapped.chars().map(String::from).collect();
            words.entry(mapped).or_insert((0, parts)).0 += 1;
        }
        let mut merge = |entries: &mut Vec<String>, left: &str, right: &str| {
            let whole = format!("{left}{right}");
            words.values_mut().for_each(|(_, parts)| join(parts, left, right, &whole));
            merges.push((left.to_owned(), right.to_owned()));
            if !entries.contains(&whole) {
                entries.push(whole);
            }
            let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
            for (count, parts) in words.values() {
                for pair in parts.windows(2) {
                    *counts.entry((&pair[0], &pair[1])).or_default() += count;
                }
            }
            let best = counts.into_iter().min_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            best.map(|((left, right), _)| (left.to_owned(), right.to_owned()))
        };
        let mut next = None;
        for cut in 1..ASSISTANT.len() {
            next = merge(&mut entries, &ASSISTANT[..cut], &ASSISTANT[cut..=cut]);
        }
        while entries.len() < ENTRIES {
            let Some((left, right)) = next else { break };
            next = merge(&mut entries, &left, &right);
        }
        // The corpus may be exhausted first: fill up with entries that no text can reach.
        for number in 0..ENTRIES.saturating_sub(entries.len()) {
            entries.push(format!("<filler{number}>"));
        }
        Self { entries, merges }
    }

    /// The id of the word "assistant".
    pub(crate) fn assistant(&self) -> usize {
        self.entries.iter().position(|entry| entry == ASSISTANT).unwrap_or(0)
    }

    pub(crate) fn vocab_json(&self) -> io::Result<String> {
        let pairs: Vec<String> = self
            .entries
            .iter()
            .enumerate()
            .map(|(id, entry)| Ok(format!("{}: {id}", serde_json::to_string(entry)?)))
            .collect::<io::Result<_>>()?;
        Ok(format!("{{{}}}", pairs.join(", ")))
    }

    pub(crate) fn merges_txt(&self) -> String {
        let lines: String = self.merges.iter().map(|(left, right)| format!("{left} {right}\n")).collect();
        format!("#version: 0.2\n{lines}")
    }
}

/// Every byte and the printable character that stands for it, in the order of Qwen2's ids.
fn alphabet() -> Vec<(u8, char)> {
    let printable = |b: &u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    let rest = (0..=255_u8).filter(|b| !printable(b));
    let shifted = rest.zip('\u{100}'..);
    (0..=255).filter(printable).map(|b| (b, char::from(b))).chain(shifted).collect()
}

/// Qwen2's cutting of text, as far as the corpus needs it (no digits, no line breaks, no English contractions).
fn split(text: &str) -> Vec<&str> {
    let letters = |s: &str| s.chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum::<usize>();
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let lead = if first.is_alphabetic() { 0 } else { first.len_utf8() };
        let mut length = letters(&rest[lead..]);
        if length > 0 {
            length += lead;
        } else {
            let space = usize::from(first == ' ');
            let signs = rest[space..].chars().take_while(|c| !c.is_alphabetic() && *c != ' ');
            length = space + signs.map(char::len_utf8).sum::<usize>();
        }
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after;
    }
    words
}

fn join(parts: &mut Vec<String>, left: &str, right: &str, whole: &str) {
    let mut at = 0;
    while at + 1 < parts.len() {
        if parts[at] == left && parts[at + 1] == right {
            parts[at] = whole.to_owned();
            parts.remove(at + 1);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_as_by_the_tokenizer() {
        assert_eq!(
            split("o'clock. Bom dia! 你好，今天 "),
            ["o", "'clock", ".", " Bom", " dia", "!", " 你好", "，今天", " "]
        );
    }

    #[test]
    fn the_vocabulary_is_full_and_has_the_word_that_the_prompt_needs() {
        let vocabulary = Vocabulary::train();
        assert_eq!(vocabulary.entries.len(), ENTRIES);
        assert_eq!(vocabulary.entries[vocabulary.assistant()], "assistant");
        assert_eq!(vocabulary.merges[7], ("assistan".into(), "t".into()));
    }
}
