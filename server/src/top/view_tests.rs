//! What stands on a screen, whole, for screens of all sizes.
#![allow(clippy::unwrap_used)]

use super::changes::Changes;
use super::overview::{Overview, Rebuild};
use super::scrape::Scrape;
use super::screen::paint;
use super::text::Tone;
use super::view::View;

/// A server that has much to do, as its metrics would say it; each number of the second look is counted on from the
/// first one.
fn busy() -> Overview {
    let text = |looks: u32| {
        let at = |first: u32, growth: u32| first + growth * looks;
        let reads = |route: &str, class: &str, count: u32| {
            format!(
                "http_server_requests_total{{http_route=\"{route}\",http_response_status_class=\"{class}\"}} {count}\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"{route}\",le=\"0.0001\"}} {count}\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"{route}\",le=\"+Inf\"}} {count}\n"
            )
        };
        [
            "lawless_build_info{version=\"0.0.1\"} 1\nprocess_start_time_seconds 1000\n".to_owned(),
            format!("lawless_commands_total{{command=\"a\",outcome=\"created\"}} {}\n", at(10, 300)),
            format!("lawless_commands_total{{command=\"b\",outcome=\"replayed\"}} {}\n", at(0, 124)),
            format!("lawless_commands_total{{command=\"a\",outcome=\"refused\"}} {}\n", at(5, 3)),
            format!("lawless_commands_total{{command=\"a\",outcome=\"failed\"}} {}\n", at(0, 1)),
            format!("lawless_command_conflicts_total{{command=\"a\"}} {}\n", at(0, 2)),
            format!("lawless_command_seconds_bucket{{command=\"a\",le=\"0.004\"}} {}\n", at(15, 428)),
            format!("lawless_command_seconds_bucket{{command=\"a\",le=\"+Inf\"}} {}\n", at(15, 428)),
            format!("lawless_journal_head_position {}\n", at(1_234_000, 567)),
            "lawless_journal_queue_depth 7\n".to_owned(),
            format!("lawless_journal_batch_commands_bucket{{le=\"5\"}} {}\n", at(10, 60)),
            format!("lawless_journal_batch_commands_bucket{{le=\"25\"}} {}\n", at(10, 80)),
            format!("lawless_journal_batch_commands_count {}\n", at(10, 80)),
            format!("lawless_journal_batch_commands_sum {}\n", at(15, 424)),
            format!("lawless_journal_append_seconds_bucket{{le=\"0.002\"}} {}\n", at(15, 428)),
            format!("lawless_projection_published_position{{group=\"directory\"}} {}\n", at(1_233_980, 567)),
            "lawless_projection_lag_events{group=\"directory\"} 20\n".to_owned(),
            "lawless_projection_lag_seconds{group=\"directory\"} 0.043\n".to_owned(),
            "lawless_projection_parked_streams{group=\"directory\"} 1\n".to_owned(),
            "lawless_projection_health{group=\"directory\",health=\"paused\"} 0\n".to_owned(),
            "lawless_projection_health{group=\"directory\",health=\"live\"} 1\n".to_owned(),
            "lawless_projection_rebuild_running{group=\"directory\"} 1\n".to_owned(),
            "lawless_projection_rebuild_position{group=\"directory\"} 420000\n".to_owned(),
            "lawless_projection_rebuild_remaining_seconds{group=\"directory\"} 12.2\n".to_owned(),
            reads("/v1/businesses/{id}", "2xx", at(900, 3_000)),
            reads("/v1/categories/{slug}/businesses", "3xx", at(40, 1_000)),
            reads("/v1/locations", "2xx", 0),
            reads("/v1/locations/{slug}", "4xx", at(2, 8)),
            reads("/v1/categories", "5xx", at(0, 1)),
            format!(
                "lawless_reads_not_modified_total{{http_route=\"/v1/categories/{{slug}}/businesses\"}} {}\n",
                at(20, 500)
            ),
            format!("process_cpu_seconds_total {}.0\n", at(7, 3)),
            "process_resident_memory_bytes 327155712\nprocess_anonymous_memory_bytes 125829120\n".to_owned(),
            "lawless_http_connections 12\n".to_owned(),
            "lawless_store_size_bytes{store=\"journal\"} 1395864371\n".to_owned(),
            "lawless_store_size_bytes{store=\"views\"} 3650722201\n".to_owned(),
        ]
        .concat()
    };
    let (before, after) = (Scrape::parse(&text(0)).unwrap(), Scrape::parse(&text(1)).unwrap());
    Overview::of(&Changes::between(&before, &after, 2.0), 8_500.0)
}

fn running(overview: Overview) -> View {
    View::Running { address: "127.0.0.1:8081".to_owned(), overview: Box::new(overview) }
}

/// What stands there, without what is empty at the right.
fn screen(view: &View, width: usize, height: usize) -> String {
    let lines = view.lines(width, height);
    lines.iter().map(|line| line.cut(width).to_string().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_busy_server_on_a_terminal() {
    insta::assert_snapshot!("busy", screen(&running(busy()), 90, 26));
}

#[test]
fn on_a_small_terminal_whole_columns_and_lines_are_missing_and_it_says_so() {
    insta::assert_snapshot!("small", screen(&running(busy()), 42, 12));
}

#[test]
fn a_server_that_is_not_there() {
    let view = View::Unreachable {
        since: "08:00:03 UTC".to_owned(),
        seconds: 75.0,
        reason: "no server runs on ./data".to_owned(),
    };
    insta::assert_snapshot!("unreachable", screen(&view, 60, 4));
    let view = View::Measuring { address: "127.0.0.1:8081".to_owned() };
    insta::assert_snapshot!("measuring", screen(&view, 60, 2));
}

#[test]
fn no_terminal_is_too_small_and_no_number_too_strange() {
    let mut strange = busy();
    for number in [f64::NAN, f64::INFINITY, f64::MAX, -1.0] {
        strange.commands.accepted = number;
        strange.journal.position = number;
        strange.journal.batch_p99 = Some(number);
        strange.groups[0].behind_seconds = number;
        strange.groups[0].rebuild = Some(Rebuild { done: number, seconds_left: Some(number) });
        strange.reads[0].not_modified = Some(number);
        strange.process.memory = number;
        for (width, height) in [(0, 0), (1, 1), (1, 30), (200, 1), (3, 2), (13, 7), (79, 24), (1_000, 60)] {
            let lines = running(strange.clone()).lines(width.into(), height.into());
            paint(&mut Vec::new(), &lines, (width, height)).unwrap();
        }
    }
}

#[test]
fn what_needs_somebody_is_red() {
    let colours = |overview: Overview| {
        let lines = running(overview).lines(90, 26);
        let red = lines.iter().flat_map(|line| &line.0).filter(|piece| piece.tone == Tone::Bad);
        red.map(|piece| piece.text.as_str()).collect::<String>()
    };
    let mut overview = busy();
    assert_eq!(colours(overview.clone()), "0.510.50.5", "failed commands, a parked stream, errors of the server");
    overview.groups[0].health = "halted".to_owned();
    overview.groups[0].behind_seconds = 185.0;
    overview.groups[0].parked = 0.0;
    overview.commands.failed = 0.0;
    assert_eq!(colours(overview), "halted3 min0.50.5");
}
