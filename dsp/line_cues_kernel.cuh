// The kernel of line_cues_kernel.py for the GPU: the same candidates in the same order, with the same cues. A block of
// threads works on one window after the other, a thread on every blockDim.x-th line, or pair of a line and a cue; `counts`
// is room for a number of each thread.
#include "basins_kernel.cuh"
#include "elementary.cuh"
#include "cue_arrays.cuh"

// On the axis of bands, between the lowest and the highest.
__device__ inline float place_of(float octaves, int bands) {
    return fminf(fmaxf(BANDS_A_LN * octaves, 0.0f), (float)(bands - BELOW_LAST));
}

// The lines of one window that are worth a judgement; returns how many candidates there are now.
__device__ int take_lines(
    int kept, int window, float most, int begin, CueRoom room, Candidates lines, int *counts
) {
    Found found = room.found;
    for (int i = threadIdx.x; i < kept + 2; i += blockDim.x) {
        bool there = i > 0 && i <= kept;
        room.beside_hz[i] = there ? (float)found.hz[found.order[i - 1]] : i ? FAR : -FAR;
        room.beside_log[i] = there ? ln((float)found.energy[found.order[i - 1]]) : -FAR;
    }
    auto worth = [=](int i) { return found.energy[found.order[i]] >= FAINTEST_SHARE * most; };
    return begin + take_those(kept, counts, worth, [=](int i, int n) {
        int c = begin + n, line = found.order[i];
        lines.hz[c] = found.hz[line];
        lines.energy[c] = found.energy[line];
        lines.window[c] = window;
        room.kept[c] = line;
        room.at[c] = i + 1;
    });
}

// What window w says of its line c alone; its other cues are zeros.
__device__ void own_cues(
    int w, int c, Array<float, 1> P, double per_share, float most, Array<float, 1> level, CueTables tables,
    CueRoom room, Candidates lines
) {
    int p = tables.ahead.shape[0], bands = tables.band_hz.shape[0], at = room.at[c], line = room.kept[c];
    Array<float, 2> x = lines.cues;
    for (int n = 0; n < x.shape[0]; ++n) x[n][c] = 0.0f;
    x[w - 1][c] = 1.0f;
    float log_hz = ln(lines.hz[c]), bin_hz = tables.resolution_hz[w];
    float place = lines.place[c] = place_of(log_hz - ln((float)tables.band_hz[0]), bands);
    x[x.shape[0] - 1][c] = log_hz - LN_MIDDLE;
    int b = place;
    float part = place - (float)b, own = room.beside_log[at], here = (1.0f - part) * level[b] + part * level[b + 1];
    x[p][c] = (own - ln(most + SILENCE)) / 4;
    x[p + 1][c] = fmaxf(own - here, -FARTHEST_LEVEL) / 3;
    x[p + 2][c] = P[room.found.peak[line]] * per_share / room.found.energy[line];
    x[p + 3][c] = fminf((float)spread_of(room.found, line) / bin_hz, WIDEST);
    for (int side = 0; side < 2; ++side) {
        int other = at + 2 * side - 1;
        x[p + 4 + side][c] = fminf(fabsf(room.beside_hz[other] - room.beside_hz[at]) / bin_hz, NEIGHBOR_BINS) / 4;
        x[p + 6 + side][c] = clipped(room.beside_log[other] - own, (float)CLIP) / 4;
    }
}

// How pure a band is, row `band` + 1: of the lines around it weight, concentration, spread, and the weights' squares.
__device__ void add_lines(int row, int begin, int end, int windows, Candidates lines, Array<float, 1> purity) {
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int c = begin; c < end; ++c) {
        int b = lines.place[c], near = row - b;
        if (near < 0 || near >= 4) continue;
        float off = (float)(near - 1) + (float)b - lines.place[c], weight = lines.energy[c] * exp_of(-off * off / BLUR);
        sum[0] += weight;
        sum[1] += weight * lines.cues[windows + 2][c];
        sum[2] += weight * lines.cues[windows + 3][c];
        sum[3] += weight * weight;
    }
    for (int n = 0; n < 4; ++n) purity[n] = sum[n];
}

