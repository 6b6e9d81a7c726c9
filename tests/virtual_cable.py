"""A loop-back cable as a JACK client: ``python virtual_cable.py NAME DELAY`` (samples)."""

import signal
import sys
import threading

import jack
import numpy as np


def main() -> None:
    client = jack.Client(sys.argv[1], no_start_server=True)
    inlet, outlet = client.inports.register("playback_1"), client.outports.register("capture_1")
    line = np.zeros(int(sys.argv[2]), np.float32)

    @client.set_process_callback
    def carry(frames: int) -> None:
        nonlocal line
        joined = np.concatenate([line, inlet.get_array()])
        outlet.get_array()[:] = joined[:frames]
        line = joined[frames:]

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with client:
        print("ready", flush=True)
        stopping.wait()


if __name__ == "__main__":
    main()
