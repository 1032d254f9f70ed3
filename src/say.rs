//! `crier say`: speaks a text on a sound device or into a file.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use crier_announce::{Prosody, TextFormat};
use crier_lexicon::UserLexicon;
use crier_playback::{
    Assembly, EVENTS_AHEAD_MAX, OutputTarget, ScriptPart, SoundOutput, SpokenPart, read_user_lexicon,
    script_parts,
};
use crier_player::{CROSSFADE_MS, WavFormat, playback_devices};
use crier_prosody::LoudnessMeter;
use crier_speech::{CODEBOOKS, SentenceOptions, SpeechError, TEXT_BYTES_MAX, TextMode};
use crier_synthesis::{
    AudioEvent, CHUNK_FRAMES, RenderManner, Style, TextFrontend, TokenizedText, Voice, is_voice_file, render,
};
use crier_wire::ShownText;
use serde_json::json;
use tokio::sync::mpsc;

use crate::cli::{NormaliseArgument, SayArguments, TextModeArgument, WavFormatArgument};
use crate::engines::{self, LoadedVoice};
use crate::error::CrierError;
use crate::report::{Align, counted, milliseconds, note, print, print_json, rounded, table};
use crate::validate::read_config;
use crate::voice::locate;

/// Result of the command.
struct SaySummary {
    load_time: Duration,
    rate_hz: u32,
    sentences: usize,
    /// Sentences that the guard or the frame limit ended.
    cut_sentences: usize,
    codes: Vec<[u16; CODEBOOKS]>,
    samples: u64,
    loudness: LoudnessMeter,
    /// Time from the first request to an engine until the output had the first samples.
    first_audio: Duration,
    /// Time during which at least one engine worked.
    work: Duration,
}

impl SaySummary {
    fn take(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        self.loudness.push(samples);
    }
}

pub(crate) fn run(arguments: &SayArguments) -> Result<(), CrierError> {
    if arguments.device == "?" {
        let rows: Vec<Vec<String>> =
            playback_devices()?.into_iter().map(|device| vec![device.name, device.description]).collect();
        return print(&table(Align::Right, &rows));
    }
    if arguments.json && arguments.wav.as_deref() == Some(Path::new("-")) {
        return Err(CrierError::Usage("--json and --wav - both want standard output: choose one".to_owned()));
    }
    let text = read_text(&arguments.text)?;
    let format = if arguments.ssml { Some(TextFormat::Ssml) } else { arguments.format };
    let manner = &arguments.manner;
    let (rate, pitch) = (manner.rate.unwrap_or_default(), manner.pitch.unwrap_or_default());
    let prosody = Prosody { rate, pitch, ..Prosody::default() };
    let parts = script_parts(&text, format, &style(arguments, lexicon(arguments)?), prosody)?;
    if arguments.show_text {
        return show_text(arguments, &parts);
    }
    let summary = engines::run(speak(arguments, &parts))?;
    report(arguments, summary)
}

/// Prints a text as it would be spoken. No engine is started.
fn show_text(arguments: &SayArguments, parts: &[ScriptPart]) -> Result<(), CrierError> {
    let frontend = TextFrontend::open(&locate(arguments.engine.voice.as_deref())?)?;
    let mut shown = ShownText::default();
    for part in parts {
        match part {
            ScriptPart::Speak(SpokenPart { text, style, .. }) => {
                shown
                    .append(frontend.read(text, style)?.shown(&frontend, &frontend.bundle().manifest().name));
            }
            part => shown.sentences.extend(part.shown()),
        }
    }
    if arguments.json { print_json(&json!(shown)) } else { print(&shown.to_string()) }
}

