#!/usr/bin/env python3
"""Redis Streams by redis-py (pip install redis): a key for each topic, a group for each subscription.

Try it:  harness driver-check --url redis://127.0.0.1:6379 -- python3 examples/drivers/redis_streams.py
It takes --url itself, too, where no relay is to stand before the broker.

The offset of a message is its id, `milliseconds-number`, in one number: milliseconds * 2^20 + number.
A marker in each stream, written when the topic is made, tells one life of it from another.
"""
import argparse
import json
import sys

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CAPABILITIES = {
    "offsets": "both", "epoch": True, "resumes": True, "reads_log": True,
    "order": "per-topic", "delivery": "at-least-once",
}
CONSUMER = "c"  # the only one of each group

arguments = argparse.ArgumentParser()
arguments.add_argument("--url")
url = arguments.parse_args().url
broker = None
epochs = {}  # by session
delivered = {}  # by subscription: the ids that are not acknowledged yet
sound = set()  # subscriptions with nothing pending: what a lost answer brought is pending there


def offset(id):
    milliseconds, number = id.split("-")
    return (int(milliseconds) << 20) + int(number)


def id_of(offset):
    return f"{offset >> 20}-{offset & 0xFFFFF}"


def epoch(topic):
    first = broker.xrange(topic, count=1)
    return first[0][1].get("epoch") if first else None


def message(id, fields, again=False):
    return {"payload": fields["payload"], "producer": fields["producer"],
            "sequence": int(fields["sequence"]), "offset": offset(id), "redelivered": again}


def send(r):
    fields = {"payload": r["payloads"][0], "producer": r["session"], "sequence": r["sequence"]}
    try:
        id = broker.xadd(r["topic"], fields, nomkstream=True)
    except redis.exceptions.TimeoutError as error:
        return {"outcome": "unknown", "why": f"time-out: {error}"}
    except redis.exceptions.ConnectionError as error:
        # Only where it could not even connect, it is sure that nothing left.
        if "connecting to" in str(error):
            return {"outcome": "refused", "why": str(error), "never_left": True}
        return {"outcome": "unknown", "why": str(error)}
    except redis.exceptions.ResponseError as error:
        return {"outcome": "refused", "why": str(error)}
    if id is None:
        return {"outcome": "refused", "why": "the stream is gone", "code": "unknown_topic",
                "session_over": True}
    return {"outcome": "acked", "offsets": [offset(id)], "epoch": epochs[r["session"]]}


def read(r, start):
    group = r["subscription"]
    found = broker.xreadgroup(group, CONSUMER, {r["topic"]: start}, count=r["max"])
    entries = [(id, fields) for _, own in found for id, fields in own if "payload" in fields]
    delivered[group] = [id for id, _ in entries]
    return {"messages": [message(id, fields, start == "0") for id, fields in entries]}


def poll(r):
    group = r["subscription"]
    # What this group got and did not acknowledge comes first, after a crash or a lost answer.
    again = {"messages": []} if group in sound else read(r, "0")
    if again["messages"]:
        return again
    sound.discard(group)
    new = read(r, ">")
    sound.add(group)
    return new


def answer(r):
    global broker
    topic, group = r.get("topic"), r.get("subscription")
    match r["do"]:
        case "hello":
            # Without repeats of its own: a repeat would append the message once more.
            broker = redis.Redis.from_url(
                r["url"] or url or "redis://127.0.0.1:6379", decode_responses=True,
                socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))
            return {"name": f"redis-py {redis.__version__}", "capabilities": CAPABILITIES}
        case "create_topic":
            if not broker.exists(topic):
                broker.xadd(topic, {"epoch": topic + "@" + str(broker.time())})
        case "register":
            epochs[r["producer"]] = epoch(topic)
            return {"epoch": epochs[r["producer"]]}
        case "send":
            return send(r)
        case "subscribe":
            broker.xgroup_create(topic, r["consumer"], id="$")
            last = broker.xinfo_stream(topic)["last-generated-id"]
            return {"epoch": epoch(topic), "start": offset(last) + 1}
        case "poll":
            return poll(r)
        case "ack":
            ids = delivered.pop(group, [])
            if ids:
                broker.xack(topic, group, *ids)
        case "resume":
            groups = {own["name"]: own for own in broker.xinfo_groups(topic)}
            pending = broker.xpending_range(topic, group, "-", "+", 1) if group in groups else []
            if group not in groups:
                return {"why": f"there is no group {group}", "session_over": True,
                        "epoch": epoch(topic)}
            if pending:
                return {"start": offset(pending[0]["message_id"])}
            return {"start": offset(groups[group]["last-delivered-id"]) + 1}
        case "read_log":
            entries = broker.xrange(topic, min=id_of(r["offset"]), count=1000)
            last = broker.xinfo_stream(topic)["last-generated-id"]
            messages = [message(id, fields) for id, fields in entries if "payload" in fields]
            return {"epoch": epoch(topic), "end": offset(last) + 1, "messages": messages}
        case "unsubscribe":
            broker.xgroup_destroy(topic, group)
        case "remove":
            broker.delete(topic)
    return {}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = answer(request)
    except redis.exceptions.ResponseError as error:
        # No such key, no such group: it was forgotten.
        is_over = str(error).startswith("NOGROUP") or "no such key" in str(error)
        reply = {"why": str(error), "session_over": is_over, "final": not is_over}
    except redis.exceptions.RedisError as error:
        reply = {"why": str(error)}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
