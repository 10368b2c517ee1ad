//! The desktop through the client, against the dev server.
