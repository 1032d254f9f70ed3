//! Serial ports of the running program: whose announcements a stop cancels, and lines that come faster than speech.

use std::io::{Read, Write};

use serde_json::Value;

use crate::rig::{Appliance, terminal};

/// Frame of the SYN6288 that speaks a text in GB2312, which ASCII is.
fn syn6288(text: &str) -> Vec<u8> {
    // The length counts command, parameter, text and checksum.
    let mut frame = vec![0xfd, 0, u8::try_from(text.len() + 3).unwrap(), 1, 0];
    frame.extend_from_slice(text.as_bytes());
    frame.push(frame.iter().fold(0, |sum, byte| sum ^ byte));
    frame
}

/// The same frame of the XFS5152, which has no checksum.
fn xfs5152(text: &str) -> Vec<u8> {
    let mut frame = vec![0xfd, 0, u8::try_from(text.len() + 2).unwrap(), 1, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

fn sources(queue: &str) -> Vec<String> {
    let entries: Vec<Value> = serde_json::from_str(queue).unwrap();
    entries.iter().map(|entry| entry["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stop_of_a_chip_protocol_cancels_the_announcements_of_its_own_port_only() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let chips = [
        ("emic2", b"SFirst.\nSSecond.\n".to_vec(), &b"X"[..]),
        ("syn6288", [syn6288("First."), syn6288("Second.")].concat(), &[0xfd, 0, 2, 2, 0xfd]),
        ("xfs5152", [xfs5152("First."), xfs5152("Second.")].concat(), &[0xfd, 0, 1, 2]),
        ("dectalk", b"First.\rSecond.\r".to_vec(), &[3]),
    ];
    let terminals = chips.each_ref().map(|_| terminal());
    let mut config = format!("[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n", fifo.display());
    for ((protocol, _, _), (_, port, _)) in chips.iter().zip(&terminals) {
        config += &format!("[[serial]]\ndevice = \"{}\"\ndialect = \"{protocol}\"\n", port.display());
    }
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(5);
    appliance.ask(&["pause"]);
    std::fs::write(&fifo, "This is an alarm.\n").unwrap();
    for ((_, texts, _), (master, _, _)) in chips.iter().zip(&terminals) {
        let mut master = master;
        master.write_all(texts).unwrap();
    }
    appliance.wait("queued", |status| status["state"]["queued"] == 9);
    for (at, ((protocol, _, stop), (master, port, _))) in chips.iter().zip(&terminals).enumerate() {
        let mut master = master;
        master.write_all(stop).unwrap();
        let left = 9 - 2 * (at + 1);
        appliance.wait("stopped", |status| status["state"]["queued"].as_u64() <= Some(left as u64));
        let sources = sources(&appliance.ask(&["queue", "--json"]));
        let own = format!("serial:{}", port.display());
        assert!(!sources.contains(&own) && sources.len() == left, "{protocol}: {sources:?}");
    }
    appliance.ask(&["resume"]);
    appliance.wait_for("finished", 1);
    assert_eq!((appliance.count("cancelled"), appliance.count("finished")), (8, 1), "the alarm is spoken");
}

#[test]
fn lines_without_replies_wait_while_the_queue_is_full_and_are_spoken_in_order() {
    const LINES: usize = 30;
    let (mut master, port, _slave) = terminal();
    let config = format!(
        "[queue]\nentries_max = 3\n[[serial]]\ndevice = \"{}\"\nbaud = 115200\nreplies = false\n",
        port.display()
    );
    let mut appliance = Appliance::start(&config);
    appliance.wait_for_inputs(1);
    let lines: String = (0..LINES).map(|at| format!("{{\"id\":\"n{at}\",\"text\":\"Yes.\"}}\r\n")).collect();
    master.write_all(lines.as_bytes()).unwrap();
    appliance.wait_for("finished", LINES as u64);
    let history: Vec<Value> = serde_json::from_str(&appliance.ask(&["history", "--json"])).unwrap();
    let spoken: Vec<&str> = history.iter().rev().map(|entry| entry["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..LINES).map(|at| format!("n{at}")).collect();
    assert_eq!(spoken, expected);
    let status = appliance.status();
    assert_eq!(status["inputs"][format!("serial:{}", port.display())]["refused"], 0, "{status:#}");
}

#[test]
fn line_with_replies_is_answered_busy_while_the_queue_is_full() {
    let (mut master, port, _slave) = terminal();
    let config = format!("[queue]\nentries_max = 2\n[[serial]]\ndevice = \"{}\"\n", port.display());
    let mut appliance = Appliance::start(&config);
    appliance.wait_for_inputs(1);
    appliance.ask(&["pause"]);
    master.write_all(&b"Yes.\r\n".repeat(5)).unwrap();
    let mut replies = String::new();
    let mut block = [0; 256];
    while replies.lines().count() < 5 || !replies.ends_with('\n') {
        let count = master.read(&mut block).unwrap();
        replies.push_str(std::str::from_utf8(&block[..count]).unwrap());
    }
    assert_eq!(replies.matches("ok ").count(), 2, "{replies}");
    assert_eq!(replies.matches("busy").count(), 3, "{replies}");
    appliance.ask(&["resume"]);
    appliance.wait_for("finished", 2);
}
