"""Where the recorded results are.

``tests/golden`` holds what MediaPipe 0.10.21 computed on pictures that may be redistributed; the environment variable
``REFPOSE_GOLDENS`` names a folder with the whole set, laid out in the same way. Tests that need the whole set are
skipped without it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
GOLDENS = Path(os.environ["REFPOSE_GOLDENS"]).resolve() if os.environ.get("REFPOSE_GOLDENS") else None

# A background job of a shell is started with Ctrl-C ignored, and so would be the processes that the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project's sources."""
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """The recorded results in the repository."""
    return GOLDEN


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The whole set of recorded results; skips where it is not at hand."""
    if GOLDENS is None:
        pytest.skip("REFPOSE_GOLDENS does not name the folder of the whole recorded set")
    if not GOLDENS.is_dir():
        pytest.fail(f"REFPOSE_GOLDENS={GOLDENS} is not a folder")
    return GOLDENS


@pytest.fixture(scope="session")
def best_goldens() -> Path:
    """The whole recorded set where it is at hand, else the part of it in the repository."""
    return GOLDEN if GOLDENS is None else GOLDENS


@pytest.fixture(scope="session")
def astronaut(root: Path) -> Path:
    """The example picture (512x512, one person)."""
    return root / "examples" / "astronaut.png"


@pytest.fixture(scope="session")
def pair(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of two people side by side (900x300)."""
    with Image.open(astronaut) as picture:
        person = picture.convert("RGB").resize((256, 256), Image.Resampling.LANCZOS)
    wall = Image.new("RGB", (900, 300), (128, 128, 128))
    wall.paste(person, (10, 30))
    wall.paste(person.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (600, 30))
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    wall.save(path)
    return path


# Tests that take some seconds belong to the full run, whatever they test.
SLOW = (
    "test_batch.py::test_death_of_a_process_costs_its_task_alone",
    "test_bench.py::",
    "test_cluster.py::",
    "test_compare.py::test_one_mistake_in_both_crops",
    "test_console.py::test_modules_in_the_current_folder_are_not_executed",
    "test_console.py::test_names_of_every_kind",
    "test_console.py::test_nobody_hears_stderr",
    "test_console.py::test_without_streams_as_pythonw",
    "test_efficientpose.py::test_maps_against_float64_and_litert",
    "test_efficientpose.py::test_maps_with_the_weights_of_keras_files",
    "test_efficientpose.py::test_sizes_without_trained_weights",
    "test_engine.py::test_numpy_engine_on_recorded_crops",
    "test_engine.py::test_some_outputs_are_those_of_all[numpy]",
    "test_evaluate.py::test_joints_the_skeleton_lacks_do_not_count",
    "test_evaluate.py::test_noise_is_the_same_every_time",
    "test_evaluate.py::test_plot",
    "test_evaluate.py::test_results_are_saved_and_measured_alike",
    "test_evaluate.py::test_two_models_are_compared",
    "test_explain.py::test_activations",
    "test_explain.py::test_receptive_field_is_what_a_value_depends_on",
    "test_following.py::",
    "test_formats.py::test_memory_does_not_grow_with_length",
    "test_fuzz.py::test_crashes_hangs_and_other_errors_are_findings",
    "test_fuzz.py::test_what_was_a_fault_once_is_refused[libhdf5",
    "test_golden_pictures.py::test_picture[astronaut-full-reference]",
    "test_golden_pictures.py::test_picture[astronaut-heavy-reference]",
    "test_heatmaps.py::test_command_line",
    "test_heatmaps.py::test_explained_dumped_compared",
    "test_heatmaps.py::test_key_points_are_the_recorded_ones",
    "test_heatmaps.py::test_mistakes_are_named",
    "test_images.py::test_wide_picture_beyond_the_size_that_pillow_warns_of",
    "test_native_contract.py::test_peak_memory_of_a_video",
    "test_native_fuzz.py::test_never_a_crash",
    "test_native_stages.py::test_refine[avx2-1001]",
    "test_native_stages.py::test_refine[avx512-1001]",
    "test_outputs.py::test_devices_stay_devices[report]",
    "test_outputs.py::test_pipe_is_written_to[report]",
    "test_outputs.py::test_what_is_there_is_overwritten_by_force_only[report]",
    "test_pages.py::",
    "test_people.py::test_dumped_people_are_compared",
    "test_people_verbs.py::",
    "test_plan.py::test_a_plan_runs_on_numpy",
    "test_recording.py::test_blocks_are_the_whole_in_little_memory",
    "test_report.py::",
    "test_soak.py::",
    "test_tasks.py::test_boxes_whose_scores_are_all_zero",
    "test_tasks_api.py::test_every_call",
    "test_types.py::test_mistakes_are_found",
    "test_verify.py::",
    "test_weights.py::test_damage_in_the_structures_of_a_file",
    "test_workers.py::",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    for item in items:
        if item.nodeid.split("/")[-1].startswith(SLOW):
            item.add_marker(pytest.mark.full)
