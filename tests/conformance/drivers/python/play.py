"""What the Python programs share: the script of statements, waiting for the replicas, printing."""

import datetime
import decimal
import hashlib
import os
import socket

HOST = os.environ["CONFORM_HOST"]
PORT = int(os.environ["CONFORM_PORT"])
MARIADB = os.environ["CONFORM_SERVER"] == "mariadb"
LOCAL_FILE = os.environ["CONFORM_LOCAL_FILE"]


def settle():
    """Waits until the replicas have what the primary has."""
    with socket.create_connection((HOST, int(os.environ["CONFORM_SETTLE"]))) as door:
        if door.recv(16) != b"ok\n":
            print("!! the replicas do not catch up", flush=True)


def case(name):
    print("==", name, flush=True)


def shown(value):
    """A value with its type; long ones by length and digest."""
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(shown(item) for item in value) + ")"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(shown(item) for item in sorted(value)) + "}"
    if isinstance(value, (str, bytes, bytearray)) and len(value) > 2000:
        data = value.encode() if isinstance(value, str) else bytes(value)
        return f"{type(value).__name__}[{len(value)}] {hashlib.sha256(data).hexdigest()[:16]}"
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)):
        return f"{type(value).__name__} {value}"
    return repr(value)


def lines():
    with open(os.environ["CONFORM_SCRIPT"], encoding="utf-8") as script:
        return script.read().splitlines()


def play(run):
    """Plays the script; `run(number, sql)` runs and prints one statement on connection 1 or 2."""
    for line in lines():
        if line.startswith("== "):
            case(line[3:])
        elif line == "settle":
            settle()
        elif line.startswith("2> "):
            print(line)
            run(2, line[3:])
        else:
            print("> " + line)
            run(1, line)
