//! Packets between the supervisor and a stage: a pair of connected `SOCK_SEQPACKET` sockets.
//!
//! A packet arrives whole or not at all, in order, and the kernel reports when the peer has closed its end. The content
//! of packets is not interpreted here.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, send, setsockopt, socketpair, sockopt,
};

/// Longest packet, in bytes: the limit of the messages (`crier-wire`), and small enough for the kernel's default socket
/// buffer of 208 KiB.
pub const PACKET_BYTES_MAX: usize = 160 * 1024;

/// Descriptor of a child's end of the channel: the first after the standard streams. See [`Spawn`](crate::Spawn).
pub const CHANNEL_FD: RawFd = 3;

/// Socket buffer requested for each direction: a few packets, so that a sender rarely waits. The kernel cuts it to
/// `net.core.wmem_max`.
const BUFFER_BYTES: usize = 4 * PACKET_BYTES_MAX;

/// Space of a socket buffer that a packet cannot use. The kernel reserves 32 bytes; the rest is a margin.
const PACKET_OVERHEAD_BYTES: usize = 1024;

/// Errors of a channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The packet to send is empty. The peer would take it for the end of the channel.
    #[error("an empty packet cannot be sent; give it at least one byte")]
    Empty,
    /// The packet is longer than [`PACKET_BYTES_MAX`].
    #[error(
        "a packet of {bytes} bytes is too long, at most {PACKET_BYTES_MAX} are allowed; send it in parts"
    )]
    TooLong {
        /// Length of the packet, in bytes.
        bytes: usize,
    },
    /// The peer has closed the channel or has ended.
    #[error("the peer of the channel is gone; nothing more can be sent to it")]
    PeerGone,
    /// A non-blocking call would have had to wait.
    #[error("the channel is not ready; wait for its descriptor and try again")]
    WouldBlock,
    /// The inherited descriptor is not one end of a channel.
    #[error(
        "descriptor {fd} is not a channel from the supervisor; stages are started by `crier serve`, not by hand"
    )]
    NotAChannel {
        /// The descriptor.
        fd: RawFd,
    },
    /// The kernel's socket buffer is too small for one packet.
    #[error(
        "the kernel buffers only {bytes} bytes of a channel and {PACKET_BYTES_MAX} are needed; \
         raise net.core.wmem_max to 212992 or more"
    )]
    BufferTooSmall {
        /// Size of the buffer, in bytes.
        bytes: usize,
    },
    /// Another system call failed.
    #[error("cannot {operation} a channel: {source}")]
    System {
        /// Operation that failed, in words.
        operation: &'static str,
        /// Error of the system.
        source: Errno,
    },
}

