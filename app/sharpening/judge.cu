// The kernel of judge.py for the GPU: the same steps. A block of threads owns a stream, and has room of its own.
#include "cues_kernel.cu"
#include "beliefs_kernel.cuh"
#include "scales.cuh"

// Each atom collects, in the CPU's order, the lines nearest to it; atom: room for a number of each line.
__device__ void place(
    int count, Array<float, 1> hz, Array<float, 1> energy, AtomGrid grid, Array<float, 1> atom_hz, int *atom,
    Array<float, 1> amplitude, Array<float, 1> frequency
) {
    int units = atom_hz.shape[0];
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        double j = rint((scale_position(hz[i], grid.scale_code) - grid.low) * grid.per_unit);
        atom[i] = energy[i] > FAINTEST_PART && j >= 0.0 && j < units ? (int)j : -1;
    }
    __syncthreads();
    EACH_UNIT(j) {
        double total = 0.0, moment = 0.0;
        for (int i = 0; i < count; ++i) {
            if (atom[i] != j) continue;
            total += energy[i];
            moment += energy[i] * hz[i];
        }
        amplitude[j] = sqrt(total);
        frequency[j] = total > 0.0 ? (float)(moment / total) : atom_hz[j];
    }
    __syncthreads();
}

extern "C" __global__ void judge_process(
    Array<float, 3> power, Array<float, 3> moment, LinesOut pairs, BasinTables basins, CueTables tables,
    BeliefWeights weights, JudgeRule rule, AtomGrid grid, Array<float, 1> atom_hz, int frame, CueState state, JudgeRoom room,
    Array<float, 3> amplitude, Array<float, 3> frequency
) {
    int s = blockIdx.x;
    room = own_part(room);
    Candidates lines = room.lines;
    BandCues bands = room.bands;
    Places places{shared_memory()};
    int *counts = places.take<int>(blockDim.x), *atom = places.take<int>(lines.hz.shape[0]);
    for (int f = 0; f < power.shape[0]; ++f) {
        Array<long long, 1> first = basins.first_channel;
        remember(
            power[f][s], moment[f][s], pairs.hz[f][s], pairs.energy[f][s], pairs.trust[f][s], first, tables, frame + f, state,
            s
        );
        read(first, basins, tables, frame + f, state, s, room.cue, lines, bands, counts);
        judge_bands(bands.cues, bands.correction, rule.level_cue, rule.missing_cue, rule.longer, weights, room.belief);
        int count = lines.number[0];
        judge_lines(
            count, lines.hz, lines.place, lines.energy, lines.window, lines.cues, rule.reach_hz, weights, room.belief,
            room.believed
        );
        place(count, lines.hz, room.believed, grid, atom_hz, atom, amplitude[f][s], frequency[f][s]);
    }
}
