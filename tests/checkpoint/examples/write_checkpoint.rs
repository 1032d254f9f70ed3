//! Writes a synthetic checkpoint: `write_checkpoint PRESET KIND SEED FOLDER`.

use crier_test_checkpoint::{CheckpointKind, Preset, write};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || {
        std::io::Error::other(
            "usage: write_checkpoint tiny|tiny17|kq|real custom_voice|base|voice_design SEED FOLDER",
        )
    };
    let [preset, kind, seed, folder] = arguments.as_slice() else { return Err(usage()) };
    let preset = match preset.as_str() {
        "tiny" => Preset::Tiny,
        "tiny17" => Preset::Tiny17,
        "kq" => Preset::Kq,
        "real" => Preset::Real,
        _ => return Err(usage()),
    };
    let kind = match kind.as_str() {
        "custom_voice" => CheckpointKind::CustomVoice,
        "base" => CheckpointKind::Base,
        "voice_design" => CheckpointKind::VoiceDesign,
        _ => return Err(usage()),
    };
    write(preset, kind, seed.parse().map_err(|_| usage())?, folder.as_ref())
}
