//! Text front end: from clean text to the token ids that the talker of one voice reads.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crier_bundle::{Bundle, Lexicon};
use crier_speech::{
    FRAMES_MAX, ModelKind, Prompt, PromptOptions, PromptSpeaker, Sentence, SpeechError, TextMode,
    TextNormalisation, Tokenizer, VoiceLayout, clean, frame_ids, phrase_break, pronounce, split_sentences,
};

use crate::{SpeakerIdentity, SynthesisError};

/// Longest text, in characters, that is spoken as one utterance, as the official implementation does with text of any
/// length. Longer text is split into sentences, so that memory and time to first audio do not grow with it.
const WHOLE_TEXT_CHARACTERS_MAX: usize = 240;

/// Everything of a voice that reads text: bundle, tokenizer and lexicon, but none of the networks.
pub struct TextFrontend {
    bundle: Arc<Bundle>,
    tokenizer: Tokenizer,
    lexicon: Option<Lexicon>,
}

/// Manner in which a text is to be spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// Name of a speaker of the voice; `None` is the first one.
    pub speaker: Option<String>,
    /// Voice file of the speaker. A `speaker` takes precedence.
    pub file: Option<PathBuf>,
    /// Language name; `None` is that of the voice file, or `auto`.
    pub language: Option<String>,
    /// Instruction in natural language, for voices that accept one.
    pub instruction: Option<String>,
    /// Order in which the talker gets the text; `None` is what suits the voice.
    pub mode: Option<TextMode>,
}

/// A text as one voice reads it: a sequence of units, each of which is rendered as one utterance.
pub struct TokenizedText {
    /// Voice file of the speaker, if there is one.
    pub voice_file: Option<PathBuf>,
    /// Characters that the voice cannot read and leaves out, in the order of the text.
    pub skipped: String,
    text: String,
    options: PromptOptions,
    /// Never empty.
    units: Vec<TextUnit>,
}

/// A sentence, or a part of one that is too long for one utterance.
struct TextUnit {
    tokens: Vec<u32>,
    /// Bytes of the sentence in the clean text.
    sentence: Range<usize>,
    /// Normalised text of the sentence before this unit; empty in its first unit.
    before: String,
}

/// A sentence after normalisation.
struct SpelledSentence {
    text: String,
    /// Bytes of the sentence in the clean text.
    source: Range<usize>,
}

