"""JPEG pictures with the pixels of MediaPipe's decoder, stb_image: baseline and progressive, 8 bits, Huffman codes.

The standard (ITU-T T.81) leaves free how exactly the inverse cosine transform, the enlarging of the colour channels and
the conversion to RGB compute; decoders differ by a few levels. These are stb_image's sums in whole numbers, as its SSE2
code has them; its reasons for refusing a file, too, are words that programs may know.

MediaPipe 0.10.21 has an older stb_image than 1.x. The newer one is `tolerant`: it takes files whose end is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SCANS = 200
"""More are refused: each may be a few bytes and still go through the whole picture."""

_NONE = 0xFF  # no marker
_BLOCK = 64
# Places of the coefficients in a block, row by row, in the order of the file: up and down the diagonals. What a damaged
# file has beyond the 64th goes to the last.
_ZIGZAG = sorted(range(_BLOCK), key=lambda p: (p // 8 + p % 8, p // 8 if (p // 8 + p % 8) % 2 else p % 8)) + [63] * 15


def decode_jpeg(data: bytes, tolerant: bool, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a JPEG file.

    Parameters
    ----------
    data : bytes
        The whole file.
    tolerant : bool
        Whether a baseline picture may lack its end. What is missing has samples of 0: a dark green.
    max_pixels : int
        Larger pictures are refused.

    Returns
    -------
    ndarray of uint8, shape (H, W, 1) or (H, W, 3)
        Grey or RGB; not turned by EXIF data.

    Raises
    ------
    ValueError
        It is damaged, of another kind, or too large; says why in stb_image's words.
    """
    return _Decoder(data, tolerant, max_pixels).decode()


