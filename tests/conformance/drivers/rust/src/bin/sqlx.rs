//! `sqlx`.

use futures_util::TryStreamExt;
use lanewire_conformance::{Line, MULTI, blob, script, setting, settle, shown};
use sqlx::mysql::{
    MySqlConnectOptions, MySqlPoolOptions, MySqlQueryResult, MySqlRow, MySqlSslMode,
};
use sqlx::query::Query;
use sqlx::{Column, Connection, Either, Error, Executor, MySql, MySqlConnection, Row, TypeInfo};
use sqlx::{ConnectOptions, ValueRef};

fn options() -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(&setting("HOST"))
        .port(setting("PORT").parse().expect("a port"))
        .username("app")
        .password("app")
        .database("conformance")
        .ssl_mode(MySqlSslMode::Disabled)
        .disable_statement_logging()
}

fn failed(error: &Error) {
    match error.as_database_error() {
        Some(error) => println!("  error {:?} {}", error.code(), error),
        None => println!("  error {error}"),
    }
}

fn print(item: Result<Either<MySqlQueryResult, MySqlRow>, Error>) {
    match item {
        Ok(Either::Left(done)) => {
            println!("  ok {} {}", done.rows_affected(), done.last_insert_id());
        }
        Ok(Either::Right(row)) => {
            let cells = (0..row.len()).map(|at| {
                let column = row.column(at);
                let null = row.try_get_raw(at).is_ok_and(|value| value.is_null());
                let bytes = row.try_get_unchecked::<Vec<u8>, _>(at);
                let text = match bytes {
                    _ if null => "NULL".into(),
                    Ok(bytes) => shown(&bytes),
                    Err(error) => error.to_string(),
                };
                format!("{}:{} {text}", column.name(), column.type_info().name())
            });
            println!("  row {}", cells.collect::<Vec<_>>().join(", "));
        }
        Err(error) => failed(&error),
    }
}

/// As text.
async fn run(conn: &mut MySqlConnection, sql: &str) {
    let mut items = sqlx::raw_sql(sql).fetch_many(conn);
    loop {
        match items.try_next().await {
            Ok(Some(item)) => print(Ok(item)),
            Ok(None) => return,
            Err(error) => return failed(&error),
        }
    }
}

type Bound<'q> = Query<'q, MySql, sqlx::mysql::MySqlArguments>;

/// As a prepared statement.
async fn execute(conn: &mut MySqlConnection, query: Bound<'_>) {
    let mut items = conn.fetch_many(query);
    loop {
        match items.try_next().await {
            Ok(Some(item)) => print(Ok(item)),
            Ok(None) => return,
            Err(error) => return failed(&error),
        }
    }
}

async fn prepared(conn: &mut MySqlConnection) {
    run(conn, "DELETE FROM bound").await;
    let insert = "INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let full = sqlx::query(insert)
        .bind(1)
        .bind(-5)
        .bind(u64::MAX)
        .bind("123.456")
        .bind(1.25)
        .bind("Grüße 🐬 'quoted' \\ \n")
        .bind(blob())
        .bind("2024-02-29")
        .bind("2024-02-29 12:00:00.000123")
        .bind("-11:22:33.5")
        .bind("{\"a\": 1}");
    execute(conn, full).await;
    for _ in 0..2 {
        let empty =
            (1..11).fold(sqlx::query(insert).bind(2), |query, _| query.bind(None::<String>));
        execute(conn, empty).await;
    }
    settle();
    let by_id = |sql, id: i32| sqlx::query(sql).bind(id);
    for query in [
        by_id("SELECT * FROM bound WHERE id >= ? ORDER BY id", 1),
        sqlx::query("SELECT ? AS a, ? AS b").bind(None::<i64>).bind("ü"),
        sqlx::query("SELECT ? AS a, ? AS b").bind(1).bind(2.5),
        by_id("SELECT * FROM types WHERE id >= ? ORDER BY id", 1),
        by_id("UPDATE bound SET i = i + ? WHERE id = 1", 1),
        by_id("SELECT nothing_here FROM bound WHERE id = ?", 3),
        by_id("SELEC ?", 3),
        by_id("CALL add_out(?, 4, @c, @d)", 3),
        sqlx::query("SELECT @c"),
        sqlx::query("CALL two_sets()"),
        by_id("SELECT 1 / ?", 0),
        sqlx::query("SHOW WARNINGS"),
        by_id("SELECT id FROM types WHERE id > ?", 0).persistent(false),
    ] {
        execute(conn, query).await;
    }
    for id in [1, 3, 2, 1] {
        execute(conn, by_id("SELECT id, de FROM bound WHERE id = ?", id)).await;
    }
    // More statements than the driver's cache holds.
    let many: Vec<String> = (0..120).map(|n| format!("SELECT {n} + ?")).collect();
    for sql in &many {
        execute(conn, by_id(sql, 1)).await;
    }
    let _ = conn.clear_cached_statements().await;
    execute(conn, by_id("SELECT id, de FROM bound WHERE id = ?", 1)).await;
    match conn.describe("SELECT id, v, js FROM types WHERE id = ?").await {
        Ok(described) => {
            let names: Vec<&str> = described.columns().iter().map(Column::name).collect();
            println!("{names:?} {:?}", described.nullable(0));
        }
        Err(error) => failed(&error),
    }
}

