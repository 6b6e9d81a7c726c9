// The kernel of band_cues_kernel.py for the GPU: the same cues, sums in the same order. A thread takes every blockDim.x-th
// pair of a cue and a band.
#include "elementary.cuh"
#include "cue_arrays.cuh"

// Logarithm of a band's level in a short window over the same smeared in time as a long window smears it.
__device__ float correction_of(
    int b, long long ahead, Array<float, 1> smear, int frame, Array<float, 2> root, Array<float, 1> loudest
) {
    int rows = root.shape[0], half = smear.shape[0] / 2, now = row_of(frame, ahead, rows);
    float floor_root = (float)sqrt(BAND_FLOOR * loudest[now] + SILENCE), mean = 0.0f;
    for (int i = 0; i < smear.shape[0]; ++i) {
        if (smear[i] > 0.0f) mean += smear[i] * root[row_of(frame, ahead - (i - half), rows)][b];
    }
    return clipped(2.0f * ln((root[now][b] + floor_root) / (mean + floor_root)), MOST_CORRECTION);
}

// Trust of the longest window's pairs, averaged over a band: plainly, and by energy.
__device__ void band_trust(
    int b, Array<float, 1> P, Array<long long, 1> first_weight, Array<long long, 1> first_channel, Array<float, 1> weights,
    Array<float, 1> mean_trust, float &plainly, float &by_energy
) {
    float plain = 0.0f, total = NO_WEIGHT, energy = NO_ENERGY, trusted = 0.0f;
    int k = first_channel[b];
    for (int i = first_weight[b]; i < first_weight[b + 1]; ++i, ++k) {
        float weight = weights[i], trust = mean_trust[k];
        plain += weight * trust;
        total += weight;
        energy += weight * P[k];
        trusted += weight * P[k] * trust;
    }
    plainly = plain / total;
    by_energy = trusted / energy;
}

// Levels at other moments and in other windows, and how pure the bands are.
__device__ void read_bands(
    Array<long long, 1> first, CueTables tables, int frame, CueState state, int s, CueRoom room, BandCues bands
) {
    int windows = tables.ahead.shape[0], rows = state.power.shape[1], count = tables.band_hz.shape[0];
    int reference = windows - 2, last = windows - 1, pairs = tables.shorter.shape[0], p = 0;
    Array<float, 3> log_level = state.log_level[s];
    Array<float, 2> loudest_of = state.loudest[s], x = bands.cues;
    int now = row_of(frame, tables.ahead[reference], rows);
    float loudest = ln(loudest_of[reference][now] + SILENCE);
    for (int w = 0; w < windows; ++w) {
        int offsets = 0;  // they ascend
        while (offsets < tables.offset.shape[0] && tables.offset[offsets] <= tables.ahead[w]) ++offsets;
        for (int i = threadIdx.x; i < offsets * count; i += blockDim.x) {
            int o = i / count, b = i % count, row = row_of(frame, tables.ahead[w] - tables.offset[o], rows);
            x[p + o][b] = clipped(log_level[w][row][b] - log_level[reference][now][b], (float)CLIP) / 2.0f;
        }
        p += offsets;
    }
    for (int i = threadIdx.x; i < pairs * count; i += blockDim.x) {
        int q = i / count, b = i % count, w = tables.shorter[q];
        float corrected = correction_of(b, tables.ahead[w], tables.smear[q], frame, state.root[s][w], loudest_of[w]);
        bands.correction[q][b] = corrected;
        x[p + q][b] = corrected / 2.0f;
    }
    p += pairs;
    for (int i = threadIdx.x; i < last * count; i += blockDim.x) {
        int w = 1 + i / count, b = i % count, of = p + last + 3 * (w - 1);
        float told = log_level[w][row_of(frame, tables.ahead[w], rows)][b] - loudest;
        x[p + w - 1][b] = fminf(fmaxf(told, LEAST_LEVEL), 1.0f) / 4;
        Array<float, 1> purity = room.purity[w][b + 1];
        float total = fmaxf(purity[0], NO_ENERGY);  // whose square is denormal, and flushed in single precision
        x[of][b] = purity[1] / total;
        x[of + 1][b] = purity[2] / total;
        x[of + 2][b] = fmin(purity[3] / ((double)total * total), 1.0);
    }
    p += 4 * last;
    Array<float, 1> P = state.power[s][row_of(frame, tables.ahead[last], rows)].from(first[last], first[last + 1]);
    for (int b = threadIdx.x; b < count; b += blockDim.x) {
        band_trust(
            b, P, tables.first_weight[last], tables.first_band_channel[last], tables.weight, room.mean_trust, x[p][b],
            x[p + 1][b]
        );
        x[p + 2][b] = log(tables.band_hz[b] / MIDDLE_HZ);
        for (int w = 2; w < windows; ++w) {
            double top_hz = (first[w + 1] - first[w] - 1) * tables.spacing_hz[w];
            x[p + 1 + w][b] = tables.band_hz[b] > top_hz ? 1.0f : 0.0f;
        }
    }
    __syncthreads();
}
