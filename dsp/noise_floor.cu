// The kernel of noise_floor.py for the GPU. A block of threads owns a stream. Instead of sorting, a thread counts how
// many of its channel's neighbours are weaker: the one with the quantile's rank is the quantile.

__device__ int group_of(int k, Array<long long, 1> edge) {
    int g = 0;
    while (edge.data[g + 1] <= k) ++g;
    return g;
}

extern "C" __global__ void noise_floor_process(
    Array<float, 3> power, Array<long long, 1> edge, Between between, FloorRule rule, Array<float, 2> state, int begun,
    Array<float, 3> out
) {
    int groups = edge.shape[0] - 1, units = power.shape[2];
    Places places{shared_memory()};
    float *values = places.take<float>(units), *quantile = places.take<float>(groups);
    int *group = places.take<int>(units);
    float *strongest_of = places.take<float>(blockDim.x);
    float *level = state.data + (long long)blockIdx.x * groups;
    EACH_UNIT(k) group[k] = group_of(k, edge);
    for (int f = 0; f < power.shape[0]; ++f) {
        float mine = 0.0f;
        EACH_UNIT(k) {
            values[k] = row_of(power, f)[k];
            mine = fmaxf(mine, values[k]);
        }
        strongest_of[threadIdx.x] = mine;
        __syncthreads();
        float strongest = 0.0f;
        for (int t = 0; t < blockDim.x; ++t) strongest = fmaxf(strongest, strongest_of[t]);
        for (int pair = threadIdx.x; pair < 3 * units; pair += blockDim.x) {
            int k = pair / 3, g = group[k] + pair % 3 - 1;
            if (g < 0 || g >= groups) continue;
            int low = edge.data[max(g - 1, 0)], high = edge.data[min(g + 2, groups)], rank = 0;
            for (int i = low; i < high; ++i) rank += values[i] < values[k] || (values[i] == values[k] && i < k);
            if (rank == (int)(rule.quantile * (high - low))) quantile[g] = values[k];
        }
        __syncthreads();
        for (int g = threadIdx.x; g < groups; g += blockDim.x) {
            float found = fminf(quantile[g] * rule.per_quantile, rule.largest * strongest);
            float now = level[g] + (begun || f > 0 ? rule.pace : 1.0f) * (found - level[g]);
            level[g] = now < SILENT_NOISE_POWER ? 0.0f : now;
        }
        __syncthreads();
        EACH_UNIT(k) {
            int left = between.left.data[k], right = min(left + 1, groups - 1);
            row_of(out, f)[k] = level[left] + between.share.data[k] * (level[right] - level[left]);
        }
        __syncthreads();
    }
}
