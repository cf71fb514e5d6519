//! Reads TOML into typed fields, remembering where each value stands.
//!
//! A `section!` is a struct whose fields, documentation and defaults stand in one place: the
//! reader and the reference are both made from it, so they cannot differ.

use std::ops::Range;

use bailiwick_oauth::resource::PlainHttp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::Root;
use super::nearest::nearest;
use super::problem::{Problem, position};
use super::{Config, ConfigError, Surroundings};

/// A value of the file and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) span: Range<usize>,
    pub(super) value: T,
}

/// A table in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Entries<K, V>(pub(super) Vec<(At<K>, V)>);

/// One value, or a list of them.
#[derive(Debug, Clone)]
pub(super) struct OneOrMore<T>(pub(super) Vec<T>);

/// What can stand as the value of a field.
pub(super) trait FromToml: Sized {
    /// What to write, in words.
    fn kind() -> String;
    /// Reads a value; reports what is wrong with it and returns `None`.
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// What is written as a string, or as the key of a table.
pub(super) trait FromText: Sized {
    /// What to write, in words.
    const KIND: &'static str;
    /// Reads a text; says what is wrong with it and what would be right.
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong>;
}

/// What is wrong with a text, and what would be right.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// Whose file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The one that the process is started with.
    Server,
    /// One that the first names in `tenants`.
    Tenant,
}

/// What the process does once, for all its issuers.
const OF_THE_SERVER: &[&str] = &["listen", "proxies", "tenants", "tls"];

/// Reads one file and collects what is wrong with it.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) around: Surroundings<'a>,
    pub(super) plain_http: PlainHttp,
    role: Role,
    problems: Vec<(Range<usize>, Problem)>,
    warnings: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, around: Surroundings<'a>) -> Self {
        let (problems, warnings) = (Vec::new(), Vec::new());
        let role = Role::Server;
        Self { text, around, plain_http: PlainHttp::Loopback, role, problems, warnings }
    }

    /// The same for a file that another one names as a tenant's.
    pub(super) fn of_tenant(self) -> Self {
        Self { role: Role::Tenant, ..self }
    }

    /// Whether the file is a tenant's.
    pub(super) fn is_tenants(&self) -> bool {
        self.role == Role::Tenant
    }

    /// The first pass: `None` when anything is wrong.
    pub(super) fn root(&mut self) -> Option<Root> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.problem(&span, error.message(), "");
                return None;
            }
        };
        // before the identifiers are read: it says which of them are well-formed
        let plain_http = table.get_ref().get("dangerous_allow_plain_http_resources");
        if plain_http.and_then(|value| value.get_ref().as_bool()) == Some(true) {
            self.plain_http = PlainHttp::Anywhere;
        }
        if self.role == Role::Tenant {
            for name in OF_THE_SERVER {
                if let Some((key, _)) = table.get_ref().get_key_value(*name) {
                    let message = format!("a tenant's file cannot say `{name}`");
                    let help = "the file that names this one in `tenants` says it for all";
                    self.problem(&key.span(), message, help);
                }
            }
        }
        let root = Root::from_table(table.get_ref(), &(0..0), self);
        root.filter(|_| self.problems.is_empty())
    }

    /// Notes a mistake.
    pub(super) fn problem(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(self.around.name, self.text, span, message, help);
        self.problems.push((span.clone(), problem));
    }

    /// Notes the mistakes of another file, where this one names it.
    pub(super) fn adopt(&mut self, span: &Range<usize>, problems: Vec<Problem>) {
        self.problems.extend(problems.into_iter().map(|problem| (span.clone(), problem)));
    }

    /// Notes what is allowed, but seldom meant.
    pub(super) fn warning(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.warnings.push(Problem::new(self.around.name, self.text, span, message, help));
    }

    /// The line that a value stands on.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        position(self.text, span.start).0
    }

    /// Reads a text, noting what is wrong with it.
    pub(super) fn text<T: FromText>(&mut self, text: &str, span: &Range<usize>) -> Option<T> {
        T::parse(text, self).map_err(|wrong| self.problem(span, wrong.message, wrong.help)).ok()
    }

    /// Notes that a value is of the wrong kind.
    pub(super) fn wrong_kind<T: FromToml>(&mut self, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let found = value.get_ref().type_str();
        self.problem(&value.span(), format!("expected {}, found {found}", T::kind()), "");
        None
    }

    /// What the file says, when nothing was found wrong with it.
    pub(super) fn finish(mut self, config: Option<Config>) -> Result<Config, ConfigError> {
        match config {
            Some(config) if self.problems.is_empty() => {
                Ok(Config { warnings: self.warnings, ..config })
            }
            _ => {
                self.problems.sort_by_key(|(span, _)| span.start);
                Err(ConfigError::Wrong(self.problems.into_iter().map(|(_, it)| it).collect()))
            }
        }
    }
}

/// Whether a field must be there, and what it is when it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It must be there; the text is an example.
    Required(&'static str),
    /// It may be left out and is then this.
    Default(&'static str),
    /// It may be left out; the text is an example.
    Optional(&'static str),
}

/// A field, for the reference and for messages.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: fn() -> String,
    pub(super) presence: Presence,
    pub(super) about: &'static [&'static str],
}

/// A section, for the reference.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) about: &'static [&'static str],
    pub(super) fields: &'static [Field],
}

