//! The two plugins' arithmetic.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes of a scramble, the server's random challenge.
pub const SCRAMBLE_LEN: usize = 20;

/// `SHA1(password)`.
#[must_use]
pub fn native_stage1(password: &[u8]) -> [u8; 20] {
    Sha1::digest(password).into()
}

/// `SHA1(SHA1(password))`, what a server stores and `*HASH` spells.
#[must_use]
pub fn native_stage2(stage1: &[u8; 20]) -> [u8; 20] {
    Sha1::digest(stage1).into()
}

/// `mysql_native_password`: `SHA1(password) XOR SHA1(scramble ‖ SHA1(SHA1(password)))`.
#[must_use]
pub fn native_response(stage1: &[u8; 20], scramble: &[u8; SCRAMBLE_LEN]) -> [u8; 20] {
    native_mask(stage1, &native_stage2(stage1), scramble)
}

/// What a native response hides: `SHA1(password)` again, where `stage2` is the right hash.
pub(super) fn native_recover(
    response: &[u8; 20],
    stage2: &[u8; 20],
    scramble: &[u8; SCRAMBLE_LEN],
) -> [u8; 20] {
    native_mask(response, stage2, scramble)
}

fn native_mask(value: &[u8; 20], stage2: &[u8; 20], scramble: &[u8; SCRAMBLE_LEN]) -> [u8; 20] {
    let mut mask: [u8; 20] =
        Sha1::new().chain_update(scramble).chain_update(stage2).finalize().into();
    xor_with(&mut mask, value);
    mask
}

/// `caching_sha2_password`, fast:
/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)) ‖ scramble)`.
#[must_use]
pub fn caching_sha2_response(password: &[u8], scramble: &[u8; SCRAMBLE_LEN]) -> [u8; 32] {
    let stage1 = Sha256::digest(password);
    let stage2 = Sha256::digest(stage1);
    let mut response: [u8; 32] =
        Sha256::new().chain_update(stage2).chain_update(scramble).finalize().into();
    xor_with(&mut response, &stage1);
    response
}

/// XORs `pattern`, repeated, onto `bytes`.
pub(super) fn xor_with(bytes: &mut [u8], pattern: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(pattern.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Whether two strings are equal, in a time that depends on their lengths alone.
pub(super) fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b));
    left.len() == right.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn stored_hash_of_the_manual() {
        // SELECT PASSWORD('mypass') in MySQL's manual, "Password Hashing in MySQL".
        let stored = native_stage2(&native_stage1(b"mypass"));
        assert_eq!(stored.to_vec(), hex("6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"));
    }

    #[test]
    fn native_response_hides_stage1() {
        let scramble = *b"abcdefghijklmnopqrst";
        let stage1 = native_stage1(b"secret");
        let response = native_response(&stage1, &scramble);
        assert_eq!(native_recover(&response, &native_stage2(&stage1), &scramble), stage1);
        assert_eq!(response.to_vec(), hex(NATIVE_SECRET));
    }

    #[test]
    fn caching_sha2_golden() {
        let response = caching_sha2_response(b"secret", b"abcdefghijklmnopqrst");
        assert_eq!(response.to_vec(), hex(SHA2_SECRET));
    }

    // Both computed with Python's hashlib from the formulas of the protocol documentation.
    const NATIVE_SECRET: &str = "8817c50fa779daef010ee7577825b0847df9842e";
    const SHA2_SECRET: &str = "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809";

    #[test]
    fn comparison() {
        assert!(equal_in_constant_time(b"", b""));
        assert!(equal_in_constant_time(b"abc", b"abc"));
        assert!(!equal_in_constant_time(b"abc", b"abd"));
        assert!(!equal_in_constant_time(b"abc", b"ab"));
    }
}
