//! One visit of a stick: everything on it is taken in order, what happens is said, and reports are written.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::StickError;
use crate::path::StickPath;
use crate::plan::{Plan, StickAction, plan};
use crate::source::{Stick, StickListing};
use crate::take::{Taken, take_certificate, take_voice_bundle, take_voice_file};
use crate::words::StickSentence;
use crier_config::{Config, VoiceBundle};

use super::announcer::Announcer;
use super::configuration::{self, RESTART_TIMEOUT};
use super::device::MountedStick;
use super::diagnosis;
use super::places::StickPlaces;
use super::update::{self, CheckedUpdate};

/// File with everything that is wrong.
const ERRORS: &str = "crier-errors.txt";
/// File with the voices that are on the appliance.
const VOICES: &str = "crier-voices.txt";
/// Longest report that is compared with the one on the stick.
const REPORT_BYTES_MAX: u64 = 1 << 20;

/// Result of a visit so far.
#[derive(Debug, Default)]
struct Visit {
    /// Lines for `crier-errors.txt`.
    errors: Vec<String>,
    /// Files that were refused.
    refused: usize,
    /// Voices that are new on the appliance.
    new_voices: usize,
    /// True if the appliance may have loaded one that was replaced, whose files it keeps until it is started again.
    is_voice_replaced: bool,
    has_new_certificates: bool,
    has_new_configuration: bool,
    has_voices: bool,
    has_diagnosis: bool,
    is_gone: bool,
    is_full: bool,
    update: Option<CheckedUpdate>,
}

/// Takes a stick; returns an update that is to be installed once the stick may be pulled out.
pub(super) fn visit(
    stick: &Stick,
    mounted: Option<&MountedStick>,
    places: &StickPlaces,
    announcer: &Announcer,
    at_start: bool,
) -> Option<CheckedUpdate> {
    let listing = match stick.list(Plan::is_folder_wanted) {
        Ok(listing) => listing,
        Err(error) => {
            tracing::warn!(%error, "the stick cannot be read");
            announcer.say(StickSentence::Gone);
            return None;
        }
    };
    let plan = plan(&listing);
    if plan.is_empty() {
        // At the start nobody stands there with a stick in his hand, and some cards just have this label.
        if !at_start {
            announcer.say(StickSentence::Nothing);
        }
        return None;
    }
    let mut visit = Visit::default();
    for (path, reason) in &plan.refusals {
        visit.refused += 1;
        visit.error(format!("{path}: {reason}"));
    }
    if let Err(error) = places.data_partition().clear_staging() {
        visit.fail(&error, announcer);
    }
    // A failure does not keep the rest from being taken: the owner of a damaged voice may still need his certificates.
    for action in &plan.actions {
        if let Err(error) = visit.take(stick, action, places, announcer) {
            visit.fail(&error, announcer);
        }
    }
    visit.finish(stick, mounted, &listing, places, announcer);
    if visit.update.is_none()
        // Half a voice would take up space until the next stick comes.
        && let Err(error) = places.data_partition().clear_staging()
    {
        tracing::warn!(%error, "what was not copied to its end stays");
    }
    visit.update
}

impl Visit {
    fn take(
        &mut self,
        stick: &Stick,
        action: &StickAction,
        places: &StickPlaces,
        announcer: &Announcer,
    ) -> Result<(), StickError> {
        let mut data = places.data_partition();
        match action {
            StickAction::Certificate(path) => {
                let taken = take_certificate(stick, &mut data, path, places.owner_of_secrets())?;
                self.has_new_certificates |= taken == Taken::New;
            }
            StickAction::VoiceFile(path) => {
                self.has_voices = true;
                let taken = take_voice_file(stick, &mut data, path)?;
                self.voice(taken, path, places);
            }
            StickAction::VoiceBundle(path) => {
                self.has_voices = true;
                let taken = take_voice_bundle(stick, &mut data, path)?;
                self.voice(taken, path, places);
            }
            StickAction::Configuration(path) => {
                self.has_new_configuration = configuration::take(stick, path, places, announcer)?;
            }
            StickAction::Diagnose => self.has_diagnosis = true,
            StickAction::Update(path) => self.update = update::stage(stick, path, places, announcer)?,
        }
        Ok(())
    }

    fn voice(&mut self, taken: Taken, path: &StickPath, places: &StickPlaces) {
        if taken == Taken::New {
            let place = places.data.join("voices").join(&path.name);
            // By the configuration before that of the stick: a voice that only the new one names is not loaded yet.
            self.is_voice_replaced |= is_voice_used(&places.config, &place);
            self.new_voices += 1;
        }
    }

    fn error(&mut self, text: String) {
        tracing::warn!(problem = %text, "something of the stick is not taken");
        self.errors.push(text);
    }

