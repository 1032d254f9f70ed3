//! Lines of a FIFO: the messages are independent of the chunks in which they are read.
#![no_main]

use crier_intake::{Defaults, LineSplitter, Message};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(messages(bytes, usize::MAX), messages(bytes, 1));
});

fn messages(bytes: &[u8], chunk: usize) -> Vec<Option<Message>> {
    let defaults = Defaults::default();
    let (mut lines, mut messages) = (LineSplitter::default(), Vec::new());
    let mut take = |line| {
        messages.push(match line {
            crier_intake::InputLine::Whole(line) => Some(Message::read(&line, &defaults)),
            crier_intake::InputLine::TooLong => None,
        });
    };
    for part in bytes.chunks(chunk) {
        lines.read(part, &mut take);
    }
    lines.finish(&mut take);
    messages
}
