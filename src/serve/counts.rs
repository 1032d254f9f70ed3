//! What is counted since the start, for metrics and `status`.

use std::collections::BTreeMap;
use std::time::Duration;

use crier_announce::{Event, EventKind};
use serde::Serialize;

use super::appliance::event_name;

/// How much one more announcement changes what is taken as usual.
const LATELY: f64 = 0.2;

/// One announcement that was heard to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// From the beginning of its turn until its first sound was ready.
    pub(crate) first_audio: Duration,
    /// Work for all of it.
    pub(crate) work: Duration,
    /// How long it sounds.
    pub(crate) audio: Duration,
    /// It came out of the cache.
    pub(crate) cached: bool,
    /// The voice that spoke.
    pub(crate) voice: String,
    /// Sentences that did not end by themselves.
    pub(crate) cut_sentences: u32,
}

/// See the module's text.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counts {
    /// By what happened.
    pub(crate) events: BTreeMap<&'static str, u64>,
    pub(crate) audio_ms: u64,
    pub(crate) cut_sentences: u64,
    pub(crate) cached: u64,
    /// Of the last announcement that was made anew.
    pub(crate) first_audio_ms: Option<f64>,
    /// Seconds of work for a second of speech, lately.
    pub(crate) real_time_factor: Option<f64>,
    /// Messages that inputs refused, by input.
    pub(crate) refused: BTreeMap<String, u64>,
}

impl Counts {
    pub(crate) fn saw(&mut self, event: &Event) {
        // Reading the kind through its name keeps metrics and events in the same words.
        let kind: &EventKind = &event.kind;
        *self.events.entry(event_name(kind)).or_default() += 1;
    }

    pub(crate) fn spoke(&mut self, spoken: &Spoken) {
        self.audio_ms += u64::try_from(spoken.audio.as_millis()).unwrap_or(0);
        self.cut_sentences += u64::from(spoken.cut_sentences);
        if spoken.cached {
            self.cached += 1;
            return;
        }
        self.first_audio_ms = Some(spoken.first_audio.as_secs_f64() * 1e3);
        if spoken.audio > Duration::ZERO {
            let factor = spoken.work.as_secs_f64() / spoken.audio.as_secs_f64();
            let usual = self.real_time_factor.map_or(factor, |usual| usual + LATELY * (factor - usual));
            self.real_time_factor = Some(usual);
        }
    }

    pub(crate) fn refused(&mut self, input: &str, count: u64) {
        *self.refused.entry(input.to_owned()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_usual_gives_way_slowly() {
        let mut counts = Counts::default();
        let mut spoken = Spoken {
            first_audio: Duration::from_millis(120),
            work: Duration::from_secs(1),
            audio: Duration::from_secs(2),
            cached: false,
            voice: "default".into(),
            cut_sentences: 1,
        };
        counts.spoke(&spoken);
        assert_eq!(counts.real_time_factor, Some(0.5));
        spoken.work = Duration::from_secs(2);
        counts.spoke(&spoken);
        assert!(counts.real_time_factor.is_some_and(|factor| (factor - 0.6).abs() < 1e-9));
        spoken.cached = true;
        spoken.work = Duration::ZERO;
        counts.spoke(&spoken);
        assert_eq!((counts.cached, counts.audio_ms, counts.cut_sentences), (1, 6000, 3));
        assert!(counts.real_time_factor.is_some_and(|factor| factor > 0.5));
    }
}
