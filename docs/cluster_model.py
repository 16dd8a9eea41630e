"""How long a cluster takes, from measured figures: python docs/cluster_model.py [--help]

Workers take the next task as soon as they are free. A task costs its computing time, and before it begins the
scheduler's time, one task after the other; all workers together read and write no faster than the shared file system.
"""

from __future__ import annotations

import argparse
import heapq
import random


def makespan(tasks: list[float], workers: int, overhead: float, start: float, megabytes: float, rate: float) -> float:
    """Seconds until all is done.

    Parameters
    ----------
    tasks : list of float
        Computing time of each task in seconds, in the order in which they are handed out.
    workers : int
        With one thread each.
    overhead : float
        The scheduler's time for a task in seconds.
    start : float
        Seconds until a worker has imported refpose and read its weights.
    megabytes : float
        What is read and written in all.
    rate : float
        Megabytes a second of the shared file system.
    """
    free = [start] * workers
    handed = 0.0
    for seconds in tasks:
        handed += overhead
        begin = max(heapq.heappop(free), handed)
        heapq.heappush(free, begin + seconds)
    return max(max(free), megabytes / rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=5000, help="number of videos (%(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="mean length of a video (%(default)s)")
    parser.add_argument("--fps", type=float, default=30, help="frames a second (%(default)s)")
    parser.add_argument(
        "--ms", type=float, default=12.6, help="computing time of a frame in milliseconds (%(default)s)"
    )
    parser.add_argument("--overhead-ms", type=float, default=4, help="scheduler's time for a task (%(default)s)")
    parser.add_argument("--start", type=float, default=3, help="seconds until a worker is ready (%(default)s)")
    parser.add_argument("--megabytes", type=float, default=150, help="size of a video and its results (%(default)s)")
    parser.add_argument("--rate", type=float, default=1000, help="megabytes a second of the file system (%(default)s)")
    args = parser.parse_args()
    chance = random.Random(0)  # lengths from a quarter to four times the mean
    lengths = [args.minutes * chance.lognormvariate(-0.32, 0.8) for _ in range(args.videos)]
    tasks = [60 * args.fps * length * args.ms / 1000 for length in lengths]
    alone = sum(tasks)
    hours = sum(lengths) / 60
    print(
        f"{hours:.0f} hours of video, {alone / 3600:.0f} core-hours: {hours / (alone / 3600):.2f} hours per core-hour"
    )
    print("workers      hours  efficiency")
    for workers in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        size = args.megabytes * args.videos
        taken = makespan(tasks, workers, args.overhead_ms / 1000, args.start, size, args.rate)
        print(f"{workers:7} {taken / 3600:10.2f} {alone / taken / workers:11.2f}")


if __name__ == "__main__":
    main()
