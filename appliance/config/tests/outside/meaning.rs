//! Meaning of valid files.

use std::path::PathBuf;

use crier_announce::Priority;
use crier_config::{
    ButtonAction, Config, ConfigError, DataBits, DialectName, FILE_BYTES_MAX, FlowControl, MixerSetting,
    MqttVersion, Mute, OutputSetting, Parity, StopBits, TextEncoding, TextModeSetting, Tls, VoiceBundle,
};

use crate::{repository, valid, warnings};

#[test]
fn an_empty_file_is_the_default() {
    let config = valid("");
    assert_eq!(config, Config::default());
    assert_eq!(config.control.socket, PathBuf::from("/run/crier/control"));
    assert_eq!(config.queue.limits(), crier_announce::QueueLimits::default());
}

#[test]
fn profiles_are_valid_and_say_what_they_are_for() {
    let read =
        |name: &str| Config::read(&repository(name)).map(|(config, warnings)| (config, warnings.len()));
    let (board, warnings) = read("configs/cm3588.toml").unwrap();
    assert_eq!(warnings, 0);
    assert_eq!(board.serial[0].device, PathBuf::from("/dev/ttyS6"));
    assert_eq!(board.serial[0].baud, 115_200);
    assert!(
        matches!(&board.player.output, OutputSetting::Alsa { device } if device.contains("CARD=realtekrt5616co"))
    );
    let keys: Vec<_> = board.button.iter().map(|button| button.key.as_str()).collect();
    assert_eq!(keys, ["KEY_VENDOR", "BTN_1"]);
    assert_eq!(board.watchdog.device, Some("/dev/watchdog".into()));

    let (machine, warnings) = read("configs/qemu.toml").unwrap();
    assert_eq!(warnings, 0);
    assert_eq!(machine.serial[0].device, PathBuf::from("/dev/ttyS0"));
    assert_eq!(machine.watchdog.device, Some("/dev/watchdog".into()));

    let (desktop, warnings) = read("configs/desktop.toml").unwrap();
    assert_eq!(warnings, 0);
    assert_eq!(desktop.appliance.state_dir, PathBuf::from("target/crier/state"));
    assert_eq!(desktop.fifo[0].path, PathBuf::from("target/crier/run/say"));
    assert_eq!(desktop.watchdog.device, None);
}

#[test]
fn every_kind_of_value_arrives() {
    let config = valid(
        r#"
        [player]
        output = "wav"
        wav_file = "{state_dir}/out.wav"
        mixer = "Headphone"
        [cpu]
        talker_threads = 4
        talker_processors = [7, 6, 4, 5]
        [[serial]]
        device = "/dev/ttyUSB0"
        dialect = "xfs5152"
        format = "8e2"
        flow_control = "rtscts"
        [[serial]]
        device = "/dev/ttyUSB1"
        encoding = "gbk"
        priority = "important"
        [[fifo]]
        mode = "660"
        group = "dialout"
        [mqtt]
        host = "broker"
        tls = true
        version = 3
        [[button]]
        key = "BTN_1"
        press = { wav = "bell.wav", priority = "notification" }
        double_press = { volume = -5 }
        long_press = { mute = "toggle" }
        [metrics]
        socket = "none"
        [supervisor]
        readiness_fd = 3
        "#,
    );
    assert_eq!(config.player.output, OutputSetting::Wav { file: "/var/lib/crier/out.wav".into() });
    assert_eq!(config.player.mixer, MixerSetting::Element("Headphone".into()));
    assert_eq!(config.cpu.talker_processors, Some(vec![4, 5, 6, 7]));
    assert_eq!(config.cpu.vocoder_processors, None);
    let format = config.serial[0].format;
    assert_eq!(
        (format.data_bits, format.parity, format.stop_bits),
        (DataBits::Eight, Parity::Even, StopBits::Two)
    );
    assert_eq!(format.to_string(), "8E2");
    assert_eq!(
        (config.serial[0].dialect, config.serial[0].flow_control),
        (DialectName::Xfs5152, FlowControl::RtsCts)
    );
    assert_eq!(
        (config.serial[1].encoding, config.serial[1].priority),
        (TextEncoding::Gbk, Priority::Important)
    );
    assert_eq!((config.fifo[0].mode, config.fifo[0].group.as_deref()), (0o660, Some("dialout")));
    let mqtt = config.mqtt.unwrap();
    assert_eq!((mqtt.port, mqtt.version, mqtt.tls), (8883, MqttVersion::V3, Some(Tls::default())));
    let button = &config.button[0];
    assert_eq!(
        button.press,
        Some(ButtonAction::Wav { file: "bell.wav".into(), priority: Priority::Notification })
    );
    assert_eq!(button.double_press, Some(ButtonAction::Volume { step_percent: -5 }));
    assert_eq!(button.long_press, Some(ButtonAction::Mute(Mute::Toggle)));
    assert_eq!(config.metrics.socket, None);
    assert_eq!(config.supervisor.readiness_fd, Some(3));
}

