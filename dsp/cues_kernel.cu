// The kernel of cues_kernel.py for the GPU: the same steps. A block of threads owns a stream, and has room of its own.
#include "cues_kernel.cuh"

extern "C" __global__ void cues_process(
    Array<float, 3> power, Array<float, 3> moment, Array<float, 4> hz, Array<float, 4> energy, Array<float, 3> trust,
    Array<long long, 1> first, BasinTables basins, CueTables tables, int frame, CueState state, CueRoom room,
    Candidates found, BandCues told, Array<long long, 1> chosen, CandidatesOut lines, BandCuesOut bands
) {
    int s = blockIdx.x, n = 0, *counts = (int *)shared_memory();
    room = own_part(room);
    found = own_part(found);
    told = own_part(told);
    for (int f = 0; f < power.shape[0]; ++f) {
        remember(power[f][s], moment[f][s], hz[f][s], energy[f][s], trust[f][s], first, tables, frame + f, state, s);
        if (n == chosen.shape[0] || chosen[n] != f) continue;
        read(first, basins, tables, frame + f, state, s, room, found, told, counts);
        if (threadIdx.x == 0) lines.number[n][s][0] = found.number[0];
        for (int c = threadIdx.x; c < found.hz.shape[0]; c += blockDim.x) {
            lines.hz[n][s][c] = found.hz[c];
            lines.energy[n][s][c] = found.energy[c];
            lines.window[n][s][c] = found.window[c];
            for (int x = 0; x < found.cues.shape[0]; ++x) lines.cues[n][s][c][x] = found.cues[x][c];
        }
        for (int b = threadIdx.x; b < told.cues.shape[1]; b += blockDim.x) {
            for (int x = 0; x < told.cues.shape[0]; ++x) bands.cues[n][s][b][x] = told.cues[x][b];
            for (int q = 0; q < told.correction.shape[0]; ++q) bands.correction[n][s][b][q] = told.correction[q][b];
        }
        __syncthreads();
        ++n;
    }
}
