use super::*;

fn tcp(host: &str, port: u16) -> Result<Address, String> {
    Ok(Address::Tcp { host: host.to_owned(), port })
}

#[test]
fn addresses() {
    assert_eq!(parse_address("db1:3307"), tcp("db1", 3307));
    assert_eq!(parse_address("db1.example.org"), tcp("db1.example.org", 3306));
    assert_eq!(parse_address("10.0.0.1:3306"), tcp("10.0.0.1", 3306));
    assert_eq!(parse_address("[::1]:3306"), tcp("::1", 3306));
    assert_eq!(parse_address("[fe80::1]"), tcp("fe80::1", 3306));
    assert_eq!(parse_address("::1"), tcp("::1", 3306));
    let unix = Ok(Address::Unix(PathBuf::from("/run/mysqld.sock")));
    assert_eq!(parse_address("/run/mysqld.sock"), unix);
    assert_eq!(parse_address("unix:/run/mysqld.sock"), unix);
    for text in
        ["", ":3306", "db:0", "db:65536", "db:port", "[::1", "[db]:1", "a b:1", "a:1:2", "@"]
    {
        assert!(parse_address(text).is_err(), "{text}");
    }
    assert!(parse_address("unix:run/x").is_err());
    assert!(parse_address(&format!("/{}", "x".repeat(107))).is_err());
}

#[test]
fn addresses_print_as_they_are_written() {
    for text in ["db1:3307", "[::1]:3306", "/run/mysqld.sock"] {
        assert_eq!(parse_address(text).unwrap().to_string(), text);
    }
}

#[test]
fn listening() {
    for (text, address) in [
        ("127.0.0.1:4040", "127.0.0.1:4040"),
        (":4040", "0.0.0.0:4040"),
        ("[::]:4040", "[::]:4040"),
        ("localhost:0", "127.0.0.1:0"),
    ] {
        assert_eq!(parse_listen(text), Ok(Listen::Tcp(address.parse().unwrap())));
    }
    assert_eq!(parse_listen("unix:/tmp/x").unwrap().to_string(), "/tmp/x");
    for text in ["127.0.0.1", "db1:4040", "::1", "127.0.0.1:x", ""] {
        assert!(parse_listen(text).is_err(), "{text}");
    }
}

#[test]
fn cores() {
    assert_eq!(parse_cores("2-5,8"), Ok(vec![2, 3, 4, 5, 8]));
    assert_eq!(parse_cores("3, 1,1 - 2"), Ok(vec![1, 2, 3]));
    assert_eq!(parse_cores("5-2"), Err("the range 5-2 runs backwards".to_owned()));
    for text in ["", ",", "a", "1-", "-1", "+1", "1-2-3", "4096", "99999999999999999999"] {
        assert!(parse_cores(text).is_err(), "{text}");
    }
}

#[test]
fn passwords_and_hashes() {
    let plain = |text: &str| Ok(PasswordSetting::Plain(text.to_owned()));
    assert_eq!(parse_password(""), plain(""));
    assert_eq!(parse_password("*short"), plain("*short"));
    let hash = parse_password("*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4").unwrap();
    let PasswordSetting::Hash(bytes) = &hash else { panic!("{hash:?}") };
    assert_eq!((bytes[0], bytes[19]), (0x6C, 0xF4));
    assert_eq!(format!("{hash:?}"), "Hash((hidden))");
    assert!(parse_password("*6C8989366EAF75BB670AD8EA7A7FC1176A95CEFG").is_err());
    assert!(parse_password("a\0b").is_err());
}

#[test]
fn numbers_words_and_names() {
    assert_eq!(number(0_u32, 1000)("-3"), Err("must be 0 to 1000".to_owned()));
    assert_eq!(number(0_u32, 1000)("1000"), Ok(1000));
    assert_eq!(one_of(&[("a", 1), ("b", 2)])("b"), Ok(2));
    assert_eq!(one_of(&[("a", 1), ("b", 2)])("c"), Err("must be one of a, b".to_owned()));
    assert!(name(3)("").is_err() && name(3)("abcd").is_err() && name(3)("a\n").is_err());
}
