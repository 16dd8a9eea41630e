/* The crop's matrix, as OpenCV 4.10 computes it (getPerspectiveTransform, invert): see refpose/stages/warp.py. */
#include "stages.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Rounded to float32 and back. GCC 12 leaves both conversions out when it vectorises them in pairs, unless the value
 * is volatile. */
static double rounded(double v)
{
    volatile float narrow = (float)v;
    return narrow;
}

/* Source corners -> corners (0, n) (0, 0) (n, 0) (n, n): an 8 x 8 system by elimination with partial pivoting. */
static int homography(const double corners[8], double n, double matrix[9])
{
    const double target[4][2] = {{0, n}, {0, 0}, {n, 0}, {n, n}};
    double rows[8][9];
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < 4; i++) {
            const double x = corners[2 * i], y = corners[2 * i + 1], at = target[i][axis];
            /* These two products are float32 in OpenCV, whose points are. */
            const double px = rounded(-x * at), py = rounded(-y * at);
            const double row[2][9] = {{x, y, 1, 0, 0, 0, px, py, at}, {0, 0, 0, x, y, 1, px, py, at}};
            memcpy(rows[4 * axis + i], row[axis], sizeof row[axis]);
        }
    for (int i = 0; i < 8; i++) {
        int pivot = i;
        for (int j = i + 1; j < 8; j++)
            if (fabs(rows[j][i]) > fabs(rows[pivot][i]))
                pivot = j;
        if (fabs(rows[pivot][i]) < 100 * DBL_EPSILON)
            return 0;
        double head[9];
        memcpy(head, rows[pivot], sizeof head);
        memcpy(rows[pivot], rows[i], sizeof head);
        memcpy(rows[i], head, sizeof head);
        const double d = -1 / head[i];
        for (int j = i + 1; j < 8; j++) {
            const double factor = rows[j][i] * d;
            for (int k = i + 1; k < 9; k++)
                rows[j][k] = rows[j][k] + factor * head[k];
        }
    }
    for (int i = 7; i >= 0; i--) {
        double s = rows[i][8];
        for (int k = i + 1; k < 8; k++)
            s = s - rows[i][k] * matrix[k];
        matrix[i] = s / rows[i][i];
    }
    matrix[8] = 1;
    return 1;
}

void rp_crop_matrix(const double corners[8], int size, double matrix[9])
{
    double m[9] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (!homography(corners, size, m))
        memcpy(m, (const double[9]){0, 0, 0, 0, 0, 0, 0, 0, 1}, sizeof m);
    const double a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5], g = m[6], h = m[7], i = m[8];
    const double determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    if (determinant == 0) {
        memset(matrix, 0, 9 * sizeof *matrix);
        return;
    }
    const double r = 1 / determinant;
    const double inverse[9] = {(e * i - f * h) * r, (c * h - b * i) * r, (b * f - c * e) * r,
                               (f * g - d * i) * r, (a * i - c * g) * r, (c * d - a * f) * r,
                               (d * h - e * g) * r, (b * g - a * h) * r, (a * e - b * d) * r};
    memcpy(matrix, inverse, sizeof inverse);
}
