"""A network that fails on demand: what clients of Broker.proxied send goes through here."""
import socket
import struct
import threading
import time


class Proxy:
    """Ports of 127.0.0.1. The way both directions are passed on is that of the fields, which may change at any time."""

    def __init__(self, outside, inside):
        self.inside = inside
        self.delay = 0.0      # seconds, of every piece
        self.slice = 65536    # bytes at once
        self.rate = None      # bytes a second of each direction
        self.silent = False   # pieces are kept back, and new connections not answered: a cut cable
        self.closed = False   # new connections are refused by a reset
        self.links = set()
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", outside), reuse_port=True)
        self.over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def plain(self):
        self.delay, self.slice, self.rate, self.silent, self.closed = 0.0, 65536, None, False, False

    def reset(self):
        """Every connection ends with RST, whatever is under way."""
        with self.lock:
            links, self.links = self.links, set()
        for link in links:
            self._abort(link)

    def close(self):
        self.over = True
        self.server.close()
        self.reset()

    @staticmethod
    def _abort(link):
        for end in link:
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)
            except OSError:
                pass
            end.close()

    def _accept(self):
        while not self.over:
            try:
                client = self.server.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        while self.silent and not self.over:
            time.sleep(0.02)
        try:
            if self.closed:
                raise ConnectionError
            server = socket.create_connection(("127.0.0.1", self.inside), 5)
        except OSError:
            self._abort((client,))
            return
        server.settimeout(None)
        link = (client, server)
        for end in link:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.links.add(link)
        for source, target in (link, link[::-1]):
            threading.Thread(target=self._pass, args=(source, target, link), daemon=True).start()

    def _pass(self, source, target, link):
        try:
            while data := source.recv(65536):
                at = 0
                if self.delay:
                    time.sleep(self.delay)
                while at < len(data):
                    while self.silent and not self.over:
                        time.sleep(0.02)
                    piece = data[at:at + self.slice]
                    target.sendall(piece)
                    at += len(piece)
                    if self.rate:
                        time.sleep(len(piece) / self.rate)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            with self.lock:
                known = link in self.links
                self.links.discard(link)
            if known:
                self._abort(link)
