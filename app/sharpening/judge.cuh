// What kernels of judge.py and voiced_judge.py have in common on the GPU: the CPU's steps. A block of threads owns a stream,
// and has room of its own.
#include "cues_kernel.cuh"
#include "beliefs_kernel.cuh"
#include "scales.cuh"

// Remember a frame of a stream, and judge the lines of the moment that it completes: room.lines, room.believed.
__device__ void judge_moment(
    Array<float, 1> power, Array<float, 1> moment, Array<float, 2> pair_hz, Array<float, 2> pair_energy,
    Array<float, 1> trust, JudgeTables judge, int frame, int s, CueState state, JudgeRoom room, int *counts
) {
    Candidates lines = room.lines;
    BandCues bands = room.bands;
    Array<long long, 1> first = judge.basins.first_channel;
    JudgeRule rule = judge.rule;
    remember(power, moment, pair_hz, pair_energy, trust, first, judge.cues, frame, state, s);
    read(first, judge.basins, judge.cues, frame, state, s, room.cue, lines, bands, counts);
    judge_bands(bands.cues, bands.correction, rule.level_cue, rule.missing_cue, rule.longer, judge.weights, room.belief);
    judge_lines(
        lines.number[0], lines.hz, lines.place, lines.energy, lines.window, lines.cues, rule.reach_hz, judge.weights,
        room.belief, room.believed
    );
}

// Which atom is nearest to each line, -1 for one beyond the grid.
__device__ void nearest_atoms(int count, Array<float, 1> hz, AtomGrid grid, int atoms, int *atom) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        double j = rint((scale_position(hz[i], grid.scale_code) - grid.low) * grid.per_unit);
        atom[i] = j >= 0.0 && j < atoms ? (int)j : -1;
    }
    __syncthreads();
}

// What atom j collects, in the CPU's order, of the lines nearest to it: their energies, and these times their frequencies.
__device__ inline void collect(
    int j, int count, Array<float, 1> hz, Array<float, 1> energy, const int *atom, double &total, double &moment
) {
    for (int i = 0; i < count; ++i) {
        if (atom[i] != j || energy[i] <= FAINTEST_PART) continue;
        total += energy[i];
        moment += energy[i] * hz[i];
    }
}

// What it becomes; an atom without lines has its own frequency.
__device__ inline void place(
    int j, double total, double moment, Array<float, 1> atom_hz, Array<float, 1> amplitude, Array<float, 1> frequency
) {
    amplitude[j] = sqrt(total);
    frequency[j] = total > 0.0 ? (float)(moment / total) : atom_hz[j];
}
