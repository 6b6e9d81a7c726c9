// The step of divisive.py for the GPU: the same order of the arithmetic. What each unit expects of each input is computed
// where it is asked for, so that it needs no room.

// What all units expect of each input.
template <class Place>
__device__ void expect(
    const Place *start, const Place *unit, const float *weight, const float *a, float *expected, int inputs
) {
    __syncthreads();
    for (int i = threadIdx.x; i < inputs; i += blockDim.x) {
        float sum = 0.0f;
        for (Place k = start[i]; k < start[i + 1]; ++k) sum += weight[k] * a[unit[k]];
        expected[i] = sum;
    }
    __syncthreads();
}

// Inputs speak for their units in their order, so that sums are those of the CPU. Of an input whose connections all reach
// different units, threads take the connections, and wait for each other before the next one; otherwise every thread goes
// through all of them and takes those of its own units.
template <class Place>
__device__ void share(
    const float *y, const Place *start, const Place *unit, const float *weight, const float *total,
    DivisiveGains gains, const float *expected, float *a, float *support, int inputs, int units, bool different
) {
    EACH_UNIT(j) support[j] = 0.0f;
    __syncthreads();
    for (int i = 0; i < inputs; ++i) {
        if (y[i] == 0.0f) continue;
        for (Place k = start[i] + (different ? threadIdx.x : 0); k < start[i + 1]; k += different ? blockDim.x : 1) {
            if (!different && unit[k] % (int)blockDim.x != threadIdx.x) continue;
            float own = weight[k] * a[unit[k]];
            support[unit[k]] += weight[k] * y[i] / (gains.epsilon + own + gains.feedback * (expected[i] - own));
        }
        if (different) __syncthreads();
    }
    __syncthreads();
    EACH_UNIT(j) {
        float correction = fmaxf(support[j] / total[j], 0.0f) + FASTEST_FALL;
        a[j] = fmaxf(a[j] * (gains.rate == 1.0f ? correction : powf(correction, gains.rate)), gains.rest);
    }
}
