//! `harness generate`: producer logs in the original's format.

mod made;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::streams;
use crate::exit::Exit;
use crate::input::names::{self, Kind};
use crate::io_error;
use crate::topic_name::TopicName;
use made::Recipe;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Producers and their topics, such as `P1=T1,T2,T3` or `P4..P5=T2`.
    #[arg(required = true, value_name = "PRODUCERS=TOPICS", value_parser = mapping)]
    pub mappings: Vec<Mapping>,

    #[command(flatten)]
    recipe: Recipe,

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
        fs::File::create(&file)
            .and_then(|to| made::make(&arguments.recipe, number, topics, io::BufWriter::new(to)))
            .map_err(|error| cannot("write", &file, &error))?;
        files.push(file);
    }
    Ok(files)
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
