// The kernel of scales.py for the GPU.

__device__ double scale_position(float frequency_hz, int scale_code) {
    if (scale_code == LOG) return log2((double)frequency_hz);
    if (scale_code == ERB) return log1p(ERB_NUMBER_PER_HZ * (double)frequency_hz);
    return (double)frequency_hz;
}
