//! A cluster of MariaDB servers by Galera, all on 127.0.0.1: what has to be installed for one, and what
//! makes a server a node of it.
//!
//! No node is the first. Each data folder is set up alone, and two files in it say that all nodes were
//! in one view when they ended, at the same position. Nodes that start so find each other and go on, as
//! they do by themselves after all of them were killed at once; nothing is copied between them.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chance::{PASSWORD, random_digits};
use crate::error::Error;
use crate::installed::{Installed, Kind};
use crate::program::Program;

/// The variable that names the provider's file, in place of the usual ones.
pub const PROVIDER_VARIABLE: &str = "HARNESS_GALERA";

/// What servers load to be nodes.
const PROVIDER: Program = Program {
    what: "Galera",
    names: &["libgalera_smm.so"],
    variable: PROVIDER_VARIABLE,
    folders: &["/usr/lib/galera", "/usr/lib64/galera", "/usr/lib/galera-4", "/usr/lib64/galera-4"],
    advice: "install it (Debian: apt-get install --no-install-recommends galera-4 rsync)",
};

/// What carries the data to a node that was away for too long.
const RSYNC: Program = Program {
    what: "rsync, by which a node of a cluster gets its data",
    names: &["rsync"],
    variable: "HARNESS_RSYNC",
    folders: &[],
    advice: "install it (Debian: apt-get install --no-install-recommends galera-4 rsync)",
};

/// `nobody`. What carries the data is never root, and has to read and write all of it; so the node and
/// all of its files are this user's where the caller is root.
pub(crate) const NOBODY: u32 = 65534;

/// How the nodes speak, but for addresses. A node that is silent for 2 s is suspected and after 4 s left
/// out, where Galera's own times are 5 s and 15 s; it wants three signs of life in the first of them.
/// A try to agree on who is there lasts half of the second. A node whose fifth one fails leaves the others
/// for good: after 37 s with Galera's own times, with these after 10 s, and with ten tries after 24 s.
/// 32 MiB of changes are kept for a node that was away. One that starts waits for the majority for
/// longer than the 30 s of Galera's own.
const OPTIONS: &str = "gcache.size=32M;evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;\
                       evs.inactive_timeout=PT4S;evs.max_install_timeouts=10;\
                       pc.wait_prim_timeout=PT2M";

/// A shell that finds out up to where a node that was killed has its data, and then becomes the node: a
/// node that does not know it would get all data anew. It may have been found out since the node ended.
/// Where a file says so, it founds the cluster anew.
pub(crate) const RECOVER: &str = r#"
state=$1
log=$2
found=$3
shift 3
position=
if grep -q '^seqno: *-1' "$state"; then
  [ -s "$log" ] || "$@" --wsrep-recover --skip-networking --log-error="$log" >/dev/null 2>&1
  position=$(sed -n 's/.*Recovered position: *//p' "$log" | tail -n 1)
fi
rm -f "$log"
if [ -e "$found" ]; then
  rm -f "$found" "${state%/*}/gvwstate.dat"
  sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$state"
  set -- "$@" --wsrep-new-cluster
fi
case $position in
  '' | *:-1) exec "$@" ;;
  *) exec "$@" --wsrep-start-position="$position" ;;
esac
"#;

/// Where the nodes of a cluster speak to each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Cluster {
    provider: PathBuf,
    /// Of the data that all of them have.
    state: String,
    /// Of the user that everybody is: a node that gets all data gets its users, too.
    password: String,
    members: Vec<Member>,
}

/// The ports of 127.0.0.1 that a node needs beside the one for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For all messages of the group.
    pub group: u16,
    /// Where it gets what it missed while it was away.
    pub missed: u16,
    /// Where it gets all data, if it was away for too long.
    pub all: u16,
}

#[derive(Debug, PartialEq, Eq)]
struct Member {
    id: String,
    ports: Ports,
}

/// One of the servers of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    cluster: Arc<Cluster>,
    place: usize,
}

