//! What stops policies or a schema from being loaded; the operator is to blame.

use std::fmt;

use miette::{Diagnostic, SourceSpan};

/// Why policies or a schema were not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The schema cannot be read, or contradicts itself or the built-in one.
    #[error("the schema is malformed{}", list(.0))]
    Schema(Vec<Problem>),
    /// A claim is declared with a type that no claim can have.
    #[error("the claim '{claim}' is declared as {declared}, which no claim can be")]
    ClaimType {
        /// The claim; a JSON pointer to one further in.
        claim: String,
        /// The type, in the words of the schema.
        declared: String,
    },
    /// An action of the schema applies to something else than what requests are.
    #[error("the action '{0}' must apply to Subject, Resource and the context Request")]
    ActionShape(String),
    /// The schema declares no such action for routes.
    #[error("the schema declares no action '{0}' that a route could give")]
    ActionUnknown(String),
    /// The policies cannot be read.
    #[error("the policies are malformed{}", list(.0))]
    Syntax(Vec<Problem>),
    /// The policies do not fit the schema, or could never apply.
    #[error("the policies do not fit the schema{}", list(.0))]
    Validation(Vec<Problem>),
    /// There is no policy, so nothing could ever pass.
    #[error("there is no policy, so nothing could ever pass")]
    Empty,
    /// A template: nothing fills it in.
    #[error("'{0}' is a template, which nothing here fills in")]
    Template(String),
    /// An `@id` that an explanation could not name.
    #[error("'{}' is no good @id: use printable ASCII without quotes and backslashes", .0.escape_debug())]
    MalformedId(String),
    /// Two policies of one name.
    #[error("two policies are called '{0}'")]
    DuplicateId(String),
}

/// One problem that Cedar found; ordered by its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line and column, both from 1; `None` where Cedar names no place.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What Cedar proposes.
    pub help: Option<String>,
}

impl Problem {
    /// All that a diagnostic of Cedar says, with those that come along with it.
    pub(crate) fn all(diagnostic: &dyn Diagnostic) -> Vec<Self> {
        let mut problems = vec![Self::of(diagnostic)];
        for related in diagnostic.related().into_iter().flatten() {
            problems.extend(Self::all(related));
        }
        problems
    }

    fn of(diagnostic: &dyn Diagnostic) -> Self {
        let mut message = diagnostic.to_string();
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        if let Some(text) = label.as_ref().and_then(|label| label.label()) {
            message = format!("{message}: {text}");
        }
        let at = label.and_then(|label| place(diagnostic, label.inner()));
        Self { message, at, help: diagnostic.help().map(|help| help.to_string()) }
    }
}

/// Where a span begins.
fn place(diagnostic: &dyn Diagnostic, span: &SourceSpan) -> Option<(usize, usize)> {
    let read = diagnostic.source_code()?.read_span(span, 0, 0).ok()?;
    Some((read.line() + 1, read.column() + 1))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |list, problem| list + "\n  " + &problem.to_string())
}
