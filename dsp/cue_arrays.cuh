// The kernels of cue_arrays.py for the GPU.

__device__ inline int row_of(int frame, long long lag, int rows) {
    int row = (frame - (int)lag) % rows;
    return row < 0 ? row + rows : row;
}

__device__ inline float clipped(float value, float most) { return fminf(fmaxf(value, -most), most); }
