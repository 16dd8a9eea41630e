/* JPEG pictures with the pixels of stb_image: refpose/stages/jpeg.py is the meaning and has the same functions, mostly
 * under the same names. Errors are the words in which a file is refused; NULL is none. */
#include "jpeg.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, NO_MARKER = 0xFF, SHORT_CODE = 9 };

typedef const char *error;
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const error failed_ = (call);                                                                                  \
        if (failed_)                                                                                                   \
            return failed_;                                                                                            \
    } while (0)

typedef struct {
    int used;                        /* 0: the file has none, every code is empty and means 0 */
    uint16_t quick[1 << SHORT_CODE]; /* value and 256 * length of codes by their first bits; 0 for longer ones */
    uint32_t end[17];                /* of each length: the first code that is longer, in 16 bits */
    int32_t first[17];               /* what is added to a code of this length for its place in `value` */
    uint8_t value[256];
} huffman;

typedef struct {
    int name, across, down, table; /* table: of the quantisation */
    int width, height;             /* samples that count */
    int columns, rows;             /* blocks */
    int dc_table, ac_table;
    int64_t predicted;
    int16_t *blocks;  /* of progressive pictures: coefficients, 64 for each block */
    uint8_t *samples; /* 8 rows x 8 columns */
} component;

typedef struct {
    int count;
    component *components[4];
    int first, last, high, low;
} scan;

typedef struct {
    const uint8_t *data, *end;
    int tolerant, progressive;
    uint8_t zigzag[BLOCK + 16];
    uint16_t quantisation[4][BLOCK];
    huffman tables[2][4]; /* DC, AC */
    int width, height, count, across, down, mcu_rows, mcu_columns;
    component components[4];
    int restart, jfif, adobe_transform, rgb;
    /* Bits of a scan */
    uint32_t buffer; /* of which the upper `bits` have been read and not used */
    int bits, pending, at_marker, skipped_blocks;
} decoder;

static int over(int a, int b) { return (a + b - 1) / b; }
static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }
static uint8_t clamped(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }
static int16_t wrapped(int64_t v) { return (int16_t)(uint16_t)v; }

/* Markers ---------------------------------------------------------------------------------------------------------- */

static int byte(decoder *d) { return d->data < d->end ? *d->data++ : 0; }

static int word(decoder *d)
{
    const int upper = byte(d);
    return upper << 8 | byte(d);
}

static void skip(decoder *d, int64_t count) { d->data += count < d->end - d->data ? count : d->end - d->data; }

static int next_marker(decoder *d)
{
    int found = d->pending;
    d->pending = NO_MARKER;
    if (found != NO_MARKER)
        return found;
    if (byte(d) != 0xFF)
        return NO_MARKER;
    while ((found = byte(d)) == 0xFF)
        if (d->data >= d->end)
            return NO_MARKER;
    return found;
}

static error quantisation_tables(decoder *d)
{
    int rest = word(d) - 2;
    while (rest > 0) {
        const int head = byte(d), wide = head >> 4, number = head & 15;
        if (wide > 1)
            return "bad DQT type";
        if (number > 3)
            return "bad DQT table";
        for (int k = 0; k < BLOCK; k++)
            d->quantisation[number][d->zigzag[k]] = (uint16_t)(wide ? word(d) : byte(d));
        rest -= 1 + BLOCK * (1 + wide);
    }
    return rest ? "bad DQT len" : NULL;
}

static error build_huffman(huffman *h, const int *counts)
{
    int code = 0, taken = 0;
    memset(h->quick, 0, sizeof h->quick);
    for (int length = 1; length <= 16; length++) {
        h->first[length] = taken - code;
        for (int i = 0; i < counts[length]; i++, code++, taken++)
            if (length <= SHORT_CODE && code < 1 << length)
                for (int rest = 0; rest < 1 << (SHORT_CODE - length); rest++)
                    h->quick[(code << (SHORT_CODE - length)) + rest] = (uint16_t)(length << 8 | h->value[taken]);
        if (counts[length] && code > 1 << length)
            return "bad code lengths";
        h->end[length] = (uint32_t)code << (16 - length);
        code <<= 1;
    }
    h->used = 1;
    return NULL;
}

