//! `crier say`: speaks a text on a sound device or into a file.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crier_announce::Prosody;
use crier_lexicon::UserLexicon;
use crier_playback::{EVENTS_AHEAD_MAX, SinkThread, read_user_lexicon};
use crier_player::{AlsaSink, CROSSFADE_MS, Joiner, PlayerError, Sink, WavFormat, WavSink, playback_devices};
use crier_prosody::LoudnessMeter;
use crier_speech::{CODEBOOKS, SentenceOptions, TEXT_BYTES_MAX, TextMode, clean};
use crier_synthesis::{AudioEvent, CHUNK_FRAMES, RenderManner, Style, TextFrontend, is_voice_file, render};
use crier_system::PartialFile;
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
    let text = clean(&read_text(&arguments.text)?)?;
    let style = style(arguments, lexicon(arguments)?);
    if arguments.show_text {
        return show_text(arguments, &text, &style);
    }
    let summary = engines::run(speak(arguments, &text, &style))?;
    report(arguments, summary)
}

/// Prints a clean text as it would be spoken. No engine is started.
fn show_text(arguments: &SayArguments, text: &str, style: &Style) -> Result<(), CrierError> {
    let frontend = TextFrontend::open(&locate(arguments.engine.voice.as_deref())?)?;
    let tokenized = frontend.read(text, style)?;
    let shown = tokenized.shown(&frontend, &frontend.bundle().manifest().name);
    if arguments.json { print_json(&json!(shown)) } else { print(&shown.to_string()) }
}

/// Speaks a clean text into the output.
async fn speak(arguments: &SayArguments, text: &str, style: &Style) -> Result<SaySummary, CrierError> {
    let loaded = LoadedVoice::load(&arguments.engine, voice_file(arguments)).await?;
    let voice = &loaded.voice;
    // Errors of the text come before a file is created.
    let tokenized = voice.read(text, style).await?;
    if !tokenized.skipped.is_empty() {
        let skipped = tokenized.skipped.escape_debug();
        note(&format!("crier: this voice reads English only; left out: {skipped}"));
    }
    let mut output = SayOutput::open(arguments, voice.sample_rate_hz()).await?;
    let options = SentenceOptions {
        seed: arguments.seed,
        greedy: arguments.greedy,
        max_frames: arguments.max_frames,
        chunk_frames: arguments.chunk.map_or(CHUNK_FRAMES, usize::from),
    };
    let mut summary = SaySummary {
        load_time: loaded.load_time,
        rate_hz: voice.sample_rate_hz(),
        sentences: tokenized.len(),
        cut_sentences: 0,
        codes: Vec::new(),
        samples: 0,
        loudness: LoudnessMeter::new(voice.sample_rate_hz()),
        first_audio: Duration::ZERO,
        work: Duration::ZERO,
    };
    let begin = Instant::now();
    let (out, events) = mpsc::channel(EVENTS_AHEAD_MAX);
    let (rate, pitch) =
        (arguments.manner.rate.unwrap_or_default(), arguments.manner.pitch.unwrap_or_default());
    let prosody = Prosody { rate, pitch, ..Prosody::default() };
    let manner = RenderManner { prosody, target_lufs: arguments.loudness.0 };
    let rendering = render(voice, &tokenized, 0, options, manner, out);
    // Both to their end: what was rendered before an error is still written.
    let (rendered, taken) = tokio::join!(rendering, take(events, &mut output, &mut summary));
    summary.work = voice.busy_clock().total();
    // The output's error first: all that the engines know of it is that nobody listens any more.
    taken?;
    rendered.map_err(|error| loaded.explain(error))?;
    let first = output.finish(&summary.codes).await?;
    summary.first_audio = first.map_or(Duration::ZERO, |at| at.duration_since(begin));
    Ok(summary)
}

