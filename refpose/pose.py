"""Image in, people out: what the estimators of all families have in common, and the way to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from os import PathLike
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, overload

from . import families
from .engine import Network
from .frame import Regions, checked_image
from .people import DETECT_EVERY, MAX_HIDDEN
from .person import BlazePosePerson, Person
from .runner import Run
from .stages.detector import Detection
from .stages.filters import Smoothing
from .stages.landmarks import WINDOW
from .stages.segmentation import RATIO as MASK_SMOOTHING
from .stages.warp import ByteArray
from .topology import Topology
from .trackers import Tracker

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from .study.explain import Explanation

    Found = TypeVar("Found", bound=Person, covariant=True, default=Person)
else:
    from typing import TypeVar

    Found = TypeVar("Found", bound=Person, covariant=True)


class Pose(Generic[Found]):
    """Finds people on an image, or follows them through a video.

    ``Pose("full")`` makes the estimator of the family that the model belongs to: a `refpose.blazepose.BlazePose` or a
    `refpose.efficientpose.EfficientPose`. One object serves one stream; calls from several threads wait for each other.
    It can be pickled in mid-stream; the copy goes on where the original stood.

    Parameters
    ----------
    model : str
        ``"lite"``, ``"full"`` or ``"heavy"``: BlazePose. ``"efficientpose-rt"``, ``"efficientpose-i"`` to
        ``"efficientpose-iv"``, ``"efficientpose-rt-lite"``, ``"efficientpose-i-lite"``, ``"efficientpose-ii-lite"``:
        EfficientPose.
    mode : {"video", "image", "camera"}
        ``"video"``: follow the person from frame to frame. ``"image"``: every image on its own, nothing is smoothed.
        ``"camera"``: EfficientPose's decoding for live pictures.
    smooth : bool or Smoothing
        BlazePose: whether and how landmarks of a video are smoothed over time.
    segmentation : bool
        BlazePose: whether to compute the mask.
    smooth_segmentation : bool
        BlazePose: whether masks of a video are smoothed, with `mask_smoothing`.
    min_detection_confidence : float
        Least score of the detector that counts, 0..1.
    min_tracking_confidence : float
        BlazePose: least probability of the landmark network that counts (exclusive), in both modes, 0..1.
    engine : {"auto", "native", "numpy", "reference"}
        What computes; see `refpose.load_network`.
    threads : int
        Threads of the native engine. Of several people, each has a thread; one person's network is shared by all.
    refinement_window : int
        BlazePose: side of the window for refining landmarks with their heat maps, in cells; odd. 9 is what MediaPipe's
        Python class runs with, 7 what its graph, its C++ API and its Tasks API run with.
    mask_smoothing : float
        BlazePose: how much uncertain values of a mask take over from the previous mask, 0..1. 0, no smoothing, is what
        MediaPipe's Python class runs with, 0.7 what its graph asks for.
    people : int or None
        BlazePose: how many are found, and in a video followed, at most; None: all that the detector finds. With one
        person in sight, results are those of ``people=1``. The rules are those of `refpose.people`.
    detect_every : int
        BlazePose, several people: how often the detector looks for more of them, in frames.
    max_hidden : float
        BlazePose, several people: for how many seconds somebody who is not seen keeps the identity.
    crop : {"blazepose", None}
        EfficientPose: the network sees the person that BlazePose's detector finds, or the whole picture.
    weights : path, optional
        EfficientPose: the file of converted weights or the folder it is in; see
        `refpose.networks.weights.default_path` for where they are looked for otherwise.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, not one of the allowed values, or not one of the model's family.
    FileNotFoundError
        There are no weights of this model.

    Attributes
    ----------
    tracker : Tracker
        The only state.
    """

    topology: ClassVar[Topology]
    """The skeleton of the people that are found."""

    model: str
    mode: str
    engine: str
    threads: int
    segmentation: bool
    tracker: Tracker
    _turn: Lock

    @overload
    def __new__(
        cls,
        model: Literal["lite", "full", "heavy"] = "full",
        mode: Literal["video", "image"] = "video",
        smooth: bool | Smoothing = True,
        segmentation: bool = False,
        smooth_segmentation: bool = True,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        refinement_window: int = WINDOW,
        mask_smoothing: float = MASK_SMOOTHING,
        people: int | None = 1,
        detect_every: int = DETECT_EVERY,
        max_hidden: float = MAX_HIDDEN,
    ) -> Pose[BlazePosePerson]: ...

    @overload
    def __new__(
        cls,
        model: Literal[
            "efficientpose-rt",
            "efficientpose-i",
            "efficientpose-ii",
            "efficientpose-iii",
            "efficientpose-iv",
            "efficientpose-rt-lite",
            "efficientpose-i-lite",
            "efficientpose-ii-lite",
        ],
        mode: Literal["video", "image", "camera"] = "video",
        *,
        min_detection_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        crop: Literal["blazepose"] | None = "blazepose",
        weights: str | PathLike[str] | None = None,
    ) -> Pose[Person]: ...

    @overload
    def __new__(
        cls,
        model: str,
        mode: str = "video",
        smooth: bool | Smoothing = True,
        segmentation: bool = False,
        smooth_segmentation: bool = True,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        refinement_window: int = WINDOW,
        mask_smoothing: float = MASK_SMOOTHING,
        people: int | None = 1,
        detect_every: int = DETECT_EVERY,
        max_hidden: float = MAX_HIDDEN,
        crop: Literal["blazepose"] | None = "blazepose",
        weights: str | PathLike[str] | None = None,
    ) -> Pose[Person]: ...

    def __new__(
        cls,
        model: str = "full",
        mode: str = "video",
        smooth: bool | Smoothing = True,
        segmentation: bool = False,
        smooth_segmentation: bool = True,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
        engine: str = "auto",
        threads: int = 1,
        *,
        refinement_window: int = WINDOW,
        mask_smoothing: float = MASK_SMOOTHING,
        people: int | None = 1,
        detect_every: int = DETECT_EVERY,
        max_hidden: float = MAX_HIDDEN,
        crop: Literal["blazepose"] | None = "blazepose",
        weights: str | PathLike[str] | None = None,
    ) -> Pose[Any]:
        """An estimator of the family that the model belongs to; its `__init__` is given the arguments."""
        if cls is Pose:
            cls = families.named(families.family_of(model).estimator)
        pose = super().__new__(cls)
        pose._turn = Lock()
        return pose

    @property
    def networks(self) -> Mapping[str, Network]:
        """The networks by the name of the quantity that they are fed, in order."""
        raise NotImplementedError

    def compute(
        self,
        run: Run,
        image: ByteArray,
        timestamp: float | Fraction | None = None,
        roi: Regions = None,
    ) -> Any:
        """The family's pipeline on a C-contiguous image, by somebody else's calls; `people_of` what it gives."""
        raise NotImplementedError

    def people_of(self, computed: Any, image_size: tuple[int, int]) -> list[Found]:
        """The people in what `compute` gave."""
        raise NotImplementedError

    def look(
        self,
        run: Run,
        image: ByteArray,
        timestamp: float | Fraction | None = None,
        roi: Regions = None,
    ) -> list[Found]:
        """`process`, by somebody else's calls; the image is C-contiguous."""
        with self._turn:
            computed = self.compute(run, image, timestamp, roi)
        return self.people_of(computed, (image.shape[1], image.shape[0]))

    def detect(self, image: ByteArray) -> list[Detection]:
        """Ask the detector alone. The state plays no part.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB.

        Returns
        -------
        list of Detection
            All people found, the surest first.
        """
        raise NotImplementedError

    def process(self, image: ByteArray, timestamp: float | Fraction | None = None, roi: Regions = None) -> list[Found]:
        """Find people on an image, or on the next frame of a video.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB. Frames of a video may differ in size, unless masks are smoothed.
        timestamp : number, optional
            Time of a video's frame in seconds, later than the last; rounded to microseconds. Without it, 33,333 us
            after the last, as in MediaPipe. Has no influence on single images, nor on models that keep nothing.
        roi : Roi or list of Roi, optional
            Where the person is, or the people are; neither detector nor tracker are asked. If it is not a square in
            pixels, its longer side makes it one. EfficientPose takes one upright region.

        Returns
        -------
        list of Person
            Empty when nobody was found; with ``people=1`` at most one. Several people of a video come by their `id`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, time does not go forward, or the size changed while masks are smoothed.
            The state stays as it was.
        """
        return self.look(Run(), checked_image(image), timestamp, roi)

    def explain(
        self,
        image: ByteArray,
        timestamp: float | Fraction | None = None,
        roi: Regions = None,
        activations: bool = False,
    ) -> Explanation:
        """Do what `process` does, and keep everything that is computed on the way.

        The state of a video goes on as with `process`. The mask is computed whether or not `segmentation` asks for it.

        Parameters
        ----------
        image, timestamp, roi
            As for `process`.
        activations : bool
            Whether to keep the output of every layer too; some tens of megabytes.

        Returns
        -------
        refpose.study.explain.Explanation
            A mapping from documented names to arrays, see `refpose.study.quantities`.

        Raises
        ------
        TypeError, ValueError
            As `process`.
        """
        from .study.explain import explain

        return explain(self, checked_image(image), timestamp, roi, activations)

    def reset(self) -> None:
        """Forget the frames seen so far."""
        with self._turn:
            self.tracker.reset()

    def settings(self) -> dict[str, Any]:
        """What results depend on besides the images, for the record."""
        return {
            "model": self.model,
            "mode": self.mode,
            "engine": self.engine,
            "weights_sha256": {
                network.name: str(network.weights.attributes["content_sha256"]) for network in self.networks.values()
            },
        }

    def _load(self) -> None:
        """Load the networks, at the start and in copies."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_loaded", "_turn")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()

    def __copy__(self) -> NoReturn:
        raise TypeError("a copy that shares the tracker would mix up two streams: use copy.deepcopy")

    def __enter__(self) -> Pose[Found]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.reset()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, mode={self.mode!r}, engine={self.engine!r})"
