//! Written text and how it is spoken, a file a language: `cases/LANGUAGE.tsv`, lines `class<TAB>written<TAB>spoken`.
//! A translator adds a line; nothing else has to change.

use std::path::Path;

use crier_normalise::{Language, verbalise};

#[test]
fn every_case_of_every_language_is_spoken_as_its_table_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut wrong = Vec::new();
    let mut tables = 0;
    for language in Language::ALL {
        let Ok(table) = std::fs::read_to_string(directory.join(format!("{language}.tsv"))) else { continue };
        tables += 1;
        for (at, line) in
            table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        {
            let columns: Vec<&str> = line.split('\t').collect();
            let [_, written, spoken] = columns[..] else {
                panic!("{language}.tsv:{}: three columns are needed", at + 1);
            };
            let said = verbalise(written, language);
            if said != spoken {
                wrong.push(format!(
                    "{language}.tsv:{}: {written:?} is spoken {said:?}, not {spoken:?}",
                    at + 1
                ));
            }
        }
    }
    assert!(tables > 0, "no tables in {}", directory.display());
    assert!(wrong.is_empty(), "{}\n{} cases are wrong", wrong.join("\n"), wrong.len());
}
