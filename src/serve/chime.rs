//! Chimes: short sounds before an announcement, or instead of one.

use std::path::PathBuf;

use crier_audio::Limits;

/// The longest chime, in seconds.
const SECONDS_MAX: u32 = 30;
/// What a chime's file may be called beyond its name.
const ENDINGS: [&str; 3] = ["", ".wav", ".flac"];

/// The samples of a chime at `rate_hz`. `path` is its file, with or without `.wav` or `.flac`.
pub(crate) async fn read(path: PathBuf, rate_hz: u32) -> Result<(u32, Vec<f32>), String> {
    // Decoding takes milliseconds, a slow disk more.
    let reading = tokio::task::spawn_blocking(move || {
        let with = |ending: &&str| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let file = ENDINGS.iter().map(with).find(|file| file.is_file());
        let file = file.ok_or_else(|| {
            format!("there is no chime {}.wav; put it there, or name another", path.display())
        })?;
        let sound = crier_audio::read(&file, Limits { seconds_max: SECONDS_MAX })
            .and_then(|sound| sound.resampled(rate_hz))
            .map_err(|error| error.to_string())?;
        Ok((rate_hz, sound.samples))
    });
    reading.await.map_err(|_| "the thread that reads a chime died".to_owned())?
}
