//! The configuration files of a checkpoint as the layout of a voice.

use crier_speech::{AddedToken, CodecIds, ModelKind, SamplingDefaults, Speaker, TextIds, VoiceLayout};

use crate::ConvertError;
use crate::checkpoint::Checkpoint;
use crate::config::{GenerationConfig, SpeakerDialect};

/// Minimum number of frames before the end of speech: `min_new_tokens` of the official package.
const MIN_FRAMES: u32 = 2;

/// Returns the validated layout of a checkpoint's voice.
pub(crate) fn layout(checkpoint: &Checkpoint) -> Result<VoiceLayout, ConvertError> {
    let config = &checkpoint.config;
    let talker = &config.talker_config;
    let path = checkpoint.folder.join("config.json");
    let unsupported = |reason: String| ConvertError::Unsupported { path: path.clone(), reason };
    let kind = match config.tts_model_type.as_str() {
        "custom_voice" => ModelKind::CustomVoice,
        "base" => ModelKind::Base,
        "voice_design" => ModelKind::VoiceDesign,
        other => return Err(unsupported(format!("tts_model_type is '{other}'"))),
    };
    // The predictor's choices are the vocoder's inputs: with more of them than entries the vocoder would
    // reject frames.
    if checkpoint.speech.decoder_config.codebook_size != talker.code_predictor_config.vocab_size {
        return Err(unsupported("its codebooks and its code predictor differ in size".to_owned()));
    }
    let speakers = talker.spk_id.iter().map(|(name, &id)| {
        let dialect = match talker.spk_is_dialect.get(name) {
            Some(SpeakerDialect::Name(dialect)) => Some(dialect.clone()),
            // `true` without a name does not occur, and says nothing that could be used.
            Some(SpeakerDialect::Flag(_)) | None => None,
        };
        // Names are looked up in lower case, as in the official package.
        (name.to_lowercase(), Speaker { id, dialect, loudness_lufs: None })
    });
    let layout = VoiceLayout {
        kind,
        model_size: config.tts_model_size.clone(),
        hidden: talker.transformer.hidden_size,
        codebook_size: talker.code_predictor_config.vocab_size,
        codec_vocab: talker.transformer.vocab_size,
        text_vocab: talker.text_vocab_size,
        // The official package drops instructions for the small CustomVoice model only.
        instructions: config.tts_model_size != "0b6" || kind == ModelKind::VoiceDesign,
        text_normalisation: config.crier.text_normalisation,
        lead_frames: config.crier.lead_frames,
        text_ids: TextIds {
            im_start: config.im_start_token_id,
            im_end: config.im_end_token_id,
            tts_pad: config.tts_pad_token_id,
            tts_bos: config.tts_bos_token_id,
            tts_eos: config.tts_eos_token_id,
        },
        codec_ids: CodecIds {
            pad: talker.codec_pad_id,
            bos: talker.codec_bos_id,
            eos: talker.codec_eos_token_id,
            think: talker.codec_think_id,
            nothink: talker.codec_nothink_id,
            think_bos: talker.codec_think_bos_id,
            think_eos: talker.codec_think_eos_id,
        },
        languages: talker.codec_language_id.iter().map(|(name, &id)| (name.to_lowercase(), id)).collect(),
        speakers: speakers.collect(),
        sampling: sampling(&checkpoint.generation),
    };
    // Ids are checked once here and at each opening; later steps index tables with them.
    layout.check().map_err(|e| unsupported(e.to_string()))?;
    Ok(layout)
}

/// Returns the default sampling parameters.
fn sampling(g: &GenerationConfig) -> SamplingDefaults {
    SamplingDefaults {
        sample: g.do_sample,
        temperature: g.temperature,
        top_k: g.top_k,
        top_p: g.top_p,
        repetition_penalty: g.repetition_penalty,
        predictor_sample: g.subtalker_dosample,
        predictor_temperature: g.subtalker_temperature,
        predictor_top_k: g.subtalker_top_k,
        predictor_top_p: g.subtalker_top_p,
        min_frames: MIN_FRAMES,
        max_frames: g.max_new_tokens,
    }
}

/// Returns the tokens outside the BPE vocabulary.
pub(crate) fn added_tokens(checkpoint: &Checkpoint) -> Vec<AddedToken> {
    let tokens = &checkpoint.tokenizer.added_tokens_decoder;
    tokens.iter().map(|(&id, token)| AddedToken { content: token.content.clone(), id }).collect()
}
