//! `crier stick`: the owner's USB stick or card, for an image that has no shell and no network administration.

use crier_config::{LogLevel, LogSettings};
use crier_stick::{ConfigurationText, StickError, StickPlaces};

use crate::cli::StickArguments;
use crate::error::CrierError;

pub(crate) fn run(arguments: &StickArguments) -> Result<(), CrierError> {
    crier_logging::set_level(&LogSettings { level: LogLevel::Info });
    let intake = nix::unistd::User::from_name("crier-intake").ok().flatten();
    let places = StickPlaces {
        data: arguments.data.clone(),
        config: arguments.config.clone(),
        socket: arguments.socket.clone(),
        // Only root may give files away.
        intake: intake.filter(|_| crier_system::is_root()).map(|user| (user.uid.as_raw(), user.gid.as_raw())),
        check: Box::new(check),
    };
    match &arguments.folder {
        Some(folder) => crier_stick::take_folder(folder, &places)
            .map_err(|source| CrierError::Read { path: folder.clone(), source }),
        None => crier_stick::watch_sticks(&places),
    }
}

/// As `crier validate` and the start check it.
fn check(read: &ConfigurationText<'_>) -> Result<(), StickError> {
    let errors = crate::voice::bundle_folders(read.config).config_errors(read.config, read.name, read.text);
    if !errors.is_empty() {
        return Err(StickError::of_configuration(&errors));
    }
    crate::serve::check_on_this_machine(read.config)
        .map_err(|error| StickError::Configuration { report: error.to_string(), line: None })
}
