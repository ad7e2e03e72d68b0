"""Airflow runs the Meltano project in examples/meltano: changes every day, everything on Sundays.

Put the project where the workers find it (MELTANO_PROJECT, default /opt/meltano/confluence) with
meltano install done, tap-confluence on the PATH and a state backend that all workers reach, and make a pool:

    airflow pools set confluence_acme 1 "One run at a time: they share the site's rate limit"
"""

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = os.environ.get("MELTANO_PROJECT", "/opt/meltano/confluence")


def confluence_dag(dag_id: str, schedule: str, job: str) -> DAG:
    """Makes a DAG of one job of the Meltano project."""
    with DAG(
        dag_id=dag_id,
        schedule=schedule,
        start_date=datetime(2026, 1, 1),
        catchup=False,  # a run reads everything since the last one, however long ago
        max_active_runs=1,
        default_args={
            # A run that failed or was stopped left its state: the next one resumes it.
            "retries": 3,
            "retry_delay": timedelta(minutes=10),
            "pool": "confluence_acme",
        },
        tags=["confluence"],
    ) as dag:
        BashOperator(
            task_id="meltano_run",
            bash_command=f"exec meltano run {job}",
            cwd=PROJECT,
            append_env=True,
            env={"TAP_CONFLUENCE_API_TOKEN": "{{ conn.confluence_acme.password }}"},
        )
    return dag


daily = confluence_dag("confluence_daily", "0 3 * * 1-6", "daily")
weekly = confluence_dag("confluence_weekly", "0 3 * * 0", "weekly")
