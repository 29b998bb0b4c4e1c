//! `mysql_async`.

use futures_util::{FutureExt, StreamExt};
use lanewire_conformance::{Line, MULTI, blob, load_data, script, setting, settle, shown};
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{
    ChangeUserOpts, Conn, Error, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts,
    QueryResult, Row, TxOpts, Value,
};

fn options() -> OptsBuilder {
    let file = setting("LOCAL_FILE");
    OptsBuilder::default()
        .ip_or_hostname(setting("HOST"))
        .tcp_port(setting("PORT").parse().expect("a port"))
        .user(Some("app"))
        .pass(Some("app"))
        .db_name(Some("conformance"))
        .prefer_socket(false)
        .local_infile_handler(Some(FromFile(file)))
}

/// Sends the local file, whatever the statement names.
struct FromFile(String);

impl mysql_async::prelude::GlobalHandler for FromFile {
    fn handle(
        &self,
        _name: &[u8],
    ) -> futures_util::future::BoxFuture<
        'static,
        Result<mysql_async::InfileData, mysql_async::LocalInfileError>,
    > {
        let file = self.0.clone();
        async move {
            let bytes = tokio::fs::read(file).await?;
            Ok(futures_util::stream::once(async move { Ok(bytes.into()) }).boxed())
        }
        .boxed()
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::Bytes(bytes)) => shown(bytes),
        Some(value) => format!("{value:?}"),
        None => "taken".into(),
    }
}

fn failed(error: &Error) {
    match error {
        Error::Server(error) => {
            println!("  error {} {} {}", error.code, error.state, error.message)
        }
        other => println!("  error {other}"),
    }
}

async fn print<P: Protocol + Unpin>(mut result: QueryResult<'_, '_, P>) -> Result<(), Error> {
    loop {
        let columns: Vec<String> = result
            .columns_ref()
            .iter()
            .map(|c| {
                let (kind, flags, len) = (c.column_type(), c.flags(), c.column_length());
                format!("{}.{}:{kind:?}:{flags:?}:{len}", c.table_str(), c.name_str())
            })
            .collect();
        let Some(rows) = result.stream::<Row>().await? else { break };
        println!("  columns {}", columns.join(" "));
        let mut rows = rows;
        while let Some(row) = rows.next().await {
            let row = row?;
            let cells: Vec<String> = (0..row.len()).map(|at| cell(row.as_ref(at))).collect();
            println!("  row {}", cells.join(", "));
        }
    }
    println!("  ok {} {:?}", result.affected_rows(), result.last_insert_id());
    println!("  warnings {} {:?}", result.warnings(), result.info());
    Ok(())
}

async fn run(conn: &mut Conn, sql: &str) {
    let outcome = match conn.query_iter(sql).await {
        Ok(result) => print(result).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        failed(&error);
    }
}

async fn execute(conn: &mut Conn, sql: &str, values: Vec<Value>) {
    println!("> {sql}");
    let outcome = match conn.exec_iter(sql, Params::Positional(values)).await {
        Ok(result) => print(result).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        failed(&error);
    }
}

async fn prepared(conn: &mut Conn) {
    run(conn, "DELETE FROM bound").await;
    let insert = "INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let date = |y, m, d, h, us| Value::Date(y, m, d, h, 0, 0, us);
    let full = vec![
        1.into(),
        (-5).into(),
        u64::MAX.into(),
        "123.456".into(),
        1.25.into(),
        "Grüße 🐬 'quoted' \\ \n".into(),
        blob().into(),
        date(2024, 2, 29, 0, 0),
        date(2024, 2, 29, 12, 123),
        Value::Time(true, 0, 11, 22, 33, 500_000),
        "{\"a\": 1}".into(),
    ];
    let mut empty = vec![Value::from(2)];
    empty.resize(11, Value::NULL);
    execute(conn, insert, full).await;
    execute(conn, insert, empty.clone()).await;
    execute(conn, insert, empty).await;
    settle();
    for (sql, values) in [
        ("SELECT * FROM bound WHERE id >= ? ORDER BY id", vec![Value::from(1)]),
        ("SELECT ? AS a, ? AS b", vec![Value::NULL, "ü".into()]),
        ("SELECT ? AS a, ? AS b", vec![1.into(), 2.5.into()]),
        ("SELECT * FROM types WHERE id >= ? ORDER BY id", vec![1.into()]),
        ("UPDATE bound SET i = i + ? WHERE id = ?", vec![1.into(), 1.into()]),
        ("SELECT nothing_here FROM bound WHERE id = ?", vec![3.into()]),
        ("SELEC ?", vec![3.into()]),
        ("CALL add_out(?, ?, @c, @d)", vec![3.into(), 4.into()]),
        ("SELECT @c", vec![]),
        ("CALL two_sets()", vec![]),
        ("SELECT 1 / ?", vec![0.into()]),
        ("SHOW WARNINGS", vec![]),
    ] {
        execute(conn, sql, values).await;
    }
    for id in [1, 3, 2, 1] {
        execute(conn, "SELECT id, de FROM bound WHERE id = ?", vec![id.into()]).await;
    }
    let rows = (1000..1020).map(|id| (id, format!("m{id}")));
    let done = conn.exec_batch("INSERT INTO bound (id, t) VALUES (?, ?)", rows).await;
    println!("{done:?}");
    settle();
    execute(conn, "SELECT COUNT(*), MIN(t), MAX(t) FROM bound", vec![]).await;
    // More statements than the driver's cache holds.
    for n in 0..40 {
        let sql = format!("SELECT {n} + ?");
        let sum: Result<Option<i64>, Error> = conn.exec_first(sql.as_str(), (1,)).await;
        println!("{sum:?}");
    }
}

