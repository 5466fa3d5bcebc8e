#!/usr/bin/env python3
"""The list of examples/drivers/list.py with mistakes that are made on purpose: those that are named as
arguments, once each and early.

late        an answer to a send comes seconds after its deadline
wrong-id    an answer has an id that nobody asked under
swallowed   a message is stored twice, and the answer says that it was tried once
refused     a message is stored, and the answer says that it was refused
wrong-topic an ack has the offset that its message would have on another topic
chatty      words for people on standard output
exits       the process ends in the middle of a send
misspelt    a key of an answer is misspelt
"""
import json
import sys
import time

MISTAKES = set(sys.argv[1:])
CAPABILITIES = {
    "offsets": "both", "contiguous": True, "epoch": True, "resumes": True, "reads_log": True,
    "batch_max": 1000, "in_flight": True, "order": "per-topic", "delivery": "exactly-once",
}
LOGS = {}
POSITIONS = {}
sends = 0


def is_turn(mistake, send):
    return mistake in MISTAKES and sends == send


def answer(r):
    global sends
    log = LOGS.get(r.get("topic"), [])
    position = POSITIONS.get(r.get("subscription"))
    match r["do"]:
        case "hello":
            return {"name": "a bad list", "per": "run", "capabilities": CAPABILITIES}
        case "create_topic":
            LOGS.setdefault(r["topic"], [])
        case "register":
            return {"epoch": "only"}
        case "send":
            sends += 1
            start = len(log)
            for copy in range(2 if is_turn("swallowed", 3) else 1):
                for i, payload in enumerate(r["payloads"]):
                    log.append({"payload": payload, "producer": r["session"],
                                "sequence": r["sequence"] + i, "offset": len(log)})
            if is_turn("exits", 4):
                print("Segmentation fault", file=sys.stderr)
                sys.exit(139)
            if is_turn("late", 4):
                time.sleep(r["deadline_ms"] / 1000 + 2.1)
            if is_turn("refused", 5):
                return {"outcome": "refused", "why": "no room"}
            if is_turn("misspelt", 6):
                return {"outcome": "acked", "ofsets": [start]}
            offsets = list(range(start, start + len(r["payloads"])))
            others = [own for topic, own in LOGS.items() if topic != r["topic"]]
            if "wrong-topic" in MISTAKES and len(others[0]) > 2 and len(others[0]) != len(log):
                MISTAKES.discard("wrong-topic")
                offsets = [len(others[0]) - 1]
            return {"outcome": "acked", "offsets": offsets}
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
            position[1] = position[0]
            return {"start": position[0]}
        case "read_log":
            part = log[r["offset"]:r["offset"] + 1000]
            return {"epoch": "only", "end": len(log), "messages": part}
    return {}


for line in sys.stdin:
    request = json.loads(line)
    reply = answer(request)
    if request["do"] == "send" and is_turn("chatty", 2):
        print("sent!", flush=True)
    if request["do"] == "send" and is_turn("wrong-id", 2):
        print(json.dumps({"id": 4711, **reply}), flush=True)
    else:
        print(json.dumps({"id": request["id"], **reply}), flush=True)
