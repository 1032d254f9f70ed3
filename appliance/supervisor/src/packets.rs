//! A channel in an event loop.

use std::io;

use crier_system::{Channel, ChannelError, Watched};

// The two crates do not know each other: a packet that can be encoded must be one that can be sent.
const _: () = assert!(crier_wire::PACKET_BYTES_MAX == crier_system::PACKET_BYTES_MAX);

/// Channel whose packets are awaited.
pub struct Packets(Watched<Channel>);

/// Failure of a channel in an event loop.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// The event loop cannot watch the channel.
    #[error("cannot watch a channel: {source}; does the system run short of memory or files?")]
    Watch {
        /// Error of the system.
        source: io::Error,
    },
    /// The channel failed.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

impl Packets {
    /// Registers the channel with the event loop of this thread.
    ///
    /// # Errors
    /// [`PacketError::Watch`].
    pub fn new(channel: Channel) -> Result<Self, PacketError> {
        Watched::new(channel).map(Self).map_err(|source| PacketError::Watch { source })
    }

    /// Sends a packet; waits while the other side has no room. Cancel-safe: a dropped call has sent nothing.
    ///
    /// # Errors
    /// [`PacketError`].
    pub async fn send(&self, packet: &[u8]) -> Result<(), PacketError> {
        loop {
            let mut ready = self.0.writable().await.map_err(|source| PacketError::Watch { source })?;
            match self.0.get().try_send(packet) {
                Ok(()) => return Ok(()),
                // Writable for the kernel is room for one byte, not for a packet.
                Err(ChannelError::WouldBlock) => ready.clear(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives a packet; `None` when the other side is gone. Cancel-safe: a dropped call has received nothing.
    ///
    /// # Errors
    /// [`PacketError`].
    pub async fn receive(&self, packet: &mut Vec<u8>) -> Result<Option<usize>, PacketError> {
        loop {
            let mut ready = self.0.readable().await.map_err(|source| PacketError::Watch { source })?;
            match self.0.get().try_receive(packet) {
                Ok(received) => return Ok(received),
                Err(ChannelError::WouldBlock) => ready.clear(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
