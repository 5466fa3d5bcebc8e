#!/usr/bin/env python3
"""A broker that is a list for each topic, in this program's memory: one process serves a whole run.

Try it:  harness driver-check -- python3 examples/drivers/list.py
"""
import json
import sys

CAPABILITIES = {
    "offsets": "both", "contiguous": True, "epoch": True, "resumes": True, "reads_log": True,
    "batch_max": 1000, "in_flight": True, "order": "per-topic", "delivery": "exactly-once",
}
LOGS = {}  # by topic: its messages, each at its offset
POSITIONS = {}  # by subscription: [acknowledged, delivered]


def answer(r):
    log = LOGS.get(r.get("topic"), [])
    position = POSITIONS.get(r.get("subscription"))
    match r["do"]:
        case "hello":
            return {"name": "list in Python", "per": "run", "capabilities": CAPABILITIES}
        case "create_topic":
            LOGS.setdefault(r["topic"], [])
        case "register":
            return {"epoch": "only"}  # without a session of its own it is the name that was given
        case "send":
            start = len(log)
            for i, payload in enumerate(r["payloads"]):
                log.append({"payload": payload, "producer": r["session"],
                            "sequence": r["sequence"] + i, "offset": start + i})
            return {"outcome": "acked", "offsets": list(range(start, len(log)))}
        case "subscribe":
            POSITIONS[r["consumer"]] = [len(log), len(log)]
            return {"epoch": "only", "start": len(log)}
        case "poll" | "ack" | "resume" if position is None:
            return {"why": "there is no such subscription", "session_over": True, "epoch": "only"}
        case "poll":
            messages = log[position[1]:position[1] + r["max"]]
            position[1] += len(messages)
            return {"messages": messages}
        case "ack":
            position[0] = position[1]
        case "resume":
            position[1] = position[0]  # what was not acknowledged comes again
            return {"start": position[0]}
        case "read_log":
            part = log[r["offset"]:r["offset"] + 1000]
            return {"epoch": "only", "end": len(log), "messages": part}
        case "unsubscribe":
            POSITIONS.pop(r["subscription"], None)
        case "remove":
            LOGS.pop(r["topic"], None)
    return {}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], **answer(request)}), flush=True)
