//! Streams that nothing disturbs come out as they went in.

use crier_audio::scaled;
use crier_player::{Options, volume_factor};
use crier_wire::{PlayerRefusal, PlayerReport, PlayerRequest};

use crate::rig::{RATE_HZ, Rig, noise};

#[test]
fn undisturbed_stream_is_played_bit_for_bit_and_reported() {
    for rewinds in [true, false] {
        for (length, per_ms) in [(50_000, 0), (50_000, 40), (700, 0), (1, 0), (2400, 24)] {
            let source = noise(length, 1);
            let mut rig = Rig::new(RATE_HZ, rewinds);
            rig.say(7, &source, per_ms);
            rig.run_to_end(5000);
            assert_eq!(rig.played().samples, source);
            let offsets: Vec<u64> = rig
                .reports
                .iter()
                .filter_map(|(_, report)| match report {
                    PlayerReport::Played { stream: 7, offset } => Some(*offset),
                    _ => None,
                })
                .collect();
            assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(offsets.last(), Some(&(length as u64)));
            // A period is 600 samples; a poll may come a millisecond late.
            assert!(offsets.windows(2).all(|pair| pair[1] - pair[0] <= 624), "{offsets:?}");
            assert_eq!(rig.count(|report| matches!(report, PlayerReport::Underrun { .. })), 0);
            assert_eq!(rig.count(|report| matches!(report, PlayerReport::Finished { stream: 7 })), 1);
        }
    }
}

#[test]
fn streams_are_played_in_the_order_of_their_begin() {
    let (first, second) = (noise(9_000, 1), noise(5_000, 2));
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &first, 0);
    rig.say(2, &second, 0);
    rig.run_to_end(3000);
    assert_eq!(rig.played().samples, [first, second].concat());
    // The second follows within a period.
    let finished = rig.when(|report| matches!(report, PlayerReport::Finished { stream: 1 })).unwrap();
    let played = rig.when(|report| matches!(report, PlayerReport::Played { stream: 2, .. })).unwrap();
    assert!(played - finished <= 25, "{finished} {played}");
}

#[test]
fn complete_stream_starts_at_once() {
    let mut rig = Rig::new(RATE_HZ, true);
    rig.run(600);
    let begun = rig.now_ms;
    rig.say(1, &noise(12_000, 3), 0);
    rig.run_to_end(3000);
    let first = rig.played().at_ms[0];
    assert!(first - begun <= 10, "{}", first - begun);
}

#[test]
fn resampled_stream_has_exact_length_and_position() {
    for device_hz in [48_000, 44_100, 16_000] {
        let source: Vec<f32> = (0..20_000).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
        let mut rig = Rig::new(device_hz, true);
        rig.say(1, &source, 40);
        rig.run_to_end(5000);
        assert_eq!(rig.played().samples.len() as u64, scaled(20_000, RATE_HZ, device_hz));
        let (step, skip) = (f64::from(RATE_HZ) / f64::from(device_hz), 500);
        for (i, &played) in rig.played().samples.iter().enumerate().skip(skip).take(10_000) {
            let wanted = (i as f64 * step * 0.05).sin() * 0.5;
            assert!((f64::from(played) - wanted).abs() < 1e-3, "{device_hz} at {i}");
        }
        assert_eq!(rig.played_of(1), 20_000);
    }
}

#[test]
fn volumes_are_multiplied_and_mute_keeps_time() {
    let source = vec![0.5; 48_000];
    let options = Options { volume_percent: 80, ..Options::default() };
    let mut rig = Rig::with_options(RATE_HZ, true, options);
    rig.begin(1, 0, Some(60));
    rig.run(5);
    for piece in source[..24_000].chunks(24_000) {
        rig.request_with(&PlayerRequest::Samples { stream: 1, offset: 0 }, piece);
    }
    rig.request(&PlayerRequest::End { stream: 1, length: 24_000 });
    rig.run(300);
    rig.request(&PlayerRequest::Mute { on: true });
    rig.run(900);
    let played = rig.played();
    assert_eq!(played.samples.len(), 24_000);
    let wanted = 0.5 * (volume_factor(80) * volume_factor(60));
    assert!(played.samples[..6000].iter().all(|sample| *sample == wanted));
    assert!(played.samples[18_000..].iter().all(|sample| *sample == 0.0));
    let step = played.samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < wanted * 0.004, "a click of {step}");
}

#[test]
fn refused_request_has_no_effect() {
    let source = noise(30_000, 5);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &source, 40);
    rig.run(100);
    let samples = |stream, offset| PlayerRequest::Samples { stream, offset };
    rig.begin(1, 0, None);
    rig.request(&PlayerRequest::Begin { stream: 9, rate_hz: 1, volume_percent: None, offset: 0 });
    rig.request_with(&samples(8, 0), &[0.3; 10]);
    rig.request_with(&samples(1, 20_000), &[0.3; 10]);
    rig.request_with(&samples(1, 100), &vec![0.3; 60_000]);
    rig.request(&PlayerRequest::End { stream: 1, length: 3 });
    rig.request(&PlayerRequest::Stop { stream: 8 });
    rig.run(1);
    let reasons: Vec<PlayerRefusal> = rig
        .reports
        .iter()
        .filter_map(|(_, report)| match report {
            PlayerReport::Refused { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .collect();
    assert!(
        matches!(
            reasons.as_slice(),
            [
                PlayerRefusal::KnownStream,
                PlayerRefusal::Rate,
                PlayerRefusal::UnknownStream,
                PlayerRefusal::Gap { .. },
                PlayerRefusal::BeyondCredit { .. },
                PlayerRefusal::OtherLength,
                PlayerRefusal::UnknownStream
            ]
        ),
        "{reasons:?}"
    );
    rig.run_to_end(3000);
    assert_eq!(rig.played().samples, source);
}
