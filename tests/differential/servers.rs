//! Starts both worlds.

use crate::support::{Lanewire, Setup};
use crate::world::World;
use lanewire_perf::client::Address;
use lanewire_perf::servers::{Cluster, Flavor};

/// Everything that must stay up while sessions are compared, in the order of its end.
#[derive(Debug)]
pub(crate) struct Servers {
    behind: Cluster,
    alone: Cluster,
    _folder: tempfile::TempDir,
    mysql: bool,
}

/// Few idle connections, so that sessions meet on them; enough in all for every session to hold
/// one, however the kernel spreads clients over shards.
const CONFIG: &str = "[pool]\nmax-connections = 128\nmin-idle = 1\nmax-idle = 2\n\
                      [timeouts]\nqueue = \"60s\"\n";

impl Servers {
    /// Starts a server alone, and a primary with two replicas.
    pub(crate) fn start(mysql: bool) -> Result<Self, String> {
        let flavor = if mysql { Flavor::MySql9 } else { Flavor::MariaDb };
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let begin = |name: &str| {
            Cluster::start(flavor, &folder.path().join(name)).map_err(|error| error.to_string())
        };
        let (alone, behind) = (begin("alone")?, begin("behind")?);
        for idle in alone.replicas() {
            idle.stop();
        }
        Ok(Self { behind, alone, _folder: folder, mysql })
    }

    /// With Lanewire in front of the primary and its replicas; `mutant` names a fault.
    pub(crate) fn with_proxy(
        &self,
        args: &[String],
        mutant: Option<&str>,
    ) -> Result<(Lanewire, World), String> {
        let mut setup = Setup::of(&self.behind).config(CONFIG);
        setup.args.extend_from_slice(args);
        setup.mutant = mutant.map(Into::into);
        let proxy = Lanewire::start(&setup)?;
        let world = World { through: proxy.address(), ..self.without_proxy() };
        Ok((proxy, world))
    }

    /// With the primary in the proxy's place.
    pub(crate) fn without_proxy(&self) -> World {
        let at = |address: String| Address::Tcp(address);
        let primary = at(self.behind.primary().address());
        World {
            direct: at(self.alone.primary().address()),
            through: primary.clone(),
            primary,
            replicas: self.behind.replicas().iter().map(|replica| at(replica.address())).collect(),
            mysql: self.mysql,
        }
    }
}
