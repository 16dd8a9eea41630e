/* Lines and circles with OpenCV's pixels: modules/imgproc/src/drawing.cpp works in 16.16 fixed point, and so does this.
 * refpose/stages/raster.py has the same functions under the same names. */
#include "draw.h"

#include <math.h>
#include <string.h>

enum { SHIFT = 16 };
#define ONE ((int64_t)1 << SHIFT)
#define HALF (ONE >> 1)

typedef struct {
    int64_t x, y;
} point;

typedef struct {
    const rp_canvas *canvas;
    const unsigned char *color;
} brush;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* To nearest, halves to even, as long as the processor rounds so; |v| below 2^51. */
static inline int64_t nearest(double v) { return (int64_t)((v + 0x1.8p52) - 0x1.8p52); }

static inline int64_t to_pixel(int64_t fixed) { return (fixed + HALF) >> SHIFT; }

/* The pixels of a row from x = left to right, both included; what is outside of the picture is left out. */
static void put_row(brush b, int64_t y, int64_t left, int64_t right)
{
    const rp_canvas *c = b.canvas;
    if (y < 0 || y >= c->height)
        return;
    left = most(left, 0);
    right = least(right, c->width - 1);
    const int64_t column = c->column, channel = c->channel, item = c->item;
    unsigned char *at = c->pixels + y * c->row + left * column;
    if (item == 1) {
        const unsigned char first = b.color[0], second = b.color[1], third = b.color[2];
        for (int64_t x = left; x <= right; x++, at += column) {
            at[0] = first;
            at[channel] = second;
            at[2 * channel] = third;
        }
    } else
        for (int64_t x = left; x <= right; x++, at += column)
            for (int k = 0; k < 3; k++)
                memcpy(at + k * channel, b.color + k * item, (size_t)item);
}

static inline void put(brush b, int64_t x, int64_t y)
{
    const rp_canvas *c = b.canvas;
    if (x < 0 || x >= c->width || y < 0 || y >= c->height)
        return;
    unsigned char *at = c->pixels + y * c->row + x * c->column;
    if (c->item == 1) {
        const unsigned char first = b.color[0], second = b.color[1], third = b.color[2];
        const int64_t channel = c->channel;
        at[0] = first;
        at[channel] = second;
        at[2 * channel] = third;
    } else
        put_row(b, y, x, x);
}

/* Which edges of 0..right, 0..bottom a point is beyond: left, right, top, bottom. */
static inline int outside(point p, int64_t right, int64_t bottom)
{
    return (p.x < 0) | (p.x > right) << 1 | (p.y < 0) << 2 | (p.y > bottom) << 3;
}

/* Cuts a line down to its part inside 0..width-1, 0..height-1; 0 if there is none. */
static int clip(int64_t width, int64_t height, point end[2])
{
    const int64_t right = width - 1, bottom = height - 1;
    int code[2] = {outside(end[0], right, bottom), outside(end[1], right, bottom)};
    if (!(code[0] | code[1]))
        return 1;
    if (code[0] & code[1])
        return 0;
    for (int i = 0; i < 2; i++)
        if (code[i] & 12) {
            const int64_t edge = code[i] & 4 ? 0 : bottom;
            const double dx = (double)(end[1].x - end[0].x), dy = (double)(end[1].y - end[0].y);
            end[i] = (point){end[i].x + (int64_t)((double)(edge - end[i].y) * dx / dy), edge};
            code[i] = outside(end[i], right, bottom) & 3;
        }
    if (code[0] & code[1])
        return 0;
    for (int i = 0; i < 2; i++)
        if (code[i] & 3) {
            const int64_t edge = code[i] & 1 ? 0 : right;
            const double dx = (double)(end[1].x - end[0].x), dy = (double)(end[1].y - end[0].y);
            end[i] = (point){edge, end[i].y + (int64_t)((double)(edge - end[i].x) * dy / dx)};
            code[i] = 0; /* as OpenCV has it, such an end is not looked at again */
        }
    return !(code[0] | code[1]);
}

