"""A server that answers each request with the number of the process that does it; python -m, or as a file.

How it shares the work is its first argument: alone, threads, prefork (workers accept on one socket), forking (a process
for each connection), passed (each connection goes to another process after its first answer), exec (a process that runs
another program with the connection it has accepted).
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading

WORKERS = 3
# the first process of a namespace takes no other signal from outside
PR_SET_PDEATHSIG, SIGKILL = 1, 9


def answer(link: socket.socket, limit: int = -1) -> None:
    """Answers requests without bodies, one after the other."""
    received = b""
    while limit:
        while b"\r\n\r\n" not in received:
            try:
                more = link.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            received += more
        _, _, received = received.partition(b"\r\n\r\n")
        body = str(os.getpid()).encode()
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        limit -= 1


def alone(server: socket.socket) -> None:
    while True:
        link, _ = server.accept()
        with link:
            answer(link)


def threads(server: socket.socket) -> None:
    while True:
        link, _ = server.accept()
        threading.Thread(target=answer, args=(link,), daemon=True).start()


def prefork(server: socket.socket) -> None:
    for _ in range(WORKERS - 1):
        if not os.fork():
            die_with_parent()
            break
    alone(server)


def forking(server: socket.socket) -> None:
    while True:
        link, _ = server.accept()
        if not os.fork():
            die_with_parent()
            answer(link)
            os._exit(0)
        link.close()


def passed(server: socket.socket) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    if not os.fork():
        die_with_parent()
        while True:
            _, descriptors, _, _ = socket.recv_fds(theirs, 1, 1)
            with socket.socket(fileno=descriptors[0]) as link:
                answer(link)
    while True:
        link, _ = server.accept()
        with link:
            answer(link, 1)
            socket.send_fds(ours, [b"x"], [link.fileno()])


def executing(server: socket.socket) -> None:
    link, _ = server.accept()
    os.dup2(link.fileno(), 0)
    os.execv(sys.executable, [sys.executable, __file__, "inherited"])


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


HOW = {
    "alone": alone,
    "threads": threads,
    "prefork": prefork,
    "forking": forking,
    "passed": passed,
    "exec": executing,
}


def main(how: str, host: str = "127.0.0.1", port: str = "0") -> None:
    if how == "inherited":
        answer(socket.socket(fileno=0))
        return
    die_with_parent()
    server = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    print(server.getsockname()[1], flush=True)
    HOW[how](server)


if __name__ == "__main__":
    main(*sys.argv[1:])
