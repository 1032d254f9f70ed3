//! Statistics since the start, for metrics and status.

use std::collections::BTreeMap;
use std::time::Duration;

use crier_announce::QueueEvent;

use crate::SpokenReport;

/// Weight of one announcement in the real-time factor: the last five or so decide, so that one that met a busy machine
/// is not taken for the rule, and a change of the machine shows within a minute.
const LATEST_WEIGHT: f64 = 0.2;

/// Counters of announcements, and moving averages of their speed.
#[derive(Debug, Clone, Default)]
pub struct SpeechStatistics {
    /// Announcements by event.
    pub events: BTreeMap<&'static str, u64>,
    /// Announcements that came out of the cache.
    pub cached: u64,
    /// Time to first audio of the latest announcement that was rendered.
    pub first_audio_ms: Option<f64>,
    /// Real-time factor: time that the engines work for a second of speech, a moving average.
    pub real_time_factor: Option<f64>,
}

impl SpeechStatistics {
    /// Counts an event.
    pub fn count(&mut self, event: &QueueEvent) {
        *self.events.entry(event.kind.name()).or_default() += 1;
    }

    /// Counts an announcement that was spoken to its end.
    pub fn count_spoken(&mut self, report: &SpokenReport) {
        if report.cached {
            self.cached += 1;
            // Nothing was rendered: a copy from memory says nothing about the speed of the engines.
            return;
        }
        self.first_audio_ms = Some(report.first_audio.as_secs_f64() * 1e3);
        // A chime alone is no speech.
        if report.rendered > Duration::ZERO {
            let factor = report.work.as_secs_f64() / report.rendered.as_secs_f64();
            let average =
                self.real_time_factor.map_or(factor, |average| average + LATEST_WEIGHT * (factor - average));
            self.real_time_factor = Some(average);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_time_factor_is_a_moving_average_over_rendered_speech() {
        let mut statistics = SpeechStatistics::default();
        let mut report = SpokenReport {
            first_audio: Duration::from_millis(120),
            work: Duration::from_secs(1),
            rendered: Duration::from_secs(2),
            cached: false,
        };
        statistics.count_spoken(&report);
        assert_eq!(statistics.real_time_factor, Some(0.5));
        report.work = Duration::from_secs(2);
        statistics.count_spoken(&report);
        assert!(statistics.real_time_factor.is_some_and(|factor| (factor - 0.6).abs() < 1e-9));
        report.cached = true;
        report.work = Duration::ZERO;
        statistics.count_spoken(&report);
        assert!(statistics.real_time_factor.is_some_and(|factor| factor > 0.5));
        report = SpokenReport { rendered: Duration::ZERO, cached: false, ..report };
        statistics.count_spoken(&report);
        assert_eq!(statistics.cached, 1);
        assert!(
            statistics.real_time_factor.is_some_and(|factor| factor > 0.5),
            "a chime alone does not count"
        );
    }
}
