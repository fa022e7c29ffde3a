//! Starts every listener on its bound socket.

use std::io;
use std::sync::Arc;

use crate::ldap::root_dse::StartTls;
use crate::ldap::shared::Shared;
use crate::radius::{Port, Session};
use crate::server::boot::plan::{LdapPlan, Plan, RadiusPlan};
use crate::server::boot::sockets::Sockets;
use crate::server::boot::vitals::{Counters, Vitals};
use crate::server::entropy::SystemEntropy;
use crate::server::http;
use crate::server::http::tls::Tls;
use crate::server::ldap::listener::{Begin, LdapService, Shutdown};
use crate::server::radius::latches;
use crate::server::radius::listener::{self, RadiusWiring};
use crate::server::radius::socket::BoundSocket;
use crate::server::runner::Runner;
use crate::web::admin;

/// What listeners share.
pub struct Listeners<'a> {
    /// Settings.
    pub plan: &'a Plan,
    /// Who answers.
    pub runner: &'a Arc<Runner>,
    /// The certificate.
    pub tls: &'a Arc<Tls>,
    /// How they are stopped.
    pub shutdown: &'a Shutdown,
}

impl Listeners<'_> {
    /// Serves every socket until shutdown. Must be called inside a tokio runtime. Errors: the system has no thread left.
    pub fn serve(&self, sockets: Sockets) -> io::Result<()> {
        let (counters, tasks) = (Counters::default(), &self.shutdown.tasks);
        let ldap = self.ldap(&counters)?;
        for (listeners, begin) in [(sockets.ldap, Begin::Cleartext), (sockets.ldaps, Begin::Tls)] {
            for listener in listeners {
                tasks.spawn(ldap.clone().accept(listener, begin));
            }
        }
        for socket in sockets.ldapi {
            tasks.spawn(ldap.clone().accept_local(socket));
        }
        self.radius(sockets.radius, Port::Authentication, &counters);
        self.radius(sockets.accounting, Port::Accounting, &counters);
        let vitals: Arc<dyn admin::Vitals> = Arc::new(Vitals::new(
            self.runner.clone(),
            &counters,
            self.runner.realm.audit.counters(),
        ));
        for listener in sockets.admin {
            let pages = admin::router(vitals.clone());
            tasks.spawn(http::listener::serve(listener, pages, self.shutdown.stop.clone()));
        }
        Ok(())
    }

    fn ldap(&self, counters: &Counters) -> io::Result<Arc<LdapService>> {
        let LdapPlan {
            settings,
            limits,
            names,
            ..
        } = &self.plan.ldap;
        let (schema, now) = (self.plan.entries.schema.clone(), self.runner.clock.now());
        let shared = Shared::new(
            schema,
            &self.plan.base,
            StartTls::Offered,
            *limits,
            now,
            &mut SystemEntropy,
        );
        LdapService::new(
            self.runner.clone(),
            Arc::new(shared.with_names(names.clone())),
            Some(self.tls.clone()),
            settings.clone(),
            counters.ldap.clone(),
            self.runner.realm.audit.log().clone(),
            self.shutdown.clone(),
        )
    }

    fn radius(&self, sockets: Vec<BoundSocket>, port: Port, counters: &Counters) {
        let (RadiusPlan { settings, clients }, tasks) = (&self.plan.radius, &self.shutdown.tasks);
        for socket in sockets {
            let (events, latched) = tokio::sync::mpsc::unbounded_channel();
            tasks.spawn(latches::keep(self.runner.realm.store.clone(), latched));
            let session = Session::new(port, clients.clone(), settings.clone());
            let wiring = RadiusWiring {
                runner: self.runner.clone(),
                counters: counters.radius.clone(),
                log: self.runner.realm.audit.log().clone(),
                events,
            };
            let serving = listener::serve(socket, session, wiring, self.shutdown.stop.clone());
            tasks.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(target: "beadle::radius", %error, "a RADIUS listener has ended");
                }
            });
        }
    }
}
