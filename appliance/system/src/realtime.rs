//! Realtime operation: priority, locked memory, and a limit for a runaway realtime thread. Without the privileges
//! everything works, but under load the sound may have gaps: callers log a warning and continue.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use crate::SystemError;

/// Number of the capability `CAP_IPC_LOCK` (`linux/capability.h`).
const CAP_IPC_LOCK: u32 = 14;

/// Gives the calling thread a realtime priority, `1..=99` (`SCHED_FIFO`). Threads and processes that it starts do not
/// inherit it.
///
/// # Errors
/// [`SystemError::Realtime`] names the missing privilege or limit.
pub fn run_realtime(priority: u8) -> Result<(), SystemError> {
    let parameter = libc::sched_param { sched_priority: priority.into() };
    // The system call itself, since musl's function of this name only returns ENOSYS.
    // SAFETY: `parameter` is valid for reads for the length of the call.
    #[allow(unsafe_code)]
    let set = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK,
            &raw const parameter,
        )
    };
    let missing = |source| SystemError::Realtime {
        operation: "run with a realtime priority",
        remedy: format!(
            "give it CAP_SYS_NICE or an RLIMIT_RTPRIO of {priority} or more (it is {})",
            limit(Resource::RLIMIT_RTPRIO)
        ),
        source,
    };
    Errno::result(set).map(drop).map_err(missing)
}

/// Keeps all memory of this process, now and later, from being paged out.
///
/// # Errors
/// [`SystemError::Realtime`] names the missing privilege or limit. Under a limit nothing is locked at all, because a
/// later allocation beyond the limit would fail.
pub fn lock_memory() -> Result<(), SystemError> {
    let missing = |source| SystemError::Realtime {
        operation: "lock its memory",
        remedy: format!(
            "give it CAP_IPC_LOCK or an unlimited RLIMIT_MEMLOCK (it is {})",
            limit(Resource::RLIMIT_MEMLOCK)
        ),
        source,
    };
    let (_, most) = getrlimit(Resource::RLIMIT_MEMLOCK).map_err(missing)?;
    if most == RLIM_INFINITY {
        setrlimit(Resource::RLIMIT_MEMLOCK, most, most).map_err(missing)?;
    } else if !has_capability(CAP_IPC_LOCK) {
        return Err(missing(Errno::EPERM));
    }
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).map_err(missing)
}

/// Has the kernel kill this process if one of its realtime threads computes for this long without blocking, so that a
/// runaway thread cannot starve the machine.
///
/// # Errors
/// [`SystemError::Realtime`]: the limit is already lower.
pub fn limit_realtime(without_waiting: Duration) -> Result<(), SystemError> {
    let microseconds = u64::try_from(without_waiting.as_micros()).unwrap_or(RLIM_INFINITY);
    let refused = |source| SystemError::Realtime {
        operation: "limit the time of its realtime threads",
        remedy: format!("raise RLIMIT_RTTIME (it is {} microseconds)", limit(Resource::RLIMIT_RTTIME)),
        source,
    };
    let (_, most) = getrlimit(Resource::RLIMIT_RTTIME).map_err(refused)?;
    // The soft limit sends SIGXCPU, which shows the reason in the exit status; the hard limit sends SIGKILL.
    setrlimit(Resource::RLIMIT_RTTIME, microseconds, microseconds.saturating_mul(2).min(most))
        .map_err(refused)
}

fn limit(resource: Resource) -> String {
    match getrlimit(resource) {
        Ok((RLIM_INFINITY, _)) => "unlimited".into(),
        Ok((now, _)) => now.to_string(),
        Err(_) => "unknown".into(),
    }
}

/// Returns true if the calling thread has a capability.
fn has_capability(bit: u32) -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .is_some_and(|set| set & (1 << bit) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `check` in a thread that has no capability left.
    fn without_capabilities(check: fn()) {
        let run = move || {
            // Version 3 of the interface, this thread; then three sets of 64 bits in halves, all empty.
            let header: [u32; 2] = [0x2008_0522, 0];
            let sets = [0_u32; 6];
            // SAFETY: both arrays have the sizes that version 3 prescribes.
            #[allow(unsafe_code)]
            let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
            assert_eq!(done, 0);
            check();
        };
        std::thread::spawn(run).join().unwrap();
    }

    #[test]
    fn what_is_missing_for_a_realtime_priority_is_told() {
        if getrlimit(Resource::RLIMIT_RTPRIO).unwrap().0 < 99 {
            without_capabilities(|| {
                let error = run_realtime(99).unwrap_err().to_string();
                assert!(error.contains("CAP_SYS_NICE") && error.contains("RLIMIT_RTPRIO of 99"), "{error}");
            });
        }
        assert!(run_realtime(0).is_err());
        assert!(run_realtime(100).is_err());
    }

    #[test]
    fn what_is_missing_for_locked_memory_is_told_and_nothing_is_locked() {
        if getrlimit(Resource::RLIMIT_MEMLOCK).unwrap().1 != RLIM_INFINITY {
            without_capabilities(|| {
                let error = lock_memory().unwrap_err().to_string();
                assert!(error.contains("CAP_IPC_LOCK"), "{error}");
                let status = std::fs::read_to_string("/proc/self/status").unwrap();
                assert!(status.lines().any(|line| line.starts_with("VmLck:") && line.ends_with(" 0 kB")));
            });
        }
    }
}
