//! Description of a voice: sizes, special ids, speakers, languages and sampling defaults.
//!
//! All of it comes from the checkpoint's `config.json` and `generation_config.json`; only the number of codes in a
//! frame is fixed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SpeechError;

/// Codes in a frame of 80 ms: one semantic, fifteen acoustic. The same in every model of this family.
pub const CODEBOOKS: usize = 16;
/// Codes that the predictor adds to the talker's one.
pub const GROUPS: usize = CODEBOOKS - 1;

/// Kind of speaker identity that the model was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Named speakers.
    CustomVoice,
    /// Any speaker, given by an embedding and optionally a recording.
    Base,
    /// Speaker described in words.
    VoiceDesign,
}

/// Text normalization that a voice needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextNormalisation {
    /// None: the voice reads digits, units and abbreviations itself.
    #[default]
    None,
    /// Text is rewritten as lower-case English words.
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
    /// Text part of a row without text.
    pub tts_pad: u32,
    /// Beginning of the text.
    pub tts_bos: u32,
    /// End of the text.
    pub tts_eos: u32,
}

/// Ids of the talker's codec vocabulary that are not codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecIds {
    /// Codec part of a row without code.
    pub pad: u32,
    /// Beginning of the codes.
    pub bos: u32,
    /// End of the codes, which ends the speech.
    pub eos: u32,
    /// Marks that a language tag follows.
    pub think: u32,
    /// Marks that no language tag follows.
    pub nothink: u32,
    /// Beginning of the tag.
    pub think_bos: u32,
    /// End of the tag.
    pub think_eos: u32,
}

/// Named speaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    /// Row of the codec embedding.
    pub id: u32,
    /// Language tag that replaces Chinese, or a missing tag, for this speaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// Loudness of its speech as the vocoder makes it, in LUFS; measured by `crier say --loudness off --json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness_lufs: Option<f32>,
}

/// Default sampling parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingDefaults {
    /// True to sample code 0, false to take the most probable.
    pub sample: bool,
    /// Temperature of code 0.
    pub temperature: f32,
    /// Number of candidates for code 0; 0 is all.
    pub top_k: usize,
    /// Probability mass of the candidates for code 0.
    pub top_p: f32,
    /// Divisor of the logits of code-0 values used before (factor if the logit is negative).
    pub repetition_penalty: f32,
    /// True to sample codes 1 to 15, false to take the most probable.
    pub predictor_sample: bool,
    /// Temperature of codes 1 to 15.
    pub predictor_temperature: f32,
    /// Number of candidates for codes 1 to 15; 0 is all.
    pub predictor_top_k: usize,
    /// Probability mass of the candidates for codes 1 to 15.
    pub predictor_top_p: f32,
    /// Minimum number of frames before the end of speech.
    pub min_frames: u32,
    /// Maximum number of frames.
    pub max_frames: u32,
}

/// Everything about a voice except its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceLayout {
    /// Kind of the model.
    pub kind: ModelKind,
    /// Size as named by the checkpoint: `0b6`, `1b7`.
    pub model_size: String,
    /// Hidden size of the talker, and width of every embedding row.
    pub hidden: usize,
    /// Number of values of a code.
    pub codebook_size: usize,
    /// Number of rows of the talker's codec embedding, and of its logits.
    pub codec_vocab: usize,
    /// Number of rows of the text embedding.
    pub text_vocab: usize,
    /// True if the model follows instructions in words.
    pub instructions: bool,
    /// Text normalization before tokenization.
    #[serde(default)]
    pub text_normalisation: TextNormalisation,
    /// Frames of silence at the beginning of a sentence, while the voice reads ahead; they are discarded.
    #[serde(default)]
    pub lead_frames: usize,
    /// Special ids of the text vocabulary.
    pub text_ids: TextIds,
    /// Special ids of the codec vocabulary.
    pub codec_ids: CodecIds,
    /// Codec ids by language name, dialects included.
    pub languages: BTreeMap<String, u32>,
    /// Speakers by lower-case name.
    pub speakers: BTreeMap<String, Speaker>,
    /// Default sampling parameters.
    pub sampling: SamplingDefaults,
}

impl VoiceLayout {
    /// Checks that every id is inside its table, so that no later step needs to.
    ///
    /// # Errors
    /// [`SpeechError::Layout`] names the first invalid id or size.
    pub fn check(&self) -> Result<(), SpeechError> {
        let wrong = |what: String| Err(SpeechError::Layout(what));
        if self.hidden == 0 || self.codebook_size == 0 || self.codebook_size > usize::from(u16::MAX) {
            return wrong(format!("hidden {} or codebook_size {}", self.hidden, self.codebook_size));
        }
        // Codes are rows of the same table as tags.
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
        // Ids of languages and speakers come from the checkpoint too, and index the same table.
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

    /// Returns the languages for people to choose from: all but the dialects, which are implied by their speakers.
    pub fn language_names(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str).filter(|name| !name.contains("dialect"))
    }

    /// Looks up a language by any of its names or tags, or a dialect by its name, in any case. Returns the name of the
    /// bundle and its codec id; `None` for `auto`.
    ///
    /// # Errors
    /// [`SpeechError::UnknownLanguage`] lists the known names.
    pub fn language(&self, asked: &str) -> Result<Option<(&str, u32)>, SpeechError> {
        // The bundle first: a model of other languages than those of the table is asked for by the bundle's names.
        let lower = asked.trim().to_lowercase();
        let find = |name: &str| self.languages.get_key_value(name).map(|(name, id)| (name.as_str(), *id));
        if let Some(found) = find(&lower) {
            return Ok(Some(found));
        }
        let found = match crier_normalise::language_name(asked) {
            Ok(None) => return Ok(None),
            Ok(Some(name)) => find(&name),
            Err(crier_normalise::UnknownLanguage) => None,
        };
        found.map(Some).ok_or_else(|| {
            let known: Vec<&str> = self.language_names().collect();
            SpeechError::UnknownLanguage { name: asked.to_owned(), known: known.join(", ") }
        })
    }

    /// Returns names and speakers in the order of their ids. The first is the default.
    pub fn speakers_in_order(&self) -> impl Iterator<Item = (&str, &Speaker)> {
        let mut speakers: Vec<_> =
            self.speakers.iter().map(|(name, speaker)| (name.as_str(), speaker)).collect();
        speakers.sort_by_key(|(_, speaker)| speaker.id);
        speakers.into_iter()
    }

    /// Looks up a speaker by its case-insensitive name.
    ///
    /// # Errors
    /// [`SpeechError::UnknownSpeaker`] lists the known names; [`SpeechError::NeedsReference`] if there are none.
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
