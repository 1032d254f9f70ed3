use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Sample rate of the streams.
const RATE_HZ: u32 = 24_000;

#[test]
fn stream_is_due_while_it_has_a_prebuffer_or_its_end() {
    let mut stream = PlayedStream::new(1, RATE_HZ, None);
    stream.samples.resize(4_800, 0.1);
    assert!(!stream.is_due(), "not released");
    stream.released = true;
    assert!(stream.is_due());
    stream.advance(4_800 - 2_400);
    assert!(stream.is_due(), "100 ms are left");
    stream.advance(4_800 - 240);
    assert!(!stream.is_due(), "an underrun: playback waits for the prebuffer");
    stream.complete = true;
    assert!(stream.is_due(), "the rest is to be played");
    stream.advance(u64::MAX);
    assert!(stream.is_due(), "and its end is to be reported");
    stream.finished = true;
    assert!(!stream.is_due());
}

/// One step of synthesis, player or kernel.
#[derive(Debug, Clone)]
enum Step {
    /// The engines have made samples.
    Push(usize),
    /// Playback may begin.
    Release,
    /// The next request is sent, if one is due.
    Send,
    /// The player grants credit for so many samples.
    Grant(u64),
    /// The player plays so many samples, and reports the position.
    Play(u64),
    /// The player is killed and replaced.
    Die,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (1_usize..12_000).prop_map(Step::Push),
        1 => Just(Step::Release),
        6 => Just(Step::Send),
        3 => (1_u64..9_000).prop_map(Step::Grant),
        3 => (1_u64..9_000).prop_map(Step::Play),
        1 => Just(Step::Die),
    ];
    vec(step, 0..200)
}

/// The player as the protocol describes it.
#[derive(Default)]
struct Model {
    /// Offset of the first sample that the present player has, once a stream has begun.
    begin: Option<u64>,
    received: Vec<f32>,
    credit_until: u64,
    /// Offset of the playback position.
    position: u64,
    length: Option<u64>,
    /// All that was audible, over all players.
    audible: Vec<f32>,
}

impl Model {
    fn take(&mut self, request: &PlayerRequest, samples: &[f32]) {
        match *request {
            PlayerRequest::Begin { stream: 1, rate_hz: RATE_HZ, offset, .. } => {
                assert_eq!(self.begin.replace(offset), None, "begun twice");
                assert_eq!(offset, self.audible.len() as u64, "begins at another sample than the next one");
                (self.position, self.credit_until) = (offset, offset);
            }
            PlayerRequest::Samples { stream: 1, offset } => {
                let begin = self.begin.unwrap();
                assert_eq!(offset, begin + self.received.len() as u64, "a gap or a repetition");
                assert!(offset + samples.len() as u64 <= self.credit_until, "more than was granted");
                assert!(!samples.is_empty() && samples.len() <= PACKET_SAMPLES_MAX);
                self.received.extend(samples);
            }
            PlayerRequest::End { stream: 1, length } => {
                assert_eq!(
                    length,
                    self.begin.unwrap() + self.received.len() as u64,
                    "ends before its last sample"
                );
                assert_eq!(self.length.replace(length), None, "ended twice");
            }
            ref other => panic!("{other:?}"),
        }
    }

    /// Plays up to `count` samples; returns the new position.
    fn play(&mut self, count: u64) -> Option<u64> {
        let begin = self.begin?;
        let end = (self.position + count).min(begin + self.received.len() as u64);
        self.audible.extend(&self.received[(self.position - begin) as usize..(end - begin) as usize]);
        self.position = end;
        Some(end)
    }

    fn die(&mut self) {
        *self = Self { audible: std::mem::take(&mut self.audible), ..Self::default() };
    }
}

proptest! {
    #[test]
    fn every_sample_is_played_once_and_in_order_whenever_players_die(steps in steps()) {
        let mut state = PlayerState { current: Some(PlayedStream::new(1, RATE_HZ, None)), ..PlayerState::default() };
        let (mut model, mut made) = (Model::default(), 0_usize);
        // The steps, and then an undisturbed run to the end of the stream.
        let mut all: Vec<Step> = steps;
        all.push(Step::Release);
        for step in all {
            match step {
                Step::Push(count) => {
                    state.with(|stream| stream.samples.extend((made..made + count).map(|sample| sample as f32)));
                    made += count;
                }
                Step::Release => state.with(|stream| stream.released = true),
                Step::Send => {
                    if let Some((request, samples)) = state.next() {
                        model.take(&request, &samples);
                    }
                }
                Step::Grant(count) => if model.begin.is_some() {
                    model.credit_until += count;
                    state.with(|stream| stream.credit_until = model.credit_until);
                },
                Step::Play(count) => if let Some(position) = model.play(count) {
                    state.with(|stream| stream.advance(position));
                },
                Step::Die => {
                    model.die();
                    state.with(PlayedStream::rewind);
                }
            }
        }
        state.with(|stream| stream.complete = true);
        while model.length.is_none() {
            match state.next() {
                Some((request, samples)) => model.take(&request, &samples),
                None => {
                    model.credit_until += 100_000;
                    state.with(|stream| stream.credit_until = model.credit_until);
                }
            }
        }
        model.play(u64::MAX / 2);
        let expected: Vec<f32> = (0..made).map(|sample| sample as f32).collect();
        prop_assert!(model.audible == expected, "{} samples of {made}", model.audible.len());
    }
}
