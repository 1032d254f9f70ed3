//! What a voice is made of, in numbers: sizes, special ids, speakers, languages and sampling defaults.
//!
//! All of it comes from the checkpoint's `config.json` and `generation_config.json`; nothing is known beforehand but
//! the number of codes in a frame.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SpeechError;

/// Codes in a frame of 80 ms: one semantic, fifteen acoustic. The same in every model of this family.
pub const CODEBOOKS: usize = 16;
/// Codes that the predictor adds to the talker's one.
pub const GROUPS: usize = CODEBOOKS - 1;

/// How the model was trained to be told who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Speakers with names.
    CustomVoice,
    /// Any speaker, by an embedding and perhaps a recording.
    Base,
    /// A speaker described in words.
    VoiceDesign,
}

/// Whether text is spelled out before the voice reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextNormalisation {
    /// The voice reads digits, units and abbreviations by itself.
    #[default]
    None,
    /// Everything becomes lower-case English words first.
    English,
}

/// Ids of the text vocabulary that frame an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextIds {
    /// `<|im_start|>`
    pub im_start: u32,
    /// `<|im_end|>`
    pub im_end: u32,
    /// Text part of a row that has no text.
    pub tts_pad: u32,
    /// Begins the text.
    pub tts_bos: u32,
    /// Ends the text.
    pub tts_eos: u32,
}

/// Ids of the talker's codec vocabulary that are not codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecIds {
    /// Codec part of a row that has no code.
    pub pad: u32,
    /// Begins the codes.
    pub bos: u32,
    /// Ends the codes.
    pub eos: u32,
    /// A language tag follows.
    pub think: u32,
    /// No language tag follows.
    pub nothink: u32,
    /// Begins the tag.
    pub think_bos: u32,
    /// Ends the tag.
    pub think_eos: u32,
}

/// A named speaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    /// Row of the codec embedding.
    pub id: u32,
    /// The language tag that this speaker uses in place of Chinese or of no tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
}

/// How codes are drawn unless the caller says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingDefaults {
    /// Draw code 0; otherwise take the likeliest.
    pub sample: bool,
    /// Temperature of code 0.
    pub temperature: f32,
    /// How many candidates code 0 has; 0 is all.
    pub top_k: usize,
    /// Probability mass that code 0's candidates cover.
    pub top_p: f32,
    /// What the logits of code-0 values already used are divided (or, when negative, multiplied) by.
    pub repetition_penalty: f32,
    /// Draw codes 1 to 15; otherwise take the likeliest.
    pub predictor_sample: bool,
    /// Temperature of codes 1 to 15.
    pub predictor_temperature: f32,
    /// How many candidates codes 1 to 15 have; 0 is all.
    pub predictor_top_k: usize,
    /// Probability mass that the candidates of codes 1 to 15 cover.
    pub predictor_top_p: f32,
    /// Frames before the end of speech may be drawn.
    pub min_frames: u32,
    /// Frames after which speech ends whatever the model says.
    pub max_frames: u32,
}

/// Everything about a voice that is not a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceLayout {
    /// How the model is told who speaks.
    pub kind: ModelKind,
    /// The checkpoint's own word for its size: `0b6`, `1b7`.
    pub model_size: String,
    /// Width of the talker, and of every embedding row.
    pub hidden: usize,
    /// Values that a code can have.
    pub codebook_size: usize,
    /// Rows of the talker's codec embedding, and its logits.
    pub codec_vocab: usize,
    /// Rows of the text embedding.
    pub text_vocab: usize,
    /// Whether the model follows instructions in words.
    pub instructions: bool,
    /// What is done to text before the voice reads it.
    #[serde(default)]
    pub text_normalisation: TextNormalisation,
    /// Frames of silence at the beginning of a sentence, while the voice reads ahead; nobody has to hear them.
    #[serde(default)]
    pub lead_frames: usize,
    /// Special ids of the text vocabulary.
    pub text_ids: TextIds,
    /// Special ids of the codec vocabulary.
    pub codec_ids: CodecIds,
    /// Language name to codec id, dialects included.
    pub languages: BTreeMap<String, u32>,
    /// Speaker name (lower case) to speaker.
    pub speakers: BTreeMap<String, Speaker>,
    /// How codes are drawn.
    pub sampling: SamplingDefaults,
}

