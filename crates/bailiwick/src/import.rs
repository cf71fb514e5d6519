//! `import openapi`: a `[[resource]]` from what an OpenAPI document says of an API.

mod document;
mod security;

use std::fmt::Write as _;
use std::path::Path;

use bailiwick_gateway::{Config, Pattern};
use serde_json::Value;

use crate::Failure;
use crate::cli::{Import, OpenApi};
use document::Document;
use security::Access;

/// Prints what a document says; warnings go to standard error too.
pub(crate) fn run(command: &Import) -> Result<(), Failure> {
    let Import::Openapi(options) = command;
    let imported = openapi(&read(&options.file)?, options).map_err(Failure::usage)?;
    for warning in &imported.warnings {
        eprintln!("warning: {warning}");
    }
    print!("{}", imported.text);
    // What is printed must be a configuration: else it is our mistake, and nobody shall use it.
    Config::parse("the imported configuration", &imported.text)
        .map(drop)
        .map_err(|error| Failure::new(error.to_string()))
}

/// A document is JSON or YAML, whatever its name.
fn read(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    parse(&text).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
}

fn parse(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// What came of a document.
#[derive(Debug)]
struct Imported {
    text: String,
    warnings: Vec<String>,
}

/// One line of `routes`.
struct Line {
    path: String,
    methods: Vec<&'static str>,
    access: Access,
    /// Where two paths of the document became one, with different rules.
    contradicts: bool,
}

/// Makes the configuration of a document. What cannot be said is left out, and told: no route lets
/// in whom the document keeps out.
fn openapi(value: &Value, options: &OpenApi) -> Result<Imported, String> {
    let document = Document::new(value)?;
    let mut warnings = Vec::new();
    let server = document.server(&mut warnings);
    let identifier = options.identifier.clone().or_else(|| server.address.clone()).ok_or(
        "the document names no absolute server; say with --identifier what clients call the API",
    )?;
    let issuer = options.issuer.clone().or_else(|| document.issuer()).unwrap_or_else(|| {
        warnings
            .push("the document names no issuer: put yours in the place of issuer.invalid".into());
        "https://issuer.invalid".to_owned()
    });
    let upstream = options.upstream.clone().unwrap_or_else(|| {
        warnings.push(
            "upstream: the document says how clients call the API; say where it listens".into(),
        );
        server.origin.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned())
    });
    let lines = lines(&document, &mut warnings);
    let mut text = String::new();
    for warning in &warnings {
        let _ = writeln!(text, "# {warning}");
    }
    text.push_str("[[resource]]\n");
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} = {}", quoted(value));
    };
    set("identifier", &identifier);
    set("issuer", &issuer);
    set("upstream", &upstream);
    if let Some(title) = document.title() {
        set("name", title);
    }
    if let Some(prefix) = &server.prefix {
        set("prefix", prefix);
    }
    text.push_str("routes = [\n");
    if lines.is_empty() {
        return Err("no operation of the document can be expressed; nothing is imported".into());
    }
    for line in lines {
        let methods: Vec<String> = line.methods.iter().map(|method| quoted(method)).collect();
        let (path, methods) = (quoted(&line.path), methods.join(", "));
        let _ = writeln!(text, "  {{ path = {path}, methods = [{methods}], {} }},", line.access);
    }
    text.push_str("]\n");
    Ok(Imported { text, warnings })
}

fn lines(document: &Document<'_>, warnings: &mut Vec<String>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut left_out: Vec<(String, &'static str)> = Vec::new();
    for (template, item) in document.paths(warnings) {
        let path = match pattern(template, warnings) {
            Ok(path) => path,
            Err(why) => {
                warnings.push(plain(&format!("{template}: left out: {why}")));
                continue;
            }
        };
        for (method, operation) in document::operations(item) {
            let what = plain(&format!("{method} {template}"));
            if method == "TRACE" {
                warnings.push(format!("{what}: left out: TRACE is never forwarded"));
                continue;
            }
            if operation.get("servers").is_some() || item.get("servers").is_some() {
                warnings.push(format!("{what}: its own servers are not looked at"));
            }
            if let Some(access) = security::access(document, operation, &what, warnings) {
                add(&mut lines, &path, method, access);
            } else {
                warnings.push(format!("{what}: left out: nothing in it can be checked here"));
                left_out.push((path.clone(), method));
            }
        }
    }
    for line in lines.iter().filter(|line| line.contradicts) {
        let (path, methods) = (&line.path, line.methods.join(", "));
        warnings
            .push(plain(&format!("{methods} {path}: left out: two paths say two things of it")));
    }
    let contradicts = lines.extract_if(.., |line| line.contradicts);
    left_out.extend(contradicts.flat_map(|Line { path, methods, .. }| {
        methods.into_iter().map(move |method| (path.clone(), method))
    }));
    for (path, method) in left_out {
        // Another route would have it, with a rule that is not its own.
        if lines.iter().any(|line| line.path != path && covers(&line.path, &path)) {
            warnings.push(plain(&format!(
                "{method} {path}: asks for the scope '{LEFT_OUT}', which nobody has: without that a \
                 wider route would let it pass"
            )));
            add(&mut lines, &path, method, Access::AllOf(vec![LEFT_OUT.to_owned()]));
        }
    }
    lines
}

/// A scope that nobody has.
const LEFT_OUT: &str = "left-out-by-import";

/// Whether a pattern has everything that another one has.
fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == "*" || one == other => {}
            _ => return false,
        }
    }
}

/// Puts an operation where its like is.
fn add(lines: &mut Vec<Line>, path: &str, method: &'static str, access: Access) {
    let known = lines.iter_mut().find(|line| line.path == path && line.methods.contains(&method));
    if let Some(line) = known {
        line.contradicts |= line.access != access;
        return;
    }
    let alike = lines.iter_mut().find(|line| line.path == path && line.access == access);
    match alike {
        Some(line) => line.methods.push(method),
        None => lines.push(Line {
            path: path.to_owned(),
            methods: vec![method],
            access,
            contradicts: false,
        }),
    }
}

/// A path template as a pattern: `{id}` is any one segment.
fn pattern(template: &str, warnings: &mut Vec<String>) -> Result<String, String> {
    let mut segments = Vec::new();
    for segment in template.split('/') {
        let is_whole = segment.starts_with('{')
            && segment.ends_with('}')
            && segment.matches(['{', '}']).count() == 2;
        if segment.contains(['{', '}']) && !is_whole {
            warnings.push(plain(&format!(
                "{template}: a template inside a segment: the route has every segment there"
            )));
        }
        segments.push(if segment.contains(['{', '}']) { "*" } else { segment });
    }
    let joined = segments.join("/");
    let path = if joined.len() > 1 { joined.trim_end_matches('/') } else { &joined };
    Pattern::parse(path).map(|_| path.to_owned()).map_err(|error| error.to_string())
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A text that stays on its line: what a document says must not become a setting.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{2028}' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
