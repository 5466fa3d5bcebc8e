//! `harness generate`: producer logs in the original's format.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::topic_name::TopicName;
use anyhow::bail;

use super::streams;
use crate::exit::Exit;
use crate::input::names::{self, Kind};
use crate::input::values;
use crate::io_error;
use crate::producer_log::made::{self, Bursts, Payloads, Recipe};

/// The most lines of one log.
const LINES_MAX: i64 = 100_000_000;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Producers and their topics, such as `P1=T1,T2,T3` or `P4..P5=T2`.
    #[arg(required = true, value_name = "PRODUCERS=TOPICS", value_parser = mapping)]
    pub mappings: Vec<Mapping>,

    /// Lines a producer.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=LINES_MAX))]
    pub lines: u32,

    /// Which lines go out together.
    #[arg(long, value_enum, default_value_t = Bursts::Original)]
    pub bursts: Bursts,

    /// Words to choose payloads from, or `numbered` for P1_MSG1, P1_MSG2, and so on.
    #[arg(long, default_value = "INFO,DEBUG,ERROR", value_parser = payloads)]
    pub payloads: Payloads,

    /// The time of day at which the logs begin.
    #[arg(long, default_value = "21:52:23", value_parser = start)]
    pub start: Duration,

    /// How long each log goes on.
    #[arg(long, default_value = "8m", value_parser = span)]
    pub span: Duration,

    /// What every choice by chance follows from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The folder to write producer_1.txt and so on into; made if it is not there.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,

    /// Overwrite logs that are there.
    #[arg(long)]
    pub force: bool,
}

/// `P4..P5=T2`.
#[derive(Clone, Debug)]
pub struct Mapping {
    producers: std::ops::RangeInclusive<u32>,
    topics: Vec<TopicName>,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    match generate(arguments) {
        Ok(files) => {
            let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
            streams::print(&list).err().unwrap_or(Exit::Passed)
        }
        Err(error) => {
            streams::tell(&format!("error: {error:#}"));
            Exit::Usage
        }
    }
}

/// Writes all logs and says which; none where one of them is there already.
fn generate(arguments: &Arguments) -> anyhow::Result<Vec<PathBuf>> {
    let mut topics_of = BTreeMap::new();
    for Mapping { producers, topics } in &arguments.mappings {
        for number in producers.clone() {
            if topics_of.insert(number, topics).is_some() {
                bail!("P{number} is given twice");
            }
        }
    }
    let file = |number: u32| arguments.out.join(format!("producer_{number}.txt"));
    if !arguments.force
        && let Some(there) = topics_of.keys().map(|number| file(*number)).find(|file| file.exists())
    {
        bail!("{} is there already; --force overwrites it", there.display());
    }
    fs::create_dir_all(&arguments.out)
        .map_err(|error| cannot("make the folder", &arguments.out, &error))?;
    let mut files = Vec::new();
    for (number, topics) in topics_of {
        let file = file(number);
        write(&file, number, topics, arguments).map_err(|error| cannot("write", &file, &error))?;
        files.push(file);
    }
    Ok(files)
}

fn write(
    file: &PathBuf,
    producer: u32,
    topics: &[TopicName],
    arguments: &Arguments,
) -> io::Result<()> {
    let recipe = Recipe {
        producer,
        topics,
        lines: arguments.lines,
        bursts: arguments.bursts,
        payloads: &arguments.payloads,
        start: arguments.start,
        span: arguments.span,
        seed: arguments.seed,
    };
    let mut to = io::BufWriter::new(fs::File::create(file)?);
    made::make(&recipe, &mut to)?;
    to.flush()
}

fn cannot(act: &str, path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot {act} {}: {}", path.display(), io_error::reason(error))
}

fn mapping(text: &str) -> Result<Mapping, String> {
    let (producers, topics) =
        text.split_once('=').ok_or("expected producers, `=`, topics, such as `P1=T1,T2`")?;
    let producers = names::parse(Kind::Producer, producers).map_err(|error| error.brief())?;
    let mut names: Vec<TopicName> = Vec::new();
    for topic in topics.split(',') {
        let name = topic.parse().map_err(|why| format!("`{topic}` cannot name a topic: {why}"))?;
        if names.contains(&name) {
            return Err(format!("`{topic}` is named twice"));
        }
        names.push(name);
    }
    Ok(Mapping { producers, topics: names })
}

fn payloads(text: &str) -> Result<Payloads, String> {
    if text == "numbered" {
        return Ok(Payloads::Numbered);
    }
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    match words.iter().find(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        Some(word) => Err(format!("`{word}` cannot be a payload: words without blanks can")),
        None => Ok(Payloads::Words(words)),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    values::time(text).map_err(|diagnostic| diagnostic.brief())
}

fn start(text: &str) -> Result<Duration, String> {
    crate::producer_log::time(text).ok_or_else(|| "expected a time such as `21:52:23`".to_owned())
}
