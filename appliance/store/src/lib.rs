//! Durable state, which survives a power cut: the journal of announcements, and settings that an operator changes.
//!
//! A [`Journal`] stores each record with fsync before the announcement is acknowledged, and reports it by a
//! [`JournalEvent`]. Records that this version cannot read are set aside in files beside it (`quarantine.rs`). A
//! [`SettingsWriter`] writes [`PersistedSettings`] some time after their last change.
//!
//! Both have a thread of their own, since an fsync may take seconds, and the callers' event loop never waits.

#![forbid(unsafe_code)]

mod error;
mod journal;
mod quarantine;
mod settings;

pub use error::StoreError;
pub use journal::{Journal, JournalEvent};
pub use settings::{PersistedSettings, SettingsWriter};
