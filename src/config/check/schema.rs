//! `[schema]`, and what it makes of names, DNs and filters.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Checker;
use crate::config::files::Files;
use crate::config::nearest::nearest;
use crate::config::raw::Field;
use crate::domain::filter::Filter;
use crate::domain::schema::Schema;
use crate::domain::schema::text::SchemaFile;

/// The built-in schema and the good files of `folder`; and what is wrong with the others, each as a sentence with file
/// and line.
pub(super) fn load(folder: &Field<String>, files: &dyn Files) -> (Schema, Vec<String>) {
    let (texts, mut wrong) = match folder {
        Some(folder) => texts(Path::new(folder.get_ref()), files),
        None => (Vec::new(), Vec::new()),
    };
    let named = |(name, text)| SchemaFile { name, text };
    let mut extra: Vec<SchemaFile<'_>> = texts.iter().map(|(name, text)| named((name, text))).collect();
    // One file after the other is left out, so that the rest can be judged.
    loop {
        let error = match Schema::load(&extra) {
            Ok(schema) => return (schema, wrong),
            Err(error) => error,
        };
        wrong.push(error.to_string());
        let before = extra.len();
        extra.retain(|file| *file.name != *error.file);
        if extra.len() == before {
            return (Schema::built_in(), wrong);
        }
    }
}

/// Name and text of every `.schema` file in `folder`, and why others cannot be read.
fn texts(folder: &Path, files: &dyn Files) -> (Vec<(String, String)>, Vec<String>) {
    let (mut texts, mut wrong) = (Vec::new(), Vec::new());
    let cannot = |path: &Path, why: &dyn Display| format!("{} cannot be read: {why}", path.display());
    let read = |path: &Path| {
        let bytes = files.read(path).map_err(|error| cannot(path, &error))?;
        String::from_utf8(bytes).map_err(|error| cannot(path, &error))
    };
    let paths = files.list(folder).unwrap_or_else(|error| {
        wrong.push(cannot(folder, &error));
        Vec::new()
    });
    let is_schema = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "schema");
    for path in paths.into_iter().filter(is_schema) {
        match read(&path) {
            Ok(text) => texts.push((path.display().to_string(), text)),
            Err(why) => wrong.push(why),
        }
    }
    (texts, wrong)
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
