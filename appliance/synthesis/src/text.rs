//! Text front end: from clean text to the token ids that the talker of one voice reads.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crier_bundle::{Bundle, Lexicon};
use crier_lexicon::UserLexicon;
use crier_normalise::{AUTO, Language, UnknownLanguage};
use crier_speech::{
    DurationCeiling, FRAMES_MAX, ModelKind, Prompt, PromptOptions, PromptSpeaker, Pronunciations,
    SENTENCE_CHARACTERS_MAX, Sentence, SpeechError, TextMode, TextNormalisation, Tokenizer, VoiceLayout,
    clean, frame_ceiling, frame_ids, phrase_break, pronounce, timed_ceiling,
};
use crier_wire::{SentenceEntry, ShownEntry, ShownText};

use crate::reading::{Reading, SpelledSentence, Spelling};
use crate::{SpeakerIdentity, SynthesisError};

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
    /// True to leave numbers, dates and the like as they are written, to voices that can read them so.
    pub raw: bool,
    /// Instruction in natural language, for voices that accept one.
    pub instruction: Option<String>,
    /// Order in which the talker gets the text; `None` is what suits the voice.
    pub mode: Option<TextMode>,
    /// The owner's pronunciations, which apply even to `raw` text.
    pub lexicon: UserLexicon,
    /// Latest frames of a sentence whose codes the repetition penalty counts; `None` is all of them.
    pub repetition_window: Option<u32>,
}

/// A text as one voice reads it: a sequence of units, each of which is rendered as one utterance.
pub struct TokenizedText {
    /// Voice file of the speaker, if there is one.
    pub voice_file: Option<PathBuf>,
    /// Characters that the voice cannot read and leaves out, in the order of the text.
    pub skipped: String,
    /// Loudness of the speaker in LUFS, if it was measured.
    pub loudness_lufs: Option<f32>,
    text: String,
    /// Name of the language, if it is known.
    language: Option<String>,
    reading: Reading,
    options: PromptOptions,
    repetition_window: Option<u32>,
    /// Never empty.
    units: Vec<TextUnit>,
}

/// Options of a prompt, and the name of the language and the loudness of the speaker where they are known.
type PromptChoice = (PromptOptions, Option<String>, Option<f32>);

