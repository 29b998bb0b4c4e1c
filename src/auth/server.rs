//! The server side: a client logs in to us.

use super::Plugin;
use super::rsa_key::RsaKey;
use super::scramble::{
    SCRAMBLE_LEN, caching_sha2_response, equal_in_constant_time, native_recover, native_response,
    native_stage1, native_stage2,
};
use super::secret::{BackendSecret, Secret};
use crate::protocol::{AuthMoreData, AuthSwitch};

/// `caching_sha2_password`: the fast response was right.
pub(super) const FAST_OK: u8 = 3;
/// `caching_sha2_password`: send the password.
pub(super) const FULL_EXCHANGE: u8 = 4;
/// `caching_sha2_password`: the client asks for the public key.
pub(super) const PUBLIC_KEY_REQUEST: u8 = 2;

/// One client's login, from its first response on.
#[derive(Debug)]
pub struct ServerSide {
    scramble: [u8; SCRAMBLE_LEN],
    secret: Secret,
    secure_transport: bool,
    rsa: RsaKey,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Asked for this plugin's response.
    SwitchSent(Plugin),
    /// Asked for the password, clear or sealed.
    FullRequested,
    /// Sent our public key.
    KeySent,
    /// Granted or denied.
    Done,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this payload, then give the client's next packet to [`ServerSide::drive`].
    Send(Vec<u8>),
    /// Send this payload, then go on as for [`Granted`](Self::Granted): nothing comes in between.
    SendThenGranted(Vec<u8>, BackendSecret),
    /// The client is who it says: send OK. The secret logs in to backends.
    Granted(BackendSecret),
    /// It is not: send ERR 1045 and close.
    Denied,
}

/// What a response is worth.
enum Verdict {
    Right(BackendSecret),
    Wrong,
    /// Not the fast response that is right: the plugin asks for the password then, wherefore some
    /// clients tell a wrong password in words of their own (seen on MySQL 9.7).
    AskPassword,
}

impl ServerSide {
    /// Judges the response that came with the login (or with COM_CHANGE_USER).
    ///
    /// `scramble` and `offered_plugin` are the greeting's; `client_plugin` is what the client
    /// names (`None`: it cannot switch, and uses `mysql_native_password`). `secure_transport`: a
    /// Unix socket. For an unknown user, give a [`Secret::decoy`].
    ///
    /// A client computes its response for the plugin it names with the greeting's scramble where
    /// it can; many send an empty one instead if the greeting offered another plugin. So a right
    /// response is taken as it is, and a wrong one is final only when the client had no reason to
    /// answer anything else; else an auth switch, with the same scramble, asks again.
    #[must_use]
    pub fn new(
        scramble: [u8; SCRAMBLE_LEN],
        secret: &Secret,
        client_plugin: Option<&[u8]>,
        response: &[u8],
        offered_plugin: Plugin,
        secure_transport: bool,
        rsa: &RsaKey,
    ) -> (Self, ServerStep) {
        let mut side = Self {
            scramble,
            secret: secret.clone(),
            secure_transport,
            rsa: rsa.clone(),
            state: State::Done,
        };
        let Some(name) = client_plugin else {
            let step = side.judge(Plugin::MysqlNativePassword, response);
            return (side, step);
        };
        let step = match Plugin::from_name(name).filter(|plugin| side.allows(*plugin)) {
            Some(plugin) => side.judge_first(plugin, response, offered_plugin),
            None if side.allows(offered_plugin) => side.switch_to(offered_plugin),
            None => side.switch_to(Plugin::MysqlNativePassword),
        };
        (side, step)
    }

    /// Takes the client's next packet.
    #[must_use]
    pub fn drive(&mut self, payload: &[u8]) -> ServerStep {
        match self.state {
            State::SwitchSent(plugin) => self.judge(plugin, payload),
            State::FullRequested if payload == [PUBLIC_KEY_REQUEST] => {
                self.state = State::KeySent;
                let pem = self.rsa.public_pem().as_bytes();
                ServerStep::Send(AuthMoreData { data: pem }.encode())
            }
            State::FullRequested if self.secure_transport => {
                let password = payload.strip_suffix(&[0]);
                self.judge_password(password)
            }
            // A client may have had our public key before.
            State::FullRequested | State::KeySent => {
                let password = self.rsa.open_password(payload, &self.scramble);
                self.judge_password(password.as_deref())
            }
            State::Done => ServerStep::Denied,
        }
    }

