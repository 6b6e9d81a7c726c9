// The kernel of encoder.py for the GPU: the same sums in the same order, fused where the CPU's compiler fuses them. A
// block of threads owns a stream, and each thread every blockDim.x-th atom; a warp reads rows of the band side by side.

extern "C" __global__ void encode(
    Array<complex64, 3> subband, Array<float, 3> band, Array<long long, 1> first, Array<complex64, 3> out
) {
    int channels = subband.shape[2], units = out.shape[2], width = band.shape[2];
    Places places{shared_memory()};
    complex64 *own = places.take<complex64>(channels);
    for (int f = 0; f < subband.shape[0]; ++f) {
        const complex64 *row = row_of(subband, f);
        __syncthreads();
        for (int k = threadIdx.x; k < channels; k += blockDim.x) own[k] = row[k];
        __syncthreads();
        EACH_UNIT(j) {
            float re = 0.0f, im = 0.0f;
            for (int k = 0; k < channels; ++k) {
                int w = j - (int)first.data[k];
                if (w < 0 || w >= width) continue;
                const float *e = band.data + (long long)k * 2 * width + w;
                float e_re = e[0], e_im = e[width];
                re += fmaf(e_re, own[k].real, -(e_im * own[k].imag));
                im += fmaf(e_re, own[k].imag, e_im * own[k].real);
            }
            row_of(out, f)[j] = {re, im};
        }
    }
}
