// The steps of solvers_kernel.py for the GPU: the same names and order of the arithmetic.

// By one thread.
__device__ void project_simplex(float *y, float total, int units) {
    int count = units + 1;
    bool first = true;
    double shift = 0.0;
    while (true) {
        int left = 0;
        double sum_left = 0.0;
        for (int i = 0; i < units; ++i) {
            if (first || y[i] > shift) {
                ++left;
                sum_left += y[i];
            }
        }
        if (left == count) break;
        count = left;
        shift = (sum_left - total) / left;
        first = false;
    }
    for (int i = 0; i < units; ++i) y[i] = fmaxf((float)(y[i] - shift), 0.0f);
}

// Simplices are shared between threads.
__device__ void projection_step(
    const float *drive, const float *Q, const float *lower, const float *upper, int block, float total, float step,
    float rate, float *x, float *y, int units
) {
    __syncthreads();
    EACH_UNIT(i) {
        float gradient = -drive[i];
        for (int j = 0; j < units; ++j) gradient += Q[(long long)i * units + j] * x[j];
        y[i] = x[i] - step * gradient;
        if (block == 0) y[i] = fminf(fmaxf(y[i], lower[i]), upper[i]);
    }
    __syncthreads();
    if (block > 0) {
        for (int n = threadIdx.x; n < units / block; n += blockDim.x) project_simplex(y + n * block, total, block);
        __syncthreads();
    }
    EACH_UNIT(i) x[i] += rate * (y[i] - x[i]);
}

__device__ double activation(double error, int kind, double power) {
    if (kind == LINEAR || error == 0.0) return error;
    double size = fabs(error);
    return copysign(0.5 * (pow(size, power) + pow(size, 1.0 / power)), error);
}

// Whether A allows it. Rows are shared between threads, and columns of the right side on the way back.
__device__ bool eliminate(double *A, double *right, int size, int columns) {
    __syncthreads();
    double largest = 0.0;
    for (int i = 0; i < size * size; ++i) largest = fmax(largest, fabs(A[i]));
    for (int p = 0; p < size; ++p) {
        int best = p;
        for (int i = p + 1; i < size; ++i) {
            if (fabs(A[i * size + p]) > fabs(A[best * size + p])) best = i;
        }
        if (!(fabs(A[best * size + p]) > SINGULAR * largest)) return false;
        __syncthreads();
        for (int j = threadIdx.x; j < size + columns; j += blockDim.x) {
            double *row = j < size ? A + p * size + j : right + p * columns + j - size;
            double *other = j < size ? A + best * size + j : right + best * columns + j - size, value = *row;
            *row = *other;
            *other = value;
        }
        __syncthreads();
        for (int i = p + 1 + threadIdx.x; i < size; i += blockDim.x) {
            double factor = A[i * size + p] / A[p * size + p];
            for (int j = p; j < size; ++j) A[i * size + j] -= factor * A[p * size + j];
            for (int k = 0; k < columns; ++k) right[i * columns + k] -= factor * right[p * columns + k];
        }
        __syncthreads();
    }
    for (int k = threadIdx.x; k < columns; k += blockDim.x) {
        for (int p = size - 1; p >= 0; --p) {
            double *value = right + p * columns + k;
            for (int j = p + 1; j < size; ++j) *value -= A[p * size + j] * right[j * columns + k];
            *value /= A[p * size + p];
        }
    }
    __syncthreads();
    return true;
}

__device__ void zeroing_step(
    const float *drive, int size, const float *gains, float *x, float *S, float *A_before, float *b_before,
    double *work, int units
) {
    float gamma = gains[0], kappa = gains[1], h = gains[2], power = gains[4];
    int kind = gains[3], columns = units / size, square = size * size;
    double *A = work, *right = work + square;
    __syncthreads();
    EACH_UNIT(n) {
        int i = n / columns, k = n % columns;
        double e = -(double)b_before[n];
        for (int j = 0; j < size; ++j) e += (double)A_before[i * size + j] * (double)x[j * columns + k];
        double fall = gamma * activation(e, kind, power) + kappa * S[n];
        right[n] = (double)drive[square + n] + e - h * fall;
        S[n] += (float)(h * e);
    }
    for (int n = threadIdx.x; n < square; n += blockDim.x) A[n] = drive[n];
    if (eliminate(A, right, size, columns)) {
        EACH_UNIT(n) x[n] = (float)right[n];
    }
    for (int n = threadIdx.x; n < square; n += blockDim.x) A_before[n] = drive[n];
    EACH_UNIT(n) b_before[n] = drive[square + n];
}
