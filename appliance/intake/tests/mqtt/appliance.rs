//! MQTT input whose supervisor is the test.

use crier_announce::Draft;
use crier_config::{MqttSettings, MqttVersion};
use crier_intake::mqtt::{self, ApplianceIdentity, MqttOptions};
use crier_intake::{Hub, InputHandle};
use crier_wire::{Answer, ApplianceState, Command, IntakeReport, IntakeRequest, Mode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::broker::{Mosquitto, PATIENCE};

pub(crate) const VERSIONS: [MqttVersion; 2] = [MqttVersion::V3, MqttVersion::V5];

/// Returns options for a broker on this port.
pub(crate) fn settings(port: u16, version: MqttVersion) -> MqttOptions {
    MqttOptions {
        identity: ApplianceIdentity {
            id: "8f3a21".into(),
            name: "Kitchen voice".into(),
            version: "0.4.0".into(),
            hardware: "CM3588".into(),
        },
        broker: MqttSettings { port, version, ..MqttSettings::new("127.0.0.1") },
    }
}

/// State of an idle appliance without problems.
pub(crate) fn idle() -> ApplianceState {
    ApplianceState {
        mode: Mode::Idle,
        volume_percent: 70,
        voice: "en".into(),
        voices: vec!["ru".into(), "en".into(), "de".into()],
        soc_celsius: Some(48.123),
        ..ApplianceState::default()
    }
}

/// Running MQTT input, and its reports to the supervisor.
pub(crate) struct Appliance {
    run: JoinHandle<()>,
    hub: JoinHandle<()>,
    pub(crate) reports: mpsc::UnboundedReceiver<IntakeReport>,
    requests: mpsc::UnboundedSender<IntakeRequest>,
    /// Handle of another input at the same hub.
    pub(crate) other: InputHandle,
}

impl Appliance {
    pub(crate) fn start(settings: MqttOptions) -> Self {
        let mut hub = Hub::new();
        hub.request(IntakeRequest::State(Box::new(idle())));
        let run = tokio::spawn(mqtt::run(settings, hub.handle("mqtt")));
        let other = hub.handle("fifo:/run/crier/say");
        let (report, reports) = mpsc::unbounded_channel();
        let (requests, mut request) = mpsc::unbounded_channel();
        let hub = tokio::spawn(async move {
            loop {
                tokio::select! {
                    told = hub.report() => { let _ = report.send(told); }
                    asked = request.recv() => match asked {
                        Some(asked) => hub.request(asked),
                        None => return,
                    },
                }
            }
        });
        Self { run, hub, reports, requests, other }
    }

    /// Starts an input and waits until it is connected to this broker.
    pub(crate) async fn connected(broker: &Mosquitto, version: MqttVersion) -> Self {
        let mut appliance = Self::start(settings(broker.port, version));
        appliance.up().await;
        appliance
    }

    /// Returns the next report.
    pub(crate) async fn report(&mut self) -> IntakeReport {
        timeout(PATIENCE, self.reports.recv()).await.expect("a report in time").expect("the hub lives")
    }

    /// Returns the next announcement; only losses may be reported before it.
    pub(crate) async fn submitted(&mut self) -> (u64, Draft) {
        loop {
            match self.report().await {
                IntakeReport::Submit { request_id, draft } => return (request_id, *draft),
                IntakeReport::Lost { .. } => {}
                other => panic!("no announcement but {other:?}"),
            }
        }
    }

    /// Returns the next command.
    pub(crate) async fn commanded(&mut self) -> (u64, Command) {
        match self.report().await {
            IntakeReport::Command { request_id, command } => (request_id, command),
            other => panic!("no command but {other:?}"),
        }
    }

    /// Returns the next status of the connection: true if it is up, and the detail.
    pub(crate) async fn changed(&mut self) -> (bool, String) {
        match self.report().await {
            IntakeReport::Input { input, up, detail } => {
                assert_eq!(input, "mqtt");
                (up, detail)
            }
            other => panic!("no change but {other:?}"),
        }
    }

    /// Waits until it is connected.
    pub(crate) async fn up(&mut self) -> String {
        let (up, detail) = self.changed().await;
        assert!(up, "{detail}");
        detail
    }

    /// Waits until it is not connected.
    pub(crate) async fn down(&mut self) -> String {
        let (up, detail) = self.changed().await;
        assert!(!up, "{detail}");
        detail
    }

    pub(crate) fn request(&self, request: IntakeRequest) {
        self.requests.send(request).unwrap();
    }

    pub(crate) fn answer(&self, request_id: u64, answer: Answer) {
        self.request(IntakeRequest::Answer { request_id, answer });
    }

    /// Accepts the next announcement.
    pub(crate) async fn accept(&mut self) -> Draft {
        let (request_id, draft) = self.submitted().await;
        self.answer(request_id, Answer::Accepted { sequence: request_id, id: "any".into(), durable: true });
        draft
    }

    /// Ends without DISCONNECT, like a killed process.
    pub(crate) async fn kill(self) {
        self.run.abort();
        let _ = self.run.await;
        self.hub.abort();
    }

    /// Ends in order, by closing the hub.
    pub(crate) async fn end(self) {
        drop(self.requests);
        self.hub.await.unwrap();
        timeout(PATIENCE, self.run).await.expect("it ends").unwrap();
    }
}