// ln of the power between two channels, linearly, and of the floor.
__device__ float level_at(float hz, double spacing_hz, Array<float, 1> P, float floor_power) {
    double place = hz / spacing_hz;
    int k = min((int)place, (int)P.shape[0] - 2);
    float above = fmin(place - k, 1.0);
    return ln(P[k] * (1.0f - above) + P[k + 1] * above + floor_power);
}

// What the windows have where a line is, now and, its own and the shortest with lines, before and after.
__device__ void place_cues(
    Array<long long, 1> first, BasinTables basins, CueTables tables, int frame, Array<float, 2> power, int w, int begin,
    int end, float most, Candidates lines
) {
    int windows = tables.ahead.shape[0], offsets = tables.line_offset.shape[0], rows = power.shape[0];
    int each = windows + 2 * offsets;
    float floor_power = (float)PLACE_FLOOR * most + SILENCE;
    auto level = [=](int v, long long lag, float hz) {
        Array<float, 1> then = power[row_of(frame, lag, rows)];
        return level_at(hz, tables.spacing_hz[v], then.from(first[v], first[v + 1]), floor_power);
    };
    for (int i = threadIdx.x; i < (end - begin) * each; i += blockDim.x) {
        int c = begin + i % (end - begin), n = i / (end - begin), o = (n - windows) % offsets;
        bool now = n < windows;
        int v = now ? n : n < windows + offsets ? w : 1;
        long long lag = tables.ahead[v] - (now ? 0 : tables.line_offset[o]);
        float hz = lines.hz[c];
        if (now ? v == w || hz >= basins.top_hz[v] : lag < 0) continue;
        lines.cues[windows + 8 + n][c] =
            clipped(level(v, lag, hz) - level(w, tables.ahead[w], hz), FARTHEST_LEVEL) / 2.0f;
    }
    __syncthreads();
}

// What the channels of a peak say of their two tones, one claim after the other by frequency.
struct Claims {
    Array<float, 2> pair_hz, pair_energy;
    int first, past;
    float hz, energy;
    int at;  // of the last one among the channels', two each

    __device__ Claims(Array<float, 2> pair_hz, Array<float, 2> pair_energy, int first, int past)
        : pair_hz(pair_hz), pair_energy(pair_energy), first(first), past(past), hz(0.0f), energy(0.0f), at(-1) {}

    __device__ bool next() {
        float hz_before = hz;
        int before = at, claims = 0;
        at = -1;
        for (int i = 0; i < 2 * (past - first) && claims < MOST_CLAIMS; ++i) {
            float claim_hz = pair_hz[i % 2][first + i / 2], claim_energy = pair_energy[i % 2][first + i / 2];
            if (claim_energy <= 0.0f || claim_hz <= 0.0f) continue;
            ++claims;
            bool later = claim_hz > hz_before || (claim_hz == hz_before && i > before);
            if (!later || (at >= 0 && claim_hz >= hz)) continue;
            hz = claim_hz;
            energy = claim_energy;
            at = i;
        }
        return at >= 0;
    }
};

// take(part, hz) of each line that the claims, as far as they are trusted, make of a peak; those less apart are one.
template <class Take>
__device__ void split(Claims claims, float trust, float energy, double apart_hz, Take take) {
    float part = 0.0f, moment = 0.0f;
    for (bool more = claims.next(); more;) {
        float hz = claims.hz;
        part += trust * claims.energy;
        moment += trust * claims.energy * hz;
        more = claims.next();
        if (more && claims.hz - hz < apart_hz) continue;
        if (part > LEAST_PART * energy) take(part, moment / part);
        part = moment = 0.0f;
    }
}

// How far the pairs of a peak are trusted.
__device__ float trust_in(int line, Array<float, 1> P, CueRoom room) {
    float trusted = 0.0f, total = NO_POWER;
    for (int k = room.found.first[line]; k < room.found.past[line]; ++k) {
        trusted += P[k] * room.mean_trust[k];
        total += P[k];
    }
    return fminf(trusted / total, 1.0f);
}

