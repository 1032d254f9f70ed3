//! `crier say`: speaks a text on a sound device or into a file.

use std::io::Read;
use std::path::{Path, PathBuf};

use crier_player::{AlsaSink, Sink, WavFormat, WavSink, playback_devices};
use crier_speech::{CODEBOOKS, SentenceOptions, TEXT_BYTES_MAX, TextMode, clean};
use serde_json::json;

use crate::cli::{SayArguments, TextModeArgument, WavFormatArgument};
use crate::engine::Engine;
use crate::error::CrierError;
use crate::report::{Align, milliseconds, note, print, print_json, rounded, table};
use crate::speak::{CHUNK_FRAMES, FrameMaker, SpeakSummary, speak};
use crier_synthesis::Style;
use crier_synthesis::is_voice_file;

pub(crate) fn run(arguments: &SayArguments) -> Result<(), CrierError> {
    if arguments.device == "?" {
        let rows: Vec<Vec<String>> =
            playback_devices()?.into_iter().map(|device| vec![device.name, device.description]).collect();
        return print(&table(Align::Right, &rows));
    }
    if arguments.json && arguments.wav.as_deref() == Some(Path::new("-")) {
        return Err(CrierError::Usage("--json and --wav - both want standard output: choose one".to_owned()));
    }
    let text = clean(&read_text(&arguments.text)?)?;
    let mut engine = Engine::load(&arguments.engine, voice_file(arguments))?;
    let rate_hz = engine.vocoder.sample_rate_hz();
    // Whatever is wrong with the text is told before a file is created.
    let script = engine.reader.read(&text, &style(arguments))?;
    engine.verified()?;
    if !script.skipped.is_empty() {
        let skipped = script.skipped.escape_debug();
        note(&format!("crier: this voice reads English only; left out: {skipped}"));
    }
    let mut output = SayOutput::open(arguments, rate_hz)?;
    let options = SentenceOptions {
        seed: arguments.seed,
        greedy: arguments.greedy,
        max_frames: arguments.max_frames,
        chunk_frames: arguments.chunk.map_or(CHUNK_FRAMES, usize::from),
    };
    let Engine { reader, talker, predictor, vocoder, .. } = &mut engine;
    let maker = FrameMaker { layout: reader.bundle().layout(), bundle: reader.bundle(), talker, predictor };
    let sentences = (0..script.len()).map(|index| Ok(script.sentence(reader, index)?));
    let mut sink = |samples: &[f32]| Ok(output.sink.write(samples)?);
    let spoken = speak(maker, vocoder, sentences, options, &mut sink)?;
    output.finish(&spoken.codes)?;
    report(arguments, &engine, &spoken, script.len())
}

/// The voice file, if `--speaker` is one.
fn voice_file(arguments: &SayArguments) -> Option<&Path> {
    arguments.speaker.as_deref().map(Path::new).filter(|path| is_voice_file(path))
}

fn style(arguments: &SayArguments) -> Style {
    let file = voice_file(arguments);
    Style {
        speaker: arguments.speaker.clone().filter(|_| file.is_none()),
        file: file.map(Path::to_owned),
        language: arguments.language.clone(),
        instruction: arguments.instruct.clone(),
        mode: arguments.text_mode.map(|mode| match mode {
            TextModeArgument::Streaming => TextMode::Streaming,
            TextModeArgument::Whole => TextMode::Whole,
        }),
    }
}

/// The text of the command line, or of standard input when there is none.
fn read_text(words: &[String]) -> Result<Vec<u8>, CrierError> {
    if !words.is_empty() {
        return Ok(words.join(" ").into_bytes());
    }
    let mut text = Vec::new();
    // One byte more than allowed, so that too much is told from just enough.
    std::io::stdin()
        .lock()
        .take(TEXT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|source| CrierError::Read { path: "standard input".into(), source })?;
    Ok(text)
}

/// Output of the speech; a file that was not completed is removed.
struct SayOutput {
    sink: Box<dyn Sink>,
    wav: Option<PathBuf>,
    codes: Option<PathBuf>,
    finished: bool,
}

impl SayOutput {
    fn open(arguments: &SayArguments, rate_hz: u32) -> Result<Self, CrierError> {
        let sink: Box<dyn Sink> = match &arguments.wav {
            Some(path) => {
                let format = match arguments.wav_format {
                    WavFormatArgument::S16 => WavFormat::S16,
                    WavFormatArgument::F32 => WavFormat::F32,
                };
                Box::new(WavSink::create(path, rate_hz, format)?)
            }
            None => Box::new(AlsaSink::open(&arguments.device, rate_hz)?),
        };
        let wav = arguments.wav.clone().filter(|path| path != Path::new("-"));
        Ok(Self { sink, wav, codes: arguments.codes.clone(), finished: false })
    }

    fn finish(mut self, codes: &[[u16; CODEBOOKS]]) -> Result<(), CrierError> {
        let sink = std::mem::replace(&mut self.sink, Box::new(crier_player::NullSink));
        sink.finish()?;
        if let Some(path) = &self.codes {
            let lines: String =
                codes.iter().map(|frame| frame.map(|c| c.to_string()).join(",") + "\n").collect();
            std::fs::write(path, lines).map_err(|source| CrierError::Write { path: path.clone(), source })?;
        }
        self.finished = true;
        Ok(())
    }
}

impl Drop for SayOutput {
    fn drop(&mut self) {
        if let (false, Some(path)) = (self.finished, &self.wav) {
            // It may never have been created.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn report(
    arguments: &SayArguments,
    engine: &Engine,
    spoken: &SpeakSummary,
    sentences: usize,
) -> Result<(), CrierError> {
    let audio_s = spoken.samples as f64 / f64::from(engine.vocoder.sample_rate_hz());
    let rtf = spoken.total.as_secs_f64() / audio_s.max(f64::MIN_POSITIVE);
    if spoken.cut_sentences > 0 && arguments.max_frames.is_none() {
        let cut = spoken.cut_sentences;
        let noun = if sentences == 1 { "sentence" } else { "sentences" };
        note(&format!(
            "crier: {cut} of {sentences} {noun} did not reach end of speech and {were} cut",
            were = if cut == 1 { "was" } else { "were" }
        ));
    }
    if arguments.json {
        return print_json(&json!({
            "sentences": sentences,
            "cut_sentences": spoken.cut_sentences,
            "frames": spoken.codes.len(),
            "samples": spoken.samples,
            "audio_s": rounded(audio_s, 3),
            "first_audio_ms": rounded(milliseconds(spoken.first_audio), 1),
            "load_ms": rounded(milliseconds(engine.load_time), 1),
            "rtf": rounded(rtf, 4),
        }));
    }
    let place = match &arguments.wav {
        Some(path) if path == Path::new("-") => String::new(),
        Some(path) => format!(" -> {}", path.display()),
        None => format!(" on {}", arguments.device),
    };
    let first_ms = milliseconds(spoken.first_audio);
    note(&format!("{audio_s:.2} s of speech, time to first audio {first_ms:.0} ms, RTF {rtf:.2}{place}"));
    Ok(())
}
