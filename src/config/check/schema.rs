//! `[schema]`, and what it makes of names, DNs and filters.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Checker;
use crate::config::files::Files;
use crate::config::nearest::nearest;
use crate::config::raw::Field;
use crate::domain::filter::Filter;
use crate::domain::schema::Schema;
use crate::domain::schema_text::SchemaFile;

/// The built-in schema and the files of `folder`. Errors: what is wrong, as a sentence with file and line.
pub(super) fn load(folder: &Field<String>, files: &dyn Files) -> Result<Schema, String> {
    let texts = match folder {
        Some(folder) => texts(Path::new(folder.get_ref()), files)?,
        None => Vec::new(),
    };
    let extra: Vec<SchemaFile<'_>> = texts
        .iter()
        .map(|(name, text)| SchemaFile { name, text })
        .collect();
    Schema::load(&extra).map_err(|error| error.to_string())
}

/// Name and text of every `.schema` file in `folder`.
fn texts(folder: &Path, files: &dyn Files) -> Result<Vec<(String, String)>, String> {
    let cannot =
        |path: &Path, why: &dyn std::fmt::Display| format!("{} cannot be read: {why}", path.display());
    let paths = files.list(folder).map_err(|error| cannot(folder, &error))?;
    let read = |path: PathBuf| {
        let bytes = files.read(&path).map_err(|error| cannot(&path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| cannot(&path, &error))?;
        Ok((path.display().to_string(), text))
    };
    let is_schema = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "schema");
    paths.into_iter().filter(is_schema).map(read).collect()
}

impl Checker<'_> {
    /// The name of an attribute that the schema has, as it was written.
    pub(super) fn attribute(&self, written: &Spanned<String>) -> Option<String> {
        let name = written.get_ref();
        if self.schema.attribute(name.as_bytes()).is_some() {
            return Some(name.clone());
        }
        let known = self
            .schema
            .attribute_types()
            .map(|(_, definition)| definition.name());
        let right = match nearest(name, known) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "name one of the schema, or add it by schema.folder".into(),
        };
        self.error(&written.span(), format!("no attribute is called {name:?}"), right);
        None
    }

    /// A filter in the text of RFC 4515, checked.
    pub(super) fn filter(&self, written: &Spanned<String>) -> Option<String> {
        let failed = |error| {
            let what = format!("{:?} is not a filter: {error}", written.get_ref());
            self.error(
                &written.span(),
                what,
                "write one such as \"(objectClass=person)\" (RFC 4515)",
            );
        };
        let parsed = Filter::parse(&self.schema, written.get_ref()).map_err(failed);
        parsed.is_ok().then(|| written.get_ref().clone())
    }
}
