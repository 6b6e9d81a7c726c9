// The kernel of sparse_code.py for the GPU: the same steps. A block of threads owns a stream, and each thread every
// blockDim.x-th atom.

extern "C" __global__ void refine_process(
    Array<complex64, 3> activation, Array<complex64, 1> turn, Array<float, 1> atom_hz, Array<float, 1> scale,
    double hop_s, float highest_hz, Array<complex64, 2> last, Array<float, 3> amplitude, Array<float, 3> frequency
) {
    int units = turn.shape[0];
    EACH_UNIT(j) {
        complex64 *home = last.data + (long long)blockIdx.x * units + j, before = *home;
        for (int f = 0; f < activation.shape[0]; ++f) {
            complex64 a = row_of(activation, f)[j], expected = turn.data[j] * before;
            complex64 advance = a * complex64{expected.real, -expected.imag};
            bool beside = advance.real != 0.0f || advance.imag != 0.0f;
            float offset_hz = beside ? (float)(atan2f(advance.imag, advance.real) / (2.0 * PI * hop_s)) : 0.0f;
            row_of(amplitude, f)[j] = hypotf(a.real, a.imag) * scale.data[j];
            float refined = atom_hz.data[j] + offset_hz;
            row_of(frequency, f)[j] = refined >= 0.0f && refined <= highest_hz ? refined : atom_hz.data[j];
            before = a;
        }
        *home = before;
    }
}
