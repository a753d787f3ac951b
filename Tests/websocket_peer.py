"""Talks to a WebSocket as the library `websockets` does, which knows nothing of Usher, and prints what it found."""
import asyncio
import json
import sys

import websockets


async def gateway(url, token):
    """Listens to an on-sale, shows a place, and closes in order."""
    async with websockets.connect(url, ping_interval=None) as socket:
        first = json.loads(await socket.recv())
        print("first", first["type"], first["state"])
        await socket.send(json.dumps({"type": "place", "token": token}))
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "place":
                print("place", message["state"])
                break
        await asyncio.wait_for(await socket.ping(b"are you there"), 10)
        print("pong")
    print("closed", socket.close_code)


async def echo(url):
    """Says texts of many sizes, whole and in parts, and hears each again."""
    async with websockets.connect(url, max_size=None, ping_interval=None) as socket:
        await socket.recv()
        for size in (0, 1, 125, 126, 65_535, 65_536):
            text = "\u00fc" * (size // 2) + "x" * (size % 2)
            await socket.send(text)
            assert await socket.recv() == text, size
        await socket.send("part by part".split())
        assert await socket.recv() == "partbypart"
        await socket.send(b"bytes")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            print("closed", closed.rcvd.code, closed.rcvd.reason)


asyncio.run({"gateway": gateway, "echo": echo}[sys.argv[1]](*sys.argv[2:]))
