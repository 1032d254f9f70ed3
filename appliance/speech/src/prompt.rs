//! The talker's input: rows before the first frame, and text fed along with each frame.
//!
//! Every position is the sum of a text part and a codec part; a part may be missing. The layouts are those of the
//! official package (`Qwen3TTSForConditionalGeneration.generate`): an optional instruction, the role, the tag
//! (language and speaker), and the body, which differs by mode:
//!
//! | mode | body rows | fed with frame s |
//! |---|---|---|
//! | streaming text | first token + codec_bos | token s+1, then the end of text, then padding |
//! | whole text | every token and the end of text + codec_pad, padding + codec_bos | padding |
//! | with a reference | reference and body text over the reference's codes | what text is left, then padding |

use crate::{CODEBOOKS, EmbeddingTables, ModelKind, SpeechError, VoiceLayout};

/// Time at which the text is fed to the talker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextMode {
    /// One token with each frame, so that the first frame does not wait for a long text.
    Streaming,
    /// The whole text before the first frame.
    Whole,
}

/// Speaker identity.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptSpeaker {
    /// Named speaker of the voice.
    Named(String),
    /// Speaker embedding (x-vector), `hidden` numbers.
    Embedding(Vec<f32>),
    /// Speaker described by the instruction.
    Described,
}

/// Recording of the speaker, as text and codes, which the speech continues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// Token ids of its transcript.
    pub text: Vec<u32>,
    /// Codes of its frames.
    pub codes: Vec<[u16; CODEBOOKS]>,
}

/// All parameters of a prompt except the text.
#[derive(Debug, Clone)]
pub struct PromptOptions {
    /// Ids of `<|im_start|>assistant\n`.
    pub role: [u32; 3],
    /// Ids of the instruction turn; may be empty.
    pub instruction: Vec<u32>,
    /// Language name; `None` is `auto`.
    pub language: Option<String>,
    /// Speaker identity.
    pub identity: PromptSpeaker,
    /// Recording to continue (Base models).
    pub reference: Option<Reference>,
    /// Time at which the text is fed.
    pub mode: TextMode,
}

/// Prompt of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// `positions * hidden` numbers, row-major.
    pub rows: Vec<f32>,
    /// Number of positions.
    pub positions: usize,
    /// Number of leading positions that depend on the options only, not on the text: a talker that has decoded them
    /// once for a voice keeps them.
    pub constant_positions: usize,
    /// Text ids fed along with frames 0, 1, 2, …; padding afterwards.
    pub trailing: Vec<u32>,
}

/// Builder of rows; each is the sum of at most one text id and at most one codec part.
struct Builder<'a> {
    layout: &'a VoiceLayout,
    tables: &'a dyn EmbeddingTables,
    rows: Vec<f32>,
}

impl Builder<'_> {
    fn push(&mut self, text: Option<u32>, codec: Option<u32>) -> &mut [f32] {
        let start = self.rows.len();
        self.rows.resize(start + self.layout.hidden, 0.0);
        let row = &mut self.rows[start..];
        if let Some(id) = text {
            self.tables.add_text(id, row);
        }
        if let Some(id) = codec {
            self.tables.add_codec(id, row);
        }
        row
    }

    fn positions(&self) -> usize {
        self.rows.len() / self.layout.hidden
    }
}

/// Adds the embeddings of a whole frame to `row`: the feedback of the talker's own speech.
pub(crate) fn add_frame(tables: &dyn EmbeddingTables, codes: &[u16; CODEBOOKS], row: &mut [f32]) {
    tables.add_codec(u32::from(codes[0]), row);
    for (group, &code) in codes[1..].iter().enumerate() {
        tables.add_predictor(group, code, row);
    }
}