    /// Whether the secret is enough for the plugin.
    fn allows(&self, plugin: Plugin) -> bool {
        match self.secret {
            Secret::Password(_) => true,
            Secret::NativeHash(_) => plugin == Plugin::MysqlNativePassword,
        }
    }

    fn judge_first(&mut self, plugin: Plugin, response: &[u8], offered: Plugin) -> ServerStep {
        let guessed = plugin != offered || response.is_empty();
        match self.verdict(plugin, response) {
            Verdict::Right(secret) => self.grant(plugin, secret),
            Verdict::Wrong | Verdict::AskPassword if guessed => self.switch_to(plugin),
            Verdict::AskPassword => self.request_password(),
            Verdict::Wrong => self.deny(),
        }
    }

    fn judge(&mut self, plugin: Plugin, response: &[u8]) -> ServerStep {
        match self.verdict(plugin, response) {
            Verdict::Right(secret) => self.grant(plugin, secret),
            Verdict::AskPassword => self.request_password(),
            Verdict::Wrong => self.deny(),
        }
    }

    fn verdict(&self, plugin: Plugin, response: &[u8]) -> Verdict {
        match plugin {
            Plugin::MysqlNativePassword => self.native_verdict(response),
            Plugin::CachingSha2Password => self.caching_sha2_verdict(response),
        }
    }

    fn native_verdict(&self, response: &[u8]) -> Verdict {
        match &self.secret {
            Secret::Password(password) if password.is_empty() => {
                right_if(response.is_empty(), BackendSecret::Password(Vec::new()))
            }
            Secret::Password(password) => {
                let expected = native_response(&native_stage1(password), &self.scramble);
                let right = equal_in_constant_time(&expected, response);
                right_if(right, BackendSecret::Password(password.clone()))
            }
            Secret::NativeHash(hash) => {
                let Ok(response) = response.try_into() else { return Verdict::Wrong };
                let stage1 = native_recover(response, hash, &self.scramble);
                let right = equal_in_constant_time(&native_stage2(&stage1), hash);
                right_if(right, BackendSecret::NativeStage1(stage1))
            }
        }
    }

    fn caching_sha2_verdict(&self, response: &[u8]) -> Verdict {
        let Secret::Password(password) = &self.secret else { return Verdict::Wrong };
        let secret = BackendSecret::Password(password.clone());
        // MySQL's clients send an absent password as a lone NUL.
        if response.is_empty() || response == [0] {
            return right_if(password.is_empty(), secret);
        }
        let expected = caching_sha2_response(password, &self.scramble);
        let right = equal_in_constant_time(&expected, response) && !password.is_empty();
        if right { Verdict::Right(secret) } else { Verdict::AskPassword }
    }

    fn judge_password(&mut self, sent: Option<&[u8]>) -> ServerStep {
        self.state = State::Done;
        match (&self.secret, sent) {
            (Secret::Password(known), Some(sent)) if equal_in_constant_time(known, sent) => {
                ServerStep::Granted(BackendSecret::Password(known.clone()))
            }
            (Secret::Password(_) | Secret::NativeHash(_), _) => ServerStep::Denied,
        }
    }

    fn grant(&mut self, plugin: Plugin, secret: BackendSecret) -> ServerStep {
        self.state = State::Done;
        let silent = secret == BackendSecret::Password(Vec::new());
        match plugin {
            Plugin::CachingSha2Password if !silent => {
                ServerStep::SendThenGranted(AuthMoreData { data: &[FAST_OK] }.encode(), secret)
            }
            Plugin::CachingSha2Password | Plugin::MysqlNativePassword => {
                ServerStep::Granted(secret)
            }
        }
    }

    fn deny(&mut self) -> ServerStep {
        self.state = State::Done;
        ServerStep::Denied
    }

    fn switch_to(&mut self, plugin: Plugin) -> ServerStep {
        self.state = State::SwitchSent(plugin);
        let switch = AuthSwitch { plugin: plugin.name().as_bytes(), data: &self.scramble };
        ServerStep::Send(switch.encode())
    }

    fn request_password(&mut self) -> ServerStep {
        self.state = State::FullRequested;
        ServerStep::Send(AuthMoreData { data: &[FULL_EXCHANGE] }.encode())
    }
}

fn right_if(right: bool, secret: BackendSecret) -> Verdict {
    if right { Verdict::Right(secret) } else { Verdict::Wrong }
}
