//! The player on the real alsa-lib: its `file` plug-in over `null`, and a plug-in of our own that paces and has
//! underruns as hardware does.
//!
//! alsa-lib reads its configuration from the environment, which a test must not change under the others: each case runs
//! in a process of its own, started by [`with_configuration`].

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crier_audio::Resampler;
use crier_player::{
    AlsaPcm, AlsaSink, Mixer, Options, Output, Pcm, Player, Sink, StreamConfig, Timing, to_s16,
};
use crier_wire::{PlayerReport, PlayerRequest};

use crate::check::{pieces, steps_back};
use crate::rig::{RATE_HZ, noise};

const FOLDER: &str = "CRIER_TEST_FOLDER";
const MS: usize = RATE_HZ as usize / 1000;

/// The plug-in, built once.
fn plug_in() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libpaced.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/pcm_paced.c");
        let built = Process::new("cc")
            .args(["-shared", "-fPIC", "-DPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([library.as_path(), Path::new(source), Path::new("-lasound")])
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        library
    })
}

/// Runs an ignored test of this file as a process with a configuration of sound devices of its own.
fn with_configuration(case: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = |name: &str| at(name).display().to_string();
    let (library, raw, raw48, card24, card48) =
        (plug_in().display(), path("raw"), path("raw48"), path("card24"), path("card48"));
    let configuration = format!(
        r#"
        pcm_type.paced {{ lib "{library}" }}
        pcm.raw {{ type file file "{raw}" format raw slave.pcm {{ type null }} }}
        pcm.inner48 {{ type file file "{raw48}" format raw slave.pcm {{ type null }} }}
        pcm.raw48 {{ type plug slave {{ pcm inner48 rate 48000 channels 2 format S16_LE }} }}
        pcm.card24 {{ type paced file "{card24}" rate 24000 channels 1 }}
        pcm.card48 {{ type paced file "{card48}" rate 48000 channels 2 format S32_LE }}
        "#
    );
    std::fs::write(at("asound.conf"), configuration).unwrap();
    // A device that blocks must not block the tests.
    let output = Process::new("timeout")
        .arg("60")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("card::{case}"), "--ignored", "--nocapture"])
        .env("ALSA_CONFIG_PATH", at("asound.conf"))
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

macro_rules! cases {
    ($($name:ident: $case:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            with_configuration(stringify!($case));
        })+
    };
}

cases! {
    alsa_file_gets_every_sample: every_sample,
    alsa_device_gets_its_own_rate_and_channels: other_rate,
    alsa_card_is_played_at_its_pace_and_in_its_format: pace_and_form,
    alsa_card_loses_and_repeats_no_sample_after_an_underrun: underrun,
    alsa_card_is_silent_within_80_ms_of_a_stop: stopped,
    alsa_card_loses_no_sample_by_a_pause: paused,
    alsa_card_rewinds_frames_it_has_not_played: taken_back,
    say_sink_passes_samples_unchanged: sink_unchanged,
    say_sink_converts_to_the_rate_and_channels_of_the_device: sink_converted,
    say_sink_waits_for_the_device_and_plays_to_the_end: sink_paced,
    say_sink_recovers_from_an_underrun: sink_underrun,
}

fn recording(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).unwrap()).join(name)
}

/// A player on a device of the configuration, driven in real time.
struct Stage {
    player: Player,
    begun: Instant,
    reports: Vec<(Duration, PlayerReport)>,
    source: Vec<f32>,
    sent: usize,
    credit: usize,
}

impl Stage {
    fn new(device: &str, source: &[f32]) -> Self {
        let output =
            Output::Alsa { device: device.to_owned(), mixer: Mixer::Auto, timing: Timing::default() };
        let mut player = Player::new(Options::default(), Box::new(move |rate_hz| output.open(rate_hz)));
        let begin = PlayerRequest::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
        player.handle(&begin, &[], Duration::ZERO);
        let (begun, reports) = (Instant::now(), Vec::new());
        Self { player, begun, reports, source: source.to_vec(), sent: 0, credit: 0 }
    }

    fn request(&mut self, request: &PlayerRequest) {
        self.player.handle(request, &[], self.begun.elapsed());
    }

