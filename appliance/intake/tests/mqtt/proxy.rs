//! TCP proxy between appliance and broker that can cut the connection, or drop what the appliance sends.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: Arc<Notify>,
    swallows: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy for the broker on this port.
    pub(crate) async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, swallows) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (cut_too, swallows_too) = (Arc::clone(&cut), Arc::clone(&swallows));
        let task = tokio::spawn(async move {
            loop {
                let (appliance, _) = listener.accept().await.unwrap();
                let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await.unwrap();
                tokio::select! {
                    () = carry(appliance, broker, &swallows_too) => {}
                    () = cut_too.notified() => {}
                }
            }
        });
        Self { port, cut, swallows, task }
    }

    /// Sets whether bytes from the appliance are dropped.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.swallows.store(swallows, Ordering::SeqCst);
    }

    /// Cuts the connection; the next one is forwarded again.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut appliance: TcpStream, mut broker: TcpStream, swallows: &AtomicBool) {
    let (mut from_appliance, mut to_appliance) = appliance.split();
    let (mut from_broker, mut to_broker) = broker.split();
    let up = async {
        let mut buffer = [0; 4096];
        while let Ok(bytes @ 1..) = from_appliance.read(&mut buffer).await {
            if !swallows.load(Ordering::SeqCst) && to_broker.write_all(&buffer[..bytes]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = copy(&mut from_broker, &mut to_appliance) => {}
    }
}
