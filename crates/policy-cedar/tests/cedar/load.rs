//! What is refused at load, with places and Cedar's help.

use bailiwick_policy_cedar::{CedarPolicy, LoadError, Problem, Schema};

use crate::mint::with_claims;

/// What Cedar says about policies that are not loaded.
#[track_caller]
fn problems(policies: &str, schema: &Schema) -> Vec<Problem> {
    match CedarPolicy::load(policies, schema).unwrap_err() {
        LoadError::Syntax(problems) | LoadError::Validation(problems) => problems,
        other => panic!("{other:?}"),
    }
}

/// The place and a part of the message of the one problem of policies.
#[track_caller]
fn verdict(policies: &str, at: (usize, usize), message: &str) {
    let found = problems(policies, &with_claims("department: String, level?: Long"));
    let [problem] = &*found else { panic!("{found:?}") };
    assert_eq!(problem.at, Some(at), "{problem}");
    assert!(problem.message.contains(message), "{problem}");
}

/// A policy with this condition on its second line.
fn when(condition: &str) -> String {
    format!("@id(\"one\") permit (principal, action, resource)\nwhen {{ {condition} }};")
}

#[test]
fn policies_that_do_not_fit_the_schema_are_refused() {
    let cases = [
        ("context.departement == 1", (2, 8), "attribute `departement`"),
        ("context.claims.departement == \"a\"", (2, 8), "attribute"),
        ("context.claims.department > 3", (2, 8), "unexpected type"),
        ("context.claims.department == 3", (2, 8), "types Long and String are not compatible"),
        ("context.claims.level > 3", (2, 8), "unable to guarantee safety of access"),
        ("context.now == \"noon\"", (2, 8), "not compatible"),
        ("principal.name == \"a\"", (2, 8), "attribute `name`"),
        ("principal == Bailiwick::User::\"a\"", (2, 21), "unrecognized entity type"),
        ("context.method", (2, 8), "unexpected type"),
    ];
    for (condition, at, message) in cases {
        verdict(&when(condition), at, message);
    }
    let unknown = r#"permit (principal, action == Bailiwick::Action::"get", resource);"#;
    verdict(unknown, (1, 30), "unrecognized action");
}

#[test]
fn a_policy_goes_by_its_id_in_errors_too() {
    let found = problems(&when("context.nothing"), &Schema::built_in());
    assert!(found[0].message.contains("for policy `one`"), "{}", found[0]);
}

#[test]
fn help_is_handed_on() {
    let found = problems(
        r#"permit (principal, action == Bailiwick::Action::"get", resource);"#,
        &Schema::built_in(),
    );
    let help = found.iter().find_map(|problem| problem.help.as_deref()).unwrap();
    assert!(help.contains("did you mean"), "{help}");
}

#[test]
fn a_policy_that_could_never_apply_is_refused() {
    verdict(&when("context.bound && !context.bound && false"), (1, 1), "policy is impossible");
}

#[test]
fn text_that_reads_otherwise_than_it_works_is_refused() {
    verdict(&when("context.subject == \"a\u{202e}b\""), (2, 27), "BIDI");
    // Two scripts in one text are no fault.
    let schema = Schema::built_in();
    CedarPolicy::load(&when("context.subject == \"Заказы API\""), &schema).unwrap();
}

#[test]
fn all_problems_are_told_at_once() {
    let policies = format!("{}\n{}", when("context.a"), when("context.b").replace("one", "two"));
    let found = problems(&policies, &Schema::built_in());
    let lines: Vec<_> = found.iter().map(|problem| problem.at.unwrap().0).collect();
    assert_eq!(lines, [2, 4]);
    let shown = CedarPolicy::load(&policies, &Schema::built_in()).unwrap_err().to_string();
    assert!(shown.starts_with("the policies do not fit the schema\n  2:"), "{shown}");
    assert_eq!(shown.lines().count(), 3, "{shown}");
}

#[test]
fn malformed_policies_are_refused() {
    let cases = [
        ("permit (principal, action, resource)", (1, 37)),
        ("permit (principal, action);", (1, 26)),
        ("\n\nallow (principal, action, resource);", (3, 1)),
    ];
    for (policies, at) in cases {
        let fault = CedarPolicy::load(policies, &Schema::built_in()).unwrap_err();
        let LoadError::Syntax(problems) = &fault else { panic!("{fault:?}") };
        assert_eq!(problems[0].at, Some(at), "{fault}");
    }
}

