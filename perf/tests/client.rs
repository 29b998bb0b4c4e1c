//! The raw client against a real server, where one is named: `LANEWIRE_TEST_SERVER=host:port`.

use lanewire_perf::client::{Address, Client, Error, Options, Outcome, Param, Plugin, flags};

fn server() -> Option<Options> {
    let host = std::env::var("LANEWIRE_TEST_SERVER").ok()?;
    Some(Options::new(Address::Tcp(host), "app", "app").schema("test"))
}

#[test]
fn every_command_has_its_answer() {
    let Some(options) = server() else { return };
    for options in [options.clone(), options.with(flags::DEPRECATE_EOF)] {
        for options in [options.clone(), options.with(flags::SESSION_TRACK)] {
            let mut client = Client::connect(&options).unwrap();
            assert_eq!(client.query("SELECT 1+1").unwrap().first_cell().unwrap(), "2");
            client.must("CREATE TEMPORARY TABLE t (a INT PRIMARY KEY, b TEXT)").unwrap();
            let reply = client.must("INSERT INTO t VALUES (1,'x'),(2,NULL)").unwrap();
            assert_eq!(reply.ok().unwrap().affected_rows, 2);
            let reply = client.query("SELECT 1; SELECT a,b FROM t; DO 1").unwrap();
            assert_eq!(reply.outcomes.len(), 3);
            assert!(client.query("SELEC").unwrap().error().unwrap().code == 1064);
            client.ping().unwrap().ok().unwrap();
            assert!(client.field_list("t", "").unwrap().rows().unwrap().columns.len() == 2);
            assert!(matches!(client.statistics().unwrap().outcomes[0], Outcome::Text(_)));
            client.set_option(1).unwrap().ok().unwrap();
            assert!(client.query("DO 1; DO 2").unwrap().error().is_some());
            client.set_option(0).unwrap().ok().unwrap();
            client.set_infile(b"7\tseven\n8\teight\n".to_vec());
            let reply = client.query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t").unwrap();
            assert_eq!(reply.ok().unwrap().affected_rows, 2, "{reply:?}");
            let params = [Param::Int(7), Param::Bytes(b"seven".to_vec())];
            let reply = client.run_prepared("SELECT * FROM t WHERE a=? AND b=?", &params).unwrap();
            assert_eq!(reply.rows().unwrap().rows.len(), 1);
            client.reset_connection().unwrap().ok().unwrap();
            assert_eq!(client.query("SELECT * FROM t").unwrap().error().unwrap().code, 1146);
            client.change_user("app", "app", Some("test")).unwrap();
            client.init_db("mysql").unwrap().ok().unwrap();
            client.quit().unwrap();
        }
    }
}

#[test]
fn packets_over_16_mib_go_both_ways() {
    let Some(options) = server() else { return };
    let mut client = Client::connect(&options).unwrap();
    for len in [0xFF_FFFF - 9, 0xFF_FFFF - 8, 0xFF_FFFF, 20_000_000] {
        let sql = format!("SELECT '{}'", "x".repeat(len));
        let reply = client.query(&sql).unwrap();
        assert_eq!(reply.first_cell().unwrap_or_default().len(), len, "{:?}", reply.error());
    }
    let counted =
        client.query_streamed("SELECT REPEAT('y', 17000000) UNION ALL SELECT 'z'").unwrap();
    assert_eq!(counted.rows, 2);
}

#[test]
fn a_wrong_password_is_refused() {
    let Some(mut options) = server() else { return };
    options.password = "no".into();
    assert_eq!(Client::connect(&options).unwrap_err().code(), Some(1045));
    options.password = "app".into();
    Client::connect(&options.clone().plugin(Plugin::CachingSha2)).unwrap();
    options.user = "nobody".into();
    assert!(matches!(Client::connect(&options), Err(Error::Refused(_))));
}
