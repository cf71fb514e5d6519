use bailiwick_oauth::details;
use serde_json::json;

use super::*;
use crate::fixture::{API, OTHER, client, directory, resource, server, tenant};
use crate::state::{DetailType, Reach};

/// A resource server that takes payments of at most 100.
fn payments(identifier: &str) -> ResourceServer {
    let schema = json!({
        "type": "object",
        "required": ["amount"],
        "properties": {
            "type": { "const": "payment" },
            "amount": { "type": "integer", "maximum": 100 },
            "locations": true,
            "note": { "pattern": "^[a-z]*$" },
        },
        "additionalProperties": false,
    });
    let definition = DetailType { description: "Pay".to_owned(), schema };
    let mut server = server(identifier, "read");
    server.detail_types = [("payment".to_owned(), definition)].into();
    server
}

fn payer() -> Client {
    Client { detail_types: ["payment".to_owned(), "transfer".to_owned()].into(), ..client() }
}

fn read(list: &Value) -> Vec<Detail> {
    details::read(&list.to_string()).unwrap()
}

fn verdict(
    client: &Client,
    servers: &[ResourceServer],
    named: &[&str],
    list: &Value,
) -> Result<Value, Reason> {
    let named: Vec<Resource> = named.iter().map(|name| resource(name)).collect();
    let resolved = resolve(&tenant(), client, &directory(servers), &named, &read(list));
    resolved.map(|details| json!(details)).map_err(|refused| {
        assert_eq!(refused.error, ErrorCode::InvalidAuthorizationDetails);
        refused.reason
    })
}

//= https://www.rfc-editor.org/rfc/rfc9396#section-5
//= type=test
//# The AS MUST refuse to process any unknown authorization details type
//# or authorization details not conforming to the respective type
//# definition.
#[test]
fn a_detail_is_of_a_known_type_and_fits_it() {
    let servers = [payments(API), server(OTHER, "read")];
    let on_api = |list: Value| verdict(&payer(), &servers, &[API], &list);
    let pay = |amount: Value| json!([{ "type": "payment", "amount": amount }]);
    assert_eq!(on_api(pay(json!(100))), Ok(json!({ API: pay(json!(100)) })));
    let cases = [
        (pay(json!(101)), Reason::DetailsSchema),
        (pay(json!("100")), Reason::DetailsSchema),
        (json!([{ "type": "payment" }]), Reason::DetailsSchema),
        (json!([{ "type": "payment", "amount": 1, "more": 1 }]), Reason::DetailsSchema),
        (json!([{ "type": "payment", "amount": 1, "note": "A" }]), Reason::DetailsSchema),
        (json!([{ "type": "payment", "amount": 1 }, { "type": "x" }]), Reason::DetailsType),
        (json!([{ "type": "transfer", "amount": 1 }]), Reason::DetailsType),
        (json!([{ "type": "Payment", "amount": 1 }]), Reason::DetailsType),
    ];
    for (list, reason) in cases {
        assert_eq!(on_api(list.clone()), Err(reason), "{list}");
    }
    let barred = verdict(&client(), &servers, &[API], &pay(json!(1)));
    assert_eq!(barred, Err(Reason::DetailsType), "a client gets no type by default");
    let twice = json!([{ "type": "payment", "amount": 1 }, { "amount": 1, "type": "payment" }]);
    assert_eq!(on_api(twice), Ok(json!({ API: pay(json!(1)) })));
}

