// The kernel of inference_kernel.py for the GPU, where the equations stand: the same name, order of arguments and steps.
//
// A block of threads owns a group. A thread takes every blockDim.x-th channel; an atom that asks for all channels, or for
// all others of its source, takes a warp, which reads its row side by side. Sums are a warp's, so that they do not depend
// on the number of threads; all else runs over the atoms in their order. Multiply-adds are fused where the CPU's compiler
// fuses them.

// What a block works on. Over atoms: activations, the atoms that take part, and what speaks for each of those. Over
// channels: the frame, and its quotient by what explains it. Then one number, and how many atoms take part.
struct Work {
    float *h;
    int *active;
    float *support, *v, *error, *number;
    int *kept;
};

#define EACH_CHANNEL(k) for (int k = threadIdx.x; k < channels; k += blockDim.x)

// The items i of this warp from `first` on.
#define EACH_OF_WARP(i, first, last) for (int i = first + threadIdx.x / WARP; i < last; i += blockDim.x / WARP)

__device__ inline int lane() { return threadIdx.x % WARP; }

// Σ value(i), i < count, for every thread.
template <class F>
__device__ float sum_of(int count, float *number, F value) {
    __syncthreads();
    if (threadIdx.x < WARP) {
        float sum = 0.0f;
        for (int i = threadIdx.x; i < count; i += WARP) sum += value(i);
        sum = warp_sum(sum);
        if (threadIdx.x == 0) *number = sum;
    }
    __syncthreads();
    return *number;
}

// The largest value(i), i < count, for every thread; none is negative.
template <class F>
__device__ float largest_of(int count, float *number, F value) {
    __syncthreads();
    if (threadIdx.x < WARP) {
        float most = 0.0f;
        for (int i = threadIdx.x; i < count; i += WARP) most = fmaxf(most, value(i));
        for (int distance = WARP / 2; distance > 0; distance /= 2) {
            most = fmaxf(most, __shfl_down_sync(~0u, most, distance));
        }
        if (threadIdx.x == 0) *number = most;
    }
    __syncthreads();
    return *number;
}

// By a warp, in its first thread.
__device__ float weighted_sum(const float *row, const float *values, int channels) {
    float sum = 0.0f;
    for (int k = lane(); k < channels; k += WARP) sum = fmaf(row[k], values[k], sum);
    return warp_sum(sum);
}

// How many of the atoms that take part come before atom j.
__device__ int place_of(long long j, const int *active, int count) {
    int low = 0;
    while (low < count) {
        int middle = (low + count) / 2;
        if (active[middle] < j) low = middle + 1;
        else count = middle;
    }
    return low;
}

// A source's atoms: the first of them, how many, and where its similarity begins; and those that take part.
struct Source {
    long long first, size, offset;
    int begin, end;

    __device__ Source(JoinedAtoms dictionary, int b, const int *active, int count)
        : first(dictionary.blocks.data[3 * b]), size(dictionary.blocks.data[3 * b + 1]),
          offset(dictionary.blocks.data[3 * b + 2]), begin(place_of(first, active, count)),
          end(place_of(first + size, active, count)) {}
};

__device__ void divisive_step(JoinedAtoms dictionary, Work work, int count) {
    auto [h, active, support, v, error, number, kept] = work;
    const float *atoms = dictionary.atoms.data;
    long long channels = dictionary.atoms.shape[1];
    __syncthreads();
    EACH_CHANNEL(k) {
        float explained = LEAST_EXPLAINED;
        for (int i = 0; i < count; ++i) explained = fmaf(h[active[i]], atoms[active[i] * channels + k], explained);
        error[k] = v[k] / explained;
    }
    __syncthreads();
    EACH_OF_WARP(i, 0, count) {
        int j = active[i];
        float agreement = weighted_sum(atoms + j * channels, error, channels);
        if (lane() == 0) h[j] *= agreement / dictionary.cost.data[j];
    }
    __syncthreads();
}

__device__ void favour(JoinedAtoms dictionary, float exponent, Work work, int count) {
    auto [h, active, support, v, error, number, kept] = work;
    for (int b = 0; b < dictionary.blocks.shape[0]; ++b) {
        Source source(dictionary, b, active, count);
        EACH_OF_WARP(i, source.begin, source.end) {
            const float *row = dictionary.similarity.data + source.offset + (active[i] - source.first) * source.size;
            float sum = 0.0f;
            for (int m = source.begin + lane(); m < source.end; m += WARP) {
                sum = fmaf(row[active[m] - source.first], h[active[m]], sum);
            }
            sum = warp_sum(sum);
            if (lane() == 0) support[i] = sum;
        }
        const float *supports = support + source.begin;
        float most = largest_of(source.end - source.begin, number, [=](int i) { return supports[i]; });
        for (int i = source.begin + threadIdx.x; i < source.end; i += blockDim.x) {
            h[active[i]] *= expf(exponent * logf(fmaxf(support[i] / fmaxf(most, NO_SUM), LEAST_SUPPORT)));
        }
    }
}

