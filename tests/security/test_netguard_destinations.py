"""Which URLs and addresses the guard refuses, spelling by spelling, and that nothing is contacted for any of them."""

# ruff: noqa: RUF001 - look-alike characters are what is tested

from __future__ import annotations

import ipaddress

import pytest
from scripted_server import ScriptedServer, reply

from workflowkit.base.errors import DestinationForbidden
from workflowkit.base.netguard import NetworkPolicy, dialing, request
from workflowkit.base.netguard.addresses import refusal
from workflowkit.base.netguard.destination import parse_url

# Loopback and metadata addresses in every spelling some parser accepts. A server on PORT must notice nothing.
LOCAL_SPELLINGS = [
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.0.0.1:PORT",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://127.127.127.127:PORT/",
    "http://2130706433:PORT/",
    "http://2130706433.:PORT/",
    "http://02130706433:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://0177.0.0.01:PORT/",
    "http://0177.0x0.0.1:PORT/",
    "http://127.0.0.01:PORT/",
    "http://0000127.0.0.1:PORT/",
    "http://0x7f000001:PORT/",
    "http://0X7F000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://0x7f.0x0.0x0.0x1:PORT/",
    "http://127.0.0.0x1:PORT/",
    "http://127.0.0.0x:PORT/",
    "http://0x:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://00:PORT/",
    "http://127.0.0.1.2:PORT/",
    "http://256.0.0.1:PORT/",
    "http://4294967297:PORT/",
    "http://1.2.3:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/",
    "http://[::]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::7f00:1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "http://[::ffff:0:127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b:1::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[::1%25lo]:PORT/",
    "http://[::1%lo]:PORT/",
    "http://[fe80::1%25eth0]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[::1:PORT/",
    "http://::1:PORT/",
    "http://[127.0.0.1]:PORT/",
    "http://[v1.fe80]:PORT/",
    "http://127。0。0。1:PORT/",
    "http://127．0．0．1:PORT/",
    "http://127｡0｡0｡1:PORT/",
    "http://１２７.０.０.１:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://٢١٣٠٧٠٦٤٣٣:PORT/",
    "http://0x7f。1:PORT/",
    "http://127.0.0.1%2e:PORT/",
    "http://127%2e0%2e0%2e1:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://shop.example@127.0.0.1:PORT/",
    "http://shop.example:80@127.0.0.1:PORT/",
    "http://user:pass@shop.example/",
    "http://@shop.example/",
    "http://:@shop.example/",
    "http://shop.example#@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@shop.example/",
    "http://127.0.0.1:PORT\\@shop.example/",
    "http://shop.example\\@127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "http:/\\127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT/",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ ",
    "http://127.0.\t0.1:PORT/",
    "http://127.0.0.1\n:PORT/",
    "http://127.0.0.1\r\nHost:x:PORT/",
    "ht\ntp://127.0.0.1:PORT/",
    "http://127.0.0.1\x00.shop.example:PORT/",
    "http://127.0.0.1\xa0:PORT/",
    "http://127.0.0.1\u2028:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://0xa9.254.0251.254/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
]

ODD_URLS = [
    "",
    "http://",
    "http:///",
    "http://:80/",
    "http://./",
    "http://../",
    "http://shop..example/",
    "http://shop.example../",
    "http://-shop.example/",
    "http://shop-.example/",
    "http://shop.example:0x50/",
    "http://shop.example:99999/",
    "http://shop.example:-1/",
    "http://shop.example:８０/",
    "http://shop.example:80:80/",
    "http://sho p.example/",
    "http://shop.example/a b",
    "http://shop.example/\ud800",
    "http://xn--/",
    "http://ex\u00adample\u200d.com/",
    "http://shop.example" + "/a" * 5000,
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://" + "é" * 3000 + ".example/",
    "http://sh$op.example/",
    "http://shop.example,evil.example/",
    "http://shop.example;evil.example/",
    "http://(shop).example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "dict://shop.example:11211/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "jar:http://shop.example!/",
    "ws://shop.example/",
]

BLOCKED_ADDRESSES = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1"),
    *("169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8"),
    *("192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("100.100.100.200", "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8"),
    *("::ffff:0:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:808:808::", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254"),
    *("fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "2606:4700::1%eth0"),
]
PRIVATE_ADDRESSES = ["10.0.0.1", "100.64.0.1", "127.0.0.1", "172.16.0.1", "192.168.0.1", "::1", "fd00::1"]
PUBLIC_ADDRESSES = ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "172.32.0.1", "192.169.0.1", "223.255.255.255"]
PUBLIC_ADDRESSES += ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1"]


def no_resolver(host: str, port: int) -> list[str]:
    raise AssertionError(f"resolved {host}")


def only_shop_example(host: str, port: int) -> list[str]:
    assert host == "shop.example"
    return ["127.0.0.1"]


@pytest.mark.parametrize("spelling", LOCAL_SPELLINGS)
def test_no_spelling_of_a_local_address_is_contacted_or_resolved(spelling: str) -> None:
    with ScriptedServer(lambda _: reply(200)) as server:
        policy = NetworkPolicy(ports=frozenset({80, server.port}))
        with pytest.raises(DestinationForbidden):
            request("GET", spelling.replace("PORT", str(server.port)), policy=policy, resolver=only_shop_example)
    assert server.connections == 0


@pytest.mark.parametrize("url", ODD_URLS, ids=[ascii(url[:40]) for url in ODD_URLS])
def test_an_odd_url_is_refused_before_its_name_is_resolved(url: str) -> None:
    with pytest.raises(DestinationForbidden):
        request("GET", url, policy=NetworkPolicy(), resolver=no_resolver)


@pytest.mark.parametrize("port", [1, 22, 25, 6379, 5432, 11211, 65535])
def test_a_port_that_is_not_listed_is_refused(port: int) -> None:
    with pytest.raises(DestinationForbidden, match=f"port {port}"):
        request("GET", f"http://shop.example:{port}/", policy=NetworkPolicy(), resolver=no_resolver)


@pytest.mark.parametrize("address", BLOCKED_ADDRESSES)
def test_a_name_with_a_blocked_address_is_refused(address: str) -> None:
    with pytest.raises(DestinationForbidden, match=r"shop\.example may not be reached") as caught:
        request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=lambda *_: [address])
    assert address not in caught.value.message or address == "::"