static void thin_line(brush b, point start, point stop)
{
    point end[2] = {start, stop};
    if (!clip(b.canvas->width, b.canvas->height, end))
        return;
    if (end[1].x < end[0].x) {
        const point first = end[1];
        end[1] = end[0];
        end[0] = first;
    }
    const int64_t down = end[1].y >= end[0].y ? 1 : -1;
    const int64_t dx = end[1].x - end[0].x, dy = (end[1].y - end[0].y) * down;
    const int64_t longer = most(dx, dy), shorter = least(dx, dy);
    int64_t rest = longer - 1;
    for (int64_t along = 0, across = 0; along <= longer; along++) {
        put(b, end[0].x + (dy > dx ? across : along), end[0].y + down * (dy > dx ? along : across));
        rest += 2 * shorter;
        if (rest >= 2 * longer) {
            rest -= 2 * longer;
            across++;
        }
    }
}

/* A line one pixel wide between ends in fixed point. */
static void outline(brush b, point start, point stop)
{
    point end[2] = {start, stop};
    if (!clip(b.canvas->width * ONE, b.canvas->height * ONE, end))
        return;
    int64_t dx = end[1].x - end[0].x, dy = end[1].y - end[0].y;
    const int flat = (dx < 0 ? -dx : dx) > (dy < 0 ? -dy : dy);
    if ((flat ? dx : dy) < 0) {
        const point first = end[1];
        end[1] = end[0];
        end[0] = first;
        dx = -dx;
        dy = -dy;
    }
    if (flat) {
        const int64_t count = dx >> SHIFT, slope = dy * ONE / (dx | 1), x = to_pixel(end[0].x);
        for (int64_t i = 0, y = end[0].y + HALF; i <= count; i++, y += slope)
            put(b, x + i, y >> SHIFT);
    } else {
        const int64_t count = dy >> SHIFT, slope = dx * ONE / (dy | 1), y = to_pixel(end[0].y);
        for (int64_t i = 0, x = end[0].x + HALF; i <= count; i++, x += slope)
            put(b, x >> SHIFT, y + i);
    }
    put(b, to_pixel(end[1].x), to_pixel(end[1].y)); /* which the steps may miss */
}

/* One side of a quadrangle on its way down: x in fixed point = at.x + slope * (row - to_pixel(at.y)) until row
 * `end`. */
typedef struct {
    const point *corners;
    int corner, step;
    int64_t x, slope, row, end;
} side;

/* The side's x in `row`; rows are asked for from top to bottom. */
static int64_t side_x(side *s, int64_t row)
{
    for (int turns = 0; turns < 4 && row >= s->end; turns++) {
        const int next = (s->corner + s->step) & 3;
        const point from = s->corners[s->corner], to = s->corners[next];
        const int64_t drop = to_pixel(to.y) - s->end;
        if (drop > 0) {
            s->row = s->end;
            s->end += drop;
            s->x = from.x;
            s->slope = ((to.x - from.x) * 2 + drop) / (2 * drop);
        }
        s->corner = next;
    }
    return s->x + s->slope * (row - s->row);
}

/* A convex quadrangle and its outline; corners in fixed point. */
static void fill_quad(brush b, const point corners[4])
{
    int first = 0;
    int64_t top = INT64_MAX, bottom = INT64_MIN;
    for (int i = 0; i < 4; i++) {
        outline(b, corners[(i + 3) & 3], corners[i]);
        top = least(top, to_pixel(corners[i].y));
        bottom = most(bottom, to_pixel(corners[i].y));
        if (corners[i].y < corners[first].y)
            first = i;
    }
    side one = {corners, first, 1, 0, 0, top, top}, other = {corners, first, -1, 0, 0, top, top};
    bottom = least(bottom - 1, b.canvas->height - 1); /* the last row is the outline's */
    for (int64_t y = most(top, 0); y <= bottom; y++) {
        const int64_t x = side_x(&one, y), x2 = side_x(&other, y);
        put_row(b, y, to_pixel(least(x, x2)), to_pixel(most(x, x2)));
    }
}

