// The kernels of beliefs_kernel.py for the GPU: the same layers, sums in the same order, fused where the CPU's are. A block
// of threads judges one moment; a thread takes every blockDim.x-th unit of a band, and then every blockDim.x-th line.
// FOURTH: units of the last layer over a line, whose activities stay in registers.
#include "elementary.cuh"

__device__ inline float bounded(float x, float most) { return most - 2.0f * most / (exp_of(2.0f * x / most) + 1.0f); }

// take(i, u, start(i, u) + Σ_n x[i, n] weights[n, u]), for so many rows i; x's lie `row` apart, and what they hold `column`.
template <class Start, class Take>
__device__ void add_products(
    const float *x, int row, int column, int rows, Array<float, 2> weights, Start start, Take take
) {
    int columns = weights.shape[1];
    for (int at = threadIdx.x; at < rows * columns; at += blockDim.x) {
        int i = at / columns, u = at % columns;
        float sum = start(u);
        for (int n = 0; n < weights.shape[0]; ++n) sum = fmaf(x[i * row + n * column], weights[n][u], sum);
        take(i, u, sum);
    }
    __syncthreads();
}

// A convolution's weights, the bands that it reaches one behind the other.
__device__ inline Array<float, 2> as_one(Array<float, 3> weights) {
    return {weights.data, {weights.shape[0] * weights.shape[1], weights.shape[2]}};
}

// h = relu(cue), y = relu(near * h + whole), y + relu(far * y), into room.second.
template <class Weights, class Room>
__device__ void layers(Array<float, 2> cues, int level_cue, Weights weights, Room room) {
    int bands = room.second.shape[0], first = room.first.shape[1], second = room.near.shape[1], every = cues.shape[1];
    Array<float, 2> h = {room.first.data + PAD * first, {bands, first}}, y = {room.near.data + PAD * second, {bands, second}};
    auto bias = [](Array<float, 1> values) { return [=](int u) { return values[u]; }; };
    auto positive = [](Array<float, 2> out) { return [=](int i, int u, float sum) { out[i][u] = fmaxf(sum, 0.0f); }; };
    add_products(cues.data, 1, every, bands, weights.cue, bias(weights.cue_bias), positive(h));
    for (int b = threadIdx.x; b < bands; b += blockDim.x) room.share[0][b] = exp_of(2.0f * cues[level_cue][b]);
    __syncthreads();
    float loudness = NO_LOUDNESS;
    for (int b = 0; b < bands; ++b) loudness += room.share[0][b];
    __syncthreads();
    for (int b = threadIdx.x; b < bands; b += blockDim.x) {
        room.share[0][b] /= loudness;
        room.share[1][b] = 1.0f / (float)bands;
    }
    __syncthreads();
    Array<float, 2> pooled = room.pooled, common = room.common;
    add_products(room.share.data, bands, 1, 2, h, [](int) { return 0.0f; }, [=](int i, int u, float sum) { pooled[i][u] = sum; });
    Array<float, 1> near_bias = weights.near_bias;
    add_products(pooled.data, 0, 1, 1, weights.whole, bias(near_bias), [=](int i, int u, float sum) { common[i][u] = sum; });
    add_products(room.first.data, first, 1, bands, as_one(weights.near), bias(common[0]), positive(y));
    Array<float, 2> out = room.second;
    add_products(
        room.near.data + (PAD - 1) * second, second, 1, bands, as_one(weights.far), bias(weights.far_bias),
        [=](int i, int u, float sum) { out[i][u] = fmaxf(sum, 0.0f) + y[i][u]; }
    );
}