@pytest.mark.parametrize("address", BLOCKED_ADDRESSES)
def test_one_blocked_address_among_public_ones_is_enough(address: str) -> None:
    for answer in (["93.184.215.14", address], [address, "2606:4700::1"]):
        with pytest.raises(DestinationForbidden):
            request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=lambda *_, answer=answer: answer)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_open(address: str) -> None:
    assert refusal(ipaddress.ip_address(address), allow_private=False) is None


def test_allowing_private_networks_opens_those_and_nothing_else() -> None:
    opened = [a for a in BLOCKED_ADDRESSES if refusal(ipaddress.ip_address(a), allow_private=True) is None]
    assert set(PRIVATE_ADDRESSES) <= set(opened)
    private = ("10.", "100.", "127.", "172.", "192.168.", "::1", "fc00:", "fd00::")
    assert [address for address in opened if not address.startswith(private)] == []
    assert "100.100.100.200" not in opened
    assert "fd00:ec2::254" not in opened


def test_networks_of_the_operator_are_blocked_too() -> None:
    policy = NetworkPolicy(blocked_networks=("8.8.0.0/16", "2001:4860::/32"), allow_private=True)
    for address in ("8.8.8.8", "2001:4860::1"):
        with pytest.raises(DestinationForbidden, match="this installation blocks"):
            request("GET", "http://shop.example/", policy=policy, resolver=lambda *_, address=address: [address])


def test_a_public_address_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dialing._is_of_this_machine(ipaddress.ip_address("127.0.0.1"))
    assert not dialing._is_of_this_machine(ipaddress.ip_address("8.8.8.8"))
    monkeypatch.setattr(dialing, "_is_of_this_machine", lambda address: str(address) == "8.8.8.8")
    with pytest.raises(DestinationForbidden, match="belongs to this machine"):
        request("GET", "http://8.8.8.8/", policy=NetworkPolicy())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user:pass@shop.example/", "user name or password"),
        ("http://2130706433/", "four decimal numbers"),
        ("ftp://shop.example/", "only http and https"),
        ("http://shop.example/ ", "white space"),
        ("http://shop.example:99999/", "port 99999"),
        ("http://[fe80::1%25eth0]/", "no valid host"),
        ("http://[1:2]/", "URL is not valid"),
        ("http://ex_\u00fc.example/", "international name"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_url(url: str, reason: str) -> None:
    with pytest.raises(DestinationForbidden, match=reason):
        request("GET", url, policy=NetworkPolicy(), resolver=no_resolver)


def test_an_answer_of_the_name_server_that_is_no_address_is_refused() -> None:
    with pytest.raises(DestinationForbidden):
        request("GET", "http://shop.example/", policy=NetworkPolicy(), resolver=lambda *_: ["127.1"])


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("http://shop.example", "shop.example", 80, "/", "shop.example"),
        ("HTTP://Shop.EXAMPLE.:80/A?b=1#c", "shop.example", 80, "/A?b=1", "shop.example"),
        ("https://shop.example:8443/a%20b/ü?q=ü&r=a+b", "shop.example", 8443, "/a%20b/%C3%BC?q=%C3%BC&r=a+b", None),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://bücher。example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("http://8.8.8.8:8080/?x", "8.8.8.8", 8080, "/?x", "8.8.8.8:8080"),
        ("http://[2001:4860:0:0::8888]:8080/", "2001:4860::8888", 8080, "/", "[2001:4860::8888]:8080"),
        ("http://shop.example:/", "shop.example", 80, "/", "shop.example"),
        ("http://my_host.example/<x>", "my_host.example", 80, "/%3Cx%3E", "my_host.example"),
        ("http://3com.example/", "3com.example", 80, "/", "3com.example"),
        ("http://127.0.0.1.nip.example//a", "127.0.0.1.nip.example", 80, "//a", "127.0.0.1.nip.example"),
    ],
)
def test_a_good_url_is_taken_apart_once(url: str, host: str, port: int, target: str, authority: str | None) -> None:
    destination = parse_url(url)
    assert (destination.host, destination.port, destination.target) == (host, port, target)
    assert destination.authority == (authority or f"{host}:{port}")
    assert parse_url(destination.url) == destination
