"""What Linux makes of segments: the receive path of net/ipv4/tcp_input.c, as far as it chooses bytes.

An oracle: it follows tcp_data_queue(), tcp_data_queue_ofo() and tcp_ofo_queue() step by step, with a tree
that is not balanced, and knows nothing of windows, memory or acknowledgements.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Node:
    seq: int
    data: bytes
    left: Node | None = None
    right: Node | None = None

    @property
    def end(self) -> int:
        return self.seq + len(self.data)


class LinuxReceiver:
    """read: what an application reads."""

    def __init__(self) -> None:
        self.read = b""
        self._queue: list[tuple[int, bytes]] = []  # out of order, by sequence number; walked as a tree would be

    @property
    def next(self) -> int:
        return len(self.read)

    def segment(self, seq: int, data: bytes) -> None:
        if seq + len(data) <= self.next:
            return
        if seq > self.next:
            self._data_queue_ofo(seq, data)
            return
        self.read += data[self.next - seq :]
        self._ofo_queue()

    def _data_queue_ofo(self, seq: int, data: bytes) -> None:
        end = seq + len(data)
        node, root = None, self._tree(self._queue)
        replaces = False
        while (node := root if node is None else node) is not None:
            if seq < node.seq:
                following = node.left
            elif seq < node.end:
                if end <= node.end:
                    return  # all the bits are present
                if seq == node.seq:
                    replaces = True
                    break
                following = node.right
            else:
                following = node.right
            if following is None:
                break
            node = following
        queue = [entry for entry in self._queue if not (replaces and node is not None and entry[0] == node.seq)]
        queue.append((seq, data))
        queue.sort(key=lambda entry: entry[0])
        self._merge_right(queue, queue.index((seq, data)), end)

    def _merge_right(self, queue: list[tuple[int, bytes]], at: int, end: int) -> None:
        while at + 1 < len(queue):
            following, data = queue[at + 1]
            if end <= following or end < following + len(data):
                break
            del queue[at + 1]
        self._queue = queue

    def _ofo_queue(self) -> None:
        while self._queue and self._queue[0][0] <= self.next:
            seq, data = self._queue.pop(0)
            self.read += data[self.next - seq :]

    def _tree(self, entries: list[tuple[int, bytes]]) -> Node | None:
        if not entries:
            return None
        middle = len(entries) // 2
        seq, data = entries[middle]
        return Node(seq, data, self._tree(entries[:middle]), self._tree(entries[middle + 1 :]))
