//! A cluster for tests, whose nodes end with the process that started them.

use std::process::Command;

use crate::cluster::{Cluster, Ports};
use crate::error::Error;
use crate::installed::Installed;
use crate::server::Options;
use crate::watched::{Watched, free_port, on_free_ports};

/// Nodes that run. All of them are killed, and their folders removed, when this is dropped and not later
/// than this process ends.
#[derive(Debug)]
pub struct WatchedCluster(Vec<Watched>);

impl WatchedCluster {
    /// Sets up so many nodes, starts them and waits until each serves: 3 to 6 s.
    ///
    /// # Errors
    /// Where something is not installed, and where a node does not come up, with what it wrote last.
    pub fn start(count: usize) -> Result<Self, Error> {
        on_free_ports(|| Self::try_to_start(count))
    }

    fn try_to_start(count: usize) -> Result<Self, Error> {
        let installed = Installed::find()?;
        let provider = Cluster::provider(&installed)?;
        let ports = || {
            let (group, missed, all) = (free_port()?, free_port()?, free_port()?);
            Ok(Ports { group, missed, all })
        };
        let ports: Vec<Ports> = (0..count).map(|_| ports()).collect::<Result<_, Error>>()?;
        let node = |node| {
            let options = Options { node: Some(node), ..Options::default() };
            Watched::set_up(installed.clone(), options)
        };
        let nodes = Cluster::new(provider, &ports)?.nodes().map(node);
        let mut cluster = Self(nodes.collect::<Result<_, _>>()?);
        cluster.0.iter_mut().try_for_each(Watched::launch)?;
        cluster.0.iter().try_for_each(Watched::wait)?;
        Ok(cluster)
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Watched] {
        &self.0
    }

    /// Runs nodes again whose processes have ended, by their places, and waits until each serves: while
    /// fewer than half of all are there, none does. All of them found the cluster anew, by the one that
    /// has most; of fewer the others have to have left them out, as a commit shows that was made since.
    ///
    /// # Errors
    /// Where one does not come up, with what it wrote last.
    pub fn run_again(&mut self, places: &[usize]) -> Result<(), Error> {
        let mut places = places.to_vec();
        if places.len() == self.0.len() {
            let founder = self.founder()?;
            self.0[founder].server().found_anew()?;
            self.0[founder].run_again()?;
            places.retain(|place| *place != founder);
        }
        for place in &places {
            self.0[*place].launch_again()?;
        }
        places.iter().try_for_each(|place| self.0[*place].wait())
    }

    /// The place of the node that has most of what the cluster committed. All are down.
    fn founder(&self) -> Result<usize, Error> {
        let mut most = None;
        for (place, node) in self.0.iter().enumerate() {
            let run = node.server().recovery();
            let output = Command::new(&run.program).args(&run.arguments).output();
            output.map_err(Error::files(format!("start {}", run.program.display())))?;
            most = most.max(Some((node.server().recovered_position()?, place)));
        }
        Ok(most.map_or(0, |(_, place)| place))
    }
}
