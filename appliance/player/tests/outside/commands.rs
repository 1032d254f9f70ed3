//! Commands that make no sense, in any order: nothing breaks, memory stays bounded, streams end once.

use std::time::Duration;

use crier_player::{CapturePcm, Options, Output, Pcm, Player, PlayerError, STREAMS_MAX, Sink, WavFormat};
use crier_wire::{PlayerRefusal, PlayerReport, PlayerRequest};
use proptest::prelude::*;

use crate::rig::{RATE_HZ, Rig, noise};

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..3000, any::<u64>(), Just(u64::MAX), Just(1_u64 << 47)]
}

/// A request and the samples that belong to it.
fn requests() -> impl Strategy<Value = (PlayerRequest, Vec<f32>)> {
    let sample = prop_oneof![any::<f32>(), -1.0_f32..1.0];
    let rate = prop_oneof![Just(RATE_HZ), Just(44_100), any::<u32>()];
    let alone = |request| (request, Vec::new());
    prop_oneof![
        4 => (0_u64..6, rate, any::<Option<u32>>(), numbers()).prop_map(
            move |(stream, rate_hz, volume_percent, offset)| {
                alone(PlayerRequest::Begin { stream, rate_hz, volume_percent, offset })
            }
        ),
        8 => (0_u64..6, numbers(), prop::collection::vec(sample, 0..4000))
            .prop_map(|(stream, offset, samples)| (PlayerRequest::Samples { stream, offset }, samples)),
        2 => (0_u64..6, numbers())
            .prop_map(move |(stream, length)| alone(PlayerRequest::End { stream, length })),
        1 => (0_u64..6).prop_map(move |stream| alone(PlayerRequest::Stop { stream })),
        1 => Just(alone(PlayerRequest::Pause)),
        1 => Just(alone(PlayerRequest::Resume)),
        1 => any::<u32>().prop_map(move |percent| alone(PlayerRequest::Volume { percent })),
        1 => any::<bool>().prop_map(move |on| alone(PlayerRequest::Mute { on })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_requests_leave_a_working_player(
        requests in prop::collection::vec((requests(), 0_u64..80), 0..60),
        device_hz in prop::sample::select(vec![24_000_u32, 48_000]),
    ) {
        let mut rig = Rig::new(device_hz, true);
        for ((request, samples), wait_ms) in requests {
            rig.request_with(&request, &samples);
            rig.run(wait_ms);
        }
        rig.request(&PlayerRequest::Resume);
        for stream in 0..6 {
            rig.request(&PlayerRequest::Stop { stream });
        }
        rig.run(600);
        // Nothing is left: a full set of new streams may begin.
        let refused = rig.count(|report| matches!(report, PlayerReport::Refused { .. }));
        for stream in 100..100 + STREAMS_MAX as u64 {
            rig.begin(stream, 0, None);
        }
        rig.run(1);
        prop_assert_eq!(rig.count(|report| matches!(report, PlayerReport::Refused { .. })), refused);
        prop_assert!(rig.played().samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
        let begun = rig.count(|report| matches!(report, PlayerReport::Credit { .. }));
        let ended =
            rig.count(|report| matches!(report, PlayerReport::Finished { .. } | PlayerReport::Stopped { .. }));
        prop_assert!(ended <= begun);
    }
}

#[test]
fn streams_beyond_the_maximum_are_refused() {
    let mut rig = Rig::new(RATE_HZ, true);
    for stream in 0..10 {
        rig.begin(stream, 0, None);
    }
    rig.run(1);
    let refused = rig.count(|report| matches!(report, PlayerReport::Refused { .. }));
    assert_eq!(refused, 10 - STREAMS_MAX);
}

/// A stream that comes late and in pieces is captured bit for bit, in one file over two players.
#[test]
fn capture_has_no_gaps_after_late_samples() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::Capture { path: folder.path().join("out.wav"), format: WavFormat::F32 };
    let source = noise(30_000, 1);
    let mut now = Duration::ZERO;
    let mut played = 0;
    for half in [&source[..13_777], &source[13_777..]] {
        let device = output.clone();
        let mut player = Player::new(Options::default(), Box::new(move |rate_hz| device.open(rate_hz)));
        let begin = PlayerRequest::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
        player.handle(&begin, &[], now);
        let mut sent = 0;
        for samples in half.chunks(2500) {
            player.handle(&PlayerRequest::Samples { stream: 1, offset: sent }, samples, now);
            sent += samples.len() as u64;
            for _ in 0..100 {
                now += Duration::from_millis(10);
                player.poll(now);
            }
        }
        player.handle(&PlayerRequest::End { stream: 1, length: sent }, &[], now);
        player.poll(now);
        while let Some(report) = player.report() {
            assert!(
                !matches!(report, PlayerReport::Underrun { .. } | PlayerReport::Refused { .. }),
                "{report:?}"
            );
            played += usize::from(report == PlayerReport::Finished { stream: 1 });
        }
    }
    assert_eq!(played, 2);
    let mut reader = hound::WavReader::open(folder.path().join("out.wav")).unwrap();
    let samples: Vec<f32> = reader.samples().map(Result::unwrap).collect();
    assert!(samples == source);
}

/// A full disk is a device that fails: it is told, and tried again.
#[test]
fn failed_sink_is_reported_as_lost_device() {
    struct Full;
    impl Sink for Full {
        fn write(&mut self, _: &[f32]) -> Result<(), PlayerError> {
            Err(PlayerError::WriteStandardOutput { source: std::io::Error::other("no room") })
        }

        fn finish(self: Box<Self>) -> Result<(), PlayerError> {
            Ok(())
        }
    }
    let opener = |rate_hz| Ok(Box::new(CapturePcm::new(rate_hz, Box::new(Full))) as Box<dyn Pcm>);
    let mut player = Player::new(Options::default(), Box::new(opener));
    let begin = PlayerRequest::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
    player.handle(&begin, &[], Duration::ZERO);
    player.handle(&PlayerRequest::Samples { stream: 1, offset: 0 }, &vec![0.1; 5000], Duration::ZERO);
    player.poll(Duration::ZERO);
    let reports: Vec<PlayerReport> = std::iter::from_fn(|| player.report()).collect();
    let lost = |report: &PlayerReport| match report {
        PlayerReport::Device { open: false, detail } => detail.contains("no room"),
        _ => false,
    };
    assert!(reports.iter().any(lost), "{reports:?}");
    // The stream is kept for the device's return.
    let again = PlayerRequest::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
    player.handle(&again, &[], Duration::ZERO);
    let reason = PlayerRefusal::KnownStream;
    assert_eq!(player.report(), Some(PlayerReport::Refused { stream: 1, reason }));
}