impl Prompt {
    /// Builds the prompt for the token ids of a text.
    ///
    /// # Errors
    /// An unknown language or speaker (with the known ones), an instruction for a model that takes none, a speaker
    /// embedding of the wrong size, no text.
    pub fn new(
        layout: &VoiceLayout,
        tables: &dyn EmbeddingTables,
        options: &PromptOptions,
        body: &[u32],
    ) -> Result<Self, SpeechError> {
        if body.is_empty() {
            return Err(SpeechError::NothingToSay { detail: "the text is empty".to_owned() });
        }
        // Refused rather than ignored: the sender could not hear why it has no effect.
        if !options.instruction.is_empty() && !layout.instructions {
            return Err(SpeechError::NoInstructions);
        }
        let mut builder = Builder { layout, tables, rows: Vec::new() };
        for &id in options.instruction.iter().chain(&options.role) {
            builder.push(Some(id), None);
        }
        push_tag(&mut builder, options)?;
        // Everything so far depends on the voice and its options only.
        let mut constant_positions = builder.positions();
        if let Some(reference) = &options.reference {
            // The transcript of the recording comes first, and is the same for every text.
            let rows = match options.mode {
                // In this mode the transcript lies over the codes of the recording: rows behind it carry text
                // of the announcement.
                TextMode::Streaming => reference.text.len().min(reference.codes.len() + 1),
                TextMode::Whole => reference.text.len(),
            };
            constant_positions += rows;
        }
        let trailing = match (&options.reference, options.mode) {
            (Some(reference), mode) => push_reference(&mut builder, reference, body, mode),
            (None, TextMode::Streaming) => push_streaming(&mut builder, body),
            (None, TextMode::Whole) => push_whole(&mut builder, body),
        };
        Ok(Self { positions: builder.positions(), rows: builder.rows, constant_positions, trailing })
    }
}

/// Adds the tag: language, speaker, and the beginning of the text. `codec_bos` is left for the body.
fn push_tag(builder: &mut Builder<'_>, options: &PromptOptions) -> Result<(), SpeechError> {
    let layout = builder.layout;
    let (codec, text) = (&layout.codec_ids, &layout.text_ids);
    let speaker = match &options.identity {
        PromptSpeaker::Named(name) => Some(layout.speaker(name)?),
        PromptSpeaker::Embedding(embedding) if embedding.len() != layout.hidden => {
            return Err(SpeechError::EmbeddingSize { found: embedding.len(), expected: layout.hidden });
        }
        PromptSpeaker::Embedding(_) => None,
        PromptSpeaker::Described if layout.kind == ModelKind::VoiceDesign => None,
        // No speaker was named: this returns the error that lists the speakers or asks for a recording.
        PromptSpeaker::Described => Some(layout.speaker("")?),
    };
    let wanted = options.language.as_deref().map(|asked| layout.language(asked)).transpose()?.flatten();
    let mut language = wanted.map(|(_, id)| id);
    // A speaker of a dialect speaks it if Chinese or no language was requested.
    if matches!(wanted, None | Some(("chinese", _)))
        && let Some(dialect) = speaker.and_then(|s| s.dialect.as_ref())
    {
        language = layout.languages.get(dialect).copied();
    }
    match language {
        Some(id) => {
            // The tags of a "thinking" turn, by which the model was trained to expect a language.
            for part in [codec.think, codec.think_bos, id, codec.think_eos] {
                builder.push(Some(text.tts_pad), Some(part));
            }
        }
        None => {
            // Without a language the model chooses one by the text.
            for part in [codec.nothink, codec.think_bos, codec.think_eos] {
                builder.push(Some(text.tts_pad), Some(part));
            }
        }
    }
    match (&options.identity, speaker) {
        (_, Some(speaker)) => {
            builder.push(Some(text.tts_pad), Some(speaker.id));
        }
        (PromptSpeaker::Embedding(embedding), None) => {
            // Where a named speaker's row of the table would be: the embedding replaces it.
            let row = builder.push(Some(text.tts_pad), None);
            for (sum, part) in row.iter_mut().zip(embedding) {
                *sum += part;
            }
        }
        _ => {}
    }
    builder.push(Some(text.tts_bos), Some(codec.pad));
    Ok(())
}

fn push_streaming(builder: &mut Builder<'_>, body: &[u32]) -> Vec<u32> {
    let layout = builder.layout;
    // The first token is in the prompt, so that the first frame has a word to begin with.
    builder.push(body.first().copied(), Some(layout.codec_ids.bos));
    body.iter().skip(1).copied().chain([layout.text_ids.tts_eos]).collect()
}

