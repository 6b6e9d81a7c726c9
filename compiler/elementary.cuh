// The kernels of elementary.py for the GPU, rounded alike.

__device__ inline float ln(float x) {
    int bits = __float_as_int(x), exponent = (bits - ROOT_HALF) >> 23;
    float m = __int_as_float(bits - exponent * (1 << 23)), t = (m - 1.0f) / (m + 1.0f), t2 = t * t;
    float series = 1.0f + t2 * (1.0f / 3 + t2 * (1.0f / 5 + t2 * (1.0f / 7)));
    return exponent * LN2 + 2.0f * t * series;
}

__device__ inline float exp_of(float x) {
    float within = fminf(fmaxf(x, LEAST), MOST), n = floorf(within * PER_LN2 + 0.5f);
    float r = (within - n * COARSE) - n * FINE;
    float series = 1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720));
    series = 1.0f + r * (1.0f + r * (0.5f + r * (1.0f / 6 + r * series)));
    return series * __int_as_float(((int)n + 127) << 23);
}
