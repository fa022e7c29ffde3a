//! No circle through a folder.
//!
//! The folders and plain files that stand directly inside one folder, at every depth, are its *things*; what is inside
//! a folder counts as the folder, the face (`mod.rs`) as a plain file. Things import each other one way only: a circle
//! is refused if one of its things is a folder. Plain files among themselves, face included, are one room and may lean
//! on each other. Of the face:
//! * it names its children: its `mod` and `pub use` lines are no import;
//! * it holds what they share: a child may import what is defined in it, unless that definition needs the child;
//! * importing from it what it took from another child is importing that child.
//!
//! Files and items for tests only do not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Named, Source};

type Module = Vec<String>;

/// A tree of sources.
struct Tree {
    modules: BTreeMap<Module, File>,
}

/// A source file, and the paths it names.
struct File {
    path: String,
    named: Vec<Named>,
}

/// In one folder: who imports whom, each with the file and the path that says so.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// What a face is called among the things of its folder.
const FACE: &str = "mod";
/// More re-exports of a re-export are not followed.
const EXPORTS_DEEP_MAX: usize = 8;

/// Every circle through a folder in the files, given as paths below `src/` and texts.
pub fn circles<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let tree = Tree::read(files);
    let folders = tree.imports();
    let found = folders.iter().flat_map(|(folder, imports)| {
        let is_folder = |name: &&String| tree.is_folder(folder, name);
        let circles: BTreeSet<Vec<String>> = imports
            .keys()
            .filter(is_folder)
            .flat_map(|from| shortest(imports, from))
            .collect();
        let told = circles.into_iter().map(|circle| told(folder, imports, &circle));
        told.collect::<Vec<String>>()
    });
    found.collect()
}

impl Tree {
    fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        // The binary is a crate of its own, which nothing of ours can import.
        let library = files.into_iter().filter(|(path, _)| *path != "main.rs");
        let sources = library.map(|(path, text)| Source::read(path, text));
        let all = sources.map(|source| (source.module().to_vec(), source)).collect();
        let mut tree = Tree {
            modules: BTreeMap::new(),
        };
        tree.keep(all, Vec::new());
        tree
    }

    /// Keeps the modules that are reached from the root by declarations that are not for tests.
    fn keep(&mut self, mut all: BTreeMap<Module, Source>, root: Module) {
        let mut due = VecDeque::from([root]);
        while let Some(module) = due.pop_front() {
            let Some(source) = all.remove(&module) else {
                continue;
            };
            due.extend(source.children().map(|child| below(&module, child)));
            let (path, named) = (source.path().to_owned(), source.named());
            self.modules.insert(module, File { path, named });
        }
    }

    /// Who imports whom, by folder.
    fn imports(&self) -> BTreeMap<Module, Imports> {
        let mut folders: BTreeMap<Module, Imports> = BTreeMap::new();
        for (module, file) in &self.modules {
            for named in &file.named {
                let Some(target) = self.target(module, &named.path, EXPORTS_DEEP_MAX) else {
                    continue;
                };
                let both = module.iter().zip(&target);
                let common = both.take_while(|(own, other)| own == other).count();
                let thing = |module: &Module| module.get(common).map_or(FACE, String::as_str).to_owned();
                let (from, to) = (thing(module), thing(&target));
                if from == to || (from == FACE && named.is_exported) {
                    continue;
                }
                let folder = folders.entry(module[..common].to_vec()).or_default();
                let why = format!("src/{} names {}", file.path, named.path.join("::"));
                folder.entry(from).or_default().entry(to).or_insert(why);
            }
        }
        folders
    }

    fn is_folder(&self, folder: &[String], thing: &str) -> bool {
        let module = self.modules.get(&below(folder, thing));
        module.is_some_and(|file| file.path.ends_with("/mod.rs"))
    }

    /// The module that defines what `path` means in `module`; `None` if it is none of ours.
    fn target(&self, module: &Module, path: &[String], deep: usize) -> Option<Module> {
        let first = path.first()?;
        let (mut at, rest) = match first == "crate" {
            true => (Vec::new(), &path[1..]),
            false if path.len() > 1 && self.modules.contains_key(&below(module, first)) => {
                (module.clone(), path)
            }
            false => return None,
        };
        for word in rest {
            let next = below(&at, word);
            if self.modules.contains_key(&next) {
                at = next;
                continue;
            }
            let mut named = self.modules.get(&at).into_iter().flat_map(|file| &file.named);
            let export = named.find(|named| named.is_exported && named.name == *word);
            let export = export.filter(|_| deep > 0);
            let defined = export.and_then(|export| self.target(&at, &export.path, deep - 1));
            return Some(defined.unwrap_or(at));
        }
        Some(at)
    }
}

fn below(module: &[String], child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

/// The shortest circles through `from`, each beginning with its first name in the alphabet.
fn shortest(imports: &Imports, from: &str) -> Vec<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut met = BTreeSet::new();
    while !ways.is_empty() {
        let next = |way: &Vec<String>| imports.get(way.last()?).map(|next| next.keys().cloned());
        let longer = ways.iter().flat_map(|way| {
            let next = next(way).into_iter().flatten();
            next.map(|next| way.iter().cloned().chain([next]).collect::<Vec<_>>())
        });
        let (closed, open): (Vec<_>, Vec<_>) =
            longer.partition(|way| way.last().is_some_and(|last| last == from));
        if !closed.is_empty() {
            return closed.into_iter().map(turned).collect();
        }
        let before = met.clone();
        met.extend(open.iter().filter_map(|way| way.last().cloned()));
        ways = open;
        ways.retain(|way| way.last().is_some_and(|last| !before.contains(last)));
    }
    Vec::new()
}

