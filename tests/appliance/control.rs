//! The control plane under load and from other users: nobody is locked out, and nobody gets in who may not.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::rig::{Appliance, SENTENCE};

fn wait_for(appliance: &Appliance, arguments: &[&str]) -> Child {
    let mut command = appliance.ctl();
    command.args(["say", "--wait"]).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn clients_that_wait_lock_nobody_out_and_are_forgotten_when_they_leave() {
    let mut appliance = Appliance::start("[queue]\nentries_max = 200\n");
    appliance.ask(&["pause"]);
    let mut waiting: Vec<Child> =
        (0..40).map(|number| wait_for(&appliance, &[&format!("Number {number}.")])).collect();
    appliance.wait("queued", |status| status["state"]["queued"] == 40);
    for client in &mut waiting {
        kill(Pid::from_raw(i32::try_from(client.id()).unwrap()), Signal::SIGKILL).unwrap();
        client.wait().unwrap();
    }
    // Their places are free again, more of them than there are in all.
    let waiting: Vec<Child> =
        (0..40).map(|number| wait_for(&appliance, &[&format!("Again {number}.")])).collect();
    appliance.wait("queued", |status| status["state"]["queued"] == 80);
    appliance.ask(&["stop", "--all"]);
    for mut client in waiting {
        assert!(!client.wait().unwrap().success(), "what was cancelled was not spoken");
    }
    assert_eq!(appliance.status()["state"]["queued"], 0);
}

#[test]
fn announcement_is_cancelled_with_its_client_only_if_that_was_asked_for() {
    let mut appliance = Appliance::start("");
    appliance.ask(&["pause"]);
    let mut stays = wait_for(&appliance, &[SENTENCE]);
    let mut leaves = wait_for(&appliance, &["--cancel-on-exit", "This one goes."]);
    appliance.wait("queued", |status| status["state"]["queued"] == 2);
    for client in [&mut stays, &mut leaves] {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    appliance.wait("cancelled", |status| status["state"]["queued"] == 1);
    appliance.ask(&["resume"]);
    appliance.wait_for("finished", 1);
    assert_eq!((appliance.count("cancelled"), appliance.count("finished")), (1, 1));
}

#[test]
fn client_that_has_only_stopped_sending_still_gets_the_events() {
    let appliance = Appliance::start("");
    let address = format!("UNIX-CONNECT:{}", appliance.path("run/control").display());
    let mut command = std::process::Command::new("socat");
    let mut client = command
        .args(["-t", "60", "-", &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request =
        format!("{{\"version\":1,\"verb\":\"say\",\"draft\":{{\"text\":\"{SENTENCE}\"}},\"wait\":true}}\n");
    // The pipe ends with this statement, and with it the sending half of the connection.
    Write::write_all(&mut client.stdin.take().unwrap(), request.as_bytes()).unwrap();
    let output = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("accepted") && output.contains("finished"), "{output}");
}

#[test]
fn group_of_the_configuration_may_control_the_appliance_as_a_supplementary_group_too() {
    assert!(geteuid().is_root(), "run the tests as root: they change to other users");
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let appliance = Appliance::start_in(folder, "[control]\ngroup = \"audio\"\n");
    let socket = appliance.path("run/control");
    let metadata = socket.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    let status_as = |groups: &str| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", groups]);
        // The program itself may lie in a folder that other users may not enter.
        command.args(["socat", "-", &format!("UNIX-CONNECT:{}", socket.display())]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Write::write_all(&mut child.stdin.take().unwrap(), b"{\"version\":1,\"verb\":\"status\"}\n").unwrap();
        child.wait_with_output().unwrap()
    };
    let member = status_as(&format!("--groups={}", metadata.gid()));
    let answer = String::from_utf8_lossy(&member.stdout).into_owned();
    assert!(answer.contains("\"cpu_plan\""), "{answer} {}", String::from_utf8_lossy(&member.stderr));
    let stranger = status_as("--clear-groups");
    assert!(stranger.stdout.is_empty() && !stranger.status.success(), "a stranger gets no answer");
}

/// Sends these bytes as a program would that knows only `docs/CONTROL.md`; returns the lines of the answer.
fn exchange(appliance: &Appliance, bytes: &[u8], half_close: bool) -> Vec<serde_json::Value> {
    let mut stream = UnixStream::connect(appliance.path("run/control")).unwrap();
    stream.set_read_timeout(Some(crate::rig::PATIENCE)).unwrap();
    // The server may refuse and close before it has read all of a request that is too long.
    let _ = stream.write_all(bytes);
    if half_close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..read]);
    }
    let lines = answer.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn raw_client_gets_an_answer_to_whatever_it_sends() {
    let appliance = Appliance::start("");
    let one = |bytes: &[u8], half_close| {
        let mut lines = exchange(&appliance, bytes, half_close);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["version"], 1);
        lines.remove(0)
    };
    let hello = one(b"{\"version\":7,\"verb\":\"hello\"}\n", false);
    assert_eq!(hello["hello"]["versions"], serde_json::json!([1]));
    let code = |bytes: &[u8]| one(bytes, false)["error"]["code"].as_str().unwrap().to_owned();
    for garbage in [&b"GET / HTTP/1.1\r\n"[..], b"\xff\xfe\n", b"\n", b"[]\n", b"{\"verb\":\"status\"}\n"] {
        assert_eq!(code(garbage), "malformed");
    }
    assert_eq!(code(b"{\"version\":2,\"verb\":\"status\"}\n"), "version");
    let unknown = one(b"{\"version\":1,\"verb\":\"dance\"}\n", false);
    assert_eq!(unknown["error"]["code"], "unknown_verb");
    assert!(unknown["error"]["verbs"].as_array().unwrap().contains(&"history".into()));
    assert_eq!(code(b"{\"version\":1,\"verb\":\"status\",\"loud\":true}\n"), "invalid");
    assert_eq!(code(b"{\"version\":1,\"verb\":\"hold\",\"stage\":\"nothing\"}\n"), "not_found");
    assert_eq!(code(&vec![b' '; 1 << 20]), "too_long");
    // The end of the sending half ends the request, too.
    let status = one(b"{\"version\":1,\"verb\":\"status\"}", true);
    assert_eq!(status["status"]["id"], "test");
    assert!(exchange(&appliance, b"", true).is_empty(), "nothing was asked");
    let begin = std::time::Instant::now();
    assert_eq!(code(b"{\"version\":1,"), "timeout");
    assert!(begin.elapsed().as_secs() < 30);
    let said = exchange(
        &appliance,
        b"{\"version\":1,\"verb\":\"say\",\"draft\":{\"text\":\"Hello.\"},\"wait\":true}\n",
        false,
    );
    assert!(said[0]["answer"]["accepted"]["durable"] == true, "{said:?}");
    assert_eq!(said.last().unwrap()["event"]["event"], "finished");
}

