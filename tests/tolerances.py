"""All tolerances of the tests, each with its reason. What is promised to be equal is compared for equality."""

# Average precision is made of sums and quotients of small integers; only the last step, the mean, may be summed in
# another order than pycocotools' by another NumPy.
PYCOCOTOOLS = 1e-9

# pck.json gives pixel errors rounded to four digits, computed in float32: half a unit of the last digit, and a few
# roundings of coordinates below 2048 (1.2e-4 each).
RECORDED_ERRORS_PX = 5e-4

# The NumPy engine where BLAS adds in order (`blas.in_order`): what is promised. Seen with OpenBLAS on AVX-512: 0.
NUMPY_ENGINE = {
    "landmarks": 0.004,
    "world": 3e-5,
    "presence": 5e-6,
    "heatmap": 0.002,
    "segmentation": 4,  # logits of up to 1700, of which only the sign and values near 0 count
    "boxes": 0.004,
    "scores": 0.002,
}
# ... and where it does not: the rounding error of the networks themselves, which no other order of summation escapes.
# Seen on the recorded crops with OpenBLAS's kernels for AVX2 and SSE: 0.0067 px in z (of more than 100), less than
# 0.004 in nearly all; 3.3e-5 m; a presence off by 2.2e-5 on the one crop that hardly shows a person, less than 2e-6 on
# all others.
NUMPY_ENGINE_OTHER_ORDER = {**NUMPY_ENGINE, "landmarks": 0.008, "world": 4e-5, "presence": 3e-5}
# On free-running pictures the detector's differences shift the crop by a thousandth of a pixel, which flips single
# bytes of it, and the landmark network answers to that: median and 99th percentile of |dx|, |dy| in fractions of
# the picture.
NUMPY_ENGINE_PICTURES = (2e-5, 1e-3)

# EfficientPose's maps against their evaluation in float64 with the same weights: what single precision loses where
# means are taken in double. Seen: 1.5e-6 (II).
EFFICIENTPOSE_FLOAT64 = 5e-6
# ... against LiteRT, which takes means in single precision and so loses more itself, on networks with gates.
EFFICIENTPOSE_LITERT = {"RT": 5e-5, "I": 5e-5, "II": 4e-4}
# ... against TensorFlow with the Keras files' weights, which are not rounded to binary16. Seen by the recipe: 2e-5.
EFFICIENTPOSE_KERAS = 5e-5
# ... with random, untrained weights (III, IV), whose maps have a standard deviation of 2.4 and 2.9 and magnify errors:
# single precision is expected to be off by 1.1e-3 and 5e-3, by chance a little more or less (seen: 1.2e-3, 6.2e-3).
EFFICIENTPOSE_SYNTHETIC = {"III": 2.2e-3, "IV": 1e-2}
# Key points must be equal where the peak stands out by more than twice this; elsewhere the maps' errors may decide.
EFFICIENTPOSE_PEAK = {"RT": 5e-5, "I": 5e-5, "II": 4e-4, "RT_LITE": 5e-6, "I_LITE": 5e-6, "II_LITE": 5e-6}
# Values of smoothed peaks: those of the maps, averaged.
EFFICIENTPOSE_PEAK_VALUE = EFFICIENTPOSE_PEAK