/// Reads all spoken parts, so that errors of the text come before a file is created.
async fn read_parts(voice: &Voice, parts: &[ScriptPart]) -> Result<Vec<Option<TokenizedText>>, CrierError> {
    let mut read = Vec::with_capacity(parts.len());
    for part in parts {
        // Chimes belong to an appliance; here the text in their place is spoken.
        let (ScriptPart::Speak(spoken) | ScriptPart::Sound(_, Some(spoken))) = part else {
            read.push(None);
            continue;
        };
        let tokenized = voice.read(&spoken.text, &spoken.style).await?;
        if !tokenized.skipped.is_empty() {
            let skipped = tokenized.skipped.escape_debug();
            note(&format!("crier: this voice reads English only; left out: {skipped}"));
        }
        read.push(Some(tokenized));
    }
    Ok(read)
}

/// Speaks a text into the output.
async fn speak(arguments: &SayArguments, parts: &[ScriptPart]) -> Result<SaySummary, CrierError> {
    let loaded = LoadedVoice::load(&arguments.engine, voice_file(arguments)).await?;
    let voice = &loaded.voice;
    let read = read_parts(voice, parts).await?;
    let target = OutputTarget {
        wav: arguments.wav.clone(),
        format: match arguments.wav_format {
            WavFormatArgument::S16 => WavFormat::S16,
            WavFormatArgument::F32 => WavFormat::F32,
        },
        device: arguments.device.clone(),
        codes: arguments.codes.clone(),
    };
    let mut output = SoundOutput::open(target, voice.sample_rate_hz()).await?;
    let options = SentenceOptions {
        seed: arguments.seed,
        greedy: arguments.greedy,
        max_frames: arguments.max_frames,
        chunk_frames: arguments.chunk.map_or(CHUNK_FRAMES, usize::from),
    };
    let mut summary = SaySummary {
        load_time: loaded.load_time,
        rate_hz: voice.sample_rate_hz(),
        sentences: read.iter().flatten().map(TokenizedText::len).sum(),
        cut_sentences: 0,
        codes: Vec::new(),
        samples: 0,
        loudness: LoudnessMeter::new(voice.sample_rate_hz()),
        first_audio: Duration::ZERO,
        work: Duration::ZERO,
    };
    let begin = Instant::now();
    let (mut assembly, mut joined) = (Assembly::new(summary.rate_hz, CROSSFADE_MS), Vec::new());
    for (part, tokenized) in parts.iter().zip(&read) {
        match (part, tokenized) {
            (ScriptPart::Pause(ms), _) => assembly.pause(*ms, &mut joined),
            (ScriptPart::Speak(spoken) | ScriptPart::Sound(_, Some(spoken)), Some(tokenized)) => {
                let (out, events) = mpsc::channel(EVENTS_AHEAD_MAX);
                let manner = RenderManner { prosody: spoken.prosody, target_lufs: arguments.loudness.0 };
                let rendering = render(voice, tokenized, 0, options, manner, out);
                // Both to their end: what was rendered before an error is still written.
                let taking = take(events, &mut assembly, &mut output, &mut summary);
                let (rendered, taken) = tokio::join!(rendering, taking);
                // The output's error first: all that the engines know of it is that nobody listens any more.
                taken?;
                rendered.map_err(|error| loaded.explain(error))?;
            }
            _ => {}
        }
        summary.take(&joined);
        output.write(std::mem::take(&mut joined)).await?;
    }
    assembly.finish(&mut joined);
    summary.take(&joined);
    output.write(joined).await?;
    summary.work = voice.busy_clock().total();
    let first = output.finish(&summary.codes).await?;
    summary.first_audio = first.map_or(Duration::ZERO, |at| at.duration_since(begin));
    Ok(summary)
}

/// Joins what is rendered, and hands it to the output.
async fn take(
    mut events: mpsc::Receiver<AudioEvent>,
    assembly: &mut Assembly,
    output: &mut SoundOutput,
    summary: &mut SaySummary,
) -> Result<(), CrierError> {
    let mut joined = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            AudioEvent::UnitStart { .. } => assembly.segment(&mut joined),
            AudioEvent::Samples(samples) => assembly.push(&samples, &mut joined),
            AudioEvent::UnitEnd { cut, codes } => {
                summary.cut_sentences += usize::from(cut.is_some());
                summary.codes.extend(codes);
            }
        }
        summary.take(&joined);
        output.write(std::mem::take(&mut joined)).await?;
    }
    Ok(())
}

