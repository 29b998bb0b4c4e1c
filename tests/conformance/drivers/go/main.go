// go-sql-driver/mysql through database/sql.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func setting(name string) string { return os.Getenv("CONFORM_" + name) }

// settle waits until the replicas have what the primary has.
func settle() {
	door, err := net.Dial("tcp", setting("HOST")+":"+setting("SETTLE"))
	if err == nil {
		defer door.Close()
		word, _ := io.ReadAll(door)
		if string(word) == "ok\n" {
			return
		}
	}
	fmt.Println("!! the replicas do not catch up")
}

func open(more string) *sql.DB { return openAs("app", "app", "conformance", more) }

func openAs(user, password, schema, more string) *sql.DB {
	address := setting("HOST") + ":" + setting("PORT")
	name := fmt.Sprintf("%s:%s@tcp(%s)/%s?allowAllFiles=true&charset=utf8mb4&%s", user, password, address, schema, more)
	db, err := sql.Open("mysql", name)
	if err != nil {
		fmt.Println("!!", err)
		os.Exit(1)
	}
	return db
}

func shown(value interface{}) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		if len(v) > 2000 {
			return fmt.Sprintf("[%d] %x", len(v), sha256.Sum256(v))[:40]
		}
		return fmt.Sprintf("bytes %q", v)
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano)
	default:
		return fmt.Sprintf("%T %v", value, value)
	}
}

func failed(err error) {
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		fmt.Println("  error", server.Number, server.Message)
		return
	}
	fmt.Println("  error", err)
}

func results(rows *sql.Rows) {
	defer rows.Close()
	for {
		types, err := rows.ColumnTypes()
		if err != nil {
			failed(err)
			return
		}
		for _, column := range types {
			nullable, _ := column.Nullable()
			precision, scale, _ := column.DecimalSize()
			fmt.Println("  column", column.Name(), column.DatabaseTypeName(), nullable, precision, scale)
		}
		for rows.Next() {
			cells := make([]interface{}, len(types))
			places := make([]interface{}, len(types))
			for at := range cells {
				places[at] = &cells[at]
			}
			if err := rows.Scan(places...); err != nil {
				failed(err)
				return
			}
			texts := make([]string, len(cells))
			for at, cell := range cells {
				texts[at] = shown(cell)
			}
			fmt.Println("  row", strings.Join(texts, ", "))
		}
		if err := rows.Err(); err != nil {
			failed(err)
			return
		}
		if !rows.NextResultSet() {
			return
		}
	}
}

type runner interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

var background = context.Background()

func query(on runner, text string, values ...interface{}) {
	rows, err := on.QueryContext(background, text, values...)
	if err != nil {
		failed(err)
		return
	}
	results(rows)
}

func exec(on runner, text string, values ...interface{}) {
	result, err := on.ExecContext(background, text, values...)
	if err != nil {
		failed(err)
		return
	}
	affected, _ := result.RowsAffected()
	id, _ := result.LastInsertId()
	fmt.Println("  rows", affected, "id", id)
}

// run takes the way that fits: a query for what returns rows.
func run(on runner, text string) {
	// The driver waits for ever behind an error that follows a result.
	if strings.HasPrefix(text, "CALL fails(") {
		return
	}
	switch strings.ToUpper(strings.SplitN(strings.TrimLeft(text, "( "), " ", 2)[0]) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "SET", "BEGIN", "COMMIT", "ROLLBACK", "LOAD":
		exec(on, text)
	default:
		query(on, text)
	}
}

func play(pair [2]*sql.Conn) {
	file, err := os.Open(setting("SCRIPT"))
	if err != nil {
		fmt.Println("!!", err)
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "== "):
			fmt.Println(line)
		case line == "settle":
			settle()
		case strings.HasPrefix(line, "2> "):
			fmt.Println(line)
			run(pair[1], line[3:])
		default:
			fmt.Println(">", line)
			run(pair[0], line)
		}
	}
}

