//! What the process takes of the machine.

use metrics::gauge;
use rustix::time::{ClockId, clock_gettime};

/// Measures the memory. Where the system does not tell it, nobody else is told.
pub(super) fn measure_memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    for (field, metric) in [("VmRSS:", "process_resident_memory_bytes"), ("RssAnon:", "process_anonymous_memory_bytes")]
    {
        if let Some(bytes) = bytes_of(&status, field) {
            gauge!(metric).set(bytes);
        }
    }
}

/// The time of processors, as lines of the text format: the recorder's counters count whole numbers only.
pub(super) fn processor_time() -> String {
    const NAME: &str = "process_cpu_seconds_total";
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    format!("\n# HELP {NAME} Time that processors have spent on the process\n# TYPE {NAME} counter\n{NAME} {seconds}\n")
}

/// Of a line such as `VmRSS:      1234 kB`.
fn bytes_of(status: &str, field: &str) -> Option<f64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?;
    Some(kibibytes.trim().parse::<f64>().ok()? * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tlawless\nVmRSS:\t   2048 kB\nRssAnon:\t    17 kB\nRssFile:\t soon kB\n";
        assert_eq!(bytes_of(status, "VmRSS:"), Some(2_097_152.0));
        assert_eq!(bytes_of(status, "RssAnon:"), Some(17_408.0));
        assert_eq!((bytes_of(status, "RssFile:"), bytes_of(status, "VmHWM:")), (None, None));
    }
}
