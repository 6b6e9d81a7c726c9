// The kernel of tonal_readout_kernel.py for the GPU, where it is told: the same names and order of arguments. A block of
// threads owns a group, and each thread every blockDim.x-th channel.

#define EACH_CHANNEL(k) for (int k = threadIdx.x; k < channels; k += blockDim.x)

__device__ void layer(const float *inputs, Array<float, 2> weights, bool rectify, float *out, int channels) {
    int units = weights.shape[0], fed = weights.shape[1] - 1;
    EACH_CHANNEL(k) {
        for (int u = 0; u < units; ++u) {
            const float *weight = weights.data + u * (fed + 1);
            float sum = weight[fed];
            for (int i = 0; i < fed; ++i) sum += weight[i] * inputs[i * channels + k];
            out[u * channels + k] = rectify ? fmaxf(sum, 0.0f) : sum;
        }
    }
}

// Means over the channels up to NEAR away, then over all; a thread sums a row, in the CPU's order.
__device__ void surround(const float *rows, double *sums, float *out, int channels) {
    __syncthreads();
    for (int i = threadIdx.x; i < NEIGHBOURS; i += blockDim.x) {
        double *total = sums + i * (channels + 1), sum = total[0] = 0.0;
        for (int k = 0; k < channels; ++k) total[k + 1] = sum += rows[i * channels + k];
    }
    __syncthreads();
    EACH_CHANNEL(k) {
        int low = max(k - NEAR, 0), high = min(k + NEAR + 1, channels);
        for (int i = 0; i < NEIGHBOURS; ++i) {
            const double *total = sums + i * (channels + 1);
            out[i * channels + k] = (float)((total[high] - total[low]) / (high - low));
            out[(NEIGHBOURS + i) * channels + k] = (float)(total[channels] / channels);
        }
    }
}

extern "C" __global__ void readout_process(
    Array<float, 4> features, ReadoutLayers layers, Array<float, 3> held, ReadoutRoom room, Array<float, 4> out
) {
    int group = blockIdx.x, groups = gridDim.x, channels = features.shape[3], count = held.shape[1];
    float *first = own_part(room.values).data, *around_first = first + layers.first.shape[0] * channels;
    float *memory = around_first + 2 * NEIGHBOURS * channels, *around_memory = memory + count * channels;
    float *rest = around_memory + 2 * NEIGHBOURS * channels;
    double *sums = own_part(room.sums).data;
    float *kept = held.data + (long long)group * count * channels;
    for (long long f = 0; f < features.shape[0]; ++f) {
        float *shares = out.data + (f * groups + group) * out.shape[2] * channels;
        layer(features.data + (f * groups + group) * features.shape[2] * channels, layers.first, true, first, channels);
        surround(first, sums, around_first, channels);
        layer(first, layers.memory, false, rest, channels);
        EACH_CHANNEL(k) {
            for (int i = 0; i < count; ++i) {
                float x = rest[i * channels + k], value = rest[(count + i) * channels + k];
                float retention = 0.5f + 0.5f * x / sqrtf(1.0f + x * x);
                float &h = kept[i * channels + k];
                h = value + retention * (h - value);
                memory[i * channels + k] = h;
            }
        }
        surround(memory, sums, around_memory, channels);
        layer(first, layers.second, true, rest, channels);
        layer(rest, layers.last, false, shares, channels);
        EACH_CHANNEL(k) {
            float most = shares[k], total = 0.0f;
            for (int i = 1; i < out.shape[2]; ++i) most = fmaxf(most, shares[i * channels + k]);
            for (int i = 0; i < out.shape[2]; ++i) {
                float &share = shares[i * channels + k];
                total += share = (float)exp((double)fmaxf(share - most, LEAST_LOGIT));
            }
            for (int i = 0; i < out.shape[2]; ++i) shares[i * channels + k] /= total;
        }
    }
}