class _Bytes:
    """A file as bytes, with zeros behind its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.data)

    def byte(self) -> int:
        if self.ended:
            return 0
        self.at += 1
        return self.data[self.at - 1]

    def word(self) -> int:
        return self.byte() << 8 | self.byte()

    def skip(self, count: int) -> None:
        self.at = min(self.at + count, len(self.data))


class _Huffman:
    """A table of codes; where a file has none, every code is empty and means 0."""

    def __init__(self, counts: list[int], values: list[int]) -> None:
        self.values = values
        self.ends: list[tuple[int, int]] = []  # of each length: the first code that is longer, in 16 bits; see `find`
        code = taken = 0
        for length, count in enumerate(counts, 1):
            first = taken - code
            code, taken = code + count, taken + count
            if count and code > 1 << length:
                raise ValueError("bad code lengths")
            self.ends.append((code << (16 - length), first))
            code <<= 1

    def find(self, bits: int) -> tuple[int, int]:
        """What code 16 bits begin with: its value and length, or length 17 where there is none."""
        for length, (end, first) in enumerate(self.ends, 1):
            if bits < end:
                return self.values[(bits >> (16 - length)) + first], length
        return 0, 17 if self.ends else 0


@dataclass
class _Component:
    """A channel as it is stored.

    Attributes
    ----------
    across, down : int
        Samples, of the largest channel's, in 8 x 8 of its: the sampling factors.
    width, height : int
        Samples that count.
    blocks : ndarray of int16, shape (rows, columns, 64)
        Coefficients; multiplied by the quantisation table in baseline pictures.
    """

    name: int
    across: int
    down: int
    table: int
    width: int = 0
    height: int = 0
    blocks: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 0, _BLOCK), np.int16))
    dc_table: int = 0
    ac_table: int = 0
    predicted: int = 0


@dataclass
class _Scan:
    """What a scan brings: coefficients `first` to `last` in zigzag order, bits from `low` up, `high` of them before."""

    components: list[_Component]
    first: int = 0
    last: int = 63
    high: int = 0
    low: int = 0


class _Decoder:
    """A file, what is known from its markers, and the bits of the scan that is being read."""

    def __init__(self, data: bytes, tolerant: bool, max_pixels: int) -> None:
        self.file, self.tolerant, self.max_pixels = _Bytes(data), tolerant, max_pixels
        self.quantisation = np.zeros((4, _BLOCK), np.int64)
        self.huffman = [[_Huffman([], []) for _ in range(4)] for _ in range(2)]  # [DC or AC][number]
        self.components: list[_Component] = []
        self.restart = 0
        self.jfif, self.adobe_transform, self.rgb = False, -1, False
        self.pending = _NONE  # the marker that ended a scan; zeros are read from there on
        self._reset()

    # Markers ----------------------------------------------------------------------------------------------------------

    def decode(self) -> NDArray[np.uint8]:
        if self._marker() != 0xD8:
            raise ValueError("no SOI")
        marker = self._marker()
        while marker not in (0xC0, 0xC1, 0xC2):
            self._table_or_note(marker)
            marker = self._marker()
            while marker == _NONE:
                if self.file.ended:
                    raise ValueError("no SOF")
                marker = self._marker()
        self._frame(progressive=marker == 0xC2)
        self._scans()
        if self.progressive:
            for component in self.components:
                component.blocks = (component.blocks * self.quantisation[component.table]).astype(np.int16)
        return self._pixels([_samples(component.blocks) for component in self.components])

    def _marker(self) -> int:
        """The next marker; one that ended a scan comes first."""
        found, self.pending = self.pending, _NONE
        if found != _NONE:
            return found
        if self.file.byte() != 0xFF:
            return _NONE
        while (found := self.file.byte()) == 0xFF:
            if self.file.ended:
                return _NONE
        return found

    def _scans(self) -> None:
        count = 0
        marker = self._marker()
        while marker != 0xD9:
            if marker == 0xDA:
                count += 1
                if count > MAX_SCANS:
                    raise ValueError("too many scans")
                self._scan(self._scan_header())
                if self.pending == _NONE:
                    self._skip_rest()
                marker = self._marker()
                if self.tolerant and 0xD0 <= marker <= 0xD7:
                    marker = self._marker()
                continue
            if marker == 0xDC:
                if self.file.word() != 4:
                    raise ValueError("bad DNL len")
                if self.file.word() != self.height:
                    raise ValueError("bad DNL height")
            else:
                try:
                    self._table_or_note(marker)
                except ValueError:
                    if not self.tolerant or not count or self.progressive:
                        raise
                    return
            marker = self._marker()
        if not count:
            raise ValueError("no SOS")

    def _skip_rest(self) -> None:
        """Go on to the next marker behind a scan whose data did not end in one."""
        while not self.file.ended:
            value = self.file.byte()
            if value == 0xFF and not self.tolerant:
                self.pending = self.file.byte()
                return
            while value == 0xFF and not self.file.ended:
                value = self.file.byte()
                if value not in (0, 0xFF):
                    self.pending = value
                    return

    def _table_or_note(self, marker: int) -> None:
        file = self.file
        if marker == 0xDD:
            if file.word() != 4:
                raise ValueError("bad DRI len")
            self.restart = file.word()
        elif marker == 0xDB:
            self._quantisation_tables()
        elif marker == 0xC4:
            self._huffman_tables()
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            length = file.word() - 2
            if length < 0:
                raise ValueError("bad COM len" if marker == 0xFE else "bad APP len")
            end = file.at + length
            if marker == 0xE0 and length >= 5:
                self.jfif |= bytes(file.byte() for _ in range(5)) == b"JFIF\0"
            elif marker == 0xEE and length >= 12 and bytes(file.byte() for _ in range(6)) == b"Adobe\0":
                file.skip(5)
                self.adobe_transform = file.byte()
            file.skip(max(end - file.at, 0))
        else:
            raise ValueError("expected marker" if marker == _NONE else "unknown marker")

    def _quantisation_tables(self) -> None:
        rest = self.file.word() - 2
        while rest > 0:
            kind, number = divmod(self.file.byte(), 16)
            if kind > 1:
                raise ValueError("bad DQT type")
            if number > 3:
                raise ValueError("bad DQT table")
            for place in _ZIGZAG[:_BLOCK]:
                self.quantisation[number, place] = self.file.word() if kind else self.file.byte()
            rest -= 1 + _BLOCK * (1 + kind)
        if rest:
            raise ValueError("bad DQT len")

    def _huffman_tables(self) -> None:
        rest = self.file.word() - 2
        while rest > 0:
            kind, number = divmod(self.file.byte(), 16)
            if kind > 1 or number > 3:
                raise ValueError("bad DHT header")
            counts = [self.file.byte() for _ in range(16)]
            if sum(counts) > 256:
                raise ValueError("bad code lengths")
            values = [self.file.byte() for _ in range(sum(counts))]
            self.huffman[kind][number] = _Huffman(counts, values)
            rest -= 17 + len(values)
        if rest:
            raise ValueError("bad DHT len")

    def _frame(self, progressive: bool) -> None:
        """The frame header: sizes, and the channels."""
        file, self.progressive = self.file, progressive
        length = file.word()
        if length < 11:
            raise ValueError("bad SOF len")
        if file.byte() != 8:
            raise ValueError("only 8-bit")
        self.height, self.width = file.word(), file.word()
        if not self.height:
            raise ValueError("no header height")
        if not self.width:
            raise ValueError("0 width")
        count = file.byte()
        if count not in (1, 3, 4):
            raise ValueError("bad component count")
        if length != 8 + 3 * count:
            raise ValueError("bad SOF len")
        for _ in range(count):
            name, factors, table = file.byte(), file.byte(), file.byte()
            if not 1 <= factors >> 4 <= 4:
                raise ValueError("bad H")
            if not 1 <= factors & 15 <= 4:
                raise ValueError("bad V")
            if table > 3:
                raise ValueError("bad TQ")
            self.components.append(_Component(name, factors >> 4, factors & 15, table))
        self.rgb = bytes(component.name for component in self.components) == b"RGB"
        self.across = max(component.across for component in self.components)
        self.down = max(component.down for component in self.components)
        self.mcus = -(-self.height // (8 * self.down)), -(-self.width // (8 * self.across))
        for component in self.components:
            if self.across % component.across:
                raise ValueError("bad H")
            if self.down % component.down:
                raise ValueError("bad V")
        if self.width * self.height > self.max_pixels:
            bound = f"{self.max_pixels:,} pixels"
            raise ValueError(f"more than {bound} (REFPOSE_MAX_PIXELS raises this bound)")
        for component in self.components:
            component.width = -(-self.width * component.across // self.across)
            component.height = -(-self.height * component.down // self.down)
            rows, columns = self.mcus[0] * component.down, self.mcus[1] * component.across
            component.blocks = np.zeros((rows, columns, _BLOCK), np.int16)
            if not progressive:  # what a damaged file leaves out becomes samples of 0
                component.blocks[..., 0] = -1024

    def _scan_header(self) -> _Scan:
        file = self.file
        length, count = file.word(), file.byte()
        if not 1 <= count <= min(4, len(self.components)):
            raise ValueError("bad SOS component count")
        if length != 6 + 2 * count:
            raise ValueError("bad SOS len")
        components = []
        for _ in range(count):
            name = file.byte()
            tables = file.byte()
            component = next((one for one in self.components if one.name == name), None)
            if component is None:
                raise ValueError("bad SOS component")
            component.dc_table, component.ac_table = divmod(tables, 16)
            if component.dc_table > 3:
                raise ValueError("bad DC huff")
            if component.ac_table > 3:
                raise ValueError("bad AC huff")
            components.append(component)
        first, last, bits = file.byte(), file.byte(), file.byte()
        scan = _Scan(components, first, last, bits >> 4, bits & 15)
        if not self.progressive:
            if first or bits:
                raise ValueError("bad SOS")
            scan.last = 63
        elif first > last or last > 63 or scan.high > 13 or scan.low > 13:
            raise ValueError("bad SOS")
        return scan

    # Bits of a scan ---------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        """As at the beginning of a scan, and behind a restart marker."""
        self.buffer = 0  # 32 bits, of which the upper `bits` have been read and not used
        self.bits = 0
        self.pending = _NONE
        self.at_marker = False
        self.skipped_blocks = 0
        for component in self.components:
            component.predicted = 0

    def _fill(self) -> None:
        """Read until more than 24 bits are there, or a marker comes."""
        while True:
            value = 0 if self.at_marker else self.file.byte()
            if value == 0xFF:
                code = self.file.byte()
                while code == 0xFF:
                    code = self.file.byte()
                if code:
                    self.pending, self.at_marker = code, True
                    return
            self.buffer |= value << (24 - self.bits)
            self.bits += 8
            if self.bits > 24:
                return

    def _use(self, count: int) -> int:
        """The next bits, which are there."""
        found = self.buffer >> (32 - count)
        self.buffer = self.buffer << count & 0xFFFFFFFF
        self.bits -= count
        return found

    def _take(self, count: int) -> int | None:
        """The next bits; None where a marker comes before them, which the tolerant decoder takes for zeros."""
        if self.bits < count:
            self._fill()
        if self.bits < count:
            if self.tolerant:
                return None
            self._fill()
        return self._use(count)

    def _bit(self) -> bool:
        return bool(self._take(1))

    def _value(self, size: int) -> int:
        """A number of so many bits: without the upper one, negative."""
        found = self._take(size)
        if found is None or not size:
            return 0
        return found if found >> (size - 1) else found - (1 << size) + 1

    def _symbol(self, table: _Huffman, error: str = "bad huffman code") -> int:
        if self.bits < 16:
            self._fill()
        symbol, length = table.find(self.buffer >> 16)
        if length > min(self.bits, 16):
            raise ValueError(error)
        self._use(length)
        return symbol

    def _run_and_value(self, table: _Huffman) -> tuple[int, int, int]:
        """Zeros before a coefficient, its size in bits and its value; where the size is 0, the run has a meaning."""
        if self.bits < 16:
            self._fill()
        if self.tolerant:  # it has a table of short codes with their values, which must not reach beyond the data
            symbol, length = table.find(self.buffer >> 16)
            whole = length + symbol % 16
            if self.bits < whole <= 9 and symbol % 16:
                value = self.buffer << length >> (32 - symbol % 16) & (1 << symbol % 16) - 1
                value = value if value >> (symbol % 16 - 1) else value - (1 << symbol % 16) + 1
                if -128 <= value <= 127:
                    raise ValueError("bad huffman code")
        run, size = divmod(self._symbol(table), 16)
        return run, size, self._value(size)

    # Scans ------------------------------------------------------------------------------------------------------------

    def _scan(self, scan: _Scan) -> None:
        self._reset()
        left = self.restart or 0x7FFFFFFF
        for group in self._groups(scan):
            for component, row, column in group:
                self._block(scan, component, component.blocks[row, column])
            left -= 1
            if left <= 0:
                if self.bits < 24:
                    self._fill()
                if not 0xD0 <= self.pending <= 0xD7:
                    return
                self._reset()
                left = self.restart

    def _groups(self, scan: _Scan) -> Iterator[list[tuple[_Component, int, int]]]:
        """The blocks of a scan: one by one where it has one channel, or else in groups that cover the same pixels."""
        if len(scan.components) == 1:
            (component,) = scan.components
            for row in range(-(-component.height // 8)):
                for column in range(-(-component.width // 8)):
                    yield [(component, row, column)]
            return
        for mcu_row in range(self.mcus[0]):
            for mcu_column in range(self.mcus[1]):
                yield [
                    (component, mcu_row * component.down + y, mcu_column * component.across + x)
                    for component in scan.components
                    for y in range(component.down)
                    for x in range(component.across)
                ]

    def _block(self, scan: _Scan, component: _Component, block: NDArray[np.int16]) -> None:
        if not self.progressive:
            self._baseline(component, block)
        elif scan.first == 0 or len(scan.components) > 1:
            self._progressive_dc(scan, component, block)
        elif scan.high == 0:
            self._progressive_ac(scan, component, block)
        else:
            self._refine_ac(scan, component, block)

    def _dc(self, component: _Component, factor: int) -> int:
        """The first coefficient of a block, times a factor."""
        if self.bits < 16:
            self._fill()
        if self.bits < 16:
            self._fill()
        error = "can't merge dc and ac" if self.progressive else "bad huffman code"  # as stb_image has it
        size = self._symbol(self.huffman[0][component.dc_table], error)
        if size > 15:
            raise ValueError(error)
        component.predicted += self._value(size)
        if not -(1 << 31) <= component.predicted < 1 << 31:
            raise ValueError("bad delta")
        found = _int16(component.predicted * factor)
        if self.tolerant and found != component.predicted * factor:
            raise ValueError("can't merge dc and ac")
        return found

    def _baseline(self, component: _Component, block: NDArray[np.int16]) -> None:
        block[:] = 0
        factors = self.quantisation[component.table]
        block[0] = self._dc(component, int(factors[0]))
        table = self.huffman[1][component.ac_table]
        k = 1
        while k < _BLOCK:
            run, size, value = self._run_and_value(table)
            if size:
                place = _ZIGZAG[k + run]
                block[place] = _int16(value * int(factors[place]))
                k += run + 1
            elif run == 15:
                k += 16
            else:
                return

    def _progressive_dc(self, scan: _Scan, component: _Component, block: NDArray[np.int16]) -> None:
        if scan.last:
            raise ValueError("can't merge dc and ac")
        if scan.high == 0:
            block[:] = 0
            block[0] = self._dc(component, 1 << scan.low)
        else:
            if self.bits < 16:
                self._fill()
            if self._bit():
                block[0] = _int16(int(block[0]) + (1 << scan.low))

    def _progressive_ac(self, scan: _Scan, component: _Component, block: NDArray[np.int16]) -> None:
        if self.skipped_blocks:
            self.skipped_blocks -= 1
            return
        table = self.huffman[1][component.ac_table]
        k = scan.first
        while k <= scan.last:
            run, size, value = self._run_and_value(table)
            if size:
                block[_ZIGZAG[k + run]] = _int16(value << scan.low)
                k += run + 1
            elif run == 15:
                k += 16
            else:
                self.skipped_blocks = self._end_of_band(run)
                return

    def _end_of_band(self, size: int) -> int:
        """How many blocks without further coefficients follow the one that ends."""
        return (1 << size) - 1 + ((self._take(size) or 0) if size else 0)

    def _refine_ac(self, scan: _Scan, component: _Component, block: NDArray[np.int16]) -> None:
        """One more bit of the coefficients that are not 0, and new ones between them."""
        step = 1 << scan.low
        table = self.huffman[1][component.ac_table]
        k = scan.first
        while k <= scan.last:
            zeros, new = _BLOCK, 0  # to pass over, and what comes then
            if self.skipped_blocks:
                self.skipped_blocks -= 1
            else:
                run, size = divmod(self._symbol(table), 16)
                if size > 1:
                    raise ValueError("bad huffman code")
                if size:
                    zeros, new = run, step if self._bit() else -step
                elif run == 15:
                    zeros = 15
                else:
                    self.skipped_blocks = self._end_of_band(run)
            while k <= scan.last:
                place = _ZIGZAG[k]
                k += 1
                value = int(block[place])
                if value:
                    if self._bit() and not value & step:
                        block[place] = _int16(value + (step if value > 0 else -step))
                elif zeros == 0:
                    block[place] = _int16(new)
                    break
                else:
                    zeros -= 1

    # Pixels -----------------------------------------------------------------------------------------------------------

    def _pixels(self, samples: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        channels = [self._enlarged(*pair) for pair in zip(self.components, samples, strict=True)]
        if len(channels) == 1:
            return channels[0].astype(np.uint8)[..., None]
        first = np.stack(channels[:3], -1)
        if len(channels) == 3:
            plain = self.rgb or (self.adobe_transform == 0 and not self.jfif)
            return (first if plain else _rgb(first)).astype(np.uint8)
        key = channels[3][..., None]
        if self.adobe_transform == 0:
            return _multiplied(first, key).astype(np.uint8)
        rgb = _rgb(first)
        return (_multiplied(255 - rgb, key) if self.adobe_transform == 2 else rgb).astype(np.uint8)

    def _enlarged(self, component: _Component, samples: NDArray[np.uint8]) -> NDArray[np.int32]:
        """A channel with a value for each pixel."""
        across, down = self.across // component.across, self.down // component.down
        used = samples[: component.height, : -(-self.width // across)].astype(np.int32)
        steps = np.arange(self.height) + (down >> 1)
        below = np.minimum(steps // down, component.height - 1)
        above = np.clip(steps // down - 1, 0, component.height - 1)
        is_below = steps % down >= down >> 1
        near, far = used[np.where(is_below, below, above)], used[np.where(is_below, above, below)]
        if (across, down) == (1, 2):
            near = (3 * near + far + 2) >> 2
        elif (across, down) == (2, 1):
            near = _twice_as_wide(near)
        elif (across, down) == (2, 2):
            near = _twice_as_wide_and_high(near, far)
        elif across > 1:
            near = near.repeat(across, 1)
        return near[:, : self.width]


def _int16(value: int) -> int:
    """A number's lower 16 bits, with their sign."""
    return (value + 0x8000 & 0xFFFF) - 0x8000


