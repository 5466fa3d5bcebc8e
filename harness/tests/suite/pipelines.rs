//! What is handed out for other people's pipelines does what it says: the steps of the action and of the
//! samples are taken out of their files and run by bash, with this harness.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, Folder, end};

/// The version of the release that is made for the tests.
const VERSION: &str = "9.9.9";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

/// What a script may need of the environment, and nothing of the one that the tests run in.
fn bash(folder: &Folder, script: &str) -> Command {
    let clean = folder.harness(&[]);
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
    command.current_dir(folder.path());
    for (name, value) in clean.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// PATH with this harness in front.
fn path_with_harness() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_harness")).parent().unwrap();
    format!("{}:{}", program.display(), std::env::var("PATH").unwrap())
}

/// A repository with a scenario.
fn repository() -> Folder {
    let folder = Folder::new();
    folder.write(
        "scenarios/small.yaml",
        "topics: { T1: P1 -> C1 C2 }\nproducers: { all: { generate: { messages: 10 } } }\n\
         golden: none\n",
    );
    folder
}

/// A job of GitHub Actions that uses the action, as far as its runner matters.
struct Job {
    folder: Folder,
    inputs: BTreeMap<String, String>,
    /// Of the step with the id `run`.
    outputs: BTreeMap<String, String>,
}

impl Job {
    /// With these inputs beside the defaults of the action, and a release that it can download.
    fn new(inputs: &[(&str, &str)]) -> Self {
        let folder = repository();
        for name in ["output", "path", "summary"] {
            folder.write(name, "");
        }
        folder.write("temp/empty", "");
        release(&folder);
        let releases = format!("file://{}", folder.join("releases").display());
        let action = yaml("action.yml");
        let defaults = action["inputs"].as_object().unwrap().iter();
        let defaults =
            defaults.map(|(name, own)| (name.as_str(), own["default"].as_str().unwrap()));
        let given = [("version", VERSION), ("releases", &releases)];
        let all = defaults.chain(given).chain(inputs.iter().copied());
        let inputs = all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { folder, inputs, outputs: BTreeMap::new() }
    }

    /// Runs the steps that are scripts, until one fails, and gives what the last one ended with.
    fn run(&mut self) -> Ended {
        let action = yaml("action.yml");
        let mut last = None;
        for step in action["runs"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else { continue };
            assert!(!script.contains("${{"), "what is put into a script is run: {script}");
            let mut command = bash(&self.folder, script);
            let added = self.folder.read("path");
            let path = std::env::var("PATH").unwrap();
            command
                .env("PATH", added.lines().chain([path.as_str()]).collect::<Vec<_>>().join(":"))
                .env("CI", "true")
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_ACTION_PATH", root())
                .env("GITHUB_OUTPUT", self.folder.join("output"))
                .env("GITHUB_PATH", self.folder.join("path"))
                .env("GITHUB_STEP_SUMMARY", self.folder.join("summary"))
                .env("RUNNER_TEMP", self.folder.join("temp"));
            for (name, value) in step["env"].as_object().unwrap() {
                command.env(name, self.put_in(value.as_str().unwrap()));
            }
            let ended = end(command);
            let lines = self.folder.read("output");
            let pairs = lines.lines().map(|line| line.split_once('=').unwrap());
            self.outputs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let failed = ended.code != Some(0);
            last = Some(ended);
            if failed {
                break;
            }
        }
        last.unwrap()
    }

    /// Replaces expressions, as the runner does.
    fn put_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        while let Some((before, rest)) = text.split_once("${{") {
            let (expression, after) = rest.split_once("}}").unwrap();
            let value = match expression.trim().split_once('.').unwrap() {
                ("inputs", name) => self.inputs[name].clone(),
                ("github", "server_url") => "https://github.example".to_owned(),
                ("github", "action_repository") => "owner/harness".to_owned(),
                ("steps", output) => {
                    self.outputs[output.strip_prefix("run.outputs.").unwrap()].clone()
                }
                _ => panic!("{expression} is not known here"),
            };
            text = format!("{before}{value}{after}");
        }
        text
    }
}

