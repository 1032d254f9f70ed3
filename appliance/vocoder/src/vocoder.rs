//! The engine: one session, its states in two sets that change places after every call.

use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, Role};
use crier_onnx::{SessionOptions, one_line};
use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{Tensor, TensorElementType, ValueType};

use crate::VocoderError;
use crate::operators::domain;

/// Codes of a frame.
pub const CODES: usize = 16;
/// Frames that go through the network at once; more are split.
pub const FRAMES_MAX: usize = 64;

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocoderOptions {
    /// Threads that share the work, the caller's among them.
    pub threads: usize,
    /// Use Crier's own kernel for the activation; without it, it is made of standard operators and slower by a fifth.
    pub fused_snake: bool,
    /// Where ONNX Runtime writes a profile, as a prefix of the file's name.
    pub profile: Option<PathBuf>,
}

impl Default for VocoderOptions {
    fn default() -> Self {
        Self { threads: 1, fused_snake: true, profile: None }
    }
}

/// What the vocoder remembers of an utterance; [`Vocoder::restore_state`] continues from it.
#[derive(Debug, Clone, PartialEq)]
pub struct VocoderState {
    pub(crate) position: i64,
    pub(crate) values: Vec<f32>,
}

/// Turns codes into samples.
pub struct Vocoder {
    session: Session,
    codebook_size: usize,
    sample_rate_hz: u32,
    samples_per_frame: usize,
    fused: bool,
    /// Names of the states that are tensors of `f32`.
    names: Vec<String>,
    /// Two sets of states; `current` is the one that holds the truth.
    sets: [States; 2],
    current: usize,
    /// Where utterances begin; all zeros if there is none.
    beginning: Option<VocoderState>,
    /// What a call with `index + 1` frames needs, made when first needed.
    lanes: Vec<Option<Lane>>,
}

struct States {
    position: Tensor<i64>,
    tensors: Vec<Tensor<f32>>,
}

/// Tensors for a number of frames, bound in both directions.
struct Lane {
    codes: Tensor<i64>,
    samples: Tensor<f32>,
    /// `bindings[i]` reads set `i` and writes the other.
    bindings: [IoBinding; 2],
}

impl Vocoder {
    /// Opens the vocoder of a voice.
    ///
    /// # Errors
    /// [`VocoderError::Bundle`], [`VocoderError::Onnx`] and [`VocoderError::Contract`].
    pub fn load(bundle: &Bundle, options: &VocoderOptions) -> Result<Self, VocoderError> {
        Self::open(&bundle.path(Role::Vocoder)?, options)
    }

    /// Opens a vocoder by its file; its weights are in a file beside it.
    ///
    /// # Errors
    /// [`VocoderError::Onnx`] when ONNX Runtime or the model cannot be loaded, [`VocoderError::Contract`] when the
    /// model is another.
    pub fn open(path: &Path, options: &VocoderOptions) -> Result<Self, VocoderError> {
        let (session, fused) = open_session(path, options)?;
        let failed = |error: ort::Error| contract(path, error.message());
        let number =
            |key: &str| metadata(&session, key).ok_or_else(|| contract(path, &format!("it says no {key}")));
        let (codebook_size, sample_rate, samples_per_frame) =
            (number("codebook_size")?, number("sample_rate")?, number("samples_per_frame")?);
        let shapes = states_of(&session, path)?;
        let set = || -> ort::Result<States> {
            let tensors = shapes
                .iter()
                .map(|(_, shape)| Tensor::new(session.allocator(), shape.clone()))
                .collect::<ort::Result<_>>()?;
            Ok(States { position: Tensor::new(session.allocator(), [1_usize])?, tensors })
        };
        let sets = [set().map_err(failed)?, set().map_err(failed)?];
        let mut vocoder = Self {
            codebook_size,
            sample_rate_hz: u32::try_from(sample_rate).map_err(|e| contract(path, &e.to_string()))?,
            samples_per_frame,
            fused,
            names: shapes.into_iter().map(|(name, _)| name).collect(),
            sets,
            current: 0,
            beginning: None,
            lanes: (0..FRAMES_MAX).map(|_| None).collect(),
            session,
        };
        vocoder.clear();
        Ok(vocoder)
    }

    /// Samples of a second.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples that a frame becomes.
    #[must_use]
    pub fn samples_per_frame(&self) -> usize {
        self.samples_per_frame
    }

    /// Whether the activation runs in Crier's own kernel.
    #[must_use]
    pub fn is_fused(&self) -> bool {
        self.fused
    }