def _twice_as_wide(row: NDArray[np.int32]) -> NDArray[np.int32]:
    out = row.repeat(2, 1)
    if row.shape[1] > 1:
        out[:, 2::2] = (3 * row[:, 1:] + row[:, :-1] + 2) >> 2
        out[:, 1:-1:2] = (3 * row[:, :-1] + row[:, 1:] + 2) >> 2
        out[:, -2] = (3 * row[:, -2] + row[:, -1] + 2) >> 2  # not the mean that would be due, but stb_image's
    return out


def _twice_as_wide_and_high(near: NDArray[np.int32], far: NDArray[np.int32]) -> NDArray[np.int32]:
    rows = 3 * near + far
    out = ((rows + 2) >> 2).repeat(2, 1)
    out[:, 2::2] = (3 * rows[:, 1:] + rows[:, :-1] + 8) >> 4
    out[:, 1:-1:2] = (3 * rows[:, :-1] + rows[:, 1:] + 8) >> 4
    return out


def _fixed(constant: float, bits: int = 12) -> int:
    return int(constant * (1 << bits) + 0.5)


def _rgb(ycc: NDArray[np.int32]) -> NDArray[np.int32]:
    """RGB of YCbCr, by 20 fractional bits of which the factors have 12."""
    y, cb, cr = np.moveaxis(ycc, -1, 0) - np.array([0, 128, 128], np.int32)[:, None, None]
    red, green_red, green_blue, blue = (_fixed(c) << 8 for c in (1.40200, 0.71414, 0.34414, 1.77200))
    y = (y << 20) + (1 << 19)
    green = y - cr * green_red + (-cb * green_blue & ~0xFFFF)
    return np.clip(np.stack([y + cr * red, green, y + cb * blue], -1) >> 20, 0, 255)


