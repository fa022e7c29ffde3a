//! Which RADIUS clients have shown that they can send a Message-Authenticator, kept over restarts
//! (`require_message_authenticator = "latch"`).

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::index::Snapshot;
use crate::radius::client::ClientTable;
use crate::radius::next::Event;
use crate::record::{Batch, Key, Kind, Operation};
use crate::store::Store;
use crate::types::Timestamp;

fn key(client: &str) -> Key {
    Key::new(Kind::Meta, format!("radius-latched:{client}").as_bytes())
}

/// Latches the clients that were latched before.
pub fn restore(clients: &ClientTable, snapshot: &Snapshot, now: Timestamp) {
    for client in clients.clients() {
        if snapshot.side_record(&key(client.name()), now).is_some() {
            client.latch();
        }
    }
}

/// Stores every latch as it happens. Ends with its senders.
pub async fn keep(store: Arc<dyn Store>, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        let Event::Latched(client) = event else { continue };
        tracing::info!(target: "beadle::radius", client = &*client, "from now on must send Message-Authenticator");
        let put = Operation::Put {
            key: key(&client),
            value: Box::default(),
            expires: None,
        };
        let batch = Batch {
            guards: Vec::new(),
            operations: vec![put],
        };
        if let Err(error) = store.commit(batch).await {
            tracing::error!(target: "beadle::radius", %error, "the latch holds until the restart only");
        }
    }
}
