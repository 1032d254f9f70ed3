//! Control protocol of the appliance, for `crier ctl` and other programs on the machine. `docs/CONTROL.md` is its
//! specification; a test checks the examples there.
//!
//! * [`ControlRequest`], [`ControlResponse`]: the messages, one line of JSON each.
//! * [`serve`]: the server, a task on the supervisor's event loop; [`ControlHandler`] implements the verbs.
//! * [`ControlClient`]: a blocking client for one request.
//! * [`serve_metrics`]: the same status for Prometheus.

#![forbid(unsafe_code)]

mod client;
mod error;
mod metrics;
mod protocol;
mod server;
mod socket;
mod status;

pub use client::ControlClient;
pub use error::ControlError;
pub use metrics::serve_metrics;
pub use protocol::{
    ControlRequest, ControlResponse, ErrorCode, ErrorReport, Hello, REQUEST_BYTES_MAX, RequestLine,
    ResponseLine, VERBS, VERSION, parse_request,
};
pub use server::{ControlHandler, serve};
pub use socket::{group_id, listen, remove};
pub use status::{ApplianceStatus, DeviceEntry, InputEntry, QueueEntry, StageEntry, VoiceEntry};
