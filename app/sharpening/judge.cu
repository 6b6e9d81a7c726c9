// The kernel of judge.py for the GPU: the same steps. A block of threads owns a stream, and has room of its own.
#include "judge.cuh"

extern "C" __global__ void judge_process(
    Array<float, 3> power, Array<float, 3> moment, LinesOut pairs, JudgeTables judge, int frame, CueState state,
    JudgeRoom room, Array<float, 3> amplitude, Array<float, 3> frequency
) {
    int s = blockIdx.x, units = judge.atom_hz.shape[0];
    room = own_part(room);
    Candidates lines = room.lines;
    Places places{shared_memory()};
    int *counts = places.take<int>(blockDim.x), *atom = places.take<int>(lines.hz.shape[0]);
    for (int f = 0; f < power.shape[0]; ++f) {
        judge_moment(
            power[f][s], moment[f][s], pairs.hz[f][s], pairs.energy[f][s], pairs.trust[f][s], judge, frame + f, s, state,
            room, counts
        );
        int count = lines.number[0];
        nearest_atoms(count, lines.hz, judge.grid, units, atom);
        EACH_UNIT(j) {
            double energy = 0.0, energy_hz = 0.0;
            collect(j, count, lines.hz, room.believed, atom, energy, energy_hz);
            place(j, energy, energy_hz, judge.atom_hz, amplitude[f][s], frequency[f][s]);
        }
        __syncthreads();
    }
}
