"""The guard against real servers: pinned addresses, redirects, and responses that try to be too much."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_server import Received, ScriptedServer, reply

from workflowkit.base.errors import (
    ActionError,
    ActionTimeout,
    DestinationForbidden,
    LimitExceeded,
    NonRetriableError,
)
from workflowkit.base.netguard import GuardedResponse, NetworkPolicy, dialing, request
from workflowkit.base.netguard.destination import Destination
from workflowkit.base.netguard.exchange import _bounded_body, _decoded

CERTIFICATE = Path(__file__).parent / "data" / "shop.example.pem"
KIB = 1024


def policy_for(*servers: ScriptedServer, **settings: Any) -> NetworkPolicy:
    """Return the strict policy with exactly these servers let through."""
    return NetworkPolicy(allowed_hosts=frozenset(server.host for server in servers), **settings)


def get(server: ScriptedServer, path: str = "/", *, settings: Any = None, **options: Any) -> GuardedResponse:
    return request("GET", server.url + path, policy=policy_for(server, **(settings or {})), **options)


class Resolver:
    """Gives one answer after the other, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Stopwatch:
    """A second passes every time somebody looks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


# --- what is sent and what comes back


def test_a_request_arrives_as_it_was_asked_for() -> None:
    with ScriptedServer(lambda _: reply(201, b'{"ok":true}', content_type="application/json", x_a="1")) as server:
        response = request(
            "POST", server.url + "/orders?x=1", policy=policy_for(server), headers={"X-Key": "k"}, body=b"hello"
        )
    assert (response.status, response.body, response.url) == (201, b'{"ok":true}', server.url + "/orders?x=1")
    assert response.headers["content-type"] == "application/json"
    (received,) = server.received
    assert (received.method, received.target, received.body) == ("POST", "/orders?x=1", b"hello")
    assert received.headers == {
        "host": server.host,
        "user-agent": "workflowkit",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "x-key": "k",
        "connection": "close",
        "content-length": "5",
    }


def test_a_post_without_a_body_says_that_it_has_none() -> None:
    with ScriptedServer(lambda _: reply(204)) as server:
        request("POST", server.url, policy=policy_for(server))
        request("DELETE", server.url, policy=policy_for(server))
    assert [received.headers.get("content-length") for received in server.received] == ["0", None]


def test_repeated_response_headers_are_joined() -> None:
    with ScriptedServer(lambda _: b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n") as server:
        assert get(server).headers["x-a"] == "1, 2"


def test_error_statuses_are_answers_and_not_errors() -> None:
    with ScriptedServer(lambda _: reply(500, b"broken")) as server:
        assert get(server).status == 500


def test_the_environment_and_the_machine_add_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login root password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with (
        ScriptedServer(lambda _: reply(200, set_cookie="a=b")) as server,
        ScriptedServer(lambda _: reply(200)) as proxy,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        get(server)
        get(server)
    assert proxy.connections == 0
    assert not {"authorization", "cookie"} & set(server.received[1].headers)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Proxy-Authorization"])
def test_headers_about_the_connection_may_not_be_set(name: str) -> None:
    with ScriptedServer(lambda _: reply(200)) as server, pytest.raises(NonRetriableError, match="may not be set"):
        get(server, headers={name: "x"})
    assert server.connections == 0


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nY: b"), ("X", "a\0"), ("X", "é"), ("X: a\r\nY", "b"), ("", "b")]
)
def test_headers_cannot_smuggle_others(name: str, value: str) -> None:
    with ScriptedServer(lambda _: reply(200)) as server, pytest.raises(NonRetriableError):
        get(server, headers={name: value})
    assert server.connections == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\n\r\n", ""])
def test_a_method_that_is_not_listed_is_refused(method: str) -> None:
    with pytest.raises(NonRetriableError, match="method"):
        request(method, "http://shop.example/", policy=NetworkPolicy())


def test_a_request_larger_than_allowed_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="max_request_bytes"):
        request("POST", "http://shop.example/", policy=NetworkPolicy(max_request_bytes=3), body=b"four")


# --- addresses: resolved once, then pinned


def test_a_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    with ScriptedServer(lambda _: reply(200)) as server:
        policy = NetworkPolicy(allowed_hosts=frozenset({f"shop.example:{server.port}"}))
        request("GET", f"http://Shop.example:{server.port}/", policy=policy, resolver=resolver)
    assert resolver.asked == ["shop.example"]
    assert server.received[0].headers["host"] == f"shop.example:{server.port}"


def test_a_name_that_turns_private_after_the_check_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []

    def record(destination: Destination, addresses: list[Any], deadline: Any, *, max_read_bytes: int) -> None:
        connected.extend(map(str, addresses))
        raise ActionError("recorded")

    monkeypatch.setattr(dialing, "connect", record)
    resolver = Resolver(["93.184.215.14"], ["127.0.0.1"])
    with pytest.raises(ActionError, match="recorded"):
        request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=resolver)
    assert connected == ["93.184.215.14"]
    with pytest.raises(DestinationForbidden):
        request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=resolver)
    assert resolver.asked == ["shop.example"] * 2


def test_an_exemption_is_for_one_host_and_port_only() -> None:
    with ScriptedServer(lambda _: reply(200)) as server, ScriptedServer(lambda _: reply(200)) as other:
        policy = policy_for(server, ports=frozenset({other.port}))
        assert request("GET", server.url, policy=policy).status == 200
        with pytest.raises(DestinationForbidden):
            request("GET", other.url, policy=policy)
        with pytest.raises(DestinationForbidden):
            request("GET", f"http://shop.example:{server.port}", policy=policy, resolver=Resolver(["127.0.0.1"]))
    assert other.connections == 0


def test_private_networks_may_be_allowed_for_development() -> None:
    with ScriptedServer(lambda _: reply(200)) as server:
        assert request("GET", f"http://localhost:{server.port}", policy=NetworkPolicy(allow_private=True)).status == 200


def test_an_exempt_host_still_does_not_reach_metadata_services() -> None:
    policy = NetworkPolicy(allowed_hosts=frozenset({"shop.example", "169.254.169.254"}))
    for url in ("http://shop.example/", "http://169.254.169.254/"):
        with pytest.raises(DestinationForbidden):
            request("GET", url, policy=policy, resolver=Resolver(["169.254.169.254"]))


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with ScriptedServer(lambda _: reply(200)) as server:
        policy = NetworkPolicy(allowed_hosts=frozenset({f"shop.example:{server.port}"}))
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])
        response = request("GET", f"http://shop.example:{server.port}/", policy=policy, resolver=resolver)
    assert response.status == 200


def test_an_address_that_swallows_packets_leaves_time_for_the_next() -> None:
    with ScriptedServer(lambda _: reply(200)) as server, socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.2", server.port))
        deaf.listen(0)
        for _ in range(2):  # fills the queue of connections, so that further ones hang
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.2", server.port))
        policy = NetworkPolicy(allowed_hosts=frozenset({f"shop.example:{server.port}"}))
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])
        url = f"http://shop.example:{server.port}/"
        assert request("GET", url, policy=policy, resolver=resolver, timeout_seconds=3).status == 200


def test_a_refused_connection_and_an_unknown_host_may_be_tried_again() -> None:
    with ScriptedServer(lambda _: reply(200)) as server:
        pass
    with pytest.raises(ActionError, match="cannot connect") as caught:
        get(server)
    assert caught.value.retryable

    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    for resolver in (unknown, Resolver([])):
        with pytest.raises(ActionError, match=r"cannot find the host shop\.example") as caught:
            request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=resolver)
        assert caught.value.retryable


# --- TLS


def server_tls(names: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def trusting_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def get_securely(server: ScriptedServer, host: str = "shop.example", tls: Any = trusting_tls) -> GuardedResponse:
    policy = NetworkPolicy(allowed_hosts=frozenset({f"{host}:{server.port}"}))
    return request("GET", f"https://{host}:{server.port}/", policy=policy, resolver=Resolver(["127.0.0.1"]), tls=tls)


def test_the_name_stays_in_tls_and_host_while_the_address_is_pinned() -> None:
    names: list[str | None] = []
    with ScriptedServer(lambda _: reply(200), tls=server_tls(names)) as server:
        response = get_securely(server)
    assert response.status == 200
    assert names == ["shop.example"]
    assert server.received[0].headers["host"] == f"shop.example:{server.port}"


@pytest.mark.parametrize(("host", "tls"), [("other.example", trusting_tls), ("shop.example", None)])
def test_a_certificate_for_another_name_or_from_nobody_is_refused(host: str, tls: Any) -> None:
    with ScriptedServer(lambda _: reply(200), tls=server_tls([])) as server:
        with pytest.raises(ActionError, match="CERTIFICATE_VERIFY_FAILED"):
            get_securely(server, host, tls)
        assert server.received == []


# --- redirects


def redirecting(target: str, status: int = 302) -> Any:
    return lambda received: reply(200, b"end") if received.target == "/end" else reply(status, location=target)


@pytest.mark.parametrize("location", ["/end", "end", "?x=/../../end", "//{host}/end", "http://{host}/end#top"])
def test_redirects_are_followed_relative_to_the_page(location: str) -> None:
    with ScriptedServer(lambda _: b"") as server:
        server.script = lambda r: (
            reply(302, location=location.format(host=server.host)) if r.target == "/a" else reply(200, b"end")
        )
        assert get(server, "/a").body == b"end"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433/",
        "//169.254.169.254/",
        "http://localhost:22/",
        "http://user:pass@shop.example/",
        "http://shop.example:25/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "javascript:alert(1)",
        "http://shop.example\\@127.0.0.1/",
        "/a b",
        "http://[",
    ],
)
def test_a_redirect_meets_the_same_rules(location: str) -> None:
    with ScriptedServer(lambda _: reply(302, location=location)) as server, pytest.raises(DestinationForbidden):
        get(server)
    assert server.connections == 1


def test_a_redirect_to_a_name_with_a_private_address_is_refused() -> None:
    with ScriptedServer(redirecting("http://inner.example/")) as server, pytest.raises(DestinationForbidden):
        get(server, resolver=Resolver(["10.0.0.1"]))


def test_only_so_many_redirects_are_followed() -> None:
    def count_down(received: Received) -> bytes:
        left = int(received.target[1:])
        return reply(302, location=f"/{left - 1}") if left else reply(200)

    with ScriptedServer(count_down) as server:
        assert get(server, "/3").status == 200
        with pytest.raises(LimitExceeded, match="max_redirects exceeded: at most 3"):
            get(server, "/4")
        with pytest.raises(LimitExceeded):
            get(server, "/1", settings={"max_redirects": 0})
    assert server.connections == 4 + 4 + 1


def test_redirects_can_be_left_to_the_caller() -> None:
    with ScriptedServer(redirecting("/end")) as server:
        response = get(server, follow_redirects=False)
    assert (response.status, response.headers["location"]) == (302, "/end")


def test_a_redirect_without_a_location_is_the_answer() -> None:
    with ScriptedServer(lambda _: reply(302, b"where?")) as server:
        assert get(server).body == b"where?"


@pytest.mark.parametrize(
    ("status", "method", "then", "keeps_body"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "HEAD", "HEAD", False),
        (301, "PUT", "PUT", True),
        (302, "PATCH", "PATCH", True),
        (307, "POST", "POST", True),
        (308, "DELETE", "DELETE", True),
    ],
)
def test_methods_and_bodies_follow_rfc_9110(status: int, method: str, then: str, keeps_body: bool) -> None:
    with ScriptedServer(redirecting("/end", status)) as server:
        body, headers = (None, {}) if method == "HEAD" else (b"data", {"content-type": "text/plain"})
        request(method, server.url, policy=policy_for(server), headers=headers, body=body)
    last = server.received[-1]
    assert (last.method, last.body) == (then, b"data" if keeps_body else b"")
    assert ("content-type" in last.headers) == keeps_body


def test_credentials_stay_with_their_origin() -> None:
    secret = {
        "Authorization": "Bearer s",
        "X-Api-Key": "s",
        "Cookie": "s",
        "Idempotency-Key": "k",
        "Accept": "text/csv",
    }
    with ScriptedServer(redirecting("/end")) as near, ScriptedServer(redirecting("/end")) as far:
        get(near, headers=secret)
        near.script = redirecting(far.url + "/end")
        request("GET", near.url, policy=policy_for(near, far), headers=secret)
    assert {"authorization", "x-api-key", "cookie", "idempotency-key"} <= set(near.received[1].headers)
    assert set(far.received[0].headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert far.received[0].headers["accept"] == "text/csv"


def test_a_redirect_does_not_leave_https() -> None:
    downgrade = reply(302, location="http://shop.example/")
    with (
        ScriptedServer(lambda _: downgrade, tls=server_tls([])) as server,
        pytest.raises(DestinationForbidden, match="leaves https"),
    ):
        get_securely(server)


# --- hostile responses


def chunked(*pieces: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def endless(head: bytes, piece: bytes) -> Any:
    return lambda _: itertools.chain([head], itertools.repeat(piece))


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_refused() -> None:
    small = {"max_response_bytes": 1000}
    with ScriptedServer(lambda r: reply(200, b"x" * int(r.target[1:]))) as server:
        assert len(get(server, "/1000", settings=small).body) == 1000
        with pytest.raises(LimitExceeded, match="max_response_bytes exceeded: at most 1000"):
            get(server, "/1001", settings=small)


def test_chunks_are_put_together() -> None:
    with ScriptedServer(lambda _: chunked(b"one", b"two")) as server:
        assert get(server).body == b"onetwo"


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("identity", bytes),
    ],
)
def test_compressed_bodies_are_read(encoding: str, compress: Any) -> None:
    text = b"hello world " * 20_000
    with ScriptedServer(lambda _: reply(200, compress(text), content_encoding=encoding)) as server:
        assert get(server).body == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_decompression_bomb_is_stopped_at_the_limit(encoding: str) -> None:
    data = bytes(200 * KIB * KIB)
    bomb = gzip.compress(data, 9) if encoding == "gzip" else zlib.compress(data, 9)
    assert len(data) / len(bomb) > 900
    bombing = ScriptedServer(lambda _: reply(200, bomb, content_encoding=encoding))
    with bombing as server, pytest.raises(LimitExceeded, match="max_response_bytes"):
        get(server)


def test_a_decompression_bomb_never_lies_in_memory_whole() -> None:
    bomb = gzip.compress(bytes(100 * KIB * KIB), 9)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            _bounded_body(_decoded([bomb], "gzip", "shop.example"), 1000 * KIB)
        assert tracemalloc.get_traced_memory()[1] < 5 * KIB * KIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("deflate", b"x\x9cnot zlib"),
        ("gzip", gzip.compress(b"cut short")[:-9]),
        ("br", b"x"),
        ("zstd", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x"))),
    ],
)
def test_a_body_that_cannot_be_decompressed_is_an_error(encoding: str, body: bytes) -> None:
    with ScriptedServer(lambda _: reply(200, body, content_encoding=encoding)) as server, pytest.raises(ActionError):
        get(server)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * KIB),
        (b"HTTP/1.1 200 ", b"K" * KIB),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * KIB),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * KIB),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: 1\r\n" * 100),
    ],
    ids=["headers", "header", "reason", "interim", "body", "chunks", "chunk-extension", "trailers"],
)
def test_an_endless_response_ends(head: bytes, piece: bytes) -> None:
    with ScriptedServer(endless(head, piece)) as server, pytest.raises((LimitExceeded, ActionError)) as caught:
        get(server, settings={"max_response_bytes": 64 * KIB})
    assert not isinstance(caught.value, ActionTimeout)


def test_many_or_large_headers_are_refused() -> None:
    many, large = {f"x-{number}": "1" for number in range(100)}, {"x": "a" * 33_000}
    with ScriptedServer(lambda r: reply(200, b"", **(many if r.target == "/many" else large))) as server:
        with pytest.raises(LimitExceeded, match="max_headers"):
            get(server, "/many")
        with pytest.raises(LimitExceeded, match="max_header_bytes"):
            get(server, "/large")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_a_broken_response_is_an_error_worth_another_try(answer: bytes) -> None:
    with ScriptedServer(lambda _: answer) as server, pytest.raises(ActionError) as caught:
        get(server)
    assert caught.value.retryable


# --- time


def test_a_server_that_trickles_meets_one_deadline_for_everything() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with ScriptedServer(endless(head, b"x")) as server, pytest.raises(ActionTimeout):
        get(server, stopwatch=Stopwatch(), settings={"max_response_bytes": 100 * KIB * KIB})


def test_a_server_that_falls_silent_meets_the_deadline() -> None:
    done = threading.Event()

    def silent(received: Received) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        done.wait(30)

    with ScriptedServer(silent) as server:
        with pytest.raises(ActionTimeout):
            get(server, timeout_seconds=0.2)
        done.set()


def test_a_server_that_does_not_read_meets_the_deadline() -> None:
    with ScriptedServer() as server, pytest.raises(ActionTimeout):
        request(
            "POST",
            server.url,
            policy=policy_for(server, max_request_bytes=64 * KIB * KIB),
            body=bytes(32 * KIB * KIB),
            timeout_seconds=0.5,
        )


def test_a_handshake_that_never_ends_meets_the_deadline() -> None:
    with ScriptedServer() as server, pytest.raises(ActionTimeout):
        request("GET", f"https://{server.host}/", policy=policy_for(server), timeout_seconds=0.2)


def test_a_name_server_that_does_not_answer_meets_the_deadline() -> None:
    done = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        done.wait(30)
        return []

    with pytest.raises(ActionTimeout, match="name server"):
        request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=silent, timeout_seconds=0.2)
    done.set()


def test_redirects_share_the_deadline_and_the_policy_bounds_it() -> None:
    stopwatch, settings = Stopwatch(), {"max_redirects": 1000, "timeout_seconds": 40}
    with ScriptedServer(redirecting("/again")) as server, pytest.raises(ActionTimeout):
        get(server, stopwatch=stopwatch, settings=settings, timeout_seconds=10_000)
    assert stopwatch.seconds < 60
