"""All tolerances of the tests, each with its reason. What is promised to be equal is compared for equality."""

# Average precision is made of sums and quotients of small integers; only the last step, the mean, may be summed in
# another order than pycocotools' by another NumPy.
PYCOCOTOOLS = 1e-9

# pck.json gives pixel errors rounded to four digits, computed in float32: half a unit of the last digit, and a few
# roundings of coordinates below 2048 (1.2e-4 each).
RECORDED_ERRORS_PX = 5e-4
