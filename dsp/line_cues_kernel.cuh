// The kernel of line_cues_kernel.py for the GPU: the same candidates in the same order, with the same cues. A block of
// threads works on one window after the other; `counts` is room for a number of each thread.
#include "basins_kernel.cuh"
#include "cue_arrays.cuh"

// Where a line stands among the bands.
__device__ inline double bands_above(double hz, double lowest_hz, int bands) {
    return fmin(fmax(4 * log2(hz / lowest_hz), 0.0), bands - 1.001);
}

// What a window says of one of its lines alone: the i-th of the `kept` basins of `order`, as candidate c.
__device__ void own_cues(
    int w, int i, int kept, int c, Array<float, 1> P, Array<float, 1> G, Found found, double per_share, double bin_hz,
    float most, Array<float, 1> level, double lowest_hz, Candidates lines, int windows
) {
    int line = found.order[i];
    double hz = found.hz[line], energy = found.energy[line];
    float log_energy = ln((float)energy), variance = 0.0f;
    for (int k = found.first[line]; k < found.past[line]; ++k) {
        float off = G[k] - P[k] * (float)hz;
        variance += off * off / fmaxf(P[k], 1e-30f);
    }
    lines.hz[c] = hz;
    lines.energy[c] = energy;
    lines.window[c] = w - 1;
    Array<float, 1> x = lines.cues[c];
    int width = x.shape[0];
    for (int n = 0; n < width; ++n) x[n] = 0.0f;
    x[w - 1] = 1.0f;
    double octaves = bands_above(hz, lowest_hz, level.shape[0]);
    int b = octaves, p = windows;
    float part = octaves - b;
    x[p] = (log_energy - ln(most + SILENCE)) / 4;
    x[p + 1] = fmaxf(log_energy - ((1.0f - part) * level[b] + part * level[b + 1]), -10) / 3;
    x[p + 2] = P[found.peak[line]] * per_share / energy;
    x[p + 3] = fminf((float)(sqrt(variance / energy) / bin_hz), WIDEST);
    p += 4;
    for (int side = 0; side < 2; ++side) {
        int j = side == 0 ? i - 1 : i + 1;
        x[p + side] = NEIGHBOR_BINS / 4;
        x[p + 2 + side] = -CLIP / 4;
        if (j < 0 || j >= kept) continue;
        int other = found.order[j];
        x[p + side] = fmin(fabs(found.hz[other] - hz) / bin_hz, NEIGHBOR_BINS) / 4;
        x[p + 2 + side] = clipped(ln((float)found.energy[other]) - log_energy, (float)CLIP) / 4;
    }
    x[width - 1] = log(hz / 700);
}

// How pure a band is: of the candidates around it weight, concentration, spread, and weights' squares.
__device__ void add_purity(
    int band, int begin, int end, Found found, Array<long long, 1> which, Candidates lines, int windows, double lowest_hz,
    int bands, Array<float, 1> purity
) {
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int c = begin; c < end; ++c) {
        double octaves = bands_above(found.hz[which[c]], lowest_hz, bands), away = band - octaves;
        int above = band - (int)octaves;
        if (above < -1 || above > 2) continue;
        float weight = found.energy[which[c]] * exp(-(away * away) / BLUR);
        sum[0] += weight;
        sum[1] += weight * lines.cues[c][windows + 2];
        sum[2] += weight * lines.cues[c][windows + 3];
        sum[3] += weight * weight;
    }
    for (int n = 0; n < 4; ++n) purity[n] = sum[n];
}

// Power of a window between two of its channels, linearly.
__device__ float power_at(Array<float, 1> power, int first, int past, double place) {
    int k = min((int)place, past - first - 2);
    float part = fmin(place - k, 1.0);
    return power[first + k] * (1.0f - part) + power[first + k + 1] * part;
}

