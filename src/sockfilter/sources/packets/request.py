"""What to attach to interfaces, in one value: this process attaches it, or a broker that checks each field."""

from __future__ import annotations

from typing import Any, NamedTuple

from sockfilter.libbpf import binding

# bytes of an address, and of a mask
ADDRESS_BYTES = 16


class AttachRequest(NamedTuple):
    """What to attach, and to which interfaces. The fields are also those of a client's message to a broker.

    Attributes:
        interfaces: names of the interfaces.
        ring: bytes of the ring, a size that the kernel accepts.
        promiscuous: capture frames for other hosts too.
        whole: also send frames without meaning for HTTP, for a capture file.
        frame_bytes: maximum bytes kept of each frame.
        run_bytes: consecutive payload bytes of one direction that are sent even if the ring fills.
        family: 4, 6, or 0 for both.
        host: an address and its mask, 16 bytes each; empty means all hosts.
        ports: the map of ports; empty means all ports.
        protocols: the protocols beside HTTP, as bits of enum sf_protocol.
        tls: also capture connections of TLS.
    """

    interfaces: list[str]
    ring: int
    promiscuous: bool
    whole: bool
    frame_bytes: int
    run_bytes: int
    family: int
    host: bytes
    ports: bytes
    protocols: int = 0
    tls: bool = False

    def config(self) -> Any:
        """Returns the request as struct sf_config. `every` stays 0: only HTTP connections are captured."""
        ffi, _ = binding.load()
        config = ffi.new("struct sf_config *")
        config.frame_bytes, config.run_bytes, config.pressure_bytes = self.frame_bytes, self.run_bytes, self.ring // 2
        config.family, config.whole, config.protocols, config.tls = self.family, self.whole, self.protocols, self.tls
        if self.host:
            config.by_host = 1
            config.host, config.host_mask = self.host[:ADDRESS_BYTES], self.host[ADDRESS_BYTES:]
        config.by_port = config.frames = bool(self.ports)
        return config
