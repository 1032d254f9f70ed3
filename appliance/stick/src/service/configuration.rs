//! A new configuration: checked on this machine, put in force, and taken back if the appliance does not come back with
//! it.

use std::path::Path;
use std::time::Duration;

use crate::error::StickError;
use crate::path::StickPath;
use crate::source::Stick;
use crate::take::{Taken, restore_configuration, take_configuration};
use crate::words::StickSentence;
use crier_config::{Changes, Config};

use super::announcer::Announcer;
use super::places::StickPlaces;

/// Longest time for the appliance to end what it speaks and to answer again. Far above the seconds of a board: taking
/// back a configuration that works would be worse than waiting for one that does not.
pub(super) const RESTART_TIMEOUT: Duration = Duration::from_secs(300);

/// Takes the configuration of a stick and puts it in force; returns true if it is new.
pub(super) fn take(
    stick: &Stick,
    path: &StickPath,
    places: &StickPlaces,
    announcer: &Announcer,
) -> Result<bool, StickError> {
    // Before it is replaced: what differs decides between a reload and a restart. Without one the defaults were in use.
    let before = Config::read(&places.config).ok().map(|(config, _)| config).unwrap_or_default();
    let place = places.data.join("crier.toml");
    let had_one = place.exists();
    let link_before = std::fs::read_link(&places.config).ok();
    let taken = take_configuration(stick, &mut places.data_partition(), path, &places.check)?;
    if taken.taken == Taken::Unchanged {
        return Ok(false);
    }
    // At the first configuration of all the link leads to that of the image.
    point_to(&places.config, &place);
    if put_in_force(&before, &taken.config, announcer) {
        announcer.say(StickSentence::ConfigurationTaken);
        return Ok(true);
    }
    tracing::error!("the appliance does not answer with the new configuration, the old one is put back");
    if had_one {
        restore_configuration(&mut places.data_partition())?;
    } else {
        // The image's own was in use before.
        let removed = std::fs::remove_file(&place);
        removed.map_err(|source| StickError::Write { path: place.clone(), source })?;
        if let Some(link) = link_before {
            point_to(&places.config, &link);
        }
    }
    announcer.restart(RESTART_TIMEOUT);
    announcer.say(StickSentence::ConfigurationRestored);
    Ok(true)
}

/// Returns false if the appliance does not answer any more.
fn put_in_force(before: &Config, after: &Config, announcer: &Announcer) -> bool {
    if announcer.process().is_some() && Changes::between(before, after).of_program().next().is_none() {
        // What a reload needs of the machine was checked before; a reload that fails leaves the program as it is.
        announcer.reload();
        return true;
    }
    announcer.restart(RESTART_TIMEOUT)
}

/// Makes the link that the appliance reads its configuration by point to another file, as `S40configuration` does.
fn point_to(link: &Path, target: &Path) {
    if std::fs::read_link(link).map_or(true, |present| present == target) {
        // Not a link, as in tests: then it is the file itself.
        return;
    }
    let new = link.with_extension("new");
    // Left behind by a run that was killed.
    let _ = std::fs::remove_file(&new);
    // The folder is in memory, so that nothing has to be synced.
    let pointed = std::os::unix::fs::symlink(target, &new).and_then(|()| std::fs::rename(&new, link));
    if let Err(error) = pointed {
        tracing::warn!(%error, "the new configuration is used after the next start only");
    }
}
