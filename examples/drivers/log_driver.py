#!/usr/bin/env python3
"""The driver of log_server.py, which the harness starts, kills and starts again:

    broker:
      driver: exec
      command: [python3, log_driver.py]
      server: { command: [python3, log_server.py, "{port}", "{folder}"], data: "{folder}" }
"""
import json
import os
import socket
import sys
import time

ADDRESS = (os.environ["HARNESS_SERVER_HOST"], int(os.environ["HARNESS_SERVER_PORT"]))
CAPABILITIES = {
    "offsets": "both", "contiguous": True, "epoch": True, "reads_log": True,
    "order": "per-topic", "delivery": "exactly-once", "survives": "power-cut",
}
connection = None
positions = {}  # by subscription: the next offset, in the consumer's own memory


class NeverLeft(Exception):
    """The server was never asked."""


class Refused(Exception):
    """It says no."""


def ask(do, topic, **more):
    global connection
    if connection is None:
        try:
            connection = socket.create_connection(ADDRESS, timeout=5).makefile("rwb")
        except OSError as error:
            raise NeverLeft(str(error)) from None
    try:
        connection.write(json.dumps({"do": do, "topic": topic, **more}).encode() + b"\n")
        connection.flush()
        line = connection.readline()
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        connection = None
        raise ConnectionError("the server is gone")
    reply = json.loads(line)
    if "error" in reply:
        raise Refused(reply["error"])
    return reply


def read(topic, start, most):
    reply = ask("read", topic, **{"from": start, "max": most})
    entries = [{**entry, "offset": start + i} for i, entry in enumerate(reply["entries"])]
    return entries, reply["end"]


def send(r):
    entry = {"payload": r["payloads"][0], "producer": r["session"], "sequence": r["sequence"]}
    until, attempts = time.monotonic() + r["deadline_ms"] / 2000, 0
    while True:
        try:
            reply = ask("append", r["topic"], entry=entry)
            return {"outcome": "acked", "offsets": [reply["offset"]], "attempts": attempts + 1}
        except NeverLeft as error:
            never_left = {"outcome": "refused", "why": str(error), "never_left": True}
            unknown = {"outcome": "unknown", "why": str(error), "attempts": attempts}
            failed = unknown if attempts else never_left
        except Refused as error:
            return {"outcome": "refused", "why": str(error)}
        except OSError as error:
            attempts += 1
            failed = {"outcome": "unknown", "why": str(error), "attempts": attempts}
        # The server knows an entry again: to repeat it does no harm.
        if not r["retry"] or time.monotonic() > until:
            return failed
        time.sleep(0.01)


def answer(r):
    topic, subscription = r.get("topic"), r.get("subscription")
    match r["do"]:
        case "hello":
            return {"name": "log in Python", "capabilities": CAPABILITIES}
        case "create_topic":
            ask("create", topic)
        case "register":
            return {"epoch": "only"}
        case "send":
            return send(r)
        case "subscribe":
            _, positions[r["consumer"]] = read(topic, 0, 0)
            return {"epoch": "only", "start": positions[r["consumer"]]}
        case "poll" | "ack" if subscription not in positions:
            return {"why": "no such subscription", "session_over": True, "epoch": "only"}
        case "poll":
            messages, _ = read(topic, positions[subscription], r["max"])
            positions[subscription] += len(messages)
            return {"messages": messages}
        case "read_log":
            messages, end = read(topic, r["offset"], 1000)
            return {"epoch": "only", "end": end, "messages": messages}
        case "unsubscribe":
            positions.pop(subscription, None)
        case "remove":
            ask("remove", topic)
    return {}


for line in sys.stdin:
    request = json.loads(line)
    try:
        try:
            reply = answer(request)
        except OSError:
            reply = answer(request)  # the connection was that to the server before its restart
    except (OSError, NeverLeft, Refused) as error:
        reply = {"why": str(error)}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
