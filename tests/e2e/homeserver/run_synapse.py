"""Synapse, living no longer than the process that started it.

Standard input is a pipe held open by the test process. However that process ends, SIGKILL
included, the pipe closes: then nobody is left to stop us, and we leave at once.
"""

import os
import signal
import threading

from synapse.app.homeserver import main


def leave_with_parent() -> None:
    # Not through sys.stdin: its lock, held here, would abort the interpreter when Synapse stops by itself.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=leave_with_parent, daemon=True).start()
main()
