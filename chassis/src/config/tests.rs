use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default)]
struct Http {
    host: String,
    port: u16,
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    timeout: Duration,
    #[serde(with = "duration::optional")]
    #[schemars(schema_with = "duration::optional::schema")]
    idle: Option<Duration>,
    compress: bool,
    origins: Vec<String>,
    limits: BTreeMap<String, u32>,
    mode: Mode,
    tls: Option<Tls>,
    #[schemars(range(min = 0.0, max = 1.0))]
    share: f64,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Fast,
    /// With a description the schema takes another form.
    Careful,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Tls {
    certificate: String,
    key: Secret<String>,
}

impl Settings for Http {
    const SECTION: &'static str = "http";

    fn validate(&self, faults: &mut Faults) {
        if self.compress && self.port == 1 {
            faults.add("compress", "cannot be on at port 1");
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only read")]
struct Database {
    url: Secret<String>,
    #[serde(default)]
    pool: u16,
}

impl Settings for Database {
    const SECTION: &'static str = "database";
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Client {
    url: String,
}

impl Settings for Client {
    const SECTION: &'static str = "clients";
}

fn sections() -> [KnownSection; 3] {
    [KnownSection::of::<Http>(), KnownSection::of::<Database>(), KnownSection::map_of::<Client>()]
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A directory that goes away with the test.
struct Files(std::path::PathBuf);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("chassis-config-{:016x}", fastrand::u64(..)));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        for (name, text) in files {
            std::fs::write(path.join(name), text).expect("a temporary file");
        }
        Self(path)
    }

    /// A report without the directory's random name.
    fn clean(&self, report: &impl std::fmt::Display) -> String {
        report.to_string().replace(&*self.0.to_string_lossy(), "config")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn later_layers_win() {
    let files = Files::new(&[
        (
            "default.toml",
            "[http]\nhost = 'b'\nport = 2\nshare = 0.2\ncompress = true\norigins = ['b']\nmode = 'careful'",
        ),
        ("test.toml", "[http]\nport = 3\nshare = 0.3\ncompress = false\norigins = ['c', 'd']"),
        ("extra.toml", "[http]\nshare = 0.4\ntimeout = '4s'"),
    ]);
    let secrets = Files::new(&[("database.url", "sqlite:secret\n"), ("http__idle", "5s"), ("..data", "ignored")]);
    let config = Config::loader()
        .arguments(["http.limits={a = 7}"])
        .environment(variables(&[("CHASSIS__HTTP__IDLE", "6s"), ("CHASSIS__HTTP__LIMITS__B", "6"), ("OTHER", "x")]))
        .secrets(&secrets.0)
        .file(files.0.join("extra.toml"))
        .profile(Some("test".to_owned()))
        .directory(&files.0)
        .defaults("[http]\nhost = 'a'\ntimeout = '1s'\ntls = {certificate = 'c', key = 'k'}")
        .load()
        .expect("all layers are right");
    let http: Http = config.read().expect("the section is right");
    assert_eq!(
        http,
        Http {
            host: "b".to_owned(),
            port: 3,
            timeout: Duration::from_secs(4),
            idle: Some(Duration::from_secs(6)),
            compress: false,
            origins: vec!["c".to_owned(), "d".to_owned()],
            limits: BTreeMap::from([("a".to_owned(), 7)]),
            mode: Mode::Careful,
            tls: Some(Tls { certificate: "c".to_owned(), key: "k".to_owned().into() }),
            share: 0.4,
        }
    );
    let database: Database = config.read().expect("the section is right");
    assert_eq!((database.url.expose().as_str(), config.profile()), ("sqlite:secret", "test"));
}

#[test]
fn text_becomes_what_the_schema_asks_for() {
    let http = Config::loader()
        .environment(variables(&[
            ("CHASSIS__HTTP__HOST", "8080"),
            ("CHASSIS__HTTP__PORT", "8080"),
            ("CHASSIS__HTTP__TIMEOUT", "1m 30s"),
            ("CHASSIS__HTTP__IDLE", ""),
            ("CHASSIS__HTTP__COMPRESS", "on"),
            ("CHASSIS__HTTP__ORIGINS", "a, b"),
            ("CHASSIS__HTTP__LIMITS__A", "1"),
            ("CHASSIS__HTTP__SHARE", "1"),
            ("CHASSIS__HTTP__TLS", "{ certificate = \"c\", key = \"k\" }"),
        ]))
        .load()
        .and_then(|config| config.read::<Http>())
        .expect("all of it can be read");
    assert_eq!((http.host.as_str(), http.port, http.timeout.as_secs(), http.idle), ("8080", 8080, 90, None));
    assert_eq!((http.compress, http.share, http.limits["a"]), (true, 1.0, 1));
    assert_eq!(http.origins, ["a", "b"]);
    assert!(http.tls.is_some());
}

#[test]
fn one_report_names_every_fault_and_its_place() {
    let files = Files::new(&[(
        "default.toml",
        "[http]\nport = 70000\ntimeout = 5\nmode = 'fats'\ntls = { certificate = 'c' }\nhots = 'h'\n\n\
         [clients.inventory]\nulr = 'http://u:p@h'\n\n[databse]\nurl = 'x'\n",
    )]);
    let config = Config::loader()
        .directory(&files.0)
        .environment(variables(&[("CHASSIS__HTTP__COMPRESS", "maybe"), ("CHASSIS__DATABASE__POOL", "-1")]))
        .arguments(["http.share=1.5"])
        .load()
        .expect("it can be read");
    let faults = config.check(&sections(), &[]);
    insta::assert_snapshot!(files.clean(&faults));
}

#[test]
fn rules_across_fields_come_with_the_place() {
    let config = Config::from_toml("[http]\nport = 1\ncompress = true").expect("it is TOML");
    let faults = config.read::<Http>().expect_err("the rule is broken");
    let fault = faults.iter().next().expect("there is one");
    assert_eq!((fault.key.as_str(), &fault.origin), ("http.compress", &Some(Origin::Default)));
}

#[test]
fn files_that_are_wrong_or_missing() {
    let files = Files::new(&[("default.toml", "[http]\nport = \n\nhost = 'x\n"), ("ok.toml", "")]);
    let faults = Config::loader()
        .directory(&files.0)
        .profile(Some("absent".to_owned()))
        .file(files.0.join("ok.toml"))
        .file(files.0.join("missing.toml"))
        .secrets(files.0.join("nowhere"))
        .arguments(["http.port"])
        .environment(variables(&[("CHASSIS____X", "1")]))
        .load()
        .expect_err("much is wrong");
    insta::assert_snapshot!(files.clean(&faults));
}

#[test]
fn an_overlay_is_for_one_service() {
    let config = Config::loader()
        .defaults("[http]\nport = 1\nhost = 'h'\n[services.orders.http]\nport = 2\n[services.other.http]\nanything = 1")
        .environment(variables(&[("CHASSIS__SERVICES__PAYMENT__HTTP__PORT", "3")]))
        .load()
        .expect("it is right");
    let port = |service: &str| {
        let http = config.service(service).read::<Http>().expect("it is right");
        assert_eq!(http.host, "h");
        http.port
    };
    assert_eq!([port("orders"), port("payment"), port("catalog")], [2, 3, 1]);
    let known = [KnownSection::of::<Http>()];
    assert_eq!(config.check(&known, &["orders", "payment"]), Faults::default());

    let report = config.check(&known, &["order", "other"]).to_string();
    assert!(report.contains("services.orders: is no service of this process"), "{report}");
    assert!(report.contains("http.anything: is not a known key"), "{report}");
}

#[test]
fn what_only_a_service_has_is_required_of_it_alone() {
    let known = [KnownSection::of::<Http>(), KnownSection::of::<Database>().for_service("orders")];
    let with = Config::from_toml("[services.orders.database]\nurl = 'x'").expect("it is TOML");
    assert_eq!(with.check(&known, &["orders", "catalog"]), Faults::default());
    let without = Config::from_toml("").expect("it is TOML");
    assert_eq!(without.check(&known, &["orders", "catalog"]).len(), 1);
    assert_eq!(without.check(&known, &["catalog"]).len(), 0);
}

#[test]
fn a_section_inside_another_is_known() {
    let known = [KnownSection::of::<Http>(), KnownSection::at::<Client>("http.upstream")];
    let config = Config::from_toml("[http.upstream]\nurl = 'x'").expect("it is TOML");
    assert_eq!(config.check(&known, &[]), Faults::default());
}

#[test]
fn dashes_in_names_can_be_reached_from_variables() {
    let config = Config::loader()
        .defaults("[clients.payment-provider]\nurl = 'a'")
        .environment(variables(&[
            ("CHASSIS__CLIENTS__PAYMENT_PROVIDER__URL", "b"),
            ("CHASSIS__CLIENTS__STOCK_ROOM__URL", "c"),
        ]))
        .load()
        .expect("it is right");
    assert_eq!(config.keys("clients"), ["payment-provider", "stock_room"]);
    let read = |path: &str| config.read_at::<Client>(path).expect("it is there").url;
    assert_eq!((read("clients.payment-provider"), read("clients.stock-room")), ("b".to_owned(), "c".to_owned()));
    let all = config.map::<Client>("clients").expect("both are right");
    assert_eq!(all.len(), 2);
}

#[test]
fn explained_with_defaults_and_origins() {
    let files = Files::new(&[("default.toml", "[http]\nport = 1\n\n[http.tls]\ncertificate = 'c'\nkey = 'HIDDEN'\n")]);
    let config = Config::loader()
        .directory(&files.0)
        .environment(variables(&[
            ("CHASSIS__DATABASE__URL", "HIDDEN"),
            ("CHASSIS__CLIENTS__A__URL", "http://u:HIDDEN@h"),
            ("CHASSIS__SERVICES__A__DATABASE__URL", "HIDDEN"),
        ]))
        .arguments(["any.token=HIDDEN"])
        .load()
        .expect("it is right");
    let lines = config.explain(&sections()).into_iter();
    let text = lines.map(|line| format!("{} = {}  ({})\n", line.key, line.value, line.origin)).collect::<String>();
    insta::assert_snapshot!(files.clean(&text));
}

#[test]
fn the_standard_variables_are_heard_and_ours_win() {
    let standard = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let ours = ("CHASSIS__TELEMETRY__OTLP__ENDPOINT", "http://ours:4318");
    for (set, expected) in [(vec![standard], "collector"), (vec![ours, standard], "ours")] {
        let config = Config::loader().environment(variables(&set)).load().expect("it is right");
        assert!(config.explain(&[])[0].value.contains(expected));
    }
}

#[test]
fn a_secret_never_prints() {
    let secret = Secret::new("hunter2");
    assert!(!format!("{secret} {secret:?}").contains("hunter2"));
}

proptest! {
    /// Whatever is wrong with it and wherever it comes from.
    #[test]
    fn no_report_repeats_a_secret(value in "[a-z0-9:/@. -]{0,5}HIDDEN[a-z0-9:/@. -]{0,5}", textual: bool) {
        #[derive(Debug, Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only read")]
        struct Strict {
            number: Secret<u16>,
            #[serde(with = "duration")]
            #[schemars(schema_with = "duration::schema", extend("writeOnly" = true))]
            duration: Duration,
            mode: Secret<Mode>,
            address: Secret<std::net::IpAddr>,
        }
        impl Settings for Strict {
            const SECTION: &'static str = "strict";
        }
        let keys = ["number", "duration", "mode", "address"].map(|key| format!("strict.{key}"));
        let loader = Config::loader();
        let loader = if textual {
            loader.arguments(keys.map(|key| format!("{key}={value}")))
        } else {
            keys.iter().fold(loader, |loader, key| loader.defaults(&format!("{key} = '{value}'")))
        };
        let config = loader.load().expect("it can be read");
        let report = config.check(&[KnownSection::of::<Strict>()], &[]).to_string();
        prop_assert!(!report.contains("HIDDEN"), "{}", report);
        let explained = format!("{:?}", config.explain(&[KnownSection::of::<Strict>()]));
        prop_assert!(!explained.contains("HIDDEN"), "{}", explained);
    }

    #[test]
    fn any_integer_is_taken_or_named(port: i64) {
        let read = Config::from_toml(&format!("http.port = {port}")).and_then(|config| config.read::<Http>());
        match u16::try_from(port) {
            Ok(port) => prop_assert_eq!(read.map(|http| http.port), Ok(port)),
            Err(_) => prop_assert!(read.is_err_and(|faults| faults.to_string().contains("http.port: must be at"))),
        }
    }

    #[test]
    fn no_toml_makes_it_panic(text in "[\\[\\]a-z=.'\"{}0-9\n #]{0,60}") {
        if let Ok(config) = Config::from_toml(&text) {
            config.check(&sections(), &["a"]);
            config.explain(&sections());
        }
    }
}