static error huffman_tables(decoder *d)
{
    int rest = word(d) - 2;
    while (rest > 0) {
        const int head = byte(d), kind = head >> 4, number = head & 15;
        int counts[17] = {0}, sum = 0;
        if (kind > 1 || number > 3)
            return "bad DHT header";
        for (int length = 1; length <= 16; length++)
            sum += counts[length] = byte(d);
        if (sum > 256)
            return "bad code lengths";
        huffman *h = &d->tables[kind][number];
        for (int i = 0; i < sum; i++)
            h->value[i] = (uint8_t)byte(d);
        TRY(build_huffman(h, counts));
        rest -= 17 + sum;
    }
    return rest ? "bad DHT len" : NULL;
}

static int begins_with(decoder *d, const char *text, int size)
{
    int same = 1;
    for (int i = 0; i < size; i++)
        same &= byte(d) == (unsigned char)text[i];
    return same;
}

static error table_or_note(decoder *d, int marker)
{
    if (marker == 0xDD) {
        if (word(d) != 4)
            return "bad DRI len";
        d->restart = word(d);
        return NULL;
    }
    if (marker == 0xDB)
        return quantisation_tables(d);
    if (marker == 0xC4)
        return huffman_tables(d);
    if (!((marker >= 0xE0 && marker <= 0xEF) || marker == 0xFE))
        return marker == NO_MARKER ? "expected marker" : "unknown marker";
    const int length = word(d) - 2;
    if (length < 0)
        return marker == 0xFE ? "bad COM len" : "bad APP len";
    const uint8_t *start = d->data;
    if (marker == 0xE0 && length >= 5)
        d->jfif |= begins_with(d, "JFIF", 5);
    else if (marker == 0xEE && length >= 12 && begins_with(d, "Adobe", 6)) {
        skip(d, 5);
        d->adobe_transform = byte(d);
    }
    skip(d, length - (d->data - start));
    return NULL;
}

static error frame_header(decoder *d)
{
    const int length = word(d);
    if (length < 11)
        return "bad SOF len";
    if (byte(d) != 8)
        return "only 8-bit";
    d->height = word(d);
    d->width = word(d);
    if (!d->height)
        return "no header height";
    if (!d->width)
        return "0 width";
    d->count = byte(d);
    if (d->count != 1 && d->count != 3 && d->count != 4)
        return "bad component count";
    if (length != 8 + 3 * d->count)
        return "bad SOF len";
    d->rgb = d->count == 3;
    d->across = d->down = 1;
    for (int i = 0; i < d->count; i++) {
        component *c = &d->components[i];
        c->name = byte(d);
        d->rgb = d->rgb && c->name == "RGB"[i];
        const int factors = byte(d);
        c->across = factors >> 4;
        c->down = factors & 15;
        c->table = byte(d);
        if (c->across < 1 || c->across > 4)
            return "bad H";
        if (c->down < 1 || c->down > 4)
            return "bad V";
        if (c->table > 3)
            return "bad TQ";
        d->across = most(d->across, c->across);
        d->down = most(d->down, c->down);
    }
    d->mcu_rows = over(d->height, 8 * d->down);
    d->mcu_columns = over(d->width, 8 * d->across);
    for (int i = 0; i < d->count; i++) {
        component *c = &d->components[i];
        if (d->across % c->across)
            return "bad H";
        if (d->down % c->down)
            return "bad V";
        c->width = over(d->width * c->across, d->across);
        c->height = over(d->height * c->down, d->down);
        c->columns = d->mcu_columns * c->across;
        c->rows = d->mcu_rows * c->down;
    }
    return NULL;
}

static error until_frame(decoder *d)
{
    int marker = next_marker(d);
    if (marker != 0xD8)
        return "no SOI";
    marker = next_marker(d);
    while (marker < 0xC0 || marker > 0xC2) {
        TRY(table_or_note(d, marker));
        while ((marker = next_marker(d)) == NO_MARKER)
            if (d->data >= d->end)
                return "no SOF";
    }
    d->progressive = marker == 0xC2;
    return frame_header(d);
}

static error scan_header(decoder *d, scan *s)
{
    const int length = word(d);
    s->count = byte(d);
    if (s->count < 1 || s->count > d->count)
        return "bad SOS component count";
    if (length != 6 + 2 * s->count)
        return "bad SOS len";
    for (int i = 0; i < s->count; i++) {
        const int name = byte(d), tables = byte(d);
        int which = 0;
        while (which < d->count && d->components[which].name != name)
            which++;
        if (which == d->count)
            return "bad SOS component";
        component *c = s->components[i] = &d->components[which];
        c->dc_table = tables >> 4;
        c->ac_table = tables & 15;
        if (c->dc_table > 3)
            return "bad DC huff";
        if (c->ac_table > 3)
            return "bad AC huff";
    }
    s->first = byte(d);
    s->last = byte(d);
    const int bits = byte(d);
    s->high = bits >> 4;
    s->low = bits & 15;
    if (!d->progressive)
        return s->first || bits ? "bad SOS" : NULL;
    return s->first > s->last || s->last > 63 || s->high > 13 || s->low > 13 ? "bad SOS" : NULL;
}