/// Declares a section of the file: `field: Type = required|default|optional "TOML text"`.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        struct $name:ident($heading:literal) {
            $($(#[doc = $doc:literal])* $field:ident: $type:ty = $presence:ident $text:literal;)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            $($(#[doc = $doc])* pub(super) $field: section!(@type $presence $type),)*
        }

        impl $name {
            pub(super) const SECTION: $crate::config::read::Section = $crate::config::read::Section {
                heading: $heading,
                about: &[$($about,)*],
                fields: &[$($crate::config::read::Field {
                    name: stringify!($field),
                    kind: <$type as $crate::config::read::FromToml>::kind,
                    presence: section!(@presence $presence $text),
                    about: &[$($doc,)*],
                },)*],
            };

            pub(super) fn from_table(
                table: &toml::de::DeTable<'_>,
                span: &std::ops::Range<usize>,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                let _ = span; // nobody is told of it where every field may be left out
                $crate::config::read::refuse_unknown(table, &Self::SECTION, reader);
                $(let $field: Option<section!(@type $presence $type)> =
                    section!(@read $presence $type, $field, $text, table, span, reader, $heading);)*
                Some(Self { $($field: $field?,)* })
            }
        }

        impl $crate::config::read::FromToml for $name {
            fn kind() -> String {
                concat!("a table as in `", $heading, "`").into()
            }
            fn read(
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                match value.get_ref() {
                    toml::de::DeValue::Table(table) => Self::from_table(table, &value.span(), reader),
                    _ => reader.wrong_kind::<Self>(value),
                }
            }
        }
    };
    (@type optional $type:ty) => { Option<$type> };
    (@type $presence:ident $type:ty) => { $type };
    (@presence required $text:literal) => { $crate::config::read::Presence::Required($text) };
    (@presence default $text:literal) => { $crate::config::read::Presence::Default($text) };
    (@presence optional $text:literal) => { $crate::config::read::Presence::Optional($text) };
    (@read required $type:ty, $field:ident, $text:literal, $table:ident, $span:ident, $reader:ident, $heading:literal) => {
        $crate::config::read::required::<$type>(
            $table, stringify!($field), $text, $heading, $span, $reader,
        )
    };
    (@read default $type:ty, $field:ident, $text:literal, $table:ident, $span:ident, $reader:ident, $heading:literal) => {
        $crate::config::read::with_default::<$type>($table, stringify!($field), $text, $span, $reader)
    };
    (@read optional $type:ty, $field:ident, $text:literal, $table:ident, $span:ident, $reader:ident, $heading:literal) => {
        match $table.get(stringify!($field)) {
            None => Some(None),
            Some(value) => <$type as $crate::config::read::FromToml>::read(value, $reader).map(Some),
        }
    };
}
pub(super) use section;

pub(super) fn required<T: FromToml>(
    table: &DeTable<'_>,
    field: &str,
    example: &str,
    heading: &str,
    span: &Range<usize>,
    reader: &mut Reader<'_>,
) -> Option<T> {
    if let Some(value) = table.get(field) {
        return T::read(value, reader);
    }
    let message = format!("`{field}` is missing {}", within(heading));
    reader.problem(span, message, format!("write for example `{field} = {example}`"));
    None
}

pub(super) fn with_default<T: FromToml>(
    table: &DeTable<'_>,
    field: &str,
    default: &str,
    span: &Range<usize>,
    reader: &mut Reader<'_>,
) -> Option<T> {
    if let Some(value) = table.get(field) {
        return T::read(value, reader);
    }
    // a test reads every default, so this cannot fail for an operator
    let value = DeValue::parse(default).ok()?.into_inner();
    T::read(&Spanned::new(span.clone(), value), reader)
}

pub(super) fn refuse_unknown(table: &DeTable<'_>, section: &Section, reader: &mut Reader<'_>) {
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if section.fields.iter().any(|field| field.name == name) {
            continue;
        }
        let known = || section.fields.iter().map(|field| field.name);
        let help = nearest(name, known()).map_or_else(
            || format!("known are {}", known().collect::<Vec<_>>().join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        let message = format!("unknown field `{name}` {}", within(section.heading));
        reader.problem(&key.span(), message, help);
    }
}

fn within(heading: &str) -> String {
    if heading.starts_with('[') { format!("in {heading}") } else { format!("at {heading}") }
}

impl<T: FromText> FromToml for T {
    fn kind() -> String {
        T::KIND.into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => reader.text(text, &value.span()),
            _ => reader.wrong_kind::<Self>(value),
        }
    }
}

impl<T: FromToml> FromToml for At<T> {
    fn kind() -> String {
        T::kind()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { span: value.span(), value: T::read(value, reader)? })
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn kind() -> String {
        format!("a list, each {}", T::kind())
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(array) = value.get_ref().as_array() else {
            return reader.wrong_kind::<Self>(value);
        };
        // all are read before one is given up: each mistake counts
        let read: Vec<_> = array.iter().map(|value| T::read(value, reader)).collect();
        read.into_iter().collect()
    }
}

impl<T: FromToml> FromToml for OneOrMore<T> {
    fn kind() -> String {
        format!("{}, or a list of them", T::kind())
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        if value.get_ref().is_array() {
            Vec::read(value, reader).map(Self)
        } else {
            T::read(value, reader).map(|one| Self(vec![one]))
        }
    }
}

impl<K: FromText, V: FromToml> FromToml for Entries<K, V> {
    fn kind() -> String {
        format!("a table from {} to {}", K::KIND, V::kind())
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return reader.wrong_kind::<Self>(value);
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let read: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| {
                let parsed = reader.text(key.get_ref(), &key.span());
                let value = V::read(value, reader);
                Some((At { span: key.span(), value: parsed? }, value?))
            })
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl FromToml for bool {
    fn kind() -> String {
        "`true` or `false`".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        value.get_ref().as_bool().or_else(|| reader.wrong_kind::<Self>(value))
    }
}