/* A disc, or a circle one pixel wide. */
static void small_circle(brush b, point center, int64_t radius, int filled)
{
    int64_t err = 0, dx = radius, dy = 0, plus = 1, minus = 2 * radius - 1;
    while (dx >= dy) {
        for (int turned = 0; turned < 2; turned++) {
            const int64_t x = turned ? dy : dx, y = turned ? dx : dy;
            for (int below = 0; below < 2; below++) {
                const int64_t row = center.y + (below ? y : -y);
                if (filled)
                    put_row(b, row, center.x - x, center.x + x);
                else {
                    put(b, center.x - x, row);
                    put(b, center.x + x, row);
                }
            }
        }
        dy++;
        err += plus;
        plus += 2;
        if (err > 0) {
            err -= minus;
            dx--;
            minus -= 2;
        }
    }
}

/* A filled rectangle between ends in fixed point, with discs at those that are capped. */
static void thick_line(brush b, point start, point end, int thickness, int first_capped)
{
    const double dx = (double)(start.x - end.x) / (double)ONE, dy = (double)(end.y - start.y) / (double)ONE;
    const double length = sqrt(dx * dx + dy * dy);
    if (length > 0) {
        const double half_width = (double)((thickness + thickness % 2) * HALF) / length;
        const int64_t x = nearest(dy * half_width), y = nearest(dx * half_width);
        const point corners[4] = {
            {start.x + x, start.y + y}, {start.x - x, start.y - y}, {end.x - x, end.y - y}, {end.x + x, end.y + y}};
        fill_quad(b, corners);
    }
    for (int i = !first_capped; i < 2; i++) {
        const point place = i ? end : start;
        small_circle(b, (point){to_pixel(place.x), to_pixel(place.y)}, (thickness + 1) / 2, 1);
    }
}

/* Sine of whole degrees, as many digits as OpenCV's table has. */
static const float SINE[91] = {
    0.0000000f, 0.0174524f, 0.0348995f, 0.0523360f, 0.0697565f, 0.0871557f, 0.1045285f, 0.1218693f, 0.1391731f,
    0.1564345f, 0.1736482f, 0.1908090f, 0.2079117f, 0.2249511f, 0.2419219f, 0.2588190f, 0.2756374f, 0.2923717f,
    0.3090170f, 0.3255682f, 0.3420201f, 0.3583679f, 0.3746066f, 0.3907311f, 0.4067366f, 0.4226183f, 0.4383711f,
    0.4539905f, 0.4694716f, 0.4848096f, 0.5000000f, 0.5150381f, 0.5299193f, 0.5446390f, 0.5591929f, 0.5735764f,
    0.5877853f, 0.6018150f, 0.6156615f, 0.6293204f, 0.6427876f, 0.6560590f, 0.6691306f, 0.6819984f, 0.6946584f,
    0.7071068f, 0.7193398f, 0.7313537f, 0.7431448f, 0.7547096f, 0.7660444f, 0.7771460f, 0.7880108f, 0.7986355f,
    0.8090170f, 0.8191520f, 0.8290376f, 0.8386706f, 0.8480481f, 0.8571673f, 0.8660254f, 0.8746197f, 0.8829476f,
    0.8910065f, 0.8987940f, 0.9063078f, 0.9135455f, 0.9205049f, 0.9271839f, 0.9335804f, 0.9396926f, 0.9455186f,
    0.9510565f, 0.9563048f, 0.9612617f, 0.9659258f, 0.9702957f, 0.9743701f, 0.9781476f, 0.9816272f, 0.9848078f,
    0.9876883f, 0.9902681f, 0.9925462f, 0.9945219f, 0.9961947f, 0.9975641f, 0.9986295f, 0.9993908f, 0.9998477f,
    1.0000000f,
};

static double sine(int degrees)
{
    degrees %= 360;
    const int quarter = degrees % 180;
    const double value = (double)SINE[quarter > 90 ? 180 - quarter : quarter];
    return degrees < 180 ? value : -value;
}