/* Bits of a scan --------------------------------------------------------------------------------------------------- */

static void reset(decoder *d)
{
    d->buffer = 0;
    d->bits = 0;
    d->pending = NO_MARKER;
    d->at_marker = 0;
    d->skipped_blocks = 0;
    for (int i = 0; i < d->count; i++)
        d->components[i].predicted = 0;
}

static void fill(decoder *d)
{
    do {
        uint32_t value = 0;
        if (!d->at_marker && d->data < d->end && (value = *d->data++) == 0xFF) {
            int code = byte(d);
            while (code == 0xFF)
                code = byte(d);
            if (code) {
                d->pending = code;
                d->at_marker = 1;
                return;
            }
        }
        d->buffer |= value << (24 - d->bits);
        d->bits += 8;
    } while (d->bits <= 24);
}

static inline int use(decoder *d, int count)
{
    const int found = (int)((uint64_t)d->buffer >> (32 - count));
    d->buffer = (uint32_t)((uint64_t)d->buffer << count);
    d->bits -= count;
    return found;
}

/* The next bits; zeros where a marker comes before them. */
static inline int take(decoder *d, int count)
{
    if (d->bits < count)
        fill(d);
    if (d->bits < count) {
        if (d->tolerant)
            return -1;
        fill(d);
    }
    return use(d, count);
}

static inline int bit(decoder *d) { return take(d, 1) > 0; }

static inline int as_value(int bits, int size) { return bits >> (size - 1) ? bits : bits - (1 << size) + 1; }

static inline int value_of(decoder *d, int size)
{
    if (!size)
        return 0;
    const int found = take(d, size);
    return found < 0 ? 0 : as_value(found, size);
}

/* The value and 256 * the length of what the buffer begins with. */
static inline int find(const decoder *d, const huffman *h)
{
    const int quick = h->quick[d->buffer >> (32 - SHORT_CODE)];
    if (quick || !h->used)
        return quick;
    const uint32_t bits = d->buffer >> 16;
    for (int length = 1; length <= 16; length++)
        if (bits < h->end[length])
            return length << 8 | h->value[(int)(bits >> (16 - length)) + h->first[length]];
    return 17 << 8;
}

/* A symbol, or -1 where there is none. */
static inline int symbol(decoder *d, const huffman *h)
{
    if (d->bits < 16)
        fill(d);
    const int found = find(d, h), length = found >> 8;
    if (length > least(d->bits, 16))
        return -1;
    use(d, length);
    return found & 255;
}

/* Run and size as one symbol, and the value; -1 where there is none. */
static inline int run_and_value(decoder *d, const huffman *h, int *value)
{
    if (d->bits < 16) {
        fill(d);
        if (d->tolerant && d->bits < SHORT_CODE) {
            const int found = find(d, h), length = found >> 8, size = found & 15;
            if (size && length + size > d->bits && length + size <= SHORT_CODE) {
                const uint32_t bits = (uint32_t)((uint64_t)d->buffer << length);
                const int early = as_value((int)(bits >> (32 - size)), size);
                if (early >= -128 && early <= 127)
                    return -1;
            }
        }
    }
    const int found = symbol(d, h);
    *value = found < 0 ? 0 : value_of(d, found & 15);
    return found;
}

/* Blocks ----------------------------------------------------------------------------------------------------------- */

/* The first coefficient times a factor. */
static error dc(decoder *d, component *c, int factor, int16_t *coefficient)
{
    if (d->bits < 16)
        fill(d);
    const int size = symbol(d, &d->tables[0][c->dc_table]);
    if (size < 0 || size > 15)
        return d->progressive ? "can't merge dc and ac" : "bad huffman code";
    c->predicted += value_of(d, size);
    if (c->predicted < INT32_MIN || c->predicted > INT32_MAX)
        return "bad delta";
    *coefficient = wrapped(c->predicted * factor);
    return d->tolerant && *coefficient != c->predicted * factor ? "can't merge dc and ac" : NULL;
}

