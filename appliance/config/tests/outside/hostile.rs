//! Files that nobody wrote: never a panic, and every complaint has a place inside the file.

use crier_config::{Config, ConfigError, FILE_BYTES_MAX, Finding, Warning, report};
use proptest::prelude::*;

use crate::repository;

fn check(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let in_file = |finding: &Finding| {
        assert!((1..=lines).contains(&finding.line), "{finding} of {lines} lines");
        assert!((1..=bytes.len() + 1).contains(&finding.column), "{finding}");
        let shown = finding.excerpt.chars().count();
        assert!(shown <= 100 && finding.caret <= shown && finding.width >= 1, "{finding:?}");
        assert!(finding.caret + finding.width <= shown.max(finding.caret + 1), "{finding:?}");
        assert!(!finding.problem.is_empty() && !finding.remedy.is_empty());
    };
    match Config::parse_bytes("f", bytes) {
        Ok((_, warnings)) => warnings.iter().for_each(|Warning(finding)| in_file(finding)),
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in &errors {
                match error {
                    ConfigError::At(finding) => in_file(finding),
                    ConfigError::More { count, .. } => assert!(*count > 0),
                    ConfigError::TooLong { .. } => assert!(bytes.len() > FILE_BYTES_MAX),
                    ConfigError::Read { .. } => panic!("nothing was read"),
                }
            }
            assert!(report(&errors, &[], false).contains("not valid: "));
        }
    }
}

/// The shipped files, with every key in use where they only mention it.
fn shipped() -> Vec<Vec<u8>> {
    let read = |name: &str| std::fs::read_to_string(repository(name)).unwrap();
    let whole = read("configs/crier.toml");
    let all: Vec<_> = whole
        .lines()
        .map(|line| if line.starts_with("# ") { line } else { line.trim_start_matches('#') })
        .collect();
    [all.join("\n"), read("configs/cm3588.toml"), read("configs/qemu.toml"), whole]
        .map(String::into_bytes)
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn any_text_that_looks_like_toml(text in "([a-z_]{1,12} = |\\[{1,2}[a-z.]{1,9}\\]{1,2}|\
        [\"'{}\\[\\],=#\n\r\t é0-9._-]{1,5}){0,40}") {
        check(text.as_bytes());
    }

    #[test]
    fn mutated_files(
        file in prop::sample::select(shipped()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), 0..30_usize), 1..8),
    ) {
        let mut bytes = file;
        for (place, kind, byte, length) in edits {
            let at = place.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes.insert(at, byte),
                1 => { bytes.drain(at..end); }
                2 => { let part = bytes[at..end].to_vec(); bytes.splice(at..at, part); }
                _ => bytes.truncate(at),
            }
            if bytes.is_empty() {
                break;
            }
        }
        check(&bytes);
    }
}

#[test]
fn deep_and_long_files_are_bounded() {
    check("[".repeat(FILE_BYTES_MAX).as_bytes());
    check(format!("a = {}", "[".repeat(FILE_BYTES_MAX - 4)).as_bytes());
    check(format!("a = {}", "{a=".repeat(80_000)).as_bytes());
    check("a.".repeat(100_000).as_bytes());
    check("x\n".repeat(FILE_BYTES_MAX / 2).as_bytes());
    check("[[fifo]]\n".repeat(20_000).as_bytes());
    let keys: String = (0..30_000).map(|index| format!("k{index}=1\n")).collect();
    check(format!("[queue]\n{keys}").as_bytes());
    check(format!("queue = {{ {} }}", keys.replace('\n', ",")).as_bytes());
    check(&vec![0xff; FILE_BYTES_MAX]);
    check("= ".repeat(FILE_BYTES_MAX / 2).as_bytes());
    check(&vec![b'\n'; FILE_BYTES_MAX + 1]);
}
