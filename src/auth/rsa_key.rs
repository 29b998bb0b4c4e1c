//! RSA for the full exchange of `caching_sha2_password`: the password, NUL-terminated and masked
//! with the scramble, under OAEP with SHA-1.

use std::fmt;
use std::sync::Arc;

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;

use super::AuthError;
use super::scramble::{SCRAMBLE_LEN, xor_with};

/// Bits of the key made at start.
const KEY_BITS: usize = 2048;
/// Longest public key accepted from a backend, bytes of PEM; a 4096-bit key needs 800.
const PEM_LEN_MAX: usize = 4096;

/// The proxy's key pair; clones share it.
#[derive(Clone)]
pub struct RsaKey(Arc<Pair>);

struct Pair {
    private: RsaPrivateKey,
    public_pem: String,
}

impl RsaKey {
    /// Makes a pair of 2048 bits. It takes up to a second of CPU: once at start, in a thread of
    /// its own.
    ///
    /// # Errors
    /// [`AuthError::KeyGeneration`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, AuthError> {
        Self::generate_bits(KEY_BITS)
    }

    pub(super) fn generate_bits(bits: usize) -> Result<Self, AuthError> {
        let private = RsaPrivateKey::new(&mut OsRng, bits)
            .map_err(|error| AuthError::KeyGeneration(error.to_string()))?;
        let public_pem = private
            .to_public_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| AuthError::KeyGeneration(error.to_string()))?;
        Ok(Self(Arc::new(Pair { private, public_pem })))
    }

    /// The public half, `-----BEGIN PUBLIC KEY-----`.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.0.public_pem
    }

    /// The password in what [`seal_password`] made with our public half; `None`: it is not that.
    pub(super) fn open_password(
        &self,
        sealed: &[u8],
        scramble: &[u8; SCRAMBLE_LEN],
    ) -> Option<Vec<u8>> {
        // Blinded, so that the time it takes tells nothing about the key.
        let mut password =
            self.0.private.decrypt_blinded(&mut OsRng, Oaep::new::<Sha1>(), sealed).ok()?;
        xor_with(&mut password, scramble);
        (password.pop() == Some(0)).then_some(password)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey(hidden)")
    }
}

/// The password as the owner of the key in `pem` alone can read it.
pub(super) fn seal_password(
    pem: &[u8],
    password: &[u8],
    scramble: &[u8; SCRAMBLE_LEN],
) -> Result<Vec<u8>, AuthError> {
    let pem = std::str::from_utf8(pem).ok().filter(|pem| pem.len() <= PEM_LEN_MAX);
    // Servers end the text with a line feed, some with a NUL as well.
    let pem = pem.map(|pem| pem.trim_matches(['\0', '\n', '\r', ' ']));
    let key = pem.and_then(|pem| RsaPublicKey::from_public_key_pem(pem).ok());
    let mut masked = password.to_vec();
    masked.push(0);
    xor_with(&mut masked, scramble);
    key.and_then(|key| key.encrypt(&mut OsRng, Oaep::new::<Sha1>(), &masked).ok())
        .ok_or(AuthError::PublicKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_passwords_open_with_the_same_scramble() {
        let key = RsaKey::generate_bits(1024).unwrap();
        assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let scramble = *b"abcdefghijklmnopqrst";
        let password = b"correct horse battery staple";
        for pem in [key.public_pem().to_owned(), format!("{}\0", key.public_pem())] {
            let sealed = seal_password(pem.as_bytes(), password, &scramble).unwrap();
            assert_eq!(key.open_password(&sealed, &scramble).unwrap(), password);
            assert_ne!(
                key.open_password(&sealed, b"tsrqponmlkjihgfedcba"),
                Some(password.to_vec())
            );
        }
        assert_eq!(key.open_password(b"nonsense", &scramble), None);
        assert_eq!(key.open_password(&[0xFF; 128], &scramble), None);
    }

    #[test]
    fn a_bad_key_is_an_error() {
        for pem in
            [&b""[..], b"\xFF\xFE", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
        {
            assert_eq!(seal_password(pem, b"x", &[7; 20]), Err(AuthError::PublicKey));
        }
        let key = RsaKey::generate_bits(1024).unwrap();
        let too_long = [b'x'; 200];
        let sealed = seal_password(key.public_pem().as_bytes(), &too_long, &[7; 20]);
        assert_eq!(sealed, Err(AuthError::PublicKey));
    }
}
