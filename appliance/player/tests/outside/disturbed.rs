//! Everything that can happen to a stream on its way, one by one and in random order.

use crier_player::{Fault, QUEUED_MS_MAX};
use crier_wire::{PlayerReport, PlayerRequest};
use proptest::prelude::*;

use crate::check::steps_back;
use crate::rig::{RATE_HZ, Rig, noise};

/// Samples in a millisecond.
const MS: usize = 24;

fn underruns(rig: &Rig) -> usize {
    rig.count(|report| matches!(report, PlayerReport::Underrun { .. }))
}

#[test]
fn stopped_stream_fades_out_and_is_silent_within_50_ms() {
    for (rewinds, length) in [(true, 60_000), (false, 60_000), (true, 14_000), (false, 14_000)] {
        let source = vec![0.7; length];
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &source, 0);
        rig.run(500);
        rig.request(&PlayerRequest::Stop { stream: 1 });
        let stopped_ms = rig.now_ms;
        rig.run_to_end(1000);
        rig.run(300);
        let played = rig.played();
        let last = played.samples.iter().rposition(|sample| *sample != 0.0).unwrap();
        let silent_ms = played.at_ms[last] - stopped_ms;
        assert!(silent_ms <= 50, "{silent_ms} ms");
        let step = played.samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.7 * 0.004, "a click of {step}");
        let told = rig.when(|report| matches!(report, PlayerReport::Stopped { stream: 1, .. })).unwrap();
        assert!(told - stopped_ms <= 75, "{}", told - stopped_ms);
        let stopped = rig.reports.iter().find_map(|(_, report)| match report {
            PlayerReport::Stopped { offset, .. } => Some(*offset as usize),
            _ => None,
        });
        // To the end of the fade; its last samples are too soft to be told from silence.
        assert!(stopped.unwrap().abs_diff(last) <= 20, "{stopped:?} {last}");
    }
}

#[test]
fn next_stream_starts_within_100_ms_of_a_stop() {
    for rewinds in [true, false] {
        let (first, second) = (noise(60_000, 1), noise(20_000, 2));
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &first, 0);
        rig.run(800);
        rig.request(&PlayerRequest::Stop { stream: 1 });
        let stopped_ms = rig.now_ms;
        rig.say(2, &second, 0);
        rig.run_to_end(2000);
        let played = rig.played();
        let begin = played.samples.len() - second.len();
        assert_eq!(played.samples[begin..], second);
        assert!(played.at_ms[begin] - stopped_ms <= 100, "{}", played.at_ms[begin] - stopped_ms);
    }
}

#[test]
fn pause_loses_no_sample() {
    for (rewinds, pause_ms) in [(true, 700), (false, 700), (true, 5), (false, 5)] {
        let source = noise(40_000, 4);
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &source, 0);
        rig.run(600);
        rig.request(&PlayerRequest::Pause);
        let paused_ms = rig.now_ms;
        rig.run(pause_ms);
        rig.request(&PlayerRequest::Resume);
        rig.run_to_end(3000);
        let played = rig.played();
        assert_eq!(steps_back(&source, &played.samples, 10 * MS), Vec::<usize>::new());
        if pause_ms > 100 {
            let late = |i: &usize| (paused_ms + 50..paused_ms + pause_ms).contains(&played.at_ms[*i]);
            assert!((0..played.samples.len()).filter(late).all(|i| played.samples[i] == 0.0));
        }
    }
}

#[test]
fn underrun_fades_out_waits_for_the_prebuffer_and_fades_in() {
    let source = noise(40_000, 6);
    let mut rig = Rig::new(RATE_HZ, false);
    rig.say(1, &source, 30);
    rig.run(500);
    rig.dry = true;
    rig.run(1000);
    assert_eq!(underruns(&rig), 1);
    rig.dry = false;
    rig.run_to_end(5000);
    assert_eq!(steps_back(&source, &rig.played().samples, 20 * MS), Vec::<usize>::new());
    let silence = rig.played().samples.iter().filter(|sample| **sample == 0.0).count();
    assert!(silence <= 25 * MS, "{silence}");
}

#[test]
fn underrun_of_a_player_that_is_not_scheduled_loses_no_sample() {
    let source = noise(40_000, 7);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &source, 0);
    rig.run(500);
    rig.asleep = true;
    rig.run(400);
    rig.asleep = false;
    rig.run_to_end(3000);
    assert_eq!(underruns(&rig), 1);
    assert_eq!(steps_back(&source, &rig.played().samples, 10 * MS), Vec::<usize>::new());
}

