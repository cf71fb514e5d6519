//! What passes, and what a refused client reads.

use bailiwick_policy_cedar::{CedarPolicy, LoadError, Schema};
use serde_json::json;

use crate::mint::{Asked, claiming, judge, plain, policy};

/// Judges `GET /orders` by policies against the built-in schema.
#[track_caller]
fn verdict(policies: &str, expected: &str) {
    assert_eq!(judge(&policy(policies), &plain()), expected, "{policies}");
}

/// Judges a request by one condition.
#[track_caller]
fn holds(condition: &str, asked: &Asked, expected: bool) {
    let policies = format!("permit (principal, action, resource) when {{ {condition} }};");
    let expected = if expected { "passed" } else { NONE };
    assert_eq!(judge(&policy(&policies), asked), expected, "{condition}");
}

const NONE: &str = "no policy permits this";

#[test]
fn what_no_policy_permits_is_denied() {
    verdict("permit (principal, action, resource);", "passed");
    verdict("permit (principal, action, resource) when { context.bound };", NONE);
    verdict("forbid (principal, action, resource) when { context.bound };", NONE);
}

#[test]
fn a_forbid_overrides_each_permit() {
    verdict(
        r#"permit (principal, action, resource);
           @id("not-alice") forbid (principal, action, resource)
           when { context.subject == "alice" };"#,
        "forbidden by policy 'not-alice'",
    );
    verdict(
        r#"permit (principal, action, resource);
           @id("not-alice") forbid (principal, action, resource)
           when { context.subject == "bob" };"#,
        "passed",
    );
}

#[test]
fn all_policies_that_forbid_are_named_in_order() {
    verdict(
        r#"@id("b") forbid (principal, action, resource);
           @id("a") forbid (principal, action, resource);
           @id("c") permit (principal, action, resource);
           forbid (principal, action, resource);"#,
        "forbidden by policy 'a', policy 'b', policy 'policy3'",
    );
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_whatever_the_others_say() {
    // Cedar itself leaves such a policy out, and a forbidding one would be ignored.
    let overflow = "context.now + 9223372036854775807 > 0";
    for effect in ["permit", "forbid"] {
        verdict(
            &format!(
                r#"permit (principal, action, resource);
                   @id("sum") {effect} (principal, action, resource) when {{ {overflow} }};"#
            ),
            "cannot be evaluated: policy 'sum'",
        );
    }
}

#[test]
fn the_request_is_known() {
    let refund = || Asked {
        method: "POST",
        path: "/orders/7/refund",
        claims: json!({ "roles": ["clerk"] }),
    };
    let cases = [
        (r#"context.method == "POST""#, true),
        (r#"context.path like "/orders/*/refund""#, true),
        (r#"context.path like "/orders""#, false),
        (r#"action == Bailiwick::Action::"POST""#, true),
        (r#"action in Bailiwick::Action::"unsafe""#, true),
        (r#"action in Bailiwick::Action::"safe""#, false),
        ("context.now == 1700000000", true),
        (r#"resource == Bailiwick::Resource::"https://api.example.com/orders""#, true),
        (r#"resource == Bailiwick::Resource::"https://api.example.com""#, false),
    ];
    for (condition, expected) in cases {
        holds(condition, &refund(), expected);
    }
}

#[test]
fn the_token_is_known() {
    let asked = || {
        claiming(json!({
            "roles": ["clerk", "manager"], "acr": "gold", "amr": ["pwd", "otp"],
            "auth_time": 1_699_999_000,
        }))
    };
    let cases = [
        (r#"principal == Bailiwick::Subject::"https://id.example.com#alice""#, true),
        (r#"principal == Bailiwick::Subject::"alice""#, false),
        (r#"context.issuer == "https://id.example.com" && context.subject == "alice""#, true),
        (r#"context has client_id && context.client_id == "shop""#, true),
        (r#"context.scopes.contains("write:orders")"#, true),
        (r#"context.scopes.contains("write")"#, false),
        (r#"context.roles.containsAll(["clerk", "manager"])"#, true),
        (r#"context.roles.contains("auditor")"#, false),
        (r#"context has acr && context.acr == "gold""#, true),
        (r#"context.amr.contains("otp")"#, true),
        ("context has auth_time && context.now - context.auth_time <= 1000", true),
        ("context has auth_time && context.now - context.auth_time < 1000", false),
        ("context.expires == 1700000060", true),
        ("context.bound", false),
    ];
    for (condition, expected) in cases {
        holds(condition, &asked(), expected);
    }
    holds("context has acr || context has auth_time", &plain(), false);
    holds("context.roles.isEmpty() && context.amr.isEmpty()", &plain(), true);
}

#[test]
fn each_common_method_is_an_action() {
    let reads = policy(r#"permit (principal, action in Bailiwick::Action::"safe", resource);"#);
    let writes = policy(r#"permit (principal, action in Bailiwick::Action::"unsafe", resource);"#);
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(judge(&reads, &Asked { method, ..plain() }), "passed");
        assert_eq!(judge(&writes, &Asked { method, ..plain() }), NONE);
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(judge(&reads, &Asked { method, ..plain() }), NONE);
        assert_eq!(judge(&writes, &Asked { method, ..plain() }), "passed");
    }
}

#[test]
fn a_method_without_an_action_is_denied() {
    let all = policy("permit (principal, action, resource);");
    for method in ["TRACE", "CONNECT", "PURGE", "get", "safe", "refund"] {
        let found = judge(&all, &Asked { method, ..plain() });
        assert_eq!(found, "the policies know no action for the request's method", "{method}");
    }
}

fn with_refund() -> Schema {
    Schema::extended_by(
        "namespace Bailiwick {
           action money;
           action refund in [money] appliesTo {
             principal: Subject, resource: Resource, context: Request,
           };
         }",
    )
    .unwrap()
}

#[test]
fn a_route_may_give_its_action() {
    let policies = r#"permit (principal, action in Bailiwick::Action::"money", resource);"#;
    let policy = CedarPolicy::load(policies, &with_refund()).unwrap();
    let refund = policy.clone().for_action("refund").unwrap();
    for method in ["POST", "PURGE"] {
        assert_eq!(judge(&refund, &Asked { method, ..plain() }), "passed");
    }
    assert_eq!(judge(&policy, &plain()), NONE);
    // The client has no way to ask for an action of another route.
    assert_ne!(judge(&policy, &Asked { method: "refund", ..plain() }), "passed");
}

#[test]
fn an_action_that_a_route_gives_must_be_declared_for_it() {
    let policy =
        CedarPolicy::load("permit (principal, action, resource);", &with_refund()).unwrap();
    for unknown in ["money", "refunds", "GET", "safe", ""] {
        let fault = policy.clone().for_action(unknown).unwrap_err();
        assert_eq!(fault, LoadError::ActionUnknown(unknown.to_owned()));
    }
}

#[test]
fn debug_shows_the_names_of_policies_only() {
    let shown = format!("{:?}", policy(r#"@id("a") permit (principal, action, resource);"#));
    assert_eq!(shown, r#"CedarPolicy { policies: "policy 'a'", action: None, .. }"#);
}