/// A closed way as a circle: without its last name, which is its first.
fn turned(mut circle: Vec<String>) -> Vec<String> {
    circle.pop();
    let first = circle
        .iter()
        .enumerate()
        .min_by_key(|(_, name)| *name)
        .map_or(0, |(at, _)| at);
    circle.rotate_left(first);
    circle
}

fn told(folder: &[String], imports: &Imports, circle: &[String]) -> String {
    let around = circle.iter().zip(circle.iter().cycle().skip(1));
    let edges = around.map(|(from, to)| format!("  {from} -> {to}: {}", imports[from][to]));
    let head = format!("a circle in src/{}:", folder.join("/"));
    std::iter::once(head).chain(edges).collect::<Vec<_>>().join("\n")
}

/// Expects the tree of `files` to have these circles, each as the folder and its things.
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let root = [("lib.rs", "pub mod server;")];
    let found = circles(root.into_iter().chain(files.iter().copied()));
    assert_eq!(
        found.iter().map(|told| summary(told)).collect::<Vec<_>>(),
        expected,
        "{found:?}"
    );
}

/// The folder of a circle, and its things in order.
fn summary(told: &str) -> String {
    let (head, edges) = told.split_once(":\n").unwrap_or((told, ""));
    let folder = head.trim_start_matches("a circle in src/");
    let things = edges.lines().filter_map(|edge| edge.trim().split(' ').next());
    format!("{folder}: {}", things.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_circle_of_two_folders_is_told_with_the_files_that_close_it() {
    let files = [
        ("lib.rs", "mod server;"),
        ("server/mod.rs", "mod boot; mod ldap;"),
        ("server/boot/mod.rs", "mod daemon;"),
        ("server/boot/daemon.rs", "use crate::server::ldap::listener;"),
        ("server/ldap/mod.rs", "pub mod listener;"),
        (
            "server/ldap/listener.rs",
            "fn f() { super::super::boot::daemon::stop() }",
        ),
    ];
    let told = circles(files);
    let expected = "a circle in src/server:\n  \
                    boot -> ldap: src/server/boot/daemon.rs names crate::server::ldap::listener\n  \
                    ldap -> boot: src/server/ldap/listener.rs names crate::server::boot::daemon::stop";
    assert_eq!(told, [expected]);
}

#[test]
fn a_circle_of_three_is_found_at_any_depth_and_through_a_plain_file() {
    check(
        &[
            ("server/mod.rs", "mod a;"),
            ("server/a/mod.rs", "mod x; mod y; mod z;"),
            ("server/a/x/mod.rs", "use crate::server::a::y::Y;"),
            ("server/a/y/mod.rs", "use super::z::Z;"),
            ("server/a/z.rs", "use super::x::X;"),
        ],
        &["server/a: x y z"],
    );
}

#[test]
fn one_way_is_no_circle_and_plain_files_may_lean_on_each_other() {
    check(
        &[
            ("server/mod.rs", "mod a; mod b; mod c; mod d;"),
            ("server/a/mod.rs", "use super::b::B; use super::c::C;"),
            ("server/b/mod.rs", "use super::c::C; use self::C as D;"),
            ("server/c.rs", "use super::d::D;"),
            ("server/d.rs", "use super::c::C;"),
        ],
        &[],
    );
}

#[test]
fn what_only_tests_import_closes_no_circle() {
    check(
        &[
            ("server/mod.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod b_tests;"),
            ("server/a/mod.rs", "use super::b::B;"),
            (
                "server/b/mod.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::server::a::A;\n}\n",
            ),
            ("server/b_tests.rs", "use super::{a::A, b::B};"),
            ("server/b/tests.rs", "use crate::server::a::A;"),
        ],
        &[],
    );
}

#[test]
fn a_face_names_its_children_and_holds_what_they_share() {
    let child = |text| [("server/a/mod.rs", text), ("server/b/mod.rs", "pub struct B;")];
    let with = |face, text| [vec![("server/mod.rs", face)], child(text).to_vec()].concat();
    let face = "mod a; mod b; pub use a::A; pub(crate) use b::{B, C as D}; pub struct Own;";
    check(&with(face, "use super::Own;"), &[]);
    check(&with(face, "use crate::server::{A, Own};"), &[]);
    let needing = "mod a; mod b; use a::A; pub struct Own(A);";
    check(&with(needing, "use super::Own;"), &["server: a mod"]);
    check(&with(needing, "use super::b::B;"), &[]);
    check(
        &with("mod a; mod b; pub struct Own(b::B);", "use super::Own;"),
        &[],
    );
}

#[test]
fn importing_another_child_through_the_face_is_importing_the_child() {
    check(
        &[
            (
                "server/mod.rs",
                "mod a; mod b; pub use a::A; pub use b::inner::Inner as B;",
            ),
            ("server/a/mod.rs", "use crate::server::B;"),
            ("server/b/mod.rs", "pub mod inner;"),
            ("server/b/inner.rs", "use crate::server::A;"),
        ],
        &["server: a b"],
    );
}
