//! What `deploy/` ships is good, as far as the machine can tell: the configurations by the gateway's
//! own reading, the rest by its own tools where they are installed.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use bailiwick_gateway::Config;

fn place(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a tool; `None` where it is not installed.
fn run(tool: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let complained = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{tool} {arguments:?}: {said}{complained}");
            Some(said)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// The text of a block in YAML, `name: |`, without its indentation.
fn block(yaml: &str, name: &str) -> String {
    let lines: Vec<&str> = yaml.lines().collect();
    let start = lines.iter().position(|line| line.trim() == format!("{name}: |")).unwrap() + 1;
    let indent = lines[start].len() - lines[start].trim_start().len();
    let is_in = |line: &&&str| line.is_empty() || line.len() - line.trim_start().len() >= indent;
    let inside = lines[start..].iter().take_while(is_in);
    inside.flat_map(|line| [line.get(indent..).unwrap_or_default(), "\n"]).collect()
}

#[test]
fn the_composed_gateway_has_a_good_configuration() {
    let config = Config::load(&place("deploy/compose/gateway.toml")).unwrap();
    let compose = read("deploy/compose/compose.yaml");
    // The upstream is a service there, on the network that the gateway is on too.
    assert_eq!(config.listen.port(), 8080);
    assert!(compose.contains("\n  api:\n") && compose.contains("\"7000\""));
    assert!(read("deploy/compose/gateway.toml").contains("upstream = \"http://api:7000\""));
}

#[test]
fn the_chart_writes_a_good_configuration() {
    let values = read("deploy/helm/bailiwick-gateway/values.yaml");
    let template =
        block(&read("deploy/helm/bailiwick-gateway/templates/configmap.yaml"), "gateway.toml");
    let written = template
        .replace("{{ .Values.drain.delaySeconds }}", "5")
        .replace("{{ .Values.drain.timeoutSeconds }}", "30")
        .replace("{{- .Values.config | nindent 4 }}", &block(&values, "config"));
    let config = Config::parse("gateway.toml", &written).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.drain_delay.as_secs(), 5);
    let admin = config.admin.unwrap();
    let deployment = read("deploy/helm/bailiwick-gateway/templates/deployment.yaml");
    for port in [config.listen.port(), admin.listen.port()] {
        assert!(deployment.contains(&format!("containerPort: {port}")), "{port}");
    }
}

#[test]
fn the_chart_is_rendered() {
    let chart = place("deploy/helm/bailiwick-gateway").display().to_string();
    // `cargo xtask test` says where it is; another one is taken from the path.
    let helm = std::env::var("HELM").unwrap_or_else(|_| "helm".to_owned());
    if run(&helm, &["lint", "--strict", &chart]).is_none() {
        // Without Helm: each brace that is opened is closed.
        for file in std::fs::read_dir(place("deploy/helm/bailiwick-gateway/templates")).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let (open, closed) = (text.matches("{{").count(), text.matches("}}").count());
            let begun = ["if ", "with ", "range ", "define "]
                .map(|word| text.matches(&format!("{{{{- {word}")).count());
            let ended = text.matches("{{- end }}").count();
            assert_eq!((open, begun.iter().sum()), (closed, ended), "{}", path.display());
        }
        return;
    }
    let rendered = run(&helm, &["template", "release", &chart]).unwrap();
    for kind in ["ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"] {
        assert!(rendered.contains(&format!("\nkind: {kind}\n")), "{kind} in {rendered}");
    }
    let config = Config::parse("gateway.toml", &block(&rendered, "gateway.toml"));
    config.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_unit_is_sound() {
    let unit = read("deploy/systemd/bailiwick-gateway.service");
    for hardened in ["NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes"] {
        assert!(unit.lines().any(|line| line == hardened), "{hardened}");
    }
    // The binary is not installed where the tests run.
    let installed = unit.replace("/usr/local/bin/bailiwick", "/bin/true");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bailiwick-gateway.service");
    std::fs::write(&file, installed).unwrap();
    let file = file.display().to_string();
    if run("systemd-analyze", &["verify", "--man=no", &file]).is_some() {
        run("systemd-analyze", &["security", "--offline=yes", "--threshold=25", &file]).unwrap();
    }
}

#[test]
fn the_image_is_built_of_this_source_and_runs_as_nobody() {
    let (image, workspace) = (read("deploy/docker/Dockerfile"), read("Cargo.toml"));
    let version = workspace.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let toolchain = format!("FROM rust:{}-", version.trim_matches('"'));
    assert!(image.lines().any(|line| line.starts_with(&toolchain)), "{toolchain}");
    assert!(image.lines().any(|line| line == "USER 65532:65532"));
    assert!(workspace.contains("[profile.dist]"));
    // Every member of the workspace is let through to the build.
    let ignored = read("deploy/docker/Dockerfile.dockerignore");
    let members = workspace.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        let folder = format!("!{}", member.split('/').next().unwrap());
        assert!(ignored.lines().any(|line| line == folder), "{folder}");
    }
    run("hadolint", &[&place("deploy/docker/Dockerfile").display().to_string()]);
}