/// Returns the voice file, if `--speaker` is one.
fn voice_file(arguments: &SayArguments) -> Option<&Path> {
    arguments.speaker.as_deref().map(Path::new).filter(|path| is_voice_file(path))
}

/// Returns the owner's lexicon of the configuration, if there is one.
fn lexicon(arguments: &SayArguments) -> Result<UserLexicon, CrierError> {
    let Some(path) = arguments.config.as_deref() else { return Ok(UserLexicon::default()) };
    let (lexicon, problems) = read_user_lexicon(&read_config(Some(path))?);
    problems.iter().for_each(|problem| note(&format!("crier: {problem}")));
    Ok(lexicon)
}

fn style(arguments: &SayArguments, lexicon: UserLexicon) -> Style {
    let file = voice_file(arguments);
    Style {
        speaker: arguments.speaker.clone().filter(|_| file.is_none()),
        file: file.map(Path::to_owned),
        language: arguments.language.clone(),
        raw: arguments.normalise == NormaliseArgument::Off,
        instruction: arguments.manner.instruct.clone(),
        mode: arguments.text_mode.map(|mode| match mode {
            TextModeArgument::Streaming => TextMode::Streaming,
            TextModeArgument::Whole => TextMode::Whole,
        }),
        lexicon,
        repetition_window: None,
    }
}

/// Returns the text of the command line, or of standard input when there is none.
fn read_text(words: &[String]) -> Result<String, CrierError> {
    let mut text = words.join(" ").into_bytes();
    if words.is_empty() {
        // One byte more than allowed, so that too much is told from just enough.
        std::io::stdin()
            .lock()
            .take(TEXT_BYTES_MAX as u64 + 1)
            .read_to_end(&mut text)
            .map_err(|source| CrierError::Read { path: "standard input".into(), source })?;
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(SpeechError::TextTooLong { bytes: text.len(), limit: TEXT_BYTES_MAX }.into());
    }
    String::from_utf8(text)
        .map_err(|error| SpeechError::NotUtf8 { offset: error.utf8_error().valid_up_to() }.into())
}

fn report(arguments: &SayArguments, summary: SaySummary) -> Result<(), CrierError> {
    let audio_s = summary.samples as f64 / f64::from(summary.rate_hz);
    let rtf = summary.work.as_secs_f64() / audio_s.max(f64::MIN_POSITIVE);
    let (cut, sentences) = (summary.cut_sentences, summary.sentences);
    if cut > 0 && arguments.max_frames.is_none() {
        let (all, verb) = (counted(sentences, "sentence"), if cut == 1 { "was" } else { "were" });
        note(&format!("crier: {cut} of {all} did not reach end of speech and {verb} cut"));
    }
    let first_ms = milliseconds(summary.first_audio);
    if arguments.json {
        return print_json(&json!({
            "sentences": sentences,
            "cut_sentences": cut,
            "frames": summary.codes.len(),
            "samples": summary.samples,
            "audio_s": rounded(audio_s, 3),
            "loudness_lufs": summary.loudness.lufs().map(|lufs| rounded(lufs, 1)),
            "first_audio_ms": rounded(first_ms, 1),
            "load_ms": rounded(milliseconds(summary.load_time), 1),
            "rtf": rounded(rtf, 4),
        }));
    }
    let place = match &arguments.wav {
        Some(path) if path == Path::new("-") => String::new(),
        Some(path) => format!(" -> {}", path.display()),
        None => format!(" on {}", arguments.device),
    };
    note(&format!("{audio_s:.2} s of speech, time to first audio {first_ms:.0} ms, RTF {rtf:.2}{place}"));
    Ok(())
}