/* A ring: thick lines along a polygon. */
static void ring(brush b, point center, int64_t radius, int thickness)
{
    const int degrees = radius < 3 ? 90 : radius < 10 ? 30 : radius < 15 ? 18 : 5;
    const double reach = (double)(radius * ONE);
    point last = {0, 0};
    int corners = 0;
    for (int angle = 0; angle <= 360; angle += degrees) {
        const point corner = {center.x * ONE + nearest(reach * sine(450 - angle)),
                              center.y * ONE + nearest(reach * sine(angle))};
        if (corners && corner.x == last.x && corner.y == last.y)
            continue;
        if (corners)
            thick_line(b, last, corner, thickness, corners == 1);
        last = corner;
        corners++;
    }
    if (corners == 1)
        thick_line(b, last, last, thickness, 1);
}

enum { REACH = 24, SIDE = 2 * REACH + 1 }; /* of rings that are kept */

/* The pixels of a ring around (0, 0), as pieces of rows. */
typedef struct {
    int64_t radius;
    int thickness, count;
    struct {
        int8_t y, left, right;
    } rows[SIDE * (REACH + 1)];
} stamp;

static void make_stamp(stamp *s, int64_t radius, int thickness)
{
    unsigned char pixels[SIDE * SIDE * 3] = {0};
    const unsigned char color[3] = {1, 1, 1};
    const rp_canvas canvas = {pixels, SIDE, SIDE, 3 * SIDE, 3, 1, 1};
    ring((brush){&canvas, color}, (point){REACH, REACH}, radius, thickness);
    s->radius = radius;
    s->thickness = thickness;
    s->count = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (pixels[3 * (SIDE * y + x)]) {
                if (!x || !pixels[3 * (SIDE * y + x - 1)]) {
                    s->rows[s->count].y = (int8_t)(y - REACH);
                    s->rows[s->count++].left = (int8_t)(x - REACH);
                }
                s->rows[s->count - 1].right = (int8_t)(x - REACH);
            }
}

void rp_draw_lines(const rp_canvas *canvas, int64_t n, const int32_t *ends, const void *colors,
                   const int32_t *thickness)
{
    if (!canvas->height || !canvas->width)
        return;
    for (int64_t i = 0; i < n; i++, ends += 4) {
        const brush b = {canvas, (const unsigned char *)colors + 3 * i * canvas->item};
        if (thickness[i] == 1)
            thin_line(b, (point){ends[0], ends[1]}, (point){ends[2], ends[3]});
        else
            thick_line(b, (point){ends[0] * ONE, ends[1] * ONE}, (point){ends[2] * ONE, ends[3] * ONE}, thickness[i],
                       1);
    }
}

void rp_draw_circles(const rp_canvas *canvas, int64_t n, const int32_t *circles, const void *colors,
                     const int32_t *thickness)
{
    if (!canvas->height || !canvas->width)
        return;
    stamp stamps[2] = {{.radius = -1}, {.radius = -1}}; /* a border and what it is around come by turns */
    int next = 0;
    for (int64_t i = 0; i < n; i++, circles += 3) {
        const brush b = {canvas, (const unsigned char *)colors + 3 * i * canvas->item};
        const point center = {circles[0], circles[1]};
        const int64_t radius = circles[2], reach = radius + thickness[i] + 2;
        if (thickness[i] <= 1)
            small_circle(b, center, radius, thickness[i] < 0);
        else if (reach <= REACH && reach <= center.x && center.x < canvas->width - reach && reach <= center.y &&
                 center.y < canvas->height - reach) {
            const stamp *s = stamps;
            while (s < stamps + 2 && (s->radius != radius || s->thickness != thickness[i]))
                s++;
            if (s == stamps + 2) {
                make_stamp(&stamps[next], radius, thickness[i]);
                s = &stamps[next];
                next ^= 1;
            }
            for (int k = 0; k < s->count; k++)
                put_row(b, center.y + s->rows[k].y, center.x + s->rows[k].left, center.x + s->rows[k].right);
        } else /* pieces at the border are cut before they are drawn, which moves some pixels */
            ring(b, center, radius, thickness[i]);
    }
}
