//! Commands that make no sense, in any order: nothing breaks, memory stays bounded, streams end once.

use std::time::Duration;

use crier_player::{
    CapturePcm, Command, Options, Output, Pcm, Player, PlayerError, Report, STREAMS_MAX, Sink, WavFormat,
};
use proptest::prelude::*;

use crate::rig::{RATE_HZ, Rig, noise};

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..3000, any::<u64>(), Just(u64::MAX), Just(1_u64 << 47)]
}

fn commands() -> impl Strategy<Value = Command> {
    let sample = prop_oneof![any::<f32>(), -1.0_f32..1.0];
    prop_oneof![
        4 => (0_u64..6, prop_oneof![Just(RATE_HZ), Just(44_100), any::<u32>()], any::<Option<u8>>(), numbers()).prop_map(
            |(stream, rate_hz, volume_percent, offset)| Command::Begin { stream, rate_hz, volume_percent, offset }
        ),
        8 => (0_u64..6, numbers(), prop::collection::vec(sample, 0..4000))
            .prop_map(|(stream, offset, samples)| Command::Samples { stream, offset, samples }),
        2 => (0_u64..6, numbers()).prop_map(|(stream, length)| Command::End { stream, length }),
        1 => (0_u64..6).prop_map(|stream| Command::Stop { stream }),
        1 => Just(Command::Pause),
        1 => Just(Command::Resume),
        1 => any::<u8>().prop_map(Command::Volume),
        1 => any::<bool>().prop_map(Command::Mute),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_command_breaks_the_player(
        commands in prop::collection::vec((commands(), 0_u64..80), 0..60),
        device_hz in prop::sample::select(vec![24_000_u32, 48_000]),
    ) {
        let mut rig = Rig::new(device_hz, true);
        for (command, wait_ms) in commands {
            rig.command(command);
            rig.run(wait_ms);
        }
        rig.command(Command::Shutdown);
        rig.run(600);
        prop_assert!(rig.player.is_shut_down());
        prop_assert!(rig.heard().samples.iter().all(|sample| (-1.0..=1.0).contains(sample)));
        let begun = rig.count(|report| matches!(report, Report::Room { .. }));
        let ended = rig.count(|report| matches!(report, Report::Finished { .. } | Report::Stopped { .. }));
        prop_assert!(ended <= begun);
    }
}

#[test]
fn only_so_many_streams_begin_at_the_same_time() {
    let mut rig = Rig::new(RATE_HZ, true);
    for stream in 0..10 {
        rig.begin(stream, 0, None);
    }
    rig.run(1);
    let refused = rig.count(|report| matches!(report, Report::Refused { .. }));
    assert_eq!(refused, 10 - STREAMS_MAX);
}

#[test]
fn spoken_samples_are_not_told() {
    let command = Command::Samples { stream: 3, offset: 7, samples: vec![0.123_45; 2] };
    assert_eq!(format!("{command:?}"), "Samples(3, 2 from 7)");
}

/// A stream that comes late and in pieces is captured bit for bit, in one file over two players.
#[test]
fn a_capture_has_no_gaps_whatever_the_sender_does() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::Capture { path: folder.path().join("out.wav"), format: WavFormat::F32 };
    let said = noise(30_000, 1);
    let mut now = Duration::ZERO;
    let mut heard = 0;
    for half in [&said[..13_777], &said[13_777..]] {
        let device = output.clone();
        let mut player = Player::new(Options::default(), Box::new(move |rate_hz| device.open(rate_hz)));
        let begin = Command::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
        player.command(begin, now);
        let mut sent = 0;
        for samples in half.chunks(2500) {
            player.command(Command::Samples { stream: 1, offset: sent, samples: samples.to_vec() }, now);
            sent += samples.len() as u64;
            for _ in 0..100 {
                now += Duration::from_millis(10);
                player.poll(now);
            }
        }
        player.command(Command::End { stream: 1, length: sent }, now);
        player.poll(now);
        while let Some(report) = player.report() {
            assert!(!matches!(report, Report::Underrun { .. } | Report::Refused { .. }), "{report:?}");
            heard += usize::from(report == Report::Finished { stream: 1 });
        }
    }
    assert_eq!(heard, 2);
    let mut reader = hound::WavReader::open(folder.path().join("out.wav")).unwrap();
    let samples: Vec<f32> = reader.samples().map(Result::unwrap).collect();
    assert!(samples == said);
}

/// A full disk is a device that fails: it is told, and tried again.
#[test]
fn a_sink_that_fails_is_a_lost_device() {
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
    let begin = Command::Begin { stream: 1, rate_hz: RATE_HZ, volume_percent: None, offset: 0 };
    player.command(begin, Duration::ZERO);
    player.command(Command::Samples { stream: 1, offset: 0, samples: vec![0.1; 5000] }, Duration::ZERO);
    player.poll(Duration::ZERO);
    let reports: Vec<Report> = std::iter::from_fn(|| player.report()).collect();
    let lost = |report: &Report| matches!(report, Report::Device { open: false, detail } if detail.contains("no room"));
    assert!(reports.iter().any(lost), "{reports:?}");
    assert!(!player.is_idle());
}
