//! Volume control of the sound card.

use ::alsa::mixer::{MilliBel, Mixer as AlsaMixer, Selem};

use crate::gain::volume_db;

/// Elements that control the output, in the order of preference: from the whole card to a single converter.
const ELEMENTS: [&str; 9] =
    ["Master", "Speaker", "Headphone", "HP", "OUT", "Line Out", "PCM", "DAC1", "Digital"];

/// Mixer element that sets the volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mixer {
    /// Main element of the card, if it has one with decibels; samples are scaled otherwise.
    #[default]
    Auto,
    /// None: samples are scaled, the card's mixer stays as it is.
    None,
    /// Element of this name.
    Name(String),
}

/// Mixer element of an open card.
pub(crate) struct HardwareVolume {
    mixer: AlsaMixer,
    element: String,
}

impl HardwareVolume {
    /// Finds the chosen element on the card behind a device, and unmutes it; `None` if there is none.
    pub(crate) fn find(device: &str, choice: &Mixer) -> Option<Self> {
        if *choice == Mixer::None {
            return None;
        }
        let card = card_of(device)?;
        // A card without a mixer (HDMI, many USB headsets) is usual, and no reason for a message.
        let mixer = AlsaMixer::new(&card, true).ok()?;
        // Codecs such as the RT5616 come up muted: every output switch on the way is opened.
        let outputs = || mixer.iter().filter_map(Selem::new);
        for output in outputs().filter(|output| rank(output).is_some() && output.has_playback_switch()) {
            // Best effort: some switches cannot be written, which is no reason not to play.
            let _ = output.set_playback_switch_all(1);
        }
        let element = match choice {
            Mixer::Name(wanted) => outputs().find(|output| name(output).as_ref() == Some(wanted)),
            _ => outputs().filter(has_decibels).filter(|output| rank(output).is_some()).min_by_key(rank),
        };
        let element = element.filter(Selem::has_playback_volume).as_ref().and_then(name);
        if let (None, Mixer::Name(wanted)) = (&element, choice) {
            tracing::warn!(%card, element = %wanted, "no such mixer element with a volume; samples are scaled instead");
        }
        let volume = Self { element: element?, mixer };
        volume.set_switch();
        Some(volume)
    }

    /// Sets the level of a volume on the same curve as samples would be scaled; `false` when the card refuses.
    pub(crate) fn set(&self, percent: u8) -> bool {
        let Some(element) = self.element() else { return false };
        let (lowest, highest) = element.get_playback_volume_range();
        if lowest >= highest {
            return false;
        }
        let (MilliBel(least), MilliBel(most)) = element.get_playback_db_range();
        // Without decibels the element's steps are the best scale there is.
        if least >= most {
            let level = lowest + (highest - lowest) * i64::from(percent.min(100)) / 100;
            return element.set_playback_volume_all(level).is_ok();
        }
        let Some(db) = volume_db(percent) else { return element.set_playback_volume_all(lowest).is_ok() };
        // An amplification above 0 dB only distorts.
        let level = (most.min(0) + (db * 100.0) as i64).max(least);
        element.set_playback_db_all(MilliBel(level), ::alsa::Round::Floor).is_ok()
    }

    fn set_switch(&self) {
        if let Some(element) = self.element().filter(Selem::has_playback_switch) {
            let _ = element.set_playback_switch_all(1);
        }
    }

    fn element(&self) -> Option<Selem<'_>> {
        self.mixer.iter().filter_map(Selem::new).find(|output| name(output).as_ref() == Some(&self.element))
    }
}

fn name(element: &Selem<'_>) -> Option<String> {
    element.get_id().get_name().ok().map(str::to_owned)
}

fn rank(element: &Selem<'_>) -> Option<usize> {
    let name = name(element)?;
    ELEMENTS.iter().position(|wanted| *wanted == name)
}

fn has_decibels(element: &Selem<'_>) -> bool {
    let (MilliBel(least), MilliBel(most)) = element.get_playback_db_range();
    element.has_playback_volume() && least < most
}

/// Returns the control device of the card in a PCM name: `hw:Device` for `plughw:CARD=Device,DEV=0` and `hw:Device,0`.
fn card_of(device: &str) -> Option<String> {
    let Some((_, arguments)) = device.split_once(':') else {
        return (device == "default" || device == "sysdefault").then(|| "default".to_owned());
    };
    let named = arguments.split(',').find_map(|argument| argument.trim().strip_prefix("CARD="));
    let first = arguments.split(',').next().unwrap_or_default().trim();
    let card = named.unwrap_or(first);
    // Names of files and plug-ins have no card; they must not reach the mixer interface as one.
    let plain = !card.is_empty() && card.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    plain.then(|| format!("hw:{card}"))
}

#[cfg(test)]
mod tests {
    use super::{HardwareVolume, Mixer, card_of};

    #[test]
    fn card_is_found_in_the_name_of_a_device() {
        assert_eq!(card_of("default").as_deref(), Some("default"));
        assert_eq!(card_of("hw:0,0").as_deref(), Some("hw:0"));
        assert_eq!(card_of("plughw:CARD=realtekrt5616co,DEV=0").as_deref(), Some("hw:realtekrt5616co"));
        assert_eq!(card_of("sysdefault:DEV=0,CARD=Device").as_deref(), Some("hw:Device"));
        for other in ["null", "file:'/tmp/x',raw", "hw:", "pulse"] {
            assert_eq!(card_of(other), None, "{other}");
        }
    }

    #[test]
    fn missing_card_has_no_volume() {
        for choice in [Mixer::Auto, Mixer::None, Mixer::Name("Master".into())] {
            assert!(HardwareVolume::find("hw:NoSuchCard", &choice).is_none());
        }
    }
}
