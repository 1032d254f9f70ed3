//! `crier voice enroll`: makes a voice file of a recording.

use std::path::Path;
use std::time::Instant;

use crier_audio::Limits;
use crier_bundle::{Bundle, Role, VoiceFile};
use crier_enrol::{Description, SECONDS_MAX, can_enrol, enrol};
use crier_vocoder::{Vocoder, VocoderOptions};
use serde_json::json;

use crate::cli::EnrollArguments;
use crate::error::CrierError;
use crate::report::{human_bytes, milliseconds, note, print, print_json, rounded};
use crate::voice::locate;
use crier_synthesis::{VOICE_FILE_EXTENSION, is_voice_file};

/// Additional length of a recording, in seconds, for silence around the speech, which is cut off.
const SILENCE_SECONDS_MAX: u32 = 15;

pub(crate) fn run(arguments: &EnrollArguments) -> Result<(), CrierError> {
    let begin = Instant::now();
    let output = &arguments.output;
    let name = output.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if !is_voice_file(output) {
        let text = format!(
            "{} is not a name for a voice file: use one that ends in .{VOICE_FILE_EXTENSION}",
            output.display()
        );
        return Err(CrierError::Usage(text));
    }
    if output.exists() && !arguments.force {
        let text =
            format!("{} exists already: choose another name, or --force to replace it", output.display());
        return Err(CrierError::Usage(text));
    }
    // Cheap checks first: a wrong bundle or recording is reported before anything large is read.
    let bundle = Bundle::open(&locate(arguments.voice.as_deref())?)?;
    can_enrol(&bundle)?;
    let limits = Limits { seconds_max: SECONDS_MAX + SILENCE_SECONDS_MAX };
    let sound = crier_audio::read(&arguments.recording, limits)?;
    let (text, language) = (arguments.text.clone(), arguments.language.clone());
    let description = Description { name, text, language, tail_silence_ms: arguments.tail_silence_ms };
    // Damaged encoders fail silently: they produce a voice that resembles no one.
    bundle.verify_some(&crier_enrol::needs, &mut |_| ())?;
    let enrolled = enrol(&bundle, &sound, &description, threads(arguments))?;
    enrolled.voice.write(output)?;
    if arguments.prepare {
        bundle.verify_some(&|role| matches!(role, Role::Vocoder | Role::VocoderWeights), &mut |_| ())?;
        let options = VocoderOptions { threads: threads(arguments), ..VocoderOptions::default() };
        // Stored beside the voice file, where the vocoder stage looks for it.
        Vocoder::load(&bundle, &options)?.prime_from(&bundle, &enrolled.voice, output)?;
    }
    for advice in &enrolled.advice {
        note(&format!("crier: {advice}"));
    }
    report(arguments, &enrolled.voice, &enrolled.advice, begin)
}

fn threads(arguments: &EnrollArguments) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.threads.map_or_else(all, usize::from)
}

fn report(
    arguments: &EnrollArguments,
    voice: &VoiceFile,
    advice: &[String],
    begin: Instant,
) -> Result<(), CrierError> {
    let output = &arguments.output;
    let bytes = std::fs::metadata(output).map_or(0, |metadata| metadata.len());
    let frames = voice.reference_codes().len();
    if arguments.json {
        return print_json(&json!({
            "voice": output,
            "name": voice.name,
            "language": voice.language,
            "recording_s": rounded(f64::from(voice.recording_s), 3),
            "reference_frames": frames,
            "bytes": bytes,
            "advice": advice,
            "enrol_ms": rounded(milliseconds(begin.elapsed()), 1),
            "peak_rss_bytes": crier_system::peak_rss_bytes(),
        }));
    }
    let kept = match frames {
        0 => "how the speaker sounds (with --text, it would also keep how the speaker speaks)",
        _ => "how the speaker sounds and speaks",
    };
    print(&format!(
        "{} keeps {kept}: {:.1} s of speech, {}\nTry it: crier say --voice {} --speaker {} \"Hello.\"\n",
        output.display(),
        voice.recording_s,
        human_bytes(bytes),
        arguments.voice.as_deref().unwrap_or(Path::new("BUNDLE")).display(),
        output.display(),
    ))
}
