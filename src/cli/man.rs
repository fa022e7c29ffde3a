//! `beadle man`: the manual page, made from the same words as `--help`.

use std::io::Write;

use clap::{Args, Command};
use clap_mangen::Man;

use super::output;

/// Arguments of `beadle man`.
#[derive(Args)]
pub struct Arguments {}

/// Prints beadle(8).
pub fn run(command: Command) -> anyhow::Result<()> {
    output::say(page(command)?.trim_end())
}

/// The text of beadle(8): the program, then each command with its options.
pub fn page(mut command: Command) -> anyhow::Result<String> {
    command.build();
    let mut page = Vec::new();
    let top = Man::new(command.clone()).section("8").manual("Beadle");
    top.render_title(&mut page)?;
    top.render_name_section(&mut page)?;
    top.render_synopsis_section(&mut page)?;
    top.render_description_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        page.extend(section(sub)?.into_bytes());
    }
    page.extend_from_slice(CLOSING.as_bytes());
    Ok(String::from_utf8(page)?)
}

/// One command: its name as a heading, what it does, its options; its own commands below it.
fn section(command: &Command) -> anyhow::Result<String> {
    let mut body = Vec::new();
    let man = Man::new(command.clone());
    man.render_description_section(&mut body)?;
    man.render_synopsis_section(&mut body)?;
    man.render_options_section(&mut body)?;
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let mut text = format!(".SS \"{name}\"\n");
    // The headings of a page of its own become paragraphs here.
    let lines = String::from_utf8(body)?;
    for line in lines.lines().filter(|line| !is_preamble(line)) {
        let line = if line.starts_with(".SH ") { ".PP" } else { line };
        text.push_str(line);
        text.push('\n');
    }
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        text.push_str(&section(sub)?);
    }
    Ok(text)
}

/// The two lines that define how apostrophes are set; once a page is enough.
fn is_preamble(line: &str) -> bool {
    line.starts_with(".ie ") || line.starts_with(".el ")
}

/// What clap does not know.
const CLOSING: &str = r#".SH "EXIT STATUS"
.TP
0
It worked.
.TP
1
It failed; one sentence on standard error says why.
.TP
2
It was called wrongly.
.SH SIGNALS
.TP
SIGTERM, SIGINT
The daemon finishes the requests it has begun, closes the store and ends.
.TP
SIGHUP
The daemon reads its certificates again, as
.B beadle reload
makes it do.
.SH ENVIRONMENT
.TP
BEADLE_LOG
What is logged, instead of
.B log.level
in the configuration: a level, or directives such as
.BR "info,beadle::radius=debug" .
Audit lines are written whatever it says.
.SH FILES
.TP
/etc/beadle/beadle.toml
The configuration.
.TP
/var/lib/beadle
The store, unless the configuration says otherwise.
.SH "SEE ALSO"
.BR beadle.toml (5),
.BR ldapsearch (1),
.BR radclient (1)
"#;
