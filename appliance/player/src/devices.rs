//! List of the playback devices that alsa-lib knows.

use alsa::Direction;
use alsa::device_name::HintIter;
use crier_wire::SoundDevice;

use crate::error::PlayerError;

/// Largest number of devices in a list: far more than any machine has, and few enough for one packet.
const DEVICES_MAX: usize = 128;
/// Longest name or description in a list, in characters. Longer names are no names of devices.
const TEXT_CHARACTERS_MAX: usize = 128;

/// Returns the playback devices that alsa-lib knows, in its order.
///
/// This may take seconds: alsa-lib reads its configuration files and asks every card. Never call it from the thread
/// that feeds a device.
///
/// # Errors
/// [`PlayerError::ListDevices`] if alsa-lib has no configuration.
pub fn playback_devices() -> Result<Vec<SoundDevice>, PlayerError> {
    let hints = HintIter::new_str(None, "pcm").map_err(|source| PlayerError::ListDevices { source })?;
    Ok(hints
        // Without a direction, a device plays and records.
        .filter(|hint| hint.direction != Some(Direction::Capture))
        .filter_map(|hint| {
            // alsa-lib describes a device in several lines; a list has one for each.
            let description = hint.desc.unwrap_or_default().replace('\n', ", ");
            let description = description.chars().take(TEXT_CHARACTERS_MAX).collect();
            hint.name
                .filter(|name| name.len() <= TEXT_CHARACTERS_MAX)
                .map(|name| SoundDevice { name, description })
        })
        .take(DEVICES_MAX)
        .collect())
}
