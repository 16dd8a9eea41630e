"""The functions of a frame in the order in which data passes; `table` lists those that an engine may replace."""
