//! Descriptors in an event loop.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// Value with a descriptor, registered with the event loop of the thread that created it.
#[derive(Debug)]
pub struct Watched<T: AsFd>(AsyncFd<Holder<T>>);

/// Gives tokio the `AsRawFd` that it requires for a type that implements only `AsFd`.
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
    /// Registers `inner` with the event loop.
    ///
    /// # Errors
    /// `epoll` refuses it: it is a regular file, or there are too many descriptors.
    pub fn new(inner: T) -> io::Result<Self> {
        // SAFETY: the descriptor of `AsFd` is open as long as `inner` lives; `inner` is moved into the watcher, which
        // gives only shared access to it and is deregistered before `inner` is dropped.
        #[allow(unsafe_code)]
        let watched = unsafe { AsyncFd::register(Holder(inner)) };
        watched.map(Self).map_err(|error| error.into_parts().1)
    }

    /// Returns the registered value.
    pub fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Waits until the descriptor is readable or closed by its peer.
    ///
    /// # Errors
    /// The event loop is shutting down.
    pub async fn readable(&self) -> io::Result<Ready<'_, T>> {
        Ok(Ready(self.0.readable().await?))
    }

    /// Waits until the descriptor is writable or closed by its peer.
    ///
    /// # Errors
    /// The event loop is shutting down.
    pub async fn writable(&self) -> io::Result<Ready<'_, T>> {
        Ok(Ready(self.0.writable().await?))
    }
}

/// Readiness of a descriptor, valid until an operation returns `WouldBlock`.
pub struct Ready<'a, T: AsFd>(AsyncFdReadyGuard<'a, Holder<T>>);

impl<T: AsFd> Ready<'_, T> {
    /// Clears the readiness after an operation has returned `WouldBlock`, so that the next wait really waits.
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
