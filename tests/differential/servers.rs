//! Starts both worlds.

use crate::support::{Lanewire, Setup};
use crate::world::World;
use lanewire_perf::client::Address;
use lanewire_perf::servers::{Cluster, Flavor};

/// Everything that must stay up while sessions are compared, in the order of its end.
#[derive(Debug)]
pub(crate) struct Running {
    _proxy: Option<Lanewire>,
    _behind: Cluster,
    _alone: Cluster,
    _folder: tempfile::TempDir,
}

/// Few idle connections, so that sessions meet on them; enough in all for every session to hold
/// one, however the kernel spreads clients over shards.
const CONFIG: &str = "[pool]\nmax-connections = 128\nmin-idle = 1\nmax-idle = 2\n\
                      [timeouts]\nqueue = \"60s\"\n";

/// Starts a server alone, a primary with two replicas, and, given its arguments, Lanewire in front
/// of those; else the primary stands for it.
pub(crate) fn start(
    mysql: bool,
    proxy_args: Option<&Vec<String>>,
) -> Result<(Running, World), String> {
    let flavor = if mysql { Flavor::MySql9 } else { Flavor::MariaDb };
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let begin = |name: &str| {
        Cluster::start(flavor, &folder.path().join(name)).map_err(|error| error.to_string())
    };
    let (alone, behind) = (begin("alone")?, begin("behind")?);
    for idle in alone.replicas() {
        idle.stop();
    }
    let mut proxy = None;
    if let Some(args) = proxy_args {
        let mut setup = Setup::of(&behind).config(CONFIG);
        setup.args.extend_from_slice(args);
        proxy = Some(Lanewire::start(&setup)?);
    }
    let at = |address: String| Address::Tcp(address);
    let world = World {
        direct: at(alone.primary().address()),
        through: proxy.as_ref().map_or_else(|| at(behind.primary().address()), Lanewire::address),
        primary: at(behind.primary().address()),
        replicas: behind.replicas().iter().map(|replica| at(replica.address())).collect(),
        mysql,
    };
    Ok((Running { _proxy: proxy, _behind: behind, _alone: alone, _folder: folder }, world))
}
