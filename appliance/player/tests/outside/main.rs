//! The player from outside: on a device with a virtual clock that fails in every way devices fail, and on alsa-lib.

mod check;
mod disturbed;
mod rig;
mod undisturbed;
