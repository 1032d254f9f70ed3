//! `crier voice verify` and `crier voice info`: checks and describes bundles and voice files.

use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, MANIFEST_NAME, VoiceFile};
use crier_config::Config;
use crier_enrol::EnrolError;
use crier_playback::BundleFolders;
use serde_json::json;

use crate::error::CrierError;
use crate::report::{Align, Bars, human_bytes, print, print_json, rounded, table};
use crier_synthesis::is_voice_file;

/// Folders of the default voice, relative to that of the executable: installed, or in the source tree it was built in.
const DEFAULT_VOICE_PLACES: [&str; 3] =
    ["../share/crier/voices/default", "../../voices/default", "../../../voices/default"];
/// Folder of the default voice in the image.
const DEFAULT_VOICE_IMAGE: &str = "/usr/share/crier/voices/default";

/// Returns the folder of the given bundle, or that of the default voice.
pub(crate) fn locate(wanted: Option<&Path>) -> Result<PathBuf, CrierError> {
    if let Some(path) = wanted {
        return Ok(path.to_path_buf());
    }
    // The real path, since /usr/bin/crier may be a link into a folder that has the voices beside it.
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("."));
    let places = DEFAULT_VOICE_PLACES
        .iter()
        .map(|place| folder.join(place))
        .chain([PathBuf::from(DEFAULT_VOICE_IMAGE)]);
    let mut tried = Vec::new();
    for place in places {
        if place.join(MANIFEST_NAME).is_file() {
            return Ok(place.canonicalize().unwrap_or(place));
        }
        tried.push(place.display().to_string());
    }
    Err(CrierError::NoDefaultVoice { tried: tried.join(", ") })
}

/// Finds the bundles of a configuration.
pub(crate) fn bundle_folders(config: &Config) -> BundleFolders {
    BundleFolders::find(config, locate(None).ok())
}

pub(crate) fn verify(bundle: Option<&Path>, json: bool) -> Result<(), CrierError> {
    // Sizes are checked here, so that the hashes below never read beyond a truncated file.
    let bundle = Bundle::open(&locate(bundle)?)?;
    let mut bars = Bars::new();
    bars.begin("verifying", bundle.total_bytes());
    let result = bundle.verify(&mut |bytes| bars.step(bytes));
    // Before the error is printed: the bar would stay on its line.
    bars.end();
    result?;
    let (files, bytes) = (bundle.manifest().file.len(), bundle.total_bytes());
    if json {
        return print_json(&json!({ "bundle": bundle.folder(), "files": files, "bytes": bytes, "ok": true }));
    }
    print(&format!(
        "{}: {files} files, {}, all match their SHA-256\n",
        bundle.folder().display(),
        human_bytes(bytes)
    ))
}

pub(crate) fn info(bundle: Option<&Path>, json: bool) -> Result<(), CrierError> {
    if let Some(file) = bundle.filter(|path| is_voice_file(path)) {
        return file_info(file, json);
    }
    let bundle = Bundle::open(&locate(bundle)?)?;
    let (manifest, layout) = (bundle.manifest(), bundle.layout());
    if json {
        let mut value = serde_json::to_value(manifest).map_err(|e| CrierError::Internal(e.to_string()))?;
        value["can_enrol"] = crier_enrol::can_enrol(&bundle).is_ok().into();
        return print_json(&value);
    }
    let languages: Vec<&str> = layout.language_names().collect();
    let speakers: Vec<String> = layout
        .speakers_in_order()
        .map(|(name, speaker)| match &speaker.dialect {
            Some(dialect) => format!("{name} ({})", dialect.replace("_dialect", "")),
            None => name.to_owned(),
        })
        .collect();
    let (talker, predictor) = (&manifest.talker, &manifest.predictor);
    let stack = |t: &crier_bundle::TransformerShape, kind: &str| {
        format!("{} layers of {}, {} heads, {kind}", t.layers, t.hidden, t.heads)
    };
    let mut text = format!("{}\n\n", manifest.name);
    let lines = [
        ("bundle", bundle.folder().display().to_string()),
        ("model", format!("{:?}, {}", layout.kind, layout.model_size)),
        ("speakers", if speakers.is_empty() { "none built in".to_owned() } else { speakers.join(", ") }),
        ("languages", format!("{}, auto", languages.join(", "))),
        ("enrolment", enrolment(&bundle).to_owned()),
        ("instructions", if layout.instructions { "yes" } else { "no" }.to_owned()),
        ("talker", stack(&talker.transformer, &talker.quantisation)),
        ("predictor", stack(&predictor.transformer, &predictor.quantisation)),
        ("vocoder", format!("{} Hz, {}", manifest.vocoder.sample_rate_hz, manifest.vocoder.precision)),
    ];
    for (name, value) in lines {
        text.push_str(&format!("  {name:<13} {value}\n"));
    }
    text.push('\n');
    let mut rows: Vec<Vec<String>> =
        manifest.file.iter().map(|f| vec![f.path.clone(), human_bytes(f.bytes)]).collect();
    rows.push(vec!["total".to_owned(), human_bytes(bundle.total_bytes())]);
    text.push_str(&table(Align::Right, &rows));
    print(&text)
}

/// Returns the description of the bundle's ability to enrol voices.
fn enrolment(bundle: &Bundle) -> &'static str {
    match crier_enrol::can_enrol(bundle) {
        Ok(()) => "yes: `crier voice enroll` makes voices of recordings",
        Err(EnrolError::NoEncoders { .. }) => "no, but it speaks with voices enrolled elsewhere",
        Err(_) => "no",
    }
}

/// Prints the description of a voice file.
fn file_info(path: &Path, json: bool) -> Result<(), CrierError> {
    let voice = VoiceFile::read(path)?;
    let reference = voice.reference.as_ref();
    if json {
        return print_json(&json!({
            "name": voice.name,
            "model": voice.model,
            "language": voice.language,
            "recording_s": rounded(f64::from(voice.recording_s), 3),
            "reference_frames": reference.map_or(0, |reference| reference.codes.len()),
            "reference_tokens": reference.map_or(0, |reference| reference.text.len()),
        }));
    }
    let kept = match reference {
        Some(reference) => {
            format!("an x-vector, {} frames of codes, {} tokens", reference.codes.len(), reference.text.len())
        }
        None => "an x-vector".to_owned(),
    };
    let lines = [
        ("voice", path.display().to_string()),
        ("recording", format!("{:.1} s", voice.recording_s)),
        ("contents", kept),
        ("language", voice.language.unwrap_or_else(|| "auto".to_owned())),
        ("model", voice.model),
    ];
    let mut text = format!("{}\n\n", voice.name.escape_debug());
    for (name, value) in lines {
        // A voice file may come from anywhere, and could otherwise command the terminal.
        text.push_str(&format!("  {name:<13} {}\n", value.escape_debug()));
    }
    print(&text)
}
