"""Many inputs: found, planned, sharpened side by side here or on a cluster, and reported."""

from .inputs import Found, find_inputs
from .jobs import Job, Result, Settings, run_job
from .packed import run_packed
from .plan import check_free, plan_jobs
from .threads import Advance, run_local

__all__ = [
    "Advance",
    "Found",
    "Job",
    "Result",
    "Settings",
    "check_free",
    "find_inputs",
    "plan_jobs",
    "run_job",
    "run_local",
    "run_packed",
]
