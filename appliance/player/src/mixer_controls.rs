//! Controls of a card's mixer, in words.

use ::alsa::mixer::{MilliBel, Mixer, Selem};

/// Controls listed; a codec has some dozens.
const CONTROLS_MAX: usize = 128;

/// Returns the simple controls of a card (`hw:CARD`) with their ranges. Empty if it has none, or cannot be opened.
#[must_use]
pub fn mixer_controls(card: &str) -> Vec<String> {
    let Ok(mixer) = Mixer::new(card, true) else { return Vec::new() };
    mixer.iter().filter_map(Selem::new).take(CONTROLS_MAX).filter_map(|control| describe(&control)).collect()
}

fn describe(control: &Selem<'_>) -> Option<String> {
    let mut text = control.get_id().get_name().ok()?.to_owned();
    if control.has_playback_volume() {
        let (lowest, highest) = control.get_playback_volume_range();
        let (MilliBel(least), MilliBel(most)) = control.get_playback_db_range();
        text.push_str(&format!(" {lowest} to {highest}"));
        if least < most {
            text.push_str(&format!(" ({:.1} to {:.1} dB)", least as f64 / 100.0, most as f64 / 100.0));
        }
    }
    if control.has_playback_switch() {
        text.push_str(" with switch");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn missing_card_has_no_controls() {
        assert!(super::mixer_controls("hw:NoSuchCard").is_empty());
    }
}