async fn transactions(conn: &mut MySqlConnection) -> Result<(), Error> {
    for commit in [false, true] {
        let mut tx = conn.begin().await?;
        execute(&mut tx, sqlx::query("INSERT INTO people (name) VALUES ('by method')")).await;
        let mut nested = tx.begin().await?;
        execute(&mut nested, sqlx::query("INSERT INTO people (name) VALUES ('nested')")).await;
        nested.rollback().await?;
        execute(&mut tx, sqlx::query("SELECT name FROM people WHERE name LIKE 'by m%'")).await;
        execute(&mut tx, sqlx::query("SELECT name FROM people WHERE name = 'nested'")).await;
        if commit { tx.commit().await? } else { tx.rollback().await? }
    }
    settle();
    execute(conn, sqlx::query("SELECT name FROM people WHERE name = 'by method'")).await;
    Ok(())
}

async fn pooled() -> Result<(), Error> {
    let pool = MySqlPoolOptions::new().max_connections(3).connect_with(options()).await?;
    for _ in 0..3 {
        let (mut one, mut two) = (pool.acquire().await?, pool.acquire().await?);
        for conn in [&mut one, &mut two] {
            execute(conn, sqlx::query("SELECT @@time_zone, @@sql_mode, DATABASE()")).await;
        }
        let row: (i64, String) =
            sqlx::query_as("SELECT ?, v FROM types WHERE id = 1").bind(9).fetch_one(&pool).await?;
        println!("{row:?}");
    }
    pool.close().await;
    Ok(())
}

async fn refused() {
    for options in [
        options().password("wrong"),
        options().username("mon"),
        options().database("nothing_here"),
        options().password(""),
    ] {
        match options.connect().await {
            Ok(_) => println!("connected"),
            Err(error) => failed(&error),
        }
    }
}

async fn play() -> Result<(), Error> {
    let mut conns = [options().connect().await?, options().connect().await?];
    println!("== as it comes");
    run(&mut conns[0], "SELECT @@sql_mode, @@time_zone, @@collation_connection").await;
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
    execute(one, sqlx::query("SELECT id, pad FROM stream ORDER BY id")).await;
    println!("== multi-statements");
    for sql in MULTI {
        println!("> {sql}");
        run(one, sql).await;
    }
    println!("== transactions by method");
    transactions(one).await?;
    println!("== ping");
    one.ping().await?;
    println!("== pool");
    pooled().await?;
    println!("== refused");
    refused().await;
    println!("== isolation");
    run(two, "SELECT DATABASE(), @a").await;
    let [one, two] = conns;
    one.close().await?;
    two.close().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("sqlx 0.8");
    match play().await {
        Ok(()) => println!("== end"),
        Err(error) => println!("!! {error}"),
    }
}
