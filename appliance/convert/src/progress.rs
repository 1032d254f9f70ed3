//! Progress reports of a conversion.

/// Receiver of progress reports.
pub trait ConvertProgress {
    /// Begins a stage of `total` units.
    fn stage(&mut self, name: &str, total: u64);
    /// Reports that `units` more units of the stage are done.
    fn advance(&mut self, units: u64);
}

/// Ignores progress reports.
impl ConvertProgress for () {
    fn stage(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64) {}
}
