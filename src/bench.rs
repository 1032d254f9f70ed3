//! `crier bench`: measures the cost of each network on this machine, and of all of them together.

use std::time::{Duration, Instant};

use crier_speech::{
    CODEBOOKS, EmbeddingTables, Finish, Frame, FrameLoop, Identity, ModelKind, PredictorEngine, Prompt,
    PromptOptions, Request, Sentence, SentenceOptions, TalkerEngine, TextMode, VoiceLayout,
};
use crier_system::{peak_rss_bytes, process_cpu_time};
use crier_vocoder::Vocoder;
use serde_json::json;

use crate::cli::BenchArguments;
use crate::engine::Engine;
use crate::error::CrierError;
use crate::report::{Align, Bars, counted, human_bytes, milliseconds, print, print_json, rounded, table};
use crate::speak::{CHUNK_FRAMES, FrameMaker, speak};

/// Text of the measurement. Its length does not matter, since the number of frames is forced.
const TEXT: &str = "the front door is open";
/// Frames per vocoder call in the table that the first such program on this board published.
const LONG_CHUNK_FRAMES: usize = 64;

/// Time of one stage: on the wall, and on all processors together.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    count: u32,
}

impl Cost {
    fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), process_cpu_time());
        let result = work();
        self.wall += wall.elapsed();
        self.cpu += process_cpu_time().saturating_sub(cpu);
        self.count += 1;
        result
    }

    fn wall_ms(&self, units: u32) -> f64 {
        milliseconds(self.wall) / f64::from(units.max(1))
    }

    fn cpu_ms(&self, units: u32) -> f64 {
        milliseconds(self.cpu) / f64::from(units.max(1))
    }
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<(), CrierError> {
    let mut engine = Engine::load(&arguments.engine, None)?;
    engine.verified()?;
    // The end of speech is never allowed, so that exactly the wanted number of frames is made.
    let mut layout = engine.reader.bundle().layout().clone();
    layout.sampling.min_frames = u32::MAX;
    let prompt = prompt(&engine, &layout)?;
    let mut bars = Bars::new();
    bars.begin("measuring", u64::from(arguments.frames) * 3);

    let (mut prefill, mut talker, mut predictor) = (Cost::default(), Cost::default(), Cost::default());
    let mut codes = Vec::new();
    let mut frame_loop = FrameLoop::new(&layout, prompt.clone(), 1, false, arguments.frames);
    loop {
        match frame_loop.request() {
            Request::Talker { position, constant, rows } => {
                let cost = if position == 0 { &mut prefill } else { &mut talker };
                let output = cost.measure(|| engine.talker.decode(position, constant, rows))?;
                frame_loop.talker_done(output.hidden, output.logits, &**engine.reader.bundle())?;
            }
            Request::Predictor { frame, hidden, code0 } => {
                let sampler = *frame_loop.predictor_sampler();
                let made = predictor.measure(|| engine.predictor.predict(frame, hidden, code0, &sampler))?;
                let Frame { codes: made, .. } =
                    frame_loop.predictor_done(&made, &**engine.reader.bundle())?;
                codes.push(made);
                bars.step(1);
            }
            Request::Finished(finish) => {
                debug_assert_eq!(finish, Finish::FrameLimit);
                break;
            }
        }
    }

    let vocoder = vocoder_cost(&mut engine.vocoder, &codes, CHUNK_FRAMES)?;
    bars.step(u64::from(arguments.frames) / 2);

    let options = SentenceOptions {
        seed: 1,
        greedy: false,
        max_frames: Some(arguments.frames),
        chunk_frames: CHUNK_FRAMES,
    };
    let sentence = Sentence { prompt, tokens: 1 };
    let (bundle, threads, load_time) = (&**engine.reader.bundle(), engine.threads, engine.load_time);
    let maker =
        FrameMaker { bundle, layout: &layout, talker: &mut engine.talker, predictor: &mut engine.predictor };
    let spoken = speak(maker, &mut engine.vocoder, [Ok(sentence)], options, &mut |_| Ok(()))?;
    // What speaking needs; the long calls that follow are only measured, never made by other commands.
    let peak = peak_rss_bytes();
    let vocoder_long = vocoder_cost(&mut engine.vocoder, &codes, LONG_CHUNK_FRAMES)?;
    bars.end();

    let frames = arguments.frames;
    let audio_s = spoken.samples as f64 / f64::from(engine.vocoder.sample_rate_hz());
    let rtf = spoken.total.as_secs_f64() / audio_s.max(f64::MIN_POSITIVE);
    let talker_cpu_ms = talker.cpu_ms(talker.count);
    let cpu_sum = talker_cpu_ms + predictor.cpu_ms(frames) + vocoder.cpu_ms(frames);
    if arguments.json {
        return print_json(&json!({
            "talker_ms_per_step": rounded(talker.wall_ms(talker.count), 3),
            "predictor_ms_per_frame": rounded(predictor.wall_ms(frames), 3),
            "vocoder_ms_per_frame": rounded(vocoder.wall_ms(frames), 3),
            "vocoder_ms_per_64_frames": rounded(vocoder_long.wall_ms(frames) * LONG_CHUNK_FRAMES as f64, 1),
            "talker_cpu_ms_per_step": rounded(talker_cpu_ms, 3),
            "predictor_cpu_ms_per_frame": rounded(predictor.cpu_ms(frames), 3),
            "vocoder_cpu_ms_per_frame": rounded(vocoder.cpu_ms(frames), 3),
            "prefill_ms": rounded(prefill.wall_ms(1), 1),
            "rtf": rounded(rtf, 4),
            "first_audio_ms": rounded(milliseconds(spoken.first_audio), 1),
            "load_ms": rounded(milliseconds(load_time), 1),
            "peak_rss_bytes": peak,
            "frames": frames,
            "threads": threads,
        }));
    }
    let row = |name: &str, wall: String, cpu: String| vec![name.to_owned(), wall, cpu];
    let ms = |value: f64| format!("{value:.2}");
    let rows = [
        row("", "wall ms".to_owned(), "processor ms".to_owned()),
        row("talker, a step", ms(talker.wall_ms(talker.count)), ms(talker_cpu_ms)),
        row("predictor, a frame", ms(predictor.wall_ms(frames)), ms(predictor.cpu_ms(frames))),
        row("vocoder, a frame", ms(vocoder.wall_ms(frames)), ms(vocoder.cpu_ms(frames))),
        row(
            "vocoder, 64 frames at once",
            ms(vocoder_long.wall_ms(frames) * LONG_CHUNK_FRAMES as f64),
            ms(vocoder_long.cpu_ms(frames) * LONG_CHUNK_FRAMES as f64),
        ),
        row("all, a frame of 80 ms", String::new(), ms(cpu_sum)),
    ];
    print(&format!(
        "{}, {frames} frames, {threads} + {} for the vocoder\n\n{}\n  RTF {rtf:.3}, time to first \
         audio {:.0} ms, loaded in {:.0} ms, peak memory {}\n",
        bundle.manifest().name,
        counted(threads, "thread"),
        table(Align::Right, &rows),
        milliseconds(spoken.first_audio),
        milliseconds(load_time),
        human_bytes(peak),
    ))
}