// By one warp, which keeps the atoms' order.
__device__ int prune(Work work, int count) {
    auto [h, active, support, v, error, number, kept] = work;
    float least = PRUNED * largest_of(count, number, [h = h, active = active](int i) { return h[active[i]]; });
    if (threadIdx.x < WARP) {
        int before = 0;
        for (int first = 0; first < count; first += WARP) {
            int i = first + lane(), j = i < count ? active[i] : 0;
            bool keep = i < count && h[j] > least;
            unsigned votes = __ballot_sync(~0u, keep);
            if (keep) active[before + __popc(votes & ((1u << lane()) - 1))] = j;
            else if (i < count) h[j] = 0.0f;
            before += __popc(votes);
        }
        if (threadIdx.x == 0) *kept = before;
    }
    __syncthreads();
    return *kept;
}

__device__ void infer(JoinedAtoms dictionary, InferenceRule rule, Work work, float *out) {
    auto [h, active, drive, v, error, number, kept] = work;
    const float *atoms = dictionary.atoms.data;
    int units = dictionary.atoms.shape[0], count = units;
    long long channels = dictionary.atoms.shape[1];
    EACH_OF_WARP(j, 0, units) {
        float sum = weighted_sum(atoms + j * channels, v, channels);
        if (lane() == 0) drive[j] = sum;
    }
    float total = NO_SUM + sum_of(units, number, [drive = drive](int j) { return drive[j]; });
    float before = NO_SUM + sum_of(units, number, [h = h](int j) { return h[j]; });
    float mass = sum_of(channels, number, [v = v](int k) { return v[k]; });
    EACH_UNIT(j) {
        active[j] = j;
        h[j] = mass * (rule.memory * h[j] / before + (1.0f - rule.memory) * drive[j] / total);
    }
    for (int step = 0; step < rule.iterations; ++step) {
        divisive_step(dictionary, work, count);
        if (rule.support > 0.0f && step % SUPPORT_STEPS == SUPPORT_STEPS - 1 && step < rule.iterations - 2) {
            favour(dictionary, rule.support, work, count);
        }
        if (step >= FULL_STEPS - 1) count = prune(work, count);
    }
    for (int b = 0; b < dictionary.blocks.shape[0]; ++b) {
        Source source(dictionary, b, active, count);
        EACH_CHANNEL(k) {
            float sum = 0.0f;
            for (int i = source.begin; i < source.end; ++i) sum = fmaf(h[active[i]], atoms[active[i] * channels + k], sum);
            out[b * channels + k] = sum;
        }
    }
}

__device__ void explain(float *total, int pooled, JoinedAtoms dictionary, InferenceRule rule, Work work, float *explained) {
    float *v = work.v;
    int sources = dictionary.blocks.shape[0], channels = dictionary.atoms.shape[1];
    EACH_CHANNEL(k) {
        v[k] = sqrtf(total[k] / (float)pooled);
        total[k] = 0.0f;
    }
    float most = largest_of(channels, work.number, [=](int k) { return v[k]; });
    if (most < SILENT_MAGNITUDE) {
        EACH_CHANNEL(k) for (int i = 0; i < sources; ++i) explained[i * channels + k] = 0.0f;
        return;
    }
    EACH_CHANNEL(k) v[k] /= most;
    __syncthreads();
    infer(dictionary, rule, work, explained);
    EACH_CHANNEL(k) for (int i = 0; i < sources; ++i) explained[i * channels + k] *= most;
}

__device__ void share_out(const float *explained, float *share, int sources, int channels) {
    int frame = sources * channels;
    EACH_CHANNEL(k) {
        float all = 0.0f;
        for (int i = k; i < frame; i += channels) {
            float magnitude = explained[i] + explained[frame + i] + explained[2 * frame + i];
            all += share[i] = magnitude * magnitude;
        }
        for (int i = k; i < frame; i += channels) share[i] = share[i] <= SMALLEST_SHARE * all ? 0.0f : share[i] / all;
    }
}

extern "C" __global__ void sources_process(
    Array<float, 3> power, int per_group, int pooled, JoinedAtoms dictionary, InferenceRule rule, SourcesState state, int frame,
    Array<float, 4> out
) {
    long long group = blockIdx.x, groups = out.shape[1];
    int sources = out.shape[2], channels = out.shape[3], streams = power.shape[1];
    Places places = {shared_memory()};
    Row<float> h(places, state.h);
    Work work = {h, places.take<int>(h.units), places.take<float>(h.units), places.take<float>(channels),
                 places.take<float>(channels), places.take<float>(1), places.take<int>(1)};
    float *total = state.total.data + group * channels, *share = state.share.data + group * sources * channels;
    float *explained = state.explained.data + group * 3 * sources * channels;
    for (int f = 0; f < power.shape[0]; ++f) {
        const float *now = power.data + ((long long)f * streams + group * per_group) * channels;
        EACH_CHANNEL(k) for (int s = 0; s < per_group; ++s) total[k] += now[s * channels + k];
        if ((frame + f) % pooled == pooled - 1) {
            int newest = (frame + f) / pooled % 3;
            explain(total, pooled, dictionary, rule, work, explained + newest * sources * channels);
            share_out(explained, share, sources, channels);
        }
        float *shares = out.data + ((long long)f * groups + group) * sources * channels;
        EACH_CHANNEL(k) for (int i = k; i < sources * channels; i += channels) shares[i] = share[i];
    }
}
