//! Files of the appliance that sticks have to do with.

use std::path::PathBuf;

use crier_config::Config;

use crate::data::DataPartition;
use crate::data::FileOwner;

/// Check of a configuration on this machine, beyond what the file alone tells; the error is for its author.
pub type ConfigurationCheck = Box<dyn Fn(&Config) -> Result<(), Box<dyn std::error::Error>>>;

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
