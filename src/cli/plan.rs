//! From a checked configuration to what the daemon is started with.

use std::sync::Arc;

use crate::config::Settings;
use crate::directory::Directory;
use crate::server::boot::plan::{EntriesPlan, LdapPlan, Plan, RadiusPlan, RulesPlan};

impl From<Settings> for Plan {
    fn from(settings: Settings) -> Plan {
        let Settings {
            schema,
            base_dn,
            principals,
            access,
            changes,
            radius_clients,
            plain,
        } = settings;
        Plan {
            base: base_dn,
            rules: RulesPlan {
                directory: Arc::new(Directory::new(schema.clone(), access, plain.search)),
                changes: Arc::new(changes),
                principals: Arc::new(principals),
                login: plain.log_in,
            },
            entries: EntriesPlan {
                schema,
                store: plain.places.store,
                index: plain.index,
            },
            ldap: LdapPlan {
                settings: plain.ldap.connections,
                limits: plain.ldap.messages,
                names: plain.ldap.names,
                tls: plain.places.tls,
            },
            radius: RadiusPlan {
                settings: plain.radius,
                clients: Arc::new(radius_clients),
            },
            listen: plain.listen,
            admin_socket: plain.places.admin_socket,
        }
    }
}