/* `last` becomes the last place in zigzag order that is not 0. */
static error baseline(decoder *d, component *c, int16_t *block, int *last)
{
    const uint16_t *factors = d->quantisation[c->table];
    const huffman *h = &d->tables[1][c->ac_table];
    memset(block, 0, BLOCK * sizeof *block);
    TRY(dc(d, c, factors[0], block));
    *last = 0;
    for (int k = 1; k < BLOCK;) {
        int value;
        const int found = run_and_value(d, h, &value);
        if (found < 0)
            return "bad huffman code";
        if (found & 15) {
            k += found >> 4;
            const int place = d->zigzag[k++];
            block[place] = wrapped((int64_t)value * factors[place]);
            *last = k - 1;
        } else if (found == 0xF0)
            k += 16;
        else
            break;
    }
    return NULL;
}

static error progressive_dc(decoder *d, const scan *s, component *c, int16_t *block)
{
    if (s->last)
        return "can't merge dc and ac";
    if (s->high == 0) {
        memset(block, 0, BLOCK * sizeof *block);
        return dc(d, c, 1 << s->low, block);
    }
    if (d->bits < 16)
        fill(d);
    if (bit(d))
        block[0] = wrapped(block[0] + (1 << s->low));
    return NULL;
}

static int end_of_band(decoder *d, int run) { return (1 << run) - 1 + (run ? most(take(d, run), 0) : 0); }

static error progressive_ac(decoder *d, const scan *s, component *c, int16_t *block)
{
    if (d->skipped_blocks) {
        d->skipped_blocks--;
        return NULL;
    }
    const huffman *h = &d->tables[1][c->ac_table];
    for (int k = s->first; k <= s->last;) {
        int value;
        const int found = run_and_value(d, h, &value);
        if (found < 0)
            return "bad huffman code";
        if (found & 15) {
            k += found >> 4;
            block[d->zigzag[k++]] = wrapped((int64_t)value * (1 << s->low));
        } else if (found == 0xF0)
            k += 16;
        else {
            d->skipped_blocks = end_of_band(d, found >> 4);
            break;
        }
    }
    return NULL;
}

static error refine_ac(decoder *d, const scan *s, component *c, int16_t *block)
{
    const int step = 1 << s->low;
    const huffman *h = &d->tables[1][c->ac_table];
    for (int k = s->first; k <= s->last;) {
        int zeros = BLOCK, fresh = 0; /* to pass over, and what comes then */
        if (d->skipped_blocks)
            d->skipped_blocks--;
        else {
            const int found = symbol(d, h);
            if (found < 0 || (found & 15) > 1)
                return "bad huffman code";
            if (found & 1) {
                zeros = found >> 4;
                fresh = bit(d) ? step : -step;
            } else if (found == 0xF0)
                zeros = 15;
            else
                d->skipped_blocks = end_of_band(d, found >> 4);
        }
        while (k <= s->last) {
            int16_t *at = &block[d->zigzag[k++]];
            if (*at) {
                if (bit(d) && !(*at & step))
                    *at = wrapped(*at + (*at > 0 ? step : -step));
            } else if (zeros-- == 0) {
                *at = (int16_t)fresh;
                break;
            }
        }
    }
    return NULL;
}

/* The inverse cosine transform ------------------------------------------------------------------------------------- */

enum { LANES = 4 }; /* columns at a time */
typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));

#define FIXED(constant) ((int)((constant) * 4096 + 0.5))

static inline lanes in_16_bits(lanes v) { return (lanes)((words)v << 16) >> 16; }

