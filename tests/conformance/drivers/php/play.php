<?php
// What the PHP programs share: the script of statements, waiting for the replicas, printing.

function setting(string $name): string
{
    return getenv("CONFORM_$name");
}

/** Waits until the replicas have what the primary has. */
function settle(): void
{
    $door = fsockopen(setting('HOST'), (int) setting('SETTLE'));
    if (!$door || fgets($door) !== "ok\n") {
        echo "!! the replicas do not catch up\n";
    }
    fclose($door);
}

function shown(mixed $value): string
{
    if (is_string($value) && strlen($value) > 2000) {
        return 'string[' . strlen($value) . '] ' . substr(hash('sha256', $value), 0, 16);
    }
    if (is_string($value)) {
        return preg_match('//u', $value) ? addcslashes($value, "\0..\37'") : 'x' . bin2hex($value);
    }
    return var_export($value, true);
}

function row(array $row): void
{
    $cells = array_map(fn ($value) => gettype($value)[0] . ' ' . shown($value), array_values($row));
    echo '  row ', implode(', ', $cells), "\n";
}

/** Plays the script; $run($number, $sql) runs and prints a statement on connection 0 or 1. */
function play(callable $run): void
{
    foreach (file(setting('SCRIPT'), FILE_IGNORE_NEW_LINES) as $line) {
        if (str_starts_with($line, '== ')) {
            echo $line, "\n";
        } elseif ($line === 'settle') {
            settle();
        } else {
            echo "> $line\n";
            $second = str_starts_with($line, '2> ');
            $run((int) $second, $second ? substr($line, 3) : $line);
        }
    }
}

function loadData(): string
{
    return "LOAD DATA LOCAL INFILE '" . setting('LOCAL_FILE') . "' INTO TABLE loaded CHARACTER SET utf8mb4"
        . " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'";
}

function blob(): string
{
    return str_repeat(implode('', array_map(fn ($n) => chr($n * 7 % 256), range(0, 255))), 4096);
}

const INSERT = 'INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** @return array<array<mixed>> */
function boundRows(): array
{
    return [
        [1, -5, '18446744073709551615', '123.456', 1.25, "Grüße 🐬 'quoted' \\ \n", blob(), '2024-02-29',
            '2024-02-29 12:00:00.000123', '-11:22:33.5', '{"a": 1}'],
        array_merge([2], array_fill(0, 10, null)),
        [3, PHP_INT_MAX, 0, '-0.000001', -1e100, '', '', '1000-01-01', '9999-12-31 23:59:59.999999', '838:59:59', '[]'],
        array_merge([2], array_fill(0, 10, null)),
    ];
}

const SELECTS = [
    ['SELECT * FROM bound WHERE id >= ? ORDER BY id', [1]],
    ['SELECT ? AS a, ? AS b', [null, 'ü']],
    ['SELECT ? AS a, ? AS b', [1, 2.5]],
    ['SELECT * FROM types WHERE id >= ? ORDER BY id', [1]],
    ['UPDATE bound SET i = i + ? WHERE id = ?', [1, 1]],
    ['SELECT nothing_here FROM bound WHERE id = ?', [3]],
    ['SELEC ?', [3]],
    ['CALL put(?)', ['by parameter']],
    ['SELECT 1 / ?', [0]],
    ['SHOW WARNINGS', []],
];

const MULTI = [
    "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
    "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'",
    'SELECT 1; SELECT nothing_here; SELECT 3',
    'SET @m = 4; SELECT @m',
    "CALL two_sets(); SELECT 'after'",
    'USE conformance2; SELECT DATABASE()',
    'SELECT DATABASE(); USE conformance',
];