impl Cluster {
    /// Looks for what a server needs to be a node.
    ///
    /// # Errors
    /// What to install.
    pub fn provider(installed: &Installed) -> Result<PathBuf, Error> {
        if installed.kind == Kind::MySql {
            return Err(Error::Unusable {
                program: installed.server.display().to_string(),
                why: "a cluster is of MariaDB servers; install one, and name its folder by \
                      HARNESS_MYSQL_BIN"
                    .to_owned(),
            });
        }
        RSYNC.find()?;
        Ok(PROVIDER.find()?)
    }

    /// One whose nodes have these ports; starts nothing.
    ///
    /// # Errors
    /// Where chance cannot be had.
    pub fn new(provider: PathBuf, ports: &[Ports]) -> Result<Arc<Self>, Error> {
        let id = || uuid().map_err(Error::files("read /dev/urandom"));
        let mut ids = ports.iter().map(|_| id()).collect::<Result<Vec<_>, _>>()?;
        // The least one leads.
        ids.sort();
        let members = ids.into_iter().zip(ports).map(|(id, ports)| Member { id, ports: *ports });
        let members = members.collect();
        let password = random_digits(PASSWORD).map_err(Error::files("read /dev/urandom"))?;
        Ok(Arc::new(Self { provider, state: id()?, password, members }))
    }

    /// Its nodes.
    pub fn nodes(self: &Arc<Self>) -> impl Iterator<Item = Node> + use<> {
        let cluster = Arc::clone(self);
        (0..self.members.len()).map(move |place| Node { cluster: Arc::clone(&cluster), place })
    }

    /// What they were together in last.
    fn view(&self, own: &Member) -> String {
        let first = &self.members[0].id;
        let members = self.members.iter().map(|member| format!("member: {} 0\n", member.id));
        format!(
            "my_uuid: {}\n#vwbeg\nview_id: 3 {first} 1\nbootstrap: 0\n{}#vwend\n",
            own.id,
            members.collect::<String>()
        )
    }
}

impl Node {
    /// Which one it is, from 1.
    pub fn number(&self) -> usize {
        self.place + 1
    }

    /// The password of all nodes.
    pub(crate) fn password(&self) -> &str {
        &self.cluster.password
    }

    /// What the server is told.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let Self { cluster, place } = self;
        let local = Ipv4Addr::LOCALHOST;
        let at = |port: u16| format!("{local}:{port}");
        let group: Vec<_> = cluster.members.iter().map(|member| at(member.ports.group)).collect();
        let Ports { group: own, missed, all } = cluster.members[*place].ports;
        let options = format!(
            "gmcast.listen_addr=tcp://{};base_port={own};ist.recv_addr={};{OPTIONS}",
            at(own),
            at(missed)
        );
        vec![
            "--wsrep-on=ON".to_owned(),
            format!("--wsrep-provider={}", cluster.provider.display()),
            format!("--wsrep-provider-options={options}"),
            // It has 32 characters at most.
            format!("--wsrep-cluster-name=harness-{}", &cluster.state[..8]),
            format!("--wsrep-cluster-address=gcomm://{}", group.join(",")),
            format!("--wsrep-node-name=node-{}", self.number()),
            format!("--wsrep-node-address={local}"),
            "--wsrep-sst-method=rsync".to_owned(),
            format!("--wsrep-sst-receive-address={}", at(all)),
            "--binlog-format=ROW".to_owned(),
            "--innodb-autoinc-lock-mode=2".to_owned(),
            // How long a node may stand still: what came from another one and meets the commit of its
            // own transaction on the same row waits to the end of this, where the server forgets to
            // roll that back (seen of MariaDB 10.11).
            "--innodb-lock-wait-timeout=2".to_owned(),
            "--default-storage-engine=InnoDB".to_owned(),
        ]
    }

    /// Before the first start: writes into a data folder that is set up what has the node find the
    /// others.
    pub(crate) fn join(&self, data: &Path) -> io::Result<()> {
        let file = data.join(STATE);
        if file.exists() {
            return Ok(());
        }
        let Self { cluster, place } = self;
        let state = &cluster.state;
        let text = format!(
            "# GALERA saved state\nversion: 2.1\nuuid:    {state}\nseqno:   0\n\
             safe_to_bootstrap: 0\n"
        );
        fs::write(data.join(VIEW), cluster.view(&cluster.members[*place]))?;
        fs::write(file, text)?;
        give_to_nobody(data)
    }
}