#[test]
fn history_lists_outcomes_newest_first_without_text() {
    let mut appliance = Appliance::start("");
    assert_eq!(appliance.ask(&["history"]), "No announcement has ended since the start.\n");
    appliance.ask(&["say", "--wait", "--id", "first", SENTENCE]);
    appliance.ask(&["pause"]);
    appliance.ask(&["say", "--id", "second", "--priority", "message", "Never heard."]);
    appliance.ask(&["stop", "--all"]);
    appliance.wait_for("cancelled", 1);
    assert!(!appliance.try_ask(&["say", "--id", "third", "--voice", "nobody", "Hello."]).status.success());
    let text = appliance.ask(&["history", "--json"]);
    assert!(!text.contains("door") && !text.contains("heard"), "{text}");
    let history: serde_json::Value = serde_json::from_str(&text).unwrap();
    let outcomes: Vec<(&str, &str)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["id"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(outcomes, [("third", "refused"), ("second", "cancelled"), ("first", "finished")]);
    assert!(history[2]["spoken_ms"].as_u64().unwrap() > 0 && history[2]["waited_ms"].is_u64(), "{history}");
    let table = appliance.ask(&["history"]);
    assert!(table.contains("cancelled: stopped") && table.contains("refused: "), "{table}");
}

/// Arguments of a call of each verb.
const CALLS: [&[&str]; 16] = [
    &["status"],
    &["queue"],
    &["history"],
    &["voices"],
    &["devices"],
    &["say", "--wait", "Hello."],
    &["stop"],
    &["pause"],
    &["resume"],
    &["repeat"],
    &["volume", "50"],
    &["mute"],
    &["unmute"],
    &["voice", "default"],
    &["hold", "vocoder"],
    &["release", "vocoder"],
];

#[test]
fn every_verb_of_the_help_is_called_and_succeeds() {
    let mut appliance = Appliance::start("");
    let help = appliance.ask(&["--help"]);
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut offered: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    offered.retain(|verb| *verb != "help");
    let called: Vec<&str> = CALLS.iter().map(|call| call[0]).collect();
    let sorted = |mut verbs: Vec<&str>| {
        verbs.sort_unstable();
        verbs.join(" ")
    };
    assert_eq!(sorted(offered), sorted(called), "add a call of the new verb");
    for call in CALLS {
        // A list of sound devices needs a sound card's library configuration, which a test machine may lack.
        if call[0] == "devices" {
            let output = appliance.try_ask(call);
            assert!(matches!(output.status.code(), Some(0 | 69)), "{output:?}");
            continue;
        }
        let text = appliance.ask(call);
        if matches!(call[0], "status" | "queue" | "history" | "voices") {
            let json = appliance.ask(&[call, &["--json"]].concat());
            assert!(
                !text.is_empty() && serde_json::from_str::<serde_json::Value>(&json).is_ok(),
                "{call:?}: {json}"
            );
        }
    }
    let state = appliance.status()["state"].clone();
    assert_eq!((&state["volume_percent"], &state["muted"]), (&50.into(), &false.into()));
    appliance.stage("vocoder");
}

#[test]
fn volume_takes_steps_as_inputs_do() {
    let appliance = Appliance::start("");
    let volume = || appliance.status()["state"]["volume_percent"].as_u64();
    for (argument, percent) in [("80", 80), ("+5", 85), ("-10", 75), ("+100", 100), ("0", 0)] {
        appliance.ask(&["volume", argument]);
        assert_eq!(volume(), Some(percent), "{argument}");
    }
    for wrong in ["101", "+101", "5%", "", "loud"] {
        assert_eq!(appliance.try_ask(&["volume", wrong]).status.code(), Some(64), "{wrong}");
    }
}

#[test]
fn shown_text_is_that_of_the_voice_and_nothing_is_spoken() {
    let mut appliance = Appliance::start("[log]\nlevel = \"info\"\n");
    let text = appliance.ask(&["say", "--show-text", "It is 5 °C. 你好"]);
    for part in ["language  english", "spoken    it is five degrees", "sounds    ", "left out  你好"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = appliance.ask(&["say", "--show-text", "It is 5 °C.", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&shown["language"], &shown["voice"]), (&"english".into(), &"embedded".into()));
    assert_eq!(shown["sentences"][0]["written"], "It is 5 °C.");
    let refused = appliance.try_ask(&["say", "--show-text", "--language", "de", "Hallo."]);
    assert_eq!(refused.status.code(), Some(65), "{refused:?}");
    assert!(appliance.heard().is_empty() && appliance.count("accepted") == 0);

    // What is left out is told, without the text.
    appliance.ask(&["say", "--wait", "Hello there 你好"]);
    appliance.wait_log("cannot read all characters of the text", 1);
    assert!(!appliance.log().contains("ello"), "{}", appliance.log());
}

#[test]
fn log_at_debug_shows_the_text_that_is_spoken() {
    let mut appliance = Appliance::start("[log]\nlevel = \"debug\"\n");
    appliance.say("It is 5 °C.");
    appliance.wait_log("text to be spoken", 1);
    assert!(appliance.log().contains("spoken=\"it is five degrees"), "{}", appliance.log());
}

#[test]
fn volume_steps_in_a_row_are_not_written_one_by_one_and_the_last_one_survives_a_restart() {
    let appliance = Appliance::start("");
    let file = appliance.path("state/state.json");
    appliance.ask(&["volume", "50"]);
    let begin = std::time::Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < crate::rig::PATIENCE, "the volume is never written");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Each write is a new file.
    let inode = || file.metadata().unwrap().ino();
    let (mut latest, mut writes, begin) = (inode(), 0, std::time::Instant::now());
    for percent in 51..82 {
        appliance.ask(&["volume", &percent.to_string()]);
        writes += u64::from(std::mem::replace(&mut latest, inode()) != latest);
    }
    // None at all on a machine that runs `crier ctl` without pauses; a pause of a second may be taken for the end.
    assert!(writes <= begin.elapsed().as_secs(), "{writes} writes in {:?}", begin.elapsed());
    let (code, folder) = appliance.terminate();
    assert_eq!(code, Some(0));
    let appliance = Appliance::start_in(folder, "");
    assert_eq!(appliance.status()["state"]["volume_percent"], 81);
}