impl From<ChannelError> for io::Error {
    /// Keeps [`io::ErrorKind::WouldBlock`] and [`io::ErrorKind::BrokenPipe`], which event loops look for.
    fn from(error: ChannelError) -> Self {
        let kind = match &error {
            ChannelError::WouldBlock => io::ErrorKind::WouldBlock,
            ChannelError::PeerGone => io::ErrorKind::BrokenPipe,
            ChannelError::Empty | ChannelError::TooLong { .. } => io::ErrorKind::InvalidInput,
            ChannelError::System { source, .. } => io::Error::from(*source).kind(),
            ChannelError::NotAChannel { .. } | ChannelError::BufferTooSmall { .. } => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// One end of a channel. Every descriptor is close-on-exec, none has `O_NONBLOCK`: non-blocking calls pass
/// `MSG_DONTWAIT` each time, since `O_NONBLOCK` would be shared with every duplicate of the descriptor.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Creates two connected ends.
    ///
    /// # Errors
    /// [`ChannelError::System`] if the process has no descriptors left, [`ChannelError::BufferTooSmall`] if the
    /// system's limits are below one packet.
    pub fn pair() -> Result<(Self, Self), ChannelError> {
        let ends = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
            .map_err(|source| ChannelError::System { operation: "open", source })?;
        make_room(&ends.0)?;
        make_room(&ends.1)?;
        Ok((Self(ends.0), Self(ends.1)))
    }

    /// Takes over the end that the supervisor left open for this process, normally [`CHANNEL_FD`], and makes it
    /// close-on-exec. To be called once, before other descriptors are opened or closed: the channel owns the number
    /// afterwards.
    ///
    /// # Errors
    /// [`ChannelError::NotAChannel`] if the descriptor is closed or something else.
    pub fn from_inherited(fd: RawFd) -> Result<Self, ChannelError> {
        if fd <= libc::STDERR_FILENO {
            return Err(ChannelError::NotAChannel { fd });
        }
        // SAFETY: the number may be anything so far; F_GETFD on a closed descriptor only fails.
        #[allow(unsafe_code)]
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        if flags < 0 {
            return Err(ChannelError::NotAChannel { fd });
        }
        // SAFETY: the descriptor is open, and by the contract above nothing else in this process owns the number.
        #[allow(unsafe_code)]
        let inherited = unsafe { BorrowedFd::borrow_raw(fd) };
        if !matches!(getsockopt(&inherited, sockopt::SockType), Ok(SockType::SeqPacket)) {
            return Err(ChannelError::NotAChannel { fd });
        }
        fcntl(inherited, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
            .map_err(|source| ChannelError::System { operation: "inherit", source })?;
        // SAFETY: as above; from here on the channel alone closes it.
        #[allow(unsafe_code)]
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(owned))
    }

    /// Sends one packet; waits while the peer's buffer is full.
    ///
    /// # Errors
    /// [`ChannelError::Empty`] and [`ChannelError::TooLong`] refuse the packet; [`ChannelError::PeerGone`] if it
    /// would never be read.
    pub fn send(&self, packet: &[u8]) -> Result<(), ChannelError> {
        self.send_with(packet, MsgFlags::empty())
    }

    /// Sends one packet, or returns at once.
    ///
    /// # Errors
    /// [`ChannelError::WouldBlock`] while the peer's buffer is full; else as [`Channel::send`].
    pub fn try_send(&self, packet: &[u8]) -> Result<(), ChannelError> {
        self.send_with(packet, MsgFlags::MSG_DONTWAIT)
    }

    /// Waits for one packet, which replaces the content of `packet`; its memory is reused. `None`: the peer is gone and
    /// everything that it had sent was received.
    ///
    /// # Errors
    /// [`ChannelError::TooLong`] if the peer sent more than [`PACKET_BYTES_MAX`]; that packet is lost.
    pub fn receive(&self, packet: &mut Vec<u8>) -> Result<Option<usize>, ChannelError> {
        self.receive_with(packet, 0)
    }

    /// Receives one packet if one is queued, and returns at once otherwise.
    ///
    /// # Errors
    /// [`ChannelError::WouldBlock`] if there is none; else as [`Channel::receive`].
    pub fn try_receive(&self, packet: &mut Vec<u8>) -> Result<Option<usize>, ChannelError> {
        self.receive_with(packet, libc::MSG_DONTWAIT)
    }

    fn send_with(&self, packet: &[u8], flags: MsgFlags) -> Result<(), ChannelError> {
        if packet.is_empty() {
            return Err(ChannelError::Empty);
        }
        if packet.len() > PACKET_BYTES_MAX {
            return Err(ChannelError::TooLong { bytes: packet.len() });
        }
        loop {
            // Sequenced packets are sent whole: the returned count is always the packet's length.
            // MSG_NOSIGNAL: a peer that is gone is an error of this call, not a SIGPIPE for the whole process.
            match send(self.0.as_raw_fd(), packet, flags | MsgFlags::MSG_NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(ChannelError::WouldBlock),
                // The kernel reports a reset once, in the next call of either kind; the peer is closed then.
                Err(Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                    return Err(ChannelError::PeerGone);
                }
                Err(source) => return Err(ChannelError::System { operation: "send on", source }),
            }
        }
    }

    fn receive_with(&self, packet: &mut Vec<u8>, flags: i32) -> Result<Option<usize>, ChannelError> {
        packet.clear();
        packet.reserve(PACKET_BYTES_MAX);
        let room = packet.spare_capacity_mut();
        let room_bytes = room.len().min(PACKET_BYTES_MAX);
        loop {
            // With MSG_TRUNC the kernel returns the packet's true length, so that a truncated packet is noticed.
            // SAFETY: `room` is memory of this Vec for at least `room_bytes` bytes, and the kernel writes no more.
            #[allow(unsafe_code)]
            let received = unsafe {
                libc::recv(
                    self.0.as_raw_fd(),
                    room.as_mut_ptr().cast(),
                    room_bytes,
                    flags | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC,
                )
            };
            match usize::try_from(received) {
                Ok(0) => return Ok(None),
                Ok(bytes) if bytes > room_bytes => return Err(ChannelError::TooLong { bytes }),
                Ok(bytes) => {
                    // SAFETY: the kernel has written exactly `bytes` bytes, and there is room for them.
                    #[allow(unsafe_code)]
                    unsafe {
                        packet.set_len(bytes);
                    }
                    return Ok(Some(bytes));
                }
                Err(_) => match Errno::last() {
                    // ECONNRESET: the peer closed with packets unread. It is reported once; packets that the peer
                    // had sent are still queued, so the next attempt returns them.
                    Errno::EINTR | Errno::ECONNRESET => {}
                    Errno::EAGAIN => return Err(ChannelError::WouldBlock),
                    source => return Err(ChannelError::System { operation: "receive from", source }),
                },
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// Requests buffers for a few packets and checks that one fits.
fn make_room(end: &OwnedFd) -> Result<(), ChannelError> {
    let refused = |source| ChannelError::System { operation: "size", source };
    setsockopt(end, sockopt::SndBuf, &BUFFER_BYTES).map_err(refused)?;
    setsockopt(end, sockopt::RcvBuf, &BUFFER_BYTES).map_err(refused)?;
    // The sender's buffer alone limits a packet of a Unix socket; the kernel cuts a size beyond its maximum silently.
    let bytes = getsockopt(end, sockopt::SndBuf).map_err(refused)?;
    if bytes < PACKET_BYTES_MAX + PACKET_OVERHEAD_BYTES {
        return Err(ChannelError::BufferTooSmall { bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_arrive_whole_and_in_order_up_to_the_longest() {
        let (here, there) = Channel::pair().unwrap();
        let longest: Vec<u8> = (0..PACKET_BYTES_MAX).map(|at| (at % 251) as u8).collect();
        let mut packet = Vec::new();
        for sent in [&b"a"[..], b"two", &longest, b"after"] {
            here.send(sent).unwrap();
            assert_eq!(there.receive(&mut packet).unwrap(), Some(sent.len()));
            assert!(packet == sent, "a packet of {} bytes changed", sent.len());
        }
        here.send(b"one").unwrap();
        here.send(b"more").unwrap();
        assert_eq!(there.receive(&mut packet).unwrap(), Some(3), "packets do not run together");
    }

    #[test]
    fn the_longest_packet_passes_with_a_kernel_that_gives_no_more_than_its_default() {
        let (here, there) = Channel::pair().unwrap();
        // The kernel doubles what it is asked for: this is `net.core.wmem_default`, which no kernel raises by itself.
        setsockopt(&here.0, sockopt::SndBuf, &(212_992 / 2)).unwrap();
        here.try_send(&vec![7; PACKET_BYTES_MAX]).unwrap();
        assert_eq!(there.receive(&mut Vec::new()).unwrap(), Some(PACKET_BYTES_MAX));
    }

    #[test]
    fn empty_and_over_long_packets_are_refused_by_name() {
        let (here, there) = Channel::pair().unwrap();
        assert!(matches!(here.send(&[]), Err(ChannelError::Empty)));
        let error = here.send(&vec![0; PACKET_BYTES_MAX + 1]).unwrap_err();
        assert!(error.to_string().contains("163841"), "{error}");
        assert!(matches!(there.try_receive(&mut Vec::new()), Err(ChannelError::WouldBlock)));
    }

    #[test]
    fn a_peer_that_sends_too_much_is_told_and_the_next_packet_is_sound() {
        let (here, there) = Channel::pair().unwrap();
        send(here.as_raw_fd(), &vec![1; PACKET_BYTES_MAX + 9], MsgFlags::empty()).unwrap();
        here.send(b"sound").unwrap();
        let mut packet = Vec::new();
        let error = there.receive(&mut packet).unwrap_err();
        assert!(matches!(error, ChannelError::TooLong { bytes } if bytes == PACKET_BYTES_MAX + 9), "{error}");
        assert_eq!(there.receive(&mut packet).unwrap(), Some(5));
    }

    #[test]
    fn nothing_waits_that_must_not() {
        let (here, there) = Channel::pair().unwrap();
        let mut packet = Vec::new();
        assert!(matches!(there.try_receive(&mut packet), Err(ChannelError::WouldBlock)));
        let full = vec![0; PACKET_BYTES_MAX];
        let refused = (0..1000).find_map(|_| here.try_send(&full).err()).unwrap();
        assert_eq!(io::Error::from(refused).kind(), io::ErrorKind::WouldBlock);
        there.receive(&mut packet).unwrap();
        here.try_send(b"there is room again").unwrap();
    }

    #[test]
    fn what_a_side_sent_before_it_ended_is_received_even_when_it_left_packets_unread() {
        let (here, there) = Channel::pair().unwrap();
        here.send(b"never read").unwrap();
        there.send(b"last words").unwrap();
        drop(there);
        let mut packet = Vec::new();
        assert_eq!(here.receive(&mut packet).unwrap(), Some(10));
        assert_eq!(packet, b"last words");
        assert_eq!(here.receive(&mut packet).unwrap(), None);
        assert_eq!(here.receive(&mut packet).unwrap(), None, "the end stays the end");
        assert!(matches!(here.send(b"hello?"), Err(ChannelError::PeerGone)));
    }

    #[test]
    fn only_a_channel_can_be_inherited_and_it_is_not_passed_on() {
        let (reader, _writer) = nix::unistd::pipe().unwrap();
        let error = Channel::from_inherited(reader.as_raw_fd()).unwrap_err().to_string();
        assert!(error.contains("crier serve"), "{error}");
        assert!(Channel::from_inherited(-1).is_err());
        assert!(Channel::from_inherited(0).is_err());
        assert!(Channel::from_inherited(1_000_000).is_err());

        let (here, there) = Channel::pair().unwrap();
        let there = OwnedFd::from(there);
        fcntl(&there, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let inherited = Channel::from_inherited(std::os::fd::IntoRawFd::into_raw_fd(there)).unwrap();
        let flags = fcntl(&inherited.0, FcntlArg::F_GETFD).unwrap();
        assert_eq!(FdFlag::from_bits_truncate(flags), FdFlag::FD_CLOEXEC);
        inherited.send(b"here I am").unwrap();
        assert_eq!(here.receive(&mut Vec::new()).unwrap(), Some(9));
    }
}
