//! Takes one kind of content each: reads it from the stick, checks it, and puts it on the data partition.

use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, BundleError, MANIFEST_NAME, VoiceFile, read_manifest};
use crier_config::Config;

use crate::data::{DataPartition, FileOwner, hash};
use crate::error::StickError;
use crate::path::StickPath;
use crate::plan::UPDATE_BYTES_MAX;
use crate::source::Stick;

/// Longest manifest of a bundle, the limit of `crier_bundle`.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Largest small file: certificate or voice file.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// Bytes at the end of an update that hold its signature, which covers the hashes of everything else.
const FINGERPRINT_BYTES: u64 = 64 * 1024;
/// Folder of the voices, below the data partition.
const VOICES: &str = "voices";
/// Folder that `[mqtt]` of the profiles in `configs/` names, below the data partition.
const CERTIFICATES: &str = "mqtt";
/// Name of the configuration.
const CONFIGURATION: &str = "crier.toml";
/// Name of the configuration before the present one.
const CONFIGURATION_OLD: &str = "crier.toml.old";

/// Outcome for something that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is new, or has taken the place of an older one.
    New,
    /// The same is there already.
    Unchanged,
}

/// Outcome for a configuration.
#[derive(Debug)]
pub struct TakenConfiguration {
    /// True if it differs from the one before.
    pub taken: Taken,
    /// The configuration.
    pub config: Box<Config>,
}

/// An update on the data partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedUpdate {
    /// Its path.
    pub path: PathBuf,
}

/// Takes a certificate, a key or a password for MQTT.
///
/// # Errors
/// It is neither, or cannot be copied.
pub fn take_certificate(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
    owner: FileOwner,
) -> Result<Taken, StickError> {
    let bytes = read(stick, data, from, SMALL_BYTES_MAX)?;
    // A password has no form to check; everything else that a TLS connection needs is in PEM.
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    if !is_pem && !from.name.to_ascii_lowercase().starts_with("password") {
        return Err(StickError::NotPem { path: from.clone() });
    }
    let place = data.path(CERTIFICATES).join(&from.name);
    // A stick that stays plugged in would otherwise interrupt the connection to the broker at each start.
    if std::fs::read(&place).is_ok_and(|present| present == bytes) {
        return Ok(Taken::Unchanged);
    }
    let staged = data.stage_bytes("certificate", &bytes, owner)?;
    data.commit_file(&staged, &place)?;
    Ok(Taken::New)
}

/// Takes an enrolled voice.
///
/// # Errors
/// It is damaged, or cannot be copied.
pub fn take_voice_file(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
) -> Result<Taken, StickError> {
    let bytes = read(stick, data, from, SMALL_BYTES_MAX)?;
    let place = data.path(VOICES).join(&from.name);
    if std::fs::read(&place).is_ok_and(|present| present == bytes) {
        return Ok(Taken::Unchanged);
    }
    let staged = data.stage_bytes("voice", &bytes, FileOwner::READABLE)?;
    // Not against a bundle: which one it belongs to is a matter of the configuration, which comes later.
    VoiceFile::read(&staged)
        .map_err(|source| StickError::Voice { path: from.clone(), source: Box::new(source) })?;
    data.commit_file(&staged, &place)?;
    Ok(Taken::New)
}

/// Takes a voice bundle: the files that its manifest names, and no others.
///
/// # Errors
/// It is damaged, does not fit, or cannot be copied.
pub fn take_voice_bundle(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
) -> Result<Taken, StickError> {
    let damaged = |source| StickError::Voice { path: from.clone(), source: Box::new(source) };
    let manifest_path = from.within(MANIFEST_NAME);
    let manifest = read(stick, data, &manifest_path, MANIFEST_BYTES_MAX)?;
    let place = data.path(VOICES).join(&from.name);
    if is_same_bundle(&place, &manifest) {
        return Ok(Taken::Unchanged);
    }
    // Files of a bundle before this one that was refused must not come along.
    data.clear_staging()?;
    let staging = data.stage_folder("bundle")?;
    data.stage_bytes(&format!("bundle/{MANIFEST_NAME}"), &manifest, FileOwner::READABLE)?;
    // Of the copy, so that the names and sizes below are those that were checked.
    let manifest = read_manifest(&staging).map_err(damaged)?;
    // Sizes of a hostile manifest may add up to more than 64 bits.
    let total = manifest.file.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
    data.has_space(from, total)?;
    for entry in &manifest.file {
        let path = from.within(&entry.path);
        let (mut file, bytes) = open(stick, &path)?;
        // Before gigabytes are copied: a copy onto the stick that was cut off is the most frequent defect.
        if bytes != entry.bytes {
            let path = PathBuf::from(path.to_string());
            return Err(damaged(BundleError::Size { path, found: bytes, expected: entry.bytes }));
        }
        data.stage_file(&format!("bundle/{}", entry.path), &path, &mut file, bytes)?;
    }
    // The copy is checked and not the original: it is the copy that will be heard.
    Bundle::open(&staging).and_then(|bundle| bundle.verify(&mut |_| ())).map_err(damaged)?;
    data.commit_folder(&staging, &place)?;
    Ok(Taken::New)
}