// The levels of one band, and ln of each window's share among those up to any: where there are no lines of longer ones.
__device__ void trust(int b, Array<float, 2> correction, Array<long long, 1> longer, BeliefRoom room) {
    int windows = room.level.shape[0];
    Array<float, 1> told = room.told[b];
    for (int w = 0; w < windows; ++w) {
        float level = bounded(told[windows + w], LARGEST_GAIN);
        for (int q = 0; q < longer.shape[0]; ++q) {
            if (longer[q] == w) level += told[2 * windows + q] * correction[q][b];
        }
        room.level[w][b] = level;
    }
    float total = told[0];
    for (int last = 0; last < windows; ++last) {
        float fresh = told[last];
        if (last > 0) total = fmaxf(total, fresh) + ln(1.0f + exp_of(-fabsf(total - fresh)));
        for (int w = 0; w < windows; ++w) {
            room.gain[last][w][b] = w <= last ? told[w] - total + room.level[w][b] : NOWHERE;
        }
    }
}

// What to think of each window in each band, from all bands' cues, (band cues, bands).
__device__ void judge_bands(
    Array<float, 2> cues, Array<float, 2> correction, int level_cue, int missing_cue, Array<long long, 1> longer,
    BeliefWeights weights, BeliefRoom room
) {
    int windows = room.level.shape[0], bands = room.told.shape[0], every = room.told.shape[1];
    int begins = 2 * windows + longer.shape[0], own = weights.line.shape[0] - (every - begins);
    Array<float, 2> told = room.told, context = room.context;
    layers(cues, level_cue, weights, room);
    add_products(
        room.second.data, room.second.shape[1], 1, bands, weights.told, [=](int u) { return weights.told_bias[u]; },
        [=](int i, int u, float sum) { told[i][u] = sum; }
    );
    for (int b = threadIdx.x; b < bands; b += blockDim.x) {
        int present = 1;
        for (int w = 1; w < windows; ++w) present += cues[missing_cue + w - 1][b] == 0.0f;
        room.present[b] = present;
        trust(b, correction, longer, room);
    }
    Array<float, 2> of_context = {weights.line[own].data, {every - begins, weights.line.shape[1]}};
    add_products(
        told.data + begins, every, 1, bands, of_context, [=](int u) { return weights.line_bias[u]; },
        [=](int i, int u, float sum) { context[i][u] = sum; }
    );
}

// Energies of the lines, times e to what their bands and their own cues, (line cues, lines), say of them.
__device__ void judge_lines(
    int count, Array<float, 1> hz, Array<float, 1> place, Array<float, 1> energy, Array<long long, 1> window,
    Array<float, 2> cues, Array<double, 1> reach_hz, BeliefWeights weights, BeliefRoom room, Array<float, 1> believed
) {
    int width = weights.line.shape[1];
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        int b = place[i], m = 0, w = window[i];
        float above = place[i] - (float)b;
        while (m < reach_hz.shape[0] && hz[i] < reach_hz[m]) ++m;
        if (room.present[b + 1] < m) above = 0.0f;  // the band above knows nothing of the longest window here
        float below = 1.0f - above, fourth[FOURTH];
        for (int u = 0; u < FOURTH; ++u) fourth[u] = weights.narrow_bias[u];
        for (int first = 0; first < width; first += LANES) {
            const float *lower = &room.context[b][first], *upper = &room.context[b + 1][first];
            const float *own = weights.line.data + first, *narrow = weights.narrow.data + first * FOURTH;
            float third[LANES];
            for (int u = 0; u < LANES; ++u) third[u] = below * lower[u] + above * upper[u];
            for (int n = 0; n < cues.shape[0]; ++n, own += width) {
                for (int u = 0; u < LANES; ++u) third[u] = fmaf(cues[n][i], own[u], third[u]);
            }
            for (int n = 0; n < LANES; ++n, narrow += FOURTH) {
                for (int u = 0; u < FOURTH; ++u) fourth[u] = fmaf(fmaxf(third[n], 0.0f), narrow[u], fourth[u]);
            }
        }
        float total = weights.belief_bias[0];
        for (int u = 0; u < FOURTH; ++u) total = fmaf(weights.belief[u], fmaxf(fourth[u], 0.0f), total);
        float told = NOWHERE;
        if (w < m) told = below * room.gain[m - 1][w][b] + above * room.gain[m - 1][w][b + 1];
        believed[i] = energy[i] * exp_of(bounded(told + total, LARGEST_BELIEF));
    }
    __syncthreads();
}