impl TextFrontend {
    /// Opens a bundle for reading text. Its networks are not touched, and its hashes are not verified. Blocks.
    ///
    /// # Errors
    /// The bundle is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self, SynthesisError> {
        Self::new(Arc::new(Bundle::open(folder)?))
    }

    /// Loads tokenizer and lexicon of a bundle. Blocks.
    ///
    /// # Errors
    /// Either of them is damaged.
    pub fn new(bundle: Arc<Bundle>) -> Result<Self, SynthesisError> {
        let (tokenizer, lexicon) = (bundle.tokenizer()?, bundle.lexicon()?);
        Ok(Self { bundle, tokenizer, lexicon })
    }

    /// Returns the bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Returns the tokenizer of the bundle.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokenizes a clean text. Reads the voice file, if `style` names one, and so may block.
    ///
    /// # Errors
    /// Every error of text and style is found here, before anything is rendered.
    pub fn read(&self, text: &str, style: &Style) -> Result<TokenizedText, SynthesisError> {
        let options = self.prompt_options(style)?;
        let (units, skipped) = self.units(text)?;
        // A named speaker takes precedence: the recording of the file would give another voice to the first frames.
        let voice_file = style.file.clone().filter(|_| style.speaker.is_none());
        let tokenized = TokenizedText { voice_file, skipped, text: text.to_owned(), options, units };
        // Building the first prompt validates speaker, language and instruction against the layout.
        tokenized.sentence(self, 0)?;
        Ok(tokenized)
    }

    /// Tokenizes a clean text for a speaker of any identity, in the order of streaming.
    ///
    /// # Errors
    /// As [`TextFrontend::read`].
    pub fn read_as(&self, text: &str, identity: PromptSpeaker) -> Result<TokenizedText, SynthesisError> {
        let options = PromptOptions {
            role: self.tokenizer.role(self.bundle.layout())?,
            instruction: Vec::new(),
            language: None,
            identity,
            reference: None,
            mode: TextMode::Streaming,
        };
        let (units, skipped) = self.units(text)?;
        let tokenized = TokenizedText { voice_file: None, skipped, text: text.to_owned(), options, units };
        tokenized.sentence(self, 0)?;
        Ok(tokenized)
    }

    /// Returns the token ids of a clean text.
    ///
    /// # Errors
    /// The voice can read nothing of it.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, SynthesisError> {
        Ok(self.units(text)?.0.into_iter().flat_map(|unit| unit.tokens).collect())
    }

    /// Returns the number of frames that a text of so many tokens usually takes, a third of the limit. With a lexicon,
    /// each token is one frame.
    #[must_use]
    pub fn expected_frames(&self, tokens: usize) -> u32 {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        // Without one, English of published voices takes between one and two frames a token; too high a guess delays
        // the start of playback a little, too low a guess risks an underrun.
        if self.lexicon.is_some() { tokens } else { tokens.saturating_mul(2).saturating_add(8) }
    }

    /// Returns the units of a clean text, and the characters that this voice cannot read.
    fn units(&self, text: &str) -> Result<(Vec<TextUnit>, String), SynthesisError> {
        let (spelled, skipped) = self.spell(text)?;
        let mut units = Vec::with_capacity(spelled.len());
        for sentence in &spelled {
            match &self.lexicon {
                Some(lexicon) => self.pronounce(sentence, 0..sentence.text.len(), lexicon, &mut units)?,
                None => units.push(TextUnit {
                    tokens: self.tokenizer.encode(&sentence.text)?,
                    sentence: sentence.source.clone(),
                    before: String::new(),
                }),
            }
        }
        Ok((units, skipped))
    }

    /// Returns the normalised sentences, and the characters that this voice cannot read.
    fn spell(&self, text: &str) -> Result<(Vec<SpelledSentence>, String), SynthesisError> {
        match self.bundle.layout().text_normalisation {
            // Larger models read numbers and abbreviations themselves, from raw text as in their training.
            TextNormalisation::None if text.chars().count() <= WHOLE_TEXT_CHARACTERS_MAX => {
                Ok((vec![SpelledSentence { text: text.to_owned(), source: 0..text.len() }], String::new()))
            }
            TextNormalisation::None => {
                let spelled = sentence_ranges(text)
                    .map(|source| SpelledSentence { text: text[source.clone()].to_owned(), source });
                Ok((spelled.collect(), String::new()))
            }
            TextNormalisation::English => {
                let (mut spelled, mut skipped) = (Vec::new(), String::new());
                for source in sentence_ranges(text) {
                    let english = crier_normalise::english(&text[source.clone()]);
                    skipped.extend(english.skipped);
                    // A sentence of nothing but foreign characters or ornaments is skipped, not an error of the whole
                    // text.
                    if !english.text.is_empty() {
                        spelled.push(SpelledSentence { text: english.text, source });
                    }
                }
                if spelled.is_empty() {
                    // Without the text, which is private: this goes to logs and events.
                    let detail = "this voice reads English only, and the text has nothing of it".to_owned();
                    return Err(SpeechError::NothingToSay { detail }.into());
                }
                Ok((spelled, skipped))
            }
        }
    }

    /// Pronounces `part` of a sentence: as one unit, or as many as its phrase breaks divide it into.
    fn pronounce(
        &self,
        sentence: &SpelledSentence,
        part: Range<usize>,
        lexicon: &Lexicon,
        units: &mut Vec<TextUnit>,
    ) -> Result<(), SpeechError> {
        let text = &sentence.text[part.clone()];
        let ids = frame_ids(&pronounce(text, lexicon), |frame| self.tokenizer.entry(frame))?;
        // Both halves may still be too long, hence the recursion; each step is shorter, so it ends.
        if ids.len() > FRAMES_MAX
            && let Some(at) = phrase_break(text)
        {
            self.pronounce(sentence, part.start..part.start + at, lexicon, units)?;
            return self.pronounce(sentence, part.start + at..part.end, lexicon, units);
        }
        // A single word may be longer than an utterance; it is cut anywhere.
        units.extend(ids.chunks(FRAMES_MAX).map(|ids| TextUnit {
            tokens: ids.to_vec(),
            sentence: sentence.source.clone(),
            before: sentence.text[..part.start].to_owned(),
        }));
        Ok(())
    }

    fn prompt_options(&self, style: &Style) -> Result<PromptOptions, SynthesisError> {
        let layout: &VoiceLayout = self.bundle.layout();
        let speaker = SpeakerIdentity::new(style.speaker.as_deref(), style.file.as_deref(), &self.bundle)?;
        let instruction = match &style.instruction {
            Some(text) => self.tokenizer.instruction(layout, &clean(text.as_bytes())?)?,
            None => Vec::new(),
        };
        // The official package gives the whole text at once, except to voices cloned from a recording. A voice with a
        // lexicon can only stream: it reads one frame of phonemes with each frame of speech.
        let mode = match (&self.lexicon, style.mode, layout.kind) {
            (Some(_), _, _) => TextMode::Streaming,
            (None, Some(mode), _) => mode,
            (None, None, ModelKind::Base) => TextMode::Streaming,
            (None, None, _) => TextMode::Whole,
        };
        let role = self.tokenizer.role(layout)?;
        let mut language = style.language.clone().or(speaker.language);
        if let Some(asked) = &language {
            layout.language(asked)?;
            // A voice of one language has no use for its tag: the text sounds the same whether it names it or not.
            if layout.languages.len() == 1 {
                language = None;
            }
        }
        Ok(PromptOptions {
            role,
            instruction,
            language,
            identity: speaker.identity,
            reference: speaker.reference,
            mode,
        })
    }
}

