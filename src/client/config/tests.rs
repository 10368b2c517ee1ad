use super::*;
use std::collections::HashMap;

fn open(json: &str, environment: &[(&str, &str)]) -> Result<Config> {
    let environment: HashMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::resolve(Options::parse(json.as_bytes())?, &|name| Ok(environment.get(name).cloned()))
}

fn refused(json: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let error = open(json, environment).unwrap_err();
    (error.status(), error.to_string())
}

#[track_caller]
fn refuses(json: &str, environment: &[(&str, &str)], number: i32, word: &str) {
    let (status, message) = refused(json, environment);
    assert_eq!(status, number, "{message}");
    assert!(message.contains(word), "`{word}` is not in: {message}");
}

#[test]
fn the_environment_is_enough() {
    let config = open(
        "{}",
        &[
            ("DAYTONA_API_KEY", "key"),
            ("DAYTONA_API_URL", "https://d.example/api/"),
            ("DAYTONA_TARGET", "eu"),
        ],
    )
    .unwrap();
    assert_eq!(config.credential.secret(), "key");
    assert_eq!(config.api_url, "https://d.example/api");
    assert_eq!(config.target.as_deref(), Some("eu"));
}

#[test]
fn a_configuration_is_an_object_wherever_it_is_given() {
    let key = ("DAYTONA_API_KEY", "key");
    for text in ["", " ", "{", "{} {}"] {
        refuses(text, &[key], status::INVALID_JSON, "client.open");
    }
    for other in ["null", "[]", "7"] {
        refuses(other, &[key], status::INVALID_ARGUMENT, "client.open");
    }
}

#[test]
fn the_url_defaults_to_the_hosted_service() {
    let config = open("{}", &[("DAYTONA_API_KEY", "key")]).unwrap();
    assert_eq!(config.api_url, "https://app.daytona.io/api");
}

#[test]
fn the_old_name_of_the_url_counts_after_the_new_one() {
    let old = ("DAYTONA_SERVER_URL", "http://old.example");
    let key = ("DAYTONA_API_KEY", "key");
    assert_eq!(open("{}", &[key, old]).unwrap().api_url, "http://old.example");
    let new = ("DAYTONA_API_URL", "http://new.example");
    assert_eq!(open("{}", &[key, old, new]).unwrap().api_url, "http://new.example");
}

#[test]
fn explicit_values_win_over_the_environment() {
    let environment = [
        ("DAYTONA_API_KEY", "environment"),
        ("DAYTONA_API_URL", "http://environment.example"),
        ("DAYTONA_TARGET", "environment"),
    ];
    let json = r#"{"apiKey":"explicit","apiUrl":"http://explicit.example//","target":"explicit"}"#;
    let config = open(json, &environment).unwrap();
    assert_eq!(config.credential.secret(), "explicit");
    assert_eq!(config.api_url, "http://explicit.example");
    assert_eq!(config.target.as_deref(), Some("explicit"));
}

