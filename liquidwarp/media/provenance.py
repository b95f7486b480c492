"""The mark that every file of ours carries: synthetic media, made by liquidwarp, this version.

Two forms are written side by side: a sentence for people (comment fields, PNG text) and XMP for machines, with the
IPTC property `DigitalSourceType` (IPTC Photo Metadata Standard 2023.1; the term `compositeSynthetic` means "a mix of
captured and synthetic elements", which is what a photo's pixels on a moved body are).
"""

import html
import struct
import uuid
from pathlib import Path

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
MARK = "Synthetic media made by liquidwarp"
_GIF_TAIL = 8192  # bytes at the end of a GIF to look for a comment in
_XMP_UUID = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes  # XMP specification part 3, section 1.1.4 (MPEG-4)
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \
rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" \
xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="{tool}" \
Iptc4xmpExt:DigitalSourceType="{source}"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li>\
</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def software() -> str:
    """Return the name and version that files are signed with."""
    from liquidwarp import __version__  # inside: the package's own __init__ may be importing this room right now

    return f"liquidwarp {__version__}"


def provenance_text(note: str | None = None) -> str:
    """Return the sentence that marks a file as synthetic, with `note` (one line, optional) behind it."""
    text = f"{MARK} {software().split()[-1]} (digital source type: compositeSynthetic)"
    return f"{text}. {' '.join(note.split())}" if note else text


def xmp_packet(text: str) -> bytes:
    """Return `text` and the IPTC digital source type as an XMP packet."""
    fields = {"tool": software(), "source": DIGITAL_SOURCE_TYPE, "text": html.escape(text)}
    return _XMP.format(**fields).encode()


def append_mp4_xmp(path: Path, text: str) -> None:
    """Append the XMP packet as a `uuid` box; players skip boxes they do not know."""
    packet = xmp_packet(text)
    with open(path, "ab") as file:
        file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP_UUID + packet)


def append_gif_comment(path: Path, text: str) -> None:
    """Put a comment extension (GIF89a, section 24) before the trailer byte."""
    data = text.encode()
    blocks = b"".join(bytes([len(part)]) + part for part in (data[i : i + 255] for i in range(0, len(data), 255)))
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x21\xfe" + blocks + b"\x00\x3b")


def gif_comment(path: Path) -> str:
    """Return the text of the last comment extension of a GIF, or an empty one."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _GIF_TAIL))
        tail = file.read()
    at = tail.rfind(b"\x21\xfe") + 2
    text = b""
    while at > 1 and at < len(tail) and tail[at]:
        text += tail[at + 1 : at + 1 + tail[at]]
        at += 1 + tail[at]
    return text.decode("utf-8", "replace")