// What the windows have where a line is, now and, its own and the shortest with lines, before and after.
__device__ void place_cues(
    Array<long long, 1> first, BasinTables basins, CueTables tables, int frame, Array<float, 2> power, int w, int begin,
    int end, float most, Candidates lines
) {
    int windows = tables.ahead.shape[0], offsets = tables.line_offset.shape[0], rows = power.shape[0];
    int each = windows + 2 * offsets;
    float floor_power = (float)PLACE_FLOOR * most + SILENCE;
    auto told = [=](int v, long long lag, double hz) {
        Array<float, 1> then = power[row_of(frame, lag, rows)];
        return ln(power_at(then, first[v], first[v + 1], hz / tables.spacing_hz[v]) + floor_power);
    };
    for (int i = threadIdx.x; i < (end - begin) * each; i += blockDim.x) {
        int c = begin + i / each, n = i % each;
        int v = n < windows ? n : n < windows + offsets ? w : 1, o = (n - windows) % offsets;
        long long lag = tables.ahead[v] - (n < windows ? 0 : tables.line_offset[o]);
        double hz = lines.hz[c];
        if (n < windows ? v == w || hz >= basins.top_hz[v] : lag < 0) continue;
        lines.cues[c][windows + 8 + n] = clipped(told(v, lag, hz) - told(w, tables.ahead[w], hz), 10) / 2.0f;
    }
}

// What the channels of a peak say of their two tones, one claim after the other by frequency.
struct Claims {
    Array<float, 2> pair_hz, pair_energy;
    int first, past;
    float hz, energy;
    int at;  // of the last one, counted over the channels, two each

    __device__ Claims(Array<float, 2> pair_hz, Array<float, 2> pair_energy, int first, int past)
        : pair_hz(pair_hz), pair_energy(pair_energy), first(first), past(past), hz(0.0f), energy(0.0f), at(-1) {}

    __device__ bool next() {
        float next_hz = 0.0f, next_energy = 0.0f;
        int next_at = -1, claims = 0;
        for (int i = 0; i < 2 * (past - first) && claims < MOST_CLAIMS; ++i) {
            float claim_hz = pair_hz[i % 2][first + i / 2], claim_energy = pair_energy[i % 2][first + i / 2];
            if (claim_energy <= 0.0f || claim_hz <= 0.0f) continue;
            ++claims;
            bool later = claim_hz > hz || (claim_hz == hz && i > at);
            if (later && (next_at < 0 || claim_hz < next_hz)) {
                next_hz = claim_hz;
                next_energy = claim_energy;
                next_at = i;
            }
        }
        hz = next_hz;
        energy = next_energy;
        at = next_at;
        return at >= 0;
    }
};

// take(part, hz) of each line that the claims, as far as they are trusted, make of a peak; those closer than apart_hz are one.
template <class Take>
__device__ void split(Claims claims, float trust, float energy, double apart_hz, Take take) {
    float part = 0.0f, moment = 0.0f, before_hz = 0.0f;
    for (bool any = claims.next(), more = any; any; any = more) {
        part += trust * claims.energy;
        moment += trust * claims.energy * claims.hz;
        before_hz = claims.hz;
        more = claims.next();
        if (more && claims.hz - before_hz < apart_hz) continue;
        if (part > LEAST_PART * energy) take(part, moment / part);
        part = moment = 0.0f;
    }
}

