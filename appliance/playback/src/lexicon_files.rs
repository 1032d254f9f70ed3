//! The owner's lexicon: the pronunciations of the configuration, and of the files beside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crier_config::{Config, ConfigError, parse_lexicon};
use crier_lexicon::{LEXEMES_MAX, UserLexicon};
use crier_system::read_bounded;

/// Folder of the lexicon files, below the folder of the state.
const FOLDER: &str = "lexicon";
/// Files that are read: one for each language and subject, and room for more.
const FILES_MAX: usize = 64;
/// Longest file, in bytes: as many entries as there may be in all.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reasons why entries of the owner's lexicon have no effect.
#[derive(Debug, thiserror::Error)]
pub enum LexiconProblem {
    /// A file, or the folder, cannot be read or understood.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// Files that come after the last one that is read.
    #[error("{} has more than {FILES_MAX} files; merge some of them", .0.display())]
    TooManyFiles(PathBuf),
    /// Entries that come after the last one that is kept.
    #[error("the lexicon has {0} entries, of which the first {LEXEMES_MAX} count; leave some out")]
    TooManyEntries(usize),
}

/// Reads the lexicon of a configuration and of its files, and what is wrong with them: a file that is wrong has no
/// effect, and does not keep the others from theirs. Blocks.
#[must_use]
pub fn read_user_lexicon(config: &Config) -> (UserLexicon, Vec<LexiconProblem>) {
    let (mut lexemes, mut problems) = (config.pronunciation.clone(), Vec::new());
    for file in lexicon_files(&config.appliance.state_dir.join(FOLDER), &mut problems) {
        let read = read_bounded(&file, FILE_BYTES_MAX)
            .map_err(|source| vec![ConfigError::Read { path: file.clone(), source }]);
        match read.and_then(|text| parse_lexicon(&file.to_string_lossy(), &text)) {
            Ok(more) => lexemes.extend(more),
            Err(errors) => problems.extend(errors.into_iter().map(LexiconProblem::File)),
        }
    }
    if lexemes.len() > LEXEMES_MAX {
        problems.push(LexiconProblem::TooManyEntries(lexemes.len()));
    }
    (UserLexicon::new(lexemes), problems)
}

/// Returns the files of the folder by name, which decides whose entry of a word counts.
fn lexicon_files(folder: &Path, problems: &mut Vec<LexiconProblem>) -> Vec<PathBuf> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        // Most appliances have no such folder.
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(source) => {
            problems.push(ConfigError::Read { path: folder.to_owned(), source }.into());
            return Vec::new();
        }
    };
    let paths = listed.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    if files.len() > FILES_MAX {
        files.truncate(FILES_MAX);
        problems.push(LexiconProblem::TooManyFiles(folder.to_owned()));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, say: &str) -> String {
        format!("[[pronunciation]]\ntext = \"{text}\"\nsay = \"{say}\"\n")
    }

    fn read(text: &str, lexicon: &UserLexicon) -> String {
        let found = lexicon.occurrences(text, None, false);
        found.into_iter().map(|occurrence| occurrence.replacement).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn entries_of_the_configuration_precede_those_of_files_and_a_bad_file_harms_no_other() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join(FOLDER);
        let mut config = Config::default();
        config.appliance.state_dir = state.path().to_owned();
        assert_eq!(read_user_lexicon(&config).0, UserLexicon::default());
        std::fs::create_dir(&folder).unwrap();
        config.pronunciation = parse_lexicon("", &entry("a", "configuration")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("2.toml", &(entry("a", "two") + &entry("b", "two") + &entry("c", "two")));
        write("1.toml", &entry("b", "one"));
        write("notes.txt", "not a lexicon");
        let (lexicon, problems) = read_user_lexicon(&config);
        assert_eq!((read("a b c", &lexicon), problems.len()), ("configuration one two".to_owned(), 0));

        write("0.toml", "[[pronunciation]]\ntext = \"b\"\n\n[voice]\n");
        std::fs::create_dir(folder.join("folder.toml")).unwrap();
        let (lexicon, problems) = read_user_lexicon(&config);
        assert_eq!(read("a b c", &lexicon), "configuration one two");
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("0.toml:1:1: `pronunciation.say` is missing"), "{problems:?}");
        assert!(problems[1].contains("0.toml:4:2: `voice` is not a section"), "{problems:?}");
        assert!(problems[2].contains("folder.toml: not a regular file"), "{problems:?}");
    }

    #[test]
    fn files_and_entries_beyond_their_bounds_are_told() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        let mut config = Config::default();
        config.appliance.state_dir = state.path().to_owned();
        for file in 0..=FILES_MAX {
            let entries: String = (0..200).map(|word| entry(&format!("{file} {word}"), "x")).collect();
            std::fs::write(folder.join(format!("{file}.toml")), entries).unwrap();
        }
        std::fs::write(folder.join("0.toml"), "#".repeat(FILE_BYTES_MAX as usize + 1)).unwrap();
        let (lexicon, problems) = read_user_lexicon(&config);
        assert_eq!(lexicon.len(), LEXEMES_MAX);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(problems[0].contains("more than 64 files"), "{problems:?}");
        assert!(problems[1].contains("0.toml: longer than"), "{problems:?}");
        assert!(problems[2].contains("12600 entries"), "{problems:?}");
    }
}
