/* JPEG pictures with the pixels of stb_image. refpose/stages/jpeg.py says what everything means. */
#ifndef RP_JPEG_H
#define RP_JPEG_H

#include <stdint.h>

enum { RP_JPEG_MAX_SCANS = 200 };

typedef struct {
    int height, width;
    int channels; /* 1: grey, 3: RGB */
} rp_jpeg_size;

/* Reads a file up to its sizes. NULL, or why it is refused. */
const char *rp_jpeg_read_size(const uint8_t *data, int64_t size, rp_jpeg_size *found);

/* Decodes a file into height * width * channels bytes. NULL, or why it is refused; "" where memory is short. */
const char *rp_jpeg_decode(const uint8_t *data, int64_t size, int tolerant, uint8_t *pixels);

#endif
