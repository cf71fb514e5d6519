//! A browser without a screen: cookies, forms and redirects, to loopback addresses only.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Failure;

/// How many redirects are followed before something is wrong.
const MOST_REDIRECTS: usize = 8;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
    /// Where it came from.
    pub(super) url: String,
}

impl Page {
    /// A header as text; empty when it is absent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A member of a JSON answer as text; empty when it is absent.
    pub(super) fn member(&self, name: &str) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// A browser: it keeps cookies.
#[derive(Default)]
pub(super) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Sends one request and reads the answer; follows nothing.
    pub(super) async fn send(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Page, Failure> {
        let uri: Uri = url.parse().map_err(|_| Failure::new(format!("not an address: {url}")))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        if !authority.starts_with("127.0.0.1:") {
            return Err(Failure::new(format!(
                "the walk stays on this machine, but was sent to {url}"
            )));
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::builder().method(method).uri(target).header(HOST, &authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        let stream = TcpStream::connect(&authority).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        self.keep(&parts.headers);
        Ok(Page {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            url: url.to_owned(),
        })
    }

    /// Sends a form.
    pub(super) async fn post(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
    ) -> Result<Page, Failure> {
        let origin = origin(url);
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), (ORIGIN.as_str(), &origin)];
        let body = bailiwick_oauth::form::encode(fields.iter().copied());
        self.send(Method::POST, url, &headers, &body).await
    }

    /// Opens an authorization request, signs in and agrees to everything that is asked, until the
    /// browser is sent to `until`; returns the parameters it is sent there with.
    pub(super) async fn authorize(
        &mut self,
        url: &str,
        until: &str,
        user: (&str, &str),
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut page = self.send(Method::GET, url, &[], "").await?;
        for _ in 0..MOST_REDIRECTS {
            let location = page.header(LOCATION.as_str()).to_owned();
            if location.starts_with(until) {
                return Ok(parameters(&location));
            }
            page = if page.status.is_redirection() {
                let next = absolute(&page.url, &location);
                self.send(Method::GET, &next, &[], "").await?
            } else {
                let form = Form::read(&page.body).ok_or_else(|| {
                    Failure::new(format!("{} answered {} without a form", page.url, page.status))
                })?;
                let action = absolute(&page.url, &form.action);
                let fields = form.filled(user);
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                self.post(&action, &fields).await?
            };
        }
        Err(Failure::new("signing in and consenting does not come to an end"))
    }

    fn keep(&mut self, headers: &http::HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let is_removed = parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
            if is_removed {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The first form of a page.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(html: &str) -> Option<Self> {
        let start = html.find("<form")?;
        let end = html[start..].find("</form>").map_or(html.len(), |at| start + at);
        let html = &html[start..end];
        let action = attribute(tag(html)?, "action").unwrap_or_default();
        let mut fields = Vec::new();
        for (at, _) in html.match_indices('<') {
            let Some(tag) = tag(&html[at..]) else { continue };
            let (Some(name), value) = (attribute(tag, "name"), attribute(tag, "value")) else {
                continue;
            };
            let kind = attribute(tag, "type").unwrap_or_default();
            let is_sent = if tag.starts_with("<input") {
                kind != "checkbox" || attribute(tag, "checked").is_some()
            } else {
                // of the buttons, the one that stands out is pressed
                tag.starts_with("<button")
                    && attribute(tag, "class").is_some_and(|class| class == "primary")
            };
            if is_sent {
                let fallback = if kind == "checkbox" { "on" } else { "" };
                fields.push((name, value.unwrap_or_else(|| fallback.to_owned())));
            }
        }
        Some(Self { action, fields })
    }

    fn filled(self, (username, password): (&str, &str)) -> Vec<(String, String)> {
        let fill = |(name, value): (String, String)| match name.as_str() {
            "username" => (name, username.to_owned()),
            "password" => (name, password.to_owned()),
            _ => (name, value),
        };
        self.fields.into_iter().map(fill).collect()
    }
}

/// The parameters of an address.
pub(super) fn parameters(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let decode = |text| bailiwick_oauth::form::decode(text).ok();
        Some((decode(name)?, decode(value)?))
    };
    query.split('&').filter_map(pair).collect()
}

fn tag(html: &str) -> Option<&str> {
    html.find('>').map(|end| &html[..=end])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = tag[..*at].chars().next_back();
        let after = tag[at + name.len()..].chars().next();
        before.is_some_and(char::is_whitespace)
            && after.is_some_and(|c| c == '=' || c == '>' || c == '/' || c.is_whitespace())
    })?;
    let rest = &tag[at + name.len()..];
    let Some(rest) = rest.strip_prefix("=\"") else { return Some(String::new()) };
    rest.find('"').map(|end| unescaped(&rest[..end]))
}

fn unescaped(text: &str) -> String {
    let plain = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    plain.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

fn origin(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    url[..end].to_owned()
}

fn absolute(base: &str, target: &str) -> String {
    if target.starts_with('/') {
        format!("{}{target}", origin(base))
    } else if target.is_empty() {
        base.to_owned()
    } else {
        target.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_sends_it() {
        let html = r#"<form method="post" action="/login?a=1&amp;b=2">
            <input type="hidden" name="csrf" value="a&quot;b"><input name="username">
            <input type="checkbox" name="scope" value="read" checked>
            <input type="checkbox" name="scope" value="write">
            <button name="answer" value="other">Other</button>
            <button class="primary" name="answer" value="accept">Yes</button>
            <button name="answer" value="deny">No</button></form><input name="other">"#;
        let form = Form::read(html).unwrap();
        assert_eq!(form.action, "/login?a=1&b=2");
        let fields = form.filled(("ada", "secret"));
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            fields,
            [("csrf", "a\"b"), ("username", "ada"), ("scope", "read"), ("answer", "accept")]
        );
    }

    #[test]
    fn parameters_are_decoded() {
        let found = parameters("http://127.0.0.1:1/cb?code=a%2Fb&state=x+y");
        assert_eq!(found["code"], "a/b");
        assert_eq!(found["state"], "x y");
    }
}
