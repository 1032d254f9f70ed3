//! The command line, defined once: parser, help and completions come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crier_announce::{LoudnessTarget, PitchShift, SpeechRate};

/// Offline text-to-speech appliance: speaks announcements with Qwen3-TTS voices
#[derive(Debug, Parser)]
#[command(
    name = "crier",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "`crier --version --verbose` prints hash, kernels and libraries."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Speak a text, on the sound card or into a WAV file
    Say(SayArguments),
    /// Turn a Qwen3-TTS checkpoint folder into a voice bundle
    Convert(ConvertArguments),
    /// Inspect a voice bundle, or clone a voice from a recording
    #[command(subcommand)]
    Voice(VoiceCommand),
    /// Measure the speed of the engines on this machine
    Bench(BenchArguments),
    /// Find out what this machine is and how fast, as Markdown for an issue or docs/HARDWARE.md
    BoardReport(BoardReportArguments),
    /// Run the appliance: accept announcements from its inputs and speak them
    Serve(ServeArguments),
    /// Query or control the running appliance
    Ctl(CtlArguments),
    /// Find the fastest assignment of CPUs to the engines on this machine
    Tune(TuneArguments),
    /// Check a configuration file and explain its errors
    Validate {
        /// The configuration
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take over what the owner's USB sticks bring; run by the image (docs/STICK.md)
    #[command(hide = true)]
    Stick(StickArguments),
    /// Run one stage; started by other commands only
    #[command(hide = true)]
    Stage {
        /// Stage to run
        #[arg(value_enum)]
        stage: StageKind,
    },
}

/// The stages of the appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageKind {
    Talker,
    Predictor,
    Vocoder,
    Player,
    Intake,
}

impl StageKind {
    /// Name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Talker => "talker",
            Self::Predictor => "predictor",
            Self::Vocoder => "vocoder",
            Self::Player => "player",
            Self::Intake => "intake",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Configuration; without it the built-in one
    #[arg(long, value_name = "FILE", env = "CRIER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StickArguments {
    /// Take this folder once, in the place of sticks that are plugged in
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Folder that outlives reboots and updates
    #[arg(long, value_name = "FOLDER", default_value = "/data")]
    pub(crate) data: PathBuf,
    /// Link to the configuration that is in use
    #[arg(long, value_name = "FILE", env = "CRIER_CONFIG", default_value = "/run/crier/crier.toml")]
    pub(crate) config: PathBuf,
    /// Socket of the appliance [default: that of the configuration]
    #[arg(long, value_name = "PATH", env = "CRIER_CONTROL")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TuneArguments {
    /// Configuration whose voice is measured, and whose section `cpu` gets the fastest plan
    #[arg(long, value_name = "FILE", env = "CRIER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the measurements as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CtlArguments {
    /// Socket of the appliance [default: /run/crier/control]
    #[arg(long, value_name = "PATH", env = "CRIER_CONTROL", global = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Print answers as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: CtlCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// Show activity, speed, stages, inputs and problems
    Status,
    /// Submit an announcement
    Say(CtlSayArguments),
    /// Cancel the current announcement
    Stop {
        /// Cancel all waiting announcements, too
        #[arg(long)]
        all: bool,
    },
    /// Pause playback and keep its position
    Pause,
    /// Resume playback
    Resume,
    /// Repeat the last announcement
    Repeat,
    /// List the announcements that have not ended
    Queue,
    /// List the last announcements that ended, with outcome and times
    History,
    /// Set the volume, or change it by a step
    Volume {
        /// 0 to 100, or a step with its sign: +5, -5
        #[arg(value_parser = parse_volume, allow_hyphen_values = true)]
        volume: VolumeArgument,
    },
    /// Mute the output while playback continues
    Mute,
    /// Unmute the output
    Unmute,
    /// List the voices
    Voices,
    /// Select the voice of the following announcements
    Voice {
        /// Name from `crier ctl voices`
        name: String,
    },
    /// List the sound devices
    Devices,
    /// Stop a stage and keep it stopped
    Hold {
        /// Name of the stage in `crier ctl status`
        stage: String,
    },
    /// Start a held stage again
    Release {
        /// Name of the stage in `crier ctl status`
        stage: String,
    },
}