/// Returns true if the bundle with this manifest is there, undamaged. The manifest has the hashes of all other files.
fn is_same_bundle(place: &Path, manifest: &[u8]) -> bool {
    std::fs::read(place.join(MANIFEST_NAME)).is_ok_and(|present| present == manifest)
        && Bundle::open(place).and_then(|bundle| bundle.verify(&mut |_| ())).is_ok()
}

/// A valid configuration, for the checks that need more than its text.
pub struct ConfigurationText<'a> {
    /// Name of the file.
    pub name: &'a str,
    /// Text of the file.
    pub text: &'a str,
    /// What it says.
    pub config: &'a Config,
}

/// Takes the configuration if it is valid, and `check` finds nothing that is wrong with it on this machine; keeps the
/// one before as `crier.toml.old`.
///
/// # Errors
/// It has errors, or cannot be copied.
pub fn take_configuration(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
    check: impl FnOnce(&ConfigurationText<'_>) -> Result<(), StickError>,
) -> Result<TakenConfiguration, StickError> {
    let bytes = read(stick, data, from, crier_config::FILE_BYTES_MAX as u64)?;
    let (config, _) =
        Config::parse_bytes(&from.name, &bytes).map_err(|errors| StickError::of_configuration(&errors))?;
    // It was parsed, so it is UTF-8.
    check(&ConfigurationText { name: &from.name, text: &String::from_utf8_lossy(&bytes), config: &config })?;
    let config = Box::new(config);
    let place = data.path(CONFIGURATION);
    if std::fs::read(&place).is_ok_and(|present| present == bytes) {
        return Ok(TakenConfiguration { taken: Taken::Unchanged, config });
    }
    // Before the new one takes its place, so that there is no moment at which the old one is lost.
    let old = data.path(CONFIGURATION_OLD);
    data.keep_copy(&place, CONFIGURATION_OLD, &old)?;
    let staged = data.stage_bytes(CONFIGURATION, &bytes, FileOwner::PRIVATE)?;
    data.commit_file(&staged, &place)?;
    Ok(TakenConfiguration { taken: Taken::New, config })
}

/// Puts the configuration before the present one in its place.
///
/// # Errors
/// The data partition cannot be written.
pub fn restore_configuration(data: &mut DataPartition<'_>) -> Result<(), StickError> {
    let (old, place) = (data.path(CONFIGURATION_OLD), data.path(CONFIGURATION));
    data.keep_copy(&old, CONFIGURATION, &place)
}

/// Returns the fingerprint of an update: the same for the same update, and known without reading all of it.
///
/// # Errors
/// The stick cannot be read.
pub fn update_fingerprint(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
) -> Result<String, StickError> {
    let (mut file, bytes) = open(stick, from)?;
    let gone = |source| StickError::Read { path: from.clone(), source };
    // The signature stands at the end of a bundle: reading all of it would take a slow stick half a minute.
    file.seek(SeekFrom::Start(bytes.saturating_sub(FINGERPRINT_BYTES))).map_err(gone)?;
    let tail = data.read(from, &mut file, FINGERPRINT_BYTES)?;
    Ok(hash(&[&bytes.to_le_bytes(), &tail]))
}

/// Copies an update to the data partition, so that the stick may be pulled out while it is checked and installed.
///
/// # Errors
/// It is too large, does not fit, or cannot be copied.
pub fn stage_update(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    from: &StickPath,
) -> Result<StagedUpdate, StickError> {
    let (mut file, bytes) = open(stick, from)?;
    if bytes > UPDATE_BYTES_MAX {
        return Err(StickError::TooLarge { path: from.clone(), bytes, limit: UPDATE_BYTES_MAX });
    }
    data.has_space(from, bytes)?;
    let path = data.stage_file("update.raucb", from, &mut file, bytes)?;
    Ok(StagedUpdate { path })
}

fn open(stick: &Stick, path: &StickPath) -> Result<(std::fs::File, u64), StickError> {
    stick.file(path).map_err(|source| StickError::Read { path: path.clone(), source })
}

fn read(
    stick: &Stick,
    data: &mut DataPartition<'_>,
    path: &StickPath,
    limit: u64,
) -> Result<Vec<u8>, StickError> {
    let (mut file, _) = open(stick, path)?;
    data.read(path, &mut file, limit)
}