#[test]
fn a_detail_reaches_the_servers_that_it_names_and_no_other() {
    let servers = [payments(API), payments(OTHER)];
    let pay = json!({ "type": "payment", "amount": 1 });
    let at = |places: Value| json!([{ "type": "payment", "amount": 1, "locations": places }]);
    let mut ceiled = payer();
    ceiled.ceiling.others = Reach::Nothing;
    ceiled.ceiling.resources.insert(resource(API), Reach::Everything);
    let mut by_default = payer();
    by_default.default_resource = Some(resource(OTHER));
    let place = Err(Reason::DetailsPlace);
    let cases = [
        (payer(), vec![API], json!([pay]), Ok(json!({ API: [pay] }))),
        (payer(), vec![API, OTHER], json!([pay]), Ok(json!({ API: [pay], OTHER: [pay] }))),
        (payer(), vec![], json!([pay]), Err(Reason::DetailsType)),
        (ceiled.clone(), vec![], json!([pay]), Ok(json!({ API: [pay] }))),
        (by_default, vec![], json!([pay]), Ok(json!({ OTHER: [pay] }))),
        (payer(), vec![], at(json!([OTHER])), Ok(json!({ OTHER: at(json!([OTHER])) }))),
        (payer(), vec![API], at(json!([OTHER])), Ok(json!({ OTHER: at(json!([OTHER])) }))),
        (
            payer(),
            vec![],
            at(json!([OTHER, API])),
            Ok(json!({ API: at(json!([API])), OTHER: at(json!([OTHER])) })),
        ),
        (
            payer(),
            vec![],
            at(json!(["HTTPS://API.example.com/"])),
            Ok(json!({ API: at(json!([API])) })),
        ),
        (payer(), vec![API], at(json!([API, "https://unknown.example"])), place.clone()),
        (payer(), vec![API], at(json!(["here"])), place.clone()),
        (ceiled, vec![], at(json!([OTHER])), place.clone()),
    ];
    for (client, named, list, expected) in cases {
        assert_eq!(verdict(&client, &servers, &named, &list), expected, "{named:?} {list}");
    }
    let mut explicit = payments(API);
    explicit.explicit = true;
    let servers = [explicit];
    assert_eq!(verdict(&payer(), &servers, &[], &at(json!([API]))), place);
    assert!(verdict(&payer(), &servers, &[API], &at(json!([API]))).is_ok());
}

#[test]
fn only_what_was_granted_can_be_had_and_as_long_as_it_may_be() {
    let api = payments(API);
    let one = json!({ "type": "payment", "amount": 1, "locations": [API] });
    let two = json!({ "type": "payment", "amount": 2 });
    let details = [(resource(API), read(&json!([one, two])))].into();
    let grant = Grant { details, ..Grant::default() };
    let narrowed = |client: &Client, server: &ResourceServer, asked: Option<Value>| {
        let asked = asked.map(|list| read(&list));
        narrow(client, server, &grant, asked.as_deref())
            .map(|details| json!(details))
            .map_err(|refused| refused.reason)
    };
    let mine = |asked| narrowed(&payer(), &api, asked);
    assert_eq!(mine(None), Ok(json!([one, two])));
    assert_eq!(mine(Some(json!([two]))), Ok(json!([two])));
    assert_eq!(mine(Some(json!([]))), Ok(json!([])));
    let wide = json!([{ "type": "payment", "amount": 1, "locations": [OTHER, API] }]);
    assert_eq!(mine(Some(wide)), Ok(json!([one])));
    for other in [
        json!([{ "type": "payment", "amount": 3 }]),
        json!([{ "type": "payment", "amount": 1 }]),
        json!([two, { "type": "x" }]),
    ] {
        assert_eq!(mine(Some(other.clone())), Err(Reason::DetailsNotGranted), "{other}");
    }
    assert_eq!(narrowed(&payer(), &payments(OTHER), None), Ok(json!([])));
    assert_eq!(narrowed(&client(), &api, None), Ok(json!([])), "the client lost the type");
    let without = server(API, "read");
    assert_eq!(narrowed(&payer(), &without, None), Ok(json!([])), "the API lost the type");
}

#[test]
fn a_schema_refers_to_nothing_outside_of_itself() {
    let good = json!({ "$defs": { "a": { "type": "integer" } }, "$ref": "#/$defs/a" });
    assert_eq!(check_schema(&good), Ok(()));
    let bad = [
        json!({ "$ref": "https://example.com/schema.json" }),
        json!({ "$ref": "file:///etc/passwd" }),
        json!({ "$ref": "other.json" }),
        json!({ "type": "whole number" }),
        json!({ "pattern": "(" }),
        json!([]),
    ];
    for schema in bad {
        assert!(check_schema(&schema).is_err(), "{schema}");
    }
}