/// Manner of speaking.
#[derive(Debug, Args)]
pub(crate) struct MannerArguments {
    /// Speed of speech, from 0.5 to 3; the pitch stays
    #[arg(long, value_name = "FACTOR")]
    pub(crate) rate: Option<SpeechRate>,
    /// Shift of the pitch in semitones, from -12 to 12; the speed stays
    #[arg(long, value_name = "SEMITONES", allow_negative_numbers = true)]
    pub(crate) pitch: Option<PitchShift>,
    /// Manner of speaking, in words ("calm, like a station announcer"), for voices that take instructions
    #[arg(long, value_name = "TEXT")]
    pub(crate) instruct: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CtlSayArguments {
    /// Wait until it has been spoken
    #[arg(long)]
    pub(crate) wait: bool,
    /// Cancel it when this command ends before it has been spoken, by Ctrl-C for instance
    #[arg(long, requires = "wait")]
    pub(crate) cancel_on_exit: bool,
    /// Id; an announcement with an id that was accepted in the last 24 hours is not spoken again
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Priority: important, message, text, notification or progress
    #[arg(long, value_name = "PRIORITY")]
    pub(crate) priority: Option<crier_announce::Priority>,
    /// Voice of the configuration
    #[arg(long, value_name = "NAME")]
    pub(crate) voice: Option<String>,
    /// Speaker of the voice
    #[arg(long, value_name = "NAME")]
    pub(crate) speaker: Option<String>,
    /// Language of the text
    #[arg(long, value_name = "NAME")]
    pub(crate) language: Option<String>,
    /// Rewrite numbers, dates and the like as words, or leave them to the voice [default: as configured]
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(crate) normalise: Option<NormaliseArgument>,
    #[command(flatten)]
    pub(crate) manner: MannerArguments,
    /// Kind of the text: plain, or ssml [default: ssml if it begins like SSML]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<crier_announce::TextFormat>,
    /// Print the text as it would be spoken: language, sentences, sounds; nothing is spoken
    #[arg(long, conflicts_with = "wait")]
    pub(crate) show_text: bool,
    /// Volume of this announcement in percent
    #[arg(long, value_name = "PERCENT")]
    pub(crate) volume: Option<u32>,
    /// Sound to play before the text
    #[arg(long, value_name = "NAME")]
    pub(crate) chime: Option<String>,
    /// Drop it unless it has begun within this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in_s: Option<u32>,
    /// The text
    #[arg(value_name = "TEXT", required_unless_present = "chime")]
    pub(crate) text: Vec<String>,
}

/// Volume, or a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeArgument {
    /// In percent.
    Percent(u32),
    /// In percent, added to the present volume.
    Step(i32),
}

/// Parses a volume. A sign makes it a step, as with inputs and buttons.
fn parse_volume(text: &str) -> Result<VolumeArgument, InvalidVolume> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidVolume);
    }
    let number: u8 = digits.parse().ok().filter(|number| *number <= 100).ok_or(InvalidVolume)?;
    Ok(match text.as_bytes().first() {
        Some(b'+') => VolumeArgument::Step(number.into()),
        Some(b'-') => VolumeArgument::Step(-i32::from(number)),
        _ => VolumeArgument::Percent(number.into()),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("a volume is a whole number from 0 to 100, a step such a number with + or -")]
struct InvalidVolume;

/// Rewriting of numbers and the like as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NormaliseArgument {
    /// Rewrite them
    On,
    /// Leave them as they are written
    Off,
}

