// The two drivers for Node: mysql2 and mariadb, with promises.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const net = require('net');
const path = require('path');
const { createRequire } = require('module');

const env = process.env;
const load = createRequire(path.join(env.CONFORM_MODULES, 'main.js'));
const version = (name) =>
  JSON.parse(fs.readFileSync(path.join(env.CONFORM_MODULES, name, 'package.json'))).version;
const which = process.argv[2];
const base = {
  host: env.CONFORM_HOST,
  port: Number(env.CONFORM_PORT),
  user: 'app',
  password: 'app',
  database: 'conformance',
};
const print = (...words) => process.stdout.write(words.join(' ') + '\n');

// Waits until the replicas have what the primary has.
const settle = () =>
  new Promise((resolve) => {
    const door = net.connect(Number(env.CONFORM_SETTLE), env.CONFORM_HOST);
    door.on('data', (data) => {
      if (String(data) !== 'ok\n') print('!! the replicas do not catch up');
    });
    door.on('close', resolve);
  });

function shown(value) {
  if (typeof value === 'string' && value.length > 2000) value = Buffer.from(value);
  if (Buffer.isBuffer(value)) {
    if (value.length <= 64) return `Buffer ${value.toString('hex')}`;
    return `Buffer[${value.length}] ${crypto.createHash('sha256').update(value).digest('hex').slice(0, 16)}`;
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date) return `Date ${isNaN(value) ? 'invalid' : value.toISOString()}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    // The order of what changed is the server's hash table's.
    const own = Object.entries(value).filter(([, item]) => typeof item !== 'function').sort();
    return `{${own.map(([name, item]) => `${name}: ${shown(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

const failed = (error) =>
  print('  error', error.code, error.errno, error.sqlState, error.sqlMessage ?? error.message);

const drivers = {
  mysql2: () => {
    const mysql = load('mysql2/promise');
    const local = (file) => fs.createReadStream(file);
    const options = { ...base, infileStreamFactory: local, supportBigNumbers: true, bigNumberStrings: true };
    return {
      title: `node mysql2 ${version('mysql2')}`,
      connect: (more = {}) => mysql.createConnection({ ...options, ...more }),
      pool: (more) => mysql.createPool({ ...base, ...more }),
      query: (connection, sql, values) => connection.query({ sql, values, rowsAsArray: true }),
      execute: (connection, sql, values) => connection.execute({ sql, values, rowsAsArray: true }),
      foundRows: (on) => ({ flags: [on ? 'FOUND_ROWS' : '-FOUND_ROWS'] }),
      show: ([rows, fields]) => {
        const sets = Array.isArray(rows) && (Array.isArray(fields?.[0]) || fields?.includes(undefined));
        const pairs = sets ? rows.map((set, at) => [set, fields[at]]) : [[rows, fields]];
        for (const [set, columns] of pairs) {
          if (columns) print('  columns', columns.map((c) => `${c.name}:${c.columnType}:${c.flags}:${c.columnLength ?? ''}`).join(' '));
          if (Array.isArray(set)) set.forEach((row) => print('  row', shown(row)));
          else print('  ok', shown(set));
        }
      },
      stream: (connection, sql) => connection.connection.query(sql).stream(),
      loadFile: (sql) => ({ sql, infileStreamFactory: local }),
      changeUser: (connection, database) => connection.changeUser({ user: 'app', password: 'app', database }),
      reset: undefined,
    };
  },
  mariadb: () => {
    const mariadb = load('mariadb');
    const options = { ...base, permitLocalInfile: true, allowPublicKeyRetrieval: true, checkDuplicate: false };
    return {
      title: `node mariadb ${version('mariadb')}`,
      connect: (more = {}) => mariadb.createConnection({ ...options, ...more }),
      pool: (more) => mariadb.createPool({ ...options, ...more }),
      query: (connection, sql, values) => connection.query({ sql, rowsAsArray: true, metaAsArray: true }, values),
      execute: (connection, sql, values) => connection.execute({ sql, rowsAsArray: true, metaAsArray: true }, values),
      foundRows: (foundRows) => ({ foundRows }),
      show: (result) => {
        const one = (rows, columns) => {
          if (columns) print('  columns', columns.map((c) => `${c.name()}:${c.columnType}:${c.flags}`).join(' '));
          if (Array.isArray(rows)) rows.forEach((row) => print('  row', shown(row)));
          else print('  ok', shown(rows));
        };
        const [rows, meta] = Array.isArray(result) && result.length === 2 ? result : [result, undefined];
        if (meta && Array.isArray(meta[0])) rows.forEach((set, at) => one(set, meta[at]));
        else one(rows, meta);
      },
      stream: (connection, sql) => connection.queryStream({ sql, rowsAsArray: true }),
      changeUser: (connection, database) => connection.changeUser({ user: 'app', password: 'app', database }),
      reset: (connection) => connection.reset(),
      batch: true,
    };
  },
};

const driver = drivers[which]();

async function run(connection, sql, values, how = 'query') {
  try {
    driver.show(await driver[how](connection, sql, values));
  } catch (error) {
    failed(error);
  }
}

const blob = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, n) => (n * 7) % 256)));
const values = [
  [1, -5, '18446744073709551615', '123.456', 1.25, "Grüße 🐬 'quoted' \\ \n", blob, '2024-02-29', new Date(1709208000123), '-11:22:33.5', '{"a": 1}'],
  [2, null, null, null, null, null, null, null, null, null, null],
  [3, 9223372036854775807n, 0, '-0.000001', -1e100, '', Buffer.alloc(0), '1000-01-01', '9999-12-31 23:59:59.999999', '838:59:59', '[]'],
];

async function parametrised(connection, how) {
  await run(connection, 'DELETE FROM bound');
  const insert = `INSERT INTO bound VALUES (${Array(11).fill('?').join(', ')})`;
  for (const row of values) await run(connection, insert, row, how);
  await run(connection, insert, values[1], how);
  await settle();
  for (const [sql, bound] of [
    ['SELECT * FROM bound WHERE id >= ? ORDER BY id', [1]],
    ['SELECT id, t FROM bound WHERE t = ? OR b IS NULL ORDER BY id', [values[0][5]]],
    ['SELECT ? AS a, ? AS b', [null, 'ü']],
    ['SELECT * FROM types WHERE id >= ? ORDER BY id', [1]],
    ['UPDATE bound SET i = i + ? WHERE id = ?', [1, 1]],
    ['SELECT nothing_here FROM bound WHERE id = ?', [3]],
    ['SELEC ?', [3]],
    ['CALL put(?)', ['by parameter ' + how]],
    ['SELECT SLEEP(?), @@sql_mode = @@global.sql_mode', [0]],
  ]) {
    print('>', sql);
    await run(connection, sql, bound, how);
  }
  for (const number of [1, 3, 2, 1]) await run(connection, 'SELECT id, de FROM bound WHERE id = ?', [number], how);
  await Promise.all([1, 2, 3].map((n) => run(connection, 'SELECT ? AS queued', [n], how)));
}

async function streamed(connection) {
  let count = 0;
  let last;
  for await (const row of driver.stream(connection, 'SELECT id, pad FROM stream ORDER BY id')) {
    count += 1;
    last = row;
  }
  print(count, shown(last));
  await run(connection, "SELECT 'usable'");
}

async function multi() {
  const connection = await driver.connect({ multipleStatements: true });
  for (const sql of [
    "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
    "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'",
    'SELECT 1; SELECT nothing_here; SELECT 3',
    'SET @m = 4; SELECT @m',
    "CALL two_sets(); SELECT 'after'",
    'USE conformance2; SELECT DATABASE()',
    'SELECT DATABASE(); USE conformance',
  ]) {
    print('>', sql);
    await run(connection, sql);
  }
  await connection.end();
}

async function loaded(connection) {
  const sql = (file) =>
    `LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'`;
  await run(connection, sql(env.CONFORM_LOCAL_FILE));
  await run(connection, sql(env.CONFORM_LOCAL_FILE));
  await run(connection, 'SHOW WARNINGS');
  await settle();
  await run(connection, 'SELECT * FROM loaded ORDER BY id');
  await run(connection, "SELECT 'usable'");
}

async function transactions(connection) {
  await connection.beginTransaction();
  await run(connection, "INSERT INTO people (name) VALUES ('by method')");
  await run(connection, "SELECT name FROM people WHERE name = 'by method'");
  await connection.rollback();
  await run(connection, "SELECT name FROM people WHERE name = 'by method'");
  await connection.beginTransaction();
  await run(connection, "INSERT INTO people (name) VALUES ('by method')");
  await connection.commit();
  await settle();
  await run(connection, "SELECT name FROM people WHERE name = 'by method'");
}

async function pooled() {
  const pool = driver.pool({ connectionLimit: 3 });
  for (let round = 0; round < 3; round += 1) {
    const one = await pool.getConnection();
    const two = await pool.getConnection();
    await run(two, 'SELECT @p IS NULL AS unset');
    await run(one, 'SET @p = NULL');
    await run(one, 'SELECT @p IS NULL AS unset, DATABASE()');
    await one.release();
    await two.release();
  }
  const many = await Promise.all(Array.from({ length: 20 }, (_, n) => driver.query(pool, 'SELECT ? AS n', [n])));
  many.forEach((result) => driver.show(result));
  await pool.end();
}

async function refused() {
  for (const more of [{ password: 'wrong' }, { user: 'mon' }, { database: 'nothing_here' }, { password: '' }]) {
    try {
      await (await driver.connect(more)).end();
      print('connected');
    } catch (error) {
      failed(error);
    }
  }
}

async function foundRows() {
  for (const on of [true, false]) {
    const connection = await driver.connect(driver.foundRows(on));
    for (let n = 0; n < 2; n += 1) await run(connection, `UPDATE people SET note = 'found ${on}' WHERE id <= 2`);
    await connection.end();
  }
}

async function changedUser(connection) {
  await run(connection, 'SET @a = 1');
  await driver.changeUser(connection, 'conformance2');
  await run(connection, 'SELECT @a, DATABASE()');
  await driver.changeUser(connection, 'conformance');
  if (!driver.reset) return;
  await run(connection, "SET @a = 1, sql_mode = ''");
  await driver.reset(connection);
  await run(connection, 'SELECT @a, @@sql_mode = @@global.sql_mode, DATABASE()');
}

async function batch(connection) {
  const rows = Array.from({ length: 50 }, (_, n) => [100 + n, n % 3 ? `bulk ${n}` : null]);
  driver.show(await connection.batch('INSERT INTO loaded (id, name) VALUES (?, ?)', rows));
  await settle();
  await run(connection, 'SELECT id, name FROM loaded WHERE id >= 100 ORDER BY id');
  driver.show(await connection.batch('DELETE FROM loaded WHERE id = ?', rows.map(([id]) => [id])));
}

async function script(connections) {
  for (const line of fs.readFileSync(env.CONFORM_SCRIPT, 'utf8').split('\n')) {
    if (line === '') continue;
    if (line.startsWith('== ')) print(line);
    else if (line === 'settle') await settle();
    else {
      print('>', line);
      const second = line.startsWith('2> ');
      await run(connections[second ? 1 : 0], second ? line.slice(3) : line);
    }
  }
}

async function main() {
  print(driver.title);
  const connections = [await driver.connect(), await driver.connect()];
  const one = connections[0];
  await script(connections);
  const cases = {
    parameters: () => parametrised(one, 'query'),
    prepared: () => parametrised(one, 'execute'),
    streaming: () => streamed(one),
    'multi-statements': multi,
    'load data local': () => loaded(one),
    transactions_by_method: () => transactions(one),
    refused,
    'found rows flag': foundRows,
    'change user': () => changedUser(one),
    pool: pooled,
    ping: async () => print((await one.ping()) ?? 'pong'),
    isolation: () => run(connections[1], 'SELECT DATABASE(), @a, @@sql_mode = @@global.sql_mode'),
  };
  if (driver.batch) cases.batch = () => batch(one);
  for (const [name, steps] of Object.entries(cases)) {
    print('==', name);
    try {
      await steps();
    } catch (error) {
      failed(error);
    }
  }
  for (const connection of connections) await connection.end();
  print('== end');
}

main().catch((error) => {
  print('!!', error.stack.split('\n').join(' '));
  process.exit(1);
});
