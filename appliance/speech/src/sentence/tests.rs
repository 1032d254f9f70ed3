//! Tests of both halves: samples are the same at any speed and after the loss of any network.

use proptest::prelude::*;

use super::messages::AttemptOutcome;
use super::*;
use crate::prompt::tests::{Spelled, layout, options};
use crate::{CODEBOOKS, FrameRequest, GROUPS, ModelKind, Prompt, TextMode, VoiceLayout};

const SAMPLES_PER_FRAME: usize = 4;
const VOCABULARY: usize = 1124;
const END_OF_SPEECH: usize = 203;

/// How the stand-in voice behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Voice {
    /// Speaks and ends.
    Sound,
    /// Never makes a sound with the first seed.
    SilentAtFirst,
    /// Makes a sound with the third seed.
    SilentTwice,
    /// Never makes a sound.
    Silent,
    /// Says the same frame for ever.
    Stuck,
    /// Falls silent in the middle and never ends.
    FallsSilent,
    /// Never ends.
    Endless,
}

fn hash(state: u64, value: u64) -> u64 {
    (state.rotate_left(9) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Networks whose answers depend on everything they were fed since their start.
struct Networks {
    voice: Voice,
    talker: u64,
    positions: usize,
    vocoder: u64,
}

impl Networks {
    fn new(voice: Voice) -> Self {
        Self { voice, talker: 0, positions: 0, vocoder: 0 }
    }

    fn talk(&mut self, position: usize, rows: &[f32], frames: u32) -> ([f32; 3], Vec<f32>) {
        if position == 0 {
            (self.talker, self.positions) = (0, 0);
        }
        assert_eq!(position, self.positions, "the talker knows all positions before");
        self.positions += rows.len() / 3;
        self.talker = rows.iter().fold(self.talker, |state, value| hash(state, u64::from(value.to_bits())));
        let logit = |i: u64| ((hash(self.talker, i) >> 40) % 1009) as f32 / 500.0;
        let mut logits: Vec<f32> = (0..VOCABULARY as u64).map(logit).collect();
        let ends =
            matches!(self.voice, Voice::Sound | Voice::SilentAtFirst | Voice::SilentTwice) && frames >= 40;
        logits[END_OF_SPEECH] = if ends && self.talker.is_multiple_of(3) { 99.0 } else { -99.0 };
        ([(self.talker >> 40) as f32, 1.0, 2.0], logits)
    }

    fn vocode(&mut self, first: u32, codes: &[[u16; CODEBOOKS]], attempt: u32) -> Vec<f32> {
        if first == 0 {
            self.vocoder = 0;
        }
        let mut samples = Vec::new();
        for (index, frame) in codes.iter().enumerate() {
            self.vocoder = frame.iter().fold(self.vocoder, |state, code| hash(state, u64::from(*code)));
            let at = first as usize + index;
            let quiet = match self.voice {
                Voice::Sound | Voice::Stuck | Voice::Endless => at < 2,
                Voice::SilentAtFirst => attempt == 0,
                Voice::SilentTwice => attempt < 2,
                Voice::Silent => true,
                Voice::FallsSilent => at >= 20,
            };
            let loudness = if quiet { 1e-4 } else { 0.1 };
            let sample = |i: u64| loudness + loudness * (hash(self.vocoder, i) >> 50) as f32 / 16384.0;
            samples.extend((0..SAMPLES_PER_FRAME as u64).map(sample));
        }
        samples
    }
}

struct Outcome {
    samples: Vec<f32>,
    frames: usize,
    cut: Option<CutReason>,
    retries: u32,
}

fn sentence(voice: &VoiceLayout) -> Sentence {
    let prompt = Prompt::new(voice, &Spelled, &options(TextMode::Streaming), &[21, 22, 23]).unwrap();
    let ceiling = DurationCeiling::Guard(crate::frame_ceiling(20));
    Sentence { prompt, tokens: 20, ceiling, repetition_window: None }
}

/// Speaks; `schedule` says at each turn who works (0, 1) and who dies (2, 3).
fn speak(kind: Voice, wanted: Option<u32>, schedule: impl FnMut() -> u8) -> Outcome {
    speak_after(0, kind, wanted, schedule)
}

/// Speaks with a voice that reads ahead by some frames.
fn speak_after(
    lead_frames: usize,
    kind: Voice,
    wanted: Option<u32>,
    schedule: impl FnMut() -> u8,
) -> Outcome {
    let sentence = sentence(&layout(ModelKind::CustomVoice));
    speak_sentence(sentence, lead_frames, kind, wanted, schedule)
}

fn speak_sentence(
    sentence: Sentence,
    lead_frames: usize,
    kind: Voice,
    wanted: Option<u32>,
    mut schedule: impl FnMut() -> u8,
) -> Outcome {
    let voice = layout(ModelKind::CustomVoice);
    let options = SentenceOptions { seed: 7, greedy: false, max_frames: wanted, chunk_frames: 8 };
    let mut frames = SentenceFrames::new(&voice, sentence, options);
    let mut samples = SentenceSamples::new(options, SAMPLES_PER_FRAME, lead_frames);
    let mut networks = Networks::new(kind);
    let mut out = Vec::new();
    let mut retries = 0;
    for _ in 0..100_000 {
        match schedule() {
            0 => step(&mut frames, &mut networks, kind),
            1 => {
                let due = samples.due().map(|(first, codes)| (first, codes.to_vec()));
                if let Some((first, codes)) = due {
                    let mut decoded = networks.vocode(first, &codes, retries);
                    samples.decoded(&mut decoded, &mut out);
                }
            }
            2 => {
                (networks.talker, networks.positions) = (0, 0);
                frames.talker_lost(&voice);
            }
            _ => {
                networks.vocoder = 0;
                samples.vocoder_lost();
            }
        }
        while let Some(event) = frames.next_event() {
            samples.push(event, &mut out);
        }
        while let Some(feedback) = samples.next_feedback() {
            retries += u32::from(feedback.outcome == AttemptOutcome::Retry);
            frames.take_feedback(&voice, feedback);
        }
        if samples.is_finished() && frames.is_settled() {
            return Outcome { samples: out, frames: samples.codes().len(), cut: samples.cut(), retries };
        }
    }
    panic!("{kind:?} never ended");
}

fn step(frames: &mut SentenceFrames, networks: &mut Networks, kind: Voice) {
    match frames.request() {
        FrameRequest::Talker { position, rows, .. } => {
            let (hidden, mut logits) = networks.talk(position, rows, frames.frames());
            frames.talker_done(&hidden, &mut logits, &Spelled).unwrap();
        }
        FrameRequest::Predictor { frame, hidden, code0 } => {
            let sampler = frames.predictor_sampler();
            let mut codes = [0; GROUPS];
            for (group, code) in codes.iter_mut().enumerate().filter(|_| kind != Voice::Stuck) {
                let mut logits: Vec<f32> =
                    (0..100_u16).map(|i| f32::from(i * (code0 + 3) % 17) * 0.1 + hidden[0]).collect();
                *code = sampler.draw(&mut logits, frame, group as u32 + 1).unwrap() as u16;
            }
            frames.predictor_done(&codes, &Spelled).unwrap();
        }
        FrameRequest::Finished(_) => {}
    }
}

/// Frame, samples, frame, samples: neither half is ahead.
fn in_turn() -> impl FnMut() -> u8 {
    let mut turn = 0;
    move || {
        turn += 1;
        u8::from(turn % 4 == 0)
    }
}

#[test]
fn all_samples_of_ordinary_speech_are_released() {
    let heard = speak(Voice::Sound, None, in_turn());
    assert!(heard.frames >= 40 && heard.cut.is_none() && heard.retries == 0);
    assert_eq!(heard.samples.len(), heard.frames * SAMPLES_PER_FRAME);
}

#[test]
fn lead_frames_are_discarded() {
    let whole = speak(Voice::Sound, None, in_turn());
    for lead in [1, 4, 7] {
        let heard = speak_after(lead, Voice::Sound, None, in_turn());
        assert_eq!(heard.frames, whole.frames);
        assert_eq!(heard.samples, whole.samples[lead * SAMPLES_PER_FRAME..], "{lead}");
    }
}

#[test]
fn fixed_frame_count_is_obeyed_without_runaway_guard() {
    for voice in [Voice::Endless, Voice::Silent, Voice::FallsSilent] {
        let heard = speak(voice, Some(61), in_turn());
        assert_eq!((heard.frames, heard.samples.len()), (61, 61 * SAMPLES_PER_FRAME), "{voice:?}");
    }
}

#[test]
fn silent_attempts_are_discarded_and_repeated_twice_at_most() {
    for (voice, retries) in [(Voice::SilentAtFirst, 1), (Voice::SilentTwice, 2)] {
        let heard = speak(voice, None, in_turn());
        assert!(heard.retries == retries && heard.cut.is_none() && heard.frames >= 40, "{voice:?}");
        assert_eq!(heard.samples.len(), heard.frames * SAMPLES_PER_FRAME);
    }
    let silent = speak(Voice::Silent, None, in_turn());
    assert!(silent.retries == 2 && silent.cut == Some(CutReason::Silence) && silent.samples.is_empty());
}

#[test]
fn silence_up_to_the_ceiling_of_a_short_text_is_repeated_too() {
    let voice = layout(ModelKind::CustomVoice);
    let short = || Sentence { ceiling: DurationCeiling::Guard(25), ..sentence(&voice) };
    let silent = speak_sentence(short(), 0, Voice::Silent, None, in_turn());
    assert!(silent.retries == 2 && silent.cut == Some(CutReason::Ceiling), "{:?}", silent.cut);
    let heard = speak_sentence(short(), 0, Voice::SilentAtFirst, None, in_turn());
    assert_eq!((heard.retries, heard.cut), (1, Some(CutReason::Ceiling)));
}

#[test]
fn timed_text_ends_with_its_sounds_and_is_not_called_cut() {
    let voice = layout(ModelKind::CustomVoice);
    let timed = Sentence { ceiling: DurationCeiling::Text(25), ..sentence(&voice) };
    let heard = speak_sentence(timed, 3, Voice::Endless, None, in_turn());
    assert_eq!((heard.frames, heard.cut, heard.retries), (25, None, 0));
    assert!(heard.samples.last().unwrap().abs() < 0.1, "the last samples fade");
}

#[test]
fn runaway_is_cut_and_faded_out() {
    let endless = speak(Voice::Endless, None, in_turn());
    assert!(
        endless.cut == Some(CutReason::Ceiling)
            && endless.frames as u32 == crate::frame_ceiling(20).min(8192)
    );
    assert!(endless.samples.last().unwrap().abs() < 0.1, "the last samples fade");
    let falls_silent = speak(Voice::FallsSilent, None, in_turn());
    assert!(
        falls_silent.cut == Some(CutReason::Silence) && falls_silent.samples.len() == 50 * SAMPLES_PER_FRAME
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn samples_depend_neither_on_timing_nor_on_lost_networks(
        kind in proptest::sample::select(vec![
            Voice::Sound, Voice::SilentAtFirst, Voice::SilentTwice,
            Voice::Silent, Voice::FallsSilent, Voice::Endless, Voice::Stuck,
        ]),
        lead in 0_usize..6,
        turns in proptest::collection::vec(prop_oneof![8 => 0_u8..2, 1 => Just(2_u8), 1 => Just(3_u8)], 1..400),
    ) {
        let expected = speak_after(lead, kind, None, in_turn());
        let mut script = turns.into_iter();
        let mut after = in_turn();
        let heard = speak_after(lead, kind, None, move || script.next().unwrap_or_else(&mut after));
        prop_assert_eq!(heard.samples, expected.samples);
        prop_assert_eq!(heard.frames, expected.frames);
        prop_assert_eq!(heard.cut, expected.cut);
        prop_assert_eq!(heard.retries, expected.retries);
    }
}