impl TokenizedText {
    /// Returns the number of units, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Returns the talker's input for one of the units.
    ///
    /// # Errors
    /// Speaker, language or instruction do not suit the voice.
    pub fn sentence(&self, frontend: &TextFrontend, unit: usize) -> Result<Sentence, SynthesisError> {
        let tokens = self.units.get(unit).map(|unit| unit.tokens.as_slice()).unwrap_or_default();
        let prompt = Prompt::new(frontend.bundle.layout(), &*frontend.bundle, &self.options, tokens)?;
        Ok(Sentence { prompt, tokens: tokens.len() })
    }

    /// Returns the byte of the clean text at which a unit begins; the length of the text behind the last unit. Another
    /// voice that reads the text from there on neither skips nor repeats a word, however it divides the text.
    #[must_use]
    pub fn position(&self, unit: usize) -> usize {
        let Some(unit) = self.units.get(unit) else { return self.text.len() };
        let start = unit.sentence.start;
        if unit.before.is_empty() {
            return start;
        }
        // Normalisation moves bytes ("3" becomes "three"), so the place is the blank before which the text, normalised
        // on its own, has the words that were spoken. A break inside a number has no such blank: then the whole
        // sentence counts as the unit.
        let words = |text: &str| text.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let (source, spoken) = (&self.text[unit.sentence.clone()], words(&unit.before));
        let mut blanks = source.match_indices(' ').map(|(at, _)| at + 1);
        start + blanks.find(|&at| words(&crier_normalise::english(&source[..at]).text) == spoken).unwrap_or(0)
    }
}

/// Returns the bytes of each sentence of a clean text.
fn sentence_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    split_sentences(text).into_iter().map(move |sentence| {
        // Only blanks and line ends lie between sentences.
        let start = text.len() - text[end..].trim_start().len();
        end = start + sentence.len();
        start..end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "The 3 quick brown foxes jump over 12 lazy dogs near the river bank, and then a good many more \
        words follow here, which make the sentence so long that it has to be divided, because nobody could say all of \
        it in one breath without a pause at 12:45.";

    fn embedded() -> TextFrontend {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../voices/default");
        TextFrontend::open(&folder).unwrap()
    }

    #[test]
    fn sentences_know_their_bytes_in_the_text() {
        let text = "One. Two?\nThree — déjà vu!  \"Four.\" Five";
        let sentences: Vec<&str> = sentence_ranges(text).map(|range| &text[range]).collect();
        assert_eq!(sentences, split_sentences(text));
    }

    #[test]
    fn every_unit_begins_at_a_word_of_the_text() {
        let frontend = embedded();
        let text = format!("Short first. {LONG} Then a last one.");
        let tokenized = frontend.read(&text, &Style::default()).unwrap();
        assert!(tokenized.len() > 3, "the long sentence is divided: {}", tokenized.len());
        let positions: Vec<usize> = (0..=tokenized.len()).map(|unit| tokenized.position(unit)).collect();
        assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
        assert_eq!((positions[0], positions[1]), (0, "Short first. ".len()));
        assert_eq!(positions.last(), Some(&text.len()));
        for &position in &positions[1..tokenized.len()] {
            assert!(text[..position].ends_with(' '), "{}", &text[position..]);
        }
    }

    #[test]
    fn a_voice_that_takes_over_at_a_unit_says_the_rest_word_for_word() {
        let frontend = embedded();
        let text = format!("Short first. {LONG} Then a last one.");
        let tokenized = frontend.read(&text, &Style::default()).unwrap();
        for unit in 0..tokenized.len() {
            let (before, after) = text.split_at(tokenized.position(unit));
            assert_eq!([words(before), words(after)].concat(), words(&text), "unit {unit}");
        }
    }

    /// Returns the spoken words of a text, without punctuation: where a voice takes over, a comma becomes a stop.
    fn words(text: &str) -> Vec<String> {
        let spoken =
            split_sentences(text).into_iter().map(|sentence| crier_normalise::english(sentence).text);
        let spoken = spoken.collect::<Vec<_>>().join(" ");
        spoken
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn language_of_a_voice_that_has_only_one_changes_nothing() {
        let frontend = embedded();
        let prompt = |language: Option<&str>| {
            let style = Style { language: language.map(str::to_owned), ..Style::default() };
            let tokenized = frontend.read("Hello.", &style)?;
            tokenized.sentence(&frontend, 0).map(|sentence| sentence.prompt.rows)
        };
        let rows = prompt(None).unwrap();
        assert_eq!(prompt(Some("en-GB")).unwrap(), rows);
        assert!(matches!(
            prompt(Some("de")),
            Err(SynthesisError::Speech(SpeechError::UnknownLanguage { .. }))
        ));
    }

    #[test]
    fn what_a_voice_cannot_read_is_reported_or_refused() {
        let frontend = embedded();
        let tokenized = frontend.read("Hello 你好.", &Style::default()).unwrap();
        assert_eq!(tokenized.skipped, "你好");
        assert!(matches!(
            frontend.read("你好。", &Style::default()),
            Err(SynthesisError::Speech(SpeechError::NothingToSay { .. }))
        ));
        let style = Style { speaker: Some("nobody".to_owned()), ..Style::default() };
        assert!(frontend.read("Hello.", &style).is_err());
    }
}
