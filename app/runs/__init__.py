"""How inputs are run: found, planned, worked on side by side here, on a GPU or on a cluster, and reported."""

from .inputs import Found, find_inputs
from .jobs import Job, Result, Settings
from .plan import Kind, check_free, plan_frames, plan_jobs
from .task import Outcome, Running, Task, make_of_file
from .threads import Advance, run_local

__all__ = [
    "Advance",
    "Found",
    "Job",
    "Kind",
    "Outcome",
    "Result",
    "Running",
    "Settings",
    "Task",
    "check_free",
    "find_inputs",
    "make_of_file",
    "plan_frames",
    "plan_jobs",
    "run_local",
]
