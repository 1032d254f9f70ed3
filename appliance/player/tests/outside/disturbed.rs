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
fn a_stopped_stream_fades_and_is_silent_within_50_ms() {
    for (rewinds, length) in [(true, 60_000), (false, 60_000), (true, 14_000), (false, 14_000)] {
        let said = vec![0.7; length];
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &said, 0);
        rig.run(500);
        rig.request(&PlayerRequest::Stop { stream: 1 });
        let stopped_ms = rig.now_ms;
        rig.run_to_end(1000);
        rig.run(300);
        let heard = rig.heard();
        let last = heard.samples.iter().rposition(|sample| *sample != 0.0).unwrap();
        let silent_ms = heard.at_ms[last] - stopped_ms;
        assert!(silent_ms <= 50, "{silent_ms} ms");
        let step = heard.samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
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
fn the_next_stream_is_heard_within_100_ms_of_a_stop() {
    for rewinds in [true, false] {
        let (first, second) = (noise(60_000, 1), noise(20_000, 2));
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &first, 0);
        rig.run(800);
        rig.request(&PlayerRequest::Stop { stream: 1 });
        let stopped_ms = rig.now_ms;
        rig.say(2, &second, 0);
        rig.run_to_end(2000);
        let heard = rig.heard();
        let begin = heard.samples.len() - second.len();
        assert_eq!(heard.samples[begin..], second);
        assert!(heard.at_ms[begin] - stopped_ms <= 100, "{}", heard.at_ms[begin] - stopped_ms);
    }
}

#[test]
fn a_pause_keeps_every_sample() {
    for (rewinds, pause_ms) in [(true, 700), (false, 700), (true, 5), (false, 5)] {
        let said = noise(40_000, 4);
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &said, 0);
        rig.run(600);
        rig.request(&PlayerRequest::Pause);
        let paused_ms = rig.now_ms;
        rig.run(pause_ms);
        rig.request(&PlayerRequest::Resume);
        rig.run_to_end(3000);
        let heard = rig.heard();
        assert_eq!(steps_back(&said, &heard.samples, 10 * MS), Vec::<usize>::new());
        if pause_ms > 100 {
            let late = |i: &usize| (paused_ms + 50..paused_ms + pause_ms).contains(&heard.at_ms[*i]);
            assert!((0..heard.samples.len()).filter(late).all(|i| heard.samples[i] == 0.0));
        }
    }
}

#[test]
fn a_stream_that_runs_dry_fades_out_waits_and_fades_in() {
    let said = noise(40_000, 6);
    let mut rig = Rig::new(RATE_HZ, false);
    rig.say(1, &said, 30);
    rig.run(500);
    rig.dry = true;
    rig.run(1000);
    assert_eq!(underruns(&rig), 1);
    rig.dry = false;
    rig.run_to_end(5000);
    assert_eq!(steps_back(&said, &rig.heard().samples, 20 * MS), Vec::<usize>::new());
    let silence = rig.heard().samples.iter().filter(|sample| **sample == 0.0).count();
    assert!(silence <= 25 * MS, "{silence}");
}

#[test]
fn a_busy_machine_makes_a_gap_and_loses_nothing() {
    let said = noise(40_000, 7);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &said, 0);
    rig.run(500);
    rig.asleep = true;
    rig.run(400);
    rig.asleep = false;
    rig.run_to_end(3000);
    assert_eq!(underruns(&rig), 1);
    assert_eq!(steps_back(&said, &rig.heard().samples, 10 * MS), Vec::<usize>::new());
}

#[test]
fn a_lost_device_is_waited_for_and_the_stream_goes_on_where_it_was_heard() {
    let said = noise(40_000, 8);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &said, 0);
    rig.run(700);
    rig.behaviour.borrow_mut().gone = true;
    rig.run(3000);
    let lost = rig.count(|report| matches!(report, PlayerReport::Device { open: false, .. }));
    // Lost at 0, tried at 0.25, 0.75 and 1.75 s.
    assert_eq!(lost, 4, "{:?}", rig.reports);
    rig.behaviour.borrow_mut().gone = false;
    rig.run_to_end(8000);
    let back = steps_back(&said, &rig.heard().samples, 10 * MS);
    assert!(back.len() <= 1 && back.iter().all(|samples| *samples <= 25 * MS), "{back:?}");
    assert_eq!(rig.count(|report| matches!(report, PlayerReport::Device { open: true, .. })), 2);
}

