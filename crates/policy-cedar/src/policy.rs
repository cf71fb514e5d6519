//! The policies of a route, and their word on a request.

use std::fmt;

use bailiwick_guard::Policy;
use bailiwick_guard::policy::{Denied, Question};
use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, EntityUid, PolicyId, PolicySet,
    ValidationMode, ValidationWarning, Validator,
};

use crate::load::{LoadError, Problem};
use crate::request::request;
use crate::schema::{ACTION, Schema, uid};

/// The Cedar policies of one route.
///
/// Load those that the route needs and no others: each is evaluated for each request, so that a
/// decision costs time in proportion to their number.
///
/// A request passes when a policy permits it and none forbids it. It does not pass when any of them
/// cannot be evaluated, whatever the others say: the one in doubt might have forbidden it.
#[derive(Clone)]
pub struct CedarPolicy {
    schema: Schema,
    policies: PolicySet,
    /// The actions, with the groups that they are in; there are no other entities to look up.
    entities: Entities,
    /// The action that the route gives, instead of the request's method.
    action: Option<EntityUid>,
}

impl CedarPolicy {
    /// Reads policies and checks them against a schema, strictly.
    ///
    /// A policy goes by its annotation `@id("…")`, in errors here and in what a refused client
    /// reads; one without it by its place: `policy0` is the first.
    ///
    /// # Errors
    /// When they cannot be read, do not fit the schema, could never apply to a request, hold text
    /// that reads otherwise than it works, are templates, share a name, or are none.
    pub fn load(policies: &str, schema: &Schema) -> Result<Self, LoadError> {
        let policies = named(&parse(policies)?)?;
        validate(&policies, schema)?;
        let entities = schema.cedar().action_entities();
        let entities = entities.map_err(|fault| LoadError::Schema(Problem::all(&fault)))?;
        Ok(Self { schema: schema.clone(), policies, entities, action: None })
    }

    /// Asks about an action that the operator's schema declares, whatever the request's method.
    ///
    /// # Errors
    /// [`LoadError::ActionUnknown`].
    pub fn for_action(self, name: &str) -> Result<Self, LoadError> {
        Ok(Self { action: Some(self.schema.given_action(name)?), ..self })
    }

    /// What the request is about.
    fn action(&self, method: &str) -> Result<EntityUid, Denied> {
        if let Some(given) = &self.action {
            return Ok(given.clone());
        }
        // Only these: a client must not reach an action of another route by a method of that name.
        if METHODS.contains(&method) {
            return Ok(uid(&ACTION, method));
        }
        Err(Denied { why: "the policies know no action for the request's method".to_owned() })
    }
}

impl Policy for CedarPolicy {
    fn decide(&self, question: &Question<'_>) -> Result<(), Denied> {
        let action = self.action(question.method.as_str())?;
        let request = request(question, action, &self.schema)?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &self.entities);
        let diagnostics = response.diagnostics();
        // before the decision: Cedar leaves out what it cannot evaluate
        let failed = names(diagnostics.errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        }));
        if !failed.is_empty() {
            return Err(Denied { why: format!("cannot be evaluated: {failed}") });
        }
        let determining = names(diagnostics.reason());
        match response.decision() {
            Decision::Allow => Ok(()),
            Decision::Deny if determining.is_empty() => {
                Err(Denied { why: "no policy permits this".to_owned() })
            }
            Decision::Deny => Err(Denied { why: format!("forbidden by {determining}") }),
        }
    }
}

impl fmt::Debug for CedarPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarPolicy")
            .field("policies", &names(self.policies.policies().map(cedar_policy::Policy::id)))
            .field("action", &self.action.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// Names of policies for people, in order, as Cedar reports them in none.
fn names<'p>(ids: impl Iterator<Item = &'p PolicyId>) -> String {
    let mut names: Vec<_> = ids.map(|id| format!("policy '{id}'")).collect();
    names.sort_unstable();
    names.join(", ")
}

fn parse(text: &str) -> Result<PolicySet, LoadError> {
    text.parse::<PolicySet>().map_err(|faults| {
        LoadError::Syntax(faults.iter().flat_map(|fault| Problem::all(fault)).collect())
    })
}

/// The same policies, each under its `@id`.
fn named(parsed: &PolicySet) -> Result<PolicySet, LoadError> {
    if let Some(template) = parsed.templates().next() {
        let name = template.annotation("id").map_or_else(|| template.id().to_string(), Into::into);
        return Err(LoadError::Template(name));
    }
    let mut policies = PolicySet::new();
    for policy in parsed.policies() {
        let id = match policy.annotation("id") {
            Some(id) if is_sayable(id) => PolicyId::new(id),
            Some(id) => return Err(LoadError::MalformedId(id.to_owned())),
            None => policy.id().clone(),
        };
        let duplicate = |_| LoadError::DuplicateId(id.to_string());
        policies.add(policy.new_id(id.clone())).map_err(duplicate)?;
    }
    if policies.is_empty() { Err(LoadError::Empty) } else { Ok(policies) }
}

/// Whether a client may be told a name as it stands (RFC 6749 §5.2).
fn is_sayable(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|c| matches!(c, b' '..=b'~') && !matches!(c, b'"' | b'\\' | b'\''))
}

fn validate(policies: &PolicySet, schema: &Schema) -> Result<(), LoadError> {
    let result = Validator::new(schema.cedar().clone()).validate(policies, ValidationMode::Strict);
    let mut problems: Vec<_> =
        result.validation_errors().flat_map(|error| Problem::all(error)).collect();
    if problems.is_empty() {
        // after the errors: a policy that does not fit never applies either
        problems.extend(
            result.validation_warnings().filter(|w| is_grave(w)).flat_map(|w| Problem::all(w)),
        );
    }
    problems = problems.into_iter().map(of_any_action).collect();
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { Err(LoadError::Validation(problems)) }
}

/// Whether a warning is of a policy that never applies, or that deceives whoever reads it. A text
/// of several scripts is neither: it is an honest name in many languages.
fn is_grave(warning: &ValidationWarning) -> bool {
    !matches!(warning, ValidationWarning::MixedScriptString(_))
}

/// A problem without the action it was found for: Cedar tells each once for every action, and what
/// requests are is the same for all.
fn of_any_action(problem: Problem) -> Problem {
    let Some((before, rest)) = problem.message.split_once(" for Bailiwick::Action::\"") else {
        return problem;
    };
    let Some((_, after)) = rest.split_once('"') else { return problem };
    Problem { message: format!("{before}{after}"), ..problem }
}

/// The methods that are actions of their own (RFC 9110 §9.3, RFC 5789).
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
