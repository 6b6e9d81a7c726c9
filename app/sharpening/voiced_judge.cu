// The kernel of voiced_judge.py for the GPU: the same steps. A block of threads owns a stream, and has room of its own.
#include "judge.cuh"
#include "voice_cues_kernel.cuh"
#include "voice_beliefs_kernel.cuh"

// The energy of the strongest partial at each atom, or else beside it, and its voice's fundamental, Hz; 0 of none.
// atom: of each partial.
__device__ void name(
    int partials, Array<float, 1> hz, Array<float, 1> energy, Array<float, 1> multiple, const int *atom,
    Array<double, 1> strongest, Array<float, 1> fundamental
) {
    int units = strongest.shape[0];
    EACH_UNIT(j) {
        float most = 0.0f, whose = 0.0f, most_beside = 0.0f, whose_beside = 0.0f;
        for (int k = 0; k < partials; ++k) {
            if (atom[k] < 0) continue;
            if (atom[k] == j && energy[k] > most) {
                most = energy[k];
                whose = hz[k] / multiple[k];
            } else if (abs(atom[k] - j) == 1 && energy[k] > most_beside) {
                most_beside = energy[k];
                whose_beside = hz[k] / multiple[k];
            }
        }
        strongest[j] = most > 0.0f ? most : most_beside;
        fundamental[j] = most > 0.0f ? whose : whose_beside;
    }
    __syncthreads();
}

// What is believed of lines and partials, by what speaks for each picture; lines above all voices stay as they are.
__device__ void mix(
    int partials, Array<float, 1> energy, JudgeRoom room, VoiceWeights weights, HearingRoom hearing
) {
    Candidates lines = room.lines;
    judge_voices(hearing.cues, LEVEL_CUE, weights, hearing.belief);
    for (int i = threadIdx.x; i < lines.number[0]; i += blockDim.x) {
        if (lines.hz[i] > TOP_HZ) lines.place[i] = -1.0f;
    }
    __syncthreads();
    weigh_lines(lines.number[0], lines.place, hearing.belief.gain[WINDOWS], room.believed);
    weigh_lines(partials, hearing.cue.place, hearing.belief.gain[VOICES], energy);
}

extern "C" __global__ void hear_process(
    Array<float, 3> power, Array<float, 3> moment, LinesOut pairs, TrackerOut said, JudgeTables judge, int frame,
    CueState state, JudgeRoom room, VoiceWeights weights, HearingRoom hearing, Array<float, 3> amplitude,
    Array<float, 3> frequency, Array<float, 3> fundamental
) {
    int s = blockIdx.x, units = judge.atom_hz.shape[0];
    room = own_part(room);
    Candidates lines = room.lines;
    Places places{shared_memory()};
    int *counts = places.take<int>(blockDim.x), *atom = places.take<int>(lines.hz.shape[0]);
    int *partial_atom = places.take<int>(MOST_PARTIALS);
    for (int f = 0; f < power.shape[0]; ++f) {
        judge_moment(
            power[f][s], moment[f][s], pairs.hz[f][s], pairs.energy[f][s], pairs.trust[f][s], judge, frame + f, s, state,
            room, counts
        );
        HearingRoom heard = own_part(hearing);  // not before, where registers are scarcest
        int count = lines.number[0], partials = said.partials[f][s], named = said.named[f][s];
        Array<float, 1> hz = said.hz[f][s], energy = said.energy[f][s], whose = fundamental[f][s];
        int left = 0;
        if (partials > 0) {
            left = read_voice_cues(
                count, lines.place, room.believed, partials, hz, energy, said.precision[f][s], said.beyond[f][s],
                said.told[f][s], (frame + f) % ROW_HOPS, room.belief.second, heard.cue, heard.cues
            );
        }
        nearest_atoms(count, lines.hz, judge.grid, units, atom);
        nearest_atoms(named, hz, judge.grid, units, partial_atom);
        name(named, hz, energy, said.multiple[f][s], partial_atom, heard.strongest, whose);
        if (left > 0) mix(partials, energy, room, weights, heard);
        EACH_UNIT(j) {
            double total = 0.0, total_hz = 0.0;
            collect(j, count, lines.hz, room.believed, atom, total, total_hz);
            collect(j, partials, hz, energy, partial_atom, total, total_hz);
            place(j, total, total_hz, judge.atom_hz, amplitude[f][s], frequency[f][s]);
            if (heard.strongest[j] < OWNED_PART * total) whose[j] = 0.0f;
        }
        __syncthreads();
    }
}
