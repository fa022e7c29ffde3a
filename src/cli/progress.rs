//! How far a long command is: a bar on a terminal, else a line now and then.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two texts of a bar: a text costs more than the bar, which draws some twenty times a second at most.
const TEXT_EVERY: u64 = 1000;

/// What a stage of the work is told of. Goes to standard error.
pub struct Progress {
    show: Show,
    verb: &'static str,
    noun: &'static str,
    started: Instant,
}

enum Show {
    /// With the count its text was made for.
    Bar(ProgressBar, Option<u64>),
    Lines {
        last: Instant,
    },
    Nothing,
}

/// Whether anything is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As the terminal allows.
    Yes,
    /// Nothing, for output that a program reads.
    No,
}

impl Progress {
    /// The progress of a stage that does `verb` to so many `noun`, such as "checked" "rows".
    pub fn new(shown: Shown, verb: &'static str, noun: &'static str) -> Progress {
        let started = Instant::now();
        let show = match (shown, stderr().is_terminal()) {
            (Shown::No, _) => Show::Nothing,
            (Shown::Yes, true) => Show::Bar(bar(), None),
            (Shown::Yes, false) => Show::Lines { last: started },
        };
        Progress {
            show,
            verb,
            noun,
            started,
        }
    }

    /// Tells that `count` are done, which is `done` of `all` of the work (bytes, or whatever is known). Cheap
    /// enough for every row.
    pub fn tell(&mut self, count: u64, done: u64, all: u64) {
        match &mut self.show {
            Show::Bar(bar, told) => {
                bar.set_length(all);
                bar.set_position(done);
                if is_due(*told, count) || done == all {
                    *told = Some(count);
                    bar.set_message(sentence(self.verb, self.noun, count, self.started.elapsed()));
                }
            }
            Show::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let elapsed = self.started.elapsed();
                let left = left(done, all, elapsed);
                output::complain(&format!(
                    "{}{left}",
                    sentence(self.verb, self.noun, count, elapsed)
                ));
            }
            Show::Lines { .. } | Show::Nothing => {}
        }
    }

    /// Runs `say`, which writes to the terminal, without tearing the bar.
    pub fn aside<T>(&self, say: impl FnOnce() -> T) -> T {
        match &self.show {
            Show::Bar(bar, _) => bar.suspend(say),
            Show::Lines { .. } | Show::Nothing => say(),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Show::Bar(bar, _) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {msg}, {eta} left";
    // The template is a constant; should it be wrong, the usual bar is shown.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

/// Whether a text for `count` is due after the one for `told`: counts come one by one or by the batch.
fn is_due(told: Option<u64>, count: u64) -> bool {
    told.is_none_or(|told| count >= told + TEXT_EVERY)
}

fn sentence(verb: &str, noun: &str, count: u64, elapsed: Duration) -> String {
    let a_second = count as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{verb} {count} {noun}, {a_second:.0} a second")
}

/// How long the rest will take, if it goes on as it went.
fn left(done: u64, all: u64, elapsed: Duration) -> String {
    if done == 0 || all <= done {
        return String::new();
    }
    let left_s = elapsed.as_secs_f64() * (all - done) as f64 / done as f64;
    format!(", {left_s:.0} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_text_at_once_and_another_after_a_thousand_however_they_are_counted() {
        let texts = |step: usize| {
            let mut told = None;
            (1..=3000)
                .step_by(step)
                .filter(|count| {
                    let due = is_due(told, *count);
                    told = if due { Some(*count) } else { told };
                    due
                })
                .count()
        };
        assert_eq!([texts(1), texts(199), texts(1200)], [3, 3, 3]);
    }

    #[test]
    fn a_line_says_how_many_how_fast_and_how_long_still() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(
            sentence("checked", "rows", 5000, elapsed),
            "checked 5000 rows, 500 a second"
        );
        assert_eq!(left(25, 100, elapsed), ", 30 s left");
        assert_eq!(left(0, 100, elapsed) + &left(100, 100, elapsed), "");
    }
}