#[test]
fn sockets_and_fifos_follow_the_run_folder() {
    let config = valid("[appliance]\nrun_dir = \"/tmp/r\"\n[[fifo]]\n");
    assert_eq!(config.control.socket, PathBuf::from("/tmp/r/control"));
    assert_eq!(config.metrics.socket, Some("/tmp/r/metrics".into()));
    assert_eq!(config.fifo[0].path, PathBuf::from("/tmp/r/say"));
}

#[test]
fn a_named_voice_takes_over_what_it_does_not_say() {
    let config = valid(
        r#"
        [voice]
        bundle = "/b"
        speaker = "anna"
        language = "german"
        text_mode = "whole"
        [voices.same]
        [voices.other_speaker]
        speaker = "bert"
        language = "auto"
        [voices.enrolled]
        file = "carl.voice"
        [voices.other_bundle]
        bundle = "default"
        seed = 7
        "#,
    );
    assert_eq!(config.voices["same"], config.voice);
    let other = &config.voices["other_speaker"];
    assert_eq!((other.speaker.as_deref(), &other.language), (Some("bert"), &None));
    assert_eq!(other.bundle, VoiceBundle::Folder("/b".into()));
    let enrolled = &config.voices["enrolled"];
    assert_eq!((&enrolled.speaker, &enrolled.file), (&None, &Some("carl.voice".into())));
    let bundle = &config.voices["other_bundle"];
    assert_eq!((&bundle.bundle, &bundle.speaker, bundle.seed), (&VoiceBundle::Embedded, &None, 7));
    assert_eq!(bundle.text_mode, TextModeSetting::Whole);
}

#[test]
fn an_unencrypted_connection_is_for_this_machine_or_on_purpose() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        let mqtt = valid(&format!("[mqtt]\nhost = \"{host}\"\n")).mqtt.unwrap();
        assert!(mqtt.is_local());
        assert_eq!((mqtt.port, mqtt.tls), (1883, None));
    }
    let mqtt = valid("[mqtt]\nhost = \"broker\"\ninsecure = true\n").mqtt.unwrap();
    assert!(mqtt.insecure && !mqtt.is_local());
}

