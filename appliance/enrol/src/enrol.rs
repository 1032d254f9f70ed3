//! The whole way from a recording to a voice.

use crier_audio::Sound;
use crier_bundle::{Bundle, Role, StoredReference, VoiceFile};
use crier_speech::{ModelKind, Tokenizer, clean};

use crate::fitness::prepare;
use crate::{CodecEncoder, EnrolError, SpeakerEncoder};

/// What is known about a recording.
#[derive(Clone, Default)]
pub struct Description {
    /// What the voice is to be called.
    pub name: String,
    /// What is said in the recording, word for word; without it, only how the speaker sounds is kept.
    pub text: Option<String>,
    /// The language that is spoken, which is also what the voice speaks unless told otherwise.
    pub language: Option<String>,
}

/// A voice, and what could be better about its recording.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The voice.
    pub voice: VoiceFile,
    /// In whole sentences.
    pub advice: Vec<String>,
}

/// Whether a bundle can make voices of recordings.
///
/// # Errors
/// [`EnrolError::NotABase`], [`EnrolError::NoEncoders`]
pub fn can_enrol(bundle: &Bundle) -> Result<(), EnrolError> {
    let path = || bundle.folder().to_path_buf();
    if bundle.layout().kind != ModelKind::Base {
        return Err(EnrolError::NotABase { bundle: path() });
    }
    match bundle.can_enrol() {
        true => Ok(()),
        false => Err(EnrolError::NoEncoders { bundle: path() }),
    }
}

/// Whether a file of a bundle is needed for enrolling.
#[must_use]
pub fn needs(role: Role) -> bool {
    matches!(
        role,
        Role::SpeakerEncoder
            | Role::SpeakerEncoderWeights
            | Role::CodecFeatures
            | Role::CodecFeaturesWeights
            | Role::CodecCodes
            | Role::CodecCodesWeights
            | Role::Vocabulary
            | Role::Merges
    )
}

/// Makes a voice of a recording. The networks for it are opened here, and closed when it is done.
///
/// # Errors
/// Whatever is wrong with the bundle, the description or the recording, in this order.
pub fn enrol(
    bundle: &Bundle,
    sound: &Sound,
    description: &Description,
    threads: usize,
) -> Result<Enrolled, EnrolError> {
    can_enrol(bundle)?;
    let layout = bundle.layout();
    let language = description.language.as_deref().map(str::to_lowercase).filter(|name| name != "auto");
    if let Some(name) = &language {
        layout.language(name)?;
    }
    let tokens = description.text.as_deref().map(|text| tokens(&bundle.tokenizer()?, text)).transpose()?;
    let (sound, advice) = prepare(sound)?;
    let embedding = SpeakerEncoder::load(bundle, threads)?.embed(&sound.samples)?;
    let reference = match tokens {
        Some(text) => {
            let codes = CodecEncoder::load(bundle, threads)?.encode(&sound.samples)?;
            Some(StoredReference { text, codes })
        }
        None => None,
    };
    let voice = VoiceFile {
        name: description.name.clone(),
        model: bundle.manifest().model.clone(),
        language,
        recording_s: sound.seconds(),
        embedding,
        reference,
    };
    Ok(Enrolled { voice, advice })
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, EnrolError> {
    Ok(tokenizer.encode(&clean(text.as_bytes())?)?)
}
