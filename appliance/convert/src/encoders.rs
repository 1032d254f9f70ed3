//! Encoders of a Base model, with which `crier voice enroll` makes a voice file.

use crier_bundle::{BundleWriter, Role};

use crate::checkpoint::Checkpoint;
use crate::config::EncoderConfig;
use crate::progress::ConvertProgress;
use crate::{ConvertError, onnx};

/// Writes the speaker encoder and both halves of the codec's encoder. They keep 32 bits whatever the other networks
/// have: codes are choices, and a small error makes another choice.
pub(crate) fn write(
    checkpoint: &Checkpoint,
    writer: &mut BundleWriter,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let config = &checkpoint.config;
    let unsupported = |file: &str, reason: &str| ConvertError::Unsupported {
        path: checkpoint.folder.join(file),
        reason: reason.to_owned(),
    };
    let speaker = config.speaker_encoder_config.as_ref();
    let speaker = speaker
        .filter(|speaker| onnx::speaker::is_known(speaker))
        // The embedding is added to a row of the prompt, so it must be as wide.
        .filter(|speaker| speaker.enc_dim == config.talker_config.transformer.hidden_size)
        .ok_or_else(|| {
            unsupported("config.json", "its speaker encoder is missing, or has another structure")
        })?;
    let codec = checkpoint.speech.encoder_config.as_ref();
    let fits = |codec: &&EncoderConfig| {
        // Two columns of features are a frame.
        let rate = 2 * codec.upsampling_ratios.iter().product::<usize>();
        onnx::codec_features::is_known(codec)
            && onnx::codec_codes::is_known(codec)
            && rate == checkpoint.speech.decode_upsample_rate
            && codec.codebook_size == checkpoint.speech.decoder_config.codebook_size
    };
    let codec = codec.filter(fits).ok_or_else(|| {
        unsupported("speech_tokenizer/config.json", "its encoder is missing, or has another structure")
    })?;

    progress.stage("encoders", 3);
    onnx::speaker::write(&checkpoint.main, speaker, &writer.path("speaker_encoder.onnx"))?;
    progress.advance(1);
    onnx::codec_features::write(&checkpoint.codec, codec, &writer.path("codec_features.onnx"))?;
    progress.advance(1);
    onnx::codec_codes::write(&checkpoint.codec, codec, &writer.path("codec_codes.onnx"))?;
    progress.advance(1);
    for (role, name) in [
        (Role::SpeakerEncoder, "speaker_encoder.onnx"),
        (Role::SpeakerEncoderWeights, "speaker_encoder.bin"),
        (Role::CodecFeatures, "codec_features.onnx"),
        (Role::CodecFeaturesWeights, "codec_features.bin"),
        (Role::CodecCodes, "codec_codes.onnx"),
        (Role::CodecCodesWeights, "codec_codes.bin"),
    ] {
        writer.add(role, name, None)?;
    }
    Ok(())
}
