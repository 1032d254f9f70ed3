//! Thread pools: how many threads, on which processors, at which priority; and how long they spin.
//!
//! ggml's threads meet after every operation of a graph, some thousands of times a second. Whoever waits there may
//! spin or sleep. Spinning is right on processors of one's own; on shared ones it takes the time away from the thread
//! that is waited for, and everything gets tens of times slower. So this program is built with OpenMP, whose waiting
//! can be bounded, and bounds it: see [`SPIN_COUNT`].
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use crate::LlamaError;

/// How often a waiting thread looks before it goes to sleep, unless the environment says otherwise
/// (`GOMP_SPINCOUNT` or `OMP_WAIT_POLICY`): some microseconds, so that short waits stay cheap and a shared processor
/// is given away soon.
pub const SPIN_COUNT: &str = "1000";

/// Largest number of threads.
pub const THREADS_MAX: usize = 64;
/// Processors above this number cannot be in a mask.
const PROCESSORS_MAX: usize = 512;

/// Bounds how long waiting threads spin; to be called first thing in `main`. libgomp reads its settings when it is
/// loaded, before `main`, so the only way is to set them and start the program again, which happens at most once.
/// Does nothing where the environment has an opinion of its own.
pub fn bound_waiting() {
    use std::os::unix::process::CommandExt;
    if ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else { return };
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    let mut again = std::process::Command::new(program);
    again.arg0(name).args(arguments).env("GOMP_SPINCOUNT", SPIN_COUNT);
    // Only a failure returns; then threads spin longer than they should, and nothing else is wrong.
    let error = again.exec();
    tracing::debug!(%error, "cannot start again with GOMP_SPINCOUNT set");
}

/// What a pool shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// How many threads share the work, the caller's among them.
    pub count: usize,
    /// Processors on which they run; empty: wherever the system puts them. With one thread nothing is bound: the
    /// caller binds itself.
    pub processors: Vec<usize>,
    /// Their priority.
    pub priority: Priority,
}

/// Priority of threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Priority {
    /// As everybody.
    #[default]
    Normal,
    /// Real-time (`SCHED_FIFO`), where the system allows it.
    RealTime,
}

impl Threads {
    /// `count` threads, not bound to processors.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count: count.clamp(1, THREADS_MAX), processors: Vec::new(), priority: Priority::Normal }
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::new(1)
    }
}

/// Threads for computations; one computation at a time.
#[derive(Debug)]
pub struct ThreadPool {
    raw: NonNull<sys::ggml_threadpool>,
    count: usize,
}

// SAFETY: the pool has no tie to the thread that made it. Computations are started through `&mut` owners of graphs and
// contexts, each of which owns its pool, so never two at a time.
unsafe impl Send for ThreadPool {}

impl ThreadPool {
    /// Makes a pool.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn new(threads: &Threads) -> Result<Self, LlamaError> {
        let count = threads.count.clamp(1, THREADS_MAX);
        // SAFETY: plain data in, plain data out; the parameters are copied by `ggml_threadpool_new`.
        let raw = unsafe {
            let mut params = sys::ggml_threadpool_params_default(count as c_int);
            for &processor in threads.processors.iter().filter(|&&p| p < PROCESSORS_MAX) {
                params.cpumask[processor] = true;
            }
            params.poll = 0;
            params.prio = match threads.priority {
                Priority::Normal => sys::GGML_SCHED_PRIO_NORMAL,
                Priority::RealTime => sys::GGML_SCHED_PRIO_HIGH,
            };
            sys::ggml_threadpool_new(&raw mut params)
        };
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a thread pool" })?;
        Ok(Self { raw, count })
    }

    /// How many threads it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn raw(&self) -> *mut sys::ggml_threadpool {
        self.raw.as_ptr()
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        // SAFETY: made by `ggml_threadpool_new`, freed once; whoever computes with it owns it, so nobody does now.
        unsafe { sys::ggml_threadpool_free(self.raw.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_come_in_all_sizes() {
        for count in [0, 1, 3] {
            let mut threads = Threads::new(count);
            threads.processors = vec![0, 100_000];
            assert_eq!(ThreadPool::new(&threads).unwrap().count(), count.max(1));
        }
    }
}
