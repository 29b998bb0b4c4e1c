"""Django with mysqlclient: connections that stay, models, transactions, schema changes."""

import decimal
import threading
from importlib.metadata import version

import django
from django.conf import settings
from play import HOST, PORT, case, lines, settle, shown

DATABASE = {
    "ENGINE": "django.db.backends.mysql",
    "HOST": HOST,
    "PORT": PORT,
    "USER": "app",
    "PASSWORD": "app",
    "NAME": "conformance",
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"charset": "utf8mb4", "ssl_mode": "DISABLED"},
}
settings.configure(DATABASES={"default": DATABASE, "other": DATABASE | {"NAME": "conformance2"}}, USE_TZ=True)
django.setup()

from django.db import DatabaseError, connection, connections, models, reset_queries, transaction  # noqa: E402
from django.db.models import Avg, Count, F, Q, Sum  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=40, unique=True)
    data = models.JSONField(null=True)
    picture = models.BinaryField(null=True)
    seen = models.DateTimeField(null=True)

    class Meta:
        app_label = "conformance"


class Book(models.Model):
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")

    class Meta:
        app_label = "conformance"


def failed(error):
    print(" ", type(error).__name__, error.args)


def run(database, sql, values=None):
    try:
        with database.cursor() as cursor:
            cursor.execute(sql, values)
            if cursor.description:
                print("  columns", [column[0] for column in cursor.description])
                for row in cursor.fetchall():
                    print("  row", shown(row))
            else:
                print("  rows", cursor.rowcount, cursor.lastrowid)
    except (DatabaseError, ValueError) as error:  # ValueError: times that Python cannot say
        failed(error)


def script():
    second = connections.create_connection("default")
    for line in lines():
        if line.startswith("== "):
            case(line[3:])
        elif line == "settle":
            settle()
        else:
            print(">", line)
            if line.startswith("2> "):
                run(second, line[3:])
            else:
                run(connection, line)
    second.close()
    connection.close()


def schema():
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    field = models.IntegerField(default=7)
    field.set_attributes_from_name("pages")
    with connection.schema_editor() as editor:
        editor.add_field(Book, field)
        editor.remove_field(Book, field)
    settle()
    print(sorted(connection.introspection.table_names()))
    with connection.cursor() as cursor:
        print([c.name for c in connection.introspection.get_table_description(cursor, "conformance_book")])
        print(sorted(connection.introspection.get_constraints(cursor, "conformance_author")))


def objects():
    with transaction.atomic():
        author = Author.objects.create(name="Ülf", data={"a": [1, None]}, picture=bytes(1 << 20))
        many = [Book(title=f"Buch {n} 🐬", price=decimal.Decimal(n), author=author) for n in range(10)]
        Book.objects.bulk_create(many)
    settle()
    print(author.pk, Book.objects.count(), Author.objects.get(name="Ülf").data)
    print(len(Author.objects.get(pk=author.pk).picture))
    found = Book.objects.filter(Q(price__gt=3) & ~Q(title__icontains="9")).select_related("author")
    print([(b.title, str(b.price), b.author.name) for b in found.order_by("price")])
    print(Book.objects.aggregate(Avg("price"), Sum("price"), n=Count("id")))
    print(Book.objects.filter(price__lt=5).update(price=F("price") + 1))
    print(Author.objects.get_or_create(name="Ülf")[1], Author.objects.update_or_create(name="Ann")[1])
    settle()
    print([a.name for a in Author.objects.prefetch_related("books").order_by("name")])
    print(sum(1 for _ in Book.objects.order_by("id").iterator(chunk_size=3)))
    try:
        with transaction.atomic():
            Author.objects.create(name="Ann")
    except DatabaseError as error:
        failed(error)


def transactions():
    with transaction.atomic():
        Author.objects.create(name="outer")
        try:
            with transaction.atomic():
                Author.objects.create(name="inner")
                raise ValueError
        except ValueError:
            pass
        print(Author.objects.filter(name__in=["outer", "inner"]).count())
        print(Author.objects.select_for_update().get(name="outer").name)
        transaction.on_commit(lambda: print("committed"))
    settle()
    print(Author.objects.filter(name__in=["outer", "inner"]).count())
    transaction.set_autocommit(False)
    Author.objects.filter(name="outer").delete()
    print(Author.objects.filter(name="outer").exists())
    transaction.rollback()
    transaction.set_autocommit(True)
    print(Author.objects.filter(name="outer").exists())


def stays():
    """What a request's end does to a connection, and threads with their own."""
    for _ in range(3):
        connection.close_if_unusable_or_obsolete()
        run(connection, "SELECT @p, @@autocommit, @@sql_auto_is_null")
        reset_queries()
    run(connections["other"], "SELECT DATABASE(), COUNT(*) FROM elsewhere")
    counts = []

    def count():
        counts.append(Author.objects.count())
        connection.close()

    for _ in range(3):
        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
    print(counts)


def main():
    print(f"Django {version('Django')}, mysqlclient {version('mysqlclient')}")
    case("as it comes")
    run(connection, "SELECT @@autocommit, @@sql_mode, DATABASE()")
    print(connection.mysql_is_mariadb, connection.mysql_version, connection.isolation_level)
    script()
    for name, steps in [
        ("schema", schema),
        ("objects", objects),
        ("transactions by method", transactions),
        ("connections that stay", stays),
        ("parameters", lambda: run(connection, "SELECT %s, %s, %s", ["ü'\\", None, 1.5])),
    ]:
        case(name)
        try:
            steps()
        except DatabaseError as error:
            failed(error)
    connections.close_all()
    case("end")


main()
