//! Envoy's external authorization: a gRPC service, and the same over HTTP.

mod message;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request};
use tonic::{Code, Status};

use super::question::{self, malformed, rebuilt};
use super::questions::Questions;
use super::verdict::{OURS, Verdict};
use crate::answer::Fault;
use message::{
    Append, CheckRequest, CheckResponse, Denied, Header, HeaderOption, HttpRequest, HttpStatus,
    Outcome, Passed, RpcStatus,
};

/// Where gRPC's questions go.
pub(super) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The largest question, which is little more than a head.
const LARGEST: usize = 256 * 1024;

/// The request that a question over HTTP is about: the question itself, below [`PLACE`].
///
/// [`PLACE`]: question::PLACE
pub(super) fn request(asked: request::Parts) -> Result<Request<()>, Fault> {
    let request::Parts { method, uri, mut headers, .. } = asked;
    let target = uri.path_and_query().and_then(|all| all.as_str().strip_prefix(question::PLACE));
    let target = target.ok_or_else(|| malformed("its path lacks the prefix '/check'"))?;
    let hosts: Vec<HeaderValue> = headers.get_all(HOST).iter().cloned().collect();
    let host = match (hosts.as_slice(), uri.authority()) {
        ([host], None) => host.clone(),
        ([], Some(host)) => {
            HeaderValue::from_str(host.as_str()).map_err(|_| malformed("its host is malformed"))?
        }
        _ => return Err(malformed("it has no host, or two")),
    };
    headers.remove(HOST);
    rebuilt(method.as_str().as_bytes(), host, target.as_bytes(), headers)
}

/// The answer to a question over HTTP.
pub(super) fn answer(verdict: Verdict) -> Response<Bytes> {
    match verdict {
        Verdict::Passes(mut told) => {
            if let Ok(names) = HeaderValue::from_str(&absent(&told).join(",")) {
                told.insert(TO_REMOVE, names);
            }
            let mut answer = Response::new(Bytes::new());
            *answer.headers_mut() = told;
            answer
        }
        Verdict::Refused(answer) => answer,
    }
}

/// Names headers that Envoy takes from the request before it goes on.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// Those of our headers that the upstream does not get.
fn absent(told: &HeaderMap) -> Vec<String> {
    OURS.iter().filter(|name| !told.contains_key(*name)).map(ToString::to_string).collect()
}

/// Answers a question over gRPC.
pub(super) async fn grpc<B>(questions: Questions, asked: Request<B>) -> Response<tonic::body::Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    tonic::server::Grpc::new(tonic_prost::ProstCodec::default())
        .max_decoding_message_size(LARGEST)
        .unary(Check(questions), asked)
        .await
}

/// The service's one method.
struct Check(Questions);

impl tower::Service<tonic::Request<CheckRequest>> for Check {
    type Response = tonic::Response<CheckResponse>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: tonic::Request<CheckRequest>) -> Self::Future {
        let questions = self.0.clone();
        Box::pin(async move {
            let http = asked.into_inner().attributes.and_then(|all| all.request?.http);
            let request = match http {
                Some(http) => original(http),
                None => Err(malformed("it has no HTTP request")),
            };
            let verdict = questions.verdict(request).await;
            Ok(tonic::Response::new(response(verdict)))
        })
    }
}

/// The request that a question over gRPC is about.
fn original(http: HttpRequest) -> Result<Request<()>, Fault> {
    let unreadable = |_| malformed("it has a malformed header");
    let mut headers = HeaderMap::new();
    let raw = http.header_map.into_iter().flat_map(|map| map.headers);
    let raw = raw.map(|Header { key, value, raw_value }| {
        (key, if raw_value.is_empty() { value.into_bytes() } else { raw_value })
    });
    let joined = http.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
    for (name, value) in raw.chain(joined) {
        // Pseudo-headers, which the question has beside them.
        if name.starts_with(':') {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| malformed("it has a malformed header"))?;
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(unreadable)?;
        headers.try_append(name, value).map_err(|_| malformed("it has too many headers"))?;
    }
    headers.remove(HOST);
    let host = HeaderValue::try_from(http.host).map_err(unreadable)?;
    rebuilt(http.method.as_bytes(), host, http.path.as_bytes(), headers)
}

