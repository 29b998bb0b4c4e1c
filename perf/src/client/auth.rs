//! Answers to `mysql_native_password` and `caching_sha2_password`.

use super::Error;
use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, RsaPublicKey};
use sha1::{Digest, Sha1};
use sha2::Sha256;

pub(super) const NATIVE: &[u8] = b"mysql_native_password";
pub(super) const CACHING_SHA2: &[u8] = b"caching_sha2_password";

/// The first answer of `plugin` to `scramble`.
pub(super) fn response(plugin: &[u8], password: &[u8], scramble: &[u8]) -> Result<Vec<u8>, Error> {
    if password.is_empty() {
        return Ok(Vec::new());
    }
    match plugin {
        NATIVE => {
            let stage1 = Sha1::digest(password);
            let stage2 = Sha1::digest(stage1);
            let mask = Sha1::new().chain_update(scramble).chain_update(stage2).finalize();
            Ok(xor(&stage1, &mask))
        }
        CACHING_SHA2 => {
            let stage1 = Sha256::digest(password);
            let stage2 = Sha256::digest(stage1);
            let mask = Sha256::new().chain_update(stage2).chain_update(scramble).finalize();
            Ok(xor(&stage1, &mask))
        }
        _ => Err(Error::Malformed("plugin: not one of this client's")),
    }
}

/// The password under the server's public key.
pub(super) fn encrypted(pem: &[u8], password: &[u8], scramble: &[u8]) -> Result<Vec<u8>, Error> {
    let pem = std::str::from_utf8(pem).map_err(|_| Error::Malformed("public key"))?;
    let key = RsaPublicKey::from_public_key_pem(pem.trim())
        .map_err(|_| Error::Malformed("public key"))?;
    let mut clear = password.to_vec();
    clear.push(0);
    for (byte, mask) in clear.iter_mut().zip(scramble.iter().cycle()) {
        *byte ^= mask;
    }
    key.encrypt(&mut rsa::rand_core::OsRng, Oaep::new::<Sha1>(), &clear)
        .map_err(|_| Error::Malformed("public key"))
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(l, r)| l ^ r).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_password_is_an_empty_answer() {
        assert!(response(NATIVE, b"", &[7; 20]).unwrap().is_empty());
        assert!(response(CACHING_SHA2, b"", &[7; 20]).unwrap().is_empty());
    }

    #[test]
    fn answers_have_the_length_of_their_hash() {
        assert_eq!(response(NATIVE, b"app", &[7; 20]).unwrap().len(), 20);
        assert_eq!(response(CACHING_SHA2, b"app", &[7; 20]).unwrap().len(), 32);
    }
}
