//! Messages that are not spoken: each is counted by input and reason, for people, programs and Prometheus.

use std::io::{Read, Write};

use serde_json::json;

use crate::rig::{Appliance, terminal};

/// One more than the longest line of text.
const TOO_LONG: usize = 100_001;

#[test]
fn losses_are_shown_by_input_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let (mut master, port, _slave) = terminal();
    let config = format!(
        "[queue]\nentries_max = 1\n[[fifo]]\npath = \"{}\"\nmode = \"0600\"\nmax_per_minute = 1\n\
         [[serial]]\ndevice = \"{}\"\nbaud = 115200\n",
        fifo.display(),
        port.display()
    );
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(2);
    appliance.ask(&["pause"]);

    let mut lines = "x".repeat(TOO_LONG).into_bytes();
    lines.extend_from_slice(b"\n\xff\xfe\n{\"text\":\n!dance\nOne.\nTwo.\nThree.\n");
    std::fs::write(&fifo, lines).unwrap();
    let fifo = format!("fifo:{}", fifo.display());
    let expected = json!({"too_long": 1, "encoding": 1, "invalid": 2, "rate_limited": 2});
    appliance.wait("counted", |status| status["inputs"][&fifo]["losses"] == expected);

    // The line of the FIFO is the one that the queue has room for.
    master.write_all(b"Four.\r\nFive.\r\n{\"text\":\"Six.\",\"voice\":\"nobody\"}\r\n").unwrap();
    let serial = format!("serial:{}", port.display());
    let expected = json!({"queue_full": 2, "rejected": 1});
    let status = appliance.wait("counted", |status| status["inputs"][&serial]["losses"] == expected);
    assert_eq!(
        (&status["inputs"][&fifo]["refused"], &status["inputs"][&serial]["refused"]),
        (&6.into(), &3.into())
    );

    let table = appliance.ask(&["status"]);
    assert!(table.contains("6 refused (encoding 1, invalid 2, rate_limited 2, too_long 1)"), "{table}");
    assert!(table.contains("3 refused (queue_full 2, rejected 1)"), "{table}");
    let mut metrics = String::new();
    let mut socket = std::os::unix::net::UnixStream::connect(appliance.path("run/metrics")).unwrap();
    socket.read_to_string(&mut metrics).unwrap();
    for (input, reason, count) in
        [(&fifo, "rate_limited", 2), (&serial, "queue_full", 2), (&serial, "expired", 0)]
    {
        let line = format!("crier_input_refused_total{{input=\"{input}\",reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} is missing in {metrics}");
    }
}

#[test]
fn losses_are_kept_when_the_intake_is_replaced() {
    let (mut master, port, _slave) = terminal();
    let mut appliance = Appliance::start(&format!("[[serial]]\ndevice = \"{}\"\n", port.display()));
    let input = format!("serial:{}", port.display());
    for count in 1..=2 {
        appliance.wait_for_inputs(1);
        master.write_all(b"!dance\r\n").unwrap();
        appliance.wait("counted", |status| status["inputs"][&input]["losses"]["invalid"] == count);
        appliance.signal("intake", nix::sys::signal::Signal::SIGKILL);
        appliance.wait("replaced", |status| status["state"]["restarts"] == count);
    }
}

#[test]
fn texts_that_wait_are_counted_when_the_intake_ends() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let config =
        format!("[queue]\nentries_max = 2\n[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n", fifo.display());
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(1);
    appliance.ask(&["pause"]);
    let input = format!("fifo:{}", fifo.display());
    let lines: String = (0..6).map(|number| format!("Line {number}.\n")).collect();
    std::fs::write(&fifo, &lines).unwrap();
    let status = appliance.wait("full", |status| status["inputs"][&input]["waiting"] == 4);
    assert_eq!(status["inputs"][&input]["losses"], json!({}));
    assert!(appliance.ask(&["status"]).contains("4 waiting"));

    appliance.signal("intake", nix::sys::signal::Signal::SIGKILL);
    appliance.wait("counted", |status| {
        let entry = &status["inputs"][&input];
        entry["losses"]["interrupted"] == 4 && entry["waiting"] == 0 && entry["up"] == true
    });
    // The same by an operator.
    std::fs::write(&fifo, &lines).unwrap();
    appliance.wait("full", |status| status["inputs"][&input]["waiting"] == 6);
    appliance.ask(&["hold", "intake"]);
    appliance.wait("counted", |status| status["inputs"][&input]["losses"]["interrupted"] == 10);
    assert!(appliance.log().contains("reason=interrupted count=6"), "{}", appliance.log());
}
