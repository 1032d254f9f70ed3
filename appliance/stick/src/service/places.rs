//! Files of the appliance that sticks have to do with.

use std::path::PathBuf;

use crate::data::DataPartition;
use crate::data::FileOwner;
use crate::error::StickError;
use crate::take::ConfigurationText;

/// Check of a configuration on this machine, beyond what the file alone tells; its error is
/// [`StickError::Configuration`].
pub type ConfigurationCheck = Box<dyn Fn(&ConfigurationText<'_>) -> Result<(), StickError>>;

/// Files of the appliance that sticks have to do with.
pub struct StickPlaces {
    /// The data partition.
    pub data: PathBuf,
    /// Link to the configuration that is in use.
    pub config: PathBuf,
    /// Control socket of the appliance; none for that of the configuration.
    pub socket: Option<PathBuf>,
    /// User and group that may read certificates and passwords; none for those of this process.
    pub intake: Option<(u32, u32)>,
    /// Check of a configuration on this machine.
    pub check: ConfigurationCheck,
}

impl StickPlaces {
    pub(super) fn data_partition(&self) -> DataPartition<'static> {
        DataPartition::new(&self.data)
    }

    /// Owner of certificates, keys and passwords: the intake refuses those that others can read.
    pub(super) fn owner_of_secrets(&self) -> FileOwner {
        FileOwner { user: self.intake, mode: 0o400 }
    }
}
