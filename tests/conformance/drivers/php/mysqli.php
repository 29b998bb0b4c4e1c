<?php
// mysqli with mysqlnd.

require __DIR__ . '/play.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function open(int $flags = 0, string $host = '', string $user = 'app', string $password = 'app', string $schema = 'conformance'): mysqli
{
    $link = mysqli_init();
    $link->options(MYSQLI_OPT_LOCAL_INFILE, 1);
    $link->real_connect($host . setting('HOST'), $user, $password, $schema, (int) setting('PORT'), null, $flags);
    $link->set_charset('utf8mb4');
    return $link;
}

function failed(mysqli_sql_exception $error): void
{
    echo '  error ', $error->getCode(), ' ', $error->getSqlState(), ' ', $error->getMessage(), "\n";
}

function table(mysqli_result $result): void
{
    foreach ($result->fetch_fields() as $field) {
        echo "  column $field->name $field->orgname $field->table $field->db $field->type $field->flags $field->length $field->decimals $field->charsetnr\n";
    }
    foreach ($result->fetch_all() as $row) {
        row($row);
    }
    $result->free();
}

function run(mysqli $link, string $sql): void
{
    try {
        $link->multi_query($sql);
        do {
            if ($result = $link->store_result()) {
                table($result);
            }
            echo "  rows $link->affected_rows id $link->insert_id warnings $link->warning_count info $link->info\n";
        } while ($link->more_results() && $link->next_result());
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
}

function execute(mysqli $link, string $sql, array $values): void
{
    echo "> $sql\n";
    try {
        $statement = $link->prepare($sql);
        $statement->execute($values);
        do {
            if ($result = $statement->get_result()) {
                table($result);
            }
            echo "  rows $statement->affected_rows id $statement->insert_id params $statement->param_count\n";
        } while ($statement->more_results() && $statement->next_result());
        $statement->close();
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
}

function prepared(mysqli $link): void
{
    run($link, 'DELETE FROM bound');
    foreach (boundRows() as $row) {
        execute($link, INSERT, $row);
    }
    settle();
    foreach (SELECTS as [$sql, $values]) {
        execute($link, $sql, $values);
    }
    execute($link, 'CALL two_sets()', []);
    execute($link, 'CALL add_out(?, ?, @c, @d)', [3, 4]);
    run($link, 'SELECT @c');
    $statement = $link->prepare('SELECT id, de FROM bound WHERE id = ?');
    $statement->bind_param('i', $id);
    foreach ([1, 3, 2, 1] as $id) {
        $statement->execute();
        table($statement->get_result());
    }
    $statement->reset();
    $statement->close();
}

function longData(mysqli $link): void
{
    $statement = $link->prepare('UPDATE bound SET b = ? WHERE id = ?');
    $nothing = null;
    $id = 3;
    $statement->bind_param('bi', $nothing, $id);
    foreach (str_split(blob(), 300000) as $part) {
        $statement->send_long_data(0, $part);
    }
    $statement->execute();
    echo $statement->affected_rows, "\n";
    settle();
    run($link, 'SELECT id, b FROM bound WHERE id = 3');
}

function cursor(mysqli $link): void
{
    $statement = $link->prepare('SELECT id, pad FROM stream WHERE id > ? ORDER BY id');
    $statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    $after = 10;
    $statement->bind_param('i', $after);
    $statement->execute();
    $statement->bind_result($id, $pad);
    for ($n = 0; $n < 5 && $statement->fetch(); $n++) {
        echo "$id $pad\n";
    }
    $statement->free_result();
    $statement->close();
    run($link, "SELECT 'usable'");
}

function streamed(mysqli $link): void
{
    $result = $link->query('SELECT id, pad FROM stream ORDER BY id', MYSQLI_USE_RESULT);
    row($result->fetch_row());
    try {
        $link->query('SELECT 1');
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
    echo count($result->fetch_all()), "\n";
    $result->free();
    run($link, "SELECT 'usable'");
}

function transactions(mysqli $link): void
{
    foreach (['rollback', 'commit'] as $end) {
        $link->begin_transaction(MYSQLI_TRANS_START_READ_WRITE);
        run($link, "INSERT INTO people (name) VALUES ('by method')");
        $link->savepoint('s');
        run($link, "SELECT name FROM people WHERE name = 'by method'");
        $link->release_savepoint('s');
        $link->$end();
    }
    $link->autocommit(false);
    run($link, "DELETE FROM people WHERE name = 'by method'");
    $link->rollback();
    $link->autocommit(true);
    $link->begin_transaction(MYSQLI_TRANS_START_READ_ONLY | MYSQLI_TRANS_START_WITH_CONSISTENT_SNAPSHOT);
    run($link, 'SELECT COUNT(*) FROM types');
    run($link, 'DELETE FROM types');
    $link->commit();
    settle();
    run($link, "SELECT @@autocommit, COUNT(*) FROM people WHERE name = 'by method'");
}

function changed(mysqli $link): void
{
    run($link, "SET @a = 1, sql_mode = ''");
    $link->change_user('app', 'app', 'conformance2');
    run($link, 'SELECT @a, @@sql_mode = @@global.sql_mode, DATABASE(), @@character_set_client');
    $link->select_db('conformance');
    try {
        $link->select_db('nothing_here');
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
    run($link, 'SELECT DATABASE()');
    var_dump($link->ping(), strlen($link->stat()) > 0, $link->server_info, $link->thread_id > 0);
    var_dump($link->refresh(MYSQLI_REFRESH_TABLES));
    echo json_encode($link->get_charset()), "\n";
    $link->set_charset('latin1');
    run($link, 'SELECT @@character_set_client, @@collation_connection');
    $link->set_charset('utf8mb4');
    var_dump($link->real_escape_string("a'b"));
    try {
        $link->change_user('app', 'wrong', 'conformance');
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
}

function warned(mysqli $link): void
{
    $link->query("SELECT 1 / 0, CAST('x' AS SIGNED)")->fetch_all();
    for ($warning = $link->get_warnings(); $warning; $warning = $warning->next() ? $warning : null) {
        echo "$warning->errno $warning->sqlstate $warning->message\n";
    }
}

function persistent(): void
{
    for ($n = 0; $n < 3; $n++) {
        $link = open(0, 'p:');
        run($link, 'SELECT @p, DATABASE(), @@autocommit');
        run($link, 'SET @p = 1, autocommit = 0');
        $link->close();
    }
}

function asynchronous(): void
{
    $links = [open(), open()];
    foreach ($links as $n => $link) {
        $link->query("SELECT SLEEP(0.05), $n AS n", MYSQLI_ASYNC);
    }
    foreach ($links as $link) {
        table($link->reap_async_query());
    }
}

function refused(): void
{
    foreach ([['app', 'wrong', 'conformance'], ['mon', 'app', 'conformance'], ['app', 'app', 'nothing_here'], ['app', '', 'conformance']] as $words) {
        try {
            open(0, '', ...$words);
            echo "connected\n";
        } catch (mysqli_sql_exception $error) {
            failed($error);
        }
    }
}

function foundRows(): void
{
    foreach ([MYSQLI_CLIENT_FOUND_ROWS, 0] as $flag) {
        $link = open($flag);
        run($link, "UPDATE people SET note = 'found $flag' WHERE id <= 2");
        run($link, "UPDATE people SET note = 'found $flag' WHERE id <= 2");
    }
}

echo 'PHP ', PHP_VERSION, " mysqli\n";
$pair = [open(), open()];
play(fn ($number, $sql) => run($pair[$number], $sql));
$link = $pair[0];
$cases = [
    'prepared' => fn () => prepared($link),
    'long data' => fn () => longData($link),
    'cursor' => fn () => cursor($link),
    'streaming' => fn () => streamed($link),
    'multi-statements' => fn () => array_map(fn ($sql) => print("> $sql\n") && [run($link, $sql)], MULTI),
    'load data local' => function () use ($link) {
        foreach ([loadData(), loadData(), 'SHOW WARNINGS'] as $sql) {
            run($link, $sql);
        }
        settle();
        run($link, 'SELECT * FROM loaded ORDER BY id');
    },
    'transactions by method' => fn () => transactions($link),
    'fetched warnings' => fn () => warned($link),
    'change user' => fn () => changed(open()),
    'persistent' => fn () => persistent(),
    'asynchronous' => fn () => asynchronous(),
    'refused' => fn () => refused(),
    'found rows flag' => fn () => foundRows(),
    'isolation' => fn () => run($pair[1], 'SELECT DATABASE(), @a'),
];
foreach ($cases as $name => $steps) {
    echo "== $name\n";
    try {
        $steps();
    } catch (mysqli_sql_exception $error) {
        failed($error);
    }
}
echo "== end\n";
