//! The paths a source file names, read without a Rust parser: enough of the grammar to be right about `use`.

use std::collections::BTreeSet;

/// A path as a file names it.
pub struct Named {
    /// From `crate` on if it is ours.
    pub path: Vec<String>,
    /// What it is called in the file: its last word, or what stands behind `as`.
    pub name: String,
    /// Whether others may find it under that name: a `pub use`.
    pub is_exported: bool,
}

/// A source file, cut into words.
pub struct Source {
    path: String,
    tokens: Vec<String>,
    module: Vec<String>,
}

impl Source {
    /// Reads the file at `path` below `src/`. Comments, strings and what is for tests only are left out.
    pub fn read(path: &str, text: &str) -> Source {
        let text = if is_test_file(path) {
            String::new()
        } else {
            without_tests(text)
        };
        Source {
            path: path.to_owned(),
            tokens: tokens(&text),
            module: module(path),
        }
    }

    /// Every path named: `use` trees flattened, `super` and `self` resolved to `crate`, macros with their `!`.
    pub fn paths(&self) -> Vec<Vec<String>> {
        self.named().into_iter().map(|named| named.path).collect()
    }

    /// The same, with what the rest of the tree knows of them.
    pub fn named(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let before = found.len();
            let begun = at;
            at = self.path_at(at, &[], &mut found).max(at + 1);
            let is_exported = self.is_exported(begun);
            for named in found.iter_mut().skip(before) {
                named.is_exported = is_exported;
            }
        }
        for named in &mut found {
            named.path = self.resolve(std::mem::take(&mut named.path));
        }
        found
    }

    /// The file's path below `src/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The module it is; empty for the crate.
    pub fn module(&self) -> &[String] {
        &self.module
    }

    /// The modules that the file declares as `mod NAME;` and not for tests only.
    pub fn children(&self) -> impl Iterator<Item = &str> {
        let declared = self.tokens.windows(3);
        let declared = declared.filter(|three| three[0] == "mod" && three[2] == ";");
        declared.map(|three| three[1].as_str())
    }

    /// Whether `name` is a module of this file or something of ours it has imported, not a crate.
    pub fn is_local(&self, name: &str) -> bool {
        let declared = self
            .tokens
            .windows(2)
            .any(|pair| pair[0] == "mod" && pair[1] == name);
        let ours = |named: &Named| named.path.len() > 1 && named.path[0] == "crate" && named.name == name;
        declared || self.named().iter().any(ours)
    }

    /// Reads one path or `use` tree that begins at token `at`, under `prefix`; the index after it.
    fn path_at(&self, at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
        let mut path = prefix.to_vec();
        let mut at = at;
        loop {
            match self.tokens.get(at).map(String::as_str) {
                Some("{") if path.len() > prefix.len() || !prefix.is_empty() => {
                    return self.group(at, &path, found);
                }
                Some(word) if is_word(word) => path.push(word.into()),
                _ => break,
            }
            at += 1;
            if self.tokens.get(at).is_none_or(|token| token != "::") {
                break;
            }
            at += 1;
        }
        if self.tokens.get(at).is_some_and(|token| token == "!")
            && let Some(last) = path.last_mut()
        {
            last.push('!');
        }
        let is_visibility = path.len() == 1 && self.tokens.get(at).is_some_and(|token| token == ")");
        if path.len() == prefix.len() || (is_visibility && ["super", "self", "crate"].contains(&&*path[0])) {
            return at;
        }
        let is_renamed = self.tokens.get(at).is_some_and(|token| token == "as");
        let alias = self.tokens.get(at + 1).filter(|_| is_renamed).cloned();
        found.push(Named {
            name: alias.or_else(|| last_name(&path)).unwrap_or_default(),
            path,
            is_exported: false,
        });
        at + if is_renamed { 2 } else { 0 }
    }

    /// Whether the path that begins at token `at` is of a `use` with a visibility.
    fn is_exported(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.tokens.get(at));
        before(1).is_some_and(|token| token == "use")
            && before(2).is_some_and(|token| token == "pub" || token == ")")
    }

    /// Reads `{a, b::c}` after `prefix::`; the index after the closing brace.
    fn group(&self, open: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
        let mut at = open + 1;
        while let Some(token) = self.tokens.get(at) {
            match token.as_str() {
                "}" => return at + 1,
                _ => at = self.path_at(at, prefix, found).max(at + 1),
            }
        }
        at
    }

    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let ups = path.iter().take_while(|word| *word == "super").count();
        let own = usize::from(path.first().is_some_and(|word| word == "self"));
        if ups + own == 0 {
            return path;
        }
        let module = self.module.iter().take(self.module.len().saturating_sub(ups));
        let rest = path.iter().skip(ups + own);
        std::iter::once(&"crate".to_owned())
            .chain(module)
            .chain(rest)
            .cloned()
            .collect()
    }
}

/// What a path without `as` is called: `self` stands for the word before it.
fn last_name(path: &[String]) -> Option<String> {
    path.iter().rev().find(|word| *word != "self").cloned()
}

/// `ldap/bind.rs` is the module `ldap::bind`, `ldap/mod.rs` is `ldap`, `lib.rs` is the crate.
fn module(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let words = path
        .split('/')
        .filter(|word| !["mod", "lib", "main"].contains(word));
    words.map(str::to_owned).collect()
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|word| word == "tests" || word == "tests.rs")
}

/// The text without items under `#[cfg(test)]`. Relies on rustfmt: an item ends at `;` or at a brace in the
/// column where it began.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut end = None;
    for line in text.lines() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        match &end {
            Some(closing) if line == closing => end = None,
            Some(closing) if code.ends_with(';') && *closing == format!("{indent}}}") => end = None,
            Some(_) => {}
            None if code.starts_with("#[cfg(test)]") => end = Some(format!("{indent}}}")),
            None => kept.extend([line, "\n"]),
        }
    }
    kept
}

/// Words, `::` and single signs; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_length(rest),
            '\'' => quote_length(rest),
            _ if rest.starts_with("r#\"") => rest[3..].find("\"#").map_or(rest.len(), |end| end + 5),
            _ if is_word_char(first) => rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()),
            _ if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let token = &rest[..length];
        if !token.starts_with(['/', '"', '\'']) && !token.starts_with("r#\"") && !first.is_whitespace() {
            found.push(token.to_owned());
        }
        rest = &rest[length..];
    }
    found
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// A character such as `'x'` or `'\n'`; of a lifetime only the quote.
fn quote_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..]
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(1, |(at, _)| at + 3),
        _ => chars
            .next()
            .filter(|(_, c)| *c == '\'')
            .map_or(1, |(at, _)| at + 1),
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word that can be part of a path; keywords that come before one are not, nor are numbers.
fn is_word(token: &str) -> bool {
    const KEYWORDS: [&str; 6] = ["use", "pub", "as", "mod", "in", "fn"];
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&token)
}

#[test]
fn paths_are_read_as_rust_reads_them() {
    let text =
        "use a::{b, c::{self, d as e}};\nfn f<'x>(g: &'x h::I) { j!('\\'', '\"'); k::l!(\"m::n\"); } // o::p";
    let paths: BTreeSet<String> = Source::read("x.rs", text)
        .paths()
        .iter()
        .map(|path| path.join("::"))
        .collect();
    for path in ["a::b", "a::c::self", "a::c::d", "h::I", "j!", "k::l!"] {
        assert!(paths.contains(path), "{path} in {paths:?}");
    }
    for path in ["m::n", "o::p", "crate"] {
        assert!(!paths.contains(path), "{path} in {paths:?}");
    }
}