/// A sentence, or a part of one that is too long for one utterance.
struct TextUnit {
    tokens: Vec<u32>,
    /// Bytes of the sentence in the clean text.
    sentence: Range<usize>,
    /// Normalised text of the sentence before this unit; empty in its first unit.
    before: String,
    /// Normalised text of this unit.
    spoken: String,
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
        let (options, language, loudness_lufs) = self.prompt_options(style)?;
        let language = language.or_else(|| Some(Language::of_script(text)?.name().to_owned()));
        let spelling = self.spelling(language.as_deref().filter(|_| !style.raw));
        let reading = Reading::new(text, spelling, style.lexicon.clone(), language.as_deref());
        let (units, skipped) = self.units(text, &reading)?;
        // A named speaker takes precedence: the recording of the file would give another voice to the first frames.
        let voice_file = style.file.clone().filter(|_| style.speaker.is_none());
        let text = text.to_owned();
        let tokenized = TokenizedText {
            voice_file,
            skipped,
            loudness_lufs,
            text,
            language,
            reading,
            options,
            repetition_window: style.repetition_window,
            units,
        };
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
        let reading = Reading::plain(self.spelling(None));
        let (units, skipped) = self.units(text, &reading)?;
        let text = text.to_owned();
        let tokenized = TokenizedText {
            voice_file: None,
            skipped,
            loudness_lufs: None,
            text,
            language: None,
            reading,
            options,
            repetition_window: None,
            units,
        };
        tokenized.sentence(self, 0)?;
        Ok(tokenized)
    }

    /// Returns the token ids of a clean text.
    ///
    /// # Errors
    /// The voice can read nothing of it.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, SynthesisError> {
        let (units, _) = self.units(text, &Reading::plain(self.spelling(None)))?;
        Ok(units.into_iter().flat_map(|unit| unit.tokens).collect())
    }

    /// Returns the way to spell a text of a language; `None` if that is unknown, or the text is to stay as it is.
    fn spelling(&self, language: Option<&str>) -> Spelling {
        match (self.bundle.layout().text_normalisation, language) {
            (TextNormalisation::English, _) => Spelling::English,
            // Without a language the digits stay: in the wrong one they would be worse than the model's own reading.
            (TextNormalisation::None, None) => Spelling::Raw,
            (TextNormalisation::None, Some(name)) => match name.parse() {
                Ok(language) => Spelling::Words(language),
                // The dialects of the models are Chinese ones, and written alike.
                Err(UnknownLanguage) if name.ends_with("_dialect") => Spelling::Words(Language::Chinese),
                Err(UnknownLanguage) => Spelling::Raw,
            },
        }
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
    fn units(&self, text: &str, reading: &Reading) -> Result<(Vec<TextUnit>, String), SynthesisError> {
        let (spelled, skipped) = reading.spell(text)?;
        let mut units = Vec::with_capacity(spelled.len());
        for sentence in &spelled {
            let whole = 0..sentence.text.len();
            match &self.lexicon {
                Some(lexicon) => {
                    self.pronounce(sentence, whole, &reading.pronunciations(lexicon), &mut units)?;
                }
                None => self.encode(sentence, whole, &mut units)?,
            }
        }
        Ok((units, skipped))
    }

    /// Tokenizes `part` of a sentence: as one unit, or as many as its phrase breaks divide it into, where words in the
    /// place of digits have made it too long.
    fn encode(
        &self,
        sentence: &SpelledSentence,
        part: Range<usize>,
        units: &mut Vec<TextUnit>,
    ) -> Result<(), SpeechError> {
        let text = &sentence.text[part.clone()];
        if text.chars().count() > SENTENCE_CHARACTERS_MAX
            && let Some(at) = phrase_break(text)
        {
            self.encode(sentence, part.start..part.start + at, units)?;
            return self.encode(sentence, part.start + at..part.end, units);
        }
        units.push(TextUnit {
            tokens: self.tokenizer.encode(text)?,
            sentence: sentence.source.clone(),
            before: sentence.text[..part.start].to_owned(),
            spoken: text.to_owned(),
        });
        Ok(())
    }

    /// Pronounces `part` of a sentence: as one unit, or as many as its phrase breaks divide it into.
    fn pronounce(
        &self,
        sentence: &SpelledSentence,
        part: Range<usize>,
        lexicon: &dyn Pronunciations,
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
        units.extend(ids.chunks(FRAMES_MAX).enumerate().map(|(chunk, ids)| TextUnit {
            tokens: ids.to_vec(),
            sentence: sentence.source.clone(),
            before: sentence.text[..part.start].to_owned(),
            // Once: the parts of a word have no text of their own.
            spoken: if chunk == 0 { text.to_owned() } else { String::new() },
        }));
        Ok(())
    }

    /// Returns the options of the prompt, and the name of the language, if it is known.
    fn prompt_options(&self, style: &Style) -> Result<PromptChoice, SynthesisError> {
        let layout: &VoiceLayout = self.bundle.layout();
        let speaker = SpeakerIdentity::new(style.speaker.as_deref(), style.file.as_deref(), &self.bundle)?;
        let instruction = match &style.instruction {
            Some(text) => self.tokenizer.instruction(layout, &clean(text.as_bytes())?)?,
            None => Vec::new(),
        };
        // The official package gives the whole text at once, except to Base models. With a recording in front of the
        // text, streaming hands those 12.5 tokens a second where people speak four or five, and they hurry from the
        // first word on: they get the whole text, too. A voice with a lexicon can only stream: it reads one frame of
        // phonemes with each frame of speech.
        let mode = match (&self.lexicon, style.mode, layout.kind) {
            (Some(_), _, _) => TextMode::Streaming,
            (None, Some(mode), _) => mode,
            (None, None, ModelKind::Base) if speaker.reference.is_none() => TextMode::Streaming,
            (None, None, _) => TextMode::Whole,
        };
        let role = self.tokenizer.role(layout)?;
        let asked = style.language.clone().or(speaker.language);
        let asked = asked.as_deref().map(|asked| layout.language(asked)).transpose()?.flatten();
        let only = layout.languages.keys().next().filter(|_| layout.languages.len() == 1);
        let language = asked.map(|(name, _)| name.to_owned()).or_else(|| only.cloned());
        let options = PromptOptions {
            role,
            instruction,
            // A voice of one language has no use for its tag: the text sounds the same whether it names it or not.
            language: language.clone().filter(|_| only.is_none()),
            identity: speaker.identity,
            reference: speaker.reference,
            mode,
        };
        Ok((options, language, speaker.loudness_lufs))
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
        let tokens = tokens.len();
        // With a lexicon each token is one frame: the text itself says when it is over.
        let ceiling = match &frontend.lexicon {
            Some(_) => DurationCeiling::Text(timed_ceiling(tokens, frontend.bundle.layout().lead_frames)),
            None => DurationCeiling::Guard(frame_ceiling(tokens)),
        };
        Ok(Sentence { prompt, tokens, ceiling, repetition_window: self.repetition_window })
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
        let blanks = source.match_indices(' ').map(|(at, _)| start + at + 1);
        // Half of a phrase that the owner has respelled would be read as two other words.
        let mut blanks = blanks.filter(|&at| !self.reading.is_within_phrase(at));
        blanks.find(|&at| words(&self.reading.rewrite(&self.text, start..at)) == spoken).unwrap_or(start)
    }

    /// Returns the text as it is written and as it is read; `voice` is the name of the voice.
    #[must_use]
    pub fn shown(&self, frontend: &TextFrontend, voice: &str) -> ShownText {
        let same_sentence = |a: &TextUnit, b: &TextUnit| a.sentence == b.sentence;
        let sentences = self.units.chunk_by(same_sentence).map(|units| {
            let spoken: String = units.iter().map(|unit| unit.spoken.as_str()).collect();
            let written = units.first().map_or("", |unit| &self.text[unit.sentence.clone()]).to_owned();
            let lexicon = frontend.lexicon.as_ref().map(|lexicon| self.reading.pronunciations(lexicon));
            let sounds = lexicon.map(|lexicon| pronounce(&spoken, &lexicon));
            let spoken = self.reading.shown(&spoken);
            ShownEntry::Sentence(SentenceEntry { written, spoken, sounds, language: None })
        });
        ShownText {
            voice: voice.to_owned(),
            language: self.language.clone().unwrap_or_else(|| AUTO.to_owned()),
            sentences: sentences.collect(),
            left_out: self.skipped.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crier_lexicon::{Lexeme, Matching, timed_phonemes};
    use crier_speech::split_sentences;

    use super::*;

    const LONG: &str = "The 3 quick brown foxes jump over 12 lazy dogs near the river bank, and then a good many more \
        words follow here, which make the sentence so long that it has to be divided, because nobody could say all of \
        it in one breath without a pause at 12:45.";

    fn embedded() -> TextFrontend {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../voices/default");
        TextFrontend::open(&folder).unwrap()
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
    fn position_in_a_rewritten_text_neither_skips_nor_repeats_words() {
        let spelling = Spelling::Words(Language::German);
        let text = LONG.to_owned();
        let rewritten = spelling.rewrite(&text);
        let at = phrase_break(&rewritten).unwrap();
        let unit = |before: &str, spoken: &str| TextUnit {
            tokens: vec![1],
            sentence: 0..text.len(),
            before: before.to_owned(),
            spoken: spoken.to_owned(),
        };
        let tokenized = TokenizedText {
            voice_file: None,
            skipped: String::new(),
            loudness_lufs: None,
            text: text.clone(),
            language: None,
            reading: Reading::plain(spelling),
            options: embedded().prompt_options(&Style::default()).unwrap().0,
            repetition_window: None,
            units: vec![unit("", &rewritten[..at]), unit(&rewritten[..at], &rewritten[at..])],
        };
        let (before, after) = text.split_at(tokenized.position(1));
        let words = |text: &str| words(&spelling.rewrite(text)).join(" ");
        assert!(!before.is_empty());
        assert_eq!([words(before), words(after)].join(" "), words(&text));
    }

    fn lexeme(text: &str, say: Option<&str>, ipa: Option<&str>) -> Lexeme {
        Lexeme {
            text: text.to_owned(),
            say: say.map(str::to_owned),
            sounds: ipa.map(|ipa| timed_phonemes(ipa).unwrap()),
            language: None,
            matching: Matching::Word,
        }
    }

    fn owned(lexemes: impl IntoIterator<Item = Lexeme>) -> Style {
        Style { lexicon: UserLexicon::new(lexemes), ..Style::default() }
    }

    #[test]
    fn voice_that_reads_sounds_takes_those_of_the_owner_and_shows_the_written_word() {
        let frontend = embedded();
        let style = owned([
            lexeme("Gdańsk", Some("Danzig"), Some("ɡəˈdænsk")),
            lexeme("CM3588", Some("the board"), None),
        ]);
        let tokenized = frontend.read("CM3588 in Gdańsk's port.", &style).unwrap();
        assert_eq!(tokenized.skipped, "");
        let shown = tokenized.shown(&frontend, "voice");
        let shown = shown.spoken().next().unwrap().clone();
        assert_eq!(shown.spoken, "the board in Gdańsk's port.");
        let mut sounds: Vec<char> = shown.sounds.unwrap().chars().collect();
        sounds.dedup();
        let sounds: String = sounds.into_iter().collect();
        assert!(sounds.contains(" ɡədˈænsks "), "with the ending of the voice: {sounds}");
    }

    #[test]
    fn every_sound_of_a_transcription_is_one_of_the_embedded_voice() {
        let frontend = embedded();
        let symbols = crier_lexicon::IPA_SYMBOLS.split(' ').filter(|symbol| !"ˈˌː".contains(symbol));
        for symbol in symbols {
            let style = owned([lexeme("x", None, Some(&format!("{symbol}ɑ{symbol} ˌɑ{symbol}ɑː{symbol}")))]);
            assert!(frontend.read("an x, and x.", &style).is_ok(), "{symbol}");
        }
    }

    #[test]
    fn voice_that_takes_over_in_a_respelled_text_neither_skips_nor_repeats_a_phrase() {
        let frontend = embedded();
        let lexemes = [
            lexeme("fox", Some("fox of the red kind"), None),
            lexeme("fox jumps", Some("animal leaps high"), None),
            lexeme("lazy dog", None, Some("ˈleɪzi ˈdɔɡ")),
        ];
        let style = owned(lexemes);
        let text = "The quick brown fox jumps over the lazy dog and then another fox sleeps near 3 lazy dog houses, \
            "
            .repeat(6);
        let text = clean(text.as_bytes()).unwrap();
        let tokenized = frontend.read(&text, &style).unwrap();
        assert!(tokenized.len() > 2);
        let spoken = |text: &str| {
            let tokenized = frontend.read(text, &style).unwrap();
            let shown = tokenized.shown(&frontend, "voice");
            shown.spoken().flat_map(|sentence| words(&sentence.spoken)).collect::<Vec<_>>()
        };
        for unit in 1..tokenized.len() {
            let (before, after) = text.split_at(tokenized.position(unit));
            assert!(!before.is_empty());
            assert_eq!([spoken(before), spoken(after)].concat(), spoken(&text), "unit {unit}");
        }
    }

    #[test]
    fn sentence_of_the_embedded_voice_lasts_as_long_as_its_sounds() {
        let frontend = embedded();
        let lead = u32::try_from(frontend.bundle().layout().lead_frames).unwrap();
        for text in ["ha ha ha ha ha ha ha ha ha ha", "Help!", "The washing machine has finished."] {
            let tokenized = frontend.read(text, &Style::default()).unwrap();
            let sentence = tokenized.sentence(&frontend, 0).unwrap();
            let shown = tokenized.shown(&frontend, "voice");
            let sounds = shown.spoken().next().unwrap().sounds.clone().unwrap();
            let frames =
                u32::try_from(sounds.chars().count().div_ceil(crier_speech::UNITS_PER_FRAME)).unwrap();
            assert_eq!(sentence.ceiling, DurationCeiling::Text(frames + lead + 2), "{text}");
        }
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
