//! `crier bench`: measures the cost of each engine on this machine, and of all of them together.

use std::time::{Duration, Instant};

use crier_speech::{CODEBOOKS, SentenceOptions};
use crier_synthesis::{
    AudioEvent, CHUNK_FRAMES, EngineCost, FrameCosts, any_identity, measure_frames, measure_vocoder,
    render_with,
};
use crier_system::{peak_rss_bytes, peak_rss_bytes_of};
use serde_json::json;
use tokio::sync::mpsc;

use crate::cli::BenchArguments;
use crate::engines::{self, LoadedVoice};
use crate::error::CrierError;
use crate::report::{Align, Bars, counted, human_bytes, milliseconds, print, print_json, rounded, table};

/// Text of the measurement. Its length does not matter, since the number of frames is forced.
const TEXT: &str = "the front door is open";
/// Frames per vocoder call in the table that the first such program on this board published.
const LONG_CHUNK_FRAMES: usize = 64;
/// Audio events between the driver and the listener, which only counts: enough that it never waits.
const EVENTS_AHEAD_MAX: usize = 64;

/// Result of the command.
struct BenchSummary {
    model: String,
    threads: usize,
    load_time: Duration,
    costs: FrameCosts,
    vocoder: EngineCost,
    vocoder_long: EngineCost,
    /// Length of the speech that all engines made together, and the time during which they worked for it.
    audio_s: f64,
    work: Duration,
    first_audio: Duration,
    /// Sum over the engines and this process, each of which counts the pages that they share.
    peak_rss_bytes: u64,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<(), CrierError> {
    let summary = engines::run(measure(arguments))?;
    if arguments.json { report_json(arguments.frames, &summary) } else { report(arguments.frames, &summary) }
}

async fn measure(arguments: &BenchArguments) -> Result<BenchSummary, CrierError> {
    let loaded = LoadedVoice::load(&arguments.engine, None).await?;
    let voice = &loaded.voice;
    let bundle = voice.frontend().bundle();
    // The end of speech is never allowed, so that exactly the wanted number of frames is made.
    let mut layout = bundle.layout().clone();
    layout.sampling.min_frames = u32::MAX;
    let text = voice.frontend().read_as(TEXT, any_identity(bundle))?;
    let options = SentenceOptions {
        seed: 1,
        greedy: false,
        max_frames: Some(arguments.frames),
        chunk_frames: CHUNK_FRAMES,
    };
    let mut bars = Bars::new();
    // Two passes over the frames: engines one by one, then all together.
    bars.begin("measuring", u64::from(arguments.frames) * 2);
    let explain = |error| loaded.explain(crier_synthesis::RenderError { unit: 0, cause: error });
    let costs =
        measure_frames(voice, &layout, &text, options, &mut || bars.step(1)).await.map_err(explain)?;

    let (begin, busy) = (Instant::now(), voice.busy_clock().total());
    let (out, mut events) = mpsc::channel(EVENTS_AHEAD_MAX);
    let listening = async {
        // Codes are kept, since the vocoder alone is measured with them afterwards.
        let (mut codes, mut samples, mut first) = (Vec::<[u16; CODEBOOKS]>::new(), 0, None);
        while let Some(event) = events.recv().await {
            match event {
                AudioEvent::UnitStart { .. } => {}
                AudioEvent::Samples(more) => {
                    samples += more.len();
                    first.get_or_insert_with(|| begin.elapsed());
                }
                AudioEvent::UnitEnd { codes: made, .. } => codes.extend(made),
            }
        }
        (codes, samples, first)
    };
    let rendering = render_with(voice, &layout, &text, options, out);
    let (rendered, (codes, samples, first)) = tokio::join!(rendering, listening);
    rendered.map_err(|error| loaded.explain(error))?;
    let work = voice.busy_clock().total().saturating_sub(busy);
    // Before the long calls that follow: they are only measured, never made by other commands.
    let pids = voice.stages().iter().filter_map(|stage| stage.status().pid);
    let peak_rss_bytes = peak_rss_bytes() + pids.map(peak_rss_bytes_of).sum::<u64>();
    bars.step(u64::from(arguments.frames) / 2);
    let vocoder = measure_vocoder(voice, &codes, CHUNK_FRAMES).await.map_err(explain)?;
    let vocoder_long = measure_vocoder(voice, &codes, LONG_CHUNK_FRAMES).await.map_err(explain)?;
    bars.end();
    Ok(BenchSummary {
        model: bundle.manifest().name.clone(),
        threads: loaded.threads,
        load_time: loaded.load_time,
        costs,
        vocoder,
        vocoder_long,
        audio_s: samples as f64 / f64::from(voice.sample_rate_hz()),
        work,
        first_audio: first.unwrap_or(Duration::ZERO),
        peak_rss_bytes,
    })
}

impl BenchSummary {
    fn rtf(&self) -> f64 {
        self.work.as_secs_f64() / self.audio_s.max(f64::MIN_POSITIVE)
    }
}

/// Returns the time for one of `units` units of work, in milliseconds.
fn ms(time: Duration, units: u32) -> f64 {
    milliseconds(time) / f64::from(units.max(1))
}

fn report_json(frames: u32, summary: &BenchSummary) -> Result<(), CrierError> {
    let BenchSummary { costs: FrameCosts { prefill, talker, predictor }, vocoder, vocoder_long, .. } =
        summary;
    print_json(&json!({
        "talker_ms_per_step": rounded(ms(talker.wall, talker.count), 3),
        "predictor_ms_per_frame": rounded(ms(predictor.wall, frames), 3),
        "vocoder_ms_per_frame": rounded(ms(vocoder.wall, frames), 3),
        "vocoder_ms_per_64_frames": rounded(ms(vocoder_long.wall, frames) * LONG_CHUNK_FRAMES as f64, 1),
        "talker_cpu_ms_per_step": rounded(ms(talker.cpu, talker.count), 3),
        "predictor_cpu_ms_per_frame": rounded(ms(predictor.cpu, frames), 3),
        "vocoder_cpu_ms_per_frame": rounded(ms(vocoder.cpu, frames), 3),
        "prefill_ms": rounded(ms(prefill.wall, 1), 1),
        "rtf": rounded(summary.rtf(), 4),
        "first_audio_ms": rounded(milliseconds(summary.first_audio), 1),
        "load_ms": rounded(milliseconds(summary.load_time), 1),
        "peak_rss_bytes": summary.peak_rss_bytes,
        "frames": frames,
        "threads": summary.threads,
    }))
}

fn report(frames: u32, summary: &BenchSummary) -> Result<(), CrierError> {
    let BenchSummary { model, threads, costs, vocoder, vocoder_long, .. } = summary;
    let FrameCosts { talker, predictor, .. } = costs;
    let row = |name: &str, cost: &EngineCost, units: u32, of: usize| {
        let cell = |time| format!("{:.2}", ms(time, units) * of as f64);
        vec![name.to_owned(), cell(cost.wall), cell(cost.cpu)]
    };
    let together = ms(talker.cpu, talker.count) + ms(predictor.cpu, frames) + ms(vocoder.cpu, frames);
    let rows = [
        ["", "wall ms", "CPU ms"].map(str::to_owned).to_vec(),
        row("talker, a step", talker, talker.count, 1),
        row("predictor, a frame", predictor, frames, 1),
        row("vocoder, a frame", vocoder, frames, 1),
        row("vocoder, 64 frames at once", vocoder_long, frames, LONG_CHUNK_FRAMES),
        vec!["all, a frame of 80 ms".to_owned(), String::new(), format!("{together:.2}")],
    ];
    print(&format!(
        "{model}, {frames} frames, {threads} + {} for the vocoder\n\n{}\n  RTF {:.3}, time to first audio {:.0} ms, \
         loaded in {:.0} ms, peak memory {}\n",
        counted(*threads, "thread"),
        table(Align::Right, &rows),
        summary.rtf(),
        milliseconds(summary.first_audio),
        milliseconds(summary.load_time),
        human_bytes(summary.peak_rss_bytes),
    ))
}
