//! Control protocol of the appliance: what `crier ctl` and any other program on the machine may ask the supervisor.
//! `docs/CONTROL.md` is its specification, and a test reads the examples there.
//!
//! * [`ControlRequest`], [`ControlResponse`]: the messages, one line of JSON each.
//! * [`serve`]: the server, a task on the supervisor's event loop; what the verbs do is behind [`ControlHandler`].
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
