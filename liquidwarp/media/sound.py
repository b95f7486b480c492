"""The sound of one file carried into another, in step with the pictures."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from liquidwarp.media.probe import open_container
from liquidwarp.media.video import first_time

_LOG = logging.getLogger(__name__)
# By the ending of the file written: sound that goes over untouched, and what all other sound is encoded with.
_COPIED = {
    ".mp4": ({"aac", "mp3", "ac3", "eac3", "alac"}, "aac"),
    ".m4v": ({"aac", "ac3", "alac"}, "aac"),
    ".mov": ({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"}, "aac"),
    ".mkv": ({"aac", "mp3", "ac3", "eac3", "alac", "opus", "vorbis", "flac", "dts", "pcm_s16le"}, "aac"),
    ".webm": ({"opus", "vorbis"}, "libopus"),
}
_AAC_RATES = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}


class Sound:
    """Sound packets with the times they end, moved into the output up to a given time, as often as asked."""

    def __init__(self, output: OutputContainer, packets: Iterator[tuple[Fraction, Packet]]):
        self._output = output
        self._packets = packets
        self._next = next(packets, None)

    def advance(self, until: Fraction) -> None:
        """Write the packets that end by `until`, in seconds since the first picture."""
        while self._next is not None and self._next[0] <= until:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)


@contextmanager
def sound_into(output: OutputContainer, path: Path | None, ending: str) -> Iterator[Sound | None]:
    """Add the sound of `path` to `output` as a stream; None when there is no sound to add.

    Time zero is the first picture of the source, so that sound which begins earlier or later stays in step.

    Raises:
        InputError: `path` is missing or no media file.
    """
    if path is None or path.is_dir() or ending not in _COPIED:
        yield None
        return
    with open_container(path, "sound") as container:
        if not container.streams.audio:
            yield None
            return
        source = container.streams.audio[0]
        if source.codec_context is None:
            _LOG.warning("the sound of %s is in a format that cannot be decoded; it is left out", path)
            yield None
            return
        start = _start(path, source)
        copied, encoder = _COPIED[ending]
        if source.codec_context.name in copied:
            target = output.add_stream_from_template(source)
            packets = _copied(container, source, target, start)
        else:
            own = source.codec_context.sample_rate
            rate = own if encoder == "aac" and own in _AAC_RATES else 48_000
            layout = "stereo" if source.codec_context.channels > 1 else "mono"
            encoded = cast(AudioStream, output.add_stream(encoder, rate=rate, layout=layout))
            packets = _encoded(container, source, encoded, start)
        yield Sound(output, packets)


def _start(path: Path, source: AudioStream) -> Fraction:
    """Return the time of the first picture, or of the first sound in a file without pictures."""
    start = first_time(path)
    if start is None and source.start_time is not None and source.time_base is not None:
        start = source.start_time * source.time_base
    return start or Fraction(0)


def _copied(
    container: InputContainer, source: AudioStream, target: AudioStream, start: Fraction
) -> Iterator[tuple[Fraction, Packet]]:
    for packet in _readable(container, source):
        if packet.pts is None or packet.size == 0:
            continue
        shift = round(start / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts
        # The packet that ends at zero stays: codecs with overlapping blocks need it to decode the next one.
        if packet.pts + (packet.duration or 0) >= 0:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            packet.stream = target
            yield end, packet


def _encoded(
    container: InputContainer, source: AudioStream, target: AudioStream, start: Fraction
) -> Iterator[tuple[Fraction, Packet]]:
    for packet in _readable(container, source):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if not isinstance(frame, AudioFrame) or frame.pts is None or frame.time_base is None:
                continue
            frame.pts -= round(start / frame.time_base)
            if frame.pts >= 0:
                yield from _timed(target.encode(frame))
    yield from _timed(target.encode(None))


def _timed(packets: list[Packet]) -> Iterator[tuple[Fraction, Packet]]:
    for packet in packets:
        yield ((packet.pts or 0) + (packet.duration or 0)) * packet.time_base, packet


def _readable(container: InputContainer, source: AudioStream) -> Iterator[Packet]:
    """Yield packets up to the end or to where the file breaks off."""
    try:
        yield from container.demux(source)
    except av.FFmpegError:
        _LOG.warning("%s is damaged: its sound ends early", container.name)
