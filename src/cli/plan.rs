//! From a checked configuration to what the daemon is started with.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::config::Settings;
use crate::config::settings::{
    AccessTo, IndexLists, LogIn, Principals as Configured, SearchLimits, Visibility,
};
use crate::directory::Directory;
use crate::directory::principals::{Principals, service_dn};
use crate::directory::search;
use crate::domain::access::{AccessRules, AccessSettings, Grantee, RuleSettings};
use crate::domain::filter::Filter;
use crate::domain::schema::Schema;
use crate::domain::schema_text::SchemaFile;
use crate::index::IndexSettings;
use crate::server::login::LoginSettings;
use crate::server::plan::{EntriesPlan, LdapPlan, Listen, Plan, RadiusPlan, RulesPlan};
use crate::types::{AttributeType, Dn};

/// Only its owner reads these, whatever a rule says: recovery contacts and numbers (S35, S54).
const OWNER_ONLY: &[&str] = &[
    "beadleAlternateMail",
    "beadleRecoveryMobile",
    "beadleStudentNumber",
    "beadleStaffNumber",
];
/// Nobody reads these over any protocol.
const SECRET: &[&str] = &["userPassword", "beadleImportedHash"];
/// The most entries one search looks at, for anybody but root: a campus of a million fits once over.
const CANDIDATES_MAX: u64 = 2_000_000;

/// The plan that `settings` describe. Errors: a schema file, an attribute name, a filter or a name in them is
/// wrong; the message says which.
pub fn plan(settings: Settings) -> anyhow::Result<Plan> {
    let Settings {
        base_dn: base,
        principals,
        radius_clients,
        plain,
    } = settings;
    let schema = Arc::new(schema(plain.places.schema_folder.as_deref())?);
    let access = AccessRules::new(access_settings(&plain.visibility, &schema)?, &schema)
        .context("[visibility] or [[access]]")?;
    let limits = search_limits(plain.search);
    Ok(Plan {
        rules: RulesPlan {
            directory: Arc::new(Directory::new(schema.clone(), access, limits)),
            principals: Arc::new(named_principals(principals, &base, &schema)?),
            login: login_settings(plain.log_in),
        },
        entries: EntriesPlan {
            store: plain.places.store,
            index: index_settings(&plain.index, &schema)?,
            schema,
        },
        ldap: LdapPlan {
            settings: plain.ldap.connections,
            limits: plain.ldap.messages,
            tls: plain.places.tls,
        },
        radius: RadiusPlan {
            settings: plain.radius,
            clients: Arc::new(radius_clients),
        },
        listen: Listen {
            ldap: plain.listen.ldap,
            ldaps: plain.listen.ldaps,
            radius: plain.listen.radius,
            accounting: plain.listen.accounting,
            admin: plain.listen.admin,
        },
        admin_socket: plain.places.admin_socket,
        base,
    })
}

/// The built-in schema, and every `.schema` file in `folder` in the order of their names.
fn schema(folder: Option<&Path>) -> anyhow::Result<Schema> {
    let Some(folder) = folder else {
        return Ok(Schema::built_in());
    };
    let unreadable = || format!("the schema folder {} cannot be read", folder.display());
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).with_context(unreadable)?.collect();
    let mut paths: Vec<_> = entries
        .with_context(unreadable)?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "schema"));
    paths.sort();
    let mut texts = Vec::new();
    for path in &paths {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("the schema file {}", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    let files: Vec<_> = texts
        .iter()
        .map(|(name, text)| SchemaFile { name, text })
        .collect();
    Ok(Schema::load(&files)?)
}

fn access_settings(visibility: &Visibility, schema: &Schema) -> anyhow::Result<AccessSettings> {
    let names = |names: &[String]| names.iter().map(|name| name.as_str().into()).collect();
    let filter = |text: &str, place: &str| {
        Filter::parse(schema, text).map_err(|error| anyhow!("{place} \"{text}\": {error}"))
    };
    let rules = visibility.access.iter().map(|rule| {
        Ok(RuleSettings {
            grantee: match &rule.to {
                AccessTo::Member => Grantee::Members,
                AccessTo::Services => Grantee::Services,
                AccessTo::Service(name) => Grantee::Service((&**name).into()),
            },
            entries: filter(&rule.entries, "[[access]] entries")?,
            attributes: names(&rule.read),
        })
    });
    Ok(AccessSettings {
        open_to_public: names(&visibility.open_to_public),
        never_public: Vec::new(),
        owner_only: OWNER_ONLY.iter().map(|name| (*name).into()).collect(),
        secret: SECRET.iter().map(|name| (*name).into()).collect(),
        public_entries: filter(&visibility.public_entries, "visibility.public_entries")?,
        rules: rules.collect::<anyhow::Result<_>>()?,
    })
}

fn search_limits(limits: SearchLimits) -> search::SearchLimits {
    search::SearchLimits {
        entries_max_public: limits.entries_max_public,
        entries_max_member: limits.entries_max_member,
        entries_max_service: limits.entries_max_service,
        candidates_max: CANDIDATES_MAX,
        time_limit_s: limits.time_limit_s,
    }
}

fn index_settings(lists: &IndexLists, schema: &Schema) -> anyhow::Result<IndexSettings> {
    let kinds = |names: &[String]| -> anyhow::Result<Vec<AttributeType>> {
        let kind = |name: &String| {
            schema
                .attribute(name.as_bytes())
                .ok_or_else(|| anyhow!("[index]: no attribute is called `{name}`"))
        };
        names.iter().map(kind).collect()
    };
    Ok(IndexSettings {
        equality: kinds(&lists.equality)?,
        substring: kinds(&lists.substring)?,
        ordering: kinds(&lists.ordering)?,
        membership: kinds(&lists.membership)?,
    })
}

fn named_principals(configured: Configured, base: &Dn, schema: &Schema) -> anyhow::Result<Principals> {
    let mut principals = Principals::default();
    if let Some(root) = configured.root {
        let normal = schema.normal_dn(&root.dn);
        principals
            .add_root(normal, root.password_hash)
            .context("ldap.root.dn")?;
    }
    for service in configured.services {
        let dn = service_dn(&service.name, base);
        let place = || format!("ldap.service \"{}\"", service.name);
        let normal = schema.normal_dn(&dn);
        principals
            .add_service(normal, service.name.clone(), service.password_hash)
            .with_context(place)?;
    }
    Ok(principals)
}

fn login_settings(log_in: LogIn) -> LoginSettings {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    LoginSettings {
        policy: log_in.policy,
        verified_s: log_in.pool.verified_cache_s,
        threads: size(log_in.pool.threads),
        queue_max: size(log_in.pool.queue_max),
        ..LoginSettings::default()
    }
}
