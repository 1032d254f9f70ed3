//! Text to token ids: the byte-level BPE of Qwen2, built from the `vocab.json` and `merges.txt` of the checkpoints
//! (there is no `tokenizer.json` upstream).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::{SpeechError, VoiceLayout};

/// Pattern by which Qwen2 splits text before merging (`tokenization_qwen2.py`, `PRETOKENIZE_REGEX`). The checkpoints
/// were trained with it; loading a local folder with the official package replaces it by another model's, which differs
/// in words like "iPhone".
const WORD_PATTERN: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// Maximum number of entries; Qwen's own vocabulary has 151,643.
const ENTRIES_MAX: usize = 1 << 20;

/// Token outside the BPE vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedToken {
    /// Text of the token, such as `<|im_start|>`.
    pub content: String,
    /// Id of the token.
    pub id: u32,
}

/// Tokenizer of a voice. Special tokens in a text are plain text, so that no announcement can alter the prompt's frame.
pub struct Tokenizer {
    bpe: tokenizers::Tokenizer,
    added: HashMap<String, u32>,
}

impl Tokenizer {
    /// Builds a tokenizer from the contents of `vocab.json` and `merges.txt`, and the added tokens of
    /// `tokenizer_config.json`.
    ///
    /// # Errors
    /// [`SpeechError::Tokenizer`] names the damaged file and the error.
    pub fn new(vocabulary: &[u8], merges: &[u8], added: &[AddedToken]) -> Result<Self, SpeechError> {
        let wrong = |what: String| SpeechError::Tokenizer(what);
        let vocabulary: HashMap<String, u32> =
            serde_json::from_slice(vocabulary).map_err(|e| wrong(format!("vocab.json: {e}")))?;
        let merges = std::str::from_utf8(merges).map_err(|e| wrong(format!("merges.txt: {e}")))?;
        let merges: Vec<(String, String)> = merges
            .lines()
            // The first line names the file's version.
            .filter(|line| !line.is_empty() && !line.starts_with("#version"))
            .map(|line| {
                let (left, right) =
                    line.split_once(' ').ok_or_else(|| wrong(format!("merges.txt: line '{line}'")))?;
                Ok((left.to_owned(), right.to_owned()))
            })
            .collect::<Result<_, _>>()?;
        // Bounds the tables that are built from a damaged file.
        if vocabulary.len() > ENTRIES_MAX || merges.len() > ENTRIES_MAX {
            return Err(wrong(format!("more than {ENTRIES_MAX} entries")));
        }
        let model = BPE::builder()
            .vocab_and_merges(vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
            .build()
            .map_err(|e| wrong(format!("vocab.json and merges.txt do not fit: {e}")))?;
        let pattern = SplitPattern::Regex(WORD_PATTERN.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
            .map_err(|e| wrong(format!("pattern: {e}")))?;
        let mut bpe = tokenizers::Tokenizer::new(model);
        // In the order of the Qwen2 tokenizer: composition, words, bytes. The pattern has split words
        // already, hence no split by `ByteLevel`, and no blank is put in front.
        bpe.with_normalizer(Some(NFC)).with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Split(split),
            PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, false)),
        ])));
        let added = added.iter().map(|token| (token.content.clone(), token.id)).collect();
        Ok(Self { bpe, added })
    }

    /// Returns the token ids of a text.
    ///
    /// # Errors
    /// [`SpeechError::Tokenizer`] if the vocabulary lacks a byte.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, SpeechError> {
        let encoding =
            // The fast variant computes no offsets, which nothing here needs.
            self.bpe.encode_fast(text, false).map_err(|e| SpeechError::Tokenizer(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Returns the id of an entry of the vocabulary.
    #[must_use]
    pub fn entry(&self, entry: &str) -> Option<u32> {
        self.bpe.token_to_id(entry)
    }

    /// Encodes a word of the prompt's frame: as added token if the voice has it, otherwise as text.
    fn encode_frame(&self, word: &str) -> Result<Vec<u32>, SpeechError> {
        match self.added.get(word) {
            // A word of the frame may be an added token, which merges do not produce.
            Some(&id) => Ok(vec![id]),
            None => self.encode(word),
        }
    }

    /// Returns the three ids of `<|im_start|>assistant\n`.
    ///
    /// # Errors
    /// [`SpeechError::Tokenizer`] if the vocabulary has no single token for `assistant` or the line end.
    pub fn role(&self, layout: &VoiceLayout) -> Result<[u32; 3], SpeechError> {
        let (assistant, line_end) = (self.encode_frame("assistant")?, self.encode_frame("\n")?);
        match (assistant.as_slice(), line_end.as_slice()) {
            (&[assistant], &[line_end]) => Ok([layout.text_ids.im_start, assistant, line_end]),
            _ => {
                Err(SpeechError::Tokenizer("'assistant' and the line end are not one token each".to_owned()))
            }
        }
    }

    /// Returns the ids of `<|im_start|>user\n{instruction}<|im_end|>\n`.
    ///
    /// # Errors
    /// [`SpeechError::Tokenizer`] if the vocabulary lacks a byte.
    pub fn instruction(&self, layout: &VoiceLayout, instruction: &str) -> Result<Vec<u32>, SpeechError> {
        // The text between two special tokens is encoded as a whole, since merges may cross the first line end.
        let turn = self.encode(&format!("user\n{instruction}"))?;
        let line_end = self.encode("\n")?;
        let ids = &layout.text_ids;
        Ok([&[ids.im_start], turn.as_slice(), &[ids.im_end], line_end.as_slice()].concat())
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocabulary", &self.bpe.get_vocab_size(false))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte-level vocabulary of the letters used here, with merges that make `assistant` one token.
    fn tiny() -> Tokenizer {
        let mut words: Vec<String> =
            ["Ċ", "Ġ", "a", "i", "n", "s", "t", "u", "e", "r", "<", "|", ">", "_", "m", "d", "1", "Ã", "©"]
                .map(str::to_owned)
                .to_vec();
        let mut merges = String::from("#version: 0.2\n");
        for end in 2..="assistant".len() {
            let (left, right) = ("assistant"[..end - 1].to_owned(), &"assistant"[end - 1..end]);
            merges.push_str(&format!("{left} {right}\n"));
            words.push("assistant"[..end].to_owned());
        }
        let vocabulary: HashMap<&str, usize> =
            words.iter().enumerate().map(|(id, w)| (w.as_str(), id)).collect();
        let added = [AddedToken { content: "<|im_end|>".to_owned(), id: 901 }];
        Tokenizer::new(serde_json::to_string(&vocabulary).unwrap().as_bytes(), merges.as_bytes(), &added)
            .unwrap()
    }

    #[test]
    fn merges_and_bytes() {
        let tokenizer = tiny();
        assert_eq!(tokenizer.encode("assistant").unwrap().len(), 1);
        assert_eq!(tokenizer.encode("as is").unwrap(), [19, 1, 3, 5]);
        assert_eq!(tokenizer.encode("é").unwrap(), [17, 18]);
        // e + combining acute is the same letter.
        assert_eq!(tokenizer.encode("e\u{301}").unwrap(), [17, 18]);
    }

    #[test]
    fn special_tokens_in_text_are_text() {
        let ids = tiny().encode("<|im_end|>").unwrap();
        assert!(ids.len() > 5 && !ids.contains(&901));
    }

    #[test]
    fn role_and_instruction_have_the_ids_of_the_chat_format() {
        let layout = crate::prompt::tests::layout(crate::ModelKind::CustomVoice);
        let role = tiny().role(&layout).unwrap();
        assert_eq!((role[0], role[2]), (900, 0));
        let turn = tiny().instruction(&layout, "a").unwrap();
        assert_eq!(turn, [900, 7, 5, 8, 9, 0, 2, 901, 0]);
    }

    #[test]
    fn damaged_files_are_named() {
        let vocabulary = br#"{"a":0}"#;
        let fail = |v: &[u8], m: &[u8]| Tokenizer::new(v, m, &[]).unwrap_err().to_string();
        assert!(fail(b"{", b"").contains("vocab.json"));
        assert!(fail(vocabulary, b"\xff").contains("merges.txt"));
        assert!(fail(vocabulary, b"nospace\n").contains("nospace"));
        assert!(fail(vocabulary, b"a z\n").contains("do not fit"));
    }
}
