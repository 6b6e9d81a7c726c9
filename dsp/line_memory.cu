// The kernel of line_memory.py for the GPU: the same steps. A block of threads owns a stream, and each thread every
// blockDim.x-th atom.

extern "C" __global__ void line_memory_process(
    Array<float, 3> amplitude, Array<float, 3> frequency_hz, Array<float, 3> noise, Array<long long, 1> reach,
    MemoryRule rule, MemoryState state, Array<float, 3> out
) {
    int units = reach.shape[0];
    Places places{shared_memory()};
    Row<float> energy_before(places, state.energy), hz_before(places, state.hz);
    float *energy = places.take<float>(units);
    for (int f = 0; f < amplitude.shape[0]; ++f) {
        const float *A = row_of(amplitude, f), *hz = row_of(frequency_hz, f);
        __syncthreads();
        EACH_UNIT(j) {
            energy[j] = 0.0f;
            if (A[j] != 0.0f) {
                float e = A[j] * A[j], before = -1.0f, nearest = ANYWHERE_HZ;
                int last = min(units - 1, j + (int)reach.data[j]);
                for (int i = max(0, j - (int)reach.data[j]); i <= last; ++i) {
                    float distance = fabsf(hz_before[i] - hz[j]);
                    if (energy_before[i] > 0.0f && distance < nearest) {
                        before = energy_before[i];
                        nearest = distance;
                    }
                }
                if (before > 0.0f) {
                    float N = row_of(noise, f)[j], change = e - before;
                    float spread = fmaxf(rule.patience * (2.0f * e + N), NO_NOISE);
                    float x = change / spread * (change / fmaxf(N, NO_NOISE));
                    e = before + fmaxf(rule.slowest, 1.0f - 1.0f / (1.0f + x * x)) * change;
                }
                energy[j] = e;
            }
            row_of(out, f)[j] = sqrtf(energy[j]);
        }
        __syncthreads();
        EACH_UNIT(j) {
            energy_before[j] = energy[j];
            hz_before[j] = energy[j] > 0.0f ? hz[j] : 0.0f;
        }
    }
}
