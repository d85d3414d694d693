"""What is done in a process that was started for it."""

import subprocess
import sys

LATER = ("aiohttp", "sqlite3", "rich", "distributed")


def test_nothing_is_imported_that_files_of_this_machine_do_without():
    code = f"import sys, physlite.running.childprocess; print([name for name in {LATER} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