fn push_whole(builder: &mut Builder<'_>, body: &[u32]) -> Vec<u32> {
    let layout = builder.layout;
    for &id in body.iter().chain([&layout.text_ids.tts_eos]) {
        builder.push(Some(id), Some(layout.codec_ids.pad));
    }
    builder.push(Some(layout.text_ids.tts_pad), Some(layout.codec_ids.bos));
    Vec::new()
}

fn push_reference(
    builder: &mut Builder<'_>,
    reference: &Reference,
    body: &[u32],
    mode: TextMode,
) -> Vec<u32> {
    let layout = builder.layout;
    let (codec, text) = (&layout.codec_ids, &layout.text_ids);
    let words: Vec<u32> = reference.text.iter().chain(body).copied().chain([text.tts_eos]).collect();
    // Codec part: the beginning, then every frame of the recording.
    let mut push_codes = |text_at: &dyn Fn(usize) -> u32| {
        // Text and codes run side by side, one token a frame, as in the official package's streaming layout.
        builder.push(Some(text_at(0)), Some(codec.bos));
        for (index, codes) in reference.codes.iter().enumerate() {
            let tables = builder.tables;
            add_frame(tables, codes, builder.push(Some(text_at(index + 1)), None));
        }
    };
    match mode {
        TextMode::Streaming => {
            push_codes(&|index| words.get(index).copied().unwrap_or(text.tts_pad));
            // Words that the recording did not cover follow with the frames to come.
            words.into_iter().skip(reference.codes.len() + 1).collect()
        }
        TextMode::Whole => {
            for &id in &words {
                builder.push(Some(id), Some(codec.pad));
            }
            let mut push_codes = |id: u32| {
                builder.push(Some(id), Some(codec.bos));
                for codes in &reference.codes {
                    let tables = builder.tables;
                    add_frame(tables, codes, builder.push(Some(id), None));
                }
            };
            push_codes(text.tts_pad);
            Vec::new()
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{CodecIds, SamplingDefaults, Speaker, TextIds};

    /// Rows of three numbers: the sum of text ids, of codec ids, and of predictor codes. Enough to see the layout.
    pub(crate) struct Spelled;

    impl EmbeddingTables for Spelled {
        fn add_text(&self, id: u32, row: &mut [f32]) {
            row[0] += id as f32;
        }
        fn add_codec(&self, id: u32, row: &mut [f32]) {
            row[1] += id as f32;
        }
        fn add_predictor(&self, group: usize, code: u16, row: &mut [f32]) {
            row[2] += (group as f32 + 1.0) * f32::from(code);
        }
    }

    pub(crate) fn layout(kind: ModelKind) -> VoiceLayout {
        let names = |pairs: &[(&str, u32)]| -> BTreeMap<String, u32> {
            pairs.iter().map(|&(name, id)| (name.to_owned(), id)).collect()
        };
        let speaker = |id, dialect: Option<&str>| Speaker {
            id,
            dialect: dialect.map(str::to_owned),
            loudness_lufs: None,
        };
        VoiceLayout {
            kind,
            model_size: "1b7".to_owned(),
            hidden: 3,
            codebook_size: 100,
            codec_vocab: 1124,
            text_vocab: 1000,
            instructions: kind == ModelKind::VoiceDesign,
            text_normalisation: crate::TextNormalisation::None,
            lead_frames: 0,
            text_ids: TextIds { im_start: 900, im_end: 901, tts_pad: 910, tts_bos: 911, tts_eos: 912 },
            codec_ids: CodecIds {
                pad: 201,
                bos: 202,
                eos: 203,
                think: 204,
                nothink: 205,
                think_bos: 206,
                think_eos: 207,
            },
            languages: names(&[("english", 301), ("chinese", 302), ("sichuan_dialect", 303)]),
            speakers: [
                ("ryan".to_owned(), speaker(401, None)),
                ("eric".to_owned(), speaker(402, Some("sichuan_dialect"))),
            ]
            .into(),
            sampling: SamplingDefaults {
                sample: true,
                temperature: 0.9,
                top_k: 50,
                top_p: 1.0,
                repetition_penalty: 1.05,
                predictor_sample: true,
                predictor_temperature: 0.9,
                predictor_top_k: 50,
                predictor_top_p: 1.0,
                min_frames: 2,
                max_frames: 8192,
            },
        }
    }

    pub(crate) fn options(mode: TextMode) -> PromptOptions {
        PromptOptions {
            role: [900, 7, 8],
            instruction: Vec::new(),
            language: Some("english".to_owned()),
            identity: PromptSpeaker::Named("Ryan".to_owned()),
            reference: None,
            mode,
        }
    }

    /// The prompt as (text id, codec id, predictor sum) rows.
    fn rows(prompt: &Prompt) -> Vec<(u32, u32, u32)> {
        assert_eq!(prompt.rows.len(), prompt.positions * 3);
        prompt.rows.chunks(3).map(|row| (row[0] as u32, row[1] as u32, row[2] as u32)).collect()
    }

    const HEAD: [(u32, u32, u32); 9] = [
        (900, 0, 0),
        (7, 0, 0),
        (8, 0, 0),
        (910, 204, 0),
        (910, 206, 0),
        (910, 301, 0),
        (910, 207, 0),
        (910, 401, 0),
        (911, 201, 0),
    ];

    #[test]
    fn streaming_text() {
        let voice = layout(ModelKind::CustomVoice);
        let prompt = Prompt::new(&voice, &Spelled, &options(TextMode::Streaming), &[21, 22, 23]).unwrap();
        assert_eq!(rows(&prompt), [&HEAD[..], &[(21, 202, 0)]].concat());
        assert_eq!((prompt.constant_positions, prompt.trailing), (9, vec![22, 23, 912]));
    }

    #[test]
    fn whole_text() {
        let voice = layout(ModelKind::CustomVoice);
        let prompt = Prompt::new(&voice, &Spelled, &options(TextMode::Whole), &[21, 22]).unwrap();
        let body = [(21, 201, 0), (22, 201, 0), (912, 201, 0), (910, 202, 0)];
        assert_eq!(rows(&prompt), [&HEAD[..], &body].concat());
        assert!(prompt.trailing.is_empty());
    }

    #[test]
    fn speakers_are_listed_in_the_order_of_their_ids() {
        let layout = layout(ModelKind::CustomVoice);
        let names: Vec<&str> = layout.speakers_in_order().map(|(name, _)| name).collect();
        assert_eq!(names, ["ryan", "eric"]);
        assert!(layout.speaker("nobody").unwrap_err().to_string().contains("ryan, eric"));
        let mut nobody = options(TextMode::Whole);
        nobody.identity = PromptSpeaker::Described;
        let refused = Prompt::new(&layout, &Spelled, &nobody, &[21]).unwrap_err();
        assert!(refused.to_string().contains("ryan, eric"), "{refused}");
    }

    #[test]
    fn auto_has_no_language_row_and_dialects_come_with_their_speakers() {
        let voice = layout(ModelKind::CustomVoice);
        let tags = |language: Option<&str>, speaker: &str| -> Vec<u32> {
            let mut wanted = options(TextMode::Streaming);
            wanted.language = language.map(str::to_owned);
            wanted.identity = PromptSpeaker::Named(speaker.to_owned());
            let prompt = Prompt::new(&voice, &Spelled, &wanted, &[21]).unwrap();
            rows(&prompt)[3..].iter().map(|row| row.1).collect()
        };
        assert_eq!(tags(None, "ryan"), [205, 206, 207, 401, 201, 202]);
        assert_eq!(tags(Some("Auto"), "ryan"), [205, 206, 207, 401, 201, 202]);
        assert_eq!(tags(None, "eric"), [204, 206, 303, 207, 402, 201, 202]);
        assert_eq!(tags(Some("Chinese"), "eric"), [204, 206, 303, 207, 402, 201, 202]);
        assert_eq!(tags(Some("english"), "eric"), [204, 206, 301, 207, 402, 201, 202]);
        assert_eq!(tags(Some("chinese"), "ryan"), [204, 206, 302, 207, 401, 201, 202]);
        assert_eq!(tags(Some("zh-CN"), "ryan"), [204, 206, 302, 207, 401, 201, 202]);
        assert_eq!(tags(Some("zh"), "eric"), [204, 206, 303, 207, 402, 201, 202]);
        assert_eq!(tags(Some("Sichuan_Dialect"), "ryan"), [204, 206, 303, 207, 401, 201, 202]);
    }

    #[test]
    fn base_voices_take_an_embedding_and_a_recording() {
        let voice = layout(ModelKind::Base);
        let mut wanted = options(TextMode::Streaming);
        wanted.identity = PromptSpeaker::Embedding(vec![0.0, 5.0, 0.0]);
        let mut codes = [0; CODEBOOKS];
        codes[0] = 9;
        codes[15] = 2;
        wanted.reference = Some(Reference { text: vec![31], codes: vec![codes, codes] });
        let prompt = Prompt::new(&voice, &Spelled, &wanted, &[21, 22, 23]).unwrap();
        assert_eq!(rows(&prompt)[7..], [(910, 5, 0), (911, 201, 0), (31, 202, 0), (21, 9, 30), (22, 9, 30)]);
        assert_eq!(prompt.trailing, [23, 912]);
        // Tag and the one word of the recording.
        assert_eq!(prompt.constant_positions, 10);
        // Less text than recording: padding fills up.
        let prompt = Prompt::new(
            &voice,
            &Spelled,
            &PromptOptions {
                reference: Some(Reference { text: vec![], codes: vec![codes; 4] }),
                ..wanted.clone()
            },
            &[21],
        )
        .unwrap();
        assert_eq!(
            rows(&prompt)[9..],
            [(21, 202, 0), (912, 9, 30), (910, 9, 30), (910, 9, 30), (910, 9, 30)]
        );
        assert!(prompt.trailing.is_empty());
        wanted.mode = TextMode::Whole;
        let prompt = Prompt::new(&voice, &Spelled, &wanted, &[21]).unwrap();
        let body = [(31, 201, 0), (21, 201, 0), (912, 201, 0), (910, 202, 0), (910, 9, 30), (910, 9, 30)];
        assert_eq!(rows(&prompt)[9..], body);
        assert_eq!(prompt.constant_positions, 10);
    }

    #[test]
    fn voice_design_has_an_instruction_and_no_speaker() {
        let voice = layout(ModelKind::VoiceDesign);
        let mut wanted = options(TextMode::Streaming);
        wanted.identity = PromptSpeaker::Described;
        wanted.instruction = vec![900, 50, 901, 8];
        let prompt = Prompt::new(&voice, &Spelled, &wanted, &[21]).unwrap();
        let texts: Vec<u32> = rows(&prompt).iter().map(|row| row.0).collect();
        assert_eq!(texts, [900, 50, 901, 8, 900, 7, 8, 910, 910, 910, 910, 911, 21]);
        assert_eq!(prompt.constant_positions, 12);
    }

    #[test]
    fn unknown_languages_and_speakers_are_refused_with_the_known_names() {
        let voice = layout(ModelKind::CustomVoice);
        let fail = |change: &dyn Fn(&mut PromptOptions)| {
            let mut wanted = options(TextMode::Whole);
            change(&mut wanted);
            Prompt::new(&voice, &Spelled, &wanted, &[1]).unwrap_err().to_string()
        };
        assert!(fail(&|o| o.language = Some("klingon".into())).contains("chinese, english, auto"));
        assert!(fail(&|o| o.language = Some("beijing_dialect".into())).contains("does not speak"));
        assert!(fail(&|o| o.language = Some("de".into())).contains("does not speak 'de'"));
        assert!(fail(&|o| o.identity = PromptSpeaker::Named("bob".into())).contains("ryan, eric"));
        assert!(fail(&|o| o.identity = PromptSpeaker::Embedding(vec![0.0; 2])).contains("2 numbers"));
        assert!(fail(&|o| o.instruction = vec![1]).contains("--instruct"));
        assert!(Prompt::new(&voice, &Spelled, &options(TextMode::Whole), &[]).is_err());
    }
}