// Give the pairs of the longest window's peaks their share of these candidates; returns the new count.
__device__ int split_pairs(
    int frame, CueState state, int s, CueRoom room, Array<float, 1> P, double bin_hz, float most, Candidates lines, int begin,
    int end, int *counts
) {
    int width = lines.cues.shape[1], room_for = lines.hz.shape[0], row = (frame + 1) % state.pair_hz.shape[1], all;
    auto claims_of = [=](int line) {
        return Claims(state.pair_hz[s][row], state.pair_energy[s][row], room.found.first[line], room.found.past[line]);
    };
    int each = (end - begin + blockDim.x - 1) / blockDim.x, from = begin + threadIdx.x * each, to = min(from + each, end);
    int parts = 0;
    for (int c = from; c < to; ++c) {
        if (lines.energy[c] <= FAINTEST_PAIR * most) continue;
        int line = room.kept[c];
        float trusted = 0.0f, total = 1e-30f;
        for (int k = room.found.first[line]; k < room.found.past[line]; ++k) {
            trusted += P[k] * room.mean_trust[k];
            total += P[k];
        }
        float trust = fminf(trusted / total, 1.0f);
        lines.cues[c][width - 3] = trust;
        if (trust >= LEAST_TRUST) {
            split(claims_of(line), trust, lines.energy[c], APART_BINS * bin_hz, [&](float, float) { ++parts; });
        }
    }
    int next = end + sum_before(parts, counts, all);
    for (int c = from; c < to; ++c) {
        float energy = lines.energy[c], trust = lines.cues[c][width - 3];
        if (trust < LEAST_TRUST) continue;
        split(claims_of(room.kept[c]), trust, energy, APART_BINS * bin_hz, [&](float part, float hz) {
            if (next >= room_for) return;
            lines.hz[next] = hz;
            lines.energy[next] = part;
            lines.window[next] = lines.window[c];
            for (int n = 0; n < width; ++n) lines.cues[next][n] = lines.cues[c][n];
            lines.cues[next][lines.window[c]] = 0.0f;
            lines.cues[next][lines.window[c] + 1] = 1.0f;
            lines.cues[next][width - 2] = fmaxf(ln(part / energy), -(float)CLIP) / 3;
            ++next;
        });
        float rest = 1.0f - trust;
        lines.energy[c] = energy * rest;
        lines.cues[c][width - 2] = fmaxf(ln(fmaxf(rest, 1e-9f)), -(float)CLIP) / 3;
    }
    __syncthreads();
    return min(end + all, room_for);
}

// Every window's basins, each with its cues; those of the longest split into what is one line and the pair.
__device__ void read_lines(
    Array<long long, 1> first, BasinTables basins, CueTables tables, int frame, CueState state, int s, CueRoom room,
    Candidates lines, int *counts
) {
    Array<float, 2> power = state.power[s], moment = state.moment[s];
    int rows = power.shape[0], windows = tables.ahead.shape[0], bands = tables.band_hz.shape[0], count = 0;
    Found found = room.found;
    float most = 0.0f;
    for (int w = 0; w < windows; ++w) most = fmaxf(most, state.loudest[s][w][row_of(frame, tables.ahead[w], rows)]);
    for (int w = 1; w < windows; ++w) {
        int now = row_of(frame, tables.ahead[w], rows), begin = count;
        Array<float, 1> P = power[now].from(first[w], first[w + 1]);
        Array<float, 1> G = moment[row_of(frame, tables.ahead[w], moment.shape[0])].from(first[w], first[w + 1]);
        int kept = find_basins(P, G, basins.top_hz[w], room.edge, found, counts);
        auto loud = [=](int i) { return !(found.energy[found.order[i]] < FAINTEST_SHARE * most); };
        int loud_ones = take_those(kept, counts, loud, [=](int i, int n) {
            if (begin + n >= lines.hz.shape[0]) return;
            room.kept[begin + n] = found.order[i];
            own_cues(
                w, i, kept, begin + n, P, G, found, basins.per_share[w], tables.resolution_hz[w], most,
                state.log_level[s][w][now], tables.band_hz[0], lines, windows
            );
        });
        count = min(begin + loud_ones, (int)lines.hz.shape[0]);
        for (int b = threadIdx.x; b < bands; b += blockDim.x) {
            add_purity(b, begin, count, found, room.kept, lines, windows, tables.band_hz[0], bands, room.purity[w][b]);
        }
        place_cues(first, basins, tables, frame, power, w, begin, count, most, lines);
        __syncthreads();
        if (w < windows - 1) continue;
        count = split_pairs(frame, state, s, room, P, tables.resolution_hz[w], most, lines, begin, count, counts);
    }
    if (threadIdx.x == 0) lines.number[0] = count;
    __syncthreads();
}
