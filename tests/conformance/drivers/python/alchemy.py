"""SQLAlchemy with PyMySQL: its pool, its transactions, its mapped classes."""

from importlib.metadata import version

import sqlalchemy as sa
from play import HOST, MARIADB, PORT, case, lines, settle, shown
from sqlalchemy import orm, pool

URL = f"mysql+pymysql://app:app@{HOST}:{PORT}/conformance?charset=utf8mb4"
SECURE = {"connect_args": {"ssl_disabled": True}}


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(40), unique=True)
    born = sa.Column(sa.Date)
    data = sa.Column(sa.JSON)
    picture = sa.Column(sa.LargeBinary(1 << 21))
    books = orm.relationship("Book", back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id = sa.Column(sa.Integer, primary_key=True)
    title = sa.Column(sa.Unicode(100))
    price = sa.Column(sa.Numeric(10, 2))
    author_id = sa.Column(sa.ForeignKey("author.id"))
    author = orm.relationship("Author", back_populates="books")


def failed(error):
    print(" ", type(error).__name__, getattr(getattr(error, "orig", None), "args", error.args))


def run(connection, sql, **values):
    try:
        result = connection.execute(sa.text(sql.replace(":", "\\:") if not values else sql), values)
        if result.returns_rows:
            print("  columns", list(result.keys()))
            for row in result:
                print("  row", shown(tuple(row)))
        else:
            print("  rows", result.rowcount, result.lastrowid)
    except sa.exc.SQLAlchemyError as error:
        failed(error)


def script(engine):
    """The script with autocommit by the driver, on two connections of the pool."""
    options = {"isolation_level": "AUTOCOMMIT"}
    with engine.connect() as one, engine.connect() as two:
        connections = [one.execution_options(**options), two.execution_options(**options)]
        for line in lines():
            if line.startswith("== "):
                case(line[3:])
            elif line == "settle":
                settle()
            else:
                print(">", line)
                second = line.startswith("2> ")
                run(connections[second], line[3:] if second else line)
        for connection in connections:
            connection.invalidate()


def pooled(engine):
    for _ in range(3):
        with engine.connect() as one, engine.connect() as two:
            run(one, "SELECT @p, @@sql_mode = @@global.sql_mode, @@autocommit")
            run(one, "SET @p = NULL, sql_mode = DEFAULT")
            run(two, "SELECT @p")
    print(engine.pool.checkedin() > 0, engine.pool.checkedout())


def transactions(engine):
    with engine.connect() as connection:
        run(connection, "INSERT INTO people (name) VALUES ('rolled back')")
        run(connection, "SELECT name FROM people WHERE name = 'rolled back'")
    with engine.begin() as connection:
        run(connection, "INSERT INTO people (name) VALUES ('kept')")
        with connection.begin_nested() as nested:
            run(connection, "INSERT INTO people (name) VALUES ('nested')")
            nested.rollback()
    with engine.connect() as connection:
        run(connection, "SELECT name FROM people WHERE name IN ('rolled back', 'kept', 'nested')")
        xid = connection.connection.cursor()
        xid.close()
    with engine.connect() as connection:
        two = connection.begin_twophase() if not connection.in_transaction() else None
        run(connection, "INSERT INTO people (name) VALUES ('two phases')")
        two.prepare()
        two.commit()
        run(connection, "SELECT name FROM people WHERE name = 'two phases'")
    for level in ["READ COMMITTED", "SERIALIZABLE", "REPEATABLE READ"]:
        with engine.connect().execution_options(isolation_level=level) as connection:
            print(level, connection.get_isolation_level(), connection.default_isolation_level)


def mapped(engine):
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        author = Author(name="Ülf", data={"a": [1, None]}, picture=bytes(1 << 20))
        author.books = [Book(title=f"Buch {n} 🐬", price=n + 0.25) for n in range(5)]
        session.add(author)
        session.commit()
        print(author.id, [book.id for book in author.books])
        found = session.scalars(sa.select(Author).options(orm.selectinload(Author.books))).all()
        print([(a.name, a.born, a.data, len(a.picture), [str(b.price) for b in a.books]) for a in found])
        session.execute(sa.update(Book).where(Book.price > 2).values(price=Book.price * 2))
        session.add(Author(name="Ülf"))
        try:
            session.flush()
        except sa.exc.IntegrityError as error:
            failed(error)
        session.rollback()
        session.delete(session.get(Author, author.id))
        session.commit()
        print(session.scalar(sa.select(sa.func.count()).select_from(Book)))
    Base.metadata.drop_all(engine)


def inspected(engine):
    seen = sa.inspect(engine)
    print(seen.get_table_names(), seen.get_view_names(), seen.default_schema_name)
    for column in seen.get_columns("people") + seen.get_columns("bound"):
        print(column["name"], repr(column["type"]), column["nullable"], column.get("autoincrement"))
    print(seen.get_indexes("people"), seen.get_pk_constraint("people"))
    table = sa.Table("elsewhere", sa.MetaData(), schema="conformance2", autoload_with=engine)
    print(table.columns.keys())


def streamed(engine):
    with engine.connect().execution_options(stream_results=True, yield_per=100) as connection:
        rows = connection.execute(sa.text("SELECT id, pad FROM stream ORDER BY id"))
        print([len(part) for part in rows.partitions()])


def main():
    print(f"SQLAlchemy {version('SQLAlchemy')}")
    engine = sa.create_engine(URL, pool_size=3, pool_pre_ping=True, **SECURE)
    case("dialect")
    with engine.connect() as connection:
        print(engine.dialect.is_mariadb == MARIADB, engine.dialect.server_version_info)
        run(connection, "SELECT @@autocommit, DATABASE()")
    script(engine)
    cases = [
        ("parameters", lambda: parameters(engine)),
        ("pool", lambda: pooled(engine)),
        ("pool of no connections", lambda: pooled_not()),
        ("transactions by method", lambda: transactions(engine)),
        ("mapped", lambda: mapped(engine)),
        ("inspected", lambda: inspected(engine)),
        ("streaming", lambda: streamed(engine)),
    ]
    for name, steps in cases:
        case(name)
        try:
            steps()
        except sa.exc.SQLAlchemyError as error:
            failed(error)
    engine.dispose()
    case("end")


def parameters(engine):
    with engine.begin() as connection:
        values = dict(id=1, t="Grüße 🐬 'q' \\", b=bytes(range(256)) * 4096, de="1.5")
        run(connection, "INSERT INTO bound (id, t, b, de) VALUES (:id, :t, :b, :de)", **values)
        run(connection, "INSERT INTO bound (id, t) VALUES (:id, :t)", id=2, t=None)
        run(connection, "SELECT id, t, b, de FROM bound WHERE id > :id ORDER BY id", id=0)


def pooled_not():
    engine = sa.create_engine(URL, poolclass=pool.NullPool, **SECURE)
    for _ in range(3):
        with engine.connect() as connection:
            run(connection, "SELECT COUNT(*) FROM types")


main()
