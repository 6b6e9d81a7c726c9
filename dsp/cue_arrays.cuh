// The kernels of cue_arrays.py for the GPU, and the room of each block of threads.

__device__ inline int row_of(int frame, long long lag, int rows) {
    int row = (frame - (int)lag) % rows;
    return row < 0 ? row + rows : row;
}

__device__ inline float clipped(float value, float most) { return fminf(fmaxf(value, -most), most); }

__device__ inline float ln(float x) {
    int bits = __float_as_int(x);
    float exponent = (bits >> 23) - 127, m = __int_as_float((bits & 0x7FFFFF) | 0x3F800000);
    float t = (m - 1.0f) / (m + 1.0f), t2 = t * t;
    float series = 1.0f + t2 * (1.0f / 3 + t2 * (1.0f / 5 + t2 * (1.0f / 7)));
    return exponent * LN_2 + 2.0f * t * series;
}

__device__ inline Found own_part(Found found) {
    return {own_part(found.first), own_part(found.past),  own_part(found.peak),     own_part(found.energy),
            own_part(found.hz),    own_part(found.order), own_part(found.strongest)};
}

__device__ inline CueRoom own_part(CueRoom room) {
    return {own_part(room.found), own_part(room.edge), own_part(room.mean_trust), own_part(room.purity),
            own_part(room.kept),  own_part(room.row),  own_part(room.claim_hz),   own_part(room.claim_energy)};
}
