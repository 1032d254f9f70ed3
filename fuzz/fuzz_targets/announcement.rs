//! JSON form of an announcement: parsing and validation never panic, and the text is unchanged.
#![no_main]

use crier_announce::Draft;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(draft) = Draft::from_json(bytes) else { return };
    let text = draft.text.clone();
    if let Ok(announcement) = draft.validate() {
        assert_eq!(announcement.text(), text);
    }
});
