//! The embedded voice really says what it is told: its sound is laid beside the teacher's, window by window.

use crate::rig::{Appliance, assert_same, crier, reference, said};

/// Texts and the teacher's level in twelve bands every 20 ms, in dB (`voices/recipe/reference.py`).
const TEACHER: &str = include_str!("teacher.tsv");
const WINDOW: usize = 480;
const BANDS: usize = 12;
const FLOOR_DB: f64 = -60.0;

/// Levels as `reference.py` has them.
fn bands_db(samples: &[i16]) -> Vec<f64> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let (lowest, highest) = (mel(100.0), mel(8_000.0));
    let turn = |index: usize| 2.0 * std::f64::consts::PI * index as f64 / WINDOW as f64;
    let (sine, cosine): (Vec<f64>, Vec<f64>) = (0..WINDOW).map(|index| turn(index).sin_cos()).unzip();
    samples
        .chunks_exact(WINDOW)
        .flat_map(|window| {
            let mut power = [0.0; BANDS];
            for bin in 1..WINDOW / 2 {
                let band = (mel(bin as f64 * 50.0) - lowest) / (highest - lowest) * BANDS as f64;
                if !(0.0..BANDS as f64).contains(&band) {
                    continue;
                }
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (index, &sample) in window.iter().enumerate() {
                    let value = f64::from(sample) / 32_768.0 * (0.5 - 0.5 * cosine[index]) / WINDOW as f64;
                    real += value * cosine[bin * index % WINDOW];
                    imaginary += value * sine[bin * index % WINDOW];
                }
                power[band as usize] += real * real + imaginary * imaginary;
            }
            power.map(|power| (10.0 * (power + 1e-12).log10()).max(FLOOR_DB))
        })
        .collect()
}

/// Pearson's correlation of two sounds over the part they share.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / length as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = |x: &[f64], y: &[f64], mx: f64, my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, b, mean_a, mean_b) / (product(a, a, mean_a, mean_a) * product(b, b, mean_b, mean_b)).sqrt()
}

#[test]
fn each_speaker_of_the_embedded_voice_says_what_its_teacher_said() {
    let sentences: Vec<(&str, &str, Vec<f64>)> = TEACHER
        .lines()
        .map(|line| {
            let [speaker, text, levels] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            (speaker, text, levels.split(' ').map(|level| level.parse().unwrap()).collect())
        })
        .collect();
    let windows = |levels: &[f64]| levels.len() / BANDS;
    for (speaker, text, teacher) in &sentences {
        let own_levels = bands_db(&said(&["--loudness", "off", "--speaker", speaker, text]));
        assert_eq!(windows(&own_levels), windows(teacher), "{text}: as long as the teacher's, to the frame");
        let own = likeness(&own_levels, teacher);
        eprintln!("{own:.3} {speaker}: {text}");
        assert!(own > 0.85, "{speaker}: {text}: likeness {own:.3}");
        for (other_speaker, other, levels) in &sentences {
            let unlike = likeness(&own_levels, levels);
            if other != text {
                assert!(unlike < own - 0.2, "{speaker}: {text} is as much like '{other}': {unlike:.3}");
            } else if other_speaker != speaker {
                assert!(unlike < own - 0.03, "{speaker} sounds like {other_speaker}: {unlike:.3}");
            }
        }
    }
}

#[test]
fn the_embedded_voice_speaks_as_heart_when_nobody_else_is_asked_for() {
    let text = "Who is speaking?";
    assert_same(&reference(text), &said(&["--speaker", "heart", text]), "the first speaker");
    assert_ne!(reference(text), said(&["--speaker", "Fenrir", text]), "the second");
}

#[test]
fn a_message_chooses_who_speaks() {
    let text = "The kettle is boiling.";
    let mut appliance = Appliance::start("");
    for speaker in ["fenrir", "heart"] {
        appliance.ask(&["say", "--wait", "--speaker", speaker, text]);
        assert_same(&appliance.heard(), &said(&["--speaker", speaker, text]), speaker);
    }
    let refused = appliance.try_ask(&["say", "--wait", "--speaker", "nobody", text]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("heart, fenrir"), "it says who there is");
}