#[test]
fn what_is_hardly_meant_is_told() {
    let password = "[mqtt]\nhost = \"b\"\ninsecure = true\nusername = \"u\"\npassword_file = \"/p\"\n";
    for (text, key, line) in [
        ("[appliance]\nstate_dir = \"/tmp/crier\"\n", "appliance.state_dir", 2),
        ("[player]\nvolume_percent = 0\n", "player.volume_percent", 2),
        ("[player]\nbuffer_ms = 20\nperiod_ms = 5\n", "player.buffer_ms", 2),
        ("[player]\nwav_file = \"x\"\n", "player.wav_file", 2),
        ("[player]\noutput = \"null\"\ndevice = \"x\"\n", "player.device", 3),
        ("[cpu]\ntalker_threads = 3\ntalker_processors = [4, 5]\n", "cpu.talker_threads", 2),
        ("[[serial]]\ndevice = \"d\"\nformat = \"7E1\"\n", "serial.format", 3),
        ("[[serial]]\ndevice = \"d\"\ndialect = \"syn6288\"\nencoding = \"gbk\"\n", "serial.encoding", 4),
        ("[[serial]]\ndevice = \"d\"\ndialect = \"emic2\"\nreplies = false\n", "serial.replies", 4),
        ("[[fifo]]\nmode = \"0622\"\n", "fifo.mode", 2),
        (password, "mqtt.password_file", 5),
        ("[mqtt]\nusername = \"u\"\n", "mqtt.username", 2),
        ("[mqtt]\nhost = \"b\"\ntls = true\nport = 1883\n", "mqtt.port", 4),
        ("[mqtt]\nhost = \"b\"\ntls = true\ninsecure = true\n", "mqtt.insecure", 4),
        ("[[button]]\nkey = \"KEY_VENDR\"\npress = \"stop\"\n", "button.key", 2),
        ("[watchdog]\ndevice = \"/dev/watchdog\"\ntimeout_s = 5\n", "watchdog.timeout_s", 3),
        ("[log]\nlevel = \"debug\"\n", "log.level", 2),
    ] {
        let found: Vec<_> = warnings(text).into_iter().map(|finding| (finding.key, finding.line)).collect();
        assert_eq!(found, [(key.to_owned(), line)], "{text}");
    }
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crier.toml");
    let refusal = || Config::read(&path).unwrap_err().remove(0);
    assert!(matches!(refusal(), ConfigError::Read { .. }));

    std::fs::write(&path, "# é\n".repeat(FILE_BYTES_MAX)).unwrap();
    assert!(matches!(refusal(), ConfigError::TooLong { limit: FILE_BYTES_MAX, .. }));

    std::fs::write(&path, b"[queue]\nentries_max = 5 # \xff\n").unwrap();
    let ConfigError::At(finding) = refusal() else { panic!("no place") };
    assert_eq!((finding.line, finding.column), (2, 19));
    assert!(finding.problem.contains("UTF-8"));
}

#[test]
fn spoken_texts_stay_out_of_debug_output() {
    let config = valid(
        "[supervisor]\nready_announcement = \"SECRET\"\n[[button]]\nkey = \"KEY_A\"\npress = { say = \"SECRET\" }\n",
    );
    let Some(ButtonAction::Say { text, .. }) = &config.button[0].press else { panic!("no text") };
    assert_eq!(text.as_str(), "SECRET");
    assert!(!format!("{config:?}").contains("SECRET"));
}

#[test]
fn a_configuration_can_be_handed_to_a_stage() {
    let (config, _) = Config::read(&repository("configs/cm3588.toml")).unwrap();
    let handed = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&handed).unwrap(), config);
}

#[test]
fn languages_are_read_by_every_name_and_kept_by_that_of_the_bundles() {
    for (written, language) in [
        ("english", Some("english")),
        ("EN", Some("english")),
        ("en-US", Some("english")),
        ("en_US.UTF-8", Some("english")),
        ("de-DE", Some("german")),
        ("zh-CN", Some("chinese")),
        ("beijing_dialect", Some("beijing_dialect")),
        ("auto", None),
        ("Auto", None),
    ] {
        let config = valid(&format!(
            "[voice]\nlanguage = \"{written}\"\n[[serial]]\ndevice = \"/dev/ttyS1\"\nlanguage = \"{written}\"\n\
             [[button]]\nkey = \"KEY_PROG1\"\npress = {{ say = \"x\", language = \"{written}\" }}\n"
        ));
        assert_eq!(config.voice.language.as_deref(), language, "{written}");
        assert_eq!(config.serial[0].language.as_deref(), language, "{written}");
        let Some(ButtonAction::Say { language: of_button, .. }) = &config.button[0].press else { panic!() };
        assert_eq!(of_button.as_deref(), language.or(Some("auto")), "{written}");
    }
}
