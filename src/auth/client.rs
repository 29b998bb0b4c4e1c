//! The client side: we log in to a backend.

use super::rsa_key::seal_password;
use super::scramble::{SCRAMBLE_LEN, caching_sha2_response, native_response};
use super::secret::BackendSecret;
use super::server::{FAST_OK, FULL_EXCHANGE, PUBLIC_KEY_REQUEST};
use super::{AuthError, Plugin};
use crate::protocol::auth_switch::{AUTH_MORE_DATA_HEADER, AUTH_SWITCH_HEADER};
use crate::protocol::reply::{ERR_HEADER, OK_HEADER};
use crate::protocol::{AuthMoreData, AuthSwitch, ErrPacket};

/// Packets that a server may ask of us before we call it a loop; three are needed at most.
const STEPS_MAX: u8 = 8;
/// The plugin that wants the password as it is.
const CLEAR_PLUGIN: &[u8] = b"mysql_clear_password";

/// One login to a backend, from the greeting on.
#[derive(Debug)]
pub struct ClientSide {
    secret: BackendSecret,
    plugin: Plugin,
    scramble: [u8; SCRAMBLE_LEN],
    secure_transport: bool,
    key_requested: bool,
    steps: u8,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientStep {
    /// Send this payload (an empty one is an empty packet), then wait for the server's next.
    Send(Vec<u8>),
    /// Wait for the server's next packet.
    Wait,
    /// Logged in; the payload was the OK packet.
    Authenticated,
    /// Not logged in: close the connection.
    Failed(AuthError),
}

impl ClientSide {
    /// Begins a login with the greeting's plugin and scramble, and gives the first response. The
    /// login packet must name [`plugin`](Self::plugin), which is another than the greeting's when
    /// that one is unknown to us or the secret does not suffice for it; the server then switches.
    /// `secure_transport`: a Unix socket.
    #[must_use]
    pub fn new(
        secret: &BackendSecret,
        plugin: &[u8],
        scramble: [u8; SCRAMBLE_LEN],
        secure_transport: bool,
    ) -> (Self, Vec<u8>) {
        let mut side = Self {
            secret: secret.clone(),
            plugin: Plugin::from_name(plugin).unwrap_or(Plugin::MysqlNativePassword),
            scramble,
            secure_transport,
            key_requested: false,
            steps: 0,
        };
        let response = side.response().unwrap_or_else(|_| {
            side.plugin = Plugin::MysqlNativePassword;
            side.native()
        });
        (side, response)
    }

    /// The plugin to name in the login packet.
    #[must_use]
    pub fn plugin(&self) -> Plugin {
        self.plugin
    }

    /// Takes the server's next packet.
    #[must_use]
    pub fn drive(&mut self, payload: &[u8]) -> ClientStep {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return ClientStep::Failed(AuthError::TooManySteps);
        }
        let step = match payload.first().copied() {
            Some(OK_HEADER) => Ok(ClientStep::Authenticated),
            Some(ERR_HEADER) => Err(refusal(payload)),
            Some(AUTH_SWITCH_HEADER) => self.switch(payload),
            Some(AUTH_MORE_DATA_HEADER) => self.more_data(payload),
            _ => Err(AuthError::Malformed),
        };
        step.unwrap_or_else(ClientStep::Failed)
    }

    fn switch(&mut self, payload: &[u8]) -> Result<ClientStep, AuthError> {
        if payload.len() == 1 {
            return Err(AuthError::PluginUnsupported(b"mysql_old_password".to_vec()));
        }
        let switch = AuthSwitch::decode(payload).map_err(|_| AuthError::Malformed)?;
        self.key_requested = false;
        if switch.plugin == CLEAR_PLUGIN {
            return self.clear_password();
        }
        self.plugin = Plugin::from_name(switch.plugin)
            .ok_or_else(|| AuthError::PluginUnsupported(switch.plugin.to_vec()))?;
        self.scramble = *switch.data.first_chunk().ok_or(AuthError::Malformed)?;
        self.response().map(ClientStep::Send)
    }

    fn more_data(&mut self, payload: &[u8]) -> Result<ClientStep, AuthError> {
        let more = AuthMoreData::decode(payload).map_err(|_| AuthError::Malformed)?;
        match (self.plugin, more.data) {
            (Plugin::MysqlNativePassword, _) => Err(AuthError::Malformed),
            (Plugin::CachingSha2Password, pem) if self.key_requested => {
                self.key_requested = false;
                let password = self.password(Plugin::CachingSha2Password.name())?;
                seal_password(pem, password, &self.scramble).map(ClientStep::Send)
            }
            (Plugin::CachingSha2Password, [FAST_OK]) => Ok(ClientStep::Wait),
            (Plugin::CachingSha2Password, [FULL_EXCHANGE]) if self.secure_transport => {
                self.clear_password()
            }
            (Plugin::CachingSha2Password, [FULL_EXCHANGE]) => {
                self.key_requested = true;
                Ok(ClientStep::Send(vec![PUBLIC_KEY_REQUEST]))
            }
            (Plugin::CachingSha2Password, _) => Err(AuthError::Malformed),
        }
    }

    /// The response of the plugin now in use; empty for an empty password.
    fn response(&self) -> Result<Vec<u8>, AuthError> {
        match self.plugin {
            Plugin::MysqlNativePassword => Ok(self.native()),
            Plugin::CachingSha2Password => {
                let password = self.password(self.plugin.name())?;
                let response = caching_sha2_response(password, &self.scramble);
                Ok(if password.is_empty() { Vec::new() } else { response.to_vec() })
            }
        }
    }

    fn native(&self) -> Vec<u8> {
        let stage1 = self.secret.stage1();
        stage1.map_or_else(Vec::new, |stage1| native_response(&stage1, &self.scramble).to_vec())
    }

    fn clear_password(&self) -> Result<ClientStep, AuthError> {
        if !self.secure_transport {
            return Err(AuthError::ClearTextRefused);
        }
        let mut password = self.password("mysql_clear_password")?.to_vec();
        password.push(0);
        Ok(ClientStep::Send(password))
    }

    fn password(&self, plugin: &'static str) -> Result<&[u8], AuthError> {
        match &self.secret {
            BackendSecret::Password(password) => Ok(password),
            BackendSecret::NativeStage1(_) => Err(AuthError::PasswordUnknown(plugin)),
        }
    }
}

fn refusal(payload: &[u8]) -> AuthError {
    ErrPacket::decode(payload).map_or(AuthError::Malformed, |err| AuthError::Refused {
        code: err.code,
        message: err.message.to_vec(),
    })
}