    /// Plays for so long, or until the stream is over.
    fn run(&mut self, duration: Duration) {
        let end = self.begun.elapsed() + duration;
        while self.begun.elapsed() < end {
            let until = self.credit.min(self.source.len());
            if until > self.sent {
                let (offset, samples) = (self.sent as u64, self.source[self.sent..until].to_vec());
                let request = PlayerRequest::Samples { stream: 1, offset };
                self.player.handle(&request, &samples, self.begun.elapsed());
                self.sent = until;
                if self.sent == self.source.len() {
                    self.request(&PlayerRequest::End { stream: 1, length: self.sent as u64 });
                }
            }
            let wait = self.player.poll(self.begun.elapsed());
            let mut told = false;
            while let Some(report) = self.player.report() {
                told = true;
                if let PlayerReport::Credit { until, .. } = report {
                    self.credit = until as usize;
                }
                let over = matches!(report, PlayerReport::Finished { .. } | PlayerReport::Stopped { .. });
                self.reports.push((self.begun.elapsed(), report));
                if over {
                    return;
                }
            }
            if !told {
                std::thread::sleep(wait.min(Duration::from_millis(5)));
            }
        }
    }

    fn has(&self, wanted: impl Fn(&PlayerReport) -> bool) -> bool {
        self.reports.iter().any(|(_, report)| wanted(report))
    }
}

fn finished(report: &PlayerReport) -> bool {
    matches!(report, PlayerReport::Finished { stream: 1 })
}

fn bytes_s16(samples: &[f32], channels: usize) -> Vec<u8> {
    samples.iter().flat_map(|&sample| to_s16(sample).to_le_bytes().repeat(channels)).collect()
}

/// 16-bit samples as the player was given them, so that they can be found again.
fn played_s16(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(recording(name)).unwrap();
    bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
}

fn source_s16(source: &[f32]) -> Vec<f32> {
    source.iter().map(|&sample| f32::from(to_s16(sample))).collect()
}

fn resampled(source: &[f32], to_hz: u32) -> Vec<f32> {
    let mut resampler = Resampler::new(RATE_HZ, to_hz, 240).unwrap();
    let mut out = Vec::new();
    resampler.push(source, &mut out);
    resampler.finish(&mut out);
    out
}

#[test]
#[ignore = "started with a configuration of its own"]
fn every_sample() {
    let source = noise(48_000, 1);
    let mut stage = Stage::new("raw", &source);
    stage.run(Duration::from_secs(10));
    assert!(stage.has(finished), "{:?}", stage.reports);
    drop(stage);
    let (played, wanted) = (std::fs::read(recording("raw")).unwrap(), bytes_s16(&source, 1));
    let same = played.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    assert!(played == wanted, "{} of {} bytes, {same} the same", played.len(), wanted.len());
}

#[test]
#[ignore = "started with a configuration of its own"]
fn other_rate() {
    let source: Vec<f32> = noise(30_000, 2).iter().map(|sample| sample * 0.5).collect();
    let mut stage = Stage::new("raw48", &source);
    stage.run(Duration::from_secs(10));
    assert!(stage.has(finished), "{:?}", stage.reports);
    drop(stage);
    assert!(std::fs::read(recording("raw48")).unwrap() == bytes_s16(&resampled(&source, 48_000), 2));
}

#[test]
#[ignore = "started with a configuration of its own"]
fn pace_and_form() {
    let opened = AlsaPcm::open("card48", RATE_HZ, &Mixer::None, Timing::default()).unwrap();
    assert_eq!(opened.config(), StreamConfig::with_default_buffer(48_000));
    assert!(opened.describe().contains("48000 Hz, S32, 2"), "{}", opened.describe());
    drop(opened);
    let source: Vec<f32> = noise(24_000, 3).iter().map(|sample| sample * 0.5).collect();
    let mut stage = Stage::new("card48", &source);
    stage.run(Duration::from_secs(20));
    assert!(stage.has(finished), "{:?}", stage.reports);
    let (first, last) = (stage.reports[0].0, stage.reports.last().unwrap().0);
    assert!(last - first >= Duration::from_millis(990), "{:?}", last - first);
    let disturbed = stage.has(|report| matches!(report, PlayerReport::Underrun { .. }));
    drop(stage);
    let bytes = std::fs::read(recording("card48")).unwrap();
    let samples = |bytes: &[u8]| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    assert!(bytes.chunks_exact(8).all(|frame| frame[..4] == frame[4..]));
    if !disturbed {
        let played: Vec<i32> = bytes.chunks_exact(8).map(samples).collect();
        let wanted: Vec<i32> = resampled(&source, 48_000)
            .iter()
            .map(|&sample| (f64::from(sample) * f64::from(i32::MAX)).round() as i32)
            .collect();
        assert!(played == wanted);
    }
}

#[test]
#[ignore = "started with a configuration of its own"]
fn underrun() {
    let source = noise(36_000, 4);
    let mut stage = Stage::new("card24", &source);
    stage.run(Duration::from_millis(400));
    std::thread::sleep(Duration::from_millis(500));
    stage.run(Duration::from_secs(20));
    assert!(stage.has(finished), "{:?}", stage.reports);
    assert!(stage.has(|report| matches!(report, PlayerReport::Underrun { .. })), "{:?}", stage.reports);
    drop(stage);
    let back = steps_back(&source_s16(&source), &played_s16("card24"), 40 * MS);
    assert_eq!(back, Vec::<usize>::new());
}

