//! Announcements that were rendered ahead, such as those of push-buttons: a press sounds at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::script::Manner;

/// Samples that are kept: 32 MB, over five minutes of speech.
const SAMPLES_MAX: usize = 8 * 1024 * 1024;

/// What decides how something sounds: bundle, manner, seed, and the clean text.
pub(crate) type Key = (PathBuf, Manner, u64, String);

/// See the module's text. What was put in first goes first when there is no more room.
#[derive(Default)]
pub(crate) struct Cache {
    entries: BTreeMap<u64, (Key, u32, Rc<Vec<f32>>)>,
    next: u64,
    samples: usize,
}

impl Cache {
    /// Samples and their rate.
    pub(crate) fn get(&self, key: &Key) -> Option<(u32, Rc<Vec<f32>>)> {
        let (_, rate_hz, samples) = self.entries.values().find(|(known, _, _)| known == key)?;
        Some((*rate_hz, Rc::clone(samples)))
    }

    /// Whether it is there.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.entries.values().any(|(known, _, _)| known == key)
    }

    /// Keeps it; what is too large for the cache is not kept.
    pub(crate) fn put(&mut self, key: Key, rate_hz: u32, samples: Vec<f32>) {
        if samples.len() > SAMPLES_MAX || self.has(&key) {
            return;
        }
        while self.samples + samples.len() > SAMPLES_MAX {
            let Some((_, (_, _, gone))) = self.entries.pop_first() else { break };
            self.samples -= gone.len();
        }
        self.samples += samples.len();
        self.entries.insert(self.next, (key, rate_hz, Rc::new(samples)));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        (PathBuf::from("voice"), Manner::default(), 1, text.to_owned())
    }

    #[test]
    fn the_same_words_in_another_manner_are_another_entry() {
        let mut cache = Cache::default();
        cache.put(key("Stop."), 24_000, vec![0.5; 10]);
        assert_eq!(cache.get(&key("Stop.")).map(|(_, samples)| samples.len()), Some(10));
        let mut other = key("Stop.");
        other.1.speaker = Some("ryan".to_owned());
        assert!(cache.get(&other).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let mut cache = Cache::default();
        for text in ["a", "b", "c"] {
            cache.put(key(text), 24_000, vec![0.0; SAMPLES_MAX / 2]);
        }
        assert!(!cache.has(&key("a")) && cache.has(&key("b")) && cache.has(&key("c")));
        cache.put(key("d"), 24_000, vec![0.0; SAMPLES_MAX + 1]);
        assert!(!cache.has(&key("d")));
    }
}
