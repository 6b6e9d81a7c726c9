// The kernel of voice_cues_kernel.py for the GPU: the same cues, sums in the same order. A thread takes every blockDim.x-th
// partial, and then every blockDim.x-th band.
#include "elementary.cuh"

// How much of what stands at a place is band b's.
__device__ inline double part_of(int b, double place) {
    int below = (int)place;
    double above = place - below;
    return b == below ? 1.0 - above : b == below + 1 ? above : 0.0;
}

// What windows' lines and partials have in band b; place: of the lines.
__device__ void gather(
    int b, int lines, Array<float, 1> place, Array<float, 1> believed, int partials, Array<float, 1> energy,
    Array<float, 1> precision, VoiceCueRoom room
) {
    double windows = 0.0, windows_place = 0.0, voices = 0.0, voices_place = 0.0, number = 0.0, certainty = 0.0;
    for (int i = 0; i < lines; ++i) {
        double own = believed[i] * part_of(b, place[i]);
        windows += own;
        windows_place += own * place[i];
    }
    for (int k = 0; k < partials; ++k) {
        double at = room.place[k];
        if (at < 0.0) continue;
        double part = part_of(b, at), own = energy[k] * part;
        voices += own;
        voices_place += own * at;
        number += part;
        certainty += part * (energy[k] * log1pf(precision[k]));
    }
    room.windows[b] = windows;
    room.windows_place[b] = windows_place;
    room.voices[b] = voices;
    room.voices_place[b] = voices_place;
    room.number[b] = number;
    room.certainty[b] = certainty;
}

__device__ inline float ratio(double above, double below) {
    return fmin(fmax((double)ln((float)(above / below)), -MOST_APART), MOST_APART) / 3;
}

// What a band itself says.
__device__ void tell(int b, double beyond, double loudest, double least, VoiceCueRoom room, Array<float, 2> cues) {
    double windows = room.windows[b], voices = room.voices[b], apart = 0.0;
    cues[0][b] = ln((float)((windows + least) / (loudest + LEAST_ENERGY))) / 4;
    cues[1][b] = ratio(voices + least, windows + least);
    cues[2][b] = ratio(beyond + least, windows + least);
    cues[3][b] = ratio(beyond + least, voices + least);
    cues[4][b] = fmin(room.number[b], MOST_PARTIALS_TOLD) / 3;
    cues[5][b] = voices > least ? room.certainty[b] / voices / 5 : 0.0;
    if (voices > least && windows > least) {
        apart = 10 * (room.voices_place[b] / voices - room.windows_place[b] / windows);
    }
    cues[6][b] = fmin(fmax(apart, -MOST_PLACES), MOST_PLACES);
}

// Cues of a frame, `since` frames after its row; how many partials are left, for those too faint lose their energy.
__device__ int read_voice_cues(
    int lines, Array<float, 1> place, Array<float, 1> believed, int partials, Array<float, 1> hz, Array<float, 1> energy,
    Array<float, 1> precision, Array<float, 1> beyond, Array<float, 1> told, int since, Array<float, 2> second,
    VoiceCueRoom room, Array<float, 2> cues
) {
    int bands = room.windows.shape[0], left = 0;
    double heard = 0.0, loudest = 0.0;
    for (int i = 0; i < lines; ++i) heard += believed[i];
    for (int k = threadIdx.x; k < partials; k += blockDim.x) {
        bool faint = energy[k] <= FAINTEST_PARTIAL * heard || hz[k] < LOWEST_BAND_HZ / 2;
        double at = fmin(fmax(log2(hz[k] / LOWEST_BAND_HZ) * BANDS_PER_OCTAVE, 0.0), bands - BELOW_LAST);
        room.place[k] = faint ? -1.0 : at;
        if (faint) energy[k] = 0.0f;
    }
    __syncthreads();
    for (int k = 0; k < partials; ++k) left += room.place[k] >= 0.0;
    for (int b = threadIdx.x; b < bands; b += blockDim.x) {
        gather(b, lines, place, believed, partials, energy, precision, room);
    }
    __syncthreads();
    for (int b = 0; b < bands; ++b) loudest = fmax(loudest, fmax(room.windows[b], room.voices[b]));
    double least = LEAST_SHARE * loudest + LEAST_ENERGY;
    for (int b = threadIdx.x; b < bands; b += blockDim.x) {
        tell(b, beyond[b], loudest, least, room, cues);
        for (int m = 0; m < TOLD; ++m) cues[OWN_CUES + m][b] = told[m];
        cues[OWN_CUES + TOLD][b] = (float)since / ROW_HOPS;
        for (int m = 0; m < second.shape[1]; ++m) cues[OWN_CUES + SHARED_CUES + m][b] = second[b][m];
    }
    __syncthreads();
    return left;
}