/// The answer to it.
fn response(verdict: Verdict) -> CheckResponse {
    let options = |headers: &HeaderMap, append: Append| -> Vec<HeaderOption> {
        let option = |(name, value): (&HeaderName, &HeaderValue)| {
            // Envoy does not read `raw_value` here.
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let header = Header { key: name.to_string(), value, raw_value: Vec::new() };
            HeaderOption { header: Some(header), append_action: append.into() }
        };
        headers.iter().map(option).collect()
    };
    let (code, outcome) = match verdict {
        Verdict::Passes(told) => {
            let passed = Passed {
                headers: options(&told, Append::Overwrite),
                headers_to_remove: absent(&told),
            };
            (Code::Ok, Outcome::Passed(passed))
        }
        Verdict::Refused(answer) => {
            let (parts, body) = answer.into_parts();
            let denied = Denied {
                status: Some(HttpStatus { code: i32::from(parts.status.as_u16()) }),
                headers: options(&parts.headers, Append::Add),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            (Code::PermissionDenied, Outcome::Denied(denied))
        }
    };
    CheckResponse {
        status: Some(RpcStatus { code: code.into(), message: String::new() }),
        outcome: Some(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::message::HeaderLines;
    use super::*;
    use http::StatusCode;

    fn question(headers: &[(&str, &str)], lines: Option<&[(&str, &[u8])]>) -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            path: "/a?b".to_owned(),
            host: "api.example".to_owned(),
            headers: headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            header_map: lines.map(|lines| HeaderLines {
                headers: lines
                    .iter()
                    .map(|(key, value)| Header {
                        key: (*key).to_owned(),
                        value: String::new(),
                        raw_value: value.to_vec(),
                    })
                    .collect(),
            }),
        }
    }

    #[test]
    fn the_request_is_rebuilt_from_either_form_of_its_headers() {
        let joined = question(&[(":path", "/x"), ("authorization", "Bearer a")], None);
        let request = original(joined).unwrap();
        assert_eq!((request.method().as_str(), request.uri()), ("GET", &"/a?b".parse().unwrap()));
        assert_eq!(request.headers()[HOST], "api.example");
        assert_eq!(request.headers()["authorization"], "Bearer a");

        let lines: &[(&str, &[u8])] =
            &[("authorization", b"Bearer a"), ("authorization", b"Bearer b"), ("host", b"other")];
        let request = original(question(&[], Some(lines))).unwrap();
        assert_eq!(request.headers().get_all("authorization").iter().count(), 2);
        assert_eq!(request.headers().get_all(HOST).iter().collect::<Vec<_>>(), ["api.example"]);
    }

    #[test]
    fn a_question_that_cannot_be_read_is_refused() {
        let broken: [fn(&mut HttpRequest); 6] = [
            |http| http.path = "a".to_owned(),
            |http| http.path = "/a#b".to_owned(),
            |http| http.method = String::new(),
            |http| http.host = "a\nb".to_owned(),
            |http| drop(http.headers.insert("a b".to_owned(), String::new())),
            |http| http.headers.extend((0..40_000).map(|n| (format!("x-{n}"), String::new()))),
        ];
        for break_it in broken {
            let mut http = question(&[], None);
            break_it(&mut http);
            let fault = original(http.clone()).unwrap_err();
            assert_eq!(fault.status, StatusCode::BAD_REQUEST, "{http:?}");
        }
    }

    #[test]
    fn a_refusal_is_passed_on_whole() {
        let mut answer = Response::new(Bytes::from_static(b"{}"));
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        for challenge in ["Bearer", "DPoP"] {
            answer.headers_mut().append("www-authenticate", HeaderValue::from_static(challenge));
        }
        let response = response(Verdict::Refused(answer));
        assert_ne!(response.status.unwrap().code, i32::from(Code::Ok));
        let Some(Outcome::Denied(denied)) = response.outcome else { panic!("it passes") };
        assert_eq!((denied.status.unwrap().code, denied.body.as_str()), (503, "{}"));
        let appended = denied.headers.iter().all(|option| option.append_action() == Append::Add);
        assert!(appended && denied.headers.len() == 2);
    }

    #[test]
    fn the_upstream_gets_our_headers_from_us_alone() {
        let mut told = HeaderMap::new();
        told.insert("x-auth-subject", HeaderValue::from_static("alice"));
        let response = response(Verdict::Passes(told));
        assert_eq!(response.status.unwrap().code, i32::from(Code::Ok));
        let Some(Outcome::Passed(passed)) = response.outcome else { panic!("it is refused") };
        let [option] = passed.headers.as_slice() else { panic!("{passed:?}") };
        assert_eq!(option.append_action(), Append::Overwrite);
        assert_eq!(option.header.as_ref().unwrap().value, "alice");
        let removed = ["x-auth-client", "x-auth-scope", "authorization", "dpop"];
        assert_eq!(passed.headers_to_remove, removed);
    }
}
