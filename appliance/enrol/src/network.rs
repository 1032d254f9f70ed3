//! ONNX network with one input and one output of variable length.

use std::path::{Path, PathBuf};

use crier_onnx::{SessionOptions, one_line};
use ort::session::Session;
use ort::value::{PrimitiveTensorElementType, Tensor};

use crate::error::EnrolError;

pub(crate) struct EncoderNetwork {
    session: Session,
    path: PathBuf,
    input: &'static str,
    output: &'static str,
}

impl EncoderNetwork {
    pub(crate) fn open(
        path: &Path,
        threads: usize,
        input: &'static str,
        output: &'static str,
    ) -> Result<Self, EnrolError> {
        let session = crier_onnx::open(path, SessionOptions { threads, ..SessionOptions::default() })?;
        // Checked here, where the error can name the file: a wrong name fails in the middle of a run otherwise.
        let has_input = session.inputs().iter().any(|i| i.name() == input) && session.inputs().len() == 1;
        let has_output = session.outputs().iter().any(|o| o.name() == output);
        let network = Self { session, path: path.to_owned(), input, output };
        match has_input && has_output {
            true => Ok(network),
            false => Err(network.contract(&format!("it has no {input}, or no {output}"))),
        }
    }

    /// Returns a number of the model's metadata.
    pub(crate) fn number(&self, key: &str) -> Result<usize, EnrolError> {
        // Written by the converter of the same version; a model without it is another one.
        let said = self.session.metadata().ok().and_then(|m| m.custom(&format!("crier.{key}")));
        let number = said.and_then(|text| text.parse().ok());
        number.filter(|&n: &usize| n > 0).ok_or_else(|| self.contract(&format!("it says no {key}")))
    }

    /// Runs the network on an input of the given shape, and returns its output.
    pub(crate) fn run<T: PrimitiveTensorElementType + Clone + std::fmt::Debug>(
        &mut self,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<Vec<T>, EnrolError> {
        let (session, input, output) = (&mut self.session, self.input, self.output);
        // A closure, so that errors of all its calls are named after the file in one place.
        let run = || -> ort::Result<Vec<T>> {
            let tensor = Tensor::from_array((shape, values))?;
            let outputs = session.run(ort::inputs![input => tensor])?;
            Ok(outputs[output].try_extract_tensor::<T>()?.1.to_vec())
        };
        run().map_err(|error| EnrolError::Run { path: self.path.clone(), reason: one_line(error.message()) })
    }

    pub(crate) fn contract(&self, reason: &str) -> EnrolError {
        EnrolError::Contract { path: self.path.clone(), reason: one_line(reason) }
    }
}