/* s: 8 numbers of 16 bits, for some columns. */
static inline void transform(lanes *s, int bias)
{
    enum { C = FIXED(0.5411961), D = FIXED(1.175875602), E = FIXED(-1.961570560), F = FIXED(-0.390180644) };
    const lanes even0 = in_16_bits(s[0] + s[4]) * 4096 + bias, even1 = in_16_bits(s[0] - s[4]) * 4096 + bias;
    const lanes even3 = s[2] * (C + FIXED(0.765366865)) + s[6] * C;
    const lanes even2 = s[2] * C + s[6] * (C + FIXED(-1.847759065));
    const lanes a = in_16_bits(s[1] + s[7]), b = in_16_bits(s[3] + s[5]);
    const lanes sum17 = a * (D + FIXED(-0.899976223)) + b * D, sum35 = a * D + b * (D + FIXED(-2.562915447));
    const lanes odd7 = s[7] * (E + FIXED(0.298631336)) + s[3] * E, odd3 = s[7] * E + s[3] * (E + FIXED(3.072711026));
    const lanes odd5 = s[5] * (F + FIXED(2.053119869)) + s[1] * F, odd1 = s[5] * F + s[1] * (F + FIXED(1.501321110));
    const lanes evens[4] = {even0 + even3, even1 + even2, even1 - even2, even0 - even3};
    const lanes odds[4] = {odd1 + sum17, odd3 + sum35, odd5 + sum35, odd7 + sum17};
    for (int i = 0; i < 4; i++) {
        s[i] = evens[i] + odds[i];
        s[7 - i] = evens[i] - odds[i];
    }
}

static inline lanes limited(lanes v, int low, int high)
{
    const lanes below = v < low;
    const lanes above = v > high;
    return (v & ~below & ~above) | (below & low) | (above & high);
}

static void to_samples(const int16_t *block, uint8_t *samples, int64_t stride)
{
    int32_t turned[8][8]; /* columns */
    for (int start = 0; start < 8; start += LANES) {
        lanes s[8];
        for (int row = 0; row < 8; row++) {
            int32_t values[LANES];
            for (int i = 0; i < LANES; i++)
                values[i] = block[8 * row + start + i];
            memcpy(&s[row], values, sizeof s[row]);
        }
        transform(s, 512);
        for (int row = 0; row < 8; row++) {
            const lanes kept = limited(s[row] >> 10, INT16_MIN, INT16_MAX);
            for (int i = 0; i < LANES; i++)
                turned[start + i][row] = kept[i];
        }
    }
    for (int start = 0; start < 8; start += LANES) {
        lanes s[8];
        for (int column = 0; column < 8; column++)
            memcpy(&s[column], &turned[column][start], sizeof s[column]);
        transform(s, 65536 + (128 << 17));
        for (int column = 0; column < 8; column++) {
            const lanes kept = limited(s[column] >> 17, 0, 255);
            for (int i = 0; i < LANES; i++)
                samples[(start + i) * stride + column] = (uint8_t)kept[i];
        }
    }
}

/* A block of which only the first coefficient is not 0. */
static void to_equal_samples(int first, uint8_t *samples, int64_t stride)
{
    const int down = least(most(4 * first, INT16_MIN), INT16_MAX);
    const int value = clamped((4096 * down + 65536 + (128 << 17)) >> 17);
    for (int row = 0; row < 8; row++)
        memset(samples + row * stride, value, 8);
}

/* Scans ------------------------------------------------------------------------------------------------------------ */

static error block_at(decoder *d, const scan *s, component *c, int row, int column)
{
    if (!d->progressive) {
        const int64_t stride = 8 * (int64_t)c->columns;
        uint8_t *samples = c->samples + 8 * (row * stride + column);
        int16_t block[BLOCK];
        int last;
        TRY(baseline(d, c, block, &last));
        if (last)
            to_samples(block, samples, stride);
        else
            to_equal_samples(block[0], samples, stride);
        return NULL;
    }
    int16_t *block = c->blocks + BLOCK * ((int64_t)row * c->columns + column);
    if (s->first == 0 || s->count > 1)
        return progressive_dc(d, s, c, block);
    return (s->high ? refine_ac : progressive_ac)(d, s, c, block);
}

static error read_scan(decoder *d, const scan *s)
{
    component *alone = s->count == 1 ? s->components[0] : NULL;
    const int rows = alone ? over(alone->height, 8) : d->mcu_rows;
    const int columns = alone ? over(alone->width, 8) : d->mcu_columns;
    int left = d->restart ? d->restart : INT32_MAX;
    reset(d);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) {
            if (alone)
                TRY(block_at(d, s, alone, row, column));
            else
                for (int i = 0; i < s->count; i++) {
                    component *c = s->components[i];
                    for (int y = row * c->down; y < (row + 1) * c->down; y++)
                        for (int x = column * c->across; x < (column + 1) * c->across; x++)
                            TRY(block_at(d, s, c, y, x));
                }
            if (--left <= 0) {
                if (d->bits < 24)
                    fill(d);
                if (d->pending < 0xD0 || d->pending > 0xD7)
                    return NULL;
                reset(d);
                left = d->restart;
            }
        }
    return NULL;
}

