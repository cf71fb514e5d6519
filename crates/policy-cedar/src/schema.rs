//! The schema: what policies may speak of, with the claims and actions that the operator adds.

use std::sync::{Arc, LazyLock};

use cedar_policy::{EntityId, EntityTypeName, EntityUid, SchemaFragment};
use serde_json::Value;

use crate::claims::{Claims, Types};
use crate::load::{LoadError, Problem};

/// What policies may speak of. Cheap to clone; one does for all routes.
///
/// ```
/// use bailiwick_policy_cedar::Schema;
///
/// let schema = Schema::extended_by(
///     "namespace Bailiwick {
///        type Claims = { department: String, clearance?: Long };
///        action refund appliesTo { principal: Subject, resource: Resource, context: Request };
///      }",
/// )?;
/// # let _ = schema;
/// # Ok::<(), bailiwick_policy_cedar::LoadError>(())
/// ```
#[derive(Clone)]
pub struct Schema(Arc<Parts>);

struct Parts {
    cedar: cedar_policy::Schema,
    claims: Claims,
    /// The actions that a route may give.
    given: Vec<String>,
}

impl Schema {
    /// The text of the built-in schema, without the type `Claims`.
    pub const BUILT_IN: &str = include_str!("bailiwick.cedarschema");

    /// The built-in schema; of the token's claims, policies see the standard ones only.
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Schema> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "a constant, which each test reads")]
            Schema::extended_by("").expect("the built-in schema is well formed")
        });
        BUILT_IN.clone()
    }

    /// The built-in schema with what the operator's adds, in Cedar's schema syntax: the type
    /// `Bailiwick::Claims`, and actions in `Bailiwick` for routes that give their own.
    ///
    /// # Errors
    /// When it cannot be read, contradicts the built-in schema, declares a claim that is an entity,
    /// or an action that applies to something else than requests.
    pub fn extended_by(text: &str) -> Result<Self, LoadError> {
        let own = fragment(text)?;
        let declared = own.clone().to_json_value().map_err(malformed)?;
        let mut fragments = vec![fragment(Self::BUILT_IN)?, own];
        let claims = &declared[NAMESPACE]["commonTypes"]["Claims"];
        if claims.is_null() {
            fragments.push(fragment("namespace Bailiwick { type Claims = {}; }")?);
        }
        let cedar = cedar_policy::Schema::from_schema_fragments(fragments).map_err(malformed)?;
        // after Cedar's own check: types end, and name what exists
        let claims = match claims {
            Value::Null => Claims::default(),
            claims => Types(&declared).claims(claims, NAMESPACE)?,
        };
        let given = given(&declared, &cedar)?;
        Ok(Self(Arc::new(Parts { cedar, claims, given })))
    }

    pub(crate) fn cedar(&self) -> &cedar_policy::Schema {
        &self.0.cedar
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// The action of this name, if the operator declared it for routes.
    pub(crate) fn given_action(&self, name: &str) -> Result<EntityUid, LoadError> {
        if self.0.given.iter().any(|given| given == name) {
            Ok(uid(&ACTION, name))
        } else {
            Err(LoadError::ActionUnknown(name.to_owned()))
        }
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("given", &self.0.given).finish_non_exhaustive()
    }
}

/// An entity of one of the built-in types.
pub(crate) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn fragment(text: &str) -> Result<SchemaFragment, LoadError> {
    let (fragment, warnings) = SchemaFragment::from_cedarschema_str(text).map_err(malformed)?;
    let warnings: Vec<_> = warnings.flat_map(|warning| Problem::all(&warning)).collect();
    if warnings.is_empty() { Ok(fragment) } else { Err(LoadError::Schema(warnings)) }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in `map_err`")]
fn malformed(fault: impl miette::Diagnostic) -> LoadError {
    LoadError::Schema(Problem::all(&fault))
}

/// The operator's actions, each of which must fit every request.
fn given(declared: &Value, cedar: &cedar_policy::Schema) -> Result<Vec<String>, LoadError> {
    let mut given = Vec::new();
    for (name, action) in declared[NAMESPACE]["actions"].as_object().into_iter().flatten() {
        let context = &action["appliesTo"]["context"];
        let action = uid(&ACTION, name);
        let principals: Vec<_> =
            cedar.principals_for_action(&action).into_iter().flatten().collect();
        let resources: Vec<_> = cedar.resources_for_action(&action).into_iter().flatten().collect();
        if principals.is_empty() && resources.is_empty() {
            continue; // a group
        }
        let is_request = [&context["name"], &context["type"]]
            .iter()
            .any(|name| matches!(name.as_str(), Some("Request" | "Bailiwick::Request")));
        let fits = is_request && principals.contains(&&*SUBJECT) && resources.contains(&&*RESOURCE);
        if !fits {
            return Err(LoadError::ActionShape(name.clone()));
        }
        given.push(name.clone());
    }
    Ok(given)
}

const NAMESPACE: &str = "Bailiwick";

pub(crate) static SUBJECT: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Bailiwick::Subject"));
pub(crate) static RESOURCE: LazyLock<EntityTypeName> =
    LazyLock::new(|| kind("Bailiwick::Resource"));
pub(crate) static ACTION: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Bailiwick::Action"));

fn kind(name: &'static str) -> EntityTypeName {
    #[expect(clippy::expect_used, reason = "the constants above")]
    name.parse().expect("the name of an entity type")
}
