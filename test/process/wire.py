"""HTTP/2 and gRPC by hand, for clients that no library would be: frames as one likes, windows that stay shut.

Headers go out as literals; those that come are read by libnghttp2, which the server needs as well.
"""

import ctypes
import ctypes.util
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
WIDE = 2**31 - 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", {"window": 4, "table": 1}[k], v) for k, v in values.items()))


def window_update(stream, bytes_more):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", bytes_more))


def length_of(size, bits=7):
    most = (1 << bits) - 1
    if size < most:
        return bytes([size])
    out, size = bytearray([most]), size - most
    while size >= 128:
        out.append(size % 128 + 128)
        size //= 128
    return bytes(out + bytes([size]))


def block(fields):
    """A header block without compression."""
    return b"".join(b"\0" + length_of(len(k)) + k + length_of(len(v)) + v for k, v in fields)


def call_head(path, more=()):
    return block([(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"worst"),
                  (b"content-type", b"application/grpc"), (b"te", b"trailers"), *more])


def message(encoded):
    return b"\0" + struct.pack(">I", len(encoded)) + encoded


# Protobuf.

def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number % 128 + 128)
        number //= 128
    return bytes(out + bytes([number]))


def text(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def number(field, value):
    return varint(field << 3) + varint(value)


def fields_of(encoded):
    """(field, value) of each, in order."""
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = encoded[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(encoded):
        tag = take()
        if tag & 7 == 2:
            size = take()
            yield tag >> 3, encoded[at:at + size]
            at += size
        else:
            yield tag >> 3, take()


def put(key, value):
    return text(1, key) + text(2, value)


def get(key, end=b"", limit=0):
    return text(1, key) + (text(2, end) if end else b"") + (number(3, limit) if limit else b"")


def watch(key, end=b"", start=0):
    return text(1, text(1, key) + (text(2, end) if end else b"") + (number(3, start) if start else b""))


class Field(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_size", ctypes.c_size_t),
                ("value_size", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    """The header blocks of one connection, in their order."""
    library = ctypes.CDLL(ctypes.util.find_library("nghttp2") or "libnghttp2.so.14")
    library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    library.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p, ctypes.POINTER(Field), ctypes.POINTER(ctypes.c_int),
                                               ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]

    def __init__(self):
        self.state = ctypes.c_void_p()
        if self.library.nghttp2_hd_inflate_new(ctypes.byref(self.state)) != 0:
            raise MemoryError

    def __del__(self):
        self.library.nghttp2_hd_inflate_del(self.state)

    def read(self, encoded):
        out, field, flags = {}, Field(), ctypes.c_int()
        while True:
            used = self.library.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(field), ctypes.byref(flags), encoded,
                                                       len(encoded), 1)
            if used < 0:
                raise ConnectionError(f"not HPACK: {used}")
            encoded = encoded[used:]
            if flags.value & 2:
                out[ctypes.string_at(field.name, field.name_size)] = ctypes.string_at(field.value, field.value_size)
            if flags.value & 1:
                self.library.nghttp2_hd_inflate_end_headers(self.state)
                return out


class Failed(Exception):
    """A call that ended with a status other than OK."""

    def __init__(self, code, words):
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


class Client:
    """One HTTP/2 connection. `window`: of each stream, for what the server sends."""

    def __init__(self, port, window=WIDE, whole_window=True, timeout=20, receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inflater = Inflater()
        self.input = bytearray()
        self.next_stream = 1
        self.unread = 0  # DATA not given back to the connection's window
        self.seen = []  # frames that came while windows were awaited
        self.room = {0: 65535}  # what may be sent, by stream
        self.first_room = 65535
        first = PREFACE + settings(window=window)
        if whole_window:
            first += window_update(0, WIDE - 65535)
        self.socket.sendall(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, sent):
        self.socket.sendall(sent)

    def open(self, path, encoded=None, end=True, more=()):
        """Begins a call, with its message unless None; its stream."""
        stream = self.next_stream
        self.next_stream += 2
        out = frame(HEADERS, END_HEADERS, stream, call_head(path, more))
        whole = b"" if encoded is None else message(encoded)
        parts = [whole[at:at + 16384] for at in range(0, len(whole), 16384)]
        for i, part in enumerate(parts):
            while len(part) > min(self.room[0], self.first_room + self.room.get(stream, 0)):
                self.send(out)
                out = b""
                self.seen.append(self.come())
                if self.seen[-1][0] in (RST_STREAM, HEADERS) and self.seen[-1][2] == stream:
                    return stream
            self.room[0] -= len(part)
            self.room[stream] = self.room.get(stream, 0) - len(part)
            out += frame(DATA, END_STREAM if end and i + 1 == len(parts) else 0, stream, part)
        self.send(out)
        return stream

    def take(self):
        """The next frame: (kind, flags, stream, payload)."""
        return self.seen.pop(0) if self.seen else self.come()

    def come(self):
        while len(self.input) < 9 or len(self.input) < 9 + int.from_bytes(self.input[:3], "big"):
            more = self.socket.recv(1 << 20)
            if not more:
                raise ConnectionError("closed")
            self.input += more
        size = int.from_bytes(self.input[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.input[3:9])
        payload = bytes(self.input[9:9 + size])
        del self.input[:9 + size]
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, size, 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == INITIAL_WINDOW_SIZE:
                    self.first_room = value
            self.send(frame(SETTINGS, ACK, 0))
        if kind == WINDOW_UPDATE:
            self.room[stream] = self.room.get(stream, 0) + int.from_bytes(payload, "big")
        if kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        if kind == DATA:
            self.unread += size
            if self.unread > 1 << 20:
                self.send(window_update(0, self.unread))
                self.unread = 0
        return kind, flags, stream, payload

    def finish(self, stream, on_data=None):
        """What the call answers with, all messages joined; `on_data` gets them instead. Raises Failed."""
        body = bytearray()
        while True:
            kind, flags, of, payload = self.take()
            if kind == GOAWAY:
                raise ConnectionError(f"GOAWAY {payload[8:].decode(errors='replace')}")
            if kind == HEADERS:
                seen = self.inflater.read(payload)
                if of == stream and flags & END_STREAM:
                    code = int(seen.get(b"grpc-status", b"-1"))
                    if code != 0:
                        raise Failed(code, seen.get(b"grpc-message", b"").decode())
                    return bytes(body)
            if of != stream:
                continue
            if kind == RST_STREAM:
                raise Failed(-1, f"reset {int.from_bytes(payload, 'big')}")
            if kind == DATA and on_data:
                on_data(payload)
            elif kind == DATA:
                body += payload

    def call(self, path, encoded):
        return self.finish(self.open(path, encoded))[5:]


def wait_until(true, timeout_s, step_s=0.05):
    """Asks until it is true; whether it became so."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