/// Joins what is rendered, and hands it to the output.
async fn take(
    mut events: mpsc::Receiver<AudioEvent>,
    output: &mut SayOutput,
    summary: &mut SaySummary,
) -> Result<(), CrierError> {
    let (mut joiner, mut joined) = (Joiner::new(summary.rate_hz, CROSSFADE_MS), Vec::new());
    let mut first_unit = true;
    while let Some(event) = events.recv().await {
        match event {
            // A segment ends where the next one begins, so there is nothing to end before the first.
            AudioEvent::UnitStart { .. } if std::mem::take(&mut first_unit) => {}
            AudioEvent::UnitStart { .. } => joiner.next_segment(&mut joined),
            AudioEvent::Samples(samples) => joiner.push(&samples, &mut joined),
            AudioEvent::UnitEnd { cut, codes } => {
                summary.cut_sentences += usize::from(cut.is_some());
                summary.codes.extend(codes);
            }
        }
        summary.take(&joined);
        output.sink.write(std::mem::take(&mut joined)).await?;
    }
    joiner.finish(&mut joined);
    summary.take(&joined);
    Ok(output.sink.write(joined).await?)
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

/// Output of the speech, and the files that get their names when it is complete.
struct SayOutput {
    sink: SinkThread,
    /// Temporary name of the sound, and its final one.
    partial: Option<(PartialFile, PathBuf)>,
    codes: Option<CodesFile>,
}

/// File of the codes, open from the start: a path that cannot be written is told before anything is spoken.
struct CodesFile {
    path: PathBuf,
    file: std::fs::File,
    partial: Option<PartialFile>,
}

impl CodesFile {
    fn open(path: &Path) -> Result<Self, CrierError> {
        let partial = PartialFile::new(path);
        let written = partial.as_ref().map_or(path, PartialFile::temporary);
        let file = std::fs::File::create(written);
        let file = file.map_err(|source| CrierError::Write { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, partial })
    }

    fn write(mut self, codes: &[[u16; CODEBOOKS]]) -> Result<(), CrierError> {
        let lines: String =
            codes.iter().map(|frame| frame.map(|code| code.to_string()).join(",") + "\n").collect();
        let written = self.file.write_all(lines.as_bytes());
        let completed = written.and_then(|()| self.partial.map_or(Ok(()), PartialFile::complete));
        completed.map_err(|source| CrierError::Write { path: self.path, source })
    }
}

impl SayOutput {
    async fn open(arguments: &SayArguments, rate_hz: u32) -> Result<Self, CrierError> {
        let codes = arguments.codes.as_deref().map(CodesFile::open).transpose()?;
        let partial = arguments.wav.as_deref().and_then(PartialFile::new);
        let temporary = partial.as_ref().map(|partial| partial.temporary().to_owned());
        let wav = temporary.or_else(|| arguments.wav.clone());
        let partial = partial.zip(arguments.wav.clone());
        let (format, device) = (arguments.wav_format, arguments.device.clone());
        let sink = SinkThread::start(move || open_sink(wav.as_deref(), format, &device, rate_hz)).await?;
        Ok(Self { sink, partial, codes })
    }

    /// Waits until everything is written or heard; returns the time of the first samples.
    async fn finish(mut self, codes: &[[u16; CODEBOOKS]]) -> Result<Option<Instant>, CrierError> {
        let first = self.sink.finish().await?;
        // Before the sound gets its name: a complete WAV file means that the codes are there, too.
        if let Some(file) = self.codes.take() {
            file.write(codes)?;
        }
        if let Some((partial, path)) = self.partial.take() {
            partial.complete().map_err(|source| CrierError::Write { path, source })?;
        }
        Ok(first)
    }
}

fn open_sink(
    wav: Option<&Path>,
    format: WavFormatArgument,
    device: &str,
    rate_hz: u32,
) -> Result<Box<dyn Sink>, PlayerError> {
    let Some(path) = wav else { return Ok(Box::new(AlsaSink::open(device, rate_hz)?)) };
    let format = match format {
        WavFormatArgument::S16 => WavFormat::S16,
        WavFormatArgument::F32 => WavFormat::F32,
    };
    Ok(Box::new(WavSink::create(path, rate_hz, format)?))
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
