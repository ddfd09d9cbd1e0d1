"""Several PDF files of one page each as one file of several pages.

Only what Cairo writes is read: objects `7 0 obj ... endobj`, and those inside of compressed object streams. They get
new numbers, so that those of several files stand beside each other.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

from ...errors import GraphError

START = re.compile(rb"(?:^|[\r\n])(\d+) 0 obj\b")
REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
Object = tuple[bytes, bytes | None]  # the part that is text, and the stream after it


def joined(files: Sequence[bytes]) -> bytes:
    """One file of all pages, in their order."""
    objects: list[Object] = []
    pages: list[int] = []
    for data in files:
        found = objects_of(data)
        numbers = {old: len(objects) + 3 + k for k, old in enumerate(found)}  # 1 is the catalogue, 2 the list of pages
        for old, (text, stream) in found.items():
            text = REFERENCE.sub(lambda m, new=numbers: b"%d 0 R" % new.get(int(m[1]), 0), text)  # type: ignore[misc]
            if re.search(rb"/Type\s*/Page\b", text):
                pages.append(numbers[old])
                text = re.sub(rb"/Parent \d+ 0 R", b"/Parent 2 0 R", text)
            objects.append((text, stream))
    if len(pages) < len(files):
        raise GraphError("save: a slide must be a PDF page of Cairo's; got another form; save PNG slides instead")
    kids = b" ".join(b"%d 0 R" % page for page in pages)
    first: list[Object] = [
        (b"<< /Type /Catalog /Pages 2 0 R >>", None),
        (b"<< /Type /Pages /Kids [ %s ] /Count %d >>" % (kids, len(pages)), None),
    ]
    return _written([*first, *objects])


def objects_of(data: bytes) -> dict[int, Object]:
    """The objects of a file by their numbers; those of its own bookkeeping are left out."""
    found: dict[int, Object] = {}
    for start in START.finditer(data):
        end = data.index(b"endobj", start.end())
        head, mark, _ = data[start.end() : end].partition(b"stream")
        stream = None
        if mark:
            begin = data.index(b"stream", start.end()) + 6
            begin += 2 if data[begin : begin + 2] == b"\r\n" else 1
            stream = data[begin : data.index(b"endstream", begin)]
        kind = re.search(rb"/Type\s*/(\w+)", head)
        if kind is not None and kind[1] == b"ObjStm" and stream is not None:
            found |= _inside(head, stream)
        elif kind is None or kind[1] not in (b"XRef", b"Catalog", b"Pages"):
            found[int(start[1])] = head.strip(), stream
    return found


def _inside(head: bytes, stream: bytes) -> dict[int, Object]:
    """The objects of an object stream."""
    text = zlib.decompress(stream) if b"/FlateDecode" in head else stream
    first, count = (int(re.search(rb"/%s (\d+)" % key, head)[1]) for key in (b"First", b"N"))  # type: ignore[index]
    numbers = [int(v) for v in text[:first].split()]
    places = [*numbers[1 : 2 * count : 2], len(text) - first]
    parts = [text[first + a : first + b].strip() for a, b in pairwise(places)]
    return {
        number: (part, None)
        for number, part in zip(numbers[: 2 * count : 2], parts, strict=True)
        if not re.search(rb"/Type\s*/(Catalog|Pages)\b", part)
    }


def _written(objects: Sequence[Object]) -> bytes:
    """A file of these objects, numbered from 1."""
    out, places = bytearray(b"%PDF-1.5\n%\xb5\xed\xae\xfb\n"), []
    for number, (text, stream) in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\n" % (number, text)
        out += b"stream\n%s\nendstream\n" % stream.rstrip(b"\r\n") if stream is not None else b""
        out += b"endobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)