#[test]
fn a_device_that_has_played_is_reopened_as_soon_as_the_first_time() {
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
fn a_device_that_is_busy_at_the_start_holds_the_stream() {
    let said = noise(20_000, 9);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.behaviour.borrow_mut().gone = true;
    rig.say(1, &said, 0);
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
    assert_eq!(rig.heard().samples, said);
}

#[test]
fn a_device_that_stands_still_is_made_ready_again_and_then_reopened() {
    let said = noise(60_000, 10);
    let mut rig = Rig::new(RATE_HZ, true);
    rig.say(1, &said, 0);
    rig.run(500);
    rig.behaviour.borrow_mut().frozen = true;
    rig.run(2500);
    assert!(rig.count(|report| matches!(report, PlayerReport::Device { open: false, .. })) >= 1);
    rig.behaviour.borrow_mut().frozen = false;
    rig.run_to_end(8000);
    let back = steps_back(&said, &rig.heard().samples, 10 * MS);
    assert!(back.iter().all(|samples| *samples <= 100 * MS), "{back:?}");
}

#[test]
fn a_killed_player_repeats_at_most_a_period() {
    for at_ms in [150, 333, 777, 1204] {
        let said = noise(40_000, 11);
        let mut rig = Rig::new(RATE_HZ, true);
        rig.say(1, &said, 60);
        rig.run(at_ms);
        rig.kill_player();
        rig.run_to_end(5000);
        let back = steps_back(&said, &rig.heard().samples, 5 * MS);
        assert!(back.len() <= 1 && back.iter().all(|samples| *samples <= 25 * MS), "{back:?}");
    }
}

#[test]
fn at_another_rate_disturbances_cost_no_sample_either() {
    for (rewinds, device_hz) in [(true, 48_000), (false, 44_100)] {
        let said = noise(48_000, 15);
        let mut rig = Rig::new(device_hz, rewinds);
        rig.say(1, &said, 0);
        rig.run(400);
        rig.request(&PlayerRequest::Pause);
        rig.run(200);
        rig.request(&PlayerRequest::Resume);
        rig.run(500);
        rig.asleep = true;
        rig.run(400);
        rig.asleep = false;
        rig.run_to_end(4000);
        assert_eq!(rig.heard_of(1), 48_000);
        let heard = rig.heard().samples.len() as f64 / f64::from(device_hz);
        // Two seconds, and what faded before the pause once more, with a period of silence behind it at most.
        assert!((1.999..2.05).contains(&heard), "{heard} s");
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
            // It wakes before anything else happens: how much was heard is known again.
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
    fn whatever_happens_every_sample_is_heard_in_order(
        rewinds: bool,
        per_ms in prop::sample::select(vec![0_usize, 20, 26, 60]),
        happenings in prop::collection::vec((0_u64..700, troubles()), 0..7),
        seed: u32,
    ) {
        let said = noise(72_000, seed | 1);
        let mut rig = Rig::new(RATE_HZ, rewinds);
        rig.say(1, &said, per_ms);
        let mut may_go_back = 0;
        for (after_ms, trouble) in &happenings {
            rig.run(*after_ms);
            may_go_back += make(&mut rig, trouble);
        }
        rig.run_to_end(60_000);
        let (offsets, room): (Vec<_>, Vec<_>) = rig.reports.iter().filter_map(|(_, r)| match r {
            PlayerReport::Played { offset, .. } => Some((Some(*offset), None)),
            PlayerReport::Credit { until, .. } => Some((None, Some(*until))),
            _ => None,
        }).unzip();
        let offsets: Vec<u64> = offsets.into_iter().flatten().collect();
        prop_assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "heard goes back: {:?}", offsets);
        prop_assert_eq!(offsets.last(), Some(&72_000));
        let room_max = room.into_iter().flatten().max().unwrap_or(0);
        prop_assert!(room_max <= 72_000 + u64::from(QUEUED_MS_MAX) * MS as u64);
        let heard = rig.heard();
        // Fades may meet: out (20 ms), dry (10 ms) and in (10 ms), several times when troubles follow each other.
        let back = steps_back(&said, &heard.samples, 40 * MS * happenings.len().max(1));
        prop_assert!(back.len() <= may_go_back, "{:?} {:?}", back, happenings);
        prop_assert!(back.iter().all(|samples| *samples <= 100 * MS), "{:?} {:?}", back, happenings);
        if happenings.is_empty() && per_ms != 20 {
            prop_assert_eq!(&heard.samples, &said);
        }
    }

    #[test]
    fn a_stop_at_any_moment_is_silent_within_50_ms(
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
        let heard = rig.heard();
        let last = heard.samples.iter().rposition(|sample| *sample != 0.0);
        let silent_ms = last.map_or(0, |last| heard.at_ms[last]);
        prop_assert!(silent_ms <= stopped_ms + 50, "{} {}", silent_ms, stopped_ms);
    }
}