// Give the pairs of the longest window's peaks their share of these candidates; returns the new count. A thread counts the
// lines of candidates that follow one another, then writes them.
__device__ int split_pairs(
    int frame, CueState state, int s, CueRoom room, Array<float, 1> P, CueTables tables, float most, Candidates lines,
    int begin, int end, int *counts
) {
    Array<float, 2> x = lines.cues;
    int width = x.shape[0], room_for = lines.hz.shape[0], row = (frame + 1) % state.pair_hz.shape[1], all, parts = 0;
    double apart_hz = APART_BINS * tables.resolution_hz[tables.resolution_hz.shape[0] - 1];
    auto claims_of = [=](int c) {
        long long line = room.kept[c];
        return Claims(state.pair_hz[s][row], state.pair_energy[s][row], room.found.first[line], room.found.past[line]);
    };
    int each = (end - begin + blockDim.x - 1) / blockDim.x, from = begin + threadIdx.x * each, past = min(from + each, end);
    for (int c = from; c < past; ++c) {
        if (lines.energy[c] <= FAINTEST_PAIR * most) continue;
        float trust = x[width - 3][c] = trust_in(room.kept[c], P, room);
        if (trust < LEAST_TRUST) continue;
        split(claims_of(c), trust, lines.energy[c], apart_hz, [&](float, float) { ++parts; });
    }
    int next = end + sum_before(parts, counts, all);
    for (int c = from; c < past; ++c) {
        float energy = lines.energy[c], trust = x[width - 3][c], rest = 1.0f - trust;
        if (trust < LEAST_TRUST) continue;
        split(claims_of(c), trust, energy, apart_hz, [&](float part, float hz) {
            if (next >= room_for) return;
            lines.hz[next] = hz;
            lines.place[next] = place_of(ln(hz) - ln((float)tables.band_hz[0]), tables.band_hz.shape[0]);
            lines.energy[next] = part;
            lines.window[next] = lines.window[c];
            for (int n = 0; n < width; ++n) x[n][next] = x[n][c];
            x[lines.window[c]][next] = 0.0f;
            x[lines.window[c] + 1][next] = 1.0f;
            x[width - 2][next++] = fmaxf(ln(part / energy), -(float)CLIP) / 3;
        });
        lines.energy[c] = energy * rest;
        x[width - 2][c] = fmaxf(ln(fmaxf(rest, NO_REST)), -(float)CLIP) / 3;
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
    int rows = power.shape[0], windows = tables.ahead.shape[0], count = 0;
    float most = 0.0f;
    for (int w = 0; w < windows; ++w) most = fmaxf(most, state.loudest[s][w][row_of(frame, tables.ahead[w], rows)]);
    for (int w = 1; w < windows; ++w) {
        int now = row_of(frame, tables.ahead[w], rows), begin = count;
        Array<float, 1> P = power[now].from(first[w], first[w + 1]), level = state.log_level[s][w][now];
        Array<float, 1> G = moment[row_of(frame, tables.ahead[w], moment.shape[0])].from(first[w], first[w + 1]);
        int kept = find_basins(P, G, basins.top_hz[w], room.edge, room.found, counts);
        count = take_lines(kept, w - 1, most, begin, room, lines, counts);
        for (int c = begin + threadIdx.x; c < count; c += blockDim.x) {
            own_cues(w, c, P, basins.per_share[w], most, level, tables, room, lines);
        }
        __syncthreads();
        for (int b = threadIdx.x; b < room.purity.shape[1]; b += blockDim.x) {
            add_lines(b, begin, count, windows, lines, room.purity[w][b]);
        }
        place_cues(first, basins, tables, frame, power, w, begin, count, most, lines);
        if (w < windows - 1) continue;
        count = split_pairs(frame, state, s, room, P, tables, most, lines, begin, count, counts);
    }
    if (threadIdx.x == 0) lines.number[0] = count;
    __syncthreads();
}
