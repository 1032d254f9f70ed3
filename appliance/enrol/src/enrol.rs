//! Enrolment: making a voice file from a recording.

use crier_audio::Sound;
use crier_bundle::{Bundle, Role, StoredReference, VoiceFile};
use crier_prosody::LoudnessMeter;
use crier_speech::{ModelKind, Tokenizer, clean};

use crate::encoders::{CodecEncoder, SpeakerEncoder};
use crate::error::EnrolError;
use crate::fitness::prepare;
use crate::limits::SAMPLE_RATE_HZ;

/// Information about a recording.
#[derive(Clone, Default)]
pub struct Description {
    /// Name of the voice.
    pub name: String,
    /// Transcript of the recording, word for word; without it the voice has an embedding and no reference codes.
    pub text: Option<String>,
    /// Language of the recording, and default language of the voice.
    pub language: Option<String>,
    /// Silence behind the recording before its codes are made, in milliseconds; 0 as in the official package. Without a
    /// silent end, which the removal of silence takes away, voices repeat the last sounds of the recording.
    pub tail_silence_ms: u32,
}

/// Voice, and advice on its recording.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Voice file.
    pub voice: VoiceFile,
    /// Advice for a better recording, in whole sentences.
    pub advice: Vec<String>,
}

/// Checks that a bundle can enrol voices.
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

/// Returns true if enrolment needs a file of a bundle.
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

/// Makes a voice file from a recording. The networks are opened for it, and closed afterwards.
///
/// # Errors
/// Errors of the bundle, the description or the recording, checked in this order.
pub fn enrol(
    bundle: &Bundle,
    sound: &Sound,
    description: &Description,
    threads: usize,
) -> Result<Enrolled, EnrolError> {
    // Everything that is quick to check comes before the networks, which take seconds to load.
    can_enrol(bundle)?;
    let layout = bundle.layout();
    // "auto" is no language of a model: a voice file without one has the same meaning.
    let language = description.language.as_deref().map(|asked| layout.language(asked)).transpose()?.flatten();
    let language = language.map(|(name, _)| name.to_owned());
    let tokens = description.text.as_deref().map(|text| tokens(&bundle.tokenizer()?, text)).transpose()?;
    let (sound, advice) = prepare(sound)?;
    // One network after the other, so that only one is in memory.
    let embedding = SpeakerEncoder::load(bundle, threads)?.embed(&sound.samples)?;
    let reference = match tokens {
        Some(text) => {
            let mut samples = sound.samples.clone();
            let tail = u64::from(description.tail_silence_ms) * u64::from(SAMPLE_RATE_HZ) / 1000;
            samples.resize(samples.len() + usize::try_from(tail).unwrap_or(0), 0.0);
            let codes = CodecEncoder::load(bundle, threads)?.encode(&samples)?;
            Some(StoredReference { text, codes })
        }
        None => None,
    };
    let voice = VoiceFile {
        name: description.name.clone(),
        model: bundle.manifest().model.clone(),
        language,
        recording_s: sound.seconds(),
        loudness_lufs: loudness_lufs(&sound),
        embedding,
        reference,
    };
    Ok(Enrolled { voice, advice })
}

fn loudness_lufs(sound: &Sound) -> Option<f32> {
    let mut meter = LoudnessMeter::new(sound.rate_hz);
    meter.push(&sound.samples);
    meter.lufs().map(|lufs| lufs as f32)
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, EnrolError> {
    Ok(tokenizer.encode(&clean(text.as_bytes())?)?)
}
