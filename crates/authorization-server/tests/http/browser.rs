//! A browser without scripts: keeps cookies, fills in forms.

use std::collections::BTreeMap;

use axum::body::Body;
use bailiwick_oauth::form::{self, Form};
use http::Request;

use super::server::{Answer, CALLBACK, CHALLENGE, ISSUER, PASSWORD, Server, body};

pub(crate) struct Browser<'s> {
    pub(crate) server: &'s Server,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) origin: Option<&'static str>,
}

/// The parameters of an authorization request of the shop.
pub(crate) fn request<'p>(more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "shop"),
        ("redirect_uri", CALLBACK),
        ("state", "s t&te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend(more);
    pairs
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, cookies: BTreeMap::new(), origin: Some(ISSUER) }
    }

    pub(crate) async fn open(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let query = form::encode(pairs.iter().copied());
        let request = Request::get(format!("{path}?{query}"));
        self.send(request, Body::empty()).await
    }

    /// Opens the place that an answer sends the browser to.
    pub(crate) async fn follow(&mut self, place: &str) -> Answer {
        self.send(Request::get(place), Body::empty()).await
    }

    pub(crate) async fn authorize(&mut self, more: &[(&str, &str)]) -> Answer {
        self.open("/authorize", &request(more)).await
    }

    pub(crate) async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        if let Some(origin) = self.origin {
            request = request.header("origin", origin);
        }
        self.send(request, body(pairs)).await
    }

    /// From the answer to an authorization request to the answer for the client, whatever is asked
    /// on the way.
    pub(crate) async fn through(&mut self, mut answer: Answer) -> Answer {
        if answer.header("location").starts_with("/consent?") {
            answer = self.follow(answer.header("location")).await;
        }
        if answer.body.contains("name=\"password\"") {
            answer = self.sign_in(&answer, "ada").await;
        }
        if answer.body.contains("name=\"decision\"") {
            answer = self.allow(&answer).await;
        }
        answer
    }

    /// Signs in on a login page.
    pub(crate) async fn sign_in(&mut self, page: &Answer, username: &str) -> Answer {
        let ticket = ticket(page);
        let pairs = [("interaction", &*ticket), ("username", username), ("password", PASSWORD)];
        let answer = self.post("/login", &pairs).await;
        let location = answer.header("location");
        if !location.starts_with("/consent?") {
            return answer;
        }
        self.follow(location).await
    }

    /// Allows everything that is ticked on a consent page.
    pub(crate) async fn allow(&mut self, page: &Answer) -> Answer {
        let ticked = ticked(page);
        let ticked: Vec<&str> = ticked.iter().map(String::as_str).collect();
        self.answer(page, "accept", &ticked).await
    }

    pub(crate) async fn answer(
        &mut self,
        page: &Answer,
        decision: &str,
        ticked: &[&str],
    ) -> Answer {
        let (ticket, account) = (ticket(page), field(page, "account").unwrap());
        let mut pairs =
            vec![("interaction", ticket.as_str()), ("account", &account), ("decision", decision)];
        let fixed = permissions(page, "hidden");
        pairs.extend(fixed.iter().map(|value| ("permission", value.as_str())));
        pairs.extend(ticked.iter().map(|value| ("permission", *value)));
        self.post("/consent", &pairs).await
    }

    /// From the authorization request to the code, whatever is asked on the way.
    pub(crate) async fn code(&mut self, more: &[(&str, &str)]) -> String {
        let answer = self.authorize(more).await;
        parameter(&self.through(answer).await, "code")
    }

    pub(crate) async fn send(&mut self, mut request: http::request::Builder, body: Body) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = self.server.send(request.body(body).unwrap()).await;
        for header in answer.headers.get_all("set-cookie") {
            let cookie = header.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The ticket of the form on a page.
#[track_caller]
pub(crate) fn ticket(page: &Answer) -> String {
    field(page, "interaction").unwrap_or_else(|| panic!("no form: {}", page.body))
}

/// The value of a hidden field.
pub(crate) fn field(page: &Answer, name: &str) -> Option<String> {
    let start = format!("name=\"{name}\" value=\"");
    let from = page.body.find(&start)? + start.len();
    Some(page.body[from..].split('"').next()?.to_owned())
}

/// The permissions that are ticked and can be unticked.
pub(crate) fn ticked(page: &Answer) -> Vec<String> {
    permissions(page, "checkbox")
}

/// The permissions that a consent page sends by inputs of a type.
fn permissions(page: &Answer, of_type: &str) -> Vec<String> {
    let start = format!("type=\"{of_type}\" name=\"permission\" ");
    page.body
        .split("<input ")
        .filter(|input| input.starts_with(&start))
        .filter_map(|input| input.split("value=\"").nth(1)?.split('"').next().map(str::to_owned))
        .collect()
}

/// A parameter of the place that an answer sends the browser to.
#[track_caller]
pub(crate) fn parameter(answer: &Answer, name: &'static str) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let location = answer.header("location");
    let query = location.split_once('?').unwrap().1;
    let form = Form::parse(query).unwrap();
    form.one(name).unwrap().unwrap_or_else(|| panic!("no {name}: {location}")).to_owned()
}