/// Removes a file that may not be there.
pub(crate) fn forget(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a data folder holds one state of its cluster. While it gets all data from another node it is
/// said to be of none, by zeros.
pub(crate) fn is_whole(data: &Path) -> io::Result<bool> {
    let state = match fs::read_to_string(data.join(STATE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        state => state?,
    };
    let id = state.lines().find_map(|line| line.strip_prefix("uuid:"));
    Ok(id.is_some_and(|id| id.trim().contains(|digit| digit != '0' && digit != '-')))
}

/// Up to where a node has its data.
pub(crate) const STATE: &str = "grastate.dat";

/// Which nodes were together.
pub(crate) const VIEW: &str = "gvwstate.dat";

/// Where the caller is root: makes [`NOBODY`] the owner of a file, or of a folder with all that is in it.
pub(crate) fn give_to_nobody(path: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_to_nobody(&entry?.path())?;
        }
    }
    Ok(())
}

/// Where the caller is root: whether [`NOBODY`] may enter all folders above this one.
///
/// # Errors
/// Which one it may not, and what to do.
pub(crate) fn check_way(path: &Path) -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    for folder in path.ancestors().skip(1) {
        let name = folder.display();
        let looked = fs::metadata(folder).map_err(Error::files(format!("look at {name}")))?;
        let may_enter = if looked.uid() == NOBODY { 0o100 } else { 0o001 };
        if looked.mode() & may_enter == 0 {
            let why = "the node of a cluster is not root but nobody, who may not enter it; \
                       set TMPDIR to a folder that everybody may enter";
            let error = io::Error::new(io::ErrorKind::PermissionDenied, why);
            return Err(Error::Files { act: format!("use {name}"), error });
        }
    }
    Ok(())
}

fn uuid() -> io::Result<String> {
    let digits = random_digits(16)?;
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    Ok(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Arc<Cluster> {
        let ports = [1, 2, 3].map(|n| Ports { group: n, missed: 10 + n, all: 20 + n });
        Cluster::new(PathBuf::from("/galera.so"), &ports).unwrap()
    }

    #[test]
    fn nodes_of_one_cluster_say_the_same_of_it_and_their_own_of_themselves() {
        let cluster = cluster();
        let folder = tempfile::tempdir().unwrap();
        let mut views = Vec::new();
        for node in cluster.nodes() {
            let data = folder.path().join(node.place.to_string());
            fs::create_dir(&data).unwrap();
            node.join(&data).unwrap();
            let state = fs::read_to_string(data.join(STATE)).unwrap();
            assert!(state.contains(&cluster.state) && state.contains("seqno:   0"), "{state}");
            let view = fs::read_to_string(data.join(VIEW)).unwrap();
            assert!(view.starts_with(&format!("my_uuid: {}", cluster.members[node.place].id)));
            views.push(view.split_once('\n').unwrap().1.to_owned());
            let arguments = node.arguments().join(" ");
            let own = node.place + 1;
            assert!(arguments.contains("gcomm://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"));
            assert!(arguments.contains(&format!("ist.recv_addr=127.0.0.1:1{own};")), "{arguments}");
        }
        assert!(views.iter().all(|view| *view == views[0]), "{views:?}");
        assert_eq!(views[0].matches("member: ").count(), 3);
    }

    #[test]
    fn a_data_folder_that_was_being_copied_is_not_whole() {
        let data = tempfile::tempdir().unwrap();
        assert!(!is_whole(data.path()).unwrap(), "it has no state");
        let write = |id: &str| {
            let text = format!("# GALERA saved state\nversion: 2.1\nuuid:    {id}\nseqno:   -1\n");
            fs::write(data.path().join(STATE), text).unwrap();
        };
        write("00000000-0000-0000-0000-000000000000");
        assert!(!is_whole(data.path()).unwrap());
        write(&cluster().state);
        assert!(is_whole(data.path()).unwrap());
    }

    #[test]
    fn a_node_that_has_a_state_keeps_it() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(STATE), "its own").unwrap();
        cluster().nodes().next().unwrap().join(data.path()).unwrap();
        assert_eq!(fs::read_to_string(data.path().join(STATE)).unwrap(), "its own");
        assert!(!data.path().join(VIEW).exists());
    }
}
