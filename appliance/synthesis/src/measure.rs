//! Cost of each engine, measured one at a time over the stage protocol.

use std::time::{Duration, Instant};

use crier_announce::Prosody;
use crier_bundle::Bundle;
use crier_speech::{
    CODEBOOKS, EmbeddingTables, FrameRequest, ModelKind, PromptSpeaker, SentenceFrames, SentenceOptions,
    VoiceLayout,
};
use crier_wire::{At, Decode, VocoderRequest};

use crate::engine::{EngineClient, Reply};
use crate::render::{Job, step};
use crate::{RenderFault, TokenizedText, Voice};

/// Time of the calls of one engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineCost {
    /// Time from request to reply.
    pub wall: Duration,
    /// CPU time of the engine's process meanwhile.
    pub cpu: Duration,
    /// Number of calls.
    pub count: u32,
}

impl EngineCost {
    /// Carries out a call of the process `pid`, and adds what it took.
    async fn measure<T>(&mut self, pid: Option<i32>, call: impl Future<Output = T>) -> T {
        let cpu_time = || pid.map_or(Duration::ZERO, crier_system::cpu_time_of);
        // CPU time beside wall time: on a busy machine only the former can be compared between runs.
        let (wall, cpu) = (Instant::now(), cpu_time());
        let result = call.await;
        self.wall += wall.elapsed();
        self.cpu += cpu_time().saturating_sub(cpu);
        self.count += 1;
        result
    }
}

/// Costs of the engines that make frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameCosts {
    /// The talker's first call, which reads the prompt.
    pub prefill: EngineCost,
    /// Its other calls, one a frame.
    pub talker: EngineCost,
    /// Calls of the code predictor, one a frame.
    pub predictor: EngineCost,
}

/// Returns the identity of the first speaker, or a made-up one for a voice that needs a voice file: any embedding costs
/// the same as a real one.
#[must_use]
pub fn any_identity(bundle: &Bundle) -> PromptSpeaker {
    let layout = bundle.layout();
    match (layout.kind, layout.speakers_in_order().next()) {
        (_, Some((name, _))) => PromptSpeaker::Named(name.to_owned()),
        (ModelKind::VoiceDesign, None) => PromptSpeaker::Described,
        (_, None) => {
            let mut embedding = vec![0.0; layout.hidden];
            bundle.add_codec(layout.codec_ids.pad, &mut embedding);
            PromptSpeaker::Embedding(embedding)
        }
    }
}

/// Makes the frames of the first unit of a text, while the vocoder rests; calls `progress` after each frame.
///
/// # Errors
/// An engine cannot go on.
pub async fn measure_frames(
    voice: &Voice,
    layout: &VoiceLayout,
    text: &TokenizedText,
    options: SentenceOptions,
    progress: &mut dyn FnMut(),
) -> Result<FrameCosts, RenderFault> {
    let mut talker = voice.talker.lock().await;
    let mut predictor = voice.predictor.lock().await;
    let (talker_pid, predictor_pid) = (pid(&talker), pid(&predictor));
    let utterance = voice.next_utterance();
    let job = Job { voice, layout, text, first: 0, options, prosody: Prosody::default() };
    let mut frames = SentenceFrames::new(layout, text.sentence(voice.frontend(), 0)?, options);
    let mut costs = FrameCosts::default();
    loop {
        let (cost, pid) = match frames.request() {
            FrameRequest::Talker { position: 0, .. } => (&mut costs.prefill, talker_pid),
            FrameRequest::Talker { .. } => (&mut costs.talker, talker_pid),
            FrameRequest::Predictor { .. } => (&mut costs.predictor, predictor_pid),
            FrameRequest::Finished(_) => return Ok(costs),
        };
        cost.measure(pid, step(&job, utterance, &mut frames, &mut talker, &mut predictor)).await?;
        while frames.next_event().is_some() {
            progress();
        }
    }
}

/// Decodes `codes`, `chunk` frames a call, while the other engines rest.
///
/// # Errors
/// The vocoder cannot go on.
pub async fn measure_vocoder(
    voice: &Voice,
    codes: &[[u16; CODEBOOKS]],
    chunk: usize,
) -> Result<EngineCost, RenderFault> {
    let mut vocoder = voice.vocoder.lock().await;
    let pid = pid(&vocoder);
    let mut cost = EngineCost::default();
    // Once unmeasured: the first call of a length makes its buffers.
    for measured in [false, true] {
        let utterance = voice.next_utterance();
        let parts = codes.chunks(chunk.max(1)).take(if measured { usize::MAX } else { 1 });
        let mut frame = 0;
        for part in parts {
            let at = At { utterance, frame };
            let request = VocoderRequest::Decode(Decode { at, codes: part.to_vec(), initial_state: None });
            let call = vocoder.call(at, part.len() as u64, [(request, &[][..])]);
            if measured {
                cost.measure(pid, call).await?
            } else {
                call.await?
            };
            frame += part.len() as u32;
        }
    }
    Ok(cost)
}

/// Process number of an engine's present instance.
fn pid<R: Reply>(engine: &EngineClient<R>) -> Option<i32> {
    engine.stage().status().pid
}
