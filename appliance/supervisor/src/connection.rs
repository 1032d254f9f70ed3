//! The client's side of an instance: the connection to it.

use std::cell::RefCell;

use crier_wire::{ToStage, encode};
use serde::Serialize;
use tokio::sync::mpsc::Permit;
use tokio::sync::{Notify, mpsc};

/// Connection to one instance of a stage. Dropping it in the middle of a request ends the instance, because nobody
/// else knows the state it is in.
pub struct Connection<R> {
    pub(crate) to: mpsc::Sender<Vec<u8>>,
    pub(crate) from: mpsc::Receiver<(R, Vec<f32>)>,
}

/// Half of a connection that sends, from [`Connection::split`].
pub struct RequestSender(mpsc::Sender<Vec<u8>>);

/// Half of a connection that receives, from [`Connection::split`].
pub struct ReplyReceiver<R>(mpsc::Receiver<(R, Vec<f32>)>);

/// Place for one request on its way to the stage.
pub struct RequestSlot<'a>(Permit<'a, Vec<u8>>);

/// Place of the present instance's connection until the client takes it.
pub(crate) struct Mailbox<R> {
    connection: RefCell<Option<Connection<R>>>,
    filled: Notify,
}

impl<R> Default for Mailbox<R> {
    fn default() -> Self {
        Self { connection: RefCell::new(None), filled: Notify::new() }
    }
}

impl<R> Mailbox<R> {
    pub(crate) fn put(&self, connection: Connection<R>) {
        *self.connection.borrow_mut() = Some(connection);
        self.filled.notify_one();
    }

    /// Takes the connection, if there is one.
    pub(crate) fn take(&self) -> Option<Connection<R>> {
        self.connection.borrow_mut().take()
    }

    /// Waits until a connection is put here; one that was put since the last wait ends it at once.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes back a connection that no client has taken.
    pub(crate) fn clear(&self) {
        self.connection.borrow_mut().take();
    }
}

/// The instance has ended; the next one gets a connection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnected;

impl<R> Connection<R> {
    /// Sends a request; waits while the stage has no room for it.
    ///
    /// # Errors
    /// [`Disconnected`] when the instance has ended, or the request does not fit into a packet (logged).
    pub async fn send<Q: Serialize>(&self, request: Q, payload: &[f32]) -> Result<(), Disconnected> {
        let packet = packet(request, payload)?;
        self.to.send(packet).await.map_err(|_| Disconnected)
    }

    /// Returns the next reply and its payload.
    ///
    /// # Errors
    /// [`Disconnected`] when the instance has ended.
    pub async fn receive(&mut self) -> Result<(R, Vec<f32>), Disconnected> {
        self.from.recv().await.ok_or(Disconnected)
    }

    /// Splits the connection, for a client that has to go on receiving while it waits for room: a client and a stage
    /// that both wait for room while neither receives would wait for each other for ever. Dropping one half ends the
    /// instance, as dropping the connection does.
    #[must_use]
    pub fn split(self) -> (RequestSender, ReplyReceiver<R>) {
        (RequestSender(self.to), ReplyReceiver(self.from))
    }
}

impl RequestSender {
    /// Waits until the stage has room for a request. Cancel-safe.
    ///
    /// # Errors
    /// [`Disconnected`] when the instance has ended.
    pub async fn room(&self) -> Result<RequestSlot<'_>, Disconnected> {
        self.0.reserve().await.map(RequestSlot).map_err(|_| Disconnected)
    }
}

impl RequestSlot<'_> {
    /// Sends a request; never waits.
    ///
    /// # Errors
    /// [`Disconnected`] when the request does not fit into a packet (logged).
    pub fn send<Q: Serialize>(self, request: Q, payload: &[f32]) -> Result<(), Disconnected> {
        self.0.send(packet(request, payload)?);
        Ok(())
    }
}

impl<R> ReplyReceiver<R> {
    /// Returns the next reply and its payload. Cancel-safe.
    ///
    /// # Errors
    /// [`Disconnected`] when the instance has ended.
    pub async fn receive(&mut self) -> Result<(R, Vec<f32>), Disconnected> {
        self.0.recv().await.ok_or(Disconnected)
    }
}

fn packet<Q: Serialize>(request: Q, payload: &[f32]) -> Result<Vec<u8>, Disconnected> {
    let mut packet = Vec::new();
    if let Err(error) = encode(&ToStage::<(), Q>::Work(request), payload, &mut packet) {
        tracing::error!(%error, "a request cannot be encoded");
        return Err(Disconnected);
    }
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::{Connection, Disconnected};

    #[tokio::test]
    async fn replies_are_received_while_a_request_waits_for_room() {
        let (to, mut requests) = mpsc::channel(1);
        let (replies, from) = mpsc::channel(1);
        let (sender, mut receiver) = Connection::<u32> { to, from }.split();
        sender.room().await.unwrap().send("first", &[]).unwrap();
        replies.send((7, vec![0.5])).await.unwrap();
        tokio::select! {
            biased;
            _ = sender.room() => panic!("there is no room for a second request"),
            received = receiver.receive() => assert_eq!(received, Ok((7, vec![0.5]))),
        }
        requests.recv().await.unwrap();
        sender.room().await.unwrap().send("second", &[]).unwrap();
        drop(requests);
        assert_eq!(sender.room().await.err(), Some(Disconnected));
        drop(replies);
        assert_eq!(receiver.receive().await, Err(Disconnected));
    }
}
