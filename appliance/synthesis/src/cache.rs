//! Texts that were rendered before they are needed, such as those of push-buttons: a press is audible at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crier_announce::Prosody;

use crate::Style;

/// Capacity in samples: 32 MB, over five minutes of speech at 24 kHz. Enough for the texts of all buttons of a panel.
const SAMPLES_MAX: usize = 8 * 1024 * 1024;

/// Everything that decides how a text sounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey {
    /// Folder of the voice bundle.
    pub bundle: PathBuf,
    /// Speaker, language and the like.
    pub style: Style,
    /// Rate, pitch and gain: what is kept is what was made with them.
    pub prosody: Prosody,
    /// Seed of the sampler.
    pub seed: u64,
    /// The clean text.
    pub text: String,
}

/// A text's samples.
#[derive(Debug, Clone)]
pub struct RenderedAudio {
    /// Sample rate.
    pub rate_hz: u32,
    /// Mono samples, sentences already joined.
    pub samples: Arc<Vec<f32>>,
}

/// A bounded cache of rendered texts. The oldest entry is evicted first.
#[derive(Debug, Default)]
pub struct RenderCache {
    /// Entries by age.
    entries: BTreeMap<u64, (CacheKey, RenderedAudio)>,
    next: u64,
    samples: usize,
}

impl RenderCache {
    /// Returns the samples of a text.
    #[must_use]
    pub fn get(&self, key: &CacheKey) -> Option<RenderedAudio> {
        self.entries.values().find(|(known, _)| known == key).map(|(_, audio)| audio.clone())
    }

    /// Returns true if the text is in the cache.
    #[must_use]
    pub fn contains(&self, key: &CacheKey) -> bool {
        self.entries.values().any(|(known, _)| known == key)
    }

    /// Adds a text, evicting old ones as needed. A text that is larger than the whole cache is not added.
    pub fn insert(&mut self, key: CacheKey, rate_hz: u32, samples: Vec<f32>) {
        if samples.len() > SAMPLES_MAX || self.contains(&key) {
            return;
        }
        // By age and not by use: the texts are those of a fixed set of buttons, which are all rendered again together.
        while self.samples + samples.len() > SAMPLES_MAX {
            let Some((_, (_, evicted))) = self.entries.pop_first() else { break };
            self.samples -= evicted.samples.len();
        }
        self.samples += samples.len();
        let audio = RenderedAudio { rate_hz, samples: Arc::new(samples) };
        self.entries.insert(self.next, (key, audio));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use crier_announce::SpeechRate;

    use super::*;

    fn key(text: &str) -> CacheKey {
        let (bundle, style, prosody) = (PathBuf::from("voice"), Style::default(), Prosody::default());
        CacheKey { bundle, style, prosody, seed: 1, text: text.to_owned() }
    }

    #[test]
    fn the_same_text_in_another_style_is_another_entry() {
        let mut cache = RenderCache::default();
        cache.insert(key("Stop."), 24_000, vec![0.5; 10]);
        assert_eq!(cache.get(&key("Stop.")).map(|audio| audio.samples.len()), Some(10));
        let mut other = key("Stop.");
        other.style.speaker = Some("ryan".to_owned());
        assert!(cache.get(&other).is_none());
        let mut faster = key("Stop.");
        faster.prosody.rate = SpeechRate::from_factor(1.5);
        assert!(cache.get(&faster).is_none());
    }

    #[test]
    fn the_oldest_entry_is_evicted_when_the_cache_is_full() {
        let mut cache = RenderCache::default();
        for text in ["a", "b", "c"] {
            cache.insert(key(text), 24_000, vec![0.0; SAMPLES_MAX / 2]);
        }
        assert!(!cache.contains(&key("a")) && cache.contains(&key("b")) && cache.contains(&key("c")));
        cache.insert(key("d"), 24_000, vec![0.0; SAMPLES_MAX + 1]);
        assert!(!cache.contains(&key("d")));
    }
}
