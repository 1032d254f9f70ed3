//! Thread pools: number of threads, CPU affinity, and how long waiting threads spin.
//!
//! ggml's threads meet at a barrier after every operation of a graph, some thousands of times a second. A thread that
//! waits there can spin or sleep. Spinning is fastest on dedicated CPUs. On shared CPUs it takes time away from the
//! very thread that the others wait for, and everything becomes tens of times slower. ggml's own thread pool spins
//! without bound (its `poll` level covers only the wait between graphs), so ggml is built with OpenMP, whose runtime
//! (libgomp) has a bound: see [`SPIN_COUNT`].
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use crate::LlamaError;

/// Environment variables that bound how long libgomp's threads spin, the one that Crier sets first. libgomp reads them
/// when it is loaded, before `main`, so they must be in the environment of a process that is started.
pub const SPIN_VARIABLES: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];

/// Value of `GOMP_SPINCOUNT`: iterations of libgomp's spin loop before a waiting thread sleeps on a futex. For
/// processes whose environment sets none of [`SPIN_VARIABLES`].
///
/// 1000 iterations are a few microseconds: longer than a typical wait at a barrier, so that short waits cost no system
/// call, and far shorter than a scheduler time slice, so that a shared CPU is released soon. libgomp's own default is
/// in the order of milliseconds when there are enough CPUs, which is what makes shared CPUs slow.
pub const SPIN_COUNT: &str = "1000";

/// Largest number of threads.
pub const THREADS_MAX: usize = 64;
/// Size of ggml's CPU mask (`GGML_MAX_N_THREADS`); a higher CPU number cannot be expressed in it.
const PROCESSORS_MAX: usize = 512;

/// Settings of a thread pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// Number of threads that share the work, including the caller's.
    pub count: usize,
    /// CPUs that the threads may use; empty for no affinity. Ignored with a single thread, which is the caller's and
    /// keeps the caller's affinity.
    pub processors: Vec<usize>,
}

impl Threads {
    /// Returns settings for `count` threads without affinity.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count: count.clamp(1, THREADS_MAX), processors: Vec::new() }
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::new(1)
    }
}

/// Threads for computations, one computation at a time.
#[derive(Debug)]
pub struct ThreadPool {
    raw: NonNull<sys::ggml_threadpool>,
    count: usize,
}

// SAFETY: the pool is not tied to the thread that created it. Computations start through `&mut` methods of graphs and
// contexts, each of which owns its pool, so there are never two at a time.
unsafe impl Send for ThreadPool {}

impl ThreadPool {
    /// Creates a pool.
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
            // 0: idle workers of ggml's own pool sleep between graphs instead of spinning.
            params.poll = 0;
            sys::ggml_threadpool_new(&raw mut params)
        };
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a thread pool" })?;
        Ok(Self { raw, count })
    }

    /// Number of threads.
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
        // SAFETY: created by `ggml_threadpool_new`, freed once; graphs and contexts own their pool, so none uses it
        // now.
        unsafe { sys::ggml_threadpool_free(self.raw.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_counts_below_one_become_one() {
        for count in [0, 1, 3] {
            let mut threads = Threads::new(count);
            threads.processors = vec![0, 100_000];
            assert_eq!(ThreadPool::new(&threads).unwrap().count(), count.max(1));
        }
    }
}