#[test]
fn policies_that_would_have_no_effect_are_refused() {
    let schema = Schema::built_in();
    for none in ["", "// nothing yet\n"] {
        assert_eq!(CedarPolicy::load(none, &schema).unwrap_err(), LoadError::Empty);
    }
    let template = r#"@id("t") permit (principal == ?principal, action, resource);"#;
    let fault = CedarPolicy::load(template, &schema).unwrap_err();
    assert_eq!(fault, LoadError::Template("t".to_owned()));
}

#[test]
fn an_id_names_one_policy_and_can_be_said() {
    let named = |id: &str| format!("@id(\"{id}\") permit (principal, action, resource);");
    let schema = Schema::built_in();
    let load = |text: &str| CedarPolicy::load(text, &schema).map(drop);
    load(&(named("a") + &named("b"))).unwrap();
    let twice = Err(LoadError::DuplicateId("a".to_owned()));
    assert_eq!(load(&(named("a") + &named("a"))), twice);
    // The second goes by its place, which the first has taken for a name.
    let policies = named("policy1") + "permit (principal, action, resource);";
    assert_eq!(load(&policies), Err(LoadError::DuplicateId("policy1".to_owned())));
    for id in ["", "é", "a\\\"b", "it's", "a\\nb"] {
        let fault = load(&named(id)).unwrap_err();
        assert!(matches!(fault, LoadError::MalformedId(_)), "{id}: {fault}");
    }
}

/// What stops a schema from being loaded.
#[track_caller]
fn refused(schema: &str) -> LoadError {
    Schema::extended_by(schema).map(drop).unwrap_err()
}

#[test]
fn a_malformed_schema_is_refused_with_its_place() {
    let LoadError::Schema(problems) =
        refused("namespace Bailiwick {\n  type Claims = { a String };\n}")
    else {
        panic!("another fault")
    };
    assert_eq!(problems[0].at, Some((2, 21)), "{}", problems[0]);
}

#[test]
fn a_schema_that_contradicts_itself_or_the_built_in_one_is_refused() {
    let cases = [
        "type Claims = { a: Nothing };",
        "type Claims = { a: Claims };",
        "type Claims = { a: Long }; type Claims = { b: Long };",
        "type Request = {};",
        "entity Subject;",
        "type String = Long;",
        "action GET appliesTo { principal: Subject, resource: Resource, context: Request };",
        "action a in [nothing] appliesTo { principal: Subject, resource: Resource, context: Request };",
    ];
    for inside in cases {
        let fault = refused(&format!("namespace Bailiwick {{ {inside} }}"));
        assert!(matches!(fault, LoadError::Schema(_)), "{inside}: {fault}");
    }
}

#[test]
fn a_claim_is_no_entity() {
    let cases = [
        ("{ a: Subject }", "a", "Subject"),
        ("{ a: { b: Set<Bailiwick::Resource> } }", "/a/b", "Bailiwick::Resource"),
        ("Long", "Claims", "Long"),
        ("Set<String>", "Claims", "Set"),
    ];
    for (claims, claim, declared) in cases {
        let (claim, declared) = (claim.to_owned(), declared.to_owned());
        let fault = refused(&format!("namespace Bailiwick {{ type Claims = {claims}; }}"));
        assert_eq!(fault, LoadError::ClaimType { claim, declared });
    }
}

#[test]
fn an_action_must_apply_to_requests() {
    let cases = [
        "principal: Subject, resource: Resource, context: {}",
        "principal: Subject, resource: Resource",
        "principal: Other, resource: Resource, context: Request",
        "principal: Subject, resource: Other, context: Request",
    ];
    for applies in cases {
        let schema = format!(
            "namespace Bailiwick {{ entity Other; action refund appliesTo {{ {applies} }}; }}"
        );
        assert_eq!(refused(&schema), LoadError::ActionShape("refund".to_owned()), "{applies}");
    }
    let good = "principal: [Other, Subject], resource: Resource, context: Bailiwick::Request";
    let schema =
        format!("namespace Bailiwick {{ entity Other; action refund appliesTo {{ {good} }}; }}");
    Schema::extended_by(&schema).unwrap();
}