    fn fail(&mut self, error: &StickError, announcer: &Announcer) {
        match error {
            // At once and not at the end: it is the sentence that the owner is waiting for.
            StickError::Configuration { line, .. } => {
                announcer.say(StickSentence::ConfigurationError { line: *line });
            }
            StickError::Read { .. } => self.is_gone = true,
            StickError::NoSpace { .. } => self.is_full = true,
            _ => self.refused += 1,
        }
        self.error(error.to_string());
    }

    /// Says what has become of everything, puts it in force, and writes reports.
    fn finish(
        &self,
        stick: &Stick,
        mounted: Option<&MountedStick>,
        listing: &StickListing,
        places: &StickPlaces,
        announcer: &Announcer,
    ) {
        // Once for all of them, and after the configuration, which may have changed the intake already.
        if self.has_new_certificates {
            announcer.restart_intake();
            announcer.say(StickSentence::CertificatesTaken);
        }
        if self.is_voice_replaced {
            announcer.restart(RESTART_TIMEOUT);
        }
        if self.new_voices > 0 {
            announcer.say(StickSentence::VoicesTaken(self.new_voices));
        }
        if self.is_full {
            announcer.say(StickSentence::NoSpace);
        }
        if self.refused > 0 {
            announcer.say(StickSentence::Refused(self.refused));
        }
        // Reports cannot be written any more, and the owner knows that the stick can be removed.
        if self.is_gone {
            announcer.say(StickSentence::Gone);
            return;
        }
        match self.write_reports(stick, mounted, listing, places, announcer) {
            Ok(()) if self.has_diagnosis => announcer.say(StickSentence::DiagnosisWritten),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "the stick cannot be written");
                announcer.say(StickSentence::NotWritable);
            }
        }
        let is_new = self.has_new_certificates || self.has_new_configuration || self.new_voices > 0;
        if is_new || self.has_diagnosis || self.update.is_some() || !self.errors.is_empty() {
            announcer.say(StickSentence::Finished);
        }
    }

    fn write_reports(
        &self,
        stick: &Stick,
        mounted: Option<&MountedStick>,
        listing: &StickListing,
        places: &StickPlaces,
        announcer: &Announcer,
    ) -> io::Result<()> {
        let mut files = Vec::new();
        if !self.errors.is_empty() {
            files.push((StickPath::root(ERRORS), format!("{}\n", self.errors.join("\n")).into_bytes()));
        }
        if self.has_voices {
            files.push((StickPath::root(VOICES), voices_report(&places.data.join("voices")).into_bytes()));
        }
        // The same report again is no reason to write to a stick that stays plugged in over many starts.
        files.retain(|(path, bytes)| !has(stick, path, bytes));
        if self.has_diagnosis {
            let folder = diagnosis::folder_name(listing);
            let collected = diagnosis::collect(announcer, &places.data);
            files.extend(collected.into_iter().map(|(name, bytes)| (StickPath::new(&folder, &name), bytes)));
        }
        let is_error_outdated = self.errors.is_empty()
            && listing.root.iter().any(|entry| entry.name.eq_ignore_ascii_case(ERRORS));
        if files.is_empty() && !is_error_outdated {
            return Ok(());
        }
        let write = || {
            for (path, bytes) in &files {
                stick.write(path, bytes)?;
            }
            if is_error_outdated {
                stick.remove(ERRORS)?;
            }
            // Last, and only once it is written: the request is carried out.
            let names = listing.root.iter().map(|entry| entry.name.as_str());
            for name in names.filter(|name| self.has_diagnosis && is_request(name)) {
                stick.remove(name)?;
            }
            Ok(())
        };
        mounted.map_or_else(write, |mounted| mounted.while_writable(write))
    }
}

/// Returns true if a configuration names a voice bundle or voice file.
fn is_voice_used(config: &Path, place: &Path) -> bool {
    let Ok((config, _)) = Config::read(config) else { return false };
    std::iter::once(&config.voice).chain(config.voices.values()).any(|voice| {
        let is_bundle = matches!(&voice.bundle, VoiceBundle::Folder(folder) if folder == place);
        is_bundle || voice.file.as_deref() == Some(place)
    })
}

fn is_request(name: &str) -> bool {
    ["diagnose", "diagnose.txt"].iter().any(|request| name.eq_ignore_ascii_case(request))
}

/// Returns true if a file of the stick has this content.
fn has(stick: &Stick, path: &StickPath, bytes: &[u8]) -> bool {
    let Ok((file, _)) = stick.file(path) else { return false };
    let mut present = Vec::new();
    file.take(REPORT_BYTES_MAX).read_to_end(&mut present).is_ok() && present == bytes
}

/// The voices of the appliance, each with the line that `crier.toml` needs to use it.
fn voices_report(folder: &Path) -> String {
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    names.sort();
    let line = |path: &PathBuf| {
        let key = if path.is_dir() { "bundle" } else { "file" };
        format!("{key} = \"{}\"\n", path.display())
    };
    let lines: String = names.iter().map(line).collect();
    format!("Voices on the appliance, as [voice] of crier.toml names them:\n{lines}")
}