static void skip_rest(decoder *d)
{
    while (d->data < d->end) {
        int value = byte(d);
        if (value == 0xFF && !d->tolerant) {
            d->pending = byte(d);
            return;
        }
        while (value == 0xFF && d->data < d->end) {
            value = byte(d);
            if (value != 0 && value != 0xFF) {
                d->pending = value;
                return;
            }
        }
    }
}

static error read_scans(decoder *d)
{
    int count = 0;
    for (int marker = next_marker(d); marker != 0xD9;) {
        if (marker == 0xDA) {
            scan s;
            if (++count > RP_JPEG_MAX_SCANS)
                return "too many scans";
            TRY(scan_header(d, &s));
            TRY(read_scan(d, &s));
            if (d->pending == NO_MARKER)
                skip_rest(d);
            marker = next_marker(d);
            if (d->tolerant && marker >= 0xD0 && marker <= 0xD7)
                marker = next_marker(d);
            continue;
        }
        if (marker == 0xDC) {
            if (word(d) != 4)
                return "bad DNL len";
            if (word(d) != d->height)
                return "bad DNL height";
        } else {
            const error failed = table_or_note(d, marker);
            if (failed)
                return d->tolerant && count && !d->progressive ? NULL : failed;
        }
        marker = next_marker(d);
    }
    return count ? NULL : "no SOS";
}

/* Pixels ----------------------------------------------------------------------------------------------------------- */

static void finish_progressive(decoder *d)
{
    for (int i = 0; i < d->count; i++) {
        component *c = &d->components[i];
        const uint16_t *factors = d->quantisation[c->table];
        const int64_t stride = 8 * (int64_t)c->columns;
        for (int row = 0; row < c->rows; row++)
            for (int column = 0; column < c->columns; column++) {
                int16_t *block = c->blocks + BLOCK * ((int64_t)row * c->columns + column);
                for (int k = 0; k < BLOCK; k++)
                    block[k] = wrapped((int64_t)block[k] * factors[k]);
                to_samples(block, c->samples + 8 * (row * stride + column), stride);
            }
    }
}

/* A row of samples with a value for each pixel: in `out`, which has room for 8 more, or where they are already. */
static const uint8_t *enlarged(const decoder *d, const component *c, int row, uint8_t *out)
{
    const int across = d->across / c->across, down = d->down / c->down, n = over(d->width, across);
    const int step = row + (down >> 1), is_below = step % down >= down >> 1;
    const int below = least(step / down, c->height - 1), above = least(most(step / down - 1, 0), c->height - 1);
    const int64_t stride = 8 * (int64_t)c->columns;
    const uint8_t *near = c->samples + stride * (is_below ? below : above);
    const uint8_t *far = c->samples + stride * (is_below ? above : below);
    if (across == 1 && down == 2) {
        for (int i = 0; i < n; i++)
            out[i] = (uint8_t)((3 * near[i] + far[i] + 2) >> 2);
    } else if (across == 2 && down == 1) {
        out[0] = near[0];
        for (int i = 1; i < n; i++) {
            out[2 * i - 1] = (uint8_t)((3 * near[i - 1] + near[i] + 2) >> 2);
            out[2 * i] = (uint8_t)((3 * near[i] + near[i - 1] + 2) >> 2);
        }
        if (n > 1) /* not the mean that would be due, but stb_image's */
            out[2 * n - 2] = (uint8_t)((3 * near[n - 2] + near[n - 1] + 2) >> 2);
        out[2 * n - 1] = near[n - 1];
    } else if (across == 2 && down == 2) {
        int now = 3 * near[0] + far[0];
        out[0] = (uint8_t)((now + 2) >> 2);
        for (int i = 1; i < n; i++) {
            const int before = now;
            now = 3 * near[i] + far[i];
            out[2 * i - 1] = (uint8_t)((3 * before + now + 8) >> 4);
            out[2 * i] = (uint8_t)((3 * now + before + 8) >> 4);
        }
        out[2 * n - 1] = (uint8_t)((now + 2) >> 2);
    } else if (across > 1) {
        for (int i = 0; i < n; i++)
            memset(out + i * across, near[i], (size_t)across);
    } else
        return near;
    return out;
}

#define FRACTION(constant) (FIXED(constant) << 8)