async fn transactions(conn: &mut Conn) -> Result<(), Error> {
    for commit in [false, true] {
        let mut tx = conn.start_transaction(TxOpts::default()).await?;
        tx.query_drop("INSERT INTO people (name) VALUES ('by method')").await?;
        let own: Vec<String> =
            tx.exec("SELECT name FROM people WHERE name LIKE ?", ("by m%",)).await?;
        println!("{own:?}");
        if commit { tx.commit().await? } else { tx.rollback().await? }
    }
    settle();
    run(conn, "SELECT name FROM people WHERE name = 'by method'").await;
    let mut only = TxOpts::default();
    only.with_readonly(Some(true)).with_consistent_snapshot(true);
    let mut tx = conn.start_transaction(only).await?;
    let count: Option<u32> = tx.query_first("SELECT COUNT(*) FROM types").await?;
    println!("{count:?}");
    if let Err(error) = tx.query_drop("DELETE FROM types").await {
        failed(&error);
    }
    tx.rollback().await
}

async fn changed(conn: &mut Conn) -> Result<(), Error> {
    run(conn, "SET @a = 1, sql_mode = ''").await;
    println!("{}", conn.reset().await?);
    run(conn, "SELECT @a, @@sql_mode = @@global.sql_mode, DATABASE()").await;
    run(conn, "SET @a = 1").await;
    let other = ChangeUserOpts::default().with_db_name(Some("conformance2".to_owned()));
    conn.change_user(other).await?;
    run(conn, "SELECT @a, DATABASE()").await;
    conn.change_user(ChangeUserOpts::default().with_db_name(Some("conformance".to_owned())))
        .await?;
    conn.ping().await?;
    run(conn, "SELECT DATABASE()").await;
    Ok(())
}

async fn pooled() -> Result<(), Error> {
    let constraints = PoolConstraints::new(1, 3).unwrap_or_default();
    let pool = Pool::new(options().pool_opts(PoolOpts::default().with_constraints(constraints)));
    for _ in 0..3 {
        let (mut one, mut two) = (pool.get_conn().await?, pool.get_conn().await?);
        run(&mut one, "SELECT @p, @@sql_mode = @@global.sql_mode").await;
        run(&mut one, "SET @p = 1, sql_mode = ''").await;
        run(&mut two, "SELECT @p, @@sql_mode = @@global.sql_mode").await;
    }
    pool.disconnect().await
}

async fn refused() {
    for options in [
        options().pass(Some("wrong")),
        options().user(Some("mon")),
        options().db_name(Some("nothing_here")),
        options().pass(None::<String>),
    ] {
        match Conn::new(options).await {
            Ok(_) => println!("connected"),
            Err(error) => failed(&error),
        }
    }
}

async fn found_rows() -> Result<(), Error> {
    for flag in [true, false] {
        let mut conn = Conn::new(options().client_found_rows(flag)).await?;
        for _ in 0..2 {
            run(&mut conn, &format!("UPDATE people SET note = 'found {flag}' WHERE id <= 2")).await;
        }
        conn.disconnect().await?;
    }
    Ok(())
}

async fn play() -> Result<(), Error> {
    let options = Opts::from(options());
    let mut conns = [Conn::new(options.clone()).await?, Conn::new(options).await?];
    for line in script() {
        match line {
            Line::Case(name) => println!("== {name}"),
            Line::Settle => settle(),
            Line::Statement(on, sql) => {
                println!("{}> {sql}", on + 1);
                run(&mut conns[on], &sql).await;
            }
        }
    }
    let [one, two] = &mut conns;
    println!("== prepared");
    prepared(one).await;
    println!("== streaming");
    run(one, "SELECT id, pad FROM stream ORDER BY id").await;
    println!("== multi-statements");
    for sql in MULTI {
        println!("> {sql}");
        run(one, sql).await;
    }
    println!("== load data local");
    for sql in [&load_data(), &load_data(), "SHOW WARNINGS"] {
        run(one, sql).await;
    }
    settle();
    run(one, "SELECT * FROM loaded ORDER BY id").await;
    println!("== transactions by method");
    transactions(one).await?;
    println!("== change user, reset, ping");
    changed(one).await?;
    println!("== pool");
    pooled().await?;
    println!("== refused");
    refused().await;
    println!("== found rows flag");
    found_rows().await?;
    println!("== isolation");
    run(two, "SELECT DATABASE(), @a, @@sql_mode = @@global.sql_mode").await;
    let [one, two] = conns;
    one.disconnect().await?;
    two.disconnect().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("mysql_async 0.36");
    match play().await {
        Ok(()) => println!("== end"),
        Err(error) => println!("!! {error}"),
    }
}
