//! Collection of all problems found while the file is read, not only the first.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use crate::error::{ConfigError, Finding, Warning};
use crate::key::Key;
use crate::place::Source;

/// Maximum number of problems shown; with more of them the file is most likely not a configuration.
const PROBLEMS_MAX: usize = 50;

/// Problem with a value, and its remedy.
pub(crate) struct Trouble {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl Trouble {
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// The state of one reading of the file.
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    unshown: usize,
    /// Lines that are no TOML: what was made of them says nothing.
    broken_lines: BTreeSet<usize>,
    /// From this byte on nothing is what it seems.
    broken_from: usize,
    /// Lists the keys of all sections, for remedies that name another section.
    all_keys: fn() -> Vec<Key>,
    /// Keys read so far, if the purpose is to list them.
    keys: Option<Vec<Key>>,
    /// Values of `{NAME}` at the start of a path.
    directories: Vec<(&'static str, PathBuf)>,
}

impl<'a> Reader<'a> {
    /// Returns a reader of a file.
    pub(crate) fn new(source: Source<'a>, all_keys: fn() -> Vec<Key>) -> Self {
        Self {
            source,
            errors: Vec::new(),
            warnings: Vec::new(),
            unshown: 0,
            broken_lines: BTreeSet::new(),
            broken_from: usize::MAX,
            all_keys,
            keys: None,
            directories: Vec::new(),
        }
    }

    /// Returns a reader of an empty file that lists the keys it is asked for.
    pub(crate) fn of_keys() -> Self {
        Self { keys: Some(Vec::new()), ..Self::new(Source::new("", ""), Vec::new) }
    }

    pub(crate) fn all_keys(&self) -> fn() -> Vec<Key> {
        self.all_keys
    }

    pub(crate) fn wants_keys(&self) -> bool {
        self.keys.is_some()
    }

    pub(crate) fn note(&mut self, key: impl FnOnce() -> Key) {
        if let Some(keys) = &mut self.keys {
            keys.push(key());
        }
    }

    pub(crate) fn into_keys(self) -> Vec<Key> {
        self.keys.unwrap_or_default()
    }

    pub(crate) fn name_directory(&mut self, name: &'static str, path: PathBuf) {
        self.directories.push((name, path));
    }

    pub(crate) fn directories(&self) -> &[(&'static str, PathBuf)] {
        &self.directories
    }

    /// Records an error of the TOML parser.
    pub(crate) fn syntax_error(&mut self, span: Range<usize>, trouble: Trouble) {
        // The parser stumbles over the rest of a broken line again and again; its first complaint is the one that
        // helps.
        if self.broken_lines.insert(self.source.line(span.start)) {
            self.keep(span, "", || trouble);
        }
    }

    /// Says what is wrong at `span`, and that what follows is broken by it.
    pub(crate) fn broken_from(&mut self, span: Range<usize>, trouble: Trouble) {
        self.broken_from = span.start;
        self.syntax_error(span, trouble);
    }

    pub(crate) fn error(&mut self, span: Range<usize>, key: &str, trouble: Trouble) {
        self.error_with(span, key, || trouble);
    }

    /// The same where it takes some work to find out what to say.
    pub(crate) fn error_with(&mut self, span: Range<usize>, key: &str, trouble: impl FnOnce() -> Trouble) {
        // What the recovering parser made of a broken line is not what was written there.
        if span.start < self.broken_from && !self.broken_lines.contains(&self.source.line(span.start)) {
            self.keep(span, key, trouble);
        }
    }

    pub(crate) fn warning(&mut self, span: Range<usize>, key: &str, trouble: Trouble) {
        // Further warnings are left out without a count: the file is valid, and they are most likely of one kind.
        if self.warnings.len() < PROBLEMS_MAX {
            let finding = self.finding(span, key, trouble);
            self.warnings.push(finding);
        }
    }

    fn keep(&mut self, span: Range<usize>, key: &str, trouble: impl FnOnce() -> Trouble) {
        if self.errors.len() < PROBLEMS_MAX {
            let finding = self.finding(span, key, trouble());
            self.errors.push(finding);
        } else {
            // Counted, so that the last line says how much was left out.
            self.unshown += 1;
        }
    }

    fn finding(&self, span: Range<usize>, key: &str, trouble: Trouble) -> Finding {
        let place = self.source.place(span);
        Finding {
            file: self.source.name().to_owned(),
            line: place.line,
            column: place.column,
            excerpt: place.excerpt,
            caret: place.caret,
            width: place.width,
            key: key.to_owned(),
            problem: trouble.problem,
            remedy: trouble.remedy,
        }
    }

    /// Warnings if there are no errors, else the errors; both in the order of the file.
    pub(crate) fn finish(self) -> Result<Vec<Warning>, Vec<ConfigError>> {
        let Self { source, mut errors, mut warnings, unshown, .. } = self;
        let order = |finding: &Finding| (finding.line, finding.column);
        // Warnings of a refused file are dropped, since they would hide what has to be mended; they come back
        // afterwards.
        if errors.is_empty() {
            warnings.sort_by_key(order);
            return Ok(warnings.into_iter().map(Warning).collect());
        }
        // Sections are read in the order of their dependence, but a person mends a file from its top.
        errors.sort_by_key(order);
        let mut errors: Vec<_> = errors.into_iter().map(ConfigError::At).collect();
        if unshown > 0 {
            errors.push(ConfigError::More { file: source.name().to_owned(), count: unshown });
        }
        Err(errors)
    }
}