/// Voice and settings of its engines.
#[derive(Debug, Args)]
pub(crate) struct EngineArguments {
    /// Voice bundle; without it the default voice speaks
    #[arg(long, value_name = "BUNDLE", env = "CRIER_VOICE")]
    pub(crate) voice: Option<PathBuf>,
    /// Threads of talker and predictor, which alternate, and as many of the vocoder
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Backend of the code predictor
    #[arg(long, value_enum, default_value_t = BackendArgument::Auto)]
    pub(crate) predictor_backend: BackendArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendArgument {
    /// ggml, and ONNX Runtime where ggml cannot
    Auto,
    /// ggml
    Ggml,
    /// ONNX Runtime
    Onnx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextModeArgument {
    /// Feed one token with each frame: time to first audio does not grow with the text
    Streaming,
    /// Read the whole text before the first frame: slightly better intonation
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WavFormatArgument {
    /// Signed 16-bit
    S16,
    /// 32-bit float, exactly as the vocoder made it
    F32,
}

#[derive(Debug, Args)]
pub(crate) struct SayArguments {
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    /// Configuration whose pronunciations apply, `[[pronunciation]]` and lexicon files
    #[arg(long, value_name = "FILE", env = "CRIER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Speaker of the voice (`crier voice info` lists them), or a voice file, `NAME.voice` (`crier voice enroll`
    /// makes one)
    #[arg(long, value_name = "NAME")]
    pub(crate) speaker: Option<String>,
    /// Language of the text, or `auto`
    #[arg(long, value_name = "NAME")]
    pub(crate) language: Option<String>,
    /// Rewrite numbers, dates and the like as words of the language, or leave them to the voice
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = NormaliseArgument::On)]
    pub(crate) normalise: NormaliseArgument,
    /// Kind of the text: plain, or ssml [default: ssml if it begins like SSML]
    #[arg(long, value_name = "FORMAT", conflicts_with = "ssml")]
    pub(crate) format: Option<crier_announce::TextFormat>,
    /// Read the text as SSML, and refuse what is none
    #[arg(long)]
    pub(crate) ssml: bool,
    /// Print the text as it would be spoken: language, sentences, pauses, sounds, characters that are left out; nothing
    /// is spoken
    #[arg(long)]
    pub(crate) show_text: bool,
    #[command(flatten)]
    pub(crate) manner: MannerArguments,
    /// Loudness in LUFS to which the speaker is brought, or `off` to leave it as the voice makes it
    #[arg(long, value_name = "LUFS|off", default_value = "-23", allow_hyphen_values = true)]
    pub(crate) loudness: LoudnessTarget,
    /// The same seed and text give the same samples
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "greedy")]
    pub(crate) seed: u64,
    /// Always take the most probable code instead of sampling
    #[arg(long)]
    pub(crate) greedy: bool,
    /// Feed the text token by token or as a whole (default: as the voice prefers; one with a lexicon always streams)
    #[arg(long, value_enum)]
    pub(crate) text_mode: Option<TextModeArgument>,
    /// At most this many frames of 80 ms for each sentence
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub(crate) max_frames: Option<u32>,
    /// Write the speech to this WAV file instead of playing it (`-` is standard output)
    #[arg(long, value_name = "OUT.wav")]
    pub(crate) wav: Option<PathBuf>,
    /// Sample format of the WAV file
    #[arg(long, value_enum, default_value_t = WavFormatArgument::S16)]
    pub(crate) wav_format: WavFormatArgument,
    /// Write the codes to this file: one line a frame, 16 comma-separated numbers
    #[arg(long, value_name = "OUT.csv")]
    pub(crate) codes: Option<PathBuf>,
    /// Frames per vocoder call once speech is under way (the first calls are shorter)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) chunk: Option<u8>,
    /// ALSA device to play on (`?` lists them)
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) device: String,
    /// Print the measurements as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The text; standard input when none is given
    #[arg(value_name = "TEXT")]
    pub(crate) text: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    /// Folder of the checkpoint: config.json, vocab.json, merges.txt, *.safetensors, speech_tokenizer/
    #[arg(value_name = "CHECKPOINT_DIR")]
    pub(crate) checkpoint: PathBuf,
    /// Folder to write the voice bundle to
    #[arg(value_name = "BUNDLE_DIR")]
    pub(crate) bundle: PathBuf,
    /// Precision of the talker: f32, f16, q8_0, q4_0, q4_k_m
    #[arg(long, value_name = "TYPE", default_value = "q4_k_m")]
    pub(crate) talker: crier_convert::TalkerQuantisation,
    /// Precision of the code predictor: f32, f16, q8_0, q4_0, iq4_nl
    #[arg(long, value_name = "TYPE", default_value = "q4_0")]
    pub(crate) predictor: crier_convert::PredictorQuantisation,
    /// Precision of the vocoder's weights: f32, f16
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub(crate) vocoder: crier_convert::VocoderPrecision,
    /// Omit the code predictor for ONNX Runtime (the bundle is smaller and has no fallback)
    #[arg(long)]
    pub(crate) without_onnx_predictor: bool,
    /// Omit the encoders that `crier voice enroll` needs (the bundle of a Base model is smaller and still speaks with
    /// voices that were enrolled elsewhere)
    #[arg(long)]
    pub(crate) without_enrolment: bool,
    /// Replace an existing bundle
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnrollArguments {
    /// Recording of the speaker: WAV or FLAC, 3 to 60 s, one voice, little noise
    #[arg(value_name = "REF.wav")]
    pub(crate) recording: PathBuf,
    /// Transcript of the recording, word for word; the voice then keeps its manner of speaking, too
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Language of the recording, and the default language of the voice
    #[arg(long, value_name = "NAME")]
    pub(crate) language: Option<String>,
    /// With --text: silence behind the recording, against an echo of its end; 0 is as the official package does
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=2000))]
    pub(crate) tail_silence_ms: u32,
    /// Bundle of a Base model, which will speak with the voice
    #[arg(long, value_name = "BUNDLE", env = "CRIER_VOICE")]
    pub(crate) voice: Option<PathBuf>,
    /// The voice file to write
    #[arg(short, long, value_name = "NAME.voice")]
    pub(crate) output: PathBuf,
    /// Threads of the networks (default: all CPUs)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// With --text: also compute the primed state of the vocoder, NAME.voice.state, instead of when the voice speaks
    /// for the first time; takes as long as speaking the recording
    #[arg(long, requires = "text")]
    pub(crate) prepare: bool,
    /// Replace an existing voice file
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VoiceCommand {
    /// Clone a voice from a recording, for a Base model
    #[command(alias = "enrol")]
    Enroll(EnrollArguments),
    /// Check every file of a bundle against its SHA-256
    Verify {
        /// The bundle; without it the default voice
        #[arg(value_name = "BUNDLE")]
        bundle: Option<PathBuf>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show model, speakers, languages, quantisation and sizes of a bundle, or the contents of a voice file
    Info {
        /// The bundle, or a voice file; without it the default voice
        #[arg(value_name = "BUNDLE")]
        bundle: Option<PathBuf>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BoardReportArguments {
    /// File for the report; without it standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Folder on the disk whose speed is measured
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/crier")]
    pub(crate) state_dir: PathBuf,
    /// Serial port whose receive and transmit pins are connected for this check
    #[arg(long, value_name = "DEVICE", default_value = "/dev/ttyS6")]
    pub(crate) serial: PathBuf,
    /// Measure neither engines nor CPU plans, which takes minutes
    #[arg(long)]
    pub(crate) quick: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    /// Frames to generate, even beyond the end of speech
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..=2048))]
    pub(crate) frames: u32,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
