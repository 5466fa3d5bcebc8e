//! Which folder has the golden files, where none is named.

use std::path::{Path, PathBuf};

/// What it is called.
const NAME: &str = "golden";

/// The folder of a scenario's golden file: the nearest `golden` beside the scenario's file or above
/// it, wherever the harness is called. Where there is none, that of the current folder, which the
/// first golden file makes.
pub fn folder_of(scenario: &Path) -> PathBuf {
    let beside = match scenario.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    nearest(beside).unwrap_or_else(|| absolute(Path::new(NAME)))
}

/// The folder that is meant where only names are given: the nearest `golden` in the current folder or
/// above it.
pub fn folder_here() -> Option<PathBuf> {
    nearest(Path::new("."))
}

/// A folder that was named, so that messages say where it is.
pub fn absolute(folder: &Path) -> PathBuf {
    // With its links followed, two ways to one folder read the same.
    let path = folder.canonicalize().or_else(|_| std::path::absolute(folder));
    path.unwrap_or_else(|_| folder.to_owned())
}

fn nearest(from: &Path) -> Option<PathBuf> {
    let from = absolute(from);
    // A project that is itself called so is not meant.
    let is_meant = |folder: &PathBuf| folder.is_dir() && !from.starts_with(folder);
    from.ancestors().map(|above| above.join(NAME)).find(is_meant)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::folder_of;

    #[test]
    fn the_nearest_folder_beside_or_above_a_scenario_is_its() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let deep = root.join("project/scenarios/faults");
        fs::create_dir_all(&deep).unwrap();
        let scenario = deep.join("../faults/x.yaml");
        for golden in ["golden", "project/golden", "project/scenarios/faults/golden"] {
            let golden = root.join(golden);
            fs::create_dir(&golden).unwrap();
            assert_eq!(folder_of(&scenario), golden);
        }
        let project = root.join("golden/mine");
        fs::create_dir_all(&project).unwrap();
        assert_ne!(folder_of(&project.join("x.yaml")), root.join("golden"));
        // A file of that name is no folder, and is passed over.
        fs::remove_dir(deep.join("golden")).unwrap();
        fs::write(deep.join("golden"), "").unwrap();
        assert_eq!(folder_of(&scenario), root.join("project/golden"));
    }
}
