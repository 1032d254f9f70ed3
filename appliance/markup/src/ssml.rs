//! SSML, the Speech Synthesis Markup Language of the W3C.

use crier_announce::Prosody;
use roxmltree::{Document, Error, Node, NodeType, ParsingOptions};

use crate::attributes::{break_ms, milliseconds, prosody};
use crate::error::{MarkupError, MarkupProblem, quoted};
use crate::limits::{
    DEPTH_MAX, MARK_CHARACTERS_MAX, NODES_MAX, PAUSE_MS_MAX, PAUSES_MS_MAX, PIECES_MAX, SPOKEN_BYTES_MAX,
};
use crate::say_as;
use crate::script::{Script, ScriptPiece, SpokenPiece};

/// Longest message of the XML parser, in characters. It quotes names, which may be as long as the document.
const XML_MESSAGE_CHARACTERS_MAX: usize = 120;
/// Longest file name of a chime, in characters; as in `crier_announce`.
const SOUND_CHARACTERS_MAX: usize = crier_announce::NAME_CHARACTERS_MAX;
/// Namespace of `xml:lang`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Reads an SSML document.
pub(crate) fn script(text: &str, language: Option<&str>) -> Result<Script, MarkupError> {
    // A byte-order mark is no part of the document, but senders read it from files.
    let begin = text.len() - text.trim_start_matches('\u{feff}').trim_start().len();
    // Without a DTD there are no entities, and so none that expand to gigabytes.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(&text[begin..], options).map_err(|error| xml(text, begin, &error))?;
    let root = document.root_element();
    let mut builder =
        SsmlBuilder { text, begin, pieces: Vec::new(), pending: None, paused_ms: 0, spoken_bytes: 0 };
    if root.tag_name().name() != "speak" {
        return builder.fail(root, MarkupProblem::Root(quoted(root.tag_name().name())));
    }
    let manner = Manner { language: language.map(str::to_owned), inherited: true, ..Manner::default() };
    builder.element(root, &manner, 0)?;
    builder.flush(root)?;
    Ok(Script { pieces: builder.pieces, read_as_plain: None })
}

/// Translates an error of the parser.
fn xml(text: &str, begin: usize, error: &Error) -> MarkupError {
    let message = error.to_string();
    // The parser appends the place, which is a field of its own here.
    let message = message.rsplit_once(" at ").map_or(message.as_str(), |(message, _)| message);
    let message: String = message.chars().take(XML_MESSAGE_CHARACTERS_MAX).collect();
    let (message, at_end) = match error {
        Error::DtdDetected => ("a document type (<!DOCTYPE>) is not read; leave it out".to_owned(), false),
        Error::NodesLimitReached => ("there are too many elements; send it in parts".to_owned(), false),
        Error::NoRootNode => ("there is no element; SSML begins with <speak>".to_owned(), false),
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => {
            ("the document ends before its elements are closed".to_owned(), true)
        }
        // What cannot be seen, such as a change of direction, is written out; the quotes of the parser are left alone.
        _ => (message.escape_debug().to_string().replace("\\'", "'"), false),
    };
    let problem = MarkupProblem::Xml(message);
    // The parser has no place for these.
    if at_end {
        return MarkupError::at(text, text.trim_end().len(), problem);
    }
    let place = error.pos();
    let before = MarkupError::at(text, begin, problem);
    // Columns of the first line begin where the document does.
    let column = if place.row == 1 { place.col + before.column - 1 } else { place.col };
    MarkupError { line: place.row + before.line - 1, column, ..before }
}

/// Manner in which the text of an element is spoken.
#[derive(Clone, Default, PartialEq, Eq)]
struct Manner {
    language: Option<String>,
    /// True if the language is that of the announcement, and no piece needs to name it.
    inherited: bool,
    speaker: Option<String>,
    prosody: Prosody,
}

struct SsmlBuilder<'a> {
    text: &'a str,
    /// Byte at which the document begins.
    begin: usize,
    pieces: Vec<ScriptPiece>,
    /// Text that may still grow, and its manner.
    pending: Option<(Manner, SpokenPiece)>,
    paused_ms: u32,
    spoken_bytes: usize,
}

