//! Metrics in the text format of Prometheus.

use std::fmt::Write;

use crier_wire::LossReason;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::server::RESPONSE_TIMEOUT;
use crate::socket::ACCEPT_RETRY;
use crate::status::ApplianceStatus;

/// Sends the metrics to every client that connects, for ever. Reads nothing.
pub async fn serve_metrics(status: impl Fn() -> ApplianceStatus, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let text = text(&status());
                // One client at a time suffices for a collector. One that does not read is dropped.
                let _ = timeout(RESPONSE_TIMEOUT, stream.write_all(text.as_bytes())).await;
            }
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}

/// Page of metrics, named by the conventions of Prometheus: base units, and `_total` for counters.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP crier_{name} {help}\n# TYPE crier_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| {
                // The backslash first, or the others' escapes would be escaped again.
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{label}=\"{value}\"")
            })
            .collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "crier_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// Returns all metrics.
fn text(status: &ApplianceStatus) -> String {
    let mut page = Page(String::new());
    page.family("build_info", "gauge", "Version of the program.");
    page.sample("build_info", &[("version", &status.version)], 1.0);
    page.one("uptime_seconds", "gauge", "Time since the start.", status.state.uptime_s as f64);
    page.family("announcements_total", "counter", "Announcements by event.");
    // One family with a label instead of a family per event, so that a sum over all events is one query.
    for (event, count) in &status.events {
        page.sample("announcements_total", &[("event", event)], *count as f64);
    }
    page.one(
        "queue_announcements",
        "gauge",
        "Announcements that have not ended yet.",
        status.state.queued as f64,
    );
    page.one("journal_bytes", "gauge", "Length of the journal.", status.journal_bytes as f64);
    if let Some(factor) = status.state.real_time_factor {
        let help = "Computing time per second of speech, over the latest announcements.";
        page.one("real_time_factor", "gauge", help, f64::from(factor));
    }
    if let Some(first_ms) = status.first_audio_ms {
        let help = "Time from the turn of the last announcement to its first audio.";
        page.one("first_audio_seconds", "gauge", help, first_ms / 1e3);
    }
    page.one(
        "cached_announcements_total",
        "counter",
        "Announcements that were rendered ahead.",
        status.cached as f64,
    );
    page.one("underruns_total", "counter", "Underruns of the sound device.", status.underruns as f64);
    let open = f64::from(u8::from(status.device_open));
    page.one("sound_device_open", "gauge", "1 if the sound device is open.", open);
    stages(&mut page, status);
    page.family("input_up", "gauge", "1 if an input works.");
    for (input, entry) in &status.inputs {
        page.sample("input_up", &[("input", input)], f64::from(u8::from(entry.up)));
    }
    page.family("input_refused_total", "counter", "Messages of an input that are not spoken, by reason.");
    for (input, entry) in &status.inputs {
        for reason in LossReason::ALL {
            // Zeros as well: `increase()` does not see the first loss if the series begins with it.
            let count = entry.losses.get(reason.name()).copied().unwrap_or(0);
            page.sample("input_refused_total", &[("input", input), ("reason", reason.name())], count as f64);
        }
    }
    if let Some(celsius) = status.state.soc_celsius {
        page.one(
            "soc_temperature_celsius",
            "gauge",
            "Temperature of the hottest sensor.",
            f64::from(celsius),
        );
    }
    page.0
}

/// Adds the metrics of the stages.
fn stages(page: &mut Page, status: &ApplianceStatus) {
    page.family("stage_restarts_total", "counter", "Restarts of a stage.");
    for stage in &status.stages {
        page.sample("stage_restarts_total", &[("stage", &stage.name)], stage.restarts as f64);
    }
    page.family("stage_up", "gauge", "1 if a stage is running.");
    for stage in &status.stages {
        let up = f64::from(u8::from(stage.condition == "running"));
        page.sample("stage_up", &[("stage", &stage.name)], up);
    }
    page.family("stage_step_seconds", "gauge", "Mean time of a unit of work of a stage.");
    for stage in &status.stages {
        if let Some(ms) = stage.ms {
            page.sample("stage_step_seconds", &[("stage", &stage.name)], ms / 1e3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = Page(String::new());
        page.sample("x", &[("input", "a\"b\\c\nd")], 2.0);
        assert_eq!(page.0, "crier_x{input=\"a\\\"b\\\\c\\nd\"} 2\n");
    }
}