#[test]
fn lost_device_is_reopened_and_the_stream_resumes_at_the_playback_position() {
    let source = noise(40_000, 8);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &source, 0);
    rig.run(700);
    rig.behaviour.borrow_mut().gone = true;
    rig.run(3000);
    let lost = rig.count(|report| matches!(report, PlayerReport::Device { open: false, .. }));
    // Lost at 0, tried at 0.25, 0.75 and 1.75 s.
    assert_eq!(lost, 4, "{:?}", rig.reports);
    rig.behaviour.borrow_mut().gone = false;
    rig.run_to_end(8000);
    let back = steps_back(&source, &rig.played().samples, 10 * MS);
    assert!(back.len() <= 1 && back.iter().all(|samples| *samples <= 25 * MS), "{back:?}");
    assert_eq!(rig.count(|report| matches!(report, PlayerReport::Device { open: true, .. })), 2);
}

#[test]
fn reopen_delay_is_reset_when_a_device_has_played() {
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &noise(70_000, 14), 0);
    rig.run(500);
    for gone_ms in [2000, 100] {
        rig.behaviour.borrow_mut().gone = true;
        rig.run(gone_ms);
        rig.behaviour.borrow_mut().gone = false;
        let back_ms = rig.now_ms;
        rig.run(if gone_ms == 100 { 600 } else { 2500 });
        if gone_ms == 100 {
            let opened =
                rig.reports.iter().rev().find(|(_, r)| matches!(r, PlayerReport::Device { open: true, .. }));
            assert!(opened.unwrap().0 - back_ms <= 200, "{opened:?} {back_ms}");
        }
    }
    rig.run_to_end(8000);
}

#[test]
fn stream_waits_for_a_device_that_cannot_be_opened() {
    let source = noise(20_000, 9);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.behaviour.borrow_mut().gone = true;
    rig.say(1, &source, 0);
    rig.run(10_000);
    let tries = rig.count(|report| matches!(report, PlayerReport::Device { open: false, .. }));
    assert!((5..=7).contains(&tries), "{tries}");
    assert!(
        rig.reports.iter().any(
            |(_, r)| matches!(r, PlayerReport::Device { detail, .. } if detail.contains("no-such-device"))
        )
    );
    rig.behaviour.borrow_mut().gone = false;
    rig.run_to_end(8000);
    assert_eq!(rig.played().samples, source);
}

#[test]
fn stalled_device_is_prepared_again_and_then_reopened() {
    let source = noise(60_000, 10);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &source, 0);
    rig.run(500);
    rig.behaviour.borrow_mut().frozen = true;
    rig.run(2500);
    assert!(rig.count(|report| matches!(report, PlayerReport::Device { open: false, .. })) >= 1);
    rig.behaviour.borrow_mut().frozen = false;
    rig.run_to_end(8000);
    let back = steps_back(&source, &rig.played().samples, 10 * MS);
    assert!(back.iter().all(|samples| *samples <= 100 * MS), "{back:?}");
}

#[test]
fn killed_player_repeats_at_most_a_period() {
    for at_ms in [150, 333, 777, 1204] {
        let source = noise(40_000, 11);
        let mut rig = Rig::new(RATE_HZ, true);
        rig.say(1, &source, 60);
        rig.run(at_ms);
        rig.kill_player();
        rig.run_to_end(5000);
        let back = steps_back(&source, &rig.played().samples, 5 * MS);
        assert!(back.len() <= 1 && back.iter().all(|samples| *samples <= 25 * MS), "{back:?}");
    }
}

#[test]
fn resampled_stream_loses_no_sample_by_pause_and_underrun() {
    for (rewinds, device_hz) in [(true, 48_000), (false, 44_100)] {
        let source = noise(48_000, 15);
        let mut rig = Rig::new(device_hz, rewinds);
        rig.say(1, &source, 0);
        rig.run(400);
        rig.request(&PlayerRequest::Pause);
        rig.run(200);
        rig.request(&PlayerRequest::Resume);
        rig.run(500);
        rig.asleep = true;
        rig.run(400);
        rig.asleep = false;
        rig.run_to_end(4000);
        assert_eq!(rig.played_of(1), 48_000);
        let played = rig.played().samples.len() as f64 / f64::from(device_hz);
        // Two seconds, and what faded before the pause once more, with a period of silence behind it at most.
        assert!((1.999..2.05).contains(&played), "{played} s");
    }
}

#[derive(Debug, Clone)]
enum Trouble {
    Pause { ms: u64 },
    Asleep { ms: u64 },
    Dry { ms: u64 },
    ShortWrites { frames: usize, ms: u64 },
    Frozen { ms: u64 },
    Suspended,
    Failed,
    Unplugged { ms: u64 },
    KilledPlayer,
}

fn troubles() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        (1_u64..400).prop_map(|ms| Trouble::Pause { ms }),
        (1_u64..500).prop_map(|ms| Trouble::Asleep { ms }),
        (1_u64..900).prop_map(|ms| Trouble::Dry { ms }),
        (0_usize..700, 1_u64..150).prop_map(|(frames, ms)| Trouble::ShortWrites { frames, ms }),
        (1_u64..1500).prop_map(|ms| Trouble::Frozen { ms }),
        Just(Trouble::Suspended),
        Just(Trouble::Failed),
        (1_u64..2000).prop_map(|ms| Trouble::Unplugged { ms }),
        Just(Trouble::KilledPlayer),
    ]
}

