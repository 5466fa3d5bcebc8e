#!/usr/bin/env python3
"""A broker in 80 lines: for each topic a file that it appends to. A request is a line of JSON over TCP.

    log_server.py PORT FOLDER [--no-fsync]

With --no-fsync it answers before the bytes are on the disk: no kill shows that, and every power cut does.
"""
import json
import os
import socketserver
import sys
import threading

PORT, FOLDER, FSYNC = int(sys.argv[1]), sys.argv[2], "--no-fsync" not in sys.argv
LOCK = threading.Lock()
TOPICS = {}  # by name: the open file, and what is in it: a list, and its offsets by producer and sequence


def sync_folder():
    folder = os.open(FOLDER, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def open_topic(name):
    path = os.path.join(FOLDER, name)
    entries, whole = [], 0
    with open(path, "ab+") as file:
        file.seek(0)
        for line in file:
            try:
                entries.append(json.loads(line))
            except ValueError:
                break  # the end of a write that was cut off
            whole += len(line)
        file.truncate(whole)
    offsets = {(entry["producer"], entry["sequence"]): at for at, entry in enumerate(entries)}
    TOPICS[name] = (open(path, "ab", buffering=0), entries, offsets)
    if FSYNC:
        sync_folder()


def append(topic, entry):
    file, entries, offsets = TOPICS[topic]
    key = (entry["producer"], entry["sequence"])
    if key in offsets:
        return offsets[key]  # it is sent again, because the answer was lost
    file.write(json.dumps(entry).encode() + b"\n")
    if FSYNC:
        os.fsync(file.fileno())
    offsets[key] = len(entries)
    entries.append(entry)
    return offsets[key]


def answer(r):
    topic = r["topic"]
    match r["do"]:
        case "create" if topic not in TOPICS:
            open_topic(topic)
        case "remove" if topic in TOPICS:
            TOPICS.pop(topic)[0].close()
            os.unlink(os.path.join(FOLDER, topic))
        case "append" | "read" if topic not in TOPICS:
            return {"error": "no such topic"}
        case "append":
            return {"offset": append(topic, r["entry"])}
        case "read":
            entries = TOPICS[topic][1]
            return {"entries": entries[r["from"]:r["from"] + r["max"]], "end": len(entries)}
    return {}


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            with LOCK:
                reply = answer(json.loads(line))
            self.wfile.write(json.dumps(reply).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


for name in os.listdir(FOLDER):
    open_topic(name)
with Server(("127.0.0.1", PORT), Connection) as server:
    print("listening", flush=True)
    server.serve_forever()
