//! Who speaks: a speaker of the voice, by name, or whoever a voice file holds.

use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, VoiceFile};
use crier_speech::{Identity, ModelKind, Reference, SpeechError};
use crier_vocoder::Vocoder;

use crate::error::CrierError;

/// How the names of voice files end; what ends so is no speaker's name.
pub(crate) const EXTENSION: &str = "voice";

/// Whether a path is that of a voice file, going by its name.
pub(crate) fn is_voice_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// Who speaks.
pub(crate) struct Who {
    pub(crate) identity: Identity,
    /// What the speech continues.
    pub(crate) reference: Option<Reference>,
    /// What is spoken unless somebody wishes otherwise.
    pub(crate) language: Option<String>,
    file: Option<(PathBuf, VoiceFile)>,
}

impl Who {
    /// The speaker of a name, or of a voice file; without a wish the first one, always the same.
    ///
    /// # Errors
    /// The voice file is damaged or of another model; a model without speakers needs one.
    pub(crate) fn new(
        speaker: Option<&str>,
        file: Option<&Path>,
        bundle: &Bundle,
    ) -> Result<Self, CrierError> {
        let layout = bundle.layout();
        let identity = match (speaker, file, layout.kind, layout.speakers_in_order().next()) {
            (Some(name), ..) => Identity::Named(name.to_owned()),
            (None, Some(file), ..) => return Self::open(file, bundle),
            (None, None, ModelKind::VoiceDesign, _) => Identity::Described,
            (None, None, _, Some((first, _))) => Identity::Named(first.to_owned()),
            (None, None, _, None) => return Err(SpeechError::NeedsReference.into()),
        };
        Ok(Self { identity, reference: None, language: None, file: None })
    }

    fn open(path: &Path, bundle: &Bundle) -> Result<Self, CrierError> {
        let file = VoiceFile::open(path, bundle)?;
        Ok(Self {
            identity: file.identity(),
            reference: file.reference(),
            language: file.language.clone(),
            file: Some((path.to_owned(), file)),
        })
    }

    /// Positions that the talker reads besides the text.
    pub(crate) fn positions(&self) -> usize {
        self.reference.as_ref().map_or(0, |reference| reference.codes.len() + reference.text.len())
    }

    /// Lets the vocoder begin every sentence in this voice.
    ///
    /// # Errors
    /// The vocoder's.
    pub(crate) fn begin(&self, bundle: &Bundle, vocoder: &mut Vocoder) -> Result<(), CrierError> {
        match &self.file {
            Some((path, file)) => Ok(vocoder.begin_as(bundle, file, path)?),
            None => Ok(vocoder.set_beginning(None)?),
        }
    }
}
