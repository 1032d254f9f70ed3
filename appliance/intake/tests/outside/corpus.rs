//! The inputs of `tests/corpus`, one folder for each dialect: none does harm, none is read differently in other
//! pieces, and after each the next message is understood.

use std::path::Path;
use std::time::{Duration, Instant};

use crier_config::DialectName;

use crate::parsers::{DIALECTS, held_max, hi, parser, requests, resynchronise, says, silence};

#[test]
fn every_input_of_the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files = 0;
    for folder in std::fs::read_dir(corpus).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            files += 1;
            // What is nasty to one dialect may be so to another.
            for name in DIALECTS {
                replay(name, &bytes, &path);
            }
        }
    }
    assert!(files >= 25, "only {files} files");
}

fn replay(name: DialectName, bytes: &[u8], path: &Path) {
    let whole = requests(name, bytes, usize::MAX);
    for chunk in [1, 3, 64] {
        assert_eq!(requests(name, bytes, chunk), whole, "{} as {name:?} by {chunk}", path.display());
    }
    let (mut parser, now, mut found) = (parser(name), Instant::now(), Vec::new());
    for part in bytes.chunks(512) {
        parser.read(part, now, &mut found);
        assert!(parser.held() <= held_max(name), "{} as {name:?}", path.display());
    }
    silence(parser.as_mut(), &mut found);
    parser.read(resynchronise(name), now, &mut found);
    parser.read(hi(name), now + Duration::from_secs(10), &mut found);
    assert!(says(found.last(), "Hi"), "{} as {name:?}", path.display());
}
