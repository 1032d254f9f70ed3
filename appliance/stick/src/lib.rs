//! Contents of a USB stick or card for an owner without a shell: configuration, voices, certificates and an update.
//!
//! | part | contents |
//! |---|---|
//! | [`identify`] | label and kind of a file system, from the first bytes of a device |
//! | [`Stick`] | a mounted stick (or a folder), read without following links |
//! | [`plan`] | from names and sizes to what is taken and what is refused; no I/O |
//! | [`DataPartition`] | the place where files are put so that a kill or a power cut leaves the old or the new one |
//! | [`take_voice_file`] and its neighbours | one kind of content each: read, check, put |
//! | [`StickSentence`] | what is said about it |
//! | [`watch_sticks`], [`take_folder`] | the service that does all of it |
//!
//! Nothing on a stick is executed, and nothing is opened by a path in which a link could lead elsewhere.

#![forbid(unsafe_code)]

mod data;
mod error;
mod path;
mod plan;
mod service;
mod source;
mod superblock;
mod take;
mod words;

pub use data::{DataPartition, FileOwner};
pub use error::StickError;
pub use path::StickPath;
pub use plan::{Plan, StickAction, StickRefusal, plan};
pub use service::{ConfigurationCheck, StickPlaces, take_folder, watch_sticks};
pub use source::{EntryKind, Stick, StickEntry, StickListing};
pub use superblock::{FileSystem, StickVolume, identify};
pub use take::{
    ConfigurationText, StagedUpdate, Taken, TakenConfiguration, restore_configuration, stage_update,
    take_certificate, take_configuration, take_voice_bundle, take_voice_file, update_fingerprint,
};
pub use words::StickSentence;
