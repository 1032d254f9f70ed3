//! `crier convert`: a checkpoint folder to a voice bundle.

use std::path::PathBuf;

use crier_bundle::Manifest;
use crier_convert::ConvertOptions;
use serde_json::json;
use tokio::sync::oneshot;

use crate::cli::ConvertArguments;
use crate::engines;
use crate::error::CrierError;
use crate::report::{Align, Bars, human_bytes, print, print_json, table};

pub(crate) fn run(arguments: &ConvertArguments) -> Result<(), CrierError> {
    let options = ConvertOptions {
        talker: arguments.talker,
        predictor: arguments.predictor,
        vocoder: arguments.vocoder,
        onnx_predictor: !arguments.without_onnx_predictor,
        enrolment: !arguments.without_enrolment,
        replace: arguments.force,
    };
    let converted = engines::run(convert(arguments.checkpoint.clone(), arguments.bundle.clone(), options));
    // `drop` of the writer does not run: its thread is in the middle of something.
    if matches!(converted, Err(CrierError::Interrupted { .. })) {
        // The thread that writes ends with the process, a moment from now.
        crier_bundle::abandon(&arguments.bundle);
    }
    let manifest = converted?;
    let total: u64 = manifest.file.iter().map(|f| f.bytes).sum();
    if arguments.json {
        return print_json(&json!({ "bundle": arguments.bundle, "name": manifest.name, "bytes": total }));
    }
    let mut rows: Vec<Vec<String>> =
        manifest.file.iter().map(|f| vec![f.path.clone(), human_bytes(f.bytes)]).collect();
    rows.push(vec!["total".to_owned(), human_bytes(total)]);
    print(&format!(
        "Converted {} to {}\n\n{}",
        manifest.name,
        arguments.bundle.display(),
        table(Align::Right, &rows)
    ))
}

/// Converts in a thread of its own, so that a signal is obeyed meanwhile.
async fn convert(
    checkpoint: PathBuf,
    bundle: PathBuf,
    options: ConvertOptions,
) -> Result<Manifest, CrierError> {
    let (done, converted) = oneshot::channel();
    let work = move || {
        let mut progress = ShownProgress(Bars::new());
        let result = crier_convert::convert(&checkpoint, &bundle, &options, &mut progress);
        progress.0.end();
        // Fails only when a signal has ended the command meanwhile.
        let _ = done.send(result);
    };
    let thread = std::thread::Builder::new().name("convert".into()).spawn(work);
    thread.map_err(|source| CrierError::Start { what: "start a thread", source })?;
    let died = |_| CrierError::Internal("the thread of the conversion ended".to_owned());
    Ok(converted.await.map_err(died)??)
}

/// Progress of a conversion on the terminal.
struct ShownProgress(Bars);

impl crier_convert::ConvertProgress for ShownProgress {
    fn stage(&mut self, name: &str, total: u64) {
        self.0.begin(name, total);
    }

    fn advance(&mut self, units: u64) {
        self.0.step(units);
    }
}
