//! Layer 7: the configuration file: as it was written ([`raw`]), and as the layers use it ([`Settings`]).
//!
//! Nothing below imports this folder: each layer defines the settings it wants, this one fills them in.

pub mod check;
mod defaults;
pub mod document;
pub mod files;
mod nearest;
pub mod problem;
pub mod raw;
pub mod settings;

pub use check::check;
pub use document::Source;
pub use files::{DiskFiles, Files};
pub use problem::{Problem, Report, Severity};
pub use settings::Settings;

use std::path::Path;

/// Reads and checks the configuration file at `path`: the settings and any warnings.
///
/// Opens no socket and no store; of other files it reads those whose contents it must judge, such as
/// `secret_file`. Errors: a [`Report`] with every problem there is, warnings included, also when the
/// file itself cannot be read.
pub fn load(path: &Path) -> Result<(Settings, Report), Report> {
    let name = path.display().to_string();
    let bytes = DiskFiles.read(path);
    let text = bytes.map_err(|error| error.to_string());
    let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    match text {
        Ok(text) => check(&Source::new(name, text), &DiskFiles),
        Err(why) => Err(Report::unreadable(name, why)),
    }
}
