//! Messages that the actions of buttons make.

use crier_announce::Draft;
use crier_config::{ButtonAction, Mute};
use crier_wire::Command;

use crate::message::Message;

/// Returns the message that `action` makes.
pub(super) fn message_of(action: &ButtonAction) -> Message {
    Message::Command(match action {
        ButtonAction::Say { text, language, voice, manner, priority } => {
            let (language, voice) = (language.clone(), voice.clone());
            let mut draft = Draft { language, voice, priority: *priority, ..Draft::plain(text.as_str()) };
            manner.complete(&mut draft);
            return Message::Say(Box::new(draft));
        }
        ButtonAction::Wav { file, priority } => {
            // The supervisor opens chimes by name in their folder, where the configuration requires the file to be.
            let chime = file.file_name().map(|name| name.to_string_lossy().into_owned());
            return Message::Say(Box::new(Draft { chime, priority: *priority, ..Draft::default() }));
        }
        ButtonAction::Volume { step_percent } => Command::VolumeStep { percent: i32::from(*step_percent) },
        ButtonAction::Mute(Mute::Toggle) => Command::Mute { on: None },
        ButtonAction::Mute(Mute::On) => Command::Mute { on: Some(true) },
        ButtonAction::Mute(Mute::Off) => Command::Mute { on: Some(false) },
        ButtonAction::Stop => Command::Stop,
        ButtonAction::StopAll => Command::StopAll,
        ButtonAction::Repeat => Command::RepeatLast,
        ButtonAction::Pause => Command::PauseToggle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crier_announce::Priority;

    #[test]
    fn sound_is_requested_by_its_name_in_the_chimes_folder() {
        let file = "/usr/share/crier/chimes/gong.wav".into();
        let message = message_of(&ButtonAction::Wav { file, priority: Priority::Important });
        let Message::Say(draft) = message else { panic!("{message:?}") };
        assert_eq!((draft.chime.as_deref(), draft.priority), (Some("gong.wav"), Priority::Important));
    }
}
