//! From text to what a voice reads: everything of a voice but its networks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crier_bundle::{Bundle, Lexicon};
use crier_speech::{
    FRAMES_MAX, ModelKind, Prompt, PromptOptions, Sentence, SpeechError, TextMode, TextNormalisation,
    Tokenizer, VoiceLayout, breath, clean, frame_ids, normalise, pronounce, split_sentences,
};

use crate::error::CrierError;
use crate::who::Who;

/// Text up to this length is spoken in one go, as the official implementation does with text of any length; longer
/// text is split into sentences, so that memory and the first sound do not grow with it.
const WHOLE_TEXT_CHARACTERS_MAX: usize = 240;

/// A voice that can read, and cannot speak yet.
pub(crate) struct Reader {
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) tokenizer: Tokenizer,
    lexicon: Option<Lexicon>,
}

/// How a text shall be spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    /// Speaker of the voice; the first one if absent.
    pub(crate) speaker: Option<String>,
    /// A voice file that speaks when no speaker is named.
    pub(crate) file: Option<PathBuf>,
    /// Language name; `None` is that of the voice file, or `auto`.
    pub(crate) language: Option<String>,
    /// In words, for voices that take instructions.
    pub(crate) instruction: Option<String>,
    /// How the text reaches the talker; what suits the voice if absent.
    pub(crate) mode: Option<TextMode>,
}

/// A text as a voice reads it.
pub(crate) struct Script {
    /// Voice file that speaks, if one does.
    pub(crate) voice_file: Option<PathBuf>,
    options: PromptOptions,
    /// Token ids, sentence by sentence; never empty.
    sentences: Vec<Vec<u32>>,
    /// Characters that this voice cannot read, in the order of the text.
    pub(crate) skipped: String,
}

impl Reader {
    /// Opens a bundle to read with it; its networks are not touched, and its hashes are not checked.
    pub(crate) fn open(folder: &Path) -> Result<Self, CrierError> {
        Self::new(Arc::new(Bundle::open(folder)?))
    }

    pub(crate) fn new(bundle: Arc<Bundle>) -> Result<Self, CrierError> {
        let (tokenizer, lexicon) = (bundle.tokenizer()?, bundle.lexicon()?);
        Ok(Self { bundle, tokenizer, lexicon })
    }

    /// Reads a clean text. Whatever is wrong with text or manner is told here, before anything is heard.
    pub(crate) fn script(&self, text: &str, manner: &Manner) -> Result<Script, CrierError> {
        let options = self.prompt_options(manner)?;
        let (sentences, skipped) = self.tokens(text)?;
        let voice_file = manner.file.clone().filter(|_| manner.speaker.is_none());
        let script = Script { voice_file, options, sentences, skipped };
        script.sentence(self, 0)?;
        Ok(script)
    }

    /// Token ids of each sentence of a clean text, and the characters that this voice cannot read.
    pub(crate) fn tokens(&self, text: &str) -> Result<(Vec<Vec<u32>>, String), CrierError> {
        let (spelled, skipped) = self.spell(text)?;
        let mut sentences = Vec::with_capacity(spelled.len());
        for sentence in &spelled {
            match &self.lexicon {
                Some(lexicon) => self.breathe(sentence, lexicon, &mut sentences)?,
                None => sentences.push(self.tokenizer.encode(sentence)?),
            }
        }
        Ok((sentences, skipped))
    }

    /// Frames that a text of so many tokens takes as a rule, a third of what it may take at most; of a voice with a lexicon
    /// the tokens are the frames.
    pub(crate) fn expected_frames(&self, tokens: usize) -> u32 {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        if self.lexicon.is_some() { tokens } else { tokens.saturating_mul(2).saturating_add(8) }
    }

    /// Sentences as the voice reads them, and what it cannot read.
    fn spell(&self, text: &str) -> Result<(Vec<String>, String), CrierError> {
        let sentences = split_sentences(text).into_iter();
        match self.bundle.layout().text_normalisation {
            TextNormalisation::None if text.chars().count() <= WHOLE_TEXT_CHARACTERS_MAX => {
                Ok((vec![text.to_owned()], String::new()))
            }
            TextNormalisation::None => Ok((sentences.map(str::to_owned).collect(), String::new())),
            TextNormalisation::English => {
                let (mut spelled, mut skipped) = (Vec::new(), String::new());
                for sentence in sentences {
                    let english = normalise::english(sentence);
                    skipped.extend(english.skipped);
                    if !english.text.is_empty() {
                        spelled.push(english.text);
                    }
                }
                if spelled.is_empty() {
                    let detail = format!(", for this voice reads English only and '{skipped}' is not");
                    return Err(SpeechError::NothingToSay { detail }.into());
                }
                Ok((spelled, skipped))
            }
        }
    }

    /// A sentence as frames of sounds: in one piece, or in as many as it takes breaths.
    fn breathe(&self, text: &str, lexicon: &Lexicon, pieces: &mut Vec<Vec<u32>>) -> Result<(), SpeechError> {
        let ids = frame_ids(&pronounce(text, lexicon), |frame| self.tokenizer.entry(frame))?;
        match breath(text).filter(|_| ids.len() > FRAMES_MAX) {
            Some(at) => {
                let (first, rest) = text.split_at(at);
                self.breathe(first, lexicon, pieces)?;
                self.breathe(rest, lexicon, pieces)?;
            }
            None => pieces.extend(ids.chunks(FRAMES_MAX).map(<[u32]>::to_vec)),
        }
        Ok(())
    }

    fn prompt_options(&self, manner: &Manner) -> Result<PromptOptions, CrierError> {
        let layout: &VoiceLayout = self.bundle.layout();
        let who = Who::new(manner.speaker.as_deref(), manner.file.as_deref(), &self.bundle)?;
        let instruction = match &manner.instruction {
            Some(text) => self.tokenizer.instruction(layout, &clean(text.as_bytes())?)?,
            None => Vec::new(),
        };
        // As the official package: whole text, but for voices that are cloned from a recording. A voice with a lexicon
        // knows only one way: it reads a frame of sounds with each frame of speech.
        let mode = match (&self.lexicon, manner.mode, layout.kind) {
            (Some(_), _, _) => TextMode::Streaming,
            (None, Some(mode), _) => mode,
            (None, None, ModelKind::Base) => TextMode::Streaming,
            (None, None, _) => TextMode::Whole,
        };
        let role = self.tokenizer.role(layout)?;
        let language = manner.language.clone().or(who.language);
        Ok(PromptOptions {
            role,
            instruction,
            language,
            identity: who.identity,
            reference: who.reference,
            mode,
        })
    }
}

impl Script {
    /// How many sentences it has; at least one.
    pub(crate) fn len(&self) -> usize {
        self.sentences.len()
    }

    /// What the talker reads for one of them.
    pub(crate) fn sentence(&self, reader: &Reader, index: usize) -> Result<Sentence, CrierError> {
        let tokens = self.sentences.get(index).map(Vec::as_slice).unwrap_or_default();
        let prompt = Prompt::new(reader.bundle.layout(), &*reader.bundle, &self.options, tokens)?;
        Ok(Sentence { prompt, tokens: tokens.len() })
    }
}
