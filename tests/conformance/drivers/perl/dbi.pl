#!/usr/bin/perl
# DBD::mysql and DBD::MariaDB.
use strict;
use warnings;
use DBI qw(:sql_types);
use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;

my $driver = shift;
my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';
$| = 1;

# Waits until the replicas have what the primary has.
sub settle {
    my $door = IO::Socket::INET->new(PeerAddr => $ENV{CONFORM_HOST}, PeerPort => $ENV{CONFORM_SETTLE});
    print "!! the replicas do not catch up\n" unless $door && (<$door> // '') eq "ok\n";
}

sub connected {
    my (%more) = @_;
    my $user = delete $more{user} // 'app';
    my $password = delete $more{password} // 'app';
    my $schema = delete $more{schema} // 'conformance';
    my $words = delete $more{words} // '';
    my $name = "dbi:$driver:database=$schema;host=$ENV{CONFORM_HOST};port=$ENV{CONFORM_PORT};${prefix}_local_infile=1$words";
    my %usual = (RaiseError => 1, PrintError => 0, AutoCommit => 1);
    $usual{mysql_enable_utf8mb4} = 1 if $driver eq 'mysql';
    return DBI->connect($name, $user, $password, { %usual, %more });
}

sub shown {
    my ($value) = @_;
    return 'NULL' unless defined $value;
    utf8::encode($value) if utf8::is_utf8($value);
    return sprintf('[%d] %s', length $value, substr(sha256_hex($value), 0, 16)) if length $value > 2000;
    $value =~ s/([\x00-\x1f\\])/sprintf '\\x%02x', ord $1/ge;
    return "'$value'";
}

sub failed {
    my ($message) = @_;
    my $handle = $DBI::lasth;
    printf "  error %s %s %s\n", $DBI::err // '-', $DBI::state // '-', $DBI::errstr // $message;
}

sub results {
    my ($statement, $dbh) = @_;
    do {
        if ($statement->{NUM_OF_FIELDS}) {
            printf "  columns %s\n", join ' ', map { shown($_) } @{ $statement->{NAME} };
            printf "  types %s\n", join ' ', @{ $statement->{TYPE} };
            printf "  nullable %s\n", join ' ', map { $_ ? 1 : 0 } @{ $statement->{NULLABLE} };
            while (my $row = $statement->fetchrow_arrayref) {
                printf "  row %s\n", join ', ', map { shown($_) } @$row;
            }
        }
        printf "  rows %s id %s\n", $statement->rows, $statement->{"${prefix}_insertid"} // '';
        printf "  warnings %s\n", $statement->{"${prefix}_warning_count"} // '';
    } while ($statement->more_results);
}

sub run {
    my ($dbh, $sql, @values) = @_;
    eval {
        my $statement = $dbh->prepare($sql);
        $statement->execute(@values);
        results($statement, $dbh);
        1;
    } or failed($@);
}

sub prepared {
    my ($dbh) = @_;
    run($dbh, 'DELETE FROM bound');
    my $blob = join('', map { chr($_ * 7 % 256) } 0 .. 255) x 4096;
    my @empty = (2, (undef) x 10);
    my @full = (1, -5, '18446744073709551615', '123.456', 1.25, "it's \\ \n", $blob, '2024-02-29',
        '2024-02-29 12:00:00.000123', '-11:22:33.5', '{"a": 1}');
    for my $row (\@full, \@empty, \@empty) {
        eval {
            my $statement = $dbh->prepare('INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
            $statement->bind_param($_ + 1, $row->[$_], $_ == 6 ? SQL_BLOB : SQL_VARCHAR) for 0 .. 10;
            print $statement->execute, "\n";
        } or failed($@);
    }
    settle();
    my @selects = (
        ['SELECT * FROM bound WHERE id >= ? ORDER BY id', 1],
        ['SELECT ? AS a, ? AS b', undef, 'b'],
        ['SELECT id FROM types WHERE id >= ? ORDER BY id', 1],
        ['SELECT * FROM types WHERE id = ?', 1],
        ['SELECT * FROM types WHERE id = ?', 2],
        ['SELECT * FROM types WHERE id = ?', 3],
        ['UPDATE bound SET i = i + ? WHERE id = ?', 1, 1],
        ['SELECT nothing_here FROM bound WHERE id = ?', 3],
        ['SELEC ?', 3],
        ['CALL put(?)', 'by parameter ' . $dbh->{"${prefix}_server_prepare"}],
        ['SELECT 1 / ?', 0],
        ['SHOW WARNINGS'],
    );
    for my $select (@selects) {
        my ($sql, @values) = @$select;
        print "> $sql\n";
        run($dbh, $sql, @values);
    }
    my $again = $dbh->prepare_cached('SELECT id, de FROM bound WHERE id = ?');
    for my $id (1, 3, 2, 1) {
        print join(', ', map { shown($_) } @$_), "\n" for @{ $dbh->selectall_arrayref($again, undef, $id) };
    }
}

sub streamed {
    my ($dbh) = @_;
    my $statement = $dbh->prepare('SELECT id, pad FROM stream ORDER BY id', { "${prefix}_use_result" => 1 });
    $statement->execute;
    my $count = 0;
    $count++ while $statement->fetchrow_arrayref;
    print "$count\n";
    run($dbh, q{SELECT 'usable'});
}

sub multi {
    my $dbh = connected(words => ";${prefix}_multi_statements=1");
    for my $sql (
        q{SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77},
        q{INSERT INTO people (name) VALUES ('multi'); SELECT name FROM people WHERE name = 'multi'; DELETE FROM people WHERE name = 'multi'},
        q{SELECT 1; SELECT nothing_here; SELECT 3},
        q{SET @m = 4; SELECT @m},
        q{CALL two_sets(); SELECT 'after'},
        q{USE conformance2; SELECT DATABASE()},
        q{SELECT DATABASE(); USE conformance},
    ) {
        print "> $sql\n";
        run($dbh, $sql);
    }
    $dbh->disconnect;
}

sub transactions {
    my ($dbh) = @_;
    for my $end (qw(rollback commit)) {
        $dbh->begin_work;
        run($dbh, q{INSERT INTO people (name) VALUES ('by method')});
        run($dbh, q{SELECT name FROM people WHERE name = 'by method'});
        $dbh->$end;
    }
    settle();
    run($dbh, q{SELECT name FROM people WHERE name = 'by method'});
    $dbh->{AutoCommit} = 0;
    run($dbh, q{DELETE FROM people WHERE name = 'by method'});
    $dbh->rollback;
    $dbh->{AutoCommit} = 1;
    run($dbh, q{SELECT @@autocommit, COUNT(*) FROM people WHERE name = 'by method'});
}

sub load_data {
    my ($dbh) = @_;
    my $sql = qq{LOAD DATA LOCAL INFILE '$ENV{CONFORM_LOCAL_FILE}' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'};
    run($dbh, $_) for $sql, $sql, 'SHOW WARNINGS';
    settle();
    run($dbh, 'SELECT * FROM loaded ORDER BY id');
}

sub catalogue {
    my ($dbh) = @_;
    print join(' ', map { $_ // '' } @$_), "\n" for @{ $dbh->table_info(undef, 'conformance', 'people', undef)->fetchall_arrayref };
    print join(' ', map { shown($_) } @$_[0 .. 6]), "\n" for @{ $dbh->column_info(undef, 'conformance', 'people', '%')->fetchall_arrayref };
    print join(' ', $dbh->primary_key(undef, 'conformance', 'people')), "\n";
    print $dbh->{"${prefix}_serverinfo"}, ' ', $dbh->ping ? 1 : 0, ' ', $dbh->quote("a'b\\"), "\n";
    print $dbh->{"${prefix}_stat"} =~ /Uptime/ ? 1 : 0, "\n";
}

sub refused {
    for my $words ([password => 'wrong'], [user => 'mon'], [schema => 'nothing_here'], [password => '']) {
        eval { connected(@$words); print "connected\n"; 1 } or failed($@);
    }
}

sub found_rows {
    for my $flag (1, 0) {
        my $dbh = connected(words => ";${prefix}_client_found_rows=$flag");
        run($dbh, qq{UPDATE people SET note = 'found $flag' WHERE id <= 2}) for 1, 2;
        $dbh->disconnect;
    }
}

my @pair = (connected(), connected());
printf "DBD::%s %s\n", $driver, "DBD::$driver"->VERSION;
open my $script, '<', $ENV{CONFORM_SCRIPT} or die;
while (my $line = <$script>) {
    chomp $line;
    if ($line =~ /^== /) { print "$line\n" }
    elsif ($line eq 'settle') { settle() }
    else {
        print "> $line\n";
        my $second = $line =~ s/^2> //;
        utf8::decode($line) if $driver eq 'MariaDB';
        run($pair[$second ? 1 : 0], $line);
    }
}
my $dbh = $pair[0];
my @cases = (
    ['emulated', sub { prepared($dbh) }],
    ['prepared', sub { prepared(connected(words => ";${prefix}_server_prepare=1")) }],
    ['streaming', sub { streamed($dbh) }],
    ['multi-statements', \&multi],
    ['load data local', sub { load_data($dbh) }],
    ['transactions by method', sub { transactions($dbh) }],
    ['catalogue', sub { catalogue($dbh) }],
    ['refused', \&refused],
    ['found rows flag', \&found_rows],
    ['isolation', sub { run($pair[1], 'SELECT DATABASE(), @a') }],
);
for my $case (@cases) {
    my ($name, $steps) = @$case;
    print "== $name\n";
    eval { $steps->(); 1 } or failed($@);
}
$_->disconnect for @pair;
print "== end\n";
