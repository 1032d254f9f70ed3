//! Those who wait for the supervisor's answers, so that the connection is read meanwhile. One announcement after the
//! other, in the order in which they came; commands beside them, so that `stop` waits for none.

use std::time::{Duration, Instant};

use crier_announce::Draft;
use crier_system::Backoff;
use crier_wire::{Answer, Command, LossReason};
use tokio::sync::mpsc;

use super::payload::PayloadError;
use super::protocol::UNACKNOWLEDGED_MAX;
use crate::Desk;

/// Announcements that wait for their turn: as many as a broker may send without an acknowledgement.
const ORDERS_MAX: usize = UNACKNOWLEDGED_MAX as usize;
/// Commands that wait for their turn.
const COMMANDS_MAX: usize = 32;
/// Words for the supervisor that wait for their turn.
const REPORTS_MAX: usize = 16;
/// Pause before an announcement is handed in again that found the queue full.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// An announcement to hand in.
pub(super) struct Order {
    pub(super) ticket: u64,
    pub(super) draft: Draft,
    pub(super) came: Instant,
}

/// What became of something.
pub(super) enum News {
    Announcement { ticket: u64, id: Option<String>, answer: Answer },
    Command { level: &'static str, answer: Answer },
}

/// Something for the supervisor that needs no answer.
pub(super) enum Report {
    Input { up: bool, detail: String },
    Lost(LossReason, u64),
}

/// Where orders, commands and reports are left, and where news is picked up.
pub(super) struct Workers {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) commands: mpsc::Sender<(&'static str, Command)>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) news: mpsc::Receiver<News>,
}

impl Workers {
    /// Starts them; each ends when this is dropped or the desk is closed.
    pub(super) fn start(desk: &Desk) -> Self {
        let (orders, order) = mpsc::channel(ORDERS_MAX);
        let (commands, command) = mpsc::channel(COMMANDS_MAX);
        let (reports, report) = mpsc::channel(REPORTS_MAX);
        // Has room for the news of everything that can be on its way, so that nobody waits while there is no
        // connection.
        let (tell, news) = mpsc::channel(ORDERS_MAX + COMMANDS_MAX + 2);
        tokio::spawn(hand_in(desk.clone(), order, tell.clone()));
        tokio::spawn(carry_out(desk.clone(), command, tell));
        tokio::spawn(pass_on(desk.clone(), report));
        Self { orders, commands, reports, news }
    }

    /// Takes no more orders and commands; after the last news there will be none.
    pub(super) fn dismiss(&mut self) {
        self.orders = mpsc::channel(1).0;
        self.commands = mpsc::channel(1).0;
    }
}

async fn hand_in(desk: Desk, mut orders: mpsc::Receiver<Order>, news: mpsc::Sender<News>) {
    while let Some(Order { ticket, draft, came }) = orders.recv().await {
        let id = draft.id.clone();
        let Some(answer) = submit(&desk, draft, came).await else { return };
        if news.send(News::Announcement { ticket, id, answer }).await.is_err() {
            return;
        }
    }
}

/// Returns the final answer: while the queue is full, the announcement is kept here and at the broker.
async fn submit(desk: &Desk, draft: Draft, came: Instant) -> Option<Answer> {
    let expired = || Answer::Refused { reason: PayloadError::Expired.to_string(), later: false };
    if draft.expires_in_s == Some(0) {
        return Some(expired());
    }
    let backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
    let answer = desk.submit_when_there_is_room(draft, came, backoff).await.ok()?;
    Some(answer.unwrap_or_else(expired))
}

async fn carry_out(
    desk: Desk,
    mut commands: mpsc::Receiver<(&'static str, Command)>,
    news: mpsc::Sender<News>,
) {
    while let Some((level, command)) = commands.recv().await {
        let Ok(answer) = desk.command(command).await else { return };
        if news.send(News::Command { level, answer }).await.is_err() {
            return;
        }
    }
}

async fn pass_on(desk: Desk, mut reports: mpsc::Receiver<Report>) {
    while let Some(report) = reports.recv().await {
        let told = match report {
            Report::Input { up, detail } => desk.report(up, detail).await,
            Report::Lost(reason, count) => desk.lost(reason, count).await,
        };
        if told.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crier_wire::{IntakeReport, IntakeRequest};

    use super::*;
    use crate::Counter;

    fn order(expires_in_s: Option<u32>) -> Order {
        let draft = Draft { id: Some("a".into()), expires_in_s, ..Draft::plain("Hello.") };
        Order { ticket: 7, draft, came: Instant::now() }
    }

    /// Answers the next submission and returns its expiry.
    async fn answer(counter: &mut Counter, answer: Answer) -> Option<u32> {
        let IntakeReport::Submit { ticket, draft } = counter.report().await else { panic!("no submission") };
        counter.request(IntakeRequest::Answer { ticket, answer });
        draft.expires_in_s
    }

    fn full() -> Answer {
        Answer::Refused { reason: "the queue is full".into(), later: true }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_asked_again_until_it_answers() {
        let mut counter = Counter::new();
        let mut workers = Workers::start(&counter.desk("mqtt"));
        workers.orders.send(order(None)).await.unwrap();
        for _ in 0..20 {
            answer(&mut counter, full()).await;
            assert!(workers.news.try_recv().is_err());
        }
        let accepted = Answer::Accepted { sequence: 1, id: "a".into(), durable: true };
        answer(&mut counter, accepted.clone()).await;
        let Some(News::Announcement { ticket: 7, answer, .. }) = workers.news.recv().await else {
            panic!("other news")
        };
        assert_eq!(answer, accepted);
    }

    #[tokio::test]
    async fn what_waits_too_long_expires() {
        let mut counter = Counter::new();
        let mut workers = Workers::start(&counter.desk("mqtt"));
        workers.orders.send(order(Some(1))).await.unwrap();
        assert_eq!(answer(&mut counter, full()).await, Some(1));
        let Some(News::Announcement { answer: Answer::Refused { later: false, .. }, .. }) =
            workers.news.recv().await
        else {
            panic!("not refused for good")
        };
    }
}
