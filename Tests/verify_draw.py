#!/usr/bin/env python3
"""Makes the draw of an on-sale again, from docs/fairness.md alone: verify_draw.py URL-OF-ON-SALE [RECEIPT]"""
import base64, datetime, hashlib, hmac, json, sys, urllib.request

def get(path): return json.load(urllib.request.urlopen(sys.argv[1] + path))
def H(data): return hashlib.sha256(data).digest()
def mac(key, message): return hmac.new(key, message, hashlib.sha256).digest()
def number(data): return int.from_bytes(data, "big")
def instant(text): return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
def check(is_fine, text):
    print("ok    " if is_fine else "BROKEN", text)
    if not is_fine: sys.exit(1)

draw = get("/fairness")
n, root, beacon = draw["entries"], bytes.fromhex(draw["root"]), draw["beacon"]
secret, value = bytes.fromhex(draw["secret"] or ""), bytes.fromhex(beacon["value"] or "")

leaves, priorities, after = [], b"", 0
while after is not None:
    page = get(f"/leaves?after={after}")
    leaves, after = leaves + [bytes.fromhex(leaf) for leaf in page["leaves"]], page["next"]
    priorities += bytes.fromhex(page["priorities"] or "")
level = leaves or [H(b"")]
while len(level) > 1:
    pairs = [level[i:i + 2] for i in range(0, len(level), 2)]
    level = [H(b"\1" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
check(len(leaves) == n and level[0] == root, f"the root is that of the {n} published entries")

if secret: check(H(b"usher.commit.v1" + secret).hex() == draw["commitment"], "the secret is the one committed to")
else: check("secret_withheld" in draw["flags"], "the secret was withheld, and the draw is flagged")
if value: check(instant(draw["rooted_at"]) < instant(beacon["at"]) <= instant(beacon["taken_at"]), "beacon after root")
else: check({"no_beacon", "beacon_missing"} & set(draw["flags"]), "there is no beacon, and the draw is flagged")
if value and beacon["kind"] == "drand":
    late = datetime.timedelta(seconds=(beacon["round"] - 1) * beacon["period_seconds"])
    check(instant(beacon["genesis_at"]) + late == instant(beacon["at"]), f"round {beacon['round']} is of that time")
    check(H(bytes.fromhex(beacon["proof"])) == value, "the value is the hash of the round's signature")

material = secret + len(value).to_bytes(2, "big") + value + root
key = mac(mac(bytes(32), material), b"usher.draw.v1" + b"\1")
check(key.hex() == draw["key"], "the key follows from secret, beacon and root")

def stream():
    for block in range(1 << 62):
        words = mac(key, block.to_bytes(8, "big"))
        yield from (number(words[i:i + 4]) for i in range(0, 32, 4))
words, entries = stream(), list(range(1, n + 1))
for i in range(n - 1, 0, -1):
    word = next(w for w in words if w < (1 << 32) - (1 << 32) % (i + 1))
    entries[i], entries[word % (i + 1)] = entries[word % (i + 1)], entries[i]
if priorities: entries.sort(key=lambda arrival: priorities[arrival - 1])  # stable: the drawn order holds within each
print("order", H(json.dumps(entries, separators=(",", ":")).encode()).hex())

for receipt in sys.argv[2:]:
    data = base64.urlsafe_b64decode(receipt[3:] + "==")[4:-16]
    arrival = number(data[8:16])
    if priorities and arrival <= n: data += priorities[arrival - 1:arrival]
    if arrival <= n: check(leaves[arrival - 1] == H(b"\0" + data), f"the entry of arrival {arrival} is published")
    print(f"arrival {arrival} has number", entries.index(arrival) + 1 if arrival <= n else arrival)
