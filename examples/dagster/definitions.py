"""Dagster runs the jobs of the Meltano project in ../meltano at the times of its schedules.

    pip install -r requirements.txt
    (cd ../meltano && meltano install)    # first: dagster-meltano asks a new project two things at once and fails
    DAGSTER_HOME=$PWD dagster dev -f definitions.py

Each job becomes a job of Dagster. Dagster repeats a run that failed, and the tap resumes it where it stopped.
"""

import os
from pathlib import Path

from dagster import Definitions, JobDefinition, ScheduleDefinition
from dagster_meltano import load_jobs_from_meltano_project

project = os.environ.get("MELTANO_PROJECT_ROOT") or Path(__file__).resolve().parent.parent / "meltano"

loaded = list(load_jobs_from_meltano_project(str(project), retries=2))

defs = Definitions(
    jobs=[d for d in loaded if isinstance(d, JobDefinition)],
    schedules=[d for d in loaded if isinstance(d, ScheduleDefinition)],
)