/// What the vocoder takes for all of `codes`, `chunk` frames a call.
fn vocoder_cost(vocoder: &mut Vocoder, codes: &[[u16; CODEBOOKS]], chunk: usize) -> Result<Cost, CrierError> {
    let (mut cost, mut samples) = (Cost::default(), Vec::new());
    // Once unmeasured: the first call of a length makes its buffers.
    vocoder.start();
    vocoder.decode(&codes[..chunk.min(codes.len())], &mut samples)?;
    vocoder.start();
    for part in codes.chunks(chunk) {
        samples.clear();
        cost.measure(|| vocoder.decode(part, &mut samples))?;
    }
    Ok(cost)
}

fn prompt(engine: &Engine, layout: &VoiceLayout) -> Result<Prompt, CrierError> {
    let identity = match (layout.kind, layout.speakers_in_order().next()) {
        (_, Some((name, _))) => Identity::Named(name.to_owned()),
        (ModelKind::VoiceDesign, None) => Identity::Described,
        (_, None) => {
            // Any embedding costs the same as a real one.
            let mut embedding = vec![0.0; layout.hidden];
            engine.reader.bundle().add_codec(layout.codec_ids.pad, &mut embedding);
            Identity::Embedding(embedding)
        }
    };
    let options = PromptOptions {
        role: engine.reader.tokenizer().role(layout)?,
        instruction: Vec::new(),
        language: None,
        identity,
        reference: None,
        mode: TextMode::Streaming,
    };
    let tokens = engine.reader.tokens(TEXT)?;
    Ok(Prompt::new(layout, &**engine.reader.bundle(), &options, &tokens)?)
}
