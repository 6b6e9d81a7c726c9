// The kernels of basins_kernel.py that find a window's lines, for the GPU: the same lines in the same order, and the same
// sums in the order of the channels. A block of threads works on one window; `counts` is room for a number of each thread.
// Lines are numbered by their basins, of which some hold none.

// Where basins begin, the first channel of each valley's floor, and where the last one ends; their number.
__device__ int basin_edges(Array<float, 1> P, Array<long long, 1> edge, int *counts) {
    int channels = P.shape[0];
    auto begins = [=](int k) {
        if (k == 0 || P[k] >= P[k - 1]) return k == 0;
        int next = k + 1;
        while (next < channels && P[next] == P[k]) ++next;
        return next < channels && P[next] > P[k];
    };
    int basins = take_those(channels, counts, begins, [=](int k, int n) { edge[n] = k; });
    if (threadIdx.x == 0) edge[basins] = channels;
    __syncthreads();
    return basins;
}

// Energy, frequencies and peak of a basin; whether there is a line.
__device__ bool sum_up(Array<float, 1> P, Array<float, 1> G, double top_hz, Array<long long, 1> edge, int i, Found found) {
    int first = edge[i], past = edge[i + 1], peak = first;
    double total = 0.0, moment = 0.0, square = 0.0;
    for (int k = first; k < past; ++k) {
        total += P[k];
        moment += G[k];
        square += (double)G[k] * G[k] / fmax((double)P[k], LEAST_POWER);
        if (P[k] > P[peak]) peak = k;
    }
    found.first[i] = first;
    found.past[i] = past;
    found.peak[i] = peak;
    found.energy[i] = total;
    found.hz[i] = moment / total;
    found.square[i] = square;
    return total >= FAINTEST_LINE && 0.0 < moment && moment <= top_hz * total;
}

// Hz, the root of the variance Σ P f² / Σ P - mean².
__device__ inline double spread_of(Found found, int line) {
    double hz = found.hz[line];
    return sqrt(fmax(found.square[line] / found.energy[line] - hz * hz, 0.0));
}

// Whether no line within an octave of the i-th of `lines`, which are in order of frequency, covers it.
__device__ bool stands_out(int i, Array<long long, 1> order, int lines, Found found) {
    double hz = found.hz[order[i]], energy = found.energy[order[i]];
    for (int j = i - 1; j >= 0 && OCTAVE * found.hz[order[j]] >= hz; --j) {
        if (energy < LOCAL_RANGE * found.energy[order[j]]) return false;
    }
    for (int j = i + 1; j < lines && found.hz[order[j]] <= OCTAVE * hz; ++j) {
        if (energy < LOCAL_RANGE * found.energy[order[j]]) return false;
    }
    return true;
}

// Whether the i-th of `lines` is among the strongest, for which there is room; of equally strong ones the lower are.
__device__ bool is_among_strongest(int i, Array<long long, 1> order, int lines, Array<double, 1> energy) {
    if (lines <= MOST_LINES) return true;
    int stronger = 0;
    for (int j = 0; j < lines; ++j) {
        stronger += energy[order[j]] > energy[order[i]] || (energy[order[j]] == energy[order[i]] && j < i);
    }
    return stronger < MOST_LINES;
}

// The basins of one window in which there is a line, in `order` by frequency; returns how many.
__device__ int find_basins(
    Array<float, 1> P, Array<float, 1> G, double top_hz, Array<long long, 1> edge, Found found, int *counts
) {
    Array<long long, 1> order = found.order, kept = found.kept;
    int basins = basin_edges(P, edge, counts);
    for (int i = threadIdx.x; i < basins; i += blockDim.x) order[i] = sum_up(P, G, top_hz, edge, i, found);
    __syncthreads();
    auto there = [=](int i) { return order[i] != 0; };
    int lines = take_those(basins, counts, there, [=](int i, int n) { kept[n] = i; });
    for (int i = threadIdx.x; i < lines; i += blockDim.x) {
        int rank = 0;
        double hz = found.hz[kept[i]];
        for (int j = 0; j < lines; ++j) rank += found.hz[kept[j]] < hz || (found.hz[kept[j]] == hz && j < i);
        order[rank] = kept[i];
    }
    __syncthreads();
    auto stands = [=](int i) { return stands_out(i, order, lines, found); };
    int local = take_those(lines, counts, stands, [=](int i, int n) { kept[n] = order[i]; });
    auto strong = [=](int i) { return is_among_strongest(i, kept, local, found.energy); };
    return take_those(local, counts, strong, [=](int i, int n) { order[n] = kept[i]; });
}
