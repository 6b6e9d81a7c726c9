// What kernels that read cues have in common on the GPU: the rings, candidates and cues of cues_kernel.py, sums in the same
// order. A block of threads owns a stream, and has room of its own.
#include "line_cues_kernel.cuh"
#include "band_cues_kernel.cuh"

// Put a frame of one stream into the rings; hz, energy: (3, channels), of which the last two are the pair.
__device__ void remember(
    Array<float, 1> power, Array<float, 1> moment, Array<float, 2> hz, Array<float, 2> energy, Array<float, 1> trust,
    Array<long long, 1> first, CueTables tables, int frame, CueState state, int s
) {
    int rows = state.power.shape[1], row = frame % rows, windows = first.shape[0] - 1, bands = tables.band_hz.shape[0];
    Array<float, 1> kept = state.power[s][row], moments = state.moment[s][frame % state.moment.shape[1]];
    for (int k = threadIdx.x; k < power.shape[0]; k += blockDim.x) {
        kept[k] = power[k];
        moments[k] = moment[k];
    }
    Array<float, 1> trusts = state.trust[s][frame % state.trust.shape[1]];
    Array<float, 2> pair_hz = state.pair_hz[s][frame % state.pair_hz.shape[1]];
    Array<float, 2> pair_energy = state.pair_energy[s][frame % state.pair_hz.shape[1]];
    for (int k = threadIdx.x; k < trust.shape[0]; k += blockDim.x) {
        trusts[k] = trust[k];
        for (int e = 0; e < 2; ++e) {
            pair_hz[e][k] = hz[1 + e][k];
            pair_energy[e][k] = energy[1 + e][k];
        }
    }
    for (int i = threadIdx.x; i < windows * bands; i += blockDim.x) {
        int w = i / bands, b = i % bands, begin = tables.first_weight[w][b];
        const float *P = power.data + first[w] + tables.first_band_channel[w][b] - begin;
        float total = 0.0f;
        for (int n = begin; n < tables.first_weight[w][b + 1]; ++n) total += tables.weight[n] * P[n];
        state.log_level[s][w][row][b] = total;
    }
    __syncthreads();
    for (int w = threadIdx.x; w < windows; w += blockDim.x) {
        float loudest = 0.0f;
        for (int b = 0; b < bands; ++b) loudest = fmaxf(loudest, state.log_level[s][w][row][b]);
        state.loudest[s][w][row] = loudest;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < windows * bands; i += blockDim.x) {
        int w = i / bands, b = i % bands;
        float floor_power = (float)BAND_FLOOR * state.loudest[s][w][row] + SILENCE, *level = &state.log_level[s][w][row][b];
        state.root[s][w][row][b] = sqrtf(*level);
        *level = ln(*level + floor_power);
    }
    __syncthreads();
}

// Trust averaged over the last frames, in the order of time.
__device__ void average_trust(Array<float, 2> trust, int frame, Array<float, 1> mean) {
    int rows = trust.shape[0];
    float share = (float)(1.0 / rows);
    for (int k = threadIdx.x; k < mean.shape[0]; k += blockDim.x) {
        float sum = 0.0f;
        for (int lag = rows - 1; lag >= 0; --lag) sum += trust[row_of(frame, lag, rows)][k];
        mean[k] = sum * share;
    }
    __syncthreads();
}

// The candidates and cues of the moment that frame `frame` completed.
__device__ void read(
    Array<long long, 1> first, BasinTables basins, CueTables tables, int frame, CueState state, int s, CueRoom room,
    Candidates lines, BandCues bands, int *counts
) {
    average_trust(state.trust[s], frame, room.mean_trust);
    read_lines(first, basins, tables, frame, state, s, room, lines, counts);
    read_bands(first, tables, frame, state, s, room, bands);
}
