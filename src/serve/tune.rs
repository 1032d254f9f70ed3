//! `crier tune`: measures CPU plans on the machine it runs on, and writes the fastest one into the configuration. The
//! stages themselves are measured, pinned as `crier serve` pins them.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_playback::{MAIN_VOICE, VoiceOptions, sentence_options};
use crier_supervisor::{CpuPlan, EngineCpus};
use crier_synthesis::{AudioEvent, RenderManner, VoiceSlot, render};
use crier_system::{PROCESSORS_ROOT, clusters, own_processors, replace_file};
use serde_json::json;
use tokio::sync::mpsc;

use super::plan;
use super::users::Users;
use crate::cli::TuneArguments;
use crate::error::CrierError;
use crate::report::{Align, Bars, note, print, print_json, rounded, table};

/// Text of the measurement: a sentence of ordinary length, since short ones are dominated by the prompt.
const TEXT: &str = "The next train leaves in seven minutes from the other platform.";
/// Runs of each plan. The fastest one counts, since disturbances only ever make a run slower.
const RUNS: u32 = 3;
/// Ratio of real-time factors below which a plan is preferred to one of fewer threads: 3 % is above the noise of the
/// measurement, and a CPU left free serves everything else on the board.
const WORTH_IT: f64 = 0.97;

/// Result of one plan.
struct Measured {
    cpus: EngineCpus,
    /// Computing time per second of speech.
    real_time_factor: f64,
    first_audio: Duration,
}

pub(crate) fn run(arguments: &TuneArguments) -> Result<(), CrierError> {
    let config = crate::validate::read_config(arguments.config.as_deref())?;
    let allowed = own_processors()?;
    let found = clusters(Path::new(PROCESSORS_ROOT), &allowed);
    let default = CpuPlan::from_clusters(&found);
    let timeouts = plan::timeouts(&config.supervisor);
    let users = Users::find(&config.users)?;
    let options =
        plan::speech(&config, crate::voice::bundle_folders(&config), &default, timeouts, &users)?.voices;
    let candidates = CpuPlan::candidates(&found).into_iter().map(|plan| plan.engines);
    if found.len() < 2 {
        note("crier: this machine has no clusters of different speed; all its CPUs are measured alike");
    }
    let mut bars = Bars::new();
    bars.begin("measuring", candidates.len() as u64);
    let mut measured = Vec::new();
    for cpus in candidates {
        let engines = plan::engines(&cpus, timeouts, &users);
        measured.push(measure(&VoiceOptions { engines, ..options.clone() }, cpus)?);
        bars.step(1);
    }
    bars.end();
    // Fewest threads first, so that the search below finds the smallest, and coolest, plan that is fast enough.
    measured.sort_by_key(|plan| plan.cpus.talker_predictor.threads + plan.cpus.vocoder.threads);
    let fastest = measured.iter().map(|plan| plan.real_time_factor).fold(f64::INFINITY, f64::min);
    let best = measured.iter().find(|plan| plan.real_time_factor * WORTH_IT <= fastest);
    let best = best.ok_or_else(|| CrierError::Internal("no plan was measured".to_owned()))?;
    if arguments.json {
        let entry = |plan: &Measured| {
            json!({
                "talker_threads": plan.cpus.talker_predictor.threads,
                "talker_processors": plan.cpus.talker_predictor.cpus,
                "vocoder_threads": plan.cpus.vocoder.threads,
                "vocoder_processors": plan.cpus.vocoder.cpus,
                "rtf": rounded(plan.real_time_factor, 4),
                "first_audio_ms": rounded(plan.first_audio.as_secs_f64() * 1e3, 1),
            })
        };
        print_json(&json!({ "plans": measured.iter().map(entry).collect::<Vec<_>>(), "best": entry(best) }))?;
    } else {
        let mut rows = vec![
            ["", "talker, predictor", "vocoder", "RTF", "time to first audio"].map(str::to_owned).to_vec(),
        ];
        rows.extend(measured.iter().map(|plan| {
            vec![
                if std::ptr::eq(plan, best) { ">" } else { "" }.to_owned(),
                plan.cpus.talker_predictor.to_string(),
                plan.cpus.vocoder.to_string(),
                format!("{:.3}", plan.real_time_factor),
                format!("{:.0} ms", plan.first_audio.as_secs_f64() * 1e3),
            ]
        }));
        print(&table(Align::Left, &rows))?;
    }
    match &arguments.config {
        Some(path) if !arguments.dry_run => write(path, &best.cpus),
        _ => {
            note(
                "crier: nothing is written; `crier tune --config FILE` writes the plan marked `>` into FILE",
            );
            Ok(())
        }
    }
}