/// Returns how many times the trouble may make the sound go back.
fn make(rig: &mut Rig, trouble: &Trouble) -> usize {
    match *trouble {
        Trouble::Pause { ms } => {
            rig.request(&PlayerRequest::Pause);
            rig.run(ms);
            rig.request(&PlayerRequest::Resume);
            0
        }
        Trouble::Asleep { ms } => {
            rig.asleep = true;
            rig.run(ms);
            rig.asleep = false;
            // It wakes before anything else happens: how much was played is known again.
            rig.run(1);
            0
        }
        Trouble::Dry { ms } => {
            rig.dry = true;
            rig.run(ms);
            rig.dry = false;
            0
        }
        Trouble::ShortWrites { frames, ms } => {
            rig.behaviour.borrow_mut().take_max = Some(frames);
            rig.run(ms);
            rig.behaviour.borrow_mut().take_max = None;
            0
        }
        Trouble::Frozen { ms } => {
            rig.behaviour.borrow_mut().frozen = true;
            rig.run(ms);
            rig.behaviour.borrow_mut().frozen = false;
            4
        }
        Trouble::Suspended => {
            rig.behaviour.borrow_mut().fault = Some(Fault::Suspended);
            1
        }
        Trouble::Failed => {
            rig.behaviour.borrow_mut().fault = Some(Fault::Failed("it broke".to_owned()));
            1
        }
        Trouble::Unplugged { ms } => {
            rig.behaviour.borrow_mut().gone = true;
            rig.run(ms);
            rig.behaviour.borrow_mut().gone = false;
            1
        }
        Trouble::KilledPlayer => {
            rig.kill_player();
            1
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_sample_is_played_in_order_under_random_faults(
        rewinds: bool,
        per_ms in prop::sample::select(vec![0_usize, 20, 26, 60]),
        happenings in prop::collection::vec((0_u64..700, troubles()), 0..7),
        seed: u32,
    ) {
        let source = noise(72_000, seed | 1);
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &source, per_ms);
        let mut may_go_back = 0;
        for (after_ms, trouble) in &happenings {
            rig.run(*after_ms);
            may_go_back += make(&mut rig, trouble);
        }
        rig.run_to_end(60_000);
        let (offsets, credit): (Vec<_>, Vec<_>) = rig.reports.iter().filter_map(|(_, r)| match r {
            PlayerReport::Played { offset, .. } => Some((Some(*offset), None)),
            PlayerReport::Credit { until, .. } => Some((None, Some(*until))),
            _ => None,
        }).unzip();
        let offsets: Vec<u64> = offsets.into_iter().flatten().collect();
        prop_assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "played goes back: {:?}", offsets);
        prop_assert_eq!(offsets.last(), Some(&72_000));
        let credit_max = credit.into_iter().flatten().max().unwrap_or(0);
        prop_assert!(credit_max <= 72_000 + u64::from(QUEUED_MS_MAX) * MS as u64);
        let played = rig.played();
        // Fades may meet: out (20 ms), dry (10 ms) and in (10 ms), several times when troubles follow each other.
        let back = steps_back(&source, &played.samples, 40 * MS * happenings.len().max(1));
        prop_assert!(back.len() <= may_go_back, "{:?} {:?}", back, happenings);
        prop_assert!(back.iter().all(|samples| *samples <= 100 * MS), "{:?} {:?}", back, happenings);
        if happenings.is_empty() && per_ms != 20 {
            prop_assert_eq!(&played.samples, &source);
        }
    }

    #[test]
    fn stop_is_silent_within_50_ms_under_random_faults(
        rewinds: bool,
        happenings in prop::collection::vec((0_u64..300, troubles()), 0..3),
        stop_ms in 0_u64..600,
    ) {
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &noise(96_000, 3), 26);
        for (after_ms, trouble) in &happenings {
            rig.run(*after_ms);
            make(&mut rig, trouble);
        }
        rig.run(stop_ms);
        rig.request(&PlayerRequest::Stop { stream: 1 });
        let stopped_ms = rig.now_ms;
        rig.run(2000);
        prop_assert_eq!(rig.count(|r| matches!(r, PlayerReport::Stopped { .. } | PlayerReport::Finished { .. })), 1);
        let played = rig.played();
        let last = played.samples.iter().rposition(|sample| *sample != 0.0);
        let silent_ms = last.map_or(0, |last| played.at_ms[last]);
        prop_assert!(silent_ms <= stopped_ms + 50, "{} {}", silent_ms, stopped_ms);
    }
}
