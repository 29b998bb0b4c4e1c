//! The authentication plugins we know.

/// A plugin both of our sides do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// SHA-1 based; MariaDB's default, gone from MySQL 9.
    MysqlNativePassword,
    /// SHA-256 based; MySQL's default since 8.0.
    CachingSha2Password,
}

impl Plugin {
    /// The plugin's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MysqlNativePassword => "mysql_native_password",
            Self::CachingSha2Password => "caching_sha2_password",
        }
    }

    /// The plugin of that name, if it is one of ours.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::MysqlNativePassword, Self::CachingSha2Password]
            .into_iter()
            .find(|plugin| plugin.name().as_bytes() == name)
    }
}