#[test]
fn an_explicit_jwt_wins_over_the_environments_key() {
    let key = ("DAYTONA_API_KEY", "key");
    let config = open(r#"{"jwtToken":"jwt","organizationId":"org"}"#, &[key]).unwrap();
    assert!(matches!(&config.credential, Credential::Jwt(jwt) if jwt == "jwt"));
    let config = open("{}", &[key, ("DAYTONA_JWT_TOKEN", "jwt")]).unwrap();
    assert!(matches!(config.credential, Credential::Key(_)), "of two of the same rank the key is the bearer");
    let config = open(r#"{"apiKey":"key","jwtToken":"jwt"}"#, &[]).unwrap();
    assert!(matches!(config.credential, Credential::Key(_)));
}

#[test]
fn no_credential_is_an_error_that_names_the_variable() {
    refuses("{}", &[], status::CONFIGURATION, "DAYTONA_API_KEY");
    refuses("{}", &[("DAYTONA_API_KEY", "  ")], status::CONFIGURATION, "DAYTONA_API_KEY");
    refuses(r#"{"apiKey":""}"#, &[("DAYTONA_API_KEY", "key")], status::CONFIGURATION, "`apiKey` is empty");
}

#[test]
fn a_jwt_without_organization_is_an_error_before_any_request() {
    refuses(r#"{"jwtToken":"jwt"}"#, &[], status::CONFIGURATION, "organizationId");
    open(r#"{"jwtToken":"jwt"}"#, &[("DAYTONA_ORGANIZATION_ID", "org")]).unwrap();
}

#[test]
fn a_url_that_is_none_is_an_error_of_its_own() {
    for (url, word) in [
        ("daytona", "no URL"),
        ("/api", "no URL"),
        ("ftp://d.example", "scheme `ftp`"),
        ("https://user:hunter2@d.example", "credentials"),
        ("https://d.example/?a=b", "query"),
        ("https://d.example/#a", "fragment"),
        ("http://", "no URL"),
    ] {
        let json = serde_json::json!({"apiKey": "key", "apiUrl": url}).to_string();
        refuses(&json, &[], status::CONFIGURATION, word);
        assert!(!refused(&json, &[]).1.contains("hunter2"));
    }
}

#[test]
fn an_unknown_key_is_named() {
    refuses(r#"{"apikey":"key"}"#, &[], status::INVALID_ARGUMENT, "apikey");
    refuses(r#"{"apiKey":7}"#, &[], status::INVALID_ARGUMENT, "apiKey");
    refuses(r#"{"retries":-1}"#, &[], status::INVALID_ARGUMENT, "retries");
    refuses("[]", &[], status::INVALID_ARGUMENT, "object");
    refuses("{", &[], status::INVALID_JSON, "JSON");
}

#[test]
fn absent_zero_and_n_are_three_limits() {
    let config = open(r#"{"apiKey":"key"}"#, &[]).unwrap();
    assert_eq!(config.connect_timeout, Some(Duration::from_secs(10)));
    assert_eq!(config.idle_timeout, Some(Duration::from_secs(60)));
    assert_eq!(config.retries, 3);
    let config = open(r#"{"apiKey":"key","connectTimeoutMs":0,"idleTimeoutMs":0,"retries":0}"#, &[]).unwrap();
    assert_eq!((config.connect_timeout, config.idle_timeout, config.retries), (None, None, 0));
    let config = open(r#"{"apiKey":"key","connectTimeoutMs":1,"idleTimeoutMs":2,"retries":4}"#, &[]).unwrap();
    assert_eq!(config.connect_timeout, Some(Duration::from_millis(1)));
    assert_eq!(config.idle_timeout, Some(Duration::from_millis(2)));
    assert_eq!(config.retries, 4);
    let config = open(r#"{"apiKey":"key","connectTimeoutMs":null}"#, &[]).unwrap();
    assert_eq!(config.connect_timeout, Some(Duration::from_secs(10)), "null is absent");
}

#[test]
fn the_librarys_own_headers_cannot_be_replaced() {
    for name in ["Authorization", "X-Daytona-SDK-Version", "x-daytona-source", "Host", "User-Agent"] {
        let json = serde_json::json!({"apiKey": "key", "headers": {name: "x"}}).to_string();
        refuses(&json, &[], status::CONFIGURATION, name);
    }
    refuses(r#"{"apiKey":"key","headers":{"a b":"x"}}"#, &[], status::CONFIGURATION, "a b");
    refuses(r#"{"apiKey":"key","headers":{"a":"x\ny"}}"#, &[], status::CONFIGURATION, "`a`");
}

#[test]
fn a_credential_that_no_header_can_carry_is_not_shown() {
    let (status, message) = refused(r#"{"apiKey":"hunter2\nhunter2"}"#, &[]);
    assert_eq!(status, status::CONFIGURATION);
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn proxies_come_from_the_environment_unless_given() {
    let key = ("DAYTONA_API_KEY", "key");
    let config = open(
        "{}",
        &[key, ("HTTP_PROXY", "p1:3128"), ("https_proxy", "http://p2"), ("NO_PROXY", "localhost")],
    )
    .unwrap();
    assert_eq!(config.proxies.http.as_deref(), Some("http://p1:3128"));
    assert_eq!(config.proxies.https.as_deref(), Some("http://p2"));
    assert_eq!(config.proxies.except, "localhost");
    let config = open("{}", &[key, ("ALL_PROXY", "socks5h://p3"), ("http_proxy", "p1")]).unwrap();
    assert_eq!(config.proxies.http.as_deref(), Some("http://p1"));
    assert_eq!(config.proxies.https.as_deref(), Some("socks5h://p3:1080"));
    let json = r#"{"proxy":"socks5://p4:1080","noProxy":"a.example"}"#;
    let config = open(json, &[key, ("HTTPS_PROXY", "p2"), ("NO_PROXY", "localhost")]).unwrap();
    assert_eq!(config.proxies.http.as_deref(), Some("socks5://p4:1080"));
    assert_eq!(config.proxies.https.as_deref(), Some("socks5://p4:1080"));
    assert_eq!(config.proxies.except, "a.example");
    let config = open(r#"{"proxy":""}"#, &[key, ("ALL_PROXY", "p3")]).unwrap();
    assert_eq!((config.proxies.http, config.proxies.https), (None, None), "an empty text is no proxy");
}

#[test]
fn exceptions_from_the_proxy_are_written_as_everywhere() {
    let json = |list: &str| serde_json::json!({"apiKey": "key", "proxy": "p", "noProxy": list}).to_string();
    let config =
        open(&json("a.example:80, *.b.example .c.example,[::1]:80,fe80::1,10.0.0.0/8"), &[]).unwrap();
    assert_eq!(config.proxies.except, "a.example,.b.example,.c.example,::1,fe80::1,10.0.0.0/8");
    assert_eq!(open(&json("a.example,*"), &[]).unwrap().proxies.http, None);
}

#[test]
fn under_cgi_the_request_cannot_choose_the_proxy() {
    let environment =
        [("DAYTONA_API_KEY", "key"), ("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://evil.example")];
    assert_eq!(open("{}", &environment).unwrap().proxies.http, None);
}

#[test]
fn a_proxy_that_is_none_is_named_without_its_password() {
    for (proxy, word) in [("ftp://p", "ftp"), ("http://", "`proxy`"), ("http://user:hunter2@", "`proxy`")] {
        let json = serde_json::json!({"apiKey": "key", "proxy": proxy}).to_string();
        refuses(&json, &[], status::CONFIGURATION, word);
        assert!(!refused(&json, &[]).1.contains("hunter2"));
    }
    refuses(
        "{}",
        &[("DAYTONA_API_KEY", "key"), ("HTTPS_PROXY", "gopher://p")],
        status::CONFIGURATION,
        "HTTPS_PROXY",
    );
}

#[test]
fn a_ca_file_that_is_missing_is_an_error_at_once() {
    refuses(r#"{"apiKey":"key","caFile":"/no/such.pem"}"#, &[], status::CONFIGURATION, "/no/such.pem");
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_an_error_at_once() {
    let broken = "-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n";
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in ["", "nothing of use", broken, empty] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let json = serde_json::json!({"apiKey": "key", "caFile": file.path()}).to_string();
        refuses(&json, &[], status::CONFIGURATION, "`caFile`");
    }
}

#[test]
fn the_event_socket_is_used_where_it_is_asked_for() {
    for (events, used) in [("", false), (r#","events":false"#, false), (r#","events":true"#, true)] {
        assert_eq!(open(&format!(r#"{{"apiKey":"key"{events}}}"#), &[]).unwrap().events, used);
    }
}

#[test]
fn a_result_is_bounded_unless_the_bound_is_zero() {
    let bound = |json: &str| open(json, &[]).unwrap().max_result_bytes;
    assert_eq!(bound(r#"{"apiKey":"key"}"#), 256 << 20);
    assert_eq!(bound(r#"{"apiKey":"key","maxResultBytes":1000}"#), 1000);
    assert_eq!(bound(r#"{"apiKey":"key","maxResultBytes":0}"#), u64::MAX);
}

#[test]
fn nothing_can_be_sent_over_no_connection() {
    refuses(
        r#"{"apiKey":"key","maxConnectionsPerHost":0}"#,
        &[],
        status::CONFIGURATION,
        "maxConnectionsPerHost",
    );
    let config = open(r#"{"apiKey":"key"}"#, &[]).unwrap();
    assert!((8..=4096).contains(&config.max_connections_per_host));
}

#[test]
fn a_configuration_shows_no_secret() {
    let config = open(r#"{"apiKey":"hunter2"}"#, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