    /// The next frame is the first of an utterance: forgets everything, or goes back to the beginning that was set.
    pub fn start(&mut self) {
        match self.beginning.take() {
            Some(beginning) => {
                self.put(&beginning);
                self.beginning = Some(beginning);
            }
            None => self.clear(),
        }
    }

    /// Lets every utterance begin in the middle of other speech, from the state behind it: the first sample is in the
    /// speaker's voice already. `None`: utterances begin in silence.
    ///
    /// # Errors
    /// [`VocoderError::ForeignState`] when it was saved by a vocoder of other sizes.
    pub fn set_beginning(&mut self, beginning: Option<VocoderState>) -> Result<(), VocoderError> {
        if let Some(state) = &beginning {
            self.check(state)?;
        }
        self.beginning = beginning;
        Ok(())
    }

    /// Where utterances begin, if not in silence.
    #[must_use]
    pub fn beginning(&self) -> Option<&VocoderState> {
        self.beginning.as_ref()
    }

    /// The state behind other speech, for [`Vocoder::set_beginning`]. Takes as long as speaking it.
    ///
    /// # Errors
    /// As [`Vocoder::decode`].
    pub fn state_after(&mut self, codes: &[[u16; CODES]]) -> Result<VocoderState, VocoderError> {
        let mut samples = Vec::new();
        self.clear();
        for part in codes.chunks(FRAMES_MAX) {
            samples.clear();
            self.decode(part, &mut samples)?;
        }
        let state = self.save_state();
        self.start();
        Ok(state)
    }

    fn clear(&mut self) {
        let states = &mut self.sets[self.current];
        states.position.extract_tensor_mut().1.fill(0);
        for tensor in &mut states.tensors {
            tensor.extract_tensor_mut().1.fill(0.0);
        }
    }

    /// Appends the samples of `codes`, between -1 and 1, to `samples`.
    ///
    /// Frames up to [`FRAMES_MAX`] go through the network at once, whose results do not depend on how many those are
    /// but for rounding. After an error the state is that before the failed part, and `samples` ends there.
    ///
    /// # Errors
    /// [`VocoderError::CodeOutOfRange`] before anything is done, [`VocoderError::Run`].
    pub fn decode(&mut self, codes: &[[u16; CODES]], samples: &mut Vec<f32>) -> Result<(), VocoderError> {
        for (frame, row) in codes.iter().enumerate() {
            if let Some(codebook) = row.iter().position(|&code| usize::from(code) >= self.codebook_size) {
                let (code, size) = (row[codebook], self.codebook_size);
                return Err(VocoderError::CodeOutOfRange { frame, codebook, code, size });
            }
        }
        for part in codes.chunks(FRAMES_MAX) {
            self.decode_part(part, samples).map_err(|error| VocoderError::Run {
                frames: part.len(),
                reason: one_line(error.message()),
            })?;
        }
        Ok(())
    }

    fn decode_part(&mut self, codes: &[[u16; CODES]], samples: &mut Vec<f32>) -> ort::Result<()> {
        let lane = match &mut self.lanes[codes.len() - 1] {
            Some(lane) => lane,
            empty => {
                let lane = Lane::new(
                    &self.session,
                    &self.names,
                    &mut self.sets,
                    codes.len(),
                    codes.len() * self.samples_per_frame,
                )?;
                empty.insert(lane)
            }
        };
        for (input, &code) in lane.codes.extract_tensor_mut().1.iter_mut().zip(codes.as_flattened()) {
            *input = i64::from(code);
        }
        self.session.run_binding(&lane.bindings[self.current])?;
        samples.extend_from_slice(lane.samples.extract_tensor().1);
        self.current = 1 - self.current;
        Ok(())
    }

    /// A copy of what is remembered; some megabytes.
    #[must_use]
    pub fn save_state(&self) -> VocoderState {
        let states = &self.sets[self.current];
        let mut values = Vec::with_capacity(self.state_len());
        for tensor in &states.tensors {
            values.extend_from_slice(tensor.extract_tensor().1);
        }
        VocoderState { position: states.position.extract_tensor().1[0], values }
    }

    /// Goes back to a saved state.
    ///
    /// # Errors
    /// [`VocoderError::ForeignState`] when it was saved by a vocoder of other sizes.
    pub fn restore_state(&mut self, state: &VocoderState) -> Result<(), VocoderError> {
        self.check(state)?;
        self.put(state);
        Ok(())
    }

    fn check(&self, state: &VocoderState) -> Result<(), VocoderError> {
        let (found, expected) = (state.values.len(), self.state_len());
        match found == expected {
            true => Ok(()),
            false => Err(VocoderError::ForeignState { found, expected }),
        }
    }

