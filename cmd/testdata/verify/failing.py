"""Runs an adapter that crashes or hangs at its 300th request: failing.py crash|hang SERVER ARGS..."""

import ctypes
import itertools
import json
import os
import runpy
import sys

how, server = sys.argv[1], os.path.abspath(sys.argv[2])
loads, requests = json.loads, itertools.count(1)


def failing(*args, **options):
    if next(requests) == 300:
        if how == "hang":
            ctypes.PyDLL(None).sleep(100)  # no other thread runs meanwhile
        print("MemoryError: no room for one more session", file=sys.stderr, flush=True)
        os._exit(3)
    return loads(*args, **options)


json.loads = failing
sys.argv = [server, *sys.argv[3:]]
sys.path.insert(0, os.path.dirname(server))
runpy.run_path(server, run_name="__main__")
