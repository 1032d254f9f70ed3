//! `[control]` and `[metrics]`: the two sockets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The socket of `crier ctl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Where it is.
    pub socket: PathBuf,
    /// Group that may use it besides root and the appliance's own user.
    pub group: Option<String>,
}

/// The socket that metrics are read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// Where it is; `None` (`"none"`): there is none.
    pub socket: Option<PathBuf>,
}

impl Default for Control {
    fn default() -> Self {
        Self { socket: "/run/crier/control".into(), group: None }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { socket: Some("/run/crier/metrics".into()) }
    }
}
