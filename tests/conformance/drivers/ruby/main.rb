# ruby-mysql2.
require 'digest'
require 'mysql2'
require 'socket'

$stdout.sync = true

# Waits until the replicas have what the primary has.
def settle
  door = TCPSocket.new(ENV['CONFORM_HOST'], ENV['CONFORM_SETTLE'].to_i)
  puts '!! the replicas do not catch up' unless door.read == "ok\n"
  door.close
end

def connected(more = {})
  options = {
    host: ENV['CONFORM_HOST'], port: ENV['CONFORM_PORT'].to_i, username: 'app', password: 'app',
    database: 'conformance', encoding: 'utf8mb4', local_infile: true, flags: []
  }
  Mysql2::Client.new(options.merge(more))
end

def shown(value)
  return "[#{value.bytesize}] #{Digest::SHA256.hexdigest(value)[0, 16]}" if value.is_a?(String) && value.bytesize > 2000

  value.is_a?(BigDecimal) ? "BigDecimal #{value.to_s('F')}" : "#{value.class} #{value.inspect}"
end

def failed(error)
  puts "  error #{error.class} #{error.error_number} #{error.sql_state} #{error.message}"
end

def print_result(client, result)
  if result
    puts "  columns #{result.fields.inspect} #{result.respond_to?(:field_types) ? result.field_types.inspect : ''}"
    result.each(as: :array) { |row| puts "  row #{row.map { |value| shown(value) }.join(', ')}" }
  end
  puts "  rows #{client.affected_rows} id #{client.last_id} warnings #{client.warning_count} info #{client.query_info.inspect}"
end

def run(client, sql)
  result = client.query(sql)
  print_result(client, result)
  while client.more_results?
    client.next_result
    print_result(client, client.store_result)
  end
rescue Mysql2::Error => e
  failed(e)
  client.abandon_results!
end

def execute(client, sql, *values)
  puts "> #{sql}"
  statement = client.prepare(sql)
  result = statement.execute(*values)
  result&.each(as: :array) { |row| puts "  row #{row.map { |value| shown(value) }.join(', ')}" }
  puts "  rows #{statement.affected_rows} id #{statement.last_id} params #{statement.param_count}"
  statement.close
rescue Mysql2::Error => e
  failed(e)
rescue ArgumentError => e # times that Ruby cannot say
  puts "  #{e.class} #{e.message}"
end

def prepared(client)
  insert = "INSERT INTO bound VALUES (#{(['?'] * 11).join(', ')})"
  blob = ((0..255).map { |n| n * 7 % 256 }.pack('C*') * 4096).force_encoding('BINARY')
  empty = [2] + [nil] * 10
  execute(client, insert, 1, -5, (1 << 63) - 1, '123.456', 1.25, "Grüße 🐬 'quoted' \\ \n", blob, '2024-02-29',
          '2024-02-29 12:00:00.000123', '-11:22:33.5', '{"a": 1}')
  2.times { execute(client, insert, *empty) }
  settle
  execute(client, 'SELECT * FROM bound WHERE id >= ? ORDER BY id', 1)
  execute(client, 'SELECT ? AS a, ? AS b', nil, 'ü')
  execute(client, 'SELECT ? AS a, ? AS b', 1, 2.5)
  (1..3).each { |id| execute(client, 'SELECT * FROM types WHERE id = ?', id) }
  execute(client, 'UPDATE bound SET i = i + ? WHERE id = ?', -1, 1)
  execute(client, 'SELECT nothing_here FROM bound WHERE id = ?', 3)
  execute(client, 'SELEC ?', 3)
  execute(client, 'CALL put(?)', 'by parameter')
  execute(client, 'SELECT 1 / ?', 0)
  again = client.prepare('SELECT id, de FROM bound WHERE id = ?')
  [1, 3, 2, 1].each { |id| again.execute(id).each(as: :array) { |row| puts shown(row) } }
  again.close
end

def streamed(client)
  rows = client.query('SELECT id, pad FROM stream ORDER BY id', stream: true, cache_rows: false, as: :array)
  puts rows.each.count
  statement = client.prepare('SELECT id, pad FROM stream WHERE id > ? ORDER BY id')
  puts statement.execute(500, stream: true, cache_rows: false).each.count
  run(client, "SELECT 'usable'")
end

def multi
  client = connected(flags: ['MULTI_STATEMENTS'])
  [
    "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
    "INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'",
    'SELECT 1; SELECT nothing_here; SELECT 3',
    'SET @m = 4; SELECT @m',
    "CALL two_sets(); SELECT 'after'",
    'USE conformance2; SELECT DATABASE()',
    'SELECT DATABASE(); USE conformance'
  ].each do |sql|
    puts "> #{sql}"
    run(client, sql)
  end
  client.set_server_option(Mysql2::Client::OPTION_MULTI_STATEMENTS_OFF)
  run(client, 'SELECT 1; SELECT 2')
  client.close
end

# Built against MariaDB's library, the driver itself fails at the file and is then out of step
# with the server: a connection of its own, and nothing behind it.
def loaded
  client = connected
  sql = "LOAD DATA LOCAL INFILE '#{ENV['CONFORM_LOCAL_FILE']}' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
  run(client, sql)
end

def refused
  [{ password: 'wrong' }, { username: 'mon' }, { database: 'nothing_here' }, { password: '' }].each do |more|
    connected(more)
    puts 'connected'
  rescue Mysql2::Error => e
    failed(e)
  end
end

def found_rows
  # The driver sets FOUND_ROWS unless told.
  [[], ['-FOUND_ROWS']].each do |flags|
    client = connected(flags: flags)
    2.times { run(client, "UPDATE people SET note = 'found #{flags}' WHERE id <= 2") }
    client.close
  end
end

def changed(client)
  client.select_db('conformance2')
  run(client, 'SELECT DATABASE(), COUNT(*) FROM elsewhere')
  client.select_db('conformance')
  puts client.ping, client.server_info[:version], client.escape("a'b\\"), client.thread_id.positive?
  run(connected(init_command: "SET time_zone = '+05:00'", reconnect: true), 'SELECT @@time_zone')
  waiting = connected
  waiting.query('SELECT SLEEP(0.05), 5 AS n', async: true)
  puts shown(waiting.async_result.to_a)
end

puts "mysql2 #{Mysql2::VERSION}"
pair = [connected, connected]
File.foreach(ENV['CONFORM_SCRIPT'], chomp: true, encoding: 'utf-8') do |line|
  if line.start_with?('== ') then puts line
  elsif line == 'settle' then settle
  else
    puts "> #{line}"
    second = line.start_with?('2> ')
    run(pair[second ? 1 : 0], line.delete_prefix('2> '))
  end
end
one, two = pair
{
  'prepared' => -> { prepared(one) },
  'streaming' => -> { streamed(one) },
  'multi-statements' => -> { multi },
  'load data local' => -> { loaded },
  'refused' => -> { refused },
  'found rows flag' => -> { found_rows },
  'schema, ping, asynchronous' => -> { changed(one) },
  'isolation' => -> { run(two, 'SELECT DATABASE(), @a') }
}.each do |name, steps|
  puts "== #{name}"
  begin
    steps.call
  rescue Mysql2::Error => e
    failed(e)
  end
end
pair.each(&:close)
puts '== end'