def _multiplied(colour: NDArray[np.int32], key: NDArray[np.int32]) -> NDArray[np.int32]:
    """Colours times the share that black ink leaves: x * y / 255 to nearest."""
    product = colour * key + 128
    return (product + (product >> 8)) >> 8


# The transform: Loeffler's, Ligtenberg's and Moschytz's ---------------------------------------------------------------


def _samples(blocks: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The samples of a channel from its coefficients: (rows, columns, 64) -> (8 rows, 8 columns)."""
    rows, columns = blocks.shape[:2]
    down = _transform(blocks.reshape(rows, columns, 8, 8).astype(np.int32).transpose(2, 3, 0, 1), 512) >> 10
    down = np.clip(down, -0x8000, 0x7FFF).swapaxes(0, 1)
    across = _transform(down, 65536 + (128 << 17)) >> 17
    return np.clip(across, 0, 255).astype(np.uint8).transpose(2, 1, 3, 0).reshape(8 * rows, 8 * columns)


def _transform(s: NDArray[np.int32], bias: int) -> NDArray[np.int32]:
    """The inverse cosine transform along the first axis, of 8 numbers of 16 bits, times 2^12, plus `bias`."""

    def turned(a: Any, b: Any, both: float, of_a: float, of_b: float) -> tuple[Any, Any]:
        shared = _fixed(both)
        return a * (shared + _fixed(of_a)) + b * shared, a * shared + b * (shared + _fixed(of_b))

    def added(a: Any, b: Any) -> Any:
        return (a + b).astype(np.int16).astype(np.int32)

    even0, even1 = (added(s[0], s[4]) << 12) + bias, (added(s[0], -s[4]) << 12) + bias
    even3, even2 = turned(s[2], s[6], 0.5411961, 0.765366865, -1.847759065)
    sum17, sum35 = turned(added(s[1], s[7]), added(s[3], s[5]), 1.175875602, -0.899976223, -2.562915447)
    odd7, odd3 = turned(s[7], s[3], -1.961570560, 0.298631336, 3.072711026)
    odd5, odd1 = turned(s[5], s[1], -0.390180644, 2.053119869, 1.501321110)
    evens = np.stack([even0 + even3, even1 + even2, even1 - even2, even0 - even3])
    odds = np.stack([odd1 + sum17, odd3 + sum35, odd5 + sum35, odd7 + sum17])
    return np.concatenate([evens + odds, (evens - odds)[::-1]])
