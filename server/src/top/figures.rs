//! Numbers as people read them.

/// What stands where there is nothing to tell.
const NOTHING: &str = "-";

/// 1,234,567.
pub(super) fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// 0.3, 12.5, 1,234.
pub(super) fn rate(number: f64) -> String {
    if number < 99.95 { format!("{:.1}", number.max(0.0)) } else { whole(number) }
}

/// 5.3, if there is one.
pub(super) fn average(number: Option<f64>) -> String {
    number.map_or_else(|| NOTHING.to_owned(), rate)
}

/// 34 %, if there is one.
pub(super) fn share(part: Option<f64>) -> String {
    part.map_or_else(|| NOTHING.to_owned(), |part| format!("{:.0} %", part * 100.0))
}

/// 85 µs, 1.2 ms, 340 ms, 2.5 s: how long one of something took.
pub(super) fn took(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return NOTHING.to_owned() };
    match seconds {
        _ if seconds < 0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        _ if seconds < 0.009_95 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 0.999_5 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}

/// 0 s, 43 ms, 2.5 s, 42 s, 3 min, 2 h 5 min, 4 d 3 h: how long something has lasted.
pub(super) fn lasted(seconds: f64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    if seconds > 0.0 && seconds < 9.95 {
        return took(Some(seconds));
    }
    // A float beyond what there is of time becomes the largest number.
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..MINUTE => format!("{whole} s"),
        MINUTE..HOUR => format!("{} min", whole / MINUTE),
        HOUR..DAY => format!("{} h {} min", whole / HOUR, whole % HOUR / MINUTE),
        _ => format!("{} d {} h", whole / DAY, whole % DAY / HOUR),
    }
}

/// 512 B, 1.5 MiB, 340 GiB.
pub(super) fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut number, mut unit) = (bytes.max(0.0), 0);
    while number >= 1_023.5 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1_024.0, unit + 1);
    }
    let digits = usize::from(unit > 0 && number < 99.95);
    format!("{number:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        assert_eq!([0.0, 999.0, 1_000.0, 1_234_567.4].map(whole), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.25, 99.94, 99.96, 12_345.6].map(rate), ["0.0", "0.2", "99.9", "100", "12,346"]);
        assert_eq!([Some(5.33), None].map(average), ["5.3", "-"]);
        assert_eq!([Some(0.336), Some(1.0), None].map(share), ["34 %", "100 %", "-"]);
        let times = [0.0, 0.000_085, 0.000_999_9, 0.001_24, 0.012_4, 0.999_9, 12.34].map(Some).map(took);
        assert_eq!(times, ["0 µs", "85 µs", "1.0 ms", "1.2 ms", "12 ms", "1.0 s", "12.3 s"]);
        assert_eq!(took(None), "-");
        let spans = [0.0, 0.043, 2.54, 42.0, 59.6, 185.0, 7_500.0, 360_000.0].map(lasted);
        assert_eq!(spans, ["0 s", "43 ms", "2.5 s", "42 s", "1 min", "3 min", "2 h 5 min", "4 d 4 h"]);
        let sizes = [0.0, 512.0, 1_024.0, 1_572_864.0, 1_048_570.0, 365e9, 9e15].map(size);
        assert_eq!(sizes, ["0 B", "512 B", "1.0 KiB", "1.5 MiB", "1.0 MiB", "340 GiB", "8185 TiB"]);
    }

    #[test]
    fn no_number_is_too_strange() {
        for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1.0] {
            let said = [whole(strange), rate(strange), took(Some(strange)), lasted(strange), size(strange)];
            assert!(said.iter().all(|said| !said.is_empty()), "{said:?}");
        }
    }
}
