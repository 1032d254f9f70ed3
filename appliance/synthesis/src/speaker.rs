//! Speaker of an utterance: one of the voice's own, or the one that a voice file was enrolled from.

use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, VoiceFile};
use crier_speech::{ModelKind, PromptSpeaker, Reference, SpeechError};
use crier_vocoder::Vocoder;

use crate::SynthesisError;

/// File name extension of voice files. A `--speaker` with this extension is a path, not a name.
pub const VOICE_FILE_EXTENSION: &str = "voice";

/// Returns true if the path has the name of a voice file.
#[must_use]
pub fn is_voice_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == VOICE_FILE_EXTENSION)
}

/// Identity of the speaker, and what comes with it.
pub struct SpeakerIdentity {
    /// Identity as the talker's prompt has it.
    pub identity: PromptSpeaker,
    /// Recording that the speech continues.
    pub reference: Option<Reference>,
    /// Language of the recording, used unless another is requested.
    pub language: Option<String>,
    /// Loudness of the speech in LUFS, if it was measured.
    pub loudness_lufs: Option<f32>,
    file: Option<(PathBuf, VoiceFile)>,
}

impl SpeakerIdentity {
    /// Finds a speaker by name or by voice file; without either, the first speaker of the bundle. Reads the voice file,
    /// and so may block.
    ///
    /// # Errors
    /// The voice file is damaged or belongs to another model; a model without speakers of its own needs one.
    pub fn new(speaker: Option<&str>, file: Option<&Path>, bundle: &Bundle) -> Result<Self, SynthesisError> {
        let layout = bundle.layout();
        let mut loudness_lufs = None;
        let identity = match (speaker, file, layout.kind, layout.speakers_in_order().next()) {
            (Some(name), ..) => {
                // An unknown name is reported by the prompt.
                loudness_lufs = layout.speaker(name).ok().and_then(|speaker| speaker.loudness_lufs);
                PromptSpeaker::Named(name.to_owned())
            }
            (None, Some(file), ..) => return Self::open(file, bundle),
            (None, None, ModelKind::VoiceDesign, _) => PromptSpeaker::Described,
            (None, None, _, Some((first, speaker))) => {
                loudness_lufs = speaker.loudness_lufs;
                PromptSpeaker::Named(first.to_owned())
            }
            (None, None, _, None) => return Err(SpeechError::NeedsReference.into()),
        };
        Ok(Self { identity, reference: None, language: None, loudness_lufs, file: None })
    }

    fn open(path: &Path, bundle: &Bundle) -> Result<Self, SynthesisError> {
        let file = VoiceFile::open(path, bundle)?;
        Ok(Self {
            identity: file.identity(),
            reference: file.reference(),
            language: file.language.clone(),
            loudness_lufs: file.loudness_lufs,
            file: Some((path.to_owned(), file)),
        })
    }

    /// Returns the number of talker positions that the recording takes, in addition to those of the text.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.reference.as_ref().map_or(0, |reference| reference.codes.len() + reference.text.len())
    }

    /// Primes the vocoder, so that every utterance begins as a continuation of the recording.
    ///
    /// # Errors
    /// The vocoder's.
    pub fn prime(&self, bundle: &Bundle, vocoder: &mut Vocoder) -> Result<(), SynthesisError> {
        match &self.file {
            Some((path, file)) => Ok(vocoder.prime_from(bundle, file, path)?),
            None => Ok(vocoder.set_primed_state(None)?),
        }
    }
}
