"""Follows the events of a gateway as docs/events.md tells it, and holds each against its schema.

usage: events_consumer.py URL KEY SCHEMAS UNTIL [ON_SALE]

Reads on until an event of the type UNTIL has come, and everything that follows within a second. Prints one line for each
type with how often it came, and `in order` with the number of events. Whatever is not as the documentation says ends it
with 1 and a line that says what.
"""
import collections
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

import jsonschema

url, key, schemas, until = sys.argv[1:5]
only = sys.argv[5] if len(sys.argv) > 5 else None
documents = {}
for path in pathlib.Path(schemas).glob("*.json"):
    document = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    documents[document["$id"]] = jsonschema.Draft202012Validator(document)


def fail(message):
    print(message)
    sys.exit(1)


def ask(after, wait):
    query = {"wait": wait, "limit": 7}
    if after is not None:
        query["after"] = after
    if only is not None:
        query["on_sale"] = only
    request = urllib.request.Request(f"{url}/v1/events?{urllib.parse.urlencode(query)}")
    request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


counts = collections.Counter()
latest = -1
after = None
seen_end = False
while True:
    page = ask(after, 1 if seen_end else 20)
    for event in page["events"]:
        if event["specversion"] != "1.0" or event["datacontenttype"] != "application/json":
            fail(f"no CloudEvent: {event}")
        if int(event["id"]) <= latest:
            fail(f"{event['id']} came after {latest}")
        latest = int(event["id"])
        found = re.fullmatch(r"usher\.([a-z_.]+)\.v([0-9]+)", event["type"])
        if not found:
            fail(f"no type: {event['type']}")
        if event["dataschema"] != f"urn:usher:event:{found[1]}.v{found[2]}":
            fail(f"another schema than its type: {event['dataschema']}")
        if not event["source"].endswith(event["partitionkey"]):
            fail(f"source and key differ: {event}")
        if only is not None and event["partitionkey"] != only:
            fail(f"not asked for: {event}")
        problem = next(documents[event["dataschema"]].iter_errors(event["data"]), None)
        if problem is not None:
            fail(f"{event['type']}: {problem.message} in {json.dumps(event['data'])}")
        counts[found[1]] += 1
        seen_end = seen_end or found[1] == until
    if int(page["next"]) < latest:
        fail(f"next goes back: {page['next']}")
    after = page["next"]
    if seen_end and not page["events"]:
        break
for name, count in sorted(counts.items()):
    print(name, count)
print("in order", sum(counts.values()))
