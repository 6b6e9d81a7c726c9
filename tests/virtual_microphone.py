"""A microphone without hardware: a JACK client that plays a file, bit for bit, to the first that listens.

``python virtual_microphone.py ref.wav NAME [--loop] [--stamp]``: PortAudio lists it as the input device NAME. It holds
the first sample until somebody is connected, plays silence after the last, and with --stamp prints the time
(`time.time`, s) of every period in which the file leaves silence. Played only by the tests and benchmarks.
"""

import argparse
import signal
import threading
import time

import jack
import numpy as np
import soundfile


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("name")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--stamp", action="store_true")
    arguments = parser.parse_args()
    audio, rate = soundfile.read(arguments.file, dtype="float32", always_2d=True)
    client = jack.Client(arguments.name, no_start_server=True, use_exact_name=True)
    assert client.samplerate == rate, (client.samplerate, rate)
    ports = [client.outports.register(f"capture_{i + 1}") for i in range(audio.shape[1])]
    stamps: list[float] = []
    place = 0
    quiet = True

    @client.set_process_callback
    def play(frames: int) -> None:
        nonlocal place, quiet
        if place == 0 and not ports[0].number_of_connections:
            block = audio[:0]
        else:
            block = audio[place : place + frames]
            place += frames
            if arguments.loop and place >= len(audio):
                place = 0
        for channel, port in enumerate(ports):
            heard = port.get_array()
            heard[: len(block)] = block[:, channel]
            heard[len(block) :] = 0
        was_quiet, quiet = quiet, not np.abs(block).max(initial=0) > 0.1
        if was_quiet and not quiet:
            stamps.append(time.time())

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with client:
        print("ready", flush=True)
        while not stopping.wait(0.02):
            while arguments.stamp and stamps:
                print(stamps.pop(0), flush=True)


if __name__ == "__main__":
    main()
