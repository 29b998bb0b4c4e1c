<?php
// PDO with mysqlnd: emulated and real prepared statements, buffered and not, persistent.

require __DIR__ . '/play.php';

function open(array $options = [], string $user = 'app', string $password = 'app', string $schema = 'conformance'): PDO
{
    $name = 'mysql:host=' . setting('HOST') . ';port=' . setting('PORT') . ";dbname=$schema;charset=utf8mb4";
    $usual = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::MYSQL_ATTR_LOCAL_INFILE => true];
    return new PDO($name, $user, $password, $options + $usual);
}

function failed(PDOException $error): void
{
    echo '  error ', json_encode($error->errorInfo), ' ', $error->getMessage(), "\n";
}

function results(PDOStatement $statement, PDO $pdo): void
{
    do {
        for ($at = 0; $at < $statement->columnCount(); $at++) {
            $meta = $statement->getColumnMeta($at);
            echo '  column ', $meta['name'], ' ', $meta['native_type'] ?? '?', ' ', implode('|', $meta['flags']), ' ', $meta['len'], "\n";
        }
        if ($statement->columnCount() > 0) {
            foreach ($statement->fetchAll(PDO::FETCH_NUM) as $row) {
                row($row);
            }
        }
        echo '  rows ', $statement->rowCount(), ' id ', $pdo->lastInsertId(), "\n";
    } while ($statement->nextRowset());
}

function run(PDO $pdo, string $sql): void
{
    try {
        results($pdo->query($sql), $pdo);
    } catch (PDOException $error) {
        failed($error);
    }
}

function execute(PDO $pdo, string $sql, array $values): void
{
    echo "> $sql\n";
    try {
        $statement = $pdo->prepare($sql);
        $statement->execute($values);
        results($statement, $pdo);
    } catch (PDOException $error) {
        failed($error);
    }
}

function prepared(PDO $pdo): void
{
    run($pdo, 'DELETE FROM bound');
    foreach (boundRows() as $row) {
        execute($pdo, INSERT, $row);
    }
    settle();
    foreach (SELECTS as [$sql, $values]) {
        execute($pdo, $sql, $values);
    }
    $statement = $pdo->prepare('SELECT id, de FROM bound WHERE id = :id');
    foreach ([1, 3, 2, 1] as $id) {
        $statement->execute(['id' => $id]);
        foreach ($statement->fetchAll(PDO::FETCH_NUM) as $row) {
            row($row);
        }
    }
}

function transactions(PDO $pdo): void
{
    foreach (['rollBack', 'commit'] as $end) {
        $pdo->beginTransaction();
        run($pdo, "INSERT INTO people (name) VALUES ('by method')");
        run($pdo, "SELECT name FROM people WHERE name = 'by method'");
        var_dump($pdo->inTransaction());
        $pdo->$end();
    }
    settle();
    run($pdo, "SELECT name FROM people WHERE name = 'by method'");
    $pdo->setAttribute(PDO::ATTR_AUTOCOMMIT, 0);
    run($pdo, "DELETE FROM people WHERE name = 'by method'");
    $pdo->rollBack();
    $pdo->setAttribute(PDO::ATTR_AUTOCOMMIT, 1);
    run($pdo, "SELECT @@autocommit, COUNT(*) FROM people WHERE name = 'by method'");
}

function streamed(): void
{
    $pdo = open([PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false]);
    $statement = $pdo->query('SELECT id, pad FROM stream ORDER BY id');
    row($statement->fetch(PDO::FETCH_NUM));
    try {
        $pdo->query('SELECT 1');
    } catch (PDOException $error) {
        failed($error);
    }
    echo count($statement->fetchAll()), "\n";
    $statement->closeCursor();
    run($pdo, "SELECT 'usable'");
}

function persistent(): void
{
    for ($n = 0; $n < 3; $n++) {
        $pdo = open([PDO::ATTR_PERSISTENT => true]);
        run($pdo, 'SELECT @p, DATABASE(), @@autocommit');
        run($pdo, 'SET @p = 1');
        unset($pdo);
    }
}

function refused(): void
{
    foreach ([['app', 'wrong', 'conformance'], ['mon', 'app', 'conformance'], ['app', 'app', 'nothing_here'], ['app', '', 'conformance']] as $words) {
        try {
            open([], ...$words);
            echo "connected\n";
        } catch (PDOException $error) {
            failed($error);
        }
    }
}

function foundRows(): void
{
    foreach ([true, false] as $flag) {
        $pdo = open([PDO::MYSQL_ATTR_FOUND_ROWS => $flag]);
        run($pdo, "UPDATE people SET note = 'found $flag' WHERE id <= 2");
        run($pdo, "UPDATE people SET note = 'found $flag' WHERE id <= 2");
    }
}

echo 'PHP ', PHP_VERSION, " PDO\n";
$pair = [open(), open()];
play(fn ($number, $sql) => run($pair[$number], $sql));
$pdo = $pair[0];
$cases = [
    'attributes' => fn () => print($pdo->getAttribute(PDO::ATTR_SERVER_VERSION) . "\n"),
    'emulated' => fn () => prepared($pdo),
    'prepared' => fn () => prepared(open([PDO::ATTR_EMULATE_PREPARES => false])),
    'streaming' => fn () => streamed(),
    'multi-statements' => fn () => array_map(fn ($sql) => print("> $sql\n") && [run($pdo, $sql)], MULTI),
    'load data local' => function () use ($pdo) {
        foreach ([loadData(), loadData(), 'SHOW WARNINGS'] as $sql) {
            run($pdo, $sql);
        }
        settle();
        run($pdo, 'SELECT * FROM loaded ORDER BY id');
    },
    'transactions by method' => fn () => transactions($pdo),
    'persistent' => fn () => persistent(),
    'init command' => fn () => run(open([PDO::MYSQL_ATTR_INIT_COMMAND => "SET sql_mode = 'ANSI_QUOTES', time_zone = '+05:00'"]), 'SELECT "v", @@time_zone FROM types WHERE id = 1'),
    'refused' => fn () => refused(),
    'found rows flag' => fn () => foundRows(),
    'isolation' => fn () => run($pair[1], 'SELECT DATABASE(), @a'),
];
foreach ($cases as $name => $steps) {
    echo "== $name\n";
    try {
        $steps();
    } catch (PDOException $error) {
        failed($error);
    }
}
echo "== end\n";
