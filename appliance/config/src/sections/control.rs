//! `[control]` and `[metrics]`: the two sockets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::sections::common::{Known, read_group};

/// The socket of `crier ctl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlSettings {
    /// Path of the socket.
    pub socket: PathBuf,
    /// Group that may use it besides root and the appliance's own user.
    pub group: Option<String>,
}

/// The socket that metrics are read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsSettings {
    /// Path of the socket; `None` (`"none"`): no socket.
    pub socket: Option<PathBuf>,
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self { socket: "/run/crier/control".into(), group: None }
    }
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { socket: Some("/run/crier/metrics".into()) }
    }
}

impl ControlSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, known: &mut Known) -> Self {
        // Without the word "none" there is always a socket, unless its directory is wrong, which is reported there.
        let socket = section.socket("socket", "{run_dir}/control", false).unwrap_or_default();
        section.unique("socket", &mut known.paths, socket.clone());
        Self { socket, group: read_group(section) }
    }
}

impl MetricsSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, known: &mut Known) -> Self {
        let socket = section.socket("socket", "{run_dir}/metrics", true);
        if let Some(socket) = &socket {
            section.unique("socket", &mut known.paths, socket.clone());
        }
        Self { socket }
    }
}
