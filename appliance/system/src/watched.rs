//! Descriptors that an event loop waits for.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// Something with a descriptor, in the event loop of the thread that made this.
#[derive(Debug)]
pub struct Watched<T: AsFd>(AsyncFd<Holder<T>>);

#[derive(Debug)]
struct Holder<T>(T);

impl<T: AsFd> AsRawFd for Holder<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl<T: AsFd> AsFd for Holder<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd> Watched<T> {
    /// Takes `inner` into the event loop.
    ///
    /// # Errors
    /// The system cannot watch it: it is a regular file, or there are too many descriptors.
    pub fn new(inner: T) -> io::Result<Self> {
        // SAFETY: what `AsFd` gives is open for as long as `inner` lives, and `inner` is moved into the watcher, which
        // gives no way to change it and is taken out of the event loop before `inner` is dropped.
        #[allow(unsafe_code)]
        let watched = unsafe { AsyncFd::register(Holder(inner)) };
        watched.map(Self).map_err(|error| error.into_parts().1)
    }

    /// What is watched.
    pub fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Waits until it can be read, or has ended.
    ///
    /// # Errors
    /// The event loop is ending.
    pub async fn readable(&self) -> io::Result<Ready<'_, T>> {
        Ok(Ready(self.0.readable().await?))
    }

    /// Waits until it can be written to, or has ended.
    ///
    /// # Errors
    /// The event loop is ending.
    pub async fn writable(&self) -> io::Result<Ready<'_, T>> {
        Ok(Ready(self.0.writable().await?))
    }
}

/// It is ready, until somebody finds that it is not.
pub struct Ready<'a, T: AsFd>(AsyncFdReadyGuard<'a, Holder<T>>);

impl<T: AsFd> Ready<'_, T> {
    /// An attempt said that it would block: wait again.
    pub fn clear(&mut self) {
        self.0.clear_ready();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channel;

    #[test]
    fn a_packet_wakes_the_one_who_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (here, there) = Channel::pair().unwrap();
            let watched = Watched::new(there).unwrap();
            let waiting = async {
                let mut ready = watched.readable().await.unwrap();
                let mut packet = Vec::new();
                let received = watched.get().try_receive(&mut packet).unwrap();
                ready.clear();
                received
            };
            let (received, ()) = tokio::join!(waiting, async { here.send(b"hello").unwrap() });
            assert_eq!(received, Some(5));
        });
    }
}
