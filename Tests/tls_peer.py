"""Speaks TLS with the server under test, as somebody who knows nothing of its code.

Usage: tls_peer.py all|stay|name PORT CERTIFICATE
The server echoes `METHOD target body`. `all` prints one line for each thing that held, and ends with 1 at the first that
didn't; `stay` keeps one connection and asks on it for each line it reads; `name` prints whom the certificate is for.
"""
import asyncio
import http.client
import socket
import ssl
import sys
import tempfile
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
WHAT, PORT, AUTHORITY = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def context(**settings):
    made = ssl.create_default_context(cafile=AUTHORITY)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def connect(made):
    return made.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 30), server_hostname="localhost")


def ask(stream, target, extra=b""):
    stream.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + extra + b"\r\n")
    response = http.client.HTTPResponse(stream)
    response.begin()
    return response.status, response.read()


def versions():
    for version, name in [(ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")]:
        made = context(minimum_version=version, maximum_version=version)
        made.set_alpn_protocols(["h2", "http/1.1"])
        with connect(made) as stream:
            assert stream.version() == name, stream.version()
            assert stream.selected_alpn_protocol() == "http/1.1", stream.selected_alpn_protocol()
            cipher = stream.cipher()[0]
            assert "GCM" in cipher or "CHACHA20" in cipher, cipher
            assert ask(stream, b"/one") == (200, b"GET /one ")
            assert ask(stream, b"/two") == (200, b"GET /two ")
        print(name)


def old():
    made = context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    made.set_ciphers("ALL:@SECLEVEL=0")
    try:
        connect(made)
    except (ssl.SSLError, ConnectionError):
        # By the peer's own library or by the server: either way it is not spoken.
        print("old versions are refused")
    else:
        raise AssertionError("TLS 1.1 was spoken")


def other_protocol():
    made = context()
    made.set_alpn_protocols(["h2"])
    try:
        connect(made)
    except ssl.SSLError as error:
        assert "no application protocol" in str(error).lower().replace("_", " "), error
        print("only h2 is refused")
    else:
        raise AssertionError("h2 was agreed on")


def large():
    body = bytes(range(48, 58)) * 20_000
    with connect(context()) as stream:
        stream.sendall(b"POST /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 7_777):
            stream.sendall(body[start : start + 7_777])
        response = http.client.HTTPResponse(stream)
        response.begin()
        assert response.read() == b"POST /large " + body
        assert ask(stream, b"/later/x") == (200, b"GET /later/x ")
    print("large bodies both ways")


def byte_by_byte():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", PORT), 30) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(action):
            while True:
                try:
                    result = action()
                    waits = False
                except ssl.SSLWantReadError:
                    waits = True
                for byte in outgoing.read():
                    stream.sendall(bytes([byte]))
                if not waits:
                    return result
                received = stream.recv(3)
                assert received, "the server hung up"
                incoming.write(received)

        step(machine.do_handshake)
        step(lambda: machine.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        answer = b""
        while b"GET /slow " not in answer:
            answer += step(lambda: machine.read(65_536))
    print("byte by byte")


def plain():
    with socket.create_connection(("127.0.0.1", PORT), 30) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while received := stream.recv(65_536):
            answer += received
    assert answer.startswith(b"HTTP/1.1 400 ") and b"tls_required" in answer, answer
    print("plain text is told so")


def rubbish():
    for junk in [b"\x16" + b"\x00" * 300, b"\x16\x03\x01\xff\xff" + b"A" * 500]:
        with socket.create_connection(("127.0.0.1", PORT), 30) as stream:
            try:
                stream.sendall(junk)
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(65_536):
                    pass
            except OSError:
                # The server may have hung up already.
                pass
    with connect(context()) as stream:
        assert ask(stream, b"/after") == (200, b"GET /after ")
    print("rubbish is hung up on")


def resumed():
    made = context(maximum_version=ssl.TLSVersion.TLSv1_2)
    with connect(made) as stream:
        ask(stream, b"/first")
        session = stream.session
    stream = made.wrap_socket(
        socket.create_connection(("127.0.0.1", PORT), 30), server_hostname="localhost", session=session
    )
    with stream:
        assert stream.session_reused
        assert ask(stream, b"/second") == (200, b"GET /second ")
    print("a session is taken up again")


async def web_socket():
    import websockets

    async with websockets.connect(f"wss://localhost:{PORT}/socket", ssl=context(), close_timeout=10) as channel:
        assert await channel.recv() == "hello 7"
        for size in [1, 1_000, 60_000]:
            await channel.send("x" * size)
            assert await channel.recv() == "x" * size
    print("a WebSocket")


def everything():
    versions()
    old()
    other_protocol()
    large()
    byte_by_byte()
    plain()
    rubbish()
    resumed()
    asyncio.run(web_socket())


def stay():
    with connect(context()) as stream:
        print("here", flush=True)
        for line in sys.stdin:
            status, _ = ask(stream, b"/" + line.strip().encode())
            print(status, flush=True)


def name():
    pem = ssl.get_server_certificate(("127.0.0.1", PORT))
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        subject = ssl._ssl._test_decode_cert(file.name)["subject"]
    print(dict(pair for part in subject for pair in part)["commonName"])


{"all": everything, "stay": stay, "name": name}[WHAT]()