func parametrised(db *sql.DB) {
	exec(db, "DELETE FROM bound")
	insert := "INSERT INTO bound VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	blob := make([]byte, 1<<20)
	for at := range blob {
		blob[at] = byte(at * 7 % 256)
	}
	at := time.Date(2024, 2, 29, 12, 0, 0, 123000, time.UTC)
	exec(db, insert, 1, -5, ^uint64(0), "123.456", 1.25, "Grüße 🐬 'quoted' \\ \n", blob, "2024-02-29", at, "-11:22:33.5", "{\"a\": 1}")
	for n := 0; n < 2; n++ {
		exec(db, insert, 2, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	}
	settle()
	query(db, "SELECT * FROM bound WHERE id >= ? ORDER BY id", 1)
	query(db, "SELECT ? AS a, ? AS b", nil, "ü")
	query(db, "SELECT ? AS a, ? AS b", 1, 2.5)
	query(db, "SELECT * FROM types WHERE id >= ? ORDER BY id", 1)
	exec(db, "UPDATE bound SET i = i + ? WHERE id = ?", 1, 1)
	query(db, "SELECT nothing_here FROM bound WHERE id = ?", 3)
	query(db, "SELEC ?", 3)
	query(db, "CALL two_sets()")
	exec(db, "CALL put(?)", "by parameter")
	query(db, "SELECT 1 / ?", 0)
	statement, err := db.Prepare("SELECT id, de FROM bound WHERE id = ?")
	if err != nil {
		failed(err)
		return
	}
	defer statement.Close()
	for _, id := range []int{1, 3, 2, 1} {
		rows, err := statement.Query(id)
		if err != nil {
			failed(err)
			continue
		}
		results(rows)
	}
}

func transactions(db *sql.DB) {
	for _, commit := range []bool{false, true} {
		tx, err := db.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if err != nil {
			failed(err)
			return
		}
		exec(tx, "INSERT INTO people (name) VALUES (?)", "by method")
		query(tx, "SELECT name FROM people WHERE name = ?", "by method")
		if commit {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		fmt.Println(err)
	}
	settle()
	query(db, "SELECT name FROM people WHERE name = 'by method'")
	tx, err := db.BeginTx(background, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		failed(err)
		return
	}
	query(tx, "SELECT COUNT(*) FROM types")
	exec(tx, "DELETE FROM types")
	fmt.Println(tx.Rollback())
}

func pooled() {
	db := open("timeout=5s&maxAllowedPacket=0")
	defer db.Close()
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(2)
	done := make(chan int)
	for n := 0; n < 40; n++ {
		go func(n int) {
			var got int
			if err := db.QueryRow("SELECT ? + 0", n).Scan(&got); err != nil {
				failed(err)
			}
			done <- got
		}(n)
	}
	sum := 0
	for n := 0; n < 40; n++ {
		sum += <-done
	}
	fmt.Println("sum", sum)
	query(db, "SELECT @p, @@sql_mode = @@global.sql_mode")
}

func loaded(db *sql.DB) {
	text := "LOAD DATA LOCAL INFILE '" + setting("LOCAL_FILE") + "' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
	exec(db, text)
	exec(db, text)
	settle()
	query(db, "SELECT * FROM loaded ORDER BY id")
	mysql.RegisterReaderHandler("rows", func() io.Reader { return strings.NewReader("10,ten,x\n11,eleven,y\n") })
	exec(db, "LOAD DATA LOCAL INFILE 'Reader::rows' INTO TABLE loaded FIELDS TERMINATED BY ','")
}

func multi() {
	db := open("multiStatements=true")
	defer db.Close()
	conn, err := db.Conn(background)
	if err != nil {
		failed(err)
		return
	}
	defer conn.Close()
	for _, text := range []string{
		"SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 'x' FROM types WHERE id = 77",
		"SET @m = 4; SELECT @m",
		"CALL two_sets(); SELECT 'after'",
		"USE conformance2; SELECT DATABASE()",
		"SELECT DATABASE(); USE conformance",
	} {
		fmt.Println(">", text)
		query(conn, text)
	}
	exec(conn, "INSERT INTO people (name) VALUES ('multi'); DELETE FROM people WHERE name = 'multi'")
}

func refused() {
	for _, words := range [][3]string{{"app", "wrong", "conformance"}, {"mon", "app", "conformance"}, {"app", "app", "nothing_here"}, {"app", "", "conformance"}} {
		db := openAs(words[0], words[1], words[2], "")
		if err := db.Ping(); err != nil {
			failed(err)
		} else {
			fmt.Println("connected")
		}
		db.Close()
	}
}

func foundRows() {
	for _, flag := range []string{"true", "false"} {
		db := open("clientFoundRows=" + flag)
		exec(db, "UPDATE people SET note = 'found "+flag+"' WHERE id <= 2")
		exec(db, "UPDATE people SET note = 'found "+flag+"' WHERE id <= 2")
		db.Close()
	}
}

// cancelled ends a statement by its context: the driver drops the connection.
func cancelled(db *sql.DB) {
	limited, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(limited, "DO SLEEP(2)")
	fmt.Println(err)
	query(db, "SELECT 'usable'")
}

func main() {
	fmt.Println("go-sql-driver/mysql 1.5")
	db := open("parseTime=true&loc=UTC")
	var pair [2]*sql.Conn
	for at := range pair {
		conn, err := db.Conn(background)
		if err != nil {
			fmt.Println("!!", err)
			return
		}
		pair[at] = conn
	}
	play(pair)
	for _, step := range []struct {
		name  string
		steps func()
	}{
		{"prepared", func() { parametrised(db) }},
		{"interpolated", func() { parametrised(open("interpolateParams=true")) }},
		{"streaming", func() { query(db, "SELECT id, pad FROM stream ORDER BY id") }},
		{"multi-statements", multi},
		{"load data local", func() { loaded(db) }},
		{"transactions by method", func() { transactions(db) }},
		{"pool", pooled},
		{"settings in the name", func() {
			query(open("time_zone=%27%2B05%3A00%27&sql_mode=%27ANSI_QUOTES%27&collation=utf8mb4_unicode_ci"),
				"SELECT @@time_zone, @@sql_mode, @@collation_connection")
		}},
		{"refused", refused},
		{"found rows flag", foundRows},
		{"cancelled", func() { cancelled(db) }},
		{"ping", func() { fmt.Println(pair[0].PingContext(background)) }},
		{"isolation", func() { query(pair[1], "SELECT DATABASE(), @a") }},
	} {
		fmt.Println("==", step.name)
		step.steps()
	}
	fmt.Println("== end")
}
