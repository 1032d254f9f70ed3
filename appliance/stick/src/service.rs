//! The service: finds sticks, takes what they bring, says what becomes of it, and writes reports.
//!
//! It runs as root beside the supervisor, so that an appliance whose configuration or voice is broken can still be
//! mended.

mod announcer;
mod configuration;
mod device;
mod diagnosis;
mod places;
mod update;
mod visit;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::source::Stick;
use crate::words::StickSentence;

use self::announcer::Announcer;
use self::device::{MountedStick, StickDevice};
pub use self::places::{ConfigurationCheck, StickPlaces};

/// Interval at which block devices are listed: a stick is noticed while its owner still looks at it, and a listing of
/// `/sys` takes less than a millisecond.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// Time after the start in which a stick is taken to have been there: USB devices are found some seconds after a boot.
const START: Duration = Duration::from_secs(60);
/// Place where a stick is mounted. Its parent is root's alone, so that no stage can look into it.
const MOUNT_POINT: &str = "/run/crier-stick/mount";
/// Label that a stick must have, in upper or lower case.
const LABEL: &str = "CRIER";

/// Takes a folder as if it were a stick, once.
///
/// # Errors
/// The folder cannot be opened.
pub fn take_folder(folder: &Path, places: &StickPlaces) -> io::Result<()> {
    let announcer = Announcer::new(places);
    let stick = Stick::open(folder)?;
    if let Some(update) = visit::visit(&stick, None, places, &announcer, false) {
        update::install(&update, places, &announcer);
    }
    Ok(())
}

/// Takes each stick that is plugged in, for ever.
pub fn watch_sticks(places: &StickPlaces) -> ! {
    let announcer = &Announcer::new(places);
    let begin = Instant::now();
    // A stick that was mounted when the service was killed.
    device::unmount(Path::new(MOUNT_POINT));
    update::restart_if_installed(places, announcer);
    // Empty, so that sticks that were there before this service are taken as well.
    let mut seen = BTreeSet::new();
    loop {
        update::give_verdict(places, announcer);
        let present = device::list();
        for device in present.difference(&seen) {
            take_device(device, places, announcer, begin.elapsed() < START);
        }
        // One that is pulled out and plugged in again between two listings has another sequence number.
        seen = present;
        std::thread::sleep(SCAN_INTERVAL);
    }
}

fn take_device(device: &StickDevice, places: &StickPlaces, announcer: &Announcer, at_start: bool) {
    let volume = match device.identify() {
        Ok(Some(volume)) if volume.label.eq_ignore_ascii_case(LABEL) => volume,
        Ok(_) => return,
        Err(error) => {
            // An empty card reader, or a stick that is gone already.
            tracing::info!(device = %device.name, %error, "the device cannot be read");
            return;
        }
    };
    tracing::info!(device = %device.name, file_system = ?volume.file_system, "a stick of the owner is there");
    let update = match MountedStick::mount(device, &volume, Path::new(MOUNT_POINT)) {
        Ok(mounted) => {
            let update = visit::visit(mounted.stick(), Some(&mounted), places, announcer, at_start);
            // Before the installation, which takes minutes.
            drop(mounted);
            update
        }
        Err(error) => {
            tracing::warn!(device = %device.name, %error, "the stick cannot be mounted");
            announcer.say(StickSentence::NotReadable);
            None
        }
    };
    // After the stick may be pulled out: everything that is needed is on the data partition.
    if let Some(update) = update {
        update::install(&update, places, announcer);
    }
}
