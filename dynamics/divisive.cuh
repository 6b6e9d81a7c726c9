// The step of divisive.py for the GPU: the same order of the arithmetic.

// What all units expect of each input.
__device__ void expect(
    const long long *start, const long long *unit, const float *weight, const float *a, float *expected, int inputs
) {
    __syncthreads();
    for (int i = threadIdx.x; i < inputs; i += blockDim.x) {
        float sum = 0.0f;
        for (long long k = start[i]; k < start[i + 1]; ++k) sum += weight[k] * a[unit[k]];
        expected[i] = sum;
    }
    __syncthreads();
}

// expected: room. One input after the other speaks for its units, each of which it reaches once, so that every unit adds
// up what speaks for it in the order of the inputs.
__device__ void divisive_step(
    const float *y, int inputs, const long long *start, const long long *unit, const float *weight, const float *total,
    DivisiveGains gains, float *a, float *support, float *expected, int units
) {
    expect(start, unit, weight, a, expected, inputs);
    EACH_UNIT(j) support[j] = 0.0f;
    __syncthreads();
    for (int i = 0; i < inputs; ++i) {
        if (y[i] == 0.0f) continue;
        for (long long k = start[i] + threadIdx.x; k < start[i + 1]; k += blockDim.x) {
            float own = weight[k] * a[unit[k]];
            support[unit[k]] += weight[k] * y[i] / (gains.epsilon + own + gains.feedback * (expected[i] - own));
        }
        __syncthreads();
    }
    EACH_UNIT(j) {
        float correction = fmaxf(support[j] / total[j], 0.0f) + FASTEST_FALL;
        a[j] = fmaxf(a[j] * (gains.rate == 1.0f ? correction : powf(correction, gains.rate)), gains.rest);
    }
}