static void to_rgb(const uint8_t *const *channels, int width, uint8_t *out)
{
    const uint8_t *y = channels[0], *cb = channels[1], *cr = channels[2];
    for (int i = 0; i < width; i++) {
        const int grey = (y[i] << 20) + (1 << 19), blue = cb[i] - 128, red = cr[i] - 128;
        const int green = grey - red * FRACTION(0.71414) + (-blue * FRACTION(0.34414) & ~0xFFFF);
        out[3 * i] = clamped((grey + red * FRACTION(1.40200)) >> 20);
        out[3 * i + 1] = clamped(green >> 20);
        out[3 * i + 2] = clamped((grey + blue * FRACTION(1.77200)) >> 20);
    }
}

static void as_they_are(const uint8_t *const *channels, int width, uint8_t *out)
{
    for (int i = 0; i < width; i++)
        for (int k = 0; k < 3; k++)
            out[3 * i + k] = channels[k][i];
}

static void multiply(uint8_t *colour, const uint8_t *key, int width, int inverted)
{
    for (int i = 0; i < 3 * width; i++) {
        const int product = (inverted ? 255 - colour[i] : colour[i]) * key[i / 3] + 128;
        colour[i] = (uint8_t)((product + (product >> 8)) >> 8);
    }
}

static error put_pixels(decoder *d, uint8_t *pixels)
{
    const int room = d->width + 8;
    uint8_t *rows = malloc(4 * (size_t)room);
    if (!rows)
        return "";
    for (int row = 0; row < d->height; row++) {
        const uint8_t *channels[4];
        for (int i = 0; i < d->count; i++)
            channels[i] = enlarged(d, &d->components[i], row, rows + i * (int64_t)room);
        if (d->count == 1) {
            memcpy(pixels, channels[0], (size_t)d->width);
            pixels += d->width;
            continue;
        }
        const int plain = d->count == 3 ? d->rgb || (d->adobe_transform == 0 && !d->jfif) : d->adobe_transform == 0;
        (plain ? as_they_are : to_rgb)(channels, d->width, pixels);
        if (d->count == 4 && (plain || d->adobe_transform == 2))
            multiply(pixels, channels[3], d->width, !plain);
        pixels += 3 * (int64_t)d->width;
    }
    free(rows);
    return NULL;
}

/* Files ------------------------------------------------------------------------------------------------------------ */

static decoder *opened(const uint8_t *data, int64_t size, int tolerant)
{
    decoder *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->data = data;
    d->end = data + size;
    d->tolerant = tolerant;
    d->adobe_transform = -1;
    d->pending = NO_MARKER;
    for (int k = 0, sum = 0; sum < 15; sum++) /* the diagonals, up and down by turns */
        for (int i = most(0, sum - 7); i <= least(7, sum); i++, k++)
            d->zigzag[k] = (uint8_t)(sum % 2 ? 8 * i + sum - i : 8 * (sum - i) + i);
    memset(d->zigzag + BLOCK, BLOCK - 1, sizeof d->zigzag - BLOCK);
    return d;
}

static error make_room(decoder *d)
{
    for (int i = 0; i < d->count; i++) {
        component *c = &d->components[i];
        const size_t size = (size_t)BLOCK * (size_t)c->rows * (size_t)c->columns;
        c->samples = calloc(size, 1); /* what a damaged file leaves out is 0 */
        c->blocks = d->progressive ? calloc(size, sizeof *c->blocks) : NULL;
        if (!c->samples || (d->progressive && !c->blocks))
            return "";
    }
    return NULL;
}

static error decode(decoder *d, uint8_t *pixels)
{
    TRY(until_frame(d));
    TRY(make_room(d));
    TRY(read_scans(d));
    if (d->progressive)
        finish_progressive(d);
    return put_pixels(d, pixels);
}

const char *rp_jpeg_read_size(const uint8_t *data, int64_t size, rp_jpeg_size *found)
{
    decoder *d = opened(data, size, 0);
    if (!d)
        return "";
    const error failed = until_frame(d);
    *found = (rp_jpeg_size){d->height, d->width, d->count == 1 ? 1 : 3};
    free(d);
    return failed;
}

const char *rp_jpeg_decode(const uint8_t *data, int64_t size, int tolerant, uint8_t *pixels)
{
    decoder *d = opened(data, size, tolerant);
    if (!d)
        return "";
    const error failed = decode(d, pixels);
    for (int i = 0; i < 4; i++) {
        free(d->components[i].samples);
        free(d->components[i].blocks);
    }
    free(d);
    return failed;
}