#[test]
#[ignore = "started with a configuration of its own"]
fn stopped() {
    let mut stage = Stage::new("card24", &vec![0.5; 48_000]);
    stage.run(Duration::from_millis(600));
    let played_before = played_s16("card24").len();
    stage.request(&PlayerRequest::Stop { stream: 1 });
    stage.run(Duration::from_secs(10));
    assert!(stage.has(|report| matches!(report, PlayerReport::Stopped { stream: 1, .. })));
    drop(stage);
    let played = played_s16("card24");
    let last = played.iter().rposition(|sample| *sample != 0.0).unwrap();
    // How far the card was before the stop is known to a poll, and the machine may be busy.
    let more_ms = (last - played_before.min(last)) / MS;
    assert!(more_ms <= 50 + 30, "{more_ms} ms");
    let step = played.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < 16_384.0 * 0.004, "a click of {step}");
}

/// What a card holds is taken back without disturbing what it plays: nothing is played twice, nothing is cut.
#[test]
#[ignore = "started with a configuration of its own"]
fn taken_back() {
    let source = noise(4000, 6);
    let mut card = AlsaPcm::open("card24", RATE_HZ, &Mixer::None, Timing::default()).unwrap();
    assert_eq!(card.write(&source), Ok(4000));
    card.start().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let taken = card.rewind(1000);
    assert_eq!(taken, 1000);
    assert_eq!(card.write(&[0.25; 500]), Ok(500));
    while !card.drain().unwrap() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(card);
    let wanted = [&source[..3000], &[0.25; 500]].concat();
    assert!(std::fs::read(recording("card24")).unwrap() == bytes_s16(&wanted, 1));
}

#[test]
#[ignore = "started with a configuration of its own"]
fn paused() {
    let source = noise(30_000, 5);
    let mut stage = Stage::new("card24", &source);
    stage.run(Duration::from_millis(500));
    stage.request(&PlayerRequest::Pause);
    stage.run(Duration::from_millis(300));
    stage.request(&PlayerRequest::Resume);
    stage.run(Duration::from_secs(20));
    assert!(stage.has(finished), "{:?}", stage.reports);
    drop(stage);
    let back = steps_back(&source_s16(&source), &played_s16("card24"), 60 * MS);
    assert_eq!(back, Vec::<usize>::new());
}

/// Plays pieces through the sink of `crier say`, with a pause before each but the first.
fn play_through_sink(device: &str, pieces: &[&[f32]], pause: Duration) {
    let mut sink = AlsaSink::open(device, RATE_HZ).unwrap();
    for (number, piece) in pieces.iter().enumerate() {
        std::thread::sleep(if number > 0 { pause } else { Duration::ZERO });
        sink.write(piece).unwrap();
    }
    Box::new(sink).finish().unwrap();
}

#[test]
#[ignore = "started with a configuration of its own"]
fn sink_unchanged() {
    let source = noise(48_000, 7);
    play_through_sink("raw", &[&source[..1000], &source[1000..]], Duration::ZERO);
    assert!(std::fs::read(recording("raw")).unwrap() == bytes_s16(&source, 1));
}

#[test]
#[ignore = "started with a configuration of its own"]
fn sink_converted() {
    let source: Vec<f32> = noise(30_000, 8).iter().map(|sample| sample * 0.5).collect();
    play_through_sink("raw48", &[&source[..777], &source[777..]], Duration::ZERO);
    assert!(std::fs::read(recording("raw48")).unwrap() == bytes_s16(&resampled(&source, 48_000), 2));
}

#[test]
#[ignore = "started with a configuration of its own"]
fn sink_paced() {
    // Less than the start threshold, and more than the buffer.
    for length in [1000, 12_000] {
        let source = noise(length, 9);
        let begun = Instant::now();
        play_through_sink("card24", &[&source], Duration::ZERO);
        let least = Duration::from_millis((length / MS) as u64 - 10);
        assert!(begun.elapsed() >= least, "{:?} for {length} samples", begun.elapsed());
        let bytes = std::fs::read(recording("card24")).unwrap();
        assert!(bytes.ends_with(&bytes_s16(&source, 1)), "{length}");
    }
}

#[test]
#[ignore = "started with a configuration of its own"]
fn sink_underrun() {
    let source = noise(20_000, 10);
    play_through_sink("card24", &[&source[..10_000], &source[10_000..]], Duration::from_millis(600));
    // The second piece begins anew; nothing of either is lost.
    let found: usize =
        pieces(&source_s16(&source), &played_s16("card24")).iter().map(|piece| piece.length).sum();
    assert!(found >= 19_900, "{found}");
}