/// Speaks with the stages pinned by the plan.
fn measure(options: &VoiceOptions, cpus: EngineCpus) -> Result<Measured, CrierError> {
    // An event loop for each plan, so that its stages are gone, with their CPUs and memory, before the next one begins.
    crate::event_loop::run(speak(options, cpus))
}

async fn speak(options: &VoiceOptions, cpus: EngineCpus) -> Result<Measured, CrierError> {
    let no_voice = || CrierError::Internal("the configuration has no voice".to_owned());
    let profile = options.profiles.get(MAIN_VOICE).ok_or_else(no_voice)?;
    let slot = VoiceSlot::load(options.spec(&profile.folder), Rc::new(Cell::new(0)));
    let voice = slot.usable().await?;
    let text = voice.read(TEXT, &profile.style).await?;
    let mut best = Measured { cpus, real_time_factor: f64::INFINITY, first_audio: Duration::MAX };
    for _ in 0..RUNS {
        let begin = Instant::now();
        // Room for the whole sentence: the measurement must not wait for its listener.
        let (out, mut events) = mpsc::channel(1024);
        let listening = async {
            let (mut samples, mut first) = (0, None);
            while let Some(event) = events.recv().await {
                if let AudioEvent::Samples(more) = event {
                    samples += more.len();
                    first.get_or_insert_with(|| begin.elapsed());
                }
            }
            (samples, first)
        };
        let rendering =
            render(&voice, &text, 0, sentence_options(profile.seed), RenderManner::default(), out);
        let (rendered, (samples, first)) = tokio::join!(rendering, listening);
        rendered?;
        let audio_s = samples as f64 / f64::from(voice.sample_rate_hz());
        let factor = begin.elapsed().as_secs_f64() / audio_s.max(f64::MIN_POSITIVE);
        // The best of the runs: other programs can only make a run slower.
        best.real_time_factor = best.real_time_factor.min(factor);
        best.first_audio = best.first_audio.min(first.unwrap_or(Duration::MAX));
    }
    Ok(best)
}

/// Writes the plan into `[cpu]` of a configuration; everything else in it, comments too, stays as it is.
fn write(path: &Path, cpus: &EngineCpus) -> Result<(), CrierError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CrierError::Read { path: path.to_owned(), source })?;
    let invalid = |_| CrierError::Invalid { path: path.to_owned() };
    // Parsed into a document and not into values, which would lose comments and order.
    let mut document: toml_edit::DocumentMut = text.parse().map_err(invalid)?;
    let cpu = document["cpu"].or_insert(toml_edit::table());
    for (name, share) in [("talker", &cpus.talker_predictor), ("vocoder", &cpus.vocoder)] {
        cpu[&format!("{name}_threads")] = toml_edit::value(i64::try_from(share.threads).unwrap_or(1));
        let processors = share.cpus.iter().filter_map(|number| i64::try_from(*number).ok());
        cpu[&format!("{name}_processors")] = toml_edit::value(processors.collect::<toml_edit::Array>());
    }
    // As a whole or not at all: a configuration cut by a power failure would keep the appliance from starting.
    replace_file(path, document.to_string().as_bytes())?;
    note(&format!("crier: the plan is in {}; a running appliance takes it over on SIGHUP", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crier_supervisor::CpuAssignment;

    use super::*;

    #[test]
    fn the_plan_is_written_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crier.toml");
        let before = "# mine\n[queue]\nentries_max = 7 # few\n\n[cpu]\n# later\nvocoder_threads = \"auto\"\n";
        std::fs::write(&path, before).unwrap();
        let share = |threads, cpus: &[usize]| CpuAssignment { threads, cpus: cpus.to_vec() };
        write(&path, &EngineCpus { talker_predictor: share(3, &[4, 5, 6]), vocoder: share(1, &[7]) })
            .unwrap();
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(after.starts_with("# mine\n[queue]\nentries_max = 7 # few\n"), "{after}");
        let (config, _) = crier_config::Config::parse("crier.toml", &after).unwrap();
        assert_eq!((config.cpu.talker_threads, config.cpu.vocoder_threads), (Some(3), Some(1)));
        assert_eq!(config.cpu.vocoder_processors, Some(vec![7]));
        assert_eq!(config.queue.entries_max, 7);
    }
}
