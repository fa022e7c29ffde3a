//! What everybody may know of a demo's campus: where it listens, its names, its secrets.

use std::net::SocketAddr;

use clap::Args;

use crate::server::boot::plan;

/// Where the demo listens: loopback, ports that need no privilege.
#[derive(Args, Clone)]
pub struct Listen {
    /// LDAP with StartTLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3890")]
    pub ldap: SocketAddr,
    /// LDAP over TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6360")]
    pub ldaps: SocketAddr,
    /// RADIUS authentication
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18120")]
    pub radius: SocketAddr,
    /// RADIUS accounting
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18130")]
    pub accounting: SocketAddr,
    /// Health and metrics
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub admin: SocketAddr,
}

/// The name every made-up entry is under.
pub const BASE: &str = "dc=uni,dc=example";
/// The PIN of the demo's emergency administrator, `cn=admin,` + [`BASE`].
pub const ROOT_PIN: &str = "demo-administrator";
/// The PIN of the demo's relying system, `cn=mail,ou=services,` + [`BASE`].
pub const SERVICE_PIN: &str = "demo-mail-service";
/// The secret the demo shares with RADIUS clients on this machine.
pub const SECRET: &str = "demo-secret-for-loopback-only";

impl Listen {
    /// The same with the ports that were taken.
    pub fn bound(&self, bound: &plan::Listen) -> Listen {
        let first = |bound: &[SocketAddr], asked| bound.first().copied().unwrap_or(asked);
        Listen {
            ldap: first(&bound.ldap, self.ldap),
            ldaps: first(&bound.ldaps, self.ldaps),
            radius: first(&bound.radius, self.radius),
            accounting: first(&bound.accounting, self.accounting),
            admin: first(&bound.admin, self.admin),
        }
    }
}