#[test]
fn the_embedded_voice_is_measured() {
    let output = crier().args(["bench", "--frames", "8", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(figures.is_object(), "{figures}");
}

#[test]
fn the_real_time_factor_counts_work_and_not_waiting_for_the_playback_position() {
    // At the pace of a sound card: a stream may be 20 s ahead of the playback position, then its production waits.
    let folder = tempfile::tempdir().unwrap();
    let config =
        format!("[player]\noutput = \"wav\"\nwav_file = \"{}\"\n", folder.path().join("heard.wav").display());
    let appliance = Appliance::start_in(folder, &config);
    let factor = |appliance: &Appliance| appliance.status()["state"]["real_time_factor"].as_f64().unwrap();
    appliance.ask(&["say", "--wait", crate::rig::SENTENCE]);
    let short = factor(&appliance);
    let long = format!("{} ", crate::rig::SENTENCE).repeat(10);
    appliance.ask(&["say", "--wait", &long]);
    // A moving average, of which the long announcement is a fifth: undo that to see it alone.
    let alone = (factor(&appliance) - 0.8 * short) / 0.2;
    assert!(alone < 2.0 * short.max(0.02), "{alone:.3} after {short:.3} for a short announcement");
}

/// Writes a chime of so many seconds.
fn write_chime(path: &std::path::Path, seconds: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..24_000 * seconds {
        writer.write_sample(((f64::from(n) * 0.2).sin() * 5_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn a_chime_that_cannot_be_played_never_swallows_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let chimes = folder.path().join("chimes");
    write_chime(&chimes.join("gong.wav"), 1);
    std::fs::write(chimes.join("noise.wav"), b"RIFF, or so it says").unwrap();
    let config = format!("[player]\nchimes_dir = \"{}\"\n", chimes.display());
    let mut appliance = Appliance::start_in(folder, &config);
    let text = "The kettle is boiling.";
    let expected = reference(text);
    for chime in ["nowhere", "noise"] {
        appliance.ask(&["say", "--wait", "--chime", chime, text]);
        assert_same(&appliance.heard(), &expected, "the text without the chime");
        let problems = appliance.status()["state"]["problems"].to_string();
        assert!(problems.contains("chime") && problems.contains(chime), "{problems}");
        assert!(appliance.log().contains(chime), "{}", appliance.log());
        // An announcement that is nothing but the chime fails, with the reason.
        let output = appliance.try_ask(&["say", "--wait", "--chime", chime]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(chime), "{error}");
    }
    // One that can be played is heard before the text, and takes the problem back.
    appliance.ask(&["say", "--wait", "--chime", "gong", text]);
    let heard = appliance.heard();
    assert!(heard.len() > expected.len() + 20_000, "{} samples", heard.len());
    assert_eq!(appliance.status()["state"]["problems"].as_array().map(Vec::len), Some(0));
}

#[test]
fn stages_keep_their_names_over_a_reload() {
    let mut appliance = Appliance::start("");
    let names = |appliance: &Appliance| {
        let status = appliance.status();
        let stages = status["stages"].as_array().cloned().unwrap_or_default();
        stages.iter().map(|stage| stage["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = names(&appliance);
    assert_eq!(before[..3], ["embedded/talker", "embedded/predictor", "embedded/vocoder"]);
    // Other threads: every engine is replaced, and none is renamed.
    crate::rig::write_config(appliance.folder(), "[cpu]\nvocoder_threads = 2\ntalker_threads = 2\n");
    nix::sys::signal::kill(appliance.pid(), nix::sys::signal::Signal::SIGHUP).unwrap();
    appliance.wait("taken over", |status| {
        let stages = status["stages"].as_array().cloned().unwrap_or_default();
        let engines = stages.iter().take(3);
        engines.clone().all(|stage| stage["restarts"].as_u64() == Some(1) && stage["condition"] == "running")
    });
    assert_eq!(names(&appliance), before);
    let text = "The kettle is boiling.";
    assert_same(&appliance.say(text), &said(&["--threads", "2", text]), "after the reload");
}