impl SsmlBuilder<'_> {
    fn place(&self, node: Node<'_, '_>) -> usize {
        self.begin + node.range().start
    }

    fn fail<T>(&self, node: Node<'_, '_>, problem: MarkupProblem) -> Result<T, MarkupError> {
        Err(MarkupError::at(self.text, self.place(node), problem))
    }

    /// Reads an element with all in it.
    fn element(&mut self, node: Node<'_, '_>, outer: &Manner, depth: usize) -> Result<(), MarkupError> {
        if depth > DEPTH_MAX {
            return self.fail(node, MarkupProblem::Depth);
        }
        let manner = self.manner(node, outer)?;
        // By the local name: documents are written with and without the namespace of the standard, and nothing else of
        // another namespace is known by such a name.
        match node.tag_name().name() {
            "speak" | "lang" | "voice" | "prosody" | "emphasis" | "phoneme" | "token" | "w" | "lookup" => {
                self.children(node, &manner, depth)
            }
            // Line ends end sentences.
            "p" | "paragraph" | "s" | "sentence" => {
                self.append(node, "\n", &manner)?;
                self.children(node, &manner, depth)?;
                self.append(node, "\n", &manner)
            }
            "break" => self.pause(node),
            "say-as" => {
                let Some(class) = node.attribute("interpret-as") else {
                    let problem = MarkupProblem::Missing { element: "say-as", attribute: "interpret-as" };
                    return self.fail(node, problem);
                };
                let format = node.attribute("format").unwrap_or_default();
                let text = say_as::rewritten(&text_of(node), class, format, manner.language.as_deref());
                self.append(node, &text, &manner)
            }
            "sub" => match node.attribute("alias") {
                Some(alias) => self.append(node, alias, &manner),
                None => self.fail(node, MarkupProblem::Missing { element: "sub", attribute: "alias" }),
            },
            "mark" => self.mark(node),
            "audio" => self.sound(node, &manner),
            // About the document, not of it.
            "meta" | "metadata" | "lexicon" | "desc" => Ok(()),
            name => self.fail(node, MarkupProblem::Element(quoted(name))),
        }
    }

    fn children(&mut self, node: Node<'_, '_>, manner: &Manner, depth: usize) -> Result<(), MarkupError> {
        // Recursive, which the check of the depth bounds: the parser itself would take a document of any depth.
        for child in node.children() {
            match child.node_type() {
                NodeType::Element => self.element(child, manner, depth + 1)?,
                NodeType::Text => self.append(child, child.text().unwrap_or_default(), manner)?,
                NodeType::Root | NodeType::Comment | NodeType::PI => {}
            }
        }
        Ok(())
    }

    /// Returns the manner of an element's text.
    fn manner(&self, node: Node<'_, '_>, outer: &Manner) -> Result<Manner, MarkupError> {
        let mut manner = outer.clone();
        // The attribute is allowed everywhere, and an empty one means "unknown", for which the outer one is as good.
        if let Some(language) = node.attribute((XML, "lang")).filter(|language| !language.is_empty()) {
            (manner.language, manner.inherited) = (Some(language.to_owned()), false);
        }
        match node.tag_name().name() {
            "voice" => {
                // The names are in the order of preference; which of them there are is known only to the voice.
                let name = node.attribute("name").and_then(|names| names.split_whitespace().next());
                manner.speaker = name.map(str::to_owned).or(manner.speaker);
            }
            "prosody" => {
                let read = prosody(|name| node.attribute(name), outer.prosody);
                manner.prosody = match read {
                    Ok(prosody) => prosody,
                    Err((attribute, takes)) => {
                        return self.fail(node, MarkupProblem::Value { attribute, takes });
                    }
                };
            }
            _ => {}
        }
        Ok(manner)
    }

    /// Appends text to the present piece, or begins another one where the manner changes.
    fn append(&mut self, node: Node<'_, '_>, text: &str, manner: &Manner) -> Result<(), MarkupError> {
        // Counted here and not by the document, which an alias in an attribute can make far longer.
        self.spoken_bytes += text.len();
        if self.spoken_bytes > SPOKEN_BYTES_MAX {
            return self.fail(node, MarkupProblem::Long);
        }
        if let Some((present, piece)) = &mut self.pending
            && present == manner
        {
            piece.text.push_str(text);
            return Ok(());
        }
        // Blanks between elements are no piece of their own.
        if text.trim().is_empty() {
            return Ok(());
        }
        // Another manner is another utterance: a voice has one speaker and one language at a time.
        self.flush(node)?;
        let piece = self.spoken(node, text.to_owned(), manner);
        self.pending = Some((manner.clone(), piece));
        Ok(())
    }

    fn spoken(&self, node: Node<'_, '_>, text: String, manner: &Manner) -> SpokenPiece {
        let language = manner.language.clone().filter(|_| !manner.inherited);
        SpokenPiece {
            at: self.place(node),
            text,
            language,
            speaker: manner.speaker.clone(),
            prosody: manner.prosody,
        }
    }

    /// Ends the present piece.
    fn flush(&mut self, node: Node<'_, '_>) -> Result<(), MarkupError> {
        match self.pending.take() {
            Some((_, piece)) => self.push(node, ScriptPiece::Speak(piece)),
            None => Ok(()),
        }
    }

    fn push(&mut self, node: Node<'_, '_>, piece: ScriptPiece) -> Result<(), MarkupError> {
        // After the push, so that the error has the place of the piece that is too many.
        self.pieces.push(piece);
        if self.pieces.len() > PIECES_MAX { self.fail(node, MarkupProblem::Pieces) } else { Ok(()) }
    }

    fn pause(&mut self, node: Node<'_, '_>) -> Result<(), MarkupError> {
        let strength = node.attribute("strength").unwrap_or("medium");
        let takes = "none, x-weak, weak, medium, strong or x-strong";
        let Some(mut ms) = break_ms(strength) else {
            return self.fail(node, MarkupProblem::Value { attribute: "strength", takes });
        };
        // By the standard the time counts where both are given.
        if let Some(time) = node.attribute("time") {
            let takes = "a time such as 500ms or 1.5s";
            let Some(time) = milliseconds(time.trim()) else {
                return self.fail(node, MarkupProblem::Value { attribute: "time", takes });
            };
            if time > f64::from(PAUSE_MS_MAX) {
                return self.fail(node, MarkupProblem::LongPause);
            }
            ms = time.round() as u32;
        }
        self.paused_ms += ms;
        if self.paused_ms > PAUSES_MS_MAX {
            return self.fail(node, MarkupProblem::LongPauses);
        }
        // No boundary: the standard has `strength="none"` so that an engine joins what it would have parted.
        if ms == 0 {
            return Ok(());
        }
        self.flush(node)?;
        self.push(node, ScriptPiece::Pause { at: self.place(node), ms })
    }

    fn mark(&mut self, node: Node<'_, '_>) -> Result<(), MarkupError> {
        let Some(name) = node.attribute("name") else {
            return self.fail(node, MarkupProblem::Missing { element: "mark", attribute: "name" });
        };
        // The name goes to events, logs and lines of a serial port, where a line end would begin another answer.
        let length = name.chars().count();
        if length == 0 || length > MARK_CHARACTERS_MAX || name.chars().any(char::is_control) {
            return self.fail(node, MarkupProblem::MarkName);
        }
        self.flush(node)?;
        self.push(node, ScriptPiece::Mark { at: self.place(node), name: name.to_owned() })
    }

    fn sound(&mut self, node: Node<'_, '_>, manner: &Manner) -> Result<(), MarkupError> {
        let text = text_of(node);
        let instead = (!text.trim().is_empty()).then(|| self.spoken(node, text.clone(), manner));
        match node.attribute("src").filter(|name| is_sound(name)) {
            Some(name) => {
                // It is spoken only where the sound is missing, but must fit then.
                self.spoken_bytes += text.len();
                self.flush(node)?;
                self.push(node, ScriptPiece::Sound { at: self.place(node), name: name.to_owned(), instead })
            }
            // By the standard the content takes the place of a sound that cannot be had.
            None if instead.is_some() => self.append(node, &text, manner),
            None => self.fail(node, MarkupProblem::Sound),
        }
    }
}

/// Returns true if the name can be that of a chime: a file in its folder, and no address.
fn is_sound(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=SOUND_CHARACTERS_MAX).contains(&name.chars().count())
        && !name.starts_with('.')
        && name.chars().all(allowed)
}

/// Returns all text in an element, without the descriptions of sounds.
fn text_of(node: Node<'_, '_>) -> String {
    let in_description =
        |node: &Node<'_, '_>| node.parent().is_some_and(|parent| parent.tag_name().name() == "desc");
    let texts = node.descendants().filter(|node| node.is_text() && !in_description(node));
    texts.filter_map(|text| text.text()).collect()
}