impl VoiceLayout {
    /// Checks that every id lies inside its table, so that no later step needs to.
    ///
    /// # Errors
    /// [`SpeechError::Layout`] names the first id or size that cannot be.
    pub fn check(&self) -> Result<(), SpeechError> {
        let wrong = |what: String| Err(SpeechError::Layout(what));
        if self.hidden == 0 || self.codebook_size == 0 || self.codebook_size > usize::from(u16::MAX) {
            return wrong(format!("hidden {} or codebook_size {}", self.hidden, self.codebook_size));
        }
        if self.codec_vocab < self.codebook_size {
            return wrong(format!("codec_vocab {} is below codebook_size", self.codec_vocab));
        }
        let t = &self.text_ids;
        for id in [t.im_start, t.im_end, t.tts_pad, t.tts_bos, t.tts_eos] {
            if id as usize >= self.text_vocab {
                return wrong(format!("text id {id} is outside the text vocabulary of {}", self.text_vocab));
            }
        }
        let c = &self.codec_ids;
        let codec = [c.pad, c.bos, c.eos, c.think, c.nothink, c.think_bos, c.think_eos];
        let named = self.languages.values().copied().chain(self.speakers.values().map(|s| s.id));
        for id in codec.into_iter().chain(named) {
            if id as usize >= self.codec_vocab {
                return wrong(format!(
                    "codec id {id} is outside the codec vocabulary of {}",
                    self.codec_vocab
                ));
            }
        }
        for (name, speaker) in &self.speakers {
            if let Some(dialect) = &speaker.dialect
                && !self.languages.contains_key(dialect)
            {
                return wrong(format!("speaker {name} has the unknown dialect {dialect}"));
            }
        }
        Ok(())
    }

    /// The languages a user may ask for: all but the dialects, which come with their speakers.
    pub fn language_names(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str).filter(|name| !name.contains("dialect"))
    }

    /// The codec id of a language name, in any case.
    ///
    /// # Errors
    /// [`SpeechError::UnknownLanguage`] lists the names there are.
    pub fn language(&self, name: &str) -> Result<u32, SpeechError> {
        let wanted = name.to_lowercase();
        self.languages.get(&wanted).filter(|_| !wanted.contains("dialect")).copied().ok_or_else(|| {
            let known: Vec<&str> = self.language_names().collect();
            SpeechError::UnknownLanguage { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Names and speakers in the order of their ids. The first speaks where nobody else is asked for.
    pub fn speakers_in_order(&self) -> impl Iterator<Item = (&str, &Speaker)> {
        let mut speakers: Vec<_> =
            self.speakers.iter().map(|(name, speaker)| (name.as_str(), speaker)).collect();
        speakers.sort_by_key(|(_, speaker)| speaker.id);
        speakers.into_iter()
    }

    /// A speaker by name, in any case.
    ///
    /// # Errors
    /// [`SpeechError::UnknownSpeaker`] lists the names there are, [`SpeechError::NeedsReference`] when there are none.
    pub fn speaker(&self, name: &str) -> Result<&Speaker, SpeechError> {
        if self.speakers.is_empty() {
            return Err(SpeechError::NeedsReference);
        }
        self.speakers.get(&name.to_lowercase()).ok_or_else(|| {
            let known: Vec<&str> = self.speakers_in_order().map(|(name, _)| name).collect();
            SpeechError::UnknownSpeaker { name: name.to_owned(), known: known.join(", ") }
        })
    }
}
