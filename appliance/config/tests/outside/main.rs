//! The configuration as its readers see it.
#[test]
fn show() {
    let text = std::fs::read_to_string("/tmp/bad.toml").unwrap();
    match crier_config::Config::parse("crier.toml", &text) {
        Ok((config, warnings)) => println!("{}\n{config:?}", crier_config::report(&[], &warnings, false)),
        Err(errors) => println!("{}", crier_config::report(&errors, &[], false)),
    }
    for key in crier_config::keys() {
        println!("{key:?}");
    }
}