/// Makes a release with this harness, as `ci/release.sh` names and packs it.
fn release(folder: &Folder) {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let name = format!("harness-{VERSION}-{target}");
    folder.write(&format!("{name}/broker"), "");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_harness"), folder.join(&name).join("harness"))
        .unwrap();
    let releases = folder.join(&format!("releases/v{VERSION}"));
    fs::create_dir_all(&releases).unwrap();
    let script = format!(
        "tar --create --gzip --file {0}/{name}.tar.gz {name}; cd {0}; \
         sha256sum {name}.tar.gz >{name}.tar.gz.sha256",
        releases.display()
    );
    let made = end(bash(folder, &script));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn the_action_downloads_a_release_runs_scenarios_and_passes() {
    let mut job = Job::new(&[("args", "--filter 'small' --repeat 2")]);
    let ended = job.run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((&*job.outputs["result"], &*job.outputs["exit-code"]), ("passed", "0"));
    let report: Value = serde_json::from_slice(&fs::read(&job.outputs["report"]).unwrap()).unwrap();
    assert_eq!(report["scenarios"].as_array().unwrap().len(), 2);
    for file in ["report/junit.xml", "report/report.html"] {
        assert!(job.folder.join(file).exists(), "{file}");
    }
    let summary = job.folder.read("summary");
    assert!(summary.contains("| small | kept 2 |"), "{summary}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_action_fails_with_what_the_harness_ends_with_and_shows_the_proof() {
    let mut job = Job::new(&[("args", "--sabotage lose:1"), ("on", "memory")]);
    assert_eq!(job.run().code, Some(1));
    assert_eq!((&*job.outputs["result"], &*job.outputs["exit-code"]), ("failed", "1"));
    let summary = job.folder.read("summary");
    assert!(
        summary.contains("lost  1 delivery of an acknowledged message never came"),
        "{summary}"
    );
    let mut job = Job::new(&[("scenarios", "scenarios/small.yaml nowhere.yaml")]);
    assert_eq!(job.run().code, Some(2));
    assert_eq!(job.outputs["result"], "invalid");
}

#[cfg(target_os = "linux")]
#[test]
fn a_release_that_is_not_what_its_checksum_says_is_not_used() {
    let mut job = Job::new(&[]);
    let folder = job.folder.join(&format!("releases/v{VERSION}"));
    let archive = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.into_iter().find(|path| path.extension().unwrap() == "gz").unwrap();
    File::options().append(true).open(&archive).unwrap().set_len(100).unwrap();
    let ended = job.run();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("is not what its checksum says"), "{}", ended.stderr);
    let mut job = Job::new(&[("version", "8.8.8")]);
    let ended = job.run();
    assert!(ended.stderr.contains("is there a release 8.8.8?"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(2));
}

/// Runs a line of a sample, and looks at what the sample says is kept.
fn sample(line: &str, code: i32, kept: &[&str]) {
    let folder = repository();
    let mut command = bash(&folder, line);
    command.env("PATH", path_with_harness()).env("CI", "true");
    let ended = end(command);
    assert_eq!(ended.code, Some(code), "{line}: {}", ended.stderr);
    for path in kept {
        assert!(folder.join(path).exists(), "{line} leaves no {path}");
    }
}

/// The line that installs it, of which this repository can be the origin.
fn installs(line: &str) {
    let expected = "cargo install --locked --git \"$HARNESS_REPOSITORY\" harness";
    assert_eq!(line, expected);
}

#[test]
fn the_gitlab_sample_runs() {
    let sample_file = fs::read_to_string(root().join("ci/samples/gitlab-ci.yml")).unwrap();
    let lines: Vec<_> = sample_file.lines().filter(|line| !line.starts_with('#')).collect();
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    assert!(page.contains(&lines.join("\n")), "docs/ci.md shows another one");
    let job = &yaml("ci/samples/gitlab-ci.yml")["scenarios"];
    installs(job["before_script"][0].as_str().unwrap());
    let kept = job["artifacts"]["paths"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&job["artifacts"]["reports"]["junit"]]);
    let kept: Vec<_> = kept.map(|path| path.as_str().unwrap()).collect();
    for line in job["script"].as_array().unwrap() {
        let line = line.as_str().unwrap();
        sample(line, 0, &kept);
        sample(&format!("{line} --sabotage lose:1"), 1, &kept);
    }
}

#[test]
fn the_jenkins_sample_runs() {
    let text = fs::read_to_string(root().join("ci/samples/Jenkinsfile")).unwrap();
    let quoted = |word: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.split_once(word));
        lines.map(|(_, rest)| rest.split('\'').next().unwrap().to_owned()).collect()
    };
    let steps = quoted("sh '");
    let [install, run] = &steps[..] else { panic!("{steps:?}") };
    installs(install);
    let junit = quoted("junit '");
    let patterns = quoted("archiveArtifacts artifacts: '");
    let folders = patterns[0].split(", ").map(|pattern| pattern.strip_suffix("/**").unwrap());
    let kept: Vec<_> = folders.chain([junit[0].as_str()]).collect();
    assert_eq!(kept, ["report", "out", "report/junit.xml"]);
    sample(run, 0, &kept);
}

#[test]
fn workflows_call_scripts_that_are_there_and_a_person_can_run() {
    let scripts = |file: &str| -> Vec<PathBuf> {
        let jobs = yaml(file)["jobs"].as_object().unwrap().clone();
        let steps = jobs.values().flat_map(|job| job["steps"].as_array().unwrap().clone());
        let runs = steps.filter_map(|step| Some(step["run"].as_str()?.to_owned()));
        let words = runs.filter_map(|run| Some(run.split_whitespace().next()?.to_owned()));
        words.filter(|word| word.starts_with("ci/")).map(|word| root().join(word)).collect()
    };
    for (file, count) in [(".github/workflows/ci.yml", 12), (".github/workflows/release.yml", 3)] {
        let scripts = scripts(file);
        assert_eq!(scripts.len(), count, "{file}: {scripts:?}");
        for script in scripts {
            let found = fs::metadata(&script).unwrap_or_else(|_| panic!("{}", script.display()));
            assert_eq!(found.permissions().mode() & 0o111, 0o111, "{}", script.display());
        }
    }
}
