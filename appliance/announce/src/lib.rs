//! Announcements: priorities, queue, journal records, expiry and restart policy; no I/O and no clock.
