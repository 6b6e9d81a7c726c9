// The flows of flows_kernel.py for the GPU, in the same order, but for the sums of dense ones, which are a warp's.

#define EACH_OF_WARP(i, last) for (int i = threadIdx.x / WARP; i < last; i += blockDim.x / WARP)

// This block's stream's part of a state (streams, width).
__device__ inline float *row(float *memory, long long at, long long width) { return memory + at + blockIdx.x * width; }

// By a warp, in its first thread.
__device__ inline float weighted_sum(const float *row, const float *values, int count) {
    float sum = 0.0f;
    for (int k = threadIdx.x % WARP; k < count; k += WARP) sum += row[k] * values[k];
    return warp_sum(sum);
}

__device__ void add_flow(Plan plan, const long long *flow, const float *source, float *inputs) {
    const float *weight = plan.parameters.data + flow[WEIGHT_AT];
    float gain = *weight++, *target = inputs + flow[TARGET_AT];
    int units = flow[TARGETS], sources = flow[SOURCES];
    if (flow[FLOW_KIND] == ONE_TO_ONE) {
        EACH_UNIT(j) target[j] += gain * source[j];
    } else if (flow[FLOW_KIND] == DENSE) {
        EACH_OF_WARP(j, units) {
            float sum = weighted_sum(weight + (long long)j * sources, source, sources);
            if (threadIdx.x % WARP == 0) target[j] += gain * sum;
        }
    } else {
        const long long *start = plan.numbers.data + flow[INDEX_AT], *column = start + units + 1;
        EACH_UNIT(j) {
            float total = 0.0f;
            for (long long k = start[j]; k < start[j + 1]; ++k) total += weight[k] * source[column[k]];
            target[j] += gain * total;
        }
    }
    __syncthreads();
}

__device__ void add_flows(Plan plan, bool external, const float *drive, float *z, float *inputs) {
    __syncthreads();
    for (int i = 0; i < plan.flows.shape[0]; ++i) {
        const long long *flow = plan.flows[i].data;
        if ((flow[EXTERNAL] == 1) == external) {
            long long at = flow[SOURCE_AT], size = flow[SOURCES];
            add_flow(plan, flow, external ? drive + at : row(z, at, size), inputs);
        }
    }
}
