//! The users of the file.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use bailiwick_grant::state::{Client, Origin, User, Username};
use bailiwick_oauth::Subject;

use super::distinct;
use crate::config::read::{At, Reader};
use crate::config::{derived_subject, file};

pub(super) fn check(
    entries: Vec<file::User>,
    clients: &[Client],
    reader: &mut Reader<'_>,
) -> Vec<User> {
    let mut usernames: HashMap<String, Range<usize>> = HashMap::new();
    let mut subjects: BTreeMap<Subject, Range<usize>> = BTreeMap::new();
    let mut users = Vec::new();
    for entry in entries {
        let At { span, value } = entry.username;
        let username = value.0;
        if let Some(first) = usernames.insert(Username::canonical(&username), span.clone()) {
            let message =
                format!("the username `{username}` is taken on line {}", reader.line(&first));
            reader.problem(&span, message, "choose another; case does not count");
        }
        let (subject, at) = match entry.subject {
            Some(At { span, value }) => (Some(value), span),
            None => (derived_subject(&username), span),
        };
        // a digest in base64url always is a subject
        let Some(subject) = subject else { continue };
        if clients.iter().any(|client| client.id.as_str() == subject.as_str()) {
            let message = format!("the subject `{subject}` is a client's identifier");
            reader.problem(
                &at,
                message,
                "choose another: a token must tell the two apart (RFC 9068 §5)",
            );
        }
        if let Some(first) = subjects.insert(subject.clone(), at.clone()) {
            let message =
                format!("the subject `{subject}` is taken on line {}", reader.line(&first));
            reader.problem(&at, message, "choose another");
        }
        let roles = entry.roles.into_iter().map(|at| At { span: at.span, value: at.value.0 });
        users.push(User {
            subject,
            username,
            password: entry.password.map(|hash| hash.0),
            claims: entry.claims.0,
            roles: distinct(roles, "role", reader).into_iter().collect(),
            enabled: true,
            origin: Origin::Managed,
        });
    }
    users
}
