//! Temporary credentials, as the service's token service hands them out: an organization may put and read
//! objects below its own prefix and list them, and nothing else, for an hour.

use super::failure::{Failure, Reason};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long credentials are good.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Credentials as a client gets them.
#[derive(Clone)]
pub struct Access {
    pub key_id: String,
    pub secret: String,
    pub token: String,
}

/// Those that were handed out and may still be good, by key id.
#[derive(Default)]
pub struct Credentials(Mutex<HashMap<String, HandedOut>>);

struct HandedOut {
    access: Access,
    grant: Grant,
    expires: Instant,
}

/// What a request wants to do.
#[derive(Clone, Copy)]
pub enum Action<'a> {
    Put(&'a str),
    Get(&'a str),
    Delete,
    List(&'a str),
}

/// What credentials allow.
#[derive(Clone)]
pub struct Grant {
    organization: String,
}

impl Grant {
    /// Deleting is not among it: contexts are shared by all that have the same hash.
    pub fn allows(&self, action: Action<'_>) -> bool {
        let is_below =
            |key: &str| key.strip_prefix(&self.organization).is_some_and(|rest| rest.starts_with('/'));
        match action {
            Action::Put(key) | Action::Get(key) => is_below(key),
            Action::List(prefix) => prefix == self.organization || is_below(prefix),
            Action::Delete => false,
        }
    }
}

impl Credentials {
    /// Those of a key without a session.
    #[cfg(test)]
    pub fn of(key_id: &str, secret: &str) -> Self {
        let access = Access { key_id: key_id.into(), secret: secret.into(), token: String::new() };
        let grant = Grant { organization: String::new() };
        let handed_out = HandedOut { access, grant, expires: Instant::now() + LIFETIME };
        Self(Mutex::new(HashMap::from([(key_id.into(), handed_out)])))
    }

    pub fn hand_out(&self, organization: &str) -> Access {
        let hex = || Uuid::new_v4().simple().to_string();
        let access = Access {
            key_id: format!("ASIA{}", &hex().to_uppercase()[..16]),
            secret: format!("{}{}", hex(), &hex()[..8]),
            token: format!("{}{}", hex(), hex()),
        };
        let now = Instant::now();
        let mut all = self.0.lock();
        all.retain(|_, other| other.expires + LIFETIME > now);
        let grant = Grant { organization: organization.to_owned() };
        let handed_out = HandedOut { access: access.clone(), grant, expires: now + LIFETIME };
        all.insert(access.key_id.clone(), handed_out);
        access
    }

    /// The secret of a key and what it allows, if the session's token is the right one.
    pub fn find(&self, key_id: &str, token: Option<&str>) -> Result<(String, Grant), Failure> {
        let all = self.0.lock();
        let found = all.get(key_id).ok_or(Reason::InvalidAccessKeyId)?;
        if token.unwrap_or_default() != found.access.token {
            return Err(Reason::InvalidToken.into());
        }
        if found.expires < Instant::now() {
            return Err(Reason::ExpiredToken.into());
        }
        Ok((found.access.secret.clone(), found.grant.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_reaches_its_own_prefix_alone() {
        let grant = Grant { organization: "a".into() };
        for allowed in [Action::Put("a/x"), Action::Get("a/x/y"), Action::List("a"), Action::List("a/")] {
            assert!(grant.allows(allowed));
        }
        for refused in [
            Action::Put("ab/x"),
            Action::Put("a"),
            Action::Get("b/x"),
            Action::List(""),
            Action::List("ab"),
            Action::Delete,
        ] {
            assert!(!grant.allows(refused));
        }
    }
}
