//! `beadle demo`: a whole campus in one command.

pub mod campus;
mod file;
mod filling;
pub mod people;
pub mod table;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use tempfile::TempDir;

use crate::cli::demo::campus::Listen;
use crate::cli::demo::file::DemoFile;
use crate::cli::demo::filling::Filling;
use crate::cli::{logging, output, serve};
use crate::server::boot::daemon;
use crate::server::boot::plan::Plan;
use crate::server::boot::signals::{HangUp, Signals};
use crate::server::boot::sockets::Sockets;

/// Arguments of `beadle demo`.
#[derive(Args)]
pub struct Arguments {
    /// Keep the campus in this folder and find it there again; without it, a temporary one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many people to make up, if the folder holds none
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    pub people: u32,
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
}

/// Makes the campus up if it is not there yet, and runs it until it is told to stop or its terminal has gone.
/// Errors: one sentence that names the path or address at fault; nothing of another campus is changed.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let folder = Folder::of(arguments.dir)?;
    let file = DemoFile::of(folder.path())?;
    let unfinished = folder.path().join("unfinished");
    let store = folder.path().join("store");
    ensure!(
        file.is_there() || unfinished.exists() || !store.exists(),
        "{} was not made by `beadle demo` and is left alone; name another folder",
        store.display()
    );
    let settings = file.settings(&arguments.listen)?;
    let thread = logging::start_quietly(settings.plain.places.log)?;
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let (sockets, mut signals) = runtime.block_on(begin(&plan))?;
    let filling = Filling::new(&plan, &unfinished, arguments.people, &mut signals);
    let entries = filling.fill(&runtime)?;
    let listen = arguments.listen.bound(&sockets.bound);
    let ready = || {
        // The lock and the sockets are ours by now: no other campus has this file.
        match file.write(&listen) {
            Ok(()) => drop(std::fs::remove_file(&unfinished)),
            Err(error) => output::complain(&format!("beadle: {error:#}")),
        }
        let table = table::Table {
            listen: &listen,
            folder: folder.path(),
            entries,
        };
        table.print(begun.elapsed());
    };
    let served = runtime.block_on(daemon::serve(plan, thread.log().clone(), sockets, signals, ready));
    serve::end(runtime);
    Ok(served?)
}

/// Sockets and signals, before anything is made up.
async fn begin(plan: &Plan) -> anyhow::Result<(Sockets, Signals)> {
    Ok((Sockets::bind(&plan.listen)?, Signals::new(HangUp::Stop)?))
}

/// The campus's folder, by its whole name; a temporary one is removed at the end.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn of(given: Option<PathBuf>) -> anyhow::Result<Folder> {
        let Some(path) = given else {
            let made = tempfile::Builder::new().prefix("beadle-demo-").tempdir();
            return Ok(Folder::Temporary(made.context("cannot make a temporary folder")?));
        };
        let cannot = || format!("cannot make the folder {}", path.display());
        let whole = std::path::absolute(&path).with_context(cannot)?;
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&whole).with_context(cannot)?;
        Ok(Folder::Kept(whole))
    }

    fn path(&self) -> &Path {
        match self {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }
}
