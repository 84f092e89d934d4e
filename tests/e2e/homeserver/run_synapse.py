"""Synapse, living no longer than the process that started it.

Standard input is a pipe held open by the test process. However that process ends, SIGKILL
included, the pipe closes: then nobody is left to stop us, and we leave at once.
"""

import os
import signal
import sys
import threading

from synapse.app.homeserver import main


def leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=leave_with_parent, daemon=True).start()
main()
