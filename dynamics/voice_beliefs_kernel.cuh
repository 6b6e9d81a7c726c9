// The kernels of voice_beliefs_kernel.py for the GPU: the same layers, as those of beliefs_kernel.cuh.
#include "beliefs_kernel.cuh"

// ln of what each picture's energies are multiplied by in every band, from (cues, bands).
__device__ void judge_voices(Array<float, 2> cues, int level_cue, VoiceWeights weights, VoiceRoom room) {
    Array<float, 2> told = room.told;
    layers(cues, level_cue, weights, room);
    add_products(
        room.second.data, room.second.shape[1], 1, told.shape[0], weights.told,
        [=](int u) { return weights.told_bias[u]; }, [=](int i, int u, float sum) { told[i][u] = sum; }
    );
    for (int b = threadIdx.x; b < told.shape[0]; b += blockDim.x) {
        float windows = told[b][WINDOWS], voices = told[b][VOICES];
        float both = fmaxf(windows, voices) + ln(1.0f + exp_of(-fabsf(windows - voices)));
        for (int p = 0; p < PICTURES; ++p) {
            room.gain[p][b] = told[b][p] - both + bounded(told[b][PICTURES + p], LARGEST_GAIN);
        }
    }
    __syncthreads();
}

// Energies of a picture's lines, times e to its gain at their places between bands; those placed below 0 stay.
template <class Place>
__device__ void weigh_lines(int count, Array<Place, 1> place, Array<float, 1> gain, Array<float, 1> energy) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        if (place[i] < 0) continue;
        int b = (int)place[i];
        float above = (float)(place[i] - b);
        energy[i] *= exp_of((1.0f - above) * gain[b] + above * gain[b + 1]);
    }
    __syncthreads();
}
