"""The projects whose test suites are run, and what of each."""

from __future__ import annotations

from typing import NamedTuple


class Project(NamedTuple):
    """One project.

    Attributes:
        name: what its registry calls it.
        version: the one that is tried.
        tests: what a shell runs in its unpacked source distribution.
        needs: what its tests import beside it.
        extras: of the project itself.
        registry: where it comes from.
    """

    name: str
    version: str
    tests: str
    needs: str
    extras: str = ""
    registry: str = "PyPI"


# The suites treat warnings as errors, and dependencies newer than they know warn of more. Their options measure
# coverage and spread tests over processes.
PYTEST = "python -m pytest -q -o addopts= -W default -p no:cacheprovider"

PROJECTS = (
    Project(
        "urllib3",
        "2.8.0",
        f"{PYTEST} test/with_dummyserver test/contrib/test_socks.py",
        "pytest pytest-socket pytest-timeout anyio[trio] h2 httpx hypercorn pysocks quart quart-trio trio cryptography"
        " idna pyopenssl trustme",
        "[brotli,zstd]",
    ),
    Project("waitress", "3.0.2", f"{PYTEST} tests/test_functional.py tests/test_server.py", "pytest"),
    Project(
        "tornado",
        "6.6.1",
        "python -m tornado.test.runtests tornado.test.httpserver_test tornado.test.http1connection_test"
        " tornado.test.simple_httpclient_test tornado.test.httpclient_test tornado.test.web_test"
        " tornado.test.websocket_test tornado.test.wsgi_test tornado.test.auth_test tornado.test.routing_test",
        "pytest",
    ),
    Project(
        "undici",
        "3.3.6",  # the last whose package has its tests
        "for test in test/*.js; do timeout 60 node $test; done",
        "tap@15 proxyquire@2 https-pem@2 abort-controller@3 @sinonjs/fake-timers@6",
        registry="npm",
    ),
    Project(
        "aiohttp",
        "3.14.5",
        f"{PYTEST} tests/test_client_functional.py tests/test_web_functional.py tests/test_web_server.py"
        " tests/test_web_sendfile_functional.py tests/test_web_websocket_functional.py"
        " tests/test_client_ws_functional.py",
        "pytest pytest-mock pytest-timeout pytest-codspeed pytest-cov pytest-xdist freezegun blockbuster isal zlib-ng"
        " trustme proxy.py>=2.4.4rc5 python-on-whales re-assert",
        "[speedups]",
    ),
    Project(
        "requests",
        "2.34.2",
        f"{PYTEST} tests/test_lowlevel.py tests/test_requests.py tests/test_testserver.py",
        "pytest pytest-httpbin==2.1.0 httpbin~=0.10.0 pytest-mock trustme",
        "[socks]",
    ),
    Project(
        "uvicorn",
        "0.54.0",
        f"{PYTEST} tests/protocols/test_websocket.py tests/test_server.py tests/test_main.py",
        "pytest pytest-mock pytest-xdist pytest-codspeed trustme cryptography httpx httpx2 a2wsgi wsproto",
        "[standard]",
    ),
    Project(
        "httpx",
        "0.28.1",
        f"{PYTEST} tests",
        "pytest uvicorn trio anyio trustme cryptography chardet",
        "[brotli,cli,http2,socks,zstd]",
    ),
    Project(
        "werkzeug",
        "3.1.9",
        # the reloader waits for changes of files, and makes no requests
        f"{PYTEST} --timeout 30 -k 'not reloader' tests/test_serving.py tests/test_debug.py tests/middleware",
        "pytest pytest-timeout cffi cryptography ephemeral-port-reserve watchdog",
    ),
)