    /// Takes over a state of the right size.
    fn put(&mut self, state: &VocoderState) {
        let states = &mut self.sets[self.current];
        states.position.extract_tensor_mut().1.fill(state.position);
        let mut rest = &state.values[..];
        for tensor in &mut states.tensors {
            let target = tensor.extract_tensor_mut().1;
            let (values, behind) = rest.split_at(target.len());
            target.copy_from_slice(values);
            rest = behind;
        }
    }

    pub(crate) fn state_len(&self) -> usize {
        self.sets[self.current].tensors.iter().map(|tensor| tensor.extract_tensor().1.len()).sum()
    }
}

impl Lane {
    fn new(
        session: &Session,
        names: &[String],
        sets: &mut [States; 2],
        frames: usize,
        samples: usize,
    ) -> ort::Result<Self> {
        let allocator: &Allocator = session.allocator();
        let codes = Tensor::new(allocator, [frames, CODES])?;
        let mut samples = Tensor::new(allocator, [samples])?;
        let [first, second] = sets;
        let bindings = [
            bind(session, names, &codes, &mut samples, first, second)?,
            bind(session, names, &codes, &mut samples, second, first)?,
        ];
        Ok(Self { codes, samples, bindings })
    }
}

fn bind(
    session: &Session,
    names: &[String],
    codes: &Tensor<i64>,
    samples: &mut Tensor<f32>,
    from: &States,
    to: &mut States,
) -> ort::Result<IoBinding> {
    let mut binding = session.create_binding()?;
    binding.bind_input("codes", codes)?;
    binding.bind_input("position", &from.position)?;
    binding.bind_output("samples", samples)?;
    binding.bind_output("position_next", &mut to.position)?;
    for ((name, from), to) in names.iter().zip(&from.tensors).zip(&mut to.tensors) {
        binding.bind_input(name, from)?;
        binding.bind_output(format!("{name}_next"), to)?;
    }
    Ok(binding)
}

/// With our kernels if wanted and possible.
fn open_session(path: &Path, options: &VocoderOptions) -> Result<(Session, bool), VocoderError> {
    let plain =
        || SessionOptions { threads: options.threads, operators: None, profile: options.profile.clone() };
    if options.fused_snake {
        // The library is needed before operators can be described.
        crier_onnx::environment()?;
        let opened = domain(options.threads).map_err(|error| error.to_string()).and_then(|operators| {
            let options = SessionOptions { operators: Some(operators), ..plain() };
            crier_onnx::open(path, options).map_err(|error| error.to_string())
        });
        match opened {
            Ok(session) => return Ok((session, true)),
            Err(reason) => {
                // If the model itself is at fault, opening it below says so.
                let session = crier_onnx::open(path, plain())?;
                tracing::warn!(reason, "the vocoder runs without its own kernels, and slower");
                return Ok((session, false));
            }
        }
    }
    Ok((crier_onnx::open(path, plain())?, false))
}

fn contract(path: &Path, reason: &str) -> VocoderError {
    VocoderError::Contract { path: path.to_owned(), reason: one_line(reason) }
}

fn metadata(session: &Session, key: &str) -> Option<usize> {
    session.metadata().ok()?.custom(&format!("crier.{key}"))?.parse().ok()
}

/// Names and shapes of the states: every input but the codes and the position, each with its output.
fn states_of(session: &Session, path: &Path) -> Result<Vec<(String, Vec<usize>)>, VocoderError> {
    let output = |name: &str| session.outputs().iter().find(|output| output.name() == name);
    let mut states = Vec::new();
    for input in session.inputs() {
        let name = input.name();
        if name == "codes" {
            continue;
        }
        let next = output(&format!("{name}_next"))
            .ok_or_else(|| contract(path, &format!("its state {name} does not come back")))?;
        let (from, to) = (fixed_shape(input.dtype()), fixed_shape(next.dtype()));
        match from {
            Some((TensorElementType::Int64, shape)) if name == "position" && shape == [1] => {}
            Some((TensorElementType::Float32, shape)) if from == to => states.push((name.to_owned(), shape)),
            _ => {
                return Err(contract(
                    path,
                    &format!("its state {name} has no fixed shape, or comes back in another"),
                ));
            }
        }
    }
    let has = |name: &str| session.inputs().iter().any(|input| input.name() == name);
    if !has("codes") || !has("position") || output("samples").is_none() {
        return Err(contract(path, "it has no codes, position or samples"));
    }
    Ok(states)
}

fn fixed_shape(r#type: &ValueType) -> Option<(TensorElementType, Vec<usize>)> {
    let ValueType::Tensor { ty, shape, .. } = r#type else { return None };
    let shape: Option<Vec<usize>> = shape.iter().map(|&d| usize::try_from(d).ok()).collect();
    Some((*ty, shape?))
}
